//! A contact's company and deals. What is so already changes nothing, so that each can be asked for twice.

use super::contacts::{changed, present};
use crate::{
    answer,
    body::{Body, path_id},
    caller::Caller,
    etag::Expected,
    headers::IfMatchHeader,
    problem::Problem,
    server::State,
    shapes::{contact::ContactView, contact_request::ContactCompanyRequest},
};
use actix_web::{HttpRequest, HttpResponse, delete, put, web::Data};
use postroom_domain::ids::DealId;

/// Set the company
///
/// Any company of the workspace, in place of the one that the contact has. The answer is the whole contact.
#[utoipa::path(
    tag = "Contacts", operation_id = "set_contact_company",
    params(("id" = Uuid, Path, description = "The contact's id."), IfMatchHeader),
    request_body = ContactCompanyRequest,
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[put("/v1/contacts/{id}/company")]
pub(crate) async fn set_company(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let read = body.read::<ContactCompanyRequest>().await;
    let company = answer::judged(read, expected, present(&state, &caller.actor, id)).await?.company_id;
    let which = (id, expected.version());
    let saved = state.store.set_contact_company(&caller.actor, which, Some(company)).await;
    changed(&request, &state, &caller.actor, id, saved).await
}

/// Remove the company
///
/// The contact belongs to none from then on; the company stays. The answer is the whole contact.
#[utoipa::path(
    tag = "Contacts", operation_id = "remove_contact_company",
    params(("id" = Uuid, Path, description = "The contact's id."), IfMatchHeader),
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[delete("/v1/contacts/{id}/company")]
pub(crate) async fn remove_company(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    answer::judged(body.nothing().await, expected, present(&state, &caller.actor, id)).await?;
    let saved = state.store.set_contact_company(&caller.actor, (id, expected.version()), None).await;
    changed(&request, &state, &caller.actor, id, saved).await
}

/// Associate a deal
///
/// Any deal of the workspace. The answer is the whole contact.
#[utoipa::path(
    tag = "Contacts", operation_id = "add_contact_deal",
    params(
        ("id" = Uuid, Path, description = "The contact's id."),
        ("deal_id" = Uuid, Path, description = "The deal's id."),
        IfMatchHeader,
    ),
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[put("/v1/contacts/{id}/deals/{deal_id}")]
pub(crate) async fn add_deal(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (id, deal) = (path_id(&request, "id"), path_id::<DealId>(&request, "deal_id"));
    let expected = Expected::of(request.headers());
    let present = async {
        state.store.deal_exists(&caller.actor, deal).await?;
        present(&state, &caller.actor, id).await
    };
    answer::judged(body.nothing().await, expected, present).await?;
    let saved = state.store.add_contact_deal(&caller.actor, (id, expected.version()), deal).await;
    changed(&request, &state, &caller.actor, id, saved).await
}

/// Take a deal off
///
/// The contact has no part in it from then on; the deal stays. The answer is the whole contact.
#[utoipa::path(
    tag = "Contacts", operation_id = "remove_contact_deal",
    params(
        ("id" = Uuid, Path, description = "The contact's id."),
        ("deal_id" = Uuid, Path, description = "The deal's id."),
        IfMatchHeader,
    ),
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[delete("/v1/contacts/{id}/deals/{deal_id}")]
pub(crate) async fn remove_deal(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (id, deal) = (path_id(&request, "id"), path_id::<DealId>(&request, "deal_id"));
    let expected = Expected::of(request.headers());
    answer::judged(body.nothing().await, expected, present(&state, &caller.actor, id)).await?;
    let saved = state.store.remove_contact_deal(&caller.actor, (id, expected.version()), deal).await;
    changed(&request, &state, &caller.actor, id, saved).await
}
