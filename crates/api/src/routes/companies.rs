//! Companies.

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
        company::{CompanyPatchRequest, CompanyRequest, CompanySummaryView, CompanyView},
        list::ListView,
        lookup::CompaniesQuery,
    },
};
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web::Data};
use postroom_domain::{access::Actor, custom_field::Entity, ids::CompanyId};
use postroom_store::{Company, StoreError, StoredAnswer};
use serde_json::value::RawValue;

/// Companies
///
/// Those that the caller sees, the newest first: for team members those that they made, and those of contacts that they see. With `q` every role finds all companies of the
/// workspace, what fits best first. What stands here is enough to recognise one and to associate it to a contact; the whole
/// is at `/v1/companies/{id}`.
#[utoipa::path(
    tag = "Companies", operation_id = "list_companies", params(CompaniesQuery),
    responses((status = 200, description = "A page of companies.", body = ListView<CompanySummaryView>)),
)]
#[get("/v1/companies")]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted = query.read::<CompaniesQuery>()?.look_up();
    let (wanted, scope) = placed(&state, &caller.actor, "/v1/companies", wanted)?;
    let found = state.store.companies(&caller.actor, &wanted).await?;
    page::<_, CompanySummaryView>(&request, &state, &scope, found)
}

/// Make a company
///
/// Only a name is needed. Who makes it sees it; associate it with `PUT /v1/contacts/{id}/company`.
#[utoipa::path(
    tag = "Companies", operation_id = "create_company", params(IdempotencyHeader), request_body = CompanyRequest,
    responses((status = 201, description = "The company.", body = CompanyView)),
)]
#[post("/v1/companies")]
pub(crate) async fn create(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let read = body.read().await;
    let which = (Entity::Company, None);
    let CompanyRequest { name, fields } = complete(read, (&state, &caller.actor), which, &body).await?;
    let claim = answer::claim(&request, &state, &body, &caller.actor)?;
    let outcome = state.store.create_company(&caller.actor, &name, &fields, claim.as_ref(), made).await?;
    answer::outcome(&request, outcome, made, |as_kept: Box<RawValue>| as_kept).await
}

fn made(company: &Company) -> StoredAnswer {
    answer::made(
        format!("/v1/companies/{}", company.id),
        company.version,
        &CompanyView::from(company.clone()),
    )
}

/// One company
///
/// Every standard and custom field. Team members see the companies that they made, and those of contacts that they see.
#[utoipa::path(
    tag = "Companies", operation_id = "get_company",
    params(("id" = Uuid, Path, description = "The company's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The company.", body = CompanyView)),
)]
#[get("/v1/companies/{id}")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (version, view) = present(&state, &caller.actor, path_id(&request, "id")).await?;
    answer::resource(&request, version, &view)
}

/// Change a company
///
/// Any field of it, custom fields by their keys. Every wrong field is named, and nothing is saved then. What a field has
/// already changes nothing.
#[utoipa::path(
    tag = "Companies", operation_id = "update_company",
    params(("id" = Uuid, Path, description = "The company's id."), IfMatchHeader),
    request_body = CompanyPatchRequest,
    responses((status = 200, description = "The company as it is now.", body = CompanyView)),
)]
#[patch("/v1/companies/{id}")]
pub(crate) async fn update(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: CompanyId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let read = body.read::<CompanyPatchRequest>().await;
    let read = answer::judged(read, expected, present(&state, &caller.actor, id)).await;
    let which = (Entity::Company, Some(id.0));
    let CompanyPatchRequest(patch) = complete(read, (&state, &caller.actor), which, &body).await?;
    match state.store.edit_company(&caller.actor, id, expected.version(), &patch).await {
        Ok(company) => answer::resource(&request, company.version, &CompanyView::from(company)),
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, &caller.actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// The company as it is now, with its version.
async fn present(state: &State, actor: &Actor, id: CompanyId) -> Result<(i64, CompanyView), Problem> {
    let company = state.store.company(actor, id).await?;
    Ok((company.version, company.into()))
}
