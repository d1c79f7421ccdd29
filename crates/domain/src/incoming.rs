//! A mail that was read, as it was understood: what reading it makes, and what placing it begins with.

use crate::{
    address::{EmailAddress, NamedAddress},
    message::RfcMessageId,
    reply::Segment,
    threading::Headers,
};
use chrono::{DateTime, Utc};

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
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Failed,
        Self::Unparseable,
        Self::TooLarge,
        Self::Automatic,
        Self::Bounce,
        Self::UnmatchedBounce,
        Self::Loop,
        Self::IgnoredSender,
        Self::Variant,
    ];

    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
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
