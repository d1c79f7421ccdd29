//! Deals.

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
        deal::{DealPatchRequest, DealRequest, DealSummaryView, DealView},
        list::ListView,
        lookup::DealsQuery,
    },
};
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web::Data};
use postroom_domain::{access::Actor, custom_field::Entity, ids::DealId};
use postroom_store::{Deal, StoreError, StoredAnswer};
use serde_json::value::RawValue;

/// Deals
///
/// Those that the caller sees, the newest first: for team members those that they own, and those of contacts that they see. With `q` every role finds all deals of the
/// workspace, what fits best first. What stands here is enough to recognise one and to associate it to a contact; the whole
/// is at `/v1/deals/{id}`.
#[utoipa::path(
    tag = "Deals", operation_id = "list_deals", params(DealsQuery),
    responses((status = 200, description = "A page of deals.", body = ListView<DealSummaryView>)),
)]
#[get("/v1/deals")]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted = query.read::<DealsQuery>()?.look_up();
    let (wanted, scope) = placed(&state, &caller.actor, "/v1/deals", wanted)?;
    let found = state.store.deals(&caller.actor, &wanted).await?;
    page::<_, DealSummaryView>(&request, &state, &scope, found)
}

/// Make a deal
///
/// Only a name is needed: it is open then, and the caller's. Associate it with `PUT /v1/contacts/{id}/deals/{deal_id}`.
#[utoipa::path(
    tag = "Deals", operation_id = "create_deal", params(IdempotencyHeader), request_body = DealRequest,
    responses((status = 201, description = "The deal.", body = DealView)),
)]
#[post("/v1/deals")]
pub(crate) async fn create(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let read = body.read().await;
    let which = (Entity::Deal, None);
    let DealRequest { name, fields } = complete(read, (&state, &caller.actor), which, &body).await?;
    let claim = answer::claim(&request, &state, &body, &caller.actor)?;
    let outcome = state.store.create_deal(&caller.actor, &name, &fields, claim.as_ref(), made).await?;
    answer::outcome(&request, outcome, made, |as_kept: Box<RawValue>| as_kept).await
}

fn made(deal: &Deal) -> StoredAnswer {
    answer::made(format!("/v1/deals/{}", deal.id), deal.version, &DealView::from(deal.clone()))
}

/// One deal
///
/// Every standard and custom field. Team members see the deals that they own, and those of contacts that they see.
#[utoipa::path(
    tag = "Deals", operation_id = "get_deal",
    params(("id" = Uuid, Path, description = "The deal's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The deal.", body = DealView)),
)]
#[get("/v1/deals/{id}")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (version, view) = present(&state, &caller.actor, path_id(&request, "id")).await?;
    answer::resource(&request, version, &view)
}

/// Change a deal
///
/// Any field of it, custom fields by their keys. Every wrong field is named, and nothing is saved then. What a field has
/// already changes nothing.
#[utoipa::path(
    tag = "Deals", operation_id = "update_deal",
    params(("id" = Uuid, Path, description = "The deal's id."), IfMatchHeader),
    request_body = DealPatchRequest,
    responses((status = 200, description = "The deal as it is now.", body = DealView)),
)]
#[patch("/v1/deals/{id}")]
pub(crate) async fn update(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: DealId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let read = body.read::<DealPatchRequest>().await;
    let read = answer::judged(read, expected, present(&state, &caller.actor, id)).await;
    let which = (Entity::Deal, Some(id.0));
    let DealPatchRequest(patch) = complete(read, (&state, &caller.actor), which, &body).await?;
    match state.store.edit_deal(&caller.actor, id, expected.version(), &patch).await {
        Ok(deal) => answer::resource(&request, deal.version, &DealView::from(deal)),
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, &caller.actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// The deal as it is now, with its version.
async fn present(state: &State, actor: &Actor, id: DealId) -> Result<(i64, DealView), Problem> {
    let deal = state.store.deal(actor, id).await?;
    Ok((deal.version, deal.into()))
}
