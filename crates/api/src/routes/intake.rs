//! The intake list of a mailbox: what was read and did not become a message in the usual way.

use super::{mailboxes::managed, sending::mail_answer};
use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::ConversationsCaller,
    cursor::{self, Scope},
    etag::Expected,
    problem::Problem,
    server::State,
    shapes::{
        intake::{IntakeEntryView, ReplayView},
        list::{ListView, PageQuery},
    },
    workers::off_worker,
};
use actix_web::{HttpRequest, HttpResponse, get, post, web::Data};
use bytes::Bytes;
use postroom_domain::{
    access::Actor,
    ids::{IntakeId, MailboxId},
};
use postroom_mime::{Circumstances, Understood, understand};
use postroom_store::Replay;

/// The intake list
///
/// Nothing that was read is dropped silently: what failed, was too large, is automatic, came back or came from an ignored
/// sender stands here, the latest first. For those who manage the mailbox; `from` and the mails themselves of a personal
/// one are for its user alone.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "list_intake",
    params(("id" = Uuid, Path, description = "The mailbox's id."), PageQuery),
    extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 200, description = "A page of the list.", body = ListView<IntakeEntryView>)),
)]
#[get("/v1/mailboxes/{id}/intake")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let id: MailboxId = path_id(&request, "id");
    let scope =
        Scope::of("/v1/mailboxes/{id}/intake").with(caller.actor.user_id.0.as_bytes()).with(id.0.as_bytes());
    let read = query.read::<PageQuery>().and_then(|page| {
        let before = page.cursor.as_deref();
        let before = before.map(|cursor| cursor::open::<IntakeId>(&state.cursor_key, &scope, cursor));
        Ok((before.transpose()?, page.limit))
    });
    let (before, limit) = answer::judged(read, Expected::Any, managed(&state, &caller.actor, id)).await?;
    let found = state.store.intake(&caller.actor, id, before, limit).await?;
    let next = match found.items.last().filter(|_| found.more) {
        Some(last) => Some(cursor::seal(&state.cursor_key, &scope, &last.id)?),
        None => None,
    };
    let entries = found.items.into_iter().map(IntakeEntryView::from).collect();
    Ok(answer::list(&request, &state, entries, next))
}

/// An entry's mail
///
/// Byte by byte as it was received (`message/rfc822`), for those who may read the mailbox's mail: of a personal one, its
/// user alone.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "get_raw_intake",
    params(
        ("id" = Uuid, Path, description = "The mailbox's id."),
        ("entry_id" = Uuid, Path, description = "The entry's id."),
    ),
    extensions(("x-problems" = json!(["role_not_allowed", "nothing_kept"]))),
    responses((status = 200, description = "The mail.", content_type = "message/rfc822", body = Vec<u8>)),
)]
#[get("/v1/mailboxes/{id}/intake/{entry_id}/raw")]
pub(crate) async fn mail_bytes(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (id, entry) = (path_id(&request, "id"), path_id::<IntakeId>(&request, "entry_id"));
    let bytes = state.store.intake_mail(&caller.actor, id, entry).await?;
    Ok(mail_answer(entry, bytes))
}

/// Take an entry in once more
///
/// Its mail goes the way of every other, as it is understood now: after an ignored sender was taken off the list, say, or
/// with a newer Postroom. What is a message by now stays that one, so that nothing is there twice.
#[utoipa::path(
    tag = "Mailboxes", operation_id = "replay_intake",
    params(
        ("id" = Uuid, Path, description = "The mailbox's id."),
        ("entry_id" = Uuid, Path, description = "The entry's id."),
    ),
    extensions(("x-problems" = json!(["role_not_allowed", "nothing_kept"]))),
    responses((status = 200, description = "What became of it.", body = ReplayView)),
)]
#[post("/v1/mailboxes/{id}/intake/{entry_id}/replay")]
pub(crate) async fn take_in_again(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (id, entry) = (path_id::<MailboxId>(&request, "id"), path_id::<IntakeId>(&request, "entry_id"));
    let (actor, store) = (&caller.actor, &state.store);
    answer::judged(body.nothing().await, Expected::Any, present(&state, actor, id, entry)).await?;
    let _turn = state.whole_mails.acquire().await.map_err(|_| Problem::unavailable())?;
    let replay = store.intake_replay(actor, id, entry).await?;
    let raw = store.get_raw_mail(actor.workspace_id, &replay.raw).await?;
    let sha256 = replay.raw;
    let understood = off_worker(move || understand(&raw, &circumstances(&replay))).await?;
    let Some(Understood { mut mail, contents }) = understood else {
        let entry = store.intake_entry(actor, id, entry).await?;
        return Ok(HttpResponse::Ok().json(ReplayView::new(entry, None)));
    };
    mail.raw_sha256 = Some(sha256);
    store.put_blobs(actor.workspace_id, contents.into_iter().map(Bytes::from).collect()).await?;
    let (entry, ingested) = store.replay_intake(actor, id, entry, &mail).await?;
    Ok(HttpResponse::Ok().json(ReplayView::new(entry, Some(&ingested))))
}

/// Somebody asks for it now: it is news.
fn circumstances(replay: &Replay) -> Circumstances<'_> {
    Circumstances {
        in_sent: replay.in_sent,
        imported: false,
        received_at: replay.received_at,
        authserv_id: replay.authserv_id.as_deref(),
        too_large: None,
    }
}

/// Whether the entry is there for the caller.
async fn present(state: &State, actor: &Actor, id: MailboxId, entry: IntakeId) -> Result<(i64, ()), Problem> {
    state.store.intake_entry(actor, id, entry).await?;
    Ok((1, ()))
}
