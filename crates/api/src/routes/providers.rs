//! Mailboxes that sign in through their provider (OAuth 2): which providers there are, sending a browser there, and what
//! to do with what it comes back with.

use super::mailboxes::{made, managed};
use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::ConversationsCaller,
    etag::{self, Expected},
    headers::{IdempotencyHeader, IfMatchHeader},
    problem::{Code, FieldCode, FieldError, Problem},
    providers::{GrantFault, ProviderInfo},
    server::State,
    shapes::{
        list::{ListView, NoQuery},
        mailbox::MailboxView,
        provider::{OAuthMailboxRequest, ProviderView, SignInRequest, SignInView, SignedInRequest},
    },
};
use actix_web::{HttpRequest, HttpResponse, get, post, put, web::Data};
use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{TimeDelta, Utc};
use postroom_domain::{
    access::{Actor, Permission},
    ids::MailboxId,
};
use postroom_store::{GrantPatch, MailboxPatch, NewGrant, Outcome, PendingSignIn, Server, StoreError};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// A browser has so long to come back.
const SIGN_IN_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// Providers
///
/// Those that the operator has registered this installation with. A mailbox there is connected without a password:
/// `POST /v1/mail-providers/sign-in`, the browser goes to its `authorization_url` and comes back to the operator's
/// redirect address with `code` and `state`, and `POST /v1/mailboxes/oauth` takes both.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "list_mail_providers",
    responses((status = 200, description = "All of them.", body = ListView<ProviderView>)),
)]
#[get("/v1/mail-providers")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let NoQuery = query.read()?;
    state.store.read_nothing(&caller.actor).await?;
    let providers = state.providers.list().into_iter().map(ProviderView::from).collect();
    Ok(answer::list(&request, &state, providers, None))
}

/// Begin to sign in at a provider
///
/// Nothing is saved. What the browser comes back with is good for the caller alone, and once. Keep what the mailbox is to
/// be meanwhile: the page is left.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "begin_provider_sign_in", request_body = SignInRequest,
    responses((status = 200, description = "Where to send the browser.", body = SignInView)),
)]
#[post("/v1/mail-providers/sign-in")]
pub(crate) async fn sign_in(
    caller: ConversationsCaller,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let wish: SignInRequest = match body.read().await {
        Ok(wish) => wish,
        Err(problem) => return Err(caller.actor.require_whole_scope().err().map_or(problem, Problem::from)),
    };
    caller.actor.require_whole_scope()?;
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_| Problem::internal())?;
    let verifier = URL_SAFE_NO_PAD.encode(secret);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let expires_at = Utc::now() + SIGN_IN_WITHIN;
    let pending = PendingSignIn { provider: wish.provider, verifier: verifier.into() };
    let sealed = state.store.sign_in_state(&caller.actor, &pending, expires_at)?;
    let hint = wish.address.as_ref().map(ToString::to_string);
    let url = state.providers.authorization_url(&pending.provider, &sealed, &challenge, hint.as_deref());
    let authorization_url = url.ok_or_else(|| {
        wrong("/provider", "There is no such provider: GET /v1/mail-providers lists those that there are.")
    })?;
    let view = SignInView { authorization_url, state: sealed, expires_at: expires_at.into() };
    Ok(HttpResponse::Ok().json(view))
}

/// Connect a mailbox through its provider
///
/// With what the browser came back with. The provider's servers are used, and no others. As with a password everybody may
/// connect their own, and administrators shared ones.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "create_oauth_mailbox", params(IdempotencyHeader),
    request_body = OAuthMailboxRequest,
    extensions(("x-problems" = json!(["role_not_allowed", "provider_refused"]))),
    responses((status = 201, description = "The mailbox.", body = MailboxView)),
)]
#[post("/v1/mailboxes/oauth")]
pub(crate) async fn create(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let read = match body.read::<OAuthMailboxRequest>().await {
        Ok(wish) => answer::claim(&request, &state, &body, &caller.actor).map(|claim| (wish, claim)),
        Err(problem) => Err(problem),
    };
    let (wish, claim) = match read {
        Ok(read) => read,
        // Whether role and scope may comes before what else is wrong with the request.
        Err(problem) => {
            let may = if body.says("kind", "shared").await {
                caller.actor.require(Permission::ManageSharedMailboxes)
            } else {
                caller.actor.require_whole_scope()
            };
            return Err(may.err().map_or(problem, Problem::from));
        }
    };
    wish.ownership(caller.actor.user_id).require_connectable_by(&caller.actor)?;
    if let Some(claim) = &claim
        && let Some(before) = state.store.answered_before(caller.actor.workspace_id, claim).await?
    {
        return replayed(&request, before).await;
    }
    let (provider, grant) = granted(&state, &caller.actor, &wish.state, &wish.code).await?;
    let new = wish.into_new(caller.actor.user_id, provider, grant);
    let outcome = state.store.create_mailbox(&caller.actor, &new, claim.as_ref(), made).await?;
    answer::outcome(&request, outcome, made, |as_kept: Box<RawValue>| as_kept).await
}

async fn replayed(
    request: &HttpRequest,
    before: postroom_store::StoredAnswer,
) -> Result<HttpResponse, Problem> {
    answer::outcome(request, Outcome::Replayed(before), made, |as_kept: Box<RawValue>| as_kept).await
}

/// Let a mailbox sign in through its provider
///
/// With what the browser came back with: anew where `last_error` says "needs sign-in again", or for the first time in the
/// place of its passwords, which are forgotten. It is read and sent through the provider's servers at once.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "sign_in_mailbox",
    params(("id" = Uuid, Path, description = "The mailbox's id."), IfMatchHeader),
    request_body = SignedInRequest,
    extensions(("x-problems" = json!(["role_not_allowed", "provider_refused"]))),
    responses((status = 200, description = "The mailbox as it is now.", body = MailboxView)),
)]
#[put("/v1/mailboxes/{id}/oauth")]
pub(crate) async fn sign_in_mailbox(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: MailboxId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let read = body.read::<SignedInRequest>().await;
    let wish = answer::judged(read, expected, managed(&state, &caller.actor, id)).await?;
    // The code is good once: it is not spent on what would be refused anyway.
    let (version, present) = managed(&state, &caller.actor, id).await?;
    if !expected.allows(version) {
        return Err(etag::stale(&present));
    }
    let (provider, grant) = granted(&state, &caller.actor, &wish.state, &wish.code).await?;
    let username = wish.username.unwrap_or(present.address);
    let change = GrantPatch {
        grant,
        imap: Server { username: username.clone(), ..provider.imap },
        smtp: Server { username, ..provider.smtp },
    };
    let patch = MailboxPatch { grant: Some(change), ..MailboxPatch::default() };
    match state.store.update_mailbox(&caller.actor, id, expected.version(), &patch).await {
        Ok(mailbox) => {
            let view = MailboxView::from(mailbox);
            answer::resource(&request, view.version, &view)
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&managed(&state, &caller.actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// What a provider grants for a code that a browser came back with.
async fn granted(
    state: &State,
    actor: &Actor,
    sealed: &str,
    code: &str,
) -> Result<(ProviderInfo, NewGrant), Problem> {
    let pending = state.store.pending_sign_in(actor, sealed, Utc::now()).ok_or_else(|| {
        wrong("/state", "This is no sign-in that you have begun within the last quarter of an hour.")
    })?;
    let provider = state.providers.list().into_iter().find(|provider| provider.id == pending.provider);
    let provider = provider.ok_or_else(|| wrong("/state", "There is no such provider any more."))?;
    let asked = state.providers.exchange(&provider.id, code.to_owned(), pending.verifier).await;
    let grant = asked.map_err(|fault| match fault {
        GrantFault::NotGranted => {
            wrong("/code", "The provider does not take this code: sign in there again.")
        }
        GrantFault::NotLasting => wrong(
            "/code",
            "The provider gave access for a moment only: sign in there again, and allow it to last.",
        ),
        GrantFault::Registration => Problem::new(Code::ProviderRefused),
        GrantFault::Unavailable => Problem::unavailable(),
    })?;
    Ok((provider, grant))
}

fn wrong(pointer: &str, detail: &'static str) -> Problem {
    let error =
        FieldError { pointer: pointer.to_owned(), code: FieldCode::InvalidValue, detail: detail.into() };
    Problem::invalid(vec![error])
}
