//! The definitions of custom fields (SDB-6).

use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::Caller,
    cursor::{self, Scope},
    etag::{self, Expected},
    headers::{IdempotencyHeader, IfMatchHeader, IfNoneMatchHeader},
    problem::Problem,
    server::State,
    shapes::{
        defined_field::{CustomFieldPatchRequest, CustomFieldRequest, CustomFieldView, CustomFieldsQuery},
        list::ListView,
    },
};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use postroom_domain::{
    access::{Actor, Permission},
    custom_field::Entity,
    ids::CustomFieldId,
};
use postroom_store::{DefinedField, StoreError, StoredAnswer};
use serde_json::value::RawValue;

/// Define a custom field
///
/// For contacts, companies or deals. All of them have it from then on, empty. A key that was removed and is defined anew
/// is another field: old values don't come back. For owner and administrators.
#[utoipa::path(
    tag = "Custom fields", operation_id = "create_custom_field", params(IdempotencyHeader),
    request_body = CustomFieldRequest, extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 201, description = "The definition.", body = CustomFieldView)),
)]
#[post("/v1/custom-fields")]
pub(crate) async fn create(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    caller.actor.require(Permission::ManageCustomFields)?;
    let (new, position) = body.read::<CustomFieldRequest>().await?.into_new();
    let claim = answer::claim(&request, &state, &body, &caller.actor)?;
    let outcome = state.store.define_field(&caller.actor, &new, position, claim.as_ref(), made).await?;
    answer::outcome(&request, outcome, made, |as_kept: Box<RawValue>| as_kept).await
}

fn made(field: &DefinedField) -> StoredAnswer {
    let view = CustomFieldView::from(field.clone());
    answer::made(format!("/v1/custom-fields/{}", view.id), view.version, &view)
}

/// Custom fields
///
/// The definitions, for every role: those for companies, for contacts, and for deals, each in their set order.
#[utoipa::path(
    tag = "Custom fields", operation_id = "list_custom_fields", params(CustomFieldsQuery),
    responses((status = 200, description = "A page of definitions.", body = ListView<CustomFieldView>)),
)]
#[get("/v1/custom-fields")]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted: CustomFieldsQuery = query.read()?;
    let scope = Scope::of("/v1/custom-fields")
        .with(caller.actor.user_id.0.as_bytes())
        .with(wanted.entity.map(Entity::as_str).unwrap_or_default());
    let after: Option<(String, u16, CustomFieldId)> =
        wanted.cursor.as_deref().map(|cursor| cursor::open(&state.cursor_key, &scope, cursor)).transpose()?;
    let after = after.and_then(|(entity, position, id)| Some((Entity::from_name(&entity)?, position, id)));
    let found =
        state.store.defined_fields(&caller.actor, wanted.entity, after.as_ref(), wanted.limit).await?;
    let next = match found.items.last().filter(|_| found.more) {
        Some(DefinedField { definition, position, .. }) => {
            let last = (definition.entity.as_str(), position, definition.id);
            Some(cursor::seal(&state.cursor_key, &scope, &last)?)
        }
        None => None,
    };
    let fields = found.items.into_iter().map(CustomFieldView::from).collect();
    Ok(answer::list(&request, &state, fields, next))
}

/// One custom field
///
/// Its definition, for every role.
#[utoipa::path(
    tag = "Custom fields", operation_id = "get_custom_field",
    params(("id" = Uuid, Path, description = "The definition's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The definition.", body = CustomFieldView)),
)]
#[get("/v1/custom-fields/{id}")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let view =
        CustomFieldView::from(state.store.defined_field(&caller.actor, path_id(&request, "id")).await?);
    answer::resource(&request, view.version, &view)
}

/// Change a custom field
///
/// Label, options, whether it is required, and its place. Entity, key and type never change. For owner and administrators.
#[utoipa::path(
    tag = "Custom fields", operation_id = "update_custom_field",
    params(("id" = Uuid, Path, description = "The definition's id."), IfMatchHeader),
    request_body = CustomFieldPatchRequest, extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 200, description = "The definition as it is now.", body = CustomFieldView)),
)]
#[patch("/v1/custom-fields/{id}")]
pub(crate) async fn update(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (actor, id) = (&caller.actor, path_id(&request, "id"));
    let expected = Expected::of(request.headers());
    let read = body.read::<CustomFieldPatchRequest>().await;
    let patch = answer::judged(read, expected, present(&state, actor, id)).await?.into();
    match state.store.change_defined_field(actor, id, expected.version(), &patch).await {
        Ok(field) => {
            let view = CustomFieldView::from(field);
            answer::resource(&request, view.version, &view)
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// Remove a custom field
///
/// It is not shown any more. The values that things have are kept, but don't come back by defining its key anew. For owner
/// and administrators.
#[utoipa::path(
    tag = "Custom fields", operation_id = "remove_custom_field",
    params(("id" = Uuid, Path, description = "The definition's id."), IfMatchHeader),
    extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 204, description = "It is removed.")),
)]
#[delete("/v1/custom-fields/{id}")]
pub(crate) async fn remove(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (actor, id) = (&caller.actor, path_id(&request, "id"));
    let expected = Expected::of(request.headers());
    answer::judged(body.nothing().await, expected, present(&state, actor, id)).await?;
    match state.store.remove_defined_field(actor, id, expected.version()).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// The definition as it is now, with its version, for one who may change it.
async fn present(state: &State, actor: &Actor, id: CustomFieldId) -> Result<(i64, CustomFieldView), Problem> {
    let view = CustomFieldView::from(state.store.defined_field(actor, id).await?);
    actor.require(Permission::ManageCustomFields)?;
    Ok((view.version, view))
}
