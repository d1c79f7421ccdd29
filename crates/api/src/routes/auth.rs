//! Sign-in, refresh, sign-out.

use crate::{
    answer,
    body::Body,
    caller,
    limits::client_address,
    links::Links,
    password::{self, PasswordError},
    problem::{Code, Problem},
    server::State,
    shapes::auth::{LoginRequest, MeView, RefreshRequest, TokensView},
    tokens::{self, ACCESS_TOKEN_SECONDS},
};
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieTime},
    http::header,
    post,
    web::Data,
};
use chrono::{DateTime, TimeDelta, Utc};
use postroom_domain::ids::{SessionId, WorkspaceId};
use postroom_store::{NewSession, RefreshIn, RequestContext, Rotation, SignIn};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::Instrument as _;

/// A session ends after this long, however often it is refreshed.
pub(super) const SESSION: TimeDelta = TimeDelta::days(90);
/// A refresh token that nobody uses ends after this long.
pub(super) const REFRESH: TimeDelta = TimeDelta::days(30);
/// The cookie's name; it is sent to the sign-in operations alone.
const COOKIE: &str = "postroom_refresh";
const COOKIE_PATH: &str = "/v1/auth";

/// Sign in
///
/// Gives an access token for 15 minutes and a refresh token for the next one. Whatever is wrong, the answer is the
/// same, after the same time.
#[utoipa::path(
    tag = "Sign-in", operation_id = "login", security(()), request_body = LoginRequest,
    extensions(("x-problems" = json!(["invalid_credentials"]))),
    responses((status = 200, description = "Signed in.", body = TokensView)),
)]
#[post("/v1/auth/login")]
pub(crate) async fn login(
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let login: LoginRequest = body.read().await?;
    let address = client_address(&request, state.settings.trusted_proxies);
    state.limits.sign_in(address, login.email.as_str())?;
    let account = state.store.find_sign_in(&login.email, login.workspace.as_deref()).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = password::verify(login.password, hash.clone()).await.map_err(no_hash)?;
    let (account, hash) = match (account, hash) {
        (Some(account), Some(hash)) if right && account.active => (account, hash),
        (account, _) => {
            account.into_iter().for_each(|account| note_refused(&state, account));
            return Err(invalid_credentials());
        }
    };
    let now = Utc::now();
    let (token, refresh_digest) = tokens::new_refresh_token();
    let new = NewSession {
        workspace_id: account.workspace_id,
        user_id: account.user_id,
        password_hash: &hash,
        refresh_in: login.refresh.into(),
        refresh_digest,
        expires_at: now + SESSION,
        refresh_expires_at: now + REFRESH,
    };
    let session = state.store.begin_session(&new).await?.ok_or_else(invalid_credentials)?;
    signed_in(&state, (account.workspace_id, session), new.refresh_in, &token, now).await
}

fn invalid_credentials() -> Problem {
    Problem::new(Code::InvalidCredentials)
        .detail("Workspace, e-mail address and password don't belong together.")
}

/// Writes a refused try down beside the answer, which takes no longer for an account that there is.
fn note_refused(state: &Data<State>, account: SignIn) {
    let state = state.clone();
    let noting = async move {
        if let Err(error) = state.store.note_refused_sign_in(&account).await {
            tracing::warn!(%error, "a refused sign-in could not be written down");
        }
    };
    match RequestContext::current() {
        Some(context) => actix_web::rt::spawn(async move { context.scope(noting).await }.in_current_span()),
        None => actix_web::rt::spawn(noting.in_current_span()),
    };
}

/// A problem of ours where a password could be neither hashed nor compared.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn no_hash(error: PasswordError) -> Problem {
    tracing::error!(%error, "a password could not be hashed or compared");
    Problem::internal()
}

/// Get a new access token
///
/// Exchanges the refresh token, from the body or the cookie, for a new pair. A refresh token is good once; presented
/// again within 30 seconds (two tabs, a lost answer) it still gets a successor, later it ends the session. With the
/// cookie, the page's `Origin` must be this server's own or a configured one.
#[utoipa::path(
    tag = "Sign-in", operation_id = "refresh", security(()), request_body = Option<RefreshRequest>,
    extensions(("x-problems" = json!(["invalid_refresh_token", "origin_not_allowed"]))),
    responses((status = 200, description = "The next pair of tokens.", body = TokensView)),
)]
#[post("/v1/auth/refresh")]
pub(crate) async fn refresh(
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let old = presented(&request, &state, &body).await?.ok_or_else(invalid_refresh_token)?;
    let now = Utc::now();
    let (new, digest) = tokens::new_refresh_token();
    let old = tokens::token_digest(old.expose_secret());
    match state.store.rotate_refresh_token(&old, &digest, now, now + REFRESH).await? {
        Rotation::Renewed(session) => {
            signed_in(&state, (session.workspace_id, session.id), session.refresh_in, &new, now).await
        }
        Rotation::Refused => Err(invalid_refresh_token()),
        Rotation::Reused(session) => {
            tracing::warn!(
                session_id = %session.id, workspace_id = %session.workspace_id, user_id = %session.user_id,
                "a refresh token was used again; its session has ended"
            );
            Err(invalid_refresh_token())
        }
    }
}

/// Sign out
///
/// Ends the session of the access token, or, where that is missing or worth nothing any more, of the refresh token in
/// the body or the cookie. Its tokens are worth nothing from then on.
#[utoipa::path(
    tag = "Sign-in", operation_id = "logout", security((), ("access_token" = [])), request_body = Option<RefreshRequest>,
    extensions(("x-problems" = json!(["not_authenticated", "origin_not_allowed", "api_key_not_allowed"]))),
    responses((status = 204, description = "Signed out.")),
)]
#[post("/v1/auth/logout")]
pub(crate) async fn logout(
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (workspace, session) = match caller::identify(&request).await {
        Ok(caller) => {
            let _: RefreshRequest = body.read_or_default().await?;
            (caller.actor.workspace_id, caller.session()?)
        }
        Err(problem) if problem.code() != Code::NotAuthenticated => return Err(problem),
        Err(not_authenticated) => {
            let token = presented(&request, &state, &body).await?.ok_or(not_authenticated)?;
            let digest = tokens::token_digest(token.expose_secret());
            let session = state.store.session_of_refresh_token(&digest, Utc::now()).await?;
            let session = session.ok_or_else(caller::not_authenticated)?;
            (session.workspace_id, session.id)
        }
    };
    state.store.end_session(workspace, session, Utc::now()).await?;
    let mut gone = cookie(&state, "");
    gone.make_removal();
    Ok(HttpResponse::NoContent().cookie(gone).finish())
}

/// The refresh token that a request presents. One in the cookie counts only from a page that may present it.
async fn presented(
    request: &HttpRequest,
    state: &State,
    body: &Body,
) -> Result<Option<SecretString>, Problem> {
    let cookie = request.cookie(COOKIE);
    let read: Result<RefreshRequest, Problem> = body.read_or_default().await;
    if let Ok(RefreshRequest { refresh_token: Some(token) }) = read {
        return Ok(Some(token));
    }
    let Some(cookie) = cookie else {
        return read.map(|_| None);
    };
    if !own_origin(request, state) {
        return Err(Problem::new(Code::OriginNotAllowed)
            .detail("With the cookie, Origin must be this server's own or a configured one."));
    }
    read.map(|_| Some(SecretString::from(cookie.value())))
}

fn own_origin(request: &HttpRequest, state: &State) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return false;
    };
    let own = url::Url::parse(&state.settings.public_url).map(|url| url.origin().ascii_serialization());
    own.is_ok_and(|own| origin == own.as_str())
        || state.settings.cors_origins.iter().any(|allowed| origin == allowed.as_str())
}

fn invalid_refresh_token() -> Problem {
    Problem::new(Code::InvalidRefreshToken).detail("The refresh token is not valid any more: sign in again.")
}

/// The answer that carries a session's tokens.
pub(super) async fn signed_in(
    state: &State,
    (workspace, session): (WorkspaceId, SessionId),
    refresh_in: RefreshIn,
    token: &SecretString,
    now: DateTime<Utc>,
) -> Result<HttpResponse, Problem> {
    let caller = state.store.caller(workspace, session, now).await?.ok_or_else(invalid_refresh_token)?;
    let me = state.store.me(&caller.actor).await?;
    let access_token =
        state.tokens.issue(workspace, caller.actor.user_id, session, now).map_err(|error| {
            tracing::error!(%error, "an access token could not be signed");
            Problem::internal()
        })?;
    let mut builder = HttpResponse::Ok();
    let in_body = match refresh_in {
        RefreshIn::Body => Some(token.expose_secret().to_owned()),
        RefreshIn::Cookie => {
            builder.cookie(cookie(state, token.expose_secret()));
            None
        }
    };
    let links = Links::signed(&state.settings.public_url, &state.link_key, workspace, now);
    let view = TokensView {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_SECONDS,
        refresh_token: in_body,
        user: MeView::from(me),
    };
    Ok(answer::json(Some(&links), &mut builder, &view))
}

fn cookie(state: &State, value: &str) -> Cookie<'static> {
    let across = state.settings.cross_site_cookie;
    Cookie::build(COOKIE, value.to_owned())
        .path(COOKIE_PATH)
        .http_only(true)
        .secure(across || !is_plain_loopback(&state.settings.public_url))
        .same_site(if across { SameSite::None } else { SameSite::Lax })
        .max_age(CookieTime::seconds(REFRESH.num_seconds()))
        .finish()
}

/// `http://` on this very machine, where a browser would not keep a `Secure` cookie.
fn is_plain_loopback(public_url: &str) -> bool {
    let Ok(url) = url::Url::parse(public_url) else {
        return false;
    };
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "http" && loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_on_this_machine_goes_without_secure() {
        for (address, expected) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:8080", true),
            ("http://[::1]:8080", true),
            ("https://127.0.0.1:8080", false),
            ("http://mail.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("", false),
        ] {
            assert_eq!(is_plain_loopback(address), expected, "{address}");
        }
    }
}
