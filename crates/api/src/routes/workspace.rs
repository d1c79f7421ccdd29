//! The workspace, and the wish for its paid feature.

use crate::{
    answer,
    body::{Body, Parameters},
    caller::Caller,
    cursor::{self, Scope},
    etag::{self, Expected},
    headers::{IdempotencyHeader, IfMatchHeader, IfNoneMatchHeader},
    problem::Problem,
    refusal::REQUEST_ACCESS,
    server::State,
    shapes::{
        list::{ListView, PageQuery},
        workspace::{FeatureRequestRequest, FeatureRequestView, WorkspaceRequest, WorkspaceView},
    },
};
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web::Data};
use postroom_domain::access::Permission;
use postroom_store::{FeatureRequest, StoreError, StoredAnswer};
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

/// Change the workspace
///
/// Its name, what makes a thread a conversation, how long a reply may be taken back. For owner and administrators.
#[utoipa::path(
    tag = "Workspace", operation_id = "update_workspace", params(IfMatchHeader), request_body = WorkspaceRequest,
    extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 200, description = "The workspace as it is now.", body = WorkspaceView)),
)]
#[patch("/v1/workspace")]
pub(crate) async fn update(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    caller.actor.require(Permission::ManageWorkspace)?;
    let expected = Expected::of(request.headers());
    let present = async || {
        let view = WorkspaceView::from(state.store.workspace(&caller.actor).await?);
        Ok((view.version, view))
    };
    let patch = answer::judged(body.read::<WorkspaceRequest>().await, expected, present()).await?;
    match state.store.update_workspace(&caller.actor, expected.version(), &patch.into()).await {
        Ok(workspace) => {
            let view = WorkspaceView::from(workspace);
            answer::resource(&request, view.version, &view)
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&present().await?.1)),
        Err(error) => Err(error.into()),
    }
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
    answer::outcome(&request, outcome, wished, |as_kept: Box<RawValue>| as_kept).await
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
