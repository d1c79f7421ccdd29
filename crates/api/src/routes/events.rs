//! What happened: read, or followed as it happens.

use crate::{
    answer,
    body::{Body, Parameters},
    caller::{self, Caller, ConversationsCaller},
    envelope::HeadOnly,
    headers::{LastEventIdHeader, last_event_id},
    problem::Problem,
    refusal,
    server::State,
    shapes::{
        event::EventPageView,
        following::{EventsQuery, FollowQuery, TicketView},
    },
    sse::{self, Feed},
    tickets::Ticket,
};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, get, post, web::Data};
use postroom_store::FeatureState;

/// What happened
///
/// The changes behind a number that the caller may know of, with cards as they are now. Numbers count up in the order of
/// the commits; a page that read something with `Postroom-Event: n` misses nothing when it goes on with `after=n`. Kept
/// for 30 days.
#[utoipa::path(
    tag = "Live", operation_id = "list_events", params(EventsQuery),
    extensions(("x-problems" = json!(["events_expired"]))),
    responses((status = 200, description = "What happened since.", body = EventPageView)),
)]
#[get("/v1/events")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted: EventsQuery = query.read()?;
    let page = state.store.events(&caller.actor, wanted.after, wanted.limit).await?;
    Ok(answer::for_caller(&request, &mut HttpResponse::Ok(), &EventPageView::from(page)))
}

/// Follow what happens
///
/// Server-Sent Events. Each change is a message whose `event:` is its type, whose `id:` is its number, and whose `data:`
/// is the same object as in `GET /v1/events`. A reader that reconnects with the last `id` (`Last-Event-ID`, which
/// EventSource sends by itself) misses nothing and gets nothing twice; an expired position is refused before the stream
/// starts.
///
/// Besides there are, with JSON objects as `data:`, `heartbeat` (`{}`, every 15 seconds, with an `id:`, so that a quiet
/// reader's position moves on), `presence` (a `Presence`; without `id:`, never repeated) and `end`
/// (a `StreamEnd`), after which the server closes the connection: after `stopping` and `role_changed` connect again, after
/// `role_changed` and `events_expired` load the page anew, after the others sign in.
///
/// The stream outlives its access token. Best opened by `fetch` with the usual `Authorization`; for EventSource there are
/// tickets. A reader that takes nothing for 30 seconds is cut off, and resumes. A user may have 50 streams open at once (of
/// one server process, if not configured otherwise); one more is 429 `rate_limited`.
#[utoipa::path(
    tag = "Live", operation_id = "follow_events", params(FollowQuery, LastEventIdHeader),
    security(("access_token" = []), ("api_key" = []), ("ticket" = [])),
    extensions(("x-problems" = json!(["events_expired", "malformed_request"]))),
    responses((status = 200, description = "The stream.", content_type = "text/event-stream", body = String)),
)]
#[get("/v1/events/stream")]
pub(crate) async fn stream(
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let caller = match query.text("ticket").filter(|_| caller::bearer(request.headers()).is_none()) {
        Some(ticket) => Ticket::open(&state.ticket_key, ticket)?.caller(&state).await?,
        None => caller::identify(&request).await?,
    };
    if caller.conversations != FeatureState::Enabled {
        return Err(refusal::feature_not_enabled());
    }
    let wanted: FollowQuery = query.read()?;
    let after = last_event_id(&request)?.or(wanted.after);
    let follower = state.live.follow(&caller.actor, caller.credential, after).await?;
    let links = super::messages::links(&state, &caller.actor);
    let feed = Feed { follower, live: state.live.clone(), times: state.settings.live, links };
    let head_only = request.extensions().get::<HeadOnly>().is_some();
    Ok(sse::answer((!head_only).then_some(feed)))
}

/// A ticket for the stream
///
/// For EventSource, which sends no headers: `GET /v1/events/stream?ticket=…`. It is good for that alone, and for any
/// number of connections while the caller's session or key lives. Nothing is stored; asking again is cheap.
#[utoipa::path(
    tag = "Live", operation_id = "create_event_ticket",
    responses((status = 200, description = "The ticket.", body = TicketView)),
)]
#[post("/v1/events/ticket")]
pub(crate) async fn issue_ticket(
    caller: Caller,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    if caller.conversations != FeatureState::Enabled {
        return Err(refusal::feature_not_enabled());
    }
    body.nothing().await?;
    let ticket = Ticket::of(&caller).seal(&state.ticket_key);
    Ok(HttpResponse::Ok().json(TicketView { ticket }))
}
