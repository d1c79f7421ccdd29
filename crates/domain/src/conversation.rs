//! The conversation as an aggregate (CNV-1 to CNV-9): what it is, what may be asked of it, and what changes then.
//!
//! [`Conversation::decide`] answers every command with the changes that follow from it, or refuses; [`Conversation::apply`]
//! carries them out. The same two serve HTTP, mail and tests.

use crate::{
    ids::{ContactId, UserId},
    message::{Direction, Party, Position},
    refusal::Refusal,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Whether the team still has something to do (CNV-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is on somebody's desk.
    Open,
    /// It is done, until the next message.
    Closed,
}

impl Status {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// What makes a thread a conversation, by workspace or mailbox (CNV-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartsOn {
    /// The moment a party other than its first message's writes.
    Reply,
    /// An external party's first message as well.
    FirstInbound,
}

impl StartsOn {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::FirstInbound => "first_inbound",
        }
    }
}

/// What CNV-1 asks of each message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// Who speaks.
    pub party: Party,
    /// An automatic reply (MAIL-7) or a bounce (MAIL-8): never counts as a reply.
    pub automatic: bool,
    /// It answers a mail that was never seen here: it names a Message-ID, and none that is known.
    pub answers_unseen: bool,
}

/// Whether a thread with these messages, in their order in time, is a conversation (CNV-1).
#[must_use]
pub fn is_conversation(thread: &[Utterance], starts_on: StartsOn) -> bool {
    let Some(first) = thread.first() else { return false };
    thread.iter().filter(|message| !message.automatic).any(|message| {
        let external = matches!(message.party, Party::External(_));
        message.party != first.party
            || (external && message.answers_unseen)
            || (external && starts_on == StartsOn::FirstInbound)
    })
}

/// Who might own a new conversation (CNV-2); each only where they are an active user.
#[derive(Clone, Copy, Debug)]
pub struct OwnerCandidates {
    /// The user who wrote the thread's first outbound message.
    pub first_writer: Option<UserId>,
    /// The user of the personal mailbox it came to.
    pub mailbox_user: Option<UserId>,
    /// The shared mailbox's default owner.
    pub mailbox_default: Option<UserId>,
    /// The primary contact's owner.
    pub contact_owner: Option<UserId>,
    /// The workspace's owner, who is always there.
    pub workspace_owner: UserId,
}

impl OwnerCandidates {
    /// The first who is there, in CNV-2's order.
    #[must_use]
    pub fn choose(&self) -> UserId {
        self.first_writer
            .or(self.mailbox_user)
            .or(self.mailbox_default)
            .or(self.contact_owner)
            .unwrap_or(self.workspace_owner)
    }
}

/// The conversation's state, as far as rules decide on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Open or closed.
    pub status: Status,
    /// When it was closed; `None` while it is open.
    pub closed_at: Option<DateTime<Utc>>,
    /// Whose it is.
    pub owner: UserId,
    /// The external person it is about.
    pub primary_contact: ContactId,
    /// Not opened by any user since it was created or marked unread (CNV-7).
    pub unread: bool,
    /// Inbound messages since somebody last opened it (CNV-7).
    pub unseen_replies: u32,
    /// The last message that was shown to somebody who opened it.
    pub seen: Option<Position>,
    /// What the stream is sorted by (CNV-6).
    pub last_activity_at: DateTime<Utc>,
    /// Counts the edits of status, owner and primary contact.
    pub version: u64,
}

/// A message that has come into the conversation.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Its place in time.
    pub position: Position,
    /// Which way it went.
    pub direction: Direction,
    /// MAIL-7: changes nothing but the card's text.
    pub automatic: bool,
    /// Brought by a backfill, a rescan or an import (CNV-10): old news.
    pub imported: bool,
}

/// What a user changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edit {
    /// The new status.
    pub status: Option<Status>,
    /// The new owner, and whether they are an active user of the workspace.
    pub owner: Option<(UserId, bool)>,
    /// The new primary contact, and whether they are an external party of the conversation.
    pub primary_contact: Option<(ContactId, bool)>,
}

/// What may be asked of a conversation.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    /// A user edits it.
    Edit(Edit),
    /// A message has come.
    Receive(Arrival),
    /// A user has opened it and was shown the messages up to this one; so many inbound ones stand after it.
    Open {
        /// The last message shown.
        shown: Position,
        /// Inbound, not automatic messages after the later of `shown` and what was seen before.
        unseen_after: u32,
    },
    /// A user marks it unread, for all.
    MarkUnread,
}

/// One thing that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The status, at this time.
    Status(Status, DateTime<Utc>),
    /// The owner. The contact's owner stays (CNV-8).
    Owner(UserId),
    /// The primary contact.
    PrimaryContact(ContactId),
    /// The unread indicator.
    Unread(bool),
    /// The number of unseen replies.
    UnseenReplies(u32),
    /// The last message seen.
    Seen(Position),
    /// Activity: where it stands in the stream.
    Activity(DateTime<Utc>),
    /// Somebody edited it: older copies are stale now.
    Edited,
}

impl Conversation {
    /// A new conversation (CNV-2): open, and unread unless all its messages are old news. Its messages are then
    /// received one by one.
    #[must_use]
    pub fn begin(owner: UserId, primary_contact: ContactId, imported: bool, now: DateTime<Utc>) -> Self {
        Self {
            status: Status::Open,
            closed_at: None,
            owner,
            primary_contact,
            unread: !imported,
            unseen_replies: 0,
            seen: None,
            last_activity_at: now,
            version: 1,
        }
    }

    /// What follows from a command. No changes: nothing happened, and nobody is to be told.
    ///
    /// # Errors
    /// When a rule refuses it; nothing of it is done then.
    pub fn decide(&self, command: &Command, now: DateTime<Utc>) -> Result<Vec<Change>, Refusal> {
        match command {
            Command::Edit(edit) => self.edit(edit, now),
            Command::Receive(arrival) => Ok(self.receive(arrival, now)),
            Command::Open { shown, unseen_after } => Ok(self.open(*shown, *unseen_after)),
            Command::MarkUnread => Ok(if self.unread { vec![] } else { vec![Change::Unread(true)] }),
        }
    }

    fn edit(&self, edit: &Edit, now: DateTime<Utc>) -> Result<Vec<Change>, Refusal> {
        let mut changes = Vec::new();
        if let Some(status) = edit.status.filter(|status| *status != self.status) {
            changes.extend([Change::Status(status, now), Change::Activity(self.last_activity_at.max(now))]);
        }
        if let Some((owner, active)) = edit.owner.filter(|(owner, _)| *owner != self.owner) {
            if !active {
                return Err(Refusal::OwnerNotActive);
            }
            changes.push(Change::Owner(owner));
        }
        if let Some((contact, is_party)) = edit.primary_contact.filter(|(id, _)| *id != self.primary_contact)
        {
            if !is_party {
                return Err(Refusal::ContactNotInConversation);
            }
            changes.push(Change::PrimaryContact(contact));
        }
        if !changes.is_empty() {
            changes.push(Change::Edited);
        }
        Ok(changes)
    }

    fn receive(&self, arrival: &Arrival, now: DateTime<Utc>) -> Vec<Change> {
        let mut changes = Vec::new();
        if arrival.automatic {
            return changes;
        }
        if self.status == Status::Closed && !arrival.imported {
            changes.extend([Change::Status(Status::Open, now), Change::Edited]);
        }
        if arrival.direction == Direction::Inbound && !arrival.imported {
            changes.push(Change::UnseenReplies(self.unseen_replies.saturating_add(1)));
        }
        if arrival.position.at > self.last_activity_at {
            changes.push(Change::Activity(arrival.position.at));
        }
        changes
    }

    fn open(&self, shown: Position, unseen_after: u32) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.unread {
            changes.push(Change::Unread(false));
        }
        if self.seen.is_none_or(|seen| shown > seen) {
            changes.push(Change::Seen(shown));
        }
        if unseen_after != self.unseen_replies {
            changes.push(Change::UnseenReplies(unseen_after));
        }
        changes
    }

    /// Carries out one change.
    pub fn apply(&mut self, change: &Change) {
        match *change {
            Change::Status(status, at) => {
                self.status = status;
                self.closed_at = (status == Status::Closed).then_some(at);
            }
            Change::Owner(owner) => self.owner = owner,
            Change::PrimaryContact(contact) => self.primary_contact = contact,
            Change::Unread(unread) => self.unread = unread,
            Change::UnseenReplies(count) => self.unseen_replies = count,
            Change::Seen(position) => self.seen = Some(position),
            Change::Activity(at) => self.last_activity_at = at,
            Change::Edited => self.version += 1,
        }
    }
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
