//! From bytes to what the store takes in.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use postroom_domain::address::{EmailAddress, NamedAddress};
use postroom_domain::message::RfcMessageId;
use postroom_domain::reply::{Segment, SegmentKind};
use postroom_domain::subject::subject_key;
use postroom_domain::threading::Headers;
use postroom_mime::{Bounce, ParsedAddress, ParsedMail};
use postroom_store::{
    BounceReport, BouncedRecipient, FolderRole, IncomingAttachment, IncomingMail, IncomingSource,
};

/// What is known of a mail besides its bytes.
#[derive(Debug, Clone)]
pub(super) struct Circumstances<'a> {
    /// What its folder is for.
    pub(super) role: FolderRole,
    /// Old news (CNV-10).
    pub(super) imported: bool,
    /// INTERNALDATE.
    pub(super) received_at: DateTime<Utc>,
    /// Whose Authentication-Results are believed (MAIL-15).
    pub(super) authserv_id: Option<&'a str>,
    /// Set where only the header was read: the message's size and the largest that is read whole, in bytes.
    pub(super) too_large: Option<(u64, u64)>,
}

/// A mail, and the contents of its attachments in the order of [`IncomingMail::attachments`].
#[derive(Debug)]
pub(super) struct Understood {
    pub(super) mail: IncomingMail,
    pub(super) contents: Vec<Bytes>,
}

/// Reads a mail; `None` if the parser failed on it, which it never should.
pub(super) fn understand(raw: &[u8], circumstances: &Circumstances<'_>) -> Option<Understood> {
    let parsed = catch_unwind(AssertUnwindSafe(|| postroom_mime::parse(raw))).ok()?;
    convert(parsed, circumstances)
}

fn convert(parsed: ParsedMail, circumstances: &Circumstances<'_>) -> Option<Understood> {
    let from = parsed.from.first().and_then(ParsedAddress::parsed);
    let source = match circumstances.role {
        FolderRole::Sent => IncomingSource::SentFolder,
        FolderRole::Inbox | FolderRole::Other => IncomingSource::Received {
            authenticated: vouched_for(&parsed, from.as_ref(), circumstances.authserv_id),
        },
    };
    let mut notices = parsed.notices;
    if let Some((size, largest)) = circumstances.too_large {
        notices.push(format!(
            "This message has {size} bytes, more than the {largest} that are read; only its header was kept."
        ));
    }
    let subject = plain(parsed.subject.unwrap_or_default());
    let headers = Headers {
        message_id: parsed
            .message_id
            .as_deref()
            .and_then(message_id)
            .or_else(|| message_id(&parsed.derived_message_id))?,
        in_reply_to: message_ids(&parsed.in_reply_to),
        references: message_ids(&parsed.references),
        subject_key: subject_key(&subject),
        looks_like_reply: parsed.looks_like_reply,
    };
    let (attachments, contents) = parsed.attachments.into_iter().map(attachment).unzip();
    let mail = IncomingMail {
        source,
        imported: circumstances.imported,
        headers,
        content_digest: parsed.content_digest,
        from: from.map(clean),
        reply_to: addresses(&parsed.reply_to),
        to: addresses(&parsed.to),
        cc: addresses(&parsed.cc),
        bcc: addresses(&parsed.bcc),
        subject,
        sent_at: parsed.date,
        received_at: circumstances.received_at,
        text: plain(parsed.text),
        html: parsed.html.map(plain),
        segments: parsed.segments.into_iter().map(segment).collect(),
        preview: plain(parsed.preview),
        // A report about a delivery is written by a program even where it does not say so (MAIL-8).
        automatic: parsed.automatic || parsed.bounce.is_some(),
        bounce: parsed.bounce.and_then(bounce_report),
        attachments,
        raw_sha256: None,
        notices: notices.into_iter().map(plain).collect(),
    };
    Some(Understood { mail, contents })
}

fn vouched_for(parsed: &ParsedMail, from: Option<&NamedAddress>, authserv_id: Option<&str>) -> bool {
    match (from, authserv_id) {
        (Some(from), Some(id)) => parsed.passes_for(id, from.address.domain()),
        _ => false,
    }
}

/// PostgreSQL's texts have no NUL; mails do.
fn plain(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

fn message_id(text: &str) -> Option<RfcMessageId> {
    RfcMessageId::parse(text)
}

fn message_ids(texts: &[String]) -> Vec<RfcMessageId> {
    texts.iter().filter_map(|text| message_id(text)).collect()
}

fn addresses(list: &[ParsedAddress]) -> Vec<NamedAddress> {
    list.iter().filter_map(ParsedAddress::parsed).map(clean).collect()
}

fn clean(address: NamedAddress) -> NamedAddress {
    NamedAddress { name: address.name.map(plain), ..address }
}

fn segment(segment: postroom_mime::Segment) -> Segment {
    use postroom_mime::SegmentKind as Parsed;
    Segment {
        kind: match segment.kind {
            Parsed::New => SegmentKind::New,
            Parsed::Quote => SegmentKind::Quote,
            Parsed::Signature => SegmentKind::Signature,
            Parsed::Forwarded => SegmentKind::Forwarded,
        },
        text: plain(segment.text),
        html: segment.html.map(plain),
    }
}

fn attachment(attachment: postroom_mime::Attachment) -> (IncomingAttachment, Bytes) {
    let incoming = IncomingAttachment {
        filename: attachment.filename.map(plain),
        content_type: plain(attachment.content_type),
        size: attachment.size as u64,
        // Known when the content is in the blob store.
        sha256: [0; 32],
        content_id: attachment.content_id.map(plain),
        inline: attachment.inline,
    };
    (incoming, attachment.contents.into())
}

/// Only what failed for good came back: a report that a mail is late, or has arrived, is none.
fn bounce_report(bounce: Bounce) -> Option<BounceReport> {
    let recipients: Vec<BouncedRecipient> = bounce
        .recipients
        .into_iter()
        .filter(|recipient| recipient.action.eq_ignore_ascii_case("failed"))
        .filter_map(|recipient| {
            Some(BouncedRecipient {
                address: EmailAddress::parse(&recipient.address).ok()?,
                status: recipient.status.map(plain),
                reason: plain(recipient.reason),
            })
        })
        .collect();
    let original = bounce.original_message_id.as_deref().and_then(message_id);
    (!recipients.is_empty()).then_some(BounceReport { original, recipients })
}
