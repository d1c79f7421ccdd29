//! API keys: what programs come with instead of signing in.

use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::Caller,
    cursor::{self, Scope},
    etag::{self, Expected},
    headers::{IfMatchHeader, IfNoneMatchHeader},
    key_tokens::{NewKeyToken, new_key_token},
    problem::{FieldCode, Problem},
    server::State,
    shapes::{
        api_key::{ApiKeyRequest, ApiKeyView, ApiKeysQuery, NewApiKeyView},
        list::ListView,
    },
};
use actix_web::{HttpRequest, HttpResponse, delete, get, http::header, post, web::Data};
use chrono::Utc;
use postroom_domain::{access::Actor, ids::ApiKeyId};
use postroom_store::{ApiKeyQuery, NewApiKey, StoreError};

/// Make an API key
///
/// One of the caller's own: it acts as them, within its scope, until it is revoked or expires, or they are deactivated. The
/// answer is the only one that shows its token. It takes no `Idempotency-Key`, since the token would have to be kept for
/// it: where the answer was lost, revoke the key and make another. With an API key this takes the scope `admin`, and the
/// new key ends with that one at the latest.
#[utoipa::path(
    tag = "API keys", operation_id = "create_api_key", request_body = ApiKeyRequest,
    responses((status = 201, description = "The key, with its token.", body = NewApiKeyView)),
)]
#[post("/v1/api-keys")]
pub(crate) async fn create(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    caller.actor.require_whole_scope()?;
    let asked: ApiKeyRequest = body.read().await?;
    if asked.expires_at.is_some_and(|end| end <= Utc::now()) {
        return Err(Problem::field("/expires_at", FieldCode::OutOfRange, "This is over already."));
    }
    let made = new_key_token(caller.actor.workspace_id);
    let token = made.shown();
    let NewKeyToken { digest, hint, .. } = made;
    let new =
        NewApiKey { name: asked.name, scope: asked.scope.into(), expires_at: asked.expires_at, digest, hint };
    let key = ApiKeyView::from(state.store.create_api_key(&caller.actor, caller.credential, &new).await?);
    let mut builder = HttpResponse::Created();
    builder.insert_header((header::LOCATION, format!("/v1/api-keys/{}", key.id)));
    Ok(answer::for_caller(&request, &mut builder, &NewApiKeyView { key, token }))
}

/// API keys
///
/// The caller's, the newest first; administrators see everybody's. Keys that have expired are there until they are
/// revoked.
#[utoipa::path(
    tag = "API keys", operation_id = "list_api_keys", params(ApiKeysQuery),
    responses((status = 200, description = "A page of keys.", body = ListView<ApiKeyView>)),
)]
#[get("/v1/api-keys")]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted: ApiKeysQuery = query.read()?;
    let user = wanted.user_id.map(|user| user.to_string()).unwrap_or_default();
    let scope = Scope::of("/v1/api-keys").with(caller.actor.user_id.0.as_bytes()).with(user);
    let after: Option<ApiKeyId> =
        wanted.cursor.as_deref().map(|cursor| cursor::open(&state.cursor_key, &scope, cursor)).transpose()?;
    let query = ApiKeyQuery { user: wanted.user_id, after, limit: wanted.limit };
    let found = state.store.api_keys(&caller.actor, &query).await?;
    let next = match found.items.last().filter(|_| found.more) {
        Some(last) => Some(cursor::seal(&state.cursor_key, &scope, &last.id)?),
        None => None,
    };
    let keys = found.items.into_iter().map(ApiKeyView::from).collect();
    Ok(answer::list(&request, &state, keys, next))
}

/// One API key
///
/// The caller's own, or anybody's for administrators.
#[utoipa::path(
    tag = "API keys", operation_id = "get_api_key",
    params(("id" = Uuid, Path, description = "The key's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The key.", body = ApiKeyView)),
)]
#[get("/v1/api-keys/{id}")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (version, view) = present(&state, &caller.actor, path_id(&request, "id")).await?;
    answer::resource(&request, version, &view)
}

/// Revoke an API key
///
/// The caller's own, or anybody's for administrators. No request with it is answered from now on, and a stream that it
/// follows ends. With an API key this takes the scope `admin`.
#[utoipa::path(
    tag = "API keys", operation_id = "revoke_api_key",
    params(("id" = Uuid, Path, description = "The key's id."), IfMatchHeader),
    responses((status = 204, description = "It is worth nothing any more.")),
)]
#[delete("/v1/api-keys/{id}")]
pub(crate) async fn revoke(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (actor, id) = (&caller.actor, path_id(&request, "id"));
    let expected = Expected::of(request.headers());
    let current = async {
        let present = present(&state, actor, id).await?;
        actor.require_whole_scope()?;
        Ok(present)
    };
    answer::judged(body.nothing().await, expected, current).await?;
    match state.store.revoke_api_key(actor, id, expected.version()).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// The key as it is now, with its version.
async fn present(state: &State, actor: &Actor, id: ApiKeyId) -> Result<(i64, ApiKeyView), Problem> {
    let view = ApiKeyView::from(state.store.api_key(actor, id).await?);
    Ok((view.version, view))
}
