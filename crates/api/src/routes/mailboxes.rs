//! Mailboxes: the accounts that are read and sent through.

use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::ConversationsCaller,
    cursor::{self, Scope},
    etag::{self, Expected},
    headers::{IdempotencyHeader, IfMatchHeader, IfNoneMatchHeader},
    problem::Problem,
    server::State,
    shapes::{
        list::{ListView, PageQuery},
        mailbox::{MailboxRequest, MailboxView},
        mailbox_settings::MailboxPatchRequest,
        mailbox_test::{MailboxTestRequest, MailboxTestView},
    },
};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use postroom_domain::{
    access::{Actor, Permission},
    ids::MailboxId,
};
use postroom_store::{Mailbox, MailboxPatch, StoreError, StoredAnswer};
use serde_json::value::RawValue;

/// Connect a mailbox
///
/// Everybody may connect their own; shared ones are for administrators. Nothing is connected to while you wait: an
/// unreachable server still gives 201, and `state` and `last_error` tell how reading goes.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "create_mailbox", params(IdempotencyHeader), request_body = MailboxRequest,
    extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 201, description = "The mailbox.", body = MailboxView)),
)]
#[post("/v1/mailboxes")]
pub(crate) async fn create(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let read = match body.read::<MailboxRequest>().await {
        Ok(mailbox) => answer::claim(&request, &state, &body, &caller.actor).map(|claim| (mailbox, claim)),
        Err(problem) => Err(problem),
    };
    let (new, claim) = match read {
        Ok((mailbox, claim)) => (mailbox.into_new(caller.actor.user_id), claim),
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
    let outcome = state.store.create_mailbox(&caller.actor, &new, claim.as_ref(), made).await?;
    answer::outcome(&request, outcome, made, |as_kept: Box<RawValue>| as_kept).await
}

pub(super) fn made(mailbox: &Mailbox) -> StoredAnswer {
    answer::made(
        format!("/v1/mailboxes/{}", mailbox.id),
        mailbox.version,
        &MailboxView::from(mailbox.clone()),
    )
}

/// Mailboxes
///
/// Those that the caller may send from, by address; administrators see all.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "list_mailboxes", params(PageQuery),
    responses((status = 200, description = "A page of mailboxes.", body = ListView<MailboxView>)),
)]
#[get("/v1/mailboxes")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let page: PageQuery = query.read()?;
    let scope = Scope::of("/v1/mailboxes").with(caller.actor.user_id.0.as_bytes());
    let after: Option<(String, MailboxId)> =
        page.cursor.as_deref().map(|cursor| cursor::open(&state.cursor_key, &scope, cursor)).transpose()?;
    let found = state.store.mailboxes(&caller.actor, after.as_ref(), page.limit).await?;
    let next = match found.items.last().filter(|_| found.more) {
        Some(last) => Some(cursor::seal(&state.cursor_key, &scope, &(&last.address, last.id))?),
        None => None,
    };
    let mailboxes = found.items.into_iter().map(MailboxView::from).collect();
    Ok(answer::list(&request, &state, mailboxes, next))
}

/// One mailbox
///
/// With how reading it goes. Its passwords are never shown.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "get_mailbox",
    params(("id" = Uuid, Path, description = "The mailbox's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The mailbox.", body = MailboxView)),
)]
#[get("/v1/mailboxes/{id}")]
pub(crate) async fn show(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let mailbox = state.store.mailbox(&caller.actor, path_id(&request, "id")).await?;
    let view = MailboxView::from(mailbox);
    answer::resource(&request, view.version, &view)
}

/// Change a mailbox
///
/// Everybody may change their own; shared ones are for administrators. New servers, accounts or passwords are used at once,
/// and end a stop after refused logins. A password stays with its server: where `host`, `port` or `security` changes,
/// it must be given again. `address`, `kind` and `user_id` stay as they are: connect another mailbox.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "update_mailbox",
    params(("id" = Uuid, Path, description = "The mailbox's id."), IfMatchHeader),
    request_body = MailboxPatchRequest,
    extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 200, description = "The mailbox as it is now.", body = MailboxView)),
)]
#[patch("/v1/mailboxes/{id}")]
pub(crate) async fn update(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: MailboxId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let read = body.read::<MailboxPatchRequest>().await;
    let patch: MailboxPatch =
        answer::judged(read, expected, managed(&state, &caller.actor, id)).await?.into();
    match state.store.update_mailbox(&caller.actor, id, expected.version(), &patch).await {
        Ok(mailbox) => {
            let view = MailboxView::from(mailbox);
            answer::resource(&request, view.version, &view)
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&managed(&state, &caller.actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// Remove a mailbox
///
/// It is not read any more, nobody sends from it, and its address may be connected anew. Its messages and conversations
/// stay; who replies in one writes from their own mailbox, or gets `no_sending_mailbox`. What was accepted for sending
/// is sent.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "remove_mailbox",
    params(("id" = Uuid, Path, description = "The mailbox's id."), IfMatchHeader),
    extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 204, description = "It is removed.")),
)]
#[delete("/v1/mailboxes/{id}")]
pub(crate) async fn remove(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: MailboxId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    answer::judged(body.nothing().await, expected, managed(&state, &caller.actor, id)).await?;
    match state.store.remove_mailbox(&caller.actor, id, expected.version()).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(StoreError::StaleVersion) => Err(etag::stale(&managed(&state, &caller.actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// Try a mailbox's servers
///
/// Signs in at both ends, reads and sends nothing, and says what is wrong: with the stored settings, or with those given in
/// their place, which are not saved. A stored password is tried at its own server alone. The answer is there within half
/// a minute, whatever the servers do.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "test_mailbox",
    params(("id" = Uuid, Path, description = "The mailbox's id.")),
    request_body = Option<MailboxTestRequest>,
    extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 200, description = "How it went.", body = MailboxTestView)),
)]
#[post("/v1/mailboxes/{id}/test")]
pub(crate) async fn test(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: MailboxId = path_id(&request, "id");
    let read = body.read_or_default::<MailboxTestRequest>().await;
    let wish = answer::judged(read, Expected::Any, managed(&state, &caller.actor, id)).await?;
    let (imap, smtp) = (wish.imap.unwrap_or_default().into(), wish.smtp.unwrap_or_default().into());
    let accounts = state.store.mailbox_accounts(&caller.actor, id, imap, smtp).await?;
    state.limits.check(caller.actor.user_id)?;
    let checks = state.checks.as_ref().ok_or_else(Problem::unavailable)?;
    let checked = checks.check(accounts).await.ok_or_else(Problem::unavailable)?;
    Ok(HttpResponse::Ok().json(MailboxTestView::from(checked)))
}

/// The mailbox as it is now, with its version, where the caller manages it.
pub(super) async fn managed(
    state: &State,
    actor: &Actor,
    id: MailboxId,
) -> Result<(i64, MailboxView), Problem> {
    let mailbox = state.store.managed_mailbox(actor, id).await?;
    Ok((mailbox.version, mailbox.into()))
}
