//! The intake list of a mailbox.

use super::time::Time;
use postroom_domain::{
    ids::{ConversationId, IntakeId, MessageId},
    incoming::IntakeReason,
};
use postroom_store::{Ingested, IntakeEntry};
use serde::Serialize;
use utoipa::ToSchema;

/// Why something that was read did not become a message in the usual way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IntakeReason)]
pub enum IntakeReasonName {
    /// It could not be fetched or stored, three times.
    Failed,
    /// It can't be read as a mail.
    Unparseable,
    /// It is larger than what is read; its header is a message.
    TooLarge,
    /// An automatic reply. It is a message of its thread, and makes no conversation.
    Automatic,
    /// A mail of ours came back; its message says so.
    Bounce,
    /// A report that a mail came back which was never sent here.
    UnmatchedBounce,
    /// Too many alike in a short time.
    Loop,
    /// The sender is on the list of those whose mail is not taken in.
    IgnoredSender,
    /// The same Message-ID as another message of its thread, with another content.
    Variant,
}

impl From<IntakeReason> for IntakeReasonName {
    fn from(reason: IntakeReason) -> Self {
        match reason {
            IntakeReason::Failed => Self::Failed,
            IntakeReason::Unparseable => Self::Unparseable,
            IntakeReason::TooLarge => Self::TooLarge,
            IntakeReason::Automatic => Self::Automatic,
            IntakeReason::Bounce => Self::Bounce,
            IntakeReason::UnmatchedBounce => Self::UnmatchedBounce,
            IntakeReason::Loop => Self::Loop,
            IntakeReason::IgnoredSender => Self::IgnoredSender,
            IntakeReason::Variant => Self::Variant,
        }
    }
}

/// Something that was read and did not become a message in the usual way.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = IntakeEntry)]
pub struct IntakeEntryView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: IntakeId,
    /// Why.
    pub reason: IntakeReasonName,
    /// More of it, for people; may be empty.
    #[schema(example = "This message could not be stored.")]
    pub detail: String,
    /// Who wrote it; null where that could not be read, and in a colleague's personal mailbox.
    #[schema(example = "bob@customer.example")]
    pub from: Option<String>,
    /// The message that it became all the same; null where it is none.
    #[schema(value_type = Option<Uuid>)]
    pub message_id: Option<MessageId>,
    /// The mail itself is kept: it can be looked at (`…/raw`) and taken in once more (`…/replay`).
    pub has_raw: bool,
    /// When its server received it.
    pub received_at: Time,
    /// When it was last taken in once more; null where it never was.
    pub replayed_at: Option<Time>,
    /// When it was read.
    pub created_at: Time,
}

impl From<IntakeEntry> for IntakeEntryView {
    fn from(entry: IntakeEntry) -> Self {
        Self {
            id: entry.id,
            reason: entry.reason.into(),
            detail: entry.detail,
            from: entry.from,
            message_id: entry.message_id,
            has_raw: entry.has_raw,
            received_at: entry.received_at.into(),
            replayed_at: entry.replayed_at.map(Time::from),
            created_at: entry.created_at.into(),
        }
    }
}

/// What became of a mail that was taken in once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReplayOutcome)]
pub enum ReplayOutcomeName {
    /// It is a message now.
    Stored,
    /// It is the message that was there already.
    Known,
    /// It is a report that a mail came back.
    Bounce,
    /// Its sender is still on the list of those whose mail is not taken in.
    Ignored,
    /// It still can't be read as a mail.
    Unparseable,
}

/// What became of an entry that was taken in once more.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Replay)]
pub struct ReplayView {
    /// What became of it.
    pub outcome: ReplayOutcomeName,
    /// The conversation that a new message stands in; null where there is none.
    #[schema(value_type = Option<Uuid>)]
    pub conversation_id: Option<ConversationId>,
    /// The entry as it is now.
    pub entry: IntakeEntryView,
}

impl ReplayView {
    /// The answer; `None` where the parser failed on the mail.
    #[must_use]
    pub fn new(entry: IntakeEntry, ingested: Option<&Ingested>) -> Self {
        let (outcome, conversation_id) = match ingested {
            Some(Ingested::Stored { conversation_id, .. }) => (ReplayOutcomeName::Stored, *conversation_id),
            Some(Ingested::Known(_)) => (ReplayOutcomeName::Known, None),
            Some(Ingested::Bounce { .. }) => (ReplayOutcomeName::Bounce, None),
            Some(Ingested::Listed(_) | Ingested::ListedBefore(_)) => (ReplayOutcomeName::Ignored, None),
            None => (ReplayOutcomeName::Unparseable, None),
        };
        Self { outcome, conversation_id, entry: entry.into() }
    }
}
