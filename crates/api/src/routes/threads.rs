//! Threads that wait for a reply, and conversations that somebody begins by hand.

use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::ConversationsCaller,
    cursor::{self, Scope},
    etag::Expected,
    headers::{IdempotencyHeader, IfNoneMatchHeader},
    problem::Problem,
    server::State,
    shapes::{
        conversation::ConversationView,
        list::ListView,
        thread::{ThreadView, ThreadsQuery},
    },
};
use actix_web::{HttpRequest, HttpResponse, get, post, web::Data};
use chrono::DateTime;
use postroom_domain::{access::Actor, ids::ThreadId};
use postroom_store::{Started, StoredAnswer, ThreadPosition};
use serde_json::value::RawValue;

/// Threads that wait
///
/// What was written to customers and not answered yet, and what came in and makes no conversation by itself, the latest
/// message first: the caller's own threads, those of their personal mailbox, and, for those who see all conversations,
/// those of shared mailboxes.
#[utoipa::path(
    tag = "Conversations", operation_id = "list_threads", params(ThreadsQuery),
    responses((status = 200, description = "A page of threads.", body = ListView<ThreadView>)),
)]
#[get("/v1/threads")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted: ThreadsQuery = query.read()?;
    let scope =
        Scope::of("/v1/threads").with(caller.actor.user_id.0.as_bytes()).with(format!("{:?}", wanted.state));
    let after = match &wanted.cursor {
        Some(cursor) => {
            let (micros, id): (i64, ThreadId) = cursor::open(&state.cursor_key, &scope, cursor)?;
            DateTime::from_timestamp_micros(micros)
                .map(|last_message_at| ThreadPosition { last_message_at, id })
        }
        None => None,
    };
    let page = state.store.waiting_threads(&caller.actor, after, wanted.limit).await?;
    let next = match page.items.last().filter(|_| page.more) {
        Some(last) => {
            let position = (last.last_message_at.timestamp_micros(), last.id);
            Some(cursor::seal(&state.cursor_key, &scope, &position)?)
        }
        None => None,
    };
    let threads = page.items.into_iter().map(ThreadView::from).collect();
    Ok(answer::list(&request, &state, threads, next))
}

/// One thread
///
/// Also after it has become a conversation, for those who see that: `conversation_id` names it.
#[utoipa::path(
    tag = "Conversations", operation_id = "get_thread",
    params(("id" = Uuid, Path, description = "The thread's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The thread.", body = ThreadView)),
)]
#[get("/v1/threads/{id}")]
pub(crate) async fn show(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let view = ThreadView::from(state.store.thread(&caller.actor, path_id(&request, "id")).await?);
    answer::resource(&request, view.version, &view)
}

/// Begin a conversation by hand
///
/// The thread becomes a conversation without waiting for a reply. Its owner is who wrote its first outbound message, else
/// the mailbox's user or default owner, else the contact's owner; its primary contact is the external party that began
/// it or was written to first. Where it is a conversation already, that one is the answer, with status 200. The answer
/// is the whole conversation, also where it is not the caller's to see.
#[utoipa::path(
    tag = "Conversations", operation_id = "start_conversation",
    params(("id" = Uuid, Path, description = "The thread's id."), IdempotencyHeader),
    extensions(("x-problems" = json!(["no_external_party"]))),
    responses(
        (status = 200, description = "The conversation that it was already.", body = ConversationView),
        (status = 201, description = "The conversation.", body = ConversationView),
    ),
)]
#[post("/v1/threads/{id}/conversation")]
pub(crate) async fn start(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: ThreadId = path_id(&request, "id");
    let read = match body.nothing().await {
        Ok(()) => answer::claim(&request, &state, &body, &caller.actor),
        Err(problem) => Err(problem),
    };
    let claim = answer::judged(read, Expected::Any, present(&state, &caller.actor, id)).await?;
    let outcome = state.store.start_conversation(&caller.actor, id, claim.as_ref(), started).await?;
    answer::outcome(&request, outcome, started, |as_kept: Box<RawValue>| as_kept).await
}

fn started(started: &Started) -> StoredAnswer {
    let card = &started.detail.card;
    let address = format!("/v1/conversations/{}", card.id);
    let made = answer::made(address, card.version, &ConversationView::from(started.detail.clone()));
    if started.new { made } else { StoredAnswer { status: 200, location: None, ..made } }
}

/// Whether the thread is there for the caller.
async fn present(state: &State, actor: &Actor, id: ThreadId) -> Result<(i64, ()), Problem> {
    Ok((state.store.thread(actor, id).await?.message_count, ()))
}
