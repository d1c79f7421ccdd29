//! The signed-in user.

use crate::{
    answer,
    body::Body,
    caller::Caller,
    etag::{self, Expected},
    headers::{IfMatchHeader, IfNoneMatchHeader},
    problem::Problem,
    server::State,
    shapes::auth::{MeRequest, MeView},
};
use actix_web::{HttpRequest, HttpResponse, get, patch, web::Data};
use postroom_domain::access::Actor;
use postroom_store::StoreError;

/// Who am I
///
/// The signed-in user with their settings, what their role allows, and their workspace.
#[utoipa::path(
    tag = "Me", operation_id = "get_me", params(IfNoneMatchHeader),
    responses((status = 200, description = "The user.", body = MeView)),
)]
#[get("/v1/me")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let view = present(&state, &caller.actor).await?;
    answer::resource(&request, view.version, &view)
}

/// Change my profile
///
/// Name, signature, whether new replies have it, time zone. What is left out stays.
#[utoipa::path(
    tag = "Me", operation_id = "update_me", params(IfMatchHeader), request_body = MeRequest,
    responses((status = 200, description = "The user as they are now.", body = MeView)),
)]
#[patch("/v1/me")]
pub(crate) async fn update(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let expected = Expected::of(request.headers());
    let current = async { present(&state, &caller.actor).await.map(|view| (view.version, view)) };
    let patch = answer::judged(body.read::<MeRequest>().await, expected, current).await?;
    let saved = state.store.update_me(&caller.actor, expected.version(), &patch.into()).await;
    match saved {
        Ok(me) => {
            let view = MeView::from(me);
            answer::resource(&request, view.version, &view)
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, &caller.actor).await?)),
        Err(error) => Err(error.into()),
    }
}

async fn present(state: &State, actor: &Actor) -> Result<MeView, Problem> {
    Ok(state.store.me(actor).await?.into())
}
