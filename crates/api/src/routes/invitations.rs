//! Joining a workspace by the link of an invitation.

use super::auth::{self, REFRESH, SESSION};
use crate::{
    body::Body,
    limits::client_address,
    password,
    problem::Problem,
    server::State,
    shapes::{
        auth::TokensView,
        invitation::{AcceptRequest, InvitationView},
    },
    tokens,
};
use actix_web::{HttpRequest, HttpResponse, get, post, web::Data};
use chrono::Utc;
use postroom_store::{Acceptance, StoreError};
use secrecy::{ExposeSecret as _, SecretString};

/// An invitation
///
/// What the page at the link shows before it is accepted. Unknown, used, void and expired are not told apart.
#[utoipa::path(
    tag = "Sign-in", operation_id = "get_invitation", security(()),
    params(("token" = String, Path, description = "The last part of the link.")),
    extensions(("x-problems" = json!(["not_found"]))),
    responses((status = 200, description = "The invitation.", body = InvitationView)),
)]
#[get("/v1/auth/invitations/{token}")]
pub(crate) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let token = token_of(&request, &state)?;
    let invitation = state.store.invitation(&token).await.map_err(void)?;
    Ok(HttpResponse::Ok().json(InvitationView::from(invitation)))
}

/// Accept an invitation
///
/// Once: the user is active, has this password, and is signed in, with the answer of `POST /v1/auth/login`.
#[utoipa::path(
    tag = "Sign-in", operation_id = "accept_invitation", security(()),
    params(("token" = String, Path, description = "The last part of the link.")), request_body = AcceptRequest,
    extensions(("x-problems" = json!(["not_found"]))),
    responses((status = 200, description = "Signed in.", body = TokensView)),
)]
#[post("/v1/auth/invitations/{token}/accept")]
pub(crate) async fn accept(
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let token = token_of(&request, &state)?;
    // Before the password's costly hash, and before the body is judged.
    state.store.invitation(&token).await.map_err(void)?;
    let accepted: AcceptRequest = body.read().await?;
    let now = Utc::now();
    let (refresh_token, refresh_digest) = tokens::new_refresh_token();
    let acceptance = Acceptance {
        name: accepted.name,
        password_hash: password::hash(accepted.password).await.map_err(auth::no_hash)?,
        refresh_in: accepted.refresh.into(),
        refresh_digest,
        expires_at: now + SESSION,
        refresh_expires_at: now + REFRESH,
    };
    let begun = state.store.accept_invitation(&token, &acceptance).await.map_err(void)?;
    auth::signed_in(&state, begun, acceptance.refresh_in, &refresh_token, now).await
}

/// The link's token. Trying them out is slowed down as sign-in is.
pub(super) fn token_of(request: &HttpRequest, state: &State) -> Result<SecretString, Problem> {
    let token = SecretString::from(request.match_info().get("token").unwrap_or_default());
    state.limits.sign_in(client_address(request, state.settings.trusted_proxies), token.expose_secret())?;
    Ok(token)
}

/// The same words for every link that is not good.
pub(super) fn void(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound => Problem::not_found()
            .detail("The link is not good: unknown, used, replaced by a newer one, or expired."),
        other => other.into(),
    }
}
