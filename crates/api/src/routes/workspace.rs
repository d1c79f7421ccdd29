//! The workspace, the wish for its paid feature, and its users.

use crate::{
    answer,
    body::{Body, Parameters},
    caller::Caller,
    cursor::{self, Scope},
    headers::{IdempotencyHeader, IfNoneMatchHeader},
    problem::Problem,
    refusal::REQUEST_ACCESS,
    server::State,
    shapes::{
        list::{ListView, PageQuery},
        workspace::{FeatureRequestRequest, FeatureRequestView, UserView, WorkspaceView},
    },
};
use actix_web::{HttpRequest, HttpResponse, get, post, web::Data};
use postroom_domain::ids::UserId;
use postroom_store::{FeatureRequest, StoredAnswer};
use serde_json::value::RawValue;

/// The workspace
///
/// Its name, settings and paid features.
#[utoipa::path(
    tag = "Workspace", operation_id = "get_workspace", params(IfNoneMatchHeader),
    responses((status = 200, description = "The workspace.", body = WorkspaceView)),
)]
#[get("/v1/workspace")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let view = WorkspaceView::from(state.store.workspace(&caller.actor).await?);
    answer::resource(&request, view.version, &view)
}

/// Ask for a paid feature
///
/// Any user may ask; the operator enables it. Asking again changes nothing: the first wish stays, with who asked and
/// when.
#[utoipa::path(
    tag = "Workspace", operation_id = "request_feature", params(IdempotencyHeader),
    request_body = FeatureRequestRequest,
    responses((status = 201, description = "The wish as it stands.", body = FeatureRequestView)),
)]
#[post("/v1/workspace/feature-requests")]
pub(crate) async fn request_feature(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let wish: FeatureRequestRequest = body.read().await?;
    let claim = answer::claim(&request, &state, &body, &caller.actor)?;
    let note = wish.message.as_deref();
    let outcome = state.store.request_feature(&caller.actor, note, claim.as_ref(), wished).await?;
    answer::outcome(outcome, wished, |as_kept: Box<RawValue>| as_kept).await
}

fn wished(request: &FeatureRequest) -> StoredAnswer {
    // A workspace has one wish, which is never edited.
    answer::made(REQUEST_ACCESS.to_owned(), 1, &FeatureRequestView::from(request.clone()))
}

/// Wishes for paid features
///
/// What was asked for, by whom and when, and how it stands.
#[utoipa::path(
    tag = "Workspace", operation_id = "list_feature_requests", params(PageQuery),
    responses((status = 200, description = "The wishes.", body = ListView<FeatureRequestView>)),
)]
#[get("/v1/workspace/feature-requests")]
pub(crate) async fn feature_requests(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let page: PageQuery = query.read()?;
    if let Some(cursor) = &page.cursor {
        // One feature can be asked for: the list has one page, and no cursor of its own.
        let scope = Scope::of("/v1/workspace/feature-requests").with(caller.actor.user_id.0.as_bytes());
        cursor::open::<()>(&state.cursor_key, &scope, cursor)?;
    }
    let wish = state.store.feature_request(&caller.actor).await?;
    let asked: Vec<_> = wish.asked.is_some().then(|| FeatureRequestView::from(wish)).into_iter().collect();
    Ok(answer::list(&request, &state, asked, None))
}

/// Users
///
/// The active users of the workspace by name, for every role: to choose an owner from.
#[utoipa::path(
    tag = "Users", operation_id = "list_users", params(PageQuery),
    responses((status = 200, description = "A page of users.", body = ListView<UserView>)),
)]
#[get("/v1/users")]
pub(crate) async fn users(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let page: PageQuery = query.read()?;
    let scope = Scope::of("/v1/users").with(caller.actor.user_id.0.as_bytes());
    let after: Option<(String, UserId)> =
        page.cursor.as_deref().map(|cursor| cursor::open(&state.cursor_key, &scope, cursor)).transpose()?;
    let found = state.store.users(&caller.actor, after.as_ref(), page.limit).await?;
    let next = match found.items.last().filter(|_| found.more) {
        Some(last) => Some(cursor::seal(&state.cursor_key, &scope, &(&last.name, last.id))?),
        None => None,
    };
    let users = found.items.into_iter().map(UserView::from).collect();
    Ok(answer::list(&request, &state, users, next))
}
