//! What the mail worker hands over: a mail as it was understood, and the place in its folder.

use chrono::{DateTime, Utc};
use postroom_domain::{
    address::{EmailAddress, NamedAddress},
    ids::{ConversationId, FolderId, MessageId},
    message::RfcMessageId,
    reply::Segment,
    threading::Headers,
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
    pub(crate) fn as_str(self) -> &'static str {
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

/// Where a mail was found (MAIL-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncomingSource {
    /// In `\Sent`.
    SentFolder,
    /// In another folder.
    Received {
        /// The mailbox's own server vouches for From's domain.
        authenticated: bool,
    },
}

/// A mail that was read.
#[derive(Clone, Debug)]
pub struct IncomingMail {
    /// Where it was found.
    pub source: IncomingSource,
    /// Brought by a backfill, a rescan or an import: old news (CNV-10).
    pub imported: bool,
    /// The headers that decide about its thread.
    pub headers: Headers,
    /// MAIL-3's digest.
    pub content_digest: [u8; 32],
    /// From; `None` where it can't be understood.
    pub from: Option<NamedAddress>,
    /// Reply-To.
    pub reply_to: Vec<NamedAddress>,
    /// To.
    pub to: Vec<NamedAddress>,
    /// Cc.
    pub cc: Vec<NamedAddress>,
    /// Bcc (in our own Sent folders).
    pub bcc: Vec<NamedAddress>,
    /// Unfolded, as written; `""` where there is none.
    pub subject: String,
    /// The Date header.
    pub sent_at: Option<DateTime<Utc>>,
    /// INTERNALDATE.
    pub received_at: DateTime<Utc>,
    /// The whole body as text.
    pub text: String,
    /// The whole body as sanitised HTML.
    pub html: Option<String>,
    /// Its parts.
    pub segments: Vec<Segment>,
    /// STR-2's preview.
    pub preview: String,
    /// MAIL-7.
    pub automatic: bool,
    /// MAIL-8: it is a report that a mail came back.
    pub bounce: Option<BounceReport>,
    /// It is listed in the intake as well, for this reason (MAIL-12): it could not be read whole, say.
    pub intake: Option<IntakeReason>,
    /// Its files; their contents are in the blob store already.
    pub attachments: Vec<IncomingAttachment>,
    /// The raw mail in the blob store.
    pub raw_sha256: Option<[u8; 32]>,
    /// What was odd about it, for people.
    pub notices: Vec<String>,
}

/// A file that came with a mail.
#[derive(Clone, Debug)]
pub struct IncomingAttachment {
    /// As the sender named it.
    pub filename: Option<String>,
    /// `type/subtype`.
    pub content_type: String,
    /// In bytes.
    pub size: u64,
    /// Its key in the blob store.
    pub sha256: [u8; 32],
    /// Content-ID without brackets.
    pub content_id: Option<String>,
    /// Shown within the text.
    pub inline: bool,
}

/// A report that a mail came back (RFC 3464, or in plain words).
#[derive(Clone, Debug)]
pub struct BounceReport {
    /// The Message-ID of the mail that came back.
    pub original: Option<RfcMessageId>,
    /// Who did not get it.
    pub recipients: Vec<BouncedRecipient>,
}

/// A recipient whose copy came back.
#[derive(Clone, Debug)]
pub struct BouncedRecipient {
    /// Who.
    pub address: EmailAddress,
    /// RFC 3463 status, `5.1.1`.
    pub status: Option<String>,
    /// For people.
    pub reason: String,
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
    /// Its sender is on the list of those whose mail is not taken in.
    Ignored,
}

/// Why something that was read did not become a message in the usual way (MAIL-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntakeReason {
    /// It failed three times.
    Failed,
    /// It can't be parsed at all.
    Unparseable,
    /// It is larger than the limit.
    TooLarge,
    /// An automatic reply (MAIL-7).
    Automatic,
    /// A bounce, matched to one of our mails.
    Bounce,
    /// A bounce of a mail that we don't know.
    UnmatchedBounce,
    /// Too many alike in a short time: a loop that was cut off.
    Loop,
    /// The sender is on the list of those whose mail is not taken in.
    IgnoredSender,
    /// The same Message-ID as another message of the thread, with another content (MAIL-3).
    Variant,
}

impl IntakeReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Unparseable => "unparseable",
            Self::TooLarge => "too_large",
            Self::Automatic => "automatic",
            Self::Bounce => "bounce",
            Self::UnmatchedBounce => "unmatched_bounce",
            Self::Loop => "loop",
            Self::IgnoredSender => "ignored_sender",
            Self::Variant => "variant",
        }
    }
}

/// Something that was read and passed by.
#[derive(Clone, Debug)]
pub struct PassedMessage {
    /// Why.
    pub reason: IntakeReason,
    /// For people.
    pub detail: String,
    /// The raw mail in the blob store, where it could be read.
    pub raw_sha256: Option<[u8; 32]>,
    /// INTERNALDATE.
    pub received_at: DateTime<Utc>,
}
