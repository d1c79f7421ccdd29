//! Who asks.
//!
//! What an operation demands stands in its handler's signature: a [`Caller`] is signed in; a [`ConversationsCaller`]'s
//! workspace has the paid feature as well (ACC-1). What they may see and do is the store's and the domain's to say.

use crate::{
    envelope,
    problem::{Code, Problem},
    refusal,
    server::State,
    tokens::Claims,
};
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    http::{
        Method,
        header::{self, HeaderMap},
    },
    web::Data,
};
use chrono::Utc;
use futures_util::future::LocalBoxFuture;
use postroom_domain::{
    access::{Actor, Scope},
    ids::SessionId,
};
use postroom_store::FeatureState;

/// A signed-in user, read from the database for this very request: session, role and activity (ACC-5).
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who acts.
    pub actor: Actor,
    /// By which session.
    pub session: SessionId,
    /// How their workspace stands to Conversations.
    pub conversations: FeatureState,
}

/// A signed-in user whose workspace has Conversations; everybody else's request is 403 `feature_not_enabled`.
#[derive(Debug, Clone)]
pub struct ConversationsCaller {
    /// Who acts.
    pub actor: Actor,
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await })
    }
}

impl FromRequest for ConversationsCaller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = identify(&request).await?;
            match caller.conversations {
                FeatureState::Enabled => Ok(Self { actor: caller.actor }),
                FeatureState::Disabled | FeatureState::Requested => Err(refusal::feature_not_enabled()),
            }
        })
    }
}

/// Who sent the request.
///
/// # Errors
/// 401 `not_authenticated`, the same whatever is wrong with the token or its session.
pub async fn identify(request: &HttpRequest) -> Result<Caller, Problem> {
    let state = state(request)?;
    let claims = claims(request, &state).await?;
    let found = state.store.caller(claims.wid, claims.sid, Utc::now()).await?;
    let found = found.filter(|found| found.actor.user_id == claims.sub).ok_or_else(not_authenticated)?;
    envelope::note_caller(found.actor.workspace_id, found.actor.user_id);
    if found.actor.scope < needed(request.method()) {
        return Err(Problem::new(Code::ScopeNotAllowed));
    }
    Ok(Caller { actor: found.actor, session: found.session_id, conversations: found.conversations })
}

/// The scope without which no request of this method is anything but refused.
fn needed(method: &Method) -> Scope {
    if method.is_safe() { Scope::Read } else { Scope::Write }
}

/// What handlers share.
///
/// # Errors
/// A problem of ours where the application was put together without it.
pub fn state(request: &HttpRequest) -> Result<Data<State>, Problem> {
    request.app_data::<Data<State>>().cloned().ok_or_else(|| {
        tracing::error!("the application has no state");
        Problem::internal()
    })
}

async fn claims(request: &HttpRequest, state: &State) -> Result<Claims, Problem> {
    // The rate limit has checked the token already, where there is one.
    let checked = request.extensions().get::<Claims>().cloned();
    if let Some(claims) = checked {
        return Ok(claims);
    }
    let token = bearer(request.headers()).ok_or_else(|| {
        Problem::new(Code::NotAuthenticated).detail("Send Authorization: Bearer with an access token.")
    })?;
    state.keyring.check(token).await.map_err(|_| not_authenticated())
}

/// 401 for a token that is worth nothing.
#[must_use]
pub fn not_authenticated() -> Problem {
    Problem::new(Code::NotAuthenticated)
        .detail("The access token is not valid or its session has ended: refresh it, or sign in again.")
}

/// The token of an `Authorization: Bearer …` header.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
