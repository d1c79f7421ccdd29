//! From bytes to what the store takes in: a mail, and what its circumstances say of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use postroom_domain::address::{EmailAddress, NamedAddress};
use postroom_domain::incoming::{
    BounceReport, BouncedRecipient, IncomingAttachment, IncomingMail, IncomingSource, IntakeReason,
};
use postroom_domain::message::RfcMessageId;
use postroom_domain::reply::{Segment, SegmentKind};
use postroom_domain::subject::subject_key;
use postroom_domain::threading::Headers;
use sha2::{Digest, Sha256};

use crate::address::ParsedAddress;
use crate::bounce::{Bounce, BounceRecipient};
use crate::parse::ParsedMail;

/// What is known of a mail besides its bytes.
#[derive(Debug, Clone)]
pub struct Circumstances<'a> {
    /// Found in `\Sent`: our own people wrote it.
    pub in_sent: bool,
    /// Old news (CNV-10).
    pub imported: bool,
    /// INTERNALDATE.
    pub received_at: DateTime<Utc>,
    /// Whose Authentication-Results are believed (MAIL-15).
    pub authserv_id: Option<&'a str>,
    /// Set where only the header was read: the message's size and the largest that is read whole, in bytes.
    pub too_large: Option<(u64, u64)>,
}

/// A mail, and the contents of its attachments in the order of [`IncomingMail::attachments`].
#[derive(Debug)]
pub struct Understood {
    /// The mail; where its raw bytes are kept is not known yet. Its files are named by their contents.
    pub mail: IncomingMail,
    /// Its files' contents.
    pub contents: Vec<Vec<u8>>,
}

/// Reads a mail in its circumstances; `None` if the parser failed on it, which it never should.
#[must_use]
pub fn understand(raw: &[u8], circumstances: &Circumstances<'_>) -> Option<Understood> {
    catch_unwind(AssertUnwindSafe(|| convert(crate::parse(raw), circumstances))).ok()?
}

fn convert(parsed: ParsedMail, circumstances: &Circumstances<'_>) -> Option<Understood> {
    let from = parsed.from.first().and_then(ParsedAddress::parsed);
    let source = if circumstances.in_sent {
        IncomingSource::SentFolder
    } else {
        let authenticated = vouched_for(&parsed, from.as_ref(), circumstances.authserv_id);
        IncomingSource::Received { authenticated }
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
        intake: circumstances.too_large.map(|_| IntakeReason::TooLarge),
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

fn segment(segment: crate::Segment) -> Segment {
    use crate::SegmentKind as Parsed;
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

fn attachment(attachment: crate::Attachment) -> (IncomingAttachment, Vec<u8>) {
    let incoming = IncomingAttachment {
        filename: attachment.filename.map(plain),
        content_type: plain(attachment.content_type),
        size: attachment.size as u64,
        sha256: Sha256::digest(&attachment.contents).into(),
        content_id: attachment.content_id.map(plain),
        inline: attachment.inline,
    };
    (incoming, attachment.contents)
}

/// Only what failed for good came back: a report that a mail is late, or has arrived, is none.
fn bounce_report(bounce: Bounce) -> Option<BounceReport> {
    let failed = |recipient: &BounceRecipient| recipient.action.eq_ignore_ascii_case("failed");
    if !bounce.recipients.is_empty() && !bounce.recipients.iter().any(failed) {
        return None;
    }
    let recipients = bounce.recipients.into_iter().filter(failed).filter_map(|recipient| {
        Some(BouncedRecipient {
            address: EmailAddress::parse(&recipient.address).ok()?,
            status: recipient.status.map(plain),
            reason: plain(recipient.reason),
        })
    });
    let original = bounce.original_message_id.as_deref().and_then(message_id);
    Some(BounceReport { original, recipients: recipients.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(raw: &str, in_sent: bool, authserv_id: Option<&str>) -> IncomingMail {
        let circumstances = Circumstances {
            in_sent,
            imported: false,
            received_at: DateTime::UNIX_EPOCH,
            authserv_id,
            too_large: None,
        };
        understand(raw.replace('\n', "\r\n").as_bytes(), &circumstances).unwrap().mail
    }

    const AUTHENTICATED: &str = "Authentication-Results: mx.example.test; dmarc=pass header.from=example.com\n\
                                 From: Ann <ann@example.com>\nMessage-ID: <1@example.com>\n\nHello\n";

    #[test]
    fn only_the_mailboxs_own_server_vouches_for_a_sender() {
        let source = |id| understood(AUTHENTICATED, false, id).source;
        assert_eq!(source(Some("mx.example.test")), IncomingSource::Received { authenticated: true });
        assert_eq!(source(Some("mx.elsewhere.test")), IncomingSource::Received { authenticated: false });
        assert_eq!(source(None), IncomingSource::Received { authenticated: false });
        let sent = understood(AUTHENTICATED, true, None);
        assert_eq!(sent.source, IncomingSource::SentFolder);
    }

    #[test]
    fn a_mail_without_an_id_has_the_same_one_each_time() {
        let raw = "From: ann@example.com\nSubject: Re: plans\n\nHello\n";
        let (first, again) = (understood(raw, false, None), understood(raw, false, None));
        assert_eq!(first.headers.message_id, again.headers.message_id);
        let other = understood(&raw.replace("Hello", "Hullo"), false, None);
        assert_ne!(first.headers.message_id, other.headers.message_id);
        assert_eq!(first.headers.subject_key, "plans");
    }

    #[test]
    fn no_text_reaches_the_database_with_a_nul() {
        let mail = understood("From: ann@example.com\nSubject: a\0b\n\nHel\0lo\n", false, None);
        let texts = [&mail.subject, &mail.text, &mail.preview];
        assert!(texts.iter().all(|text| !text.contains('\0')), "{texts:?}");
    }

    #[test]
    fn a_report_of_a_delay_is_no_bounce_and_no_persons_mail() {
        let report = |action: &str| {
            format!(
                "From: MAILER-DAEMON@example.com\nMessage-ID: <r@example.com>\nMIME-Version: 1.0\n\
                 Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
                 --b\nContent-Type: text/plain\n\nA report.\n--b\nContent-Type: message/delivery-status\n\n\
                 Reporting-MTA: dns; mx.example.com\n\n\
                 Final-Recipient: rfc822; bob@example.org\nAction: {action}\nStatus: 4.4.1\n\n\
                 --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <ours@example.test>\n--b--\n"
            )
        };
        let late = understood(&report("delayed"), false, None);
        assert!(late.bounce.is_none());
        assert!(late.automatic);
        let failed = understood(&report("failed"), false, None).bounce.unwrap();
        assert_eq!(failed.original.unwrap().as_str(), "ours@example.test");
        assert_eq!(failed.recipients[0].address.as_str(), "bob@example.org");
    }
}
