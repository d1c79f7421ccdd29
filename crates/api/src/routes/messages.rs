//! The messages of a conversation, replies and new mails.

use crate::{
    answer,
    body::{Body, Kept, Parameters, path_id},
    caller::ConversationsCaller,
    cursor::{self, Scope},
    etag::Expected,
    headers::{IdempotencyHeader, IfNoneMatchHeader},
    links::Links,
    problem::Problem,
    server::State,
    shapes::{
        list::{ListView, PageQuery},
        message::MessageView,
        reply::{NewMailRequest, ReplyRequest, signature},
    },
    workers::off_worker,
};
use actix_web::{HttpRequest, HttpResponse, get, post, web::Data};
use chrono::Utc;
use postroom_domain::{
    access::Actor,
    ids::{ConversationId, MessageId},
    message::Position,
    reply::Written,
};
use postroom_store::{Message, NewMailDraft, ReplyDraft, StoreError, StoredAnswer};
use serde_json::Value;

/// Messages
///
/// The conversation's messages, oldest first within a page; the first page has the newest ones, `next_cursor` leads to
/// older ones.
#[utoipa::path(
    tag = "Messages", operation_id = "list_conversation_messages",
    params(("id" = Uuid, Path, description = "The conversation's id."), PageQuery),
    extensions(("x-problems" = json!(["conversation_merged"]))),
    responses((status = 200, description = "A page of messages.", body = ListView<MessageView>)),
)]
#[get("/v1/conversations/{id}/messages")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let id: ConversationId = path_id(&request, "id");
    let scope = Scope::of("/v1/conversations/{id}/messages")
        .with(caller.actor.user_id.0.as_bytes())
        .with(id.0.as_bytes());
    let page = query.read::<PageQuery>().and_then(|page| {
        let before: Option<Position> = page
            .cursor
            .as_deref()
            .map(|cursor| cursor::open(&state.cursor_key, &scope, cursor))
            .transpose()?;
        Ok((page.limit, before))
    });
    let (limit, before) = answer::judged(page, Expected::Any, visible(&state, &caller.actor, id)).await?;
    let found = state.store.conversation_messages(&caller.actor, id, before, limit).await?;
    let next = match found.items.first().filter(|_| found.more) {
        Some(oldest) => Some(cursor::seal(&state.cursor_key, &scope, &oldest.position())?),
        None => None,
    };
    let links = links(&state, &caller.actor);
    let view = move |message| MessageView::unsigned(message).signed(&links);
    let messages = off_worker(move || found.items.into_iter().map(view).collect()).await?;
    Ok(answer::list(&request, &state, messages, next))
}

/// One message of a conversation
///
/// The same as `/v1/messages/{id}`, if it is a message of this conversation.
#[utoipa::path(
    tag = "Messages", operation_id = "get_conversation_message",
    params(
        ("id" = Uuid, Path, description = "The conversation's id."),
        ("message_id" = Uuid, Path, description = "The message's id."),
        IfNoneMatchHeader,
    ),
    extensions(("x-problems" = json!(["conversation_merged"]))),
    responses((status = 200, description = "The message.", body = MessageView)),
)]
#[get("/v1/conversations/{id}/messages/{message_id}")]
pub(crate) async fn show_in_conversation(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let id: ConversationId = path_id(&request, "id");
    match state.store.message(&caller.actor, path_id::<MessageId>(&request, "message_id")).await {
        Ok(message) if message.conversation_id == Some(id) => {
            answer(&request, &state, &caller.actor, message).await
        }
        Ok(_) | Err(StoreError::NotFound) => {
            // The conversation may have gone on in another one, and its messages with it.
            visible(&state, &caller.actor, id).await?;
            Err(Problem::not_found())
        }
        Err(error) => Err(error.into()),
    }
}

/// One message
///
/// Also of a thread that is no conversation yet, for its author and those who may see its mailbox's mail. An outbound
/// one tells under `delivery` how it fares.
#[utoipa::path(
    tag = "Messages", operation_id = "get_message",
    params(("id" = Uuid, Path, description = "The message's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The message.", body = MessageView)),
)]
#[get("/v1/messages/{id}")]
pub(crate) async fn show(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let message = state.store.message(&caller.actor, path_id::<MessageId>(&request, "id")).await?;
    answer(&request, &state, &caller.actor, message).await
}

/// Reply
///
/// Sent through the conversation's mailbox, or the caller's own where that is not theirs to use. It shows in the
/// conversation at once; `delivery` tells how it fares, and until when it can be taken back
/// (`POST /v1/messages/{id}/cancel`). `POST …/replies/preview` tells before what it will be.
#[utoipa::path(
    tag = "Messages", operation_id = "create_reply",
    params(("id" = Uuid, Path, description = "The conversation's id."), IdempotencyHeader),
    request_body = ReplyRequest,
    extensions(("x-problems" = json!(["conversation_moved_on", "conversation_merged", "no_sending_mailbox"]))),
    responses((status = 201, description = "The message.", body = MessageView)),
)]
#[post("/v1/conversations/{id}/replies")]
pub(crate) async fn reply(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: ConversationId = path_id(&request, "id");
    let read = body.read_and_keep::<ReplyRequest>().await.and_then(|kept| {
        let claim = answer::claim(&request, &state, &body, &caller.actor)?;
        Ok((kept, claim))
    });
    let (Kept { request: reply, json }, claim) =
        answer::judged(read, Expected::Any, visible(&state, &caller.actor, id)).await?;
    let draft = reply_draft(&state, &caller.actor, reply, json).await?;
    let outcome = state.store.reply(&caller.actor, id, draft, claim, made).await?;
    let links = links(&state, &caller.actor);
    answer::outcome(&request, outcome, made, move |view: MessageView| view.signed(&links)).await
}

/// Write a new mail
///
/// To anybody. Its thread becomes a conversation when the other side replies.
#[utoipa::path(
    tag = "Messages", operation_id = "create_message", params(IdempotencyHeader), request_body = NewMailRequest,
    extensions(("x-problems" = json!(["no_sending_mailbox"]))),
    responses((status = 201, description = "The message.", body = MessageView)),
)]
#[post("/v1/messages")]
pub(crate) async fn create(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let Kept { request: mail, json } = body.read_and_keep::<NewMailRequest>().await?;
    let claim = answer::claim(&request, &state, &body, &caller.actor)?;
    let draft = new_mail_draft(&state, &caller.actor, mail, json).await?;
    let outcome = state.store.new_mail(&caller.actor, draft, claim, made).await?;
    let links = links(&state, &caller.actor);
    answer::outcome(&request, outcome, made, move |view: MessageView| view.signed(&links)).await
}

/// A reply as the store takes it.
pub(super) async fn reply_draft(
    state: &State,
    actor: &Actor,
    written: ReplyRequest,
    request: Value,
) -> Result<ReplyDraft, Problem> {
    Ok(ReplyDraft {
        to: written.to,
        cc: written.cc,
        bcc: written.bcc,
        preview: written.preview,
        body: written.written,
        signature: signature_of(state, actor, written.include_signature).await?,
        include_quote: written.include_quote,
        attachment_ids: written.attachment_ids,
        last_seen_message_id: written.last_seen_message_id,
        force: written.force,
        request,
    })
}

/// A new mail as the store takes it.
pub(super) async fn new_mail_draft(
    state: &State,
    actor: &Actor,
    mail: NewMailRequest,
    request: Value,
) -> Result<NewMailDraft, Problem> {
    Ok(NewMailDraft {
        mailbox_id: mail.mailbox_id,
        to: mail.to,
        cc: mail.cc,
        bcc: mail.bcc,
        subject: mail.subject,
        preview: mail.preview,
        body: mail.written,
        signature: signature_of(state, actor, mail.include_signature).await?,
        attachment_ids: mail.attachment_ids,
        request,
    })
}

fn made(message: &Message) -> StoredAnswer {
    let view = MessageView::unsigned(message.clone());
    answer::made(format!("/v1/messages/{}", message.id), message.version, &view)
}

pub(super) async fn answer(
    request: &HttpRequest,
    state: &State,
    actor: &Actor,
    message: Message,
) -> Result<HttpResponse, Problem> {
    let links = links(state, actor);
    let (version, view) = (message.version, MessageView::unsigned(message));
    answer::signed_resource(request, version, view, move |view| view.signed(&links)).await
}

pub(super) fn links(state: &State, actor: &Actor) -> Links {
    Links::signed(&state.settings.public_url, &state.link_key, actor.workspace_id, Utc::now())
}

/// The caller's signature, where it is to stand below what they wrote (RPL-3).
async fn signature_of(
    state: &State,
    actor: &Actor,
    wanted: Option<bool>,
) -> Result<Option<Written>, Problem> {
    if wanted == Some(false) {
        return Ok(None);
    }
    let me = state.store.me(actor).await?.user;
    if !wanted.unwrap_or(me.signature_enabled) {
        return Ok(None);
    }
    off_worker(move || signature(&me.signature_html)).await
}

/// Whether the conversation is there for the caller.
pub(super) async fn visible(state: &State, actor: &Actor, id: ConversationId) -> Result<(i64, ()), Problem> {
    Ok((state.store.conversation(actor, id).await?.card.version, ()))
}
