//! A contact's addresses: parts of the contact, whose version they count in.

use super::contacts::{changed, made, present};
use crate::{
    answer,
    body::{Body, path_id},
    caller::Caller,
    etag::Expected,
    headers::{IdempotencyHeader, IfMatchHeader},
    problem::Problem,
    server::State,
    shapes::{
        contact::ContactView,
        contact_request::{EmailPatchRequest, NewEmailRequest},
    },
};
use actix_web::{HttpRequest, HttpResponse, delete, patch, post, web::Data};
use postroom_domain::{
    access::Actor,
    ids::{ContactEmailId, ContactId},
};
use postroom_store::StoreError;
use serde_json::value::RawValue;

/// Add an address
///
/// A further address of the contact, or with `primary` the one that is written to first from now on. The answer is the
/// whole contact. An address that another contact has is refused as `taken`; `detail` names that contact where the caller
/// sees them.
#[utoipa::path(
    tag = "Contacts", operation_id = "add_contact_email",
    params(("id" = Uuid, Path, description = "The contact's id."), IdempotencyHeader),
    request_body = NewEmailRequest,
    responses((status = 201, description = "The contact with the address.", body = ContactView)),
)]
#[post("/v1/contacts/{id}/emails")]
pub(crate) async fn create(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id");
    let read = body.read::<NewEmailRequest>().await.and_then(|email| {
        let claim = answer::claim(&request, &state, &body, &caller.actor)?;
        Ok((email.into(), claim))
    });
    let present = present(&state, &caller.actor, id);
    let (email, claim) = answer::judged(read, Expected::Any, present).await?;
    let outcome = state.store.add_contact_email(&caller.actor, id, &email, claim.as_ref(), made).await?;
    answer::outcome(&request, outcome, made, |as_kept: Box<RawValue>| as_kept).await
}

/// Change an address
///
/// Another address in its place, or `primary: true`. The answer is the whole contact.
#[utoipa::path(
    tag = "Contacts", operation_id = "update_contact_email",
    params(
        ("id" = Uuid, Path, description = "The contact's id."),
        ("email_id" = Uuid, Path, description = "The id of one of their addresses."),
        IfMatchHeader,
    ),
    request_body = EmailPatchRequest,
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[patch("/v1/contacts/{id}/emails/{email_id}")]
pub(crate) async fn update(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (id, email) = (path_id(&request, "id"), path_id(&request, "email_id"));
    let expected = Expected::of(request.headers());
    let read = body.read::<EmailPatchRequest>().await;
    let patch = answer::judged(read, expected, having(&state, &caller.actor, id, email)).await?.into();
    let which = (id, expected.version());
    let saved = state.store.edit_contact_email(&caller.actor, which, email, &patch).await;
    changed(&request, &state, &caller.actor, id, saved).await
}

/// Remove an address
///
/// Not the primary one: make another one that first, so that mail never goes where nobody meant it to. The answer is the
/// whole contact.
#[utoipa::path(
    tag = "Contacts", operation_id = "remove_contact_email",
    params(
        ("id" = Uuid, Path, description = "The contact's id."),
        ("email_id" = Uuid, Path, description = "The id of one of their addresses."),
        IfMatchHeader,
    ),
    extensions(("x-problems" = json!(["primary_email"]))),
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[delete("/v1/contacts/{id}/emails/{email_id}")]
pub(crate) async fn remove(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (id, email) = (path_id(&request, "id"), path_id(&request, "email_id"));
    let expected = Expected::of(request.headers());
    answer::judged(body.nothing().await, expected, having(&state, &caller.actor, id, email)).await?;
    let which = (id, expected.version());
    let saved = state.store.remove_contact_email(&caller.actor, which, email).await;
    changed(&request, &state, &caller.actor, id, saved).await
}

/// The contact as it is now, where they have this address.
async fn having(
    state: &State,
    actor: &Actor,
    id: ContactId,
    email: ContactEmailId,
) -> Result<(i64, ContactView), Problem> {
    let (version, contact) = present(state, actor, id).await?;
    match contact.emails.iter().any(|one| one.id == email) {
        true => Ok((version, contact)),
        false => Err(StoreError::NotFound.into()),
    }
}
