//! What the mail worker hands over beside the mails themselves: their places in folders, and what was passed.

use chrono::{DateTime, Utc};
use postroom_domain::{
    address::EmailAddress,
    ids::{ConversationId, FolderId, MessageId},
    incoming::IntakeReason,
};

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderRole {
    /// Where mail comes in.
    Inbox,
    /// Special use `\Sent`: what the mailbox's people wrote.
    Sent,
    /// Any further one.
    Other,
}

impl FolderRole {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Sent => "sent",
            Self::Other => "other",
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "inbox" => Self::Inbox,
            "sent" => Self::Sent,
            _ => Self::Other,
        }
    }
}

/// A folder and how far it is read (MAIL-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its id.
    pub id: FolderId,
    /// As the server writes it.
    pub name: String,
    /// As people do.
    pub label: String,
    /// What it is for.
    pub role: FolderRole,
    /// The UIDVALIDITY that the positions belong to.
    pub uid_validity: u32,
    /// The next UID of new mail.
    pub live_uid: u32,
    /// The next UID of the backfill.
    pub backfill_uid: u32,
    /// The backfill is done when its position has reached this.
    pub backfill_end: u32,
    /// How many messages the backfill's window had.
    pub backfill_total: u32,
    /// How many of them are read.
    pub backfill_done: u32,
    /// The message that failed last, and how often.
    pub failed_uid: Option<u32>,
    /// See `failed_uid`.
    pub failures: u32,
}

/// A folder's positions at the first sight of it, or after its UIDVALIDITY has changed.
#[derive(Clone, Debug)]
pub struct FolderStart {
    /// As the server writes it.
    pub name: String,
    /// As people do.
    pub label: String,
    /// What it is for.
    pub role: FolderRole,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT: everything from here on is new mail.
    pub live_uid: u32,
    /// The lowest UID of the window to read back; the same as `live_uid` where there is nothing.
    pub backfill_uid: u32,
    /// How many messages the window has.
    pub backfill_total: u32,
}

/// Which of a folder's two positions moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// New mail.
    Live,
    /// What was there before.
    Backfill,
}

/// One step of a folder's position, past one message.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The folder.
    pub folder_id: FolderId,
    /// Which position.
    pub track: Track,
    /// The message; the position moves behind it.
    pub uid: u32,
    /// The position before the step. Where it is another one by now, nothing happens.
    pub expected: u32,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// It is a message now.
    Stored {
        /// The message.
        message_id: MessageId,
        /// Its conversation, where its thread is one.
        conversation_id: Option<ConversationId>,
    },
    /// It was there already (MAIL-3).
    Known(MessageId),
    /// It reported that one of our mails came back; where it is known which.
    Bounce {
        /// The mail that came back.
        of: Option<MessageId>,
    },
    /// It only stands in the mailbox's intake list, for this reason (MAIL-12): its sender is ignored, or it is part of a
    /// loop.
    Listed(IntakeReason),
    /// It was read before, and stands in the intake list since then.
    ListedBefore(IntakeReason),
}

/// Something that was read and passed by.
#[derive(Clone, Debug)]
pub struct PassedMessage {
    /// Why.
    pub reason: IntakeReason,
    /// For people.
    pub detail: String,
    /// Who wrote it, where that could be read.
    pub from: Option<EmailAddress>,
    /// The raw mail in the blob store, where it could be read.
    pub raw_sha256: Option<[u8; 32]>,
    /// INTERNALDATE.
    pub received_at: DateTime<Utc>,
}
