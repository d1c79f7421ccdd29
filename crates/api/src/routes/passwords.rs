//! Passwords: another one, and a new one for who has forgotten theirs.

use super::{
    auth,
    invitations::{token_of, void},
    users::require_mail,
};
use crate::{
    body::Body,
    caller::Caller,
    limits::client_address,
    password,
    problem::{FieldCode, Problem},
    server::State,
    shapes::password::{NewPasswordRequest, PasswordRequest, ResetRequest},
};
use actix_web::{HttpRequest, HttpResponse, post, put, web::Data};
use postroom_store::{PasswordChange, StoreError};

/// Change my password
///
/// Takes the present one. This session goes on; all others end.
#[utoipa::path(
    tag = "Me", operation_id = "change_password", security(("access_token" = [])), request_body = PasswordRequest,
    extensions(("x-problems" = json!(["api_key_not_allowed", "scope_not_allowed"]))),
    responses((status = 204, description = "It is changed.")),
)]
#[put("/v1/me/password")]
pub(crate) async fn change(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let session = caller.session()?;
    let change: PasswordRequest = body.read().await?;
    // Who has found an open page must not try out passwords there.
    let address = client_address(&request, state.settings.trusted_proxies);
    state.limits.sign_in(address, &caller.actor.user_id.to_string())?;
    let present = state.store.password_hash(&caller.actor).await?;
    let right = password::verify(change.current_password, present.clone()).await.map_err(auth::no_hash)?;
    let Some(from) = present.filter(|_| right) else {
        return Err(wrong_password());
    };
    let to = password::hash(change.new_password).await.map_err(auth::no_hash)?;
    let change = PasswordChange { from: &from, to: &to, session: Some(session) };
    if state.store.change_password(&caller.actor, change).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(wrong_password())
    }
}

fn wrong_password() -> Problem {
    Problem::field(
        "/current_password".to_owned(),
        FieldCode::InvalidValue,
        "This is not your present password.",
    )
}

/// Ask for a new password
///
/// Whoever has an account with this address gets a mail with a link to the page, good for an hour. The answer is the same,
/// after the same time, whether or not there is one.
#[utoipa::path(
    tag = "Sign-in", operation_id = "request_password_reset", security(()), request_body = ResetRequest,
    extensions(("x-problems" = json!(["mail_not_configured"]))),
    responses((status = 202, description = "If there is such an account, a mail is on its way.")),
)]
#[post("/v1/auth/password-reset")]
pub(crate) async fn request_reset(
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let asked: ResetRequest = body.read().await?;
    require_mail(&state)?;
    let address = client_address(&request, state.settings.trusted_proxies);
    state.limits.sign_in(address, asked.email.as_str())?;
    state.store.request_password_reset(&asked.email, asked.workspace.as_deref()).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Choose a new password
///
/// With the token of the link, once. All sessions of the user end; they sign in with the new password then.
#[utoipa::path(
    tag = "Sign-in", operation_id = "reset_password", security(()),
    params(("token" = String, Path, description = "The last part of the link.")), request_body = NewPasswordRequest,
    extensions(("x-problems" = json!(["not_found"]))),
    responses((status = 204, description = "The password is the new one.")),
)]
#[post("/v1/auth/password-reset/{token}")]
pub(crate) async fn reset(
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let token = token_of(&request, &state)?;
    // Before the password's costly hash, and before the body is judged.
    if !state.store.password_reset_is_open(&token).await? {
        return Err(void(StoreError::NotFound));
    }
    let new: NewPasswordRequest = body.read().await?;
    let hash = password::hash(new.password).await.map_err(auth::no_hash)?;
    state.store.reset_password(&token, &hash).await.map_err(void)?;
    Ok(HttpResponse::NoContent().finish())
}
