//! What becomes of a mail that was written: taken back, sent again, looked up, read byte by byte.

use super::messages::links;
use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::ConversationsCaller,
    cursor::{self, Scope},
    etag::Expected,
    problem::Problem,
    routes::attachments::FILE_POLICY,
    server::State,
    shapes::{
        attachment::FileContent,
        list::ListView,
        message::MessageView,
        sending::{RetryRequest, WrittenMessagesQuery},
    },
    workers::off_worker,
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, ContentDisposition, DispositionParam, DispositionType},
    post,
    web::Data,
};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use postroom_domain::{access::Actor, ids::MessageId, message::Position};
use postroom_store::{AuthorKind, Message, StoreError, WrittenQuery};
use std::fmt::Display;

/// Your messages
///
/// What the caller has written here, the newest first, in conversations and beside them; `state` picks those that are not
/// well, or not gone yet.
#[utoipa::path(
    tag = "Messages", operation_id = "list_messages", params(WrittenMessagesQuery),
    responses((status = 200, description = "A page of messages.", body = ListView<MessageView>)),
)]
#[get("/v1/messages")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted: WrittenMessagesQuery = query.read()?;
    let states = wanted.states();
    let scope = Scope::of("/v1/messages").with(caller.actor.user_id.0.as_bytes()).with(format!("{states:?}"));
    let before: Option<Position> =
        wanted.cursor.as_deref().map(|cursor| cursor::open(&state.cursor_key, &scope, cursor)).transpose()?;
    let query = WrittenQuery { states, before, limit: wanted.limit };
    let found = state.store.written_messages(&caller.actor, &query).await?;
    let next = match found.items.last().filter(|_| found.more) {
        Some(last) => Some(cursor::seal(&state.cursor_key, &scope, &last.position())?),
        None => None,
    };
    let links = links(&state, &caller.actor);
    let view = move |message| MessageView::unsigned(message).signed(&links);
    let messages = off_worker(move || found.items.into_iter().map(view).collect()).await?;
    Ok(answer::list(&request, &state, messages, next))
}

/// Take a message back
///
/// While it is queued and nobody has a copy: within the workspace's undo time (`delivery.can_cancel_until`), and later as
/// long as no delivery worker has claimed it. The answer is the request with which it was written, for the editor; its
/// attachments can be used again. The message is gone, and with it whom it would have brought into the conversation.
/// The conversation's status stays as it is.
#[utoipa::path(
    tag = "Messages", operation_id = "cancel_message",
    params(("id" = Uuid, Path, description = "The message's id.")),
    extensions(("x-problems" = json!(["not_author", "already_sending"]))),
    responses((status = 200, description = "The body of the request that had made it.", body = Object,
        example = json!({"text": "Thank you, that is on its way.", "include_signature": true}))),
)]
#[post("/v1/messages/{id}/cancel")]
pub(crate) async fn cancel(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: MessageId = path_id(&request, "id");
    answer::judged(body.nothing().await, Expected::Any, present_own(&state, &caller.actor, id)).await?;
    let written = state.store.cancel_message(&caller.actor, id).await?;
    Ok(HttpResponse::Ok().json(written))
}

/// Send a message again
///
/// After it has `failed`, or was sent in `partial`: to those alone whom it did not reach. After `unknown` the answer of
/// the recipient's server was lost, and the message may have arrived: it is sent again only with
/// `accept_duplicate: true`, and a recipient may then get it twice. It is the same mail, with the same Message-ID, so
/// that many mail programs show two copies as one.
#[utoipa::path(
    tag = "Messages", operation_id = "retry_message",
    params(("id" = Uuid, Path, description = "The message's id.")),
    request_body = Option<RetryRequest>,
    extensions(("x-problems" = json!([
        "already_sending", "nothing_to_retry", "may_duplicate", "no_sending_mailbox"
    ]))),
    responses((status = 200, description = "The message, queued again.", body = MessageView,
        headers(("ETag" = String, description = "`\"<version>-<digest>\"`, for `If-None-Match`.")))),
)]
#[post("/v1/messages/{id}/retry")]
pub(crate) async fn retry(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: MessageId = path_id(&request, "id");
    let read = body.read_or_default::<RetryRequest>().await;
    let wish = answer::judged(read, Expected::Any, present(&state, &caller.actor, id)).await?;
    let message = state.store.retry_message(&caller.actor, id, wish.accept_duplicate).await?;
    super::messages::answer(&request, &state, &caller.actor, message).await
}

/// A message as a mail
///
/// Byte by byte as it was received or is sent (`message/rfc822`), for those who see the message. What is sent names no
/// blind copies. A mail that waits for its first attempt has no bytes yet: 404.
#[utoipa::path(
    tag = "Messages", operation_id = "get_raw_message",
    params(("id" = Uuid, Path, description = "The message's id.")),
    responses((status = 200, description = "The mail.", content_type = "message/rfc822", body = FileContent)),
)]
#[get("/v1/messages/{id}/raw")]
pub(crate) async fn raw(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let id: MessageId = path_id(&request, "id");
    Ok(mail_answer(id, state.store.raw_message(&caller.actor, id).await?))
}

/// A kept mail as a file.
pub(super) fn mail_answer(
    name: impl Display,
    bytes: impl Stream<Item = Result<Bytes, StoreError>> + 'static,
) -> HttpResponse {
    // The answer has begun: all that can be told is that it is not whole.
    let bytes = bytes.inspect_err(|error| tracing::error!(%error, "a mail could not be read to its end"));
    let name = DispositionParam::Filename(format!("{name}.eml"));
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "message/rfc822"))
        .insert_header(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![name],
        })
        .insert_header((header::CONTENT_SECURITY_POLICY, FILE_POLICY))
        .streaming(bytes)
}

/// Whether the message is there for the caller.
async fn present(state: &State, actor: &Actor, id: MessageId) -> Result<(i64, ()), Problem> {
    let message = of_ours(state, actor, id).await?;
    Ok((message.version, ()))
}

/// The same for what is its author's alone.
async fn present_own(state: &State, actor: &Actor, id: MessageId) -> Result<(i64, ()), Problem> {
    let message = of_ours(state, actor, id).await?;
    if message.author.kind == AuthorKind::User && message.author.id == Some(actor.user_id.0) {
        return Ok((message.version, ()));
    }
    Err(StoreError::NotAuthor.into())
}

/// A message that we send: what others have written can neither be taken back nor sent again.
async fn of_ours(state: &State, actor: &Actor, id: MessageId) -> Result<Message, Problem> {
    let message = state.store.message(actor, id).await?;
    if message.delivery.is_none() {
        return Err(Problem::not_found());
    }
    Ok(message)
}
