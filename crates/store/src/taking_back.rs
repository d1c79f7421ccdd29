//! A mail is taken back while nobody has it (RPL-5): it is gone as if it had never been written, its text is the editor's
//! again, and its files can be used again.

use crate::{
    Store, StoreError,
    aggregate::{self, Locked},
    audit,
    events::{self, EventKind, NewEvent},
    messages::require_visible,
    outbox,
    schema::{
        attachments, conversations, delivery_recipients, mailboxes, message_bodies, message_recipients,
        message_refs, messages, outbox as mails, outbox_queue, thread_parties, threads as threads_table,
    },
    threads,
    transaction::{Tx, database_time},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    delivery::RecipientState,
    ids::{MessageId, ThreadId, UserId, WorkspaceId},
};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What has to be known of a mail to take it back.
#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
struct Queued {
    request: Value,
    data_started_at: Option<DateTime<Utc>>,
    sent_copy_at: Option<DateTime<Utc>>,
    may_have_left: bool,
}

impl Store {
    /// Takes a mail back while nobody has a copy of it and no worker holds it, and gives the request with which it was
    /// written. The message is gone, the card shows what was before it; whom it would have brought into the thread
    /// takes no part. The conversation's status stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for what is no mail of ours that the actor may see, [`StoreError::NotAuthor`],
    /// [`StoreError::AlreadySending`] once a worker has claimed it: it is sent or taken back, never both, never
    /// neither.
    pub async fn cancel_message(&self, actor: &Actor, id: MessageId) -> Result<Value, StoreError> {
        self.write(actor.workspace_id, async |tx| cancel(tx, actor, id).await).await
    }
}

async fn cancel(tx: &Tx, actor: &Actor, id: MessageId) -> Result<Value, StoreError> {
    let workspace = actor.workspace_id;
    require_visible(tx, actor, id).await?;
    let thread = lock_thread_of(tx, workspace, id).await?;
    let locked = aggregate::lock_of_thread(tx, workspace, thread).await?;
    // What was taken back meanwhile is not there any more; from here on the thread's lock keeps it.
    let (author, mailbox_user): (Option<Uuid>, Option<Uuid>) = messages::table
        .inner_join(mailboxes::table.on(
            mailboxes::workspace_id.eq(messages::workspace_id).and(mailboxes::id.eq(messages::mailbox_id)),
        ))
        .filter(messages::workspace_id.eq(workspace.0).and(messages::id.eq(id.0)))
        .filter(messages::issued)
        .select((messages::author_user_id, mailboxes::user_id))
        .first(&mut tx.conn())
        .await?;
    let mailbox_user = mailbox_user.map(UserId);
    if author != Some(actor.user_id.0) {
        return Err(StoreError::NotAuthor);
    }
    let mail = still_ours(tx, workspace, id).await?;
    let gone = remove(tx, workspace, id).await?;
    leave_thread(tx, workspace, thread, &gone).await?;
    let news = match locked {
        Some(locked) => recompute(tx, actor, &locked, id).await?,
        // Who may know of a mail that is gone can't be looked up any more: the event says whose the mailbox is.
        None => vec![NewEvent {
            owners: mailbox_user.map(|user| (user, user)),
            ..NewEvent::of(EventKind::MessageRemoved, Some(actor.user_id), id)
        }],
    };
    forget_empty(tx, workspace, thread).await?;
    audit::record(tx, actor, audit::Entry::new("message.taken_back", "message", id)).await?;
    events::append(tx, workspace, &news).await?;
    Ok(mail.request)
}

/// The message's thread, locked: it may be joined with another one until then.
async fn lock_thread_of(tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<ThreadId, StoreError> {
    let of = messages::table.find((workspace.0, id.0)).select(messages::thread_id);
    let mut thread: Uuid = of.first(&mut tx.conn()).await?;
    loop {
        threads::lock(tx, workspace, ThreadId(thread)).await?;
        let by_now: Uuid = of.first(&mut tx.conn()).await?;
        if by_now == thread {
            return Ok(ThreadId(thread));
        }
        thread = by_now;
    }
}

/// The mail, if nobody can have got it: the worker's own lock decides, so that it is either claimed or taken back.
async fn still_ours(tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<Queued, StoreError> {
    let key = (workspace.0, id.0);
    let leased: Option<DateTime<Utc>> = outbox_queue::table
        .find(key)
        .select(outbox_queue::leased_until)
        .for_update()
        .first(&mut tx.conn())
        .await
        .optional()?
        // Whatever is in nobody's queue has come to its end.
        .ok_or(StoreError::AlreadySending)?;
    if leased.is_some() && leased > Some(database_time(tx).await?) {
        return Err(StoreError::AlreadySending);
    }
    let mail: Queued =
        mails::table.find(key).select(Queued::as_select()).for_update().first(&mut tx.conn()).await?;
    let states = outbox::states(tx, workspace, id).await?;
    // A worker that died before the body was begun has sent nothing, and gets its lease back no more.
    let waits = |state: &RecipientState| matches!(state, RecipientState::Queued | RecipientState::Sending);
    let untouched = states.iter().all(waits)
        && mail.data_started_at.is_none()
        && mail.sent_copy_at.is_none()
        && !mail.may_have_left;
    if untouched { Ok(mail) } else { Err(StoreError::AlreadySending) }
}

/// What a message leaves behind in its thread.
struct Gone {
    rfc_message_id: String,
    addressed: Vec<String>,
}

/// Removes the message with all that hangs on it; its files are their uploader's again.
async fn remove(tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<Gone, StoreError> {
    let key = (workspace.0, id.0);
    diesel::update(
        attachments::table
            .filter(attachments::workspace_id.eq(workspace.0))
            .filter(attachments::message_id.eq(id.0)),
    )
    .set((
        attachments::message_id.eq(None::<Uuid>),
        attachments::unused_since.eq(Utc::now()),
        attachments::position.eq(0),
        attachments::is_inline.eq(false),
        attachments::content_id.eq(None::<String>),
    ))
    .execute(&mut tx.conn())
    .await?;
    diesel::delete(outbox_queue::table.find(key)).execute(&mut tx.conn()).await?;
    diesel::delete(
        delivery_recipients::table
            .filter(delivery_recipients::workspace_id.eq(workspace.0))
            .filter(delivery_recipients::message_id.eq(id.0)),
    )
    .execute(&mut tx.conn())
    .await?;
    diesel::delete(mails::table.find(key)).execute(&mut tx.conn()).await?;
    let addressed = diesel::delete(
        message_recipients::table
            .filter(message_recipients::workspace_id.eq(workspace.0))
            .filter(message_recipients::message_id.eq(id.0)),
    )
    .returning(message_recipients::address)
    .get_results(&mut tx.conn())
    .await?;
    diesel::delete(message_bodies::table.find(key)).execute(&mut tx.conn()).await?;
    let rfc_message_id =
        messages::table.find(key).select(messages::rfc_message_id).first(&mut tx.conn()).await?;
    unshow(tx, workspace, id).await?;
    diesel::delete(messages::table.find(key)).execute(&mut tx.conn()).await?;
    Ok(Gone { rfc_message_id, addressed })
}

/// The card points at its last message: at the one before, until it is made anew. A conversation that consists of this
/// mail alone, begun by hand, goes with it.
async fn unshow(tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<(), StoreError> {
    let shown = conversations::table
        .filter(conversations::workspace_id.eq(workspace.0))
        .filter(conversations::last_message_id.eq(id.0));
    let thread: Option<Uuid> =
        shown.select(conversations::thread_id).first(&mut tx.conn()).await.optional()?;
    let Some(thread) = thread else { return Ok(()) };
    let before: Option<Uuid> = messages::table
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread))
        .filter(messages::variant_of.is_null())
        .filter(messages::id.ne(id.0))
        .order((messages::received_at.desc(), messages::id.desc()))
        .select(messages::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    match before {
        Some(before) => {
            diesel::update(shown)
                .set(conversations::last_message_id.eq(before))
                .execute(&mut tx.conn())
                .await?;
        }
        None => {
            diesel::delete(shown).execute(&mut tx.conn()).await?;
        }
    }
    Ok(())
}

/// The thread is as if the mail had not been: its Message-ID is nobody's, and whom only it addressed takes no part.
async fn leave_thread(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    gone: &Gone,
) -> Result<(), StoreError> {
    let own_id = message_refs::table.find((workspace.0, &gone.rfc_message_id));
    diesel::delete(own_id).execute(&mut tx.conn()).await?;
    let others = addressed_by_others(tx, workspace, thread, &gone.addressed).await?;
    let is = |hidden: bool, address: &str| others.contains(&(address.to_owned(), hidden));
    let unseen: Vec<&str> =
        gone.addressed.iter().map(String::as_str).filter(|address| !is(false, address)).collect();
    let never_named: Vec<&str> = unseen.iter().copied().filter(|address| !is(true, address)).collect();
    let of_thread = thread_parties::table
        .filter(thread_parties::workspace_id.eq(workspace.0))
        .filter(thread_parties::thread_id.eq(thread.0));
    diesel::delete(of_thread.filter(thread_parties::address.eq_any(never_named)))
        .execute(&mut tx.conn())
        .await?;
    diesel::update(of_thread.filter(thread_parties::address.eq_any(unseen)))
        .set(thread_parties::hidden.eq(true))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Which of these addresses the thread's other messages name, and whether in blind copy. What a stranger wrote names
/// nobody (MAIL-16).
async fn addressed_by_others(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    addresses: &[String],
) -> Result<BTreeSet<(String, bool)>, StoreError> {
    let trusted = messages::workspace_id
        .eq(workspace.0)
        .and(messages::thread_id.eq(thread.0))
        .and(messages::sender_known);
    let named: Vec<(String, String)> = message_recipients::table
        .inner_join(
            messages::table.on(messages::workspace_id
                .eq(message_recipients::workspace_id)
                .and(messages::id.eq(message_recipients::message_id))),
        )
        .filter(trusted)
        .filter(message_recipients::address.eq_any(addresses))
        .filter(message_recipients::field.ne("reply_to"))
        .select((message_recipients::address, message_recipients::field))
        .distinct()
        .load(&mut tx.conn())
        .await?;
    let wrote: Vec<String> = messages::table
        .filter(trusted)
        .filter(messages::from_address.eq_any(addresses))
        .select(messages::from_address)
        .distinct()
        .load(&mut tx.conn())
        .await?;
    let named = named.into_iter().map(|(address, field)| (address, field == "bcc"));
    Ok(named.chain(wrote.into_iter().map(|address| (address, false))).collect())
}

/// Makes the conversation's card anew, and tells what has changed.
async fn recompute(
    tx: &Tx,
    actor: &Actor,
    locked: &Locked,
    id: MessageId,
) -> Result<Vec<NewEvent>, StoreError> {
    aggregate::show_all(tx, actor.workspace_id, locked).await?;
    let there = conversations::table.find((actor.workspace_id.0, locked.id.0));
    let stays: bool = diesel::select(diesel::dsl::exists(there)).get_result(&mut tx.conn()).await?;
    let by: Option<UserId> = Some(actor.user_id);
    let owners = (locked.state.owner, locked.state.owner);
    let removed = NewEvent {
        conversation: Some(locked.id),
        owners: Some(owners),
        ..NewEvent::of(EventKind::MessageRemoved, by, id)
    };
    let kind = if stays { EventKind::ConversationUpdated } else { EventKind::ConversationRemoved };
    Ok(vec![removed, NewEvent::of_conversation(kind, by, locked.id, owners)])
}

/// A thread without messages is none; the others end when their last message came.
async fn forget_empty(tx: &Tx, workspace: WorkspaceId, thread: ThreadId) -> Result<(), StoreError> {
    let last: Option<DateTime<Utc>> = messages::table
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread.0))
        .select(diesel::dsl::max(messages::received_at))
        .first(&mut tx.conn())
        .await?;
    let this = threads_table::table.find((workspace.0, thread.0));
    if let Some(last) = last {
        diesel::update(this).set(threads_table::last_message_at.eq(last)).execute(&mut tx.conn()).await?;
        return Ok(());
    }
    let of_thread = message_refs::workspace_id.eq(workspace.0).and(message_refs::thread_id.eq(thread.0));
    diesel::delete(
        thread_parties::table
            .filter(thread_parties::workspace_id.eq(workspace.0))
            .filter(thread_parties::thread_id.eq(thread.0)),
    )
    .execute(&mut tx.conn())
    .await?;
    diesel::update(message_refs::table.filter(of_thread.assume_not_null()))
        .set(message_refs::thread_id.eq(None::<Uuid>))
        .execute(&mut tx.conn())
        .await?;
    diesel::update(
        threads_table::table
            .filter(threads_table::workspace_id.eq(workspace.0))
            .filter(threads_table::related_to.eq(thread.0)),
    )
    .set(threads_table::related_to.eq(None::<Uuid>))
    .execute(&mut tx.conn())
    .await?;
    let leads_here = threads_table::table
        .filter(threads_table::workspace_id.eq(workspace.0))
        .filter(threads_table::merged_into.eq(thread.0));
    // Where older threads went into this one it stays, empty, as their address.
    if !diesel::select(diesel::dsl::exists(leads_here)).get_result(&mut tx.conn()).await? {
        diesel::delete(this).execute(&mut tx.conn()).await?;
    }
    Ok(())
}
