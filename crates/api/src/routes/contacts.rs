//! The sidebar: contacts.

use super::{
    faults::complete,
    lookups::{page, placed},
};
use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::Caller,
    etag::{self, Expected},
    headers::{IdempotencyHeader, IfMatchHeader, IfNoneMatchHeader},
    problem::Problem,
    server::State,
    shapes::{
        contact::{ContactSummaryView, ContactView},
        contact_request::{ContactPatchRequest, ContactRequest},
        list::ListView,
        lookup::ContactsQuery,
    },
};
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web::Data};
use postroom_domain::{access::Actor, custom_field::Entity, ids::ContactId};
use postroom_store::{Contact, StoreError, StoredAnswer};
use serde_json::value::RawValue;

/// Contacts
///
/// Those that the caller sees: the newest first, or, with `q`, what fits best. Team members see the contacts that they
/// own, and those that take part in a conversation that they own.
#[utoipa::path(
    tag = "Contacts", operation_id = "list_contacts", params(ContactsQuery),
    responses((status = 200, description = "A page of contacts.", body = ListView<ContactSummaryView>)),
)]
#[get("/v1/contacts")]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted = query.read::<ContactsQuery>()?.look_up();
    let (wanted, scope) = placed(&state, &caller.actor, "/v1/contacts", wanted)?;
    let found = state.store.contacts(&caller.actor, &wanted).await?;
    page::<_, ContactSummaryView>(&request, &state, &scope, found)
}

/// Make a contact
///
/// Somebody outside, known by an address at least. Contacts are also made by mail, when a conversation begins. An address
/// that another contact has is refused as `taken`; `detail` names that contact where the caller sees them.
#[utoipa::path(
    tag = "Contacts", operation_id = "create_contact", params(IdempotencyHeader), request_body = ContactRequest,
    responses((status = 201, description = "The contact.", body = ContactView)),
)]
#[post("/v1/contacts")]
pub(crate) async fn create(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let read = body.read().await;
    let which = (Entity::Contact, None);
    let ContactRequest { emails, fields } = complete(read, (&state, &caller.actor), which, &body).await?;
    let claim = answer::claim(&request, &state, &body, &caller.actor)?;
    let outcome = state.store.create_contact(&caller.actor, &emails, &fields, claim.as_ref(), made).await?;
    answer::outcome(&request, outcome, made, |as_kept: Box<RawValue>| as_kept).await
}

/// A contact as it was made, or given something further.
pub(super) fn made(contact: &Contact) -> StoredAnswer {
    let view = ContactView::from(contact.clone());
    answer::made(format!("/v1/contacts/{}", contact.id), contact.version, &view)
}

/// One contact
///
/// All that the sidebar shows: every standard and custom field, company, deals, owner. Team members see the contacts
/// that they own, and those that take part in a conversation that they own.
#[utoipa::path(
    tag = "Contacts", operation_id = "get_contact",
    params(("id" = Uuid, Path, description = "The contact's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The contact.", body = ContactView)),
)]
#[get("/v1/contacts/{id}")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (version, view) = present(&state, &caller.actor, path_id(&request, "id")).await?;
    answer::resource(&request, version, &view)
}

/// Change a contact
///
/// Any field of theirs, their owner, custom fields by their keys. Every wrong field is named, and nothing is saved then.
/// What a field has already changes nothing. The answer is the whole contact, also when this very change takes them out
/// of the caller's sight.
#[utoipa::path(
    tag = "Contacts", operation_id = "update_contact",
    params(("id" = Uuid, Path, description = "The contact's id."), IfMatchHeader),
    request_body = ContactPatchRequest,
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[patch("/v1/contacts/{id}")]
pub(crate) async fn update(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: ContactId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let read = body.read::<ContactPatchRequest>().await;
    let read = answer::judged(read, expected, present(&state, &caller.actor, id)).await;
    let which = (Entity::Contact, Some(id.0));
    let ContactPatchRequest(patch) = complete(read, (&state, &caller.actor), which, &body).await?;
    let saved = state.store.edit_contact(&caller.actor, id, expected.version(), &patch).await;
    changed(&request, &state, &caller.actor, id, saved).await
}

/// The contact as it is now, with its version.
pub(super) async fn present(
    state: &State,
    actor: &Actor,
    id: ContactId,
) -> Result<(i64, ContactView), Problem> {
    let contact = state.store.contact(actor, id).await?;
    Ok((contact.version, contact.into()))
}

/// The contact after a change; where somebody was faster, 412 with what it is.
pub(super) async fn changed(
    request: &HttpRequest,
    state: &State,
    actor: &Actor,
    id: ContactId,
    saved: Result<Contact, StoreError>,
) -> Result<HttpResponse, Problem> {
    match saved {
        Ok(contact) => answer::resource(request, contact.version, &ContactView::from(contact)),
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(state, actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}
