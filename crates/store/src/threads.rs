//! Threads in the database: what is locked before a message is placed, what is known then, and what is kept after.

use crate::{
    error::StoreError,
    prepared::Prepare,
    schema::{message_bodies, message_refs, messages, thread_parties, threads},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::{
    PgArrayExpressionMethods,
    dsl::{exists, not},
    prelude::*,
    sql_types::Timestamptz,
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::EmailAddress,
    ids::{MailboxId, ThreadId, WorkspaceId},
    incoming::IncomingMail,
    message::{Direction, RfcMessageId},
    reply::token_of,
    threading::{Claim, Headers, Hold, Known, Placement, SubjectCandidate, may_claim},
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// The Message-IDs that a mail carries and names, locked in order, with what is known of each.
pub(crate) struct LockedRefs {
    known: HashMap<String, (Option<ThreadId>, bool)>,
}

impl LockedRefs {
    /// Locks them. Whoever carries or names one of them waits here, so that two mails of one thread can't split it.
    pub(crate) async fn lock(tx: &Tx, workspace: WorkspaceId, headers: &Headers) -> Result<Self, StoreError> {
        let ids: BTreeSet<&str> =
            std::iter::once(&headers.message_id).chain(headers.named()).map(RfcMessageId::as_str).collect();
        let rows: Vec<_> = ids
            .iter()
            .map(|id| (message_refs::workspace_id.eq(workspace.0), message_refs::message_id.eq(*id)))
            .collect();
        let count = rows.len();
        let (mut first, mut second) = (tx.conn(), tx.conn());
        let made = diesel::insert_into(message_refs::table)
            .values(rows)
            .on_conflict_do_nothing()
            .prepared_for(count)
            .execute(&mut first);
        let locked = message_refs::table
            .filter(message_refs::workspace_id.eq(workspace.0))
            .filter(message_refs::message_id.eq_any(ids.into_iter().collect::<Vec<_>>()))
            .order(message_refs::message_id)
            .select((message_refs::message_id, message_refs::thread_id, message_refs::seen))
            .for_no_key_update()
            .load::<(String, Option<Uuid>, bool)>(&mut second);
        let (_, rows) = tokio::try_join!(biased; made, locked)?;
        let known = rows.into_iter().map(|(id, thread, seen)| (id, (thread.map(ThreadId), seen))).collect();
        Ok(Self { known })
    }

    fn thread(&self, id: &RfcMessageId) -> Option<ThreadId> {
        self.known.get(id.as_str()).and_then(|(thread, _)| *thread)
    }

    /// Whether the mail names mails, and none of them was ever seen here (CNV-1).
    pub(crate) fn answers_unseen(&self, headers: &Headers) -> bool {
        let named = headers.named();
        !named.is_empty() && !named.iter().any(|id| self.was_seen(id))
    }

    fn was_seen(&self, id: &RfcMessageId) -> bool {
        self.known.get(id.as_str()).is_some_and(|(_, seen)| *seen)
    }

    /// What the workspace knows that bears on the placing of the mail.
    pub(crate) async fn known(
        &self,
        tx: &Tx,
        workspace: WorkspaceId,
        mailbox: MailboxId,
        mail: &IncomingMail,
        (direction, sender_is_external): (Direction, bool),
    ) -> Result<Known, StoreError> {
        let headers = &mail.headers;
        let named: HashMap<_, _> =
            headers.named().into_iter().filter_map(|id| Some((id.clone(), self.thread(id)?))).collect();
        let token = if named.is_empty() { by_token(tx, workspace, headers).await? } else { None };
        let own = match self.thread(&headers.message_id) {
            Some(thread) => {
                let is_ours = direction == Direction::Outbound;
                let hold = if self.was_seen(&headers.message_id) {
                    Hold::Same
                } else {
                    hold(tx, workspace, thread, mail, is_ours).await?
                };
                Some(Claim { thread, hold })
            }
            None => None,
        };
        let sender = mail.from.as_ref().filter(|_| sender_is_external).map(|from| &from.address);
        let by_subject = match sender {
            Some(sender) if named.is_empty() && token.is_none() && own.is_none() => {
                by_subject(tx, workspace, mailbox, mail, sender).await?
            }
            _ => None,
        };
        Ok(Known { named, token, own, by_subject })
    }
}

/// What a thread has of a mail that was named there before it came.
async fn hold(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    mail: &IncomingMail,
    is_ours: bool,
) -> Result<Hold, StoreError> {
    let people = mail.from.iter().chain(&mail.to).chain(&mail.cc).chain(&mail.bcc);
    let people = people.map(|one| one.address.clone()).collect();
    if may_claim(is_ours, &people, &parties(tx, workspace, thread).await?) {
        return Ok(Hold::Fast);
    }
    let all = all_name(tx, workspace, thread, &mail.headers.message_id).await?;
    Ok(if all { Hold::Loose } else { Hold::None })
}

/// Whether all messages of a thread name this Message-ID.
async fn all_name(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    id: &RfcMessageId,
) -> Result<bool, StoreError> {
    let other = messages::table
        .inner_join(
            message_bodies::table.on(message_bodies::workspace_id
                .eq(messages::workspace_id)
                .and(message_bodies::message_id.eq(messages::id))),
        )
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread.0))
        .filter(not(message_bodies::refs.contains(vec![id.as_str()])))
        .filter(not(message_bodies::in_reply_to.contains(vec![id.as_str()])));
    let there_is_another: bool = diesel::select(exists(other)).get_result(&mut tx.conn()).await?;
    Ok(!there_is_another)
}

/// The thread that all our mails with this token belong to, where the mail names one.
pub(crate) async fn by_token(
    tx: &Tx,
    workspace: WorkspaceId,
    headers: &Headers,
) -> Result<Option<(RfcMessageId, ThreadId)>, StoreError> {
    let tokens: Vec<(&RfcMessageId, Vec<u8>)> =
        headers.named().into_iter().filter_map(|id| Some((id, token_digest(token_of(id)?)))).collect();
    if tokens.is_empty() {
        return Ok(None);
    }
    let digests: Vec<&[u8]> = tokens.iter().map(|(_, digest)| digest.as_slice()).collect();
    let found: Option<(Uuid, Option<Vec<u8>>)> = threads::table
        .filter(threads::workspace_id.eq(workspace.0))
        .filter(threads::token_digest.eq_any(digests))
        .select((threads::id, threads::token_digest))
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(found.and_then(|(thread, digest)| {
        let digest = digest?;
        let (id, _) = tokens.iter().find(|(_, token)| *token == digest)?;
        Some(((*id).clone(), ThreadId(thread)))
    }))
}

/// What is kept of a thread's token: whoever reads the database can't answer into the thread with it.
pub(crate) fn token_digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

async fn by_subject(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: MailboxId,
    mail: &IncomingMail,
    sender: &EmailAddress,
) -> Result<Option<ThreadId>, StoreError> {
    let headers = &mail.headers;
    if !headers.looks_like_reply || headers.subject_key.is_empty() {
        return Ok(None);
    }
    let newest: Option<(Uuid, DateTime<Utc>)> = threads::table
        .inner_join(
            thread_parties::table.on(thread_parties::workspace_id
                .eq(threads::workspace_id)
                .and(thread_parties::thread_id.eq(threads::id))),
        )
        .filter(threads::workspace_id.eq(workspace.0))
        .filter(threads::mailbox_id.eq(mailbox.0))
        .filter(threads::subject_key.eq(&headers.subject_key))
        .filter(threads::merged_into.is_null())
        .filter(thread_parties::address.eq(sender.as_str()))
        .order(threads::last_message_at.desc())
        .select((threads::id, threads::last_message_at))
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(newest.and_then(|(id, last_message_at)| {
        let candidate = SubjectCandidate { same_mailbox: true, sender_is_party: true, last_message_at };
        candidate.admits(headers, mail.received_at).then_some(ThreadId(id))
    }))
}

/// The thread that a message goes into, locked.
pub(crate) struct Thread {
    pub(crate) id: ThreadId,
    pub(crate) is_new: bool,
    /// When its first message came, before this one.
    pub(crate) first_message_at: DateTime<Utc>,
}

/// What a thread is begun with.
pub(crate) struct ThreadStart<'a> {
    pub(crate) mailbox: MailboxId,
    pub(crate) subject_key: &'a str,
    pub(crate) token_digest: Option<Vec<u8>>,
    pub(crate) at: DateTime<Utc>,
}

/// Opens the placement's thread: the one that is there, or a new one.
pub(crate) async fn open_thread(
    tx: &Tx,
    workspace: WorkspaceId,
    placement: &Placement,
    start: &ThreadStart<'_>,
) -> Result<Thread, StoreError> {
    let Some(mut id) = placement.thread else {
        return begin_thread(tx, workspace, start).await;
    };
    loop {
        let (merged, first_message_at): (Option<Uuid>, DateTime<Utc>) = threads::table
            .find((workspace.0, id.0))
            .select((threads::merged_into, threads::first_message_at))
            .for_no_key_update()
            .first(&mut tx.conn())
            .await?;
        match merged {
            Some(next) => id = ThreadId(next),
            None => return Ok(Thread { id, is_new: false, first_message_at }),
        }
    }
}

/// Locks a thread that will get a message: before its conversation, as everybody does.
pub(crate) async fn lock(tx: &Tx, workspace: WorkspaceId, thread: ThreadId) -> Result<(), StoreError> {
    threads::table
        .find((workspace.0, thread.0))
        .select(threads::id)
        .for_no_key_update()
        .first::<Uuid>(&mut tx.conn())
        .await?;
    Ok(())
}

/// Begins a thread.
pub(crate) async fn begin_thread(
    tx: &Tx,
    workspace: WorkspaceId,
    start: &ThreadStart<'_>,
) -> Result<Thread, StoreError> {
    let id = ThreadId(Uuid::now_v7());
    diesel::insert_into(threads::table)
        .values((
            threads::workspace_id.eq(workspace.0),
            threads::id.eq(id.0),
            threads::mailbox_id.eq(start.mailbox.0),
            threads::subject_key.eq(start.subject_key),
            threads::token_digest.eq(&start.token_digest),
            threads::first_message_at.eq(start.at),
            threads::last_message_at.eq(start.at),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(Thread { id, is_new: true, first_message_at: start.at })
}

/// Those who wrote in a thread before its beginning came had nothing to do with it: they are strangers there, as if they had
/// come after it (MAIL-16). Unless one of us has written to them meanwhile.
pub(crate) async fn make_strangers(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
) -> Result<(), StoreError> {
    let theirs = messages::table
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread.0));
    let ours = theirs.filter(messages::direction.eq(Direction::Outbound.as_str()));
    if diesel::select(exists(ours)).get_result(&mut tx.conn()).await? {
        return Ok(());
    }
    diesel::update(theirs).set(messages::sender_known.eq(false)).execute(&mut tx.conn()).await?;
    let parties = thread_parties::table
        .filter(thread_parties::workspace_id.eq(workspace.0))
        .filter(thread_parties::thread_id.eq(thread.0));
    diesel::delete(parties).execute(&mut tx.conn()).await?;
    Ok(())
}

/// Whether an address takes part in a thread.
pub(crate) async fn is_party(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    address: &EmailAddress,
) -> Result<bool, StoreError> {
    let there = thread_parties::table.find((workspace.0, thread.0, address.as_str()));
    Ok(diesel::select(exists(there)).get_result(&mut tx.conn()).await?)
}

/// Who takes part in a thread.
pub(crate) async fn parties(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
) -> Result<BTreeSet<EmailAddress>, StoreError> {
    let addresses: Vec<String> = thread_parties::table
        .filter(thread_parties::workspace_id.eq(workspace.0))
        .filter(thread_parties::thread_id.eq(thread.0))
        .select(thread_parties::address)
        .load(&mut tx.conn())
        .await?;
    Ok(addresses.iter().filter_map(|address| EmailAddress::parse(address).ok()).collect())
}

/// What a message adds to its thread.
pub(crate) struct Addition<'a> {
    pub(crate) thread: &'a Thread,
    pub(crate) own: &'a RfcMessageId,
    pub(crate) named: Vec<&'a RfcMessageId>,
    /// The external addresses that take part from now on.
    pub(crate) parties: Vec<&'a EmailAddress>,
    /// Those of them that nobody else learns of (RPL-2).
    pub(crate) hidden_parties: Vec<&'a EmailAddress>,
    pub(crate) at: DateTime<Utc>,
}

/// Keeps what a message adds: its Message-IDs belong to the thread, its people take part.
pub(crate) async fn add_to_thread(
    tx: &Tx,
    workspace: WorkspaceId,
    addition: &Addition<'_>,
) -> Result<(), StoreError> {
    let thread = addition.thread;
    let visible = addition.parties.iter().map(|address| (address.as_str(), false));
    let hidden = addition.hidden_parties.iter().map(|address| (address.as_str(), true));
    tokio::try_join!(
        biased;
        claim_own(tx, workspace, addition),
        claim_named(tx, workspace, addition),
        add_parties(tx, workspace, thread.id, visible.chain(hidden)),
        // A new one begins with this message.
        async { if thread.is_new { Ok(()) } else { reach(tx, workspace, thread.id, addition.at).await } },
    )?;
    Ok(())
}

/// The message's own id belongs to the thread. One that is somebody's mail already stays that one's.
async fn claim_own(tx: &Tx, workspace: WorkspaceId, addition: &Addition<'_>) -> Result<(), StoreError> {
    diesel::update(message_refs::table.find((workspace.0, addition.own.as_str())))
        .filter(not(message_refs::seen))
        .set((message_refs::thread_id.eq(addition.thread.id.0), message_refs::seen.eq(true)))
        .prepared()
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// The ids that it names, where they belong to none yet.
async fn claim_named(tx: &Tx, workspace: WorkspaceId, addition: &Addition<'_>) -> Result<(), StoreError> {
    let named: Vec<&str> = addition.named.iter().map(|id| id.as_str()).collect();
    if named.is_empty() {
        return Ok(());
    }
    let nobodys = message_refs::table
        .filter(message_refs::workspace_id.eq(workspace.0))
        .filter(message_refs::message_id.eq_any(named))
        .filter(message_refs::thread_id.is_null());
    diesel::update(nobodys)
        .set(message_refs::thread_id.eq(addition.thread.id.0))
        .prepared()
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// A Message-ID that one of the thread's messages has as well, as others know it. The row is locked already.
pub(crate) async fn add_alias(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    id: &RfcMessageId,
) -> Result<(), StoreError> {
    diesel::update(message_refs::table.find((workspace.0, id.as_str())))
        .set((message_refs::thread_id.eq(thread.0), message_refs::seen.eq(true)))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

diesel::define_sql_function! {
    /// The later of the two.
    fn greatest(one: Timestamptz, other: Timestamptz) -> Timestamptz;
}
diesel::define_sql_function! {
    /// The earlier of the two.
    fn least(one: Timestamptz, other: Timestamptz) -> Timestamptz;
}

/// The thread has a message of this time.
pub(crate) async fn reach(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let beyond = threads::last_message_at.lt(at).or(threads::first_message_at.gt(at));
    diesel::update(threads::table.find((workspace.0, thread.0)).filter(beyond))
        .set((
            threads::last_message_at.eq(greatest(threads::last_message_at, at)),
            threads::first_message_at.eq(least(threads::first_message_at, at)),
        ))
        .prepared()
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// These addresses take part in the thread from now on. Whoever was seen once stays seen.
pub(crate) async fn add_parties(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    parties: impl Iterator<Item = (&str, bool)>,
) -> Result<(), StoreError> {
    let (hidden, visible): (Vec<_>, Vec<_>) = parties.partition(|(_, hidden)| *hidden);
    let row = |(address, hidden): &(&str, bool)| {
        (
            thread_parties::workspace_id.eq(workspace.0),
            thread_parties::thread_id.eq(thread.0),
            thread_parties::address.eq((*address).to_owned()),
            thread_parties::hidden.eq(*hidden),
        )
    };
    // In order, so that two transactions don't wait for each other; each once, as one statement demands.
    let visible: std::collections::BTreeSet<_> = visible.into_iter().collect();
    let key = (thread_parties::workspace_id, thread_parties::thread_id, thread_parties::address);
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let seen = diesel::insert_into(thread_parties::table)
        .values(visible.iter().map(row).collect::<Vec<_>>())
        .on_conflict(key)
        .do_update()
        .set(thread_parties::hidden.eq(false))
        .prepared_for(visible.len())
        .execute(&mut first);
    let unseen = diesel::insert_into(thread_parties::table)
        .values(hidden.iter().map(row).collect::<Vec<_>>())
        .on_conflict(key)
        .do_nothing()
        .prepared_for(hidden.len())
        .execute(&mut second);
    // The visible ones first: who is among them is not hidden.
    tokio::try_join!(
        biased;
        async { if visible.is_empty() { Ok(0) } else { seen.await } },
        async { if hidden.is_empty() { Ok(0) } else { unseen.await } },
    )?;
    Ok(())
}
