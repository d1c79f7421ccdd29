//! Who asks.
//!
//! What an operation demands stands in its handler's signature: a [`Caller`] is signed in; a [`ConversationsCaller`]'s
//! workspace has the paid feature as well (ACC-1). What they may see and do is the store's and the domain's to say.

use crate::{
    envelope,
    key_tokens::PresentedKey,
    links::Links,
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
use postroom_store::{Caller as Found, Credential, FeatureState, RequestContext};

/// A signed-in user, or a program with a key of theirs, read from the database for this very request: session or key, role
/// and activity (ACC-5).
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who acts.
    pub actor: Actor,
    /// By what right: a session or an API key.
    pub credential: Credential,
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

impl Caller {
    /// Who was found to come with a credential; said to the log and the audit trail as well.
    #[must_use]
    pub fn of(found: &Found) -> Self {
        envelope::note_caller(found.actor.workspace_id, found.actor.user_id);
        if let Credential::ApiKey(key) = found.credential {
            RequestContext::note_api_key(key);
        }
        Self { actor: found.actor, credential: found.credential, conversations: found.conversations }
    }

    /// The session, for what only people do who signed in themselves.
    ///
    /// # Errors
    /// 403 `api_key_not_allowed` for a program that came with a key.
    pub fn session(&self) -> Result<SessionId, Problem> {
        match self.credential {
            Credential::Session(id) => Ok(id),
            Credential::ApiKey(_) => Err(Problem::new(Code::ApiKeyNotAllowed)
                .detail("This is for people who are signed in; no API key can do it.")),
        }
    }
}

/// Who a request was found to come from: for what is said of it afterwards.
#[derive(Debug, Clone, Copy)]
pub struct Known(pub Actor);

/// Who sent the request.
///
/// # Errors
/// 401 `not_authenticated`, the same whatever is wrong with the token, its session or the key; 403 `scope_not_allowed`
/// where a key may not do what the method does.
pub async fn identify(request: &HttpRequest) -> Result<Caller, Problem> {
    let state = state(request)?;
    let found = look_up(request, &state).await?.ok_or_else(not_authenticated)?;
    let caller = Caller::of(&found);
    request.extensions_mut().insert(Known(caller.actor));
    let base = &state.settings.public_url;
    let links = Links::signed(base, &state.link_key, caller.actor.workspace_id, Utc::now());
    request.extensions_mut().insert(links);
    if caller.actor.scope < needed(request.method()) {
        return Err(refusal::scope_not_allowed());
    }
    Ok(caller)
}

async fn look_up(request: &HttpRequest, state: &State) -> Result<Option<Found>, Problem> {
    let now = Utc::now();
    if let Some(key) = bearer(request.headers()).and_then(PresentedKey::of) {
        let found = state.store.caller_by_key(key.workspace, &key.digest, now).await?;
        state.limits.know_key(key.digest, found.as_ref().map(|found| found.actor.user_id));
        return Ok(found);
    }
    let claims = claims(request, state).await?;
    let found = state.store.caller(claims.wid, claims.sid, now).await?;
    Ok(found.filter(|found| found.actor.user_id == claims.sub))
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
        Problem::new(Code::NotAuthenticated)
            .detail("Send Authorization: Bearer with an access token or an API key.")
    })?;
    state.keyring.check(token).await.map_err(|_| not_authenticated())
}

/// 401 for a token or key that is worth nothing.
#[must_use]
pub fn not_authenticated() -> Problem {
    Problem::new(Code::NotAuthenticated)
        .detail("The token is not valid, or its session or key has ended: refresh it, or sign in again.")
}

/// The token of an `Authorization: Bearer …` header.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
