//! Two threads turn out to be one exchange (MAIL-16): they are joined where nobody could have forced it, else linked.

use crate::{
    aggregate::{self, Locked},
    error::StoreError,
    schema::{conversations, message_refs, messages, thread_parties, threads},
    threads::{add_parties, parties},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::EmailAddress,
    conversation::Status,
    ids::{ConversationId, ThreadId, UserId, WorkspaceId},
    threading::may_merge,
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The message that several threads hang on.
pub(crate) struct Hinge<'a> {
    /// Verified as written by one of us.
    pub(crate) is_ours: bool,
    /// Its sender, where they are external.
    pub(crate) sender: Option<&'a EmailAddress>,
}

/// What became of the threads.
pub(crate) enum Connection {
    /// They stay apart, linked, or were one already.
    Apart,
    /// The message's thread and others are one now.
    Merged {
        /// The thread that stays.
        into: ThreadId,
        /// The younger conversations that went, and whose they were.
        gone: Vec<(ConversationId, UserId)>,
    },
}

/// Connects the message's thread with those that it turns out to belong to.
pub(crate) async fn connect(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    others: &[ThreadId],
    hinge: &Hinge<'_>,
) -> Result<Connection, StoreError> {
    // In order, so that two transactions hardly ever wait for each other.
    let others: BTreeSet<ThreadId> = others.iter().copied().collect();
    let (mut into, mut gone, mut merged) = (thread, Vec::new(), false);
    for other in others {
        if let Some((stays, went)) = connect_two(tx, workspace, into, other, hinge).await? {
            into = stays;
            gone.extend(went);
            merged = true;
        }
    }
    Ok(if merged { Connection::Merged { into, gone } } else { Connection::Apart })
}

/// Joins two threads where they may be one: which of them stays, and the conversation that went, where both were one.
async fn connect_two(
    tx: &Tx,
    workspace: WorkspaceId,
    one: ThreadId,
    other: ThreadId,
    hinge: &Hinge<'_>,
) -> Result<Option<(ThreadId, Option<(ConversationId, UserId)>)>, StoreError> {
    let other = lock_root(tx, workspace, other).await?;
    if one == other {
        return Ok(None);
    }
    let of_one = parties(tx, workspace, one).await?;
    let of_other = parties(tx, workspace, other).await?;
    if !may_merge(hinge.is_ours, hinge.sender, &of_one, &of_other) {
        let (older, younger) = (one.min(other), one.max(other));
        diesel::update(threads::table.find((workspace.0, younger.0)).filter(threads::related_to.is_null()))
            .set(threads::related_to.eq(older.0))
            .execute(&mut tx.conn())
            .await?;
        return Ok(None);
    }
    let conversation_one = aggregate::lock_of_thread(tx, workspace, one).await?;
    let conversation_other = aggregate::lock_of_thread(tx, workspace, other).await?;
    let (stays, goes) = match (conversation_one, conversation_other) {
        (Some(a), Some(b)) => {
            let (older, younger) = if a.id < b.id { (a, b) } else { (b, a) };
            let (into, from) = (older.thread, younger.thread);
            move_thread(tx, workspace, from, into).await?;
            let gone = (younger.id, younger.state.owner);
            unite(tx, workspace, older, &younger).await?;
            return Ok(Some((into, Some(gone))));
        }
        (Some(_), None) => (one, other),
        (None, Some(_)) => (other, one),
        (None, None) => (one.min(other), one.max(other)),
    };
    move_thread(tx, workspace, goes, stays).await?;
    Ok(Some((stays, None)))
}

/// The thread that this one is by now, locked.
async fn lock_root(tx: &Tx, workspace: WorkspaceId, mut id: ThreadId) -> Result<ThreadId, StoreError> {
    loop {
        let next: Option<Uuid> = threads::table
            .find((workspace.0, id.0))
            .select(threads::merged_into)
            .for_no_key_update()
            .first(&mut tx.conn())
            .await?;
        match next {
            Some(next) => id = ThreadId(next),
            None => return Ok(id),
        }
    }
}

/// All that belonged to one thread belongs to the other from now on.
async fn move_thread(
    tx: &Tx,
    workspace: WorkspaceId,
    from: ThreadId,
    into: ThreadId,
) -> Result<(), StoreError> {
    diesel::update(
        messages::table.filter(messages::workspace_id.eq(workspace.0)).filter(messages::thread_id.eq(from.0)),
    )
    .set(messages::thread_id.eq(into.0))
    .execute(&mut tx.conn())
    .await?;
    diesel::update(
        message_refs::table
            .filter(message_refs::workspace_id.eq(workspace.0))
            .filter(message_refs::thread_id.eq(from.0)),
    )
    .set(message_refs::thread_id.eq(into.0))
    .execute(&mut tx.conn())
    .await?;
    let theirs = thread_parties::table
        .filter(thread_parties::workspace_id.eq(workspace.0))
        .filter(thread_parties::thread_id.eq(from.0));
    let theirs: Vec<(String, bool)> = diesel::delete(theirs)
        .returning((thread_parties::address, thread_parties::hidden))
        .get_results(&mut tx.conn())
        .await?;
    add_parties(tx, workspace, into, theirs.iter().map(|(address, hidden)| (address.as_str(), *hidden)))
        .await?;
    let (first, last): (DateTime<Utc>, DateTime<Utc>) =
        diesel::update(threads::table.find((workspace.0, from.0)))
            .set(threads::merged_into.eq(into.0))
            .returning((threads::first_message_at, threads::last_message_at))
            .get_result(&mut tx.conn())
            .await?;
    let into = threads::table.find((workspace.0, into.0));
    diesel::update(into.filter(threads::first_message_at.gt(first)))
        .set(threads::first_message_at.eq(first))
        .execute(&mut tx.conn())
        .await?;
    diesel::update(into.filter(threads::last_message_at.lt(last)))
        .set(threads::last_message_at.eq(last))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Two conversations are one: open if either is, unread if either is, the unseen replies together.
async fn unite(
    tx: &Tx,
    workspace: WorkspaceId,
    mut older: Locked,
    younger: &Locked,
) -> Result<(), StoreError> {
    let state = &mut older.state;
    let before = state.status;
    if younger.state.status == Status::Open {
        state.status = Status::Open;
        state.closed_at = None;
    }
    state.unread |= younger.state.unread;
    state.unseen_replies = state.unseen_replies.saturating_add(younger.state.unseen_replies);
    state.last_activity_at = state.last_activity_at.max(younger.state.last_activity_at);
    if state.status != before {
        state.version += 1;
    }
    aggregate::save(tx, workspace, &mut older, &[]).await?;
    diesel::update(conversations::table.find((workspace.0, younger.id.0)))
        .set(conversations::merged_into.eq(older.id.0))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}
