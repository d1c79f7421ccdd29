//! The stream, and one conversation's header.

use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::ConversationsCaller,
    cursor::{self, Scope},
    etag::{self, Expected},
    headers::{IfMatchHeader, IfNoneMatchHeader},
    problem::{FieldCode, Problem},
    server::State,
    shapes::{
        conversation::{
            CardView, ConversationRequest, ConversationView, CountsView, SeenRequest, StreamRequest, ViewName,
        },
        list::{ListView, NoQuery},
    },
};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, put, web::Data};
use chrono::DateTime;
use postroom_domain::{
    access::{Actor, Visibility},
    ids::ConversationId,
    refusal::Refusal,
};
use postroom_store::{StoreError, StreamPosition, StreamQuery};

/// The stream
///
/// Conversations as cards, by last activity. Walking it with cursors gives each conversation that nobody touched
/// meanwhile exactly once.
#[utoipa::path(
    tag = "Conversations", operation_id = "list_conversations", params(StreamRequest),
    extensions(("x-problems" = json!(["view_not_allowed"]))),
    responses((status = 200, description = "A page of the stream.", body = ListView<CardView>)),
)]
#[get("/v1/conversations")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    if query.says("view", "all") && default_view(&caller.actor) != ViewName::All {
        // Whether the role may comes before what else is wrong with the request.
        return Err(StoreError::Refused(Refusal::ViewNotAllowed).into());
    }
    let wanted: StreamRequest = query.read()?;
    let view = wanted.view.unwrap_or_else(|| default_view(&caller.actor));
    let scope = Scope::of("/v1/conversations")
        .with(caller.actor.user_id.0.as_bytes())
        .with(format!("{view:?} {:?} {:?}", wanted.status, wanted.sort));
    let after = match &wanted.cursor {
        Some(cursor) => {
            let (micros, id): (i64, ConversationId) = cursor::open(&state.cursor_key, &scope, cursor)?;
            DateTime::from_timestamp_micros(micros)
                .map(|last_activity_at| StreamPosition { last_activity_at, id })
        }
        None => None,
    };
    let query = StreamQuery {
        view: view.into(),
        status: wanted.status.into(),
        sort: wanted.sort.into(),
        after,
        limit: wanted.limit,
    };
    let page = state.store.stream(&caller.actor, &query).await?;
    let next = match page.items.last().filter(|_| page.more) {
        Some(last) => {
            let position = (last.last_activity_at.timestamp_micros(), last.id);
            Some(cursor::seal(&state.cursor_key, &scope, &position)?)
        }
        None => None,
    };
    let cards = page.items.into_iter().map(CardView::from).collect();
    Ok(answer::list(&request, &state, cards, next))
}

/// STR-1: everything for those who may see it.
fn default_view(actor: &Actor) -> ViewName {
    match actor.visibility() {
        Visibility::All => ViewName::All,
        Visibility::Mine(_) => ViewName::Mine,
    }
}

/// Counts
///
/// Open and unread conversations, for the navigation's badge. `all` is null for team members.
#[utoipa::path(
    tag = "Conversations", operation_id = "count_conversations",
    extensions(("x-problems" = json!(["validation_failed"]))),
    responses((status = 200, description = "The counts.", body = CountsView)),
)]
#[get("/v1/conversations/counts")]
pub(crate) async fn counts(
    caller: ConversationsCaller,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let NoQuery = query.read()?;
    Ok(HttpResponse::Ok().json(CountsView::from(state.store.counts(&caller.actor).await?)))
}

/// One conversation
///
/// Its card, who takes part, what the caller may do, and what the editor begins with. Reading it doesn't open it.
#[utoipa::path(
    tag = "Conversations", operation_id = "get_conversation",
    params(("id" = Uuid, Path, description = "The conversation's id."), IfNoneMatchHeader),
    extensions(("x-problems" = json!(["conversation_merged"]))),
    responses((status = 200, description = "The conversation.", body = ConversationView)),
)]
#[get("/v1/conversations/{id}")]
pub(crate) async fn show(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (version, view) = present(&state, &caller.actor, path_id(&request, "id")).await?;
    answer::resource(&request, version, &view)
}

/// Change a conversation
///
/// Close or reopen it, hand it over, choose another primary contact. What it already has changes nothing. The answer is
/// the whole conversation, also when this very change takes it out of the caller's sight.
#[utoipa::path(
    tag = "Conversations", operation_id = "update_conversation",
    params(("id" = Uuid, Path, description = "The conversation's id."), IfMatchHeader),
    request_body = ConversationRequest,
    extensions(("x-problems" = json!(["conversation_merged"]))),
    responses((status = 200, description = "The conversation as it is now.", body = ConversationView)),
)]
#[patch("/v1/conversations/{id}")]
pub(crate) async fn update(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let current = present(&state, &caller.actor, id);
    let patch = answer::judged(body.read::<ConversationRequest>().await, expected, current).await?;
    match state.store.edit_conversation(&caller.actor, id, expected.version(), patch.into()).await {
        Ok(detail) => {
            let version = detail.card.version;
            let view = ConversationView::from(detail);
            answer::resource(&request, version, &view)
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, &caller.actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// Opened
///
/// The caller has the conversation open: it is read, for everybody. The messages up to `message_id` were shown; without
/// it, all of them. It never moves back.
#[utoipa::path(
    tag = "Conversations", operation_id = "mark_conversation_seen",
    params(("id" = Uuid, Path, description = "The conversation's id."), IfMatchHeader),
    request_body = Option<SeenRequest>,
    extensions(("x-problems" = json!(["conversation_merged"]))),
    responses((status = 204, description = "It is read.")),
)]
#[put("/v1/conversations/{id}/seen")]
pub(crate) async fn seen(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let read = body.read_or_default::<SeenRequest>().await;
    let shown = answer::judged(read, expected, present(&state, &caller.actor, id)).await?.message_id;
    match state.store.mark_seen(&caller.actor, id, expected.version(), shown).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(StoreError::NotFound) if shown.is_some() => {
            present(&state, &caller.actor, id).await?;
            Err(Problem::field(
                "/message_id",
                FieldCode::InvalidId,
                "This is no message of the conversation.",
            ))
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, &caller.actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// Mark unread
///
/// It is unread for everybody, until somebody opens it.
#[utoipa::path(
    tag = "Conversations", operation_id = "mark_conversation_unread",
    params(("id" = Uuid, Path, description = "The conversation's id."), IfMatchHeader),
    extensions(("x-problems" = json!(["conversation_merged"]))),
    responses((status = 204, description = "It is unread.")),
)]
#[delete("/v1/conversations/{id}/seen")]
pub(crate) async fn unseen(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    answer::judged(body.nothing().await, expected, present(&state, &caller.actor, id)).await?;
    match state.store.mark_unread(&caller.actor, id, expected.version()).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(StoreError::StaleVersion) => Err(etag::stale(&present(&state, &caller.actor, id).await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// The conversation as it is now, with its version.
async fn present(
    state: &State,
    actor: &Actor,
    id: ConversationId,
) -> Result<(i64, ConversationView), Problem> {
    let detail = state.store.conversation(actor, id).await?;
    Ok((detail.card.version, detail.into()))
}
