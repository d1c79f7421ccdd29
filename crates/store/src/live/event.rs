//! What a page is told.

use crate::stream::{Card, ContactRef, UserRef};
use chrono::{DateTime, Utc};
use postroom_domain::{
    delivery::DeliveryState,
    ids::{CompanyId, ConversationId, DealId, MailboxId, MessageId, ThreadId},
};

/// One change, as somebody may know it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the workspace's log: 1, 2, 3, … in the order of the commits. Where numbers are missing, there was
    /// something that is not theirs to know.
    pub number: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who did it; `None`: the system itself, or somebody they don't learn of.
    pub actor: Option<UserRef>,
    /// The conversation that it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// What changed.
    pub change: Change,
}

/// What changed, with what a page needs to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A thread became a conversation: its card as it is now.
    ConversationCreated(Box<Card>),
    /// A conversation changed: its card as it is now. One that the reader has not had is new to them.
    ConversationUpdated(Box<Card>),
    /// It left the reader's view: it is somebody else's, or part of another one.
    ConversationRemoved(ConversationId),
    /// A message came in or was accepted.
    MessageCreated(MessageNews),
    /// A message's delivery went on, or it was understood anew.
    MessageUpdated(MessageNews),
    /// A message was taken back before it was sent.
    MessageRemoved(MessageNews),
    /// A contact changed; cards show them so.
    ContactUpdated(ContactRef),
    /// A company changed.
    CompanyUpdated(CompanyId),
    /// A deal changed.
    DealUpdated(DealId),
    /// A mailbox changed.
    MailboxUpdated(MailboxId),
    /// A loop is cut off in a mailbox: what comes of it stands in the intake list.
    MailboxLoop(MailboxId),
    /// A user changed; cards show them so.
    UserUpdated(UserRef),
    /// The workspace's name or settings changed.
    WorkspaceUpdated,
    /// So much changed at once that the page loads anew.
    ViewReset,
}

/// A message, as far as an event names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageNews {
    /// Which.
    pub id: MessageId,
    /// Its thread; `None` where the message is there no more.
    pub thread_id: Option<ThreadId>,
    /// How its delivery stands, where it has one.
    pub delivery: Option<DeliveryState>,
}

/// A part of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// What the reader may know of it.
    pub events: Vec<Event>,
    /// The log was read up to this number: the next part begins behind it.
    pub next_after: i64,
    /// The latest number there is.
    pub latest: i64,
}
