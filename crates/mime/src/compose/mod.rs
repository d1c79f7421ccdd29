//! Composing the mail that a user sends (SND-5).
//!
//! The bytes are the same for the same input: nothing here draws a boundary by chance or reads a clock, so that a
//! mail that is rendered again is the same mail.

mod headers;

use chrono::{DateTime, Utc};
use headers::HeaderBlock;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, MultiPart, MultiPartBuilder, SinglePart};
use postroom_domain::address::NamedAddress;
use sha2::{Digest, Sha256};

use crate::attachments::Hex;

/// A mail to send. Blind copies are the envelope's business: they have no place here, and so never reach a header.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Without angle brackets.
    pub message_id: String,
    /// The Message-ID that this answers, without angle brackets.
    pub in_reply_to: Option<String>,
    /// The thread's Message-IDs, oldest first, without angle brackets.
    pub references: Vec<String>,
    /// The Date header's time; written to the second.
    pub date: DateTime<Utc>,
    /// Who sends.
    pub from: NamedAddress,
    /// The recipients.
    pub to: Vec<NamedAddress>,
    /// Who gets a copy.
    pub cc: Vec<NamedAddress>,
    /// Any text; line breaks and other control characters in it become spaces.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML; empty for a mail of plain text only. It is sanitised once more, and its remote pictures, which
    /// sanitising holds back, load at the recipient's as in any mail.
    pub html: String,
    /// Files that go with it.
    pub attachments: Vec<OutgoingAttachment>,
}

/// A file that goes with a mail.
#[derive(Debug, Clone)]
pub struct OutgoingAttachment {
    /// The name that the recipient sees.
    pub filename: String,
    /// Its media type; one that can't be sent as an attachment becomes `application/octet-stream`.
    pub content_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// `Some`: a picture that the HTML shows in place by `cid:` and this id (without angle brackets).
    pub content_id: Option<String>,
}

/// Why a mail can't be composed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The part before the @ isn't ASCII: it can be written only where every server on the way knows SMTPUTF8
    /// (RFC 6531), which Postroom doesn't require.
    #[error("the address {0} has letters before the @ that e-mail can't carry everywhere")]
    LocalPartNotAscii(String),
    /// The domain has no ASCII form (RFC 5890).
    #[error("the domain of the address {0} is not a domain name")]
    Domain(String),
    /// A Message-ID or Content-ID that would break its header.
    #[error("{0:?} can't be used as an id in a header")]
    Id(String),
}

/// Renders a mail: CRLF line ends, 7-bit only, lines folded at 78 characters where they can be, text with an HTML
/// alternative, inline pictures related to it, other files after it.
///
/// # Errors
/// When an address or id can't be written; see [`ComposeError`]. No text in any field can start a header of its own.
pub fn compose(mail: &Outgoing) -> Result<Vec<u8>, ComposeError> {
    let mut block = HeaderBlock::default();
    block.mailboxes("From", std::slice::from_ref(&mail.from))?;
    block.mailboxes("To", &mail.to)?;
    block.mailboxes("Cc", &mail.cc)?;
    block.text("Subject", &mail.subject);
    block.plain("Date", &mail.date.to_rfc2822());
    block.ids("Message-ID", std::slice::from_ref(&mail.message_id))?;
    block.ids("In-Reply-To", mail.in_reply_to.as_slice())?;
    block.ids("References", shortened(&mail.references).as_slice())?;
    block.plain("MIME-Version", "1.0");
    let mut out = block.into_bytes();
    out.extend(Content::new(mail)?.into_bytes());
    Ok(out)
}

/// RFC 5322 sets no limit, but servers do: the first id (the thread's own) and the last ones are what threads join by.
const MAX_REFERENCES: usize = 60;

fn shortened(references: &[String]) -> Vec<String> {
    match references.split_first() {
        Some((first, rest)) if rest.len() >= MAX_REFERENCES => {
            let newest = rest.iter().skip(rest.len() + 1 - MAX_REFERENCES);
            std::iter::once(first).chain(newest).cloned().collect()
        }
        _ => references.to_vec(),
    }
}

/// The body's tree: mixed ( alternative ( text, related ( HTML, pictures ) ), files ), each level only where needed.
struct Content<'m> {
    text: &'m str,
    html: String,
    /// Of the mail's content, so that no boundary occurs in it.
    boundary_seed: String,
    pictures: Vec<&'m OutgoingAttachment>,
    files: Vec<&'m OutgoingAttachment>,
}

/// A part on its way into its parent.
enum Piece {
    Single(SinglePart),
    Multi(MultiPart),
}

impl Piece {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Single(part) => part.formatted(),
            Self::Multi(part) => part.formatted(),
        }
    }

    fn begin(self, parent: MultiPartBuilder) -> MultiPart {
        match self {
            Self::Single(part) => parent.singlepart(part),
            Self::Multi(part) => parent.multipart(part),
        }
    }
}

impl<'m> Content<'m> {
    fn new(mail: &'m Outgoing) -> Result<Self, ComposeError> {
        let mut hash = Sha256::new();
        for field in [&mail.message_id, &mail.text, &mail.html] {
            hash.update(field.as_bytes());
            hash.update([0]);
        }
        for id in mail.attachments.iter().filter_map(|file| file.content_id.as_ref()) {
            headers::check_id(id)?;
        }
        let html = crate::html::release_remote_pictures(&mail.html);
        let has_html = !html.is_empty();
        let (pictures, files) =
            mail.attachments.iter().partition(|file| has_html && file.content_id.is_some());
        let boundary_seed = Hex(&hash.finalize()).to_string().chars().take(32).collect();
        Ok(Self { text: &mail.text, html, boundary_seed, pictures, files })
    }

    fn boundary(&self, level: &str) -> String {
        format!("={level}-{}", self.boundary_seed)
    }

    fn into_bytes(self) -> Vec<u8> {
        let body = self.alternative();
        if self.files.is_empty() {
            return body.into_bytes();
        }
        let mut mixed = body.begin(MultiPart::mixed().boundary(self.boundary("mixed")));
        for file in &self.files {
            mixed = mixed.singlepart(attachment(file, Attachment::new(shown_name(file))));
        }
        mixed.formatted()
    }

    fn alternative(&self) -> Piece {
        let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(encoded_text(self.text));
        if self.html.is_empty() {
            return Piece::Single(text);
        }
        let alternative = MultiPart::alternative().boundary(self.boundary("alternative")).singlepart(text);
        Piece::Multi(match self.related() {
            Piece::Single(html) => alternative.singlepart(html),
            Piece::Multi(related) => alternative.multipart(related),
        })
    }

    fn related(&self) -> Piece {
        let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(encoded_text(&self.html));
        if self.pictures.is_empty() {
            return Piece::Single(html);
        }
        let mut related = MultiPart::related().boundary(self.boundary("related")).singlepart(html);
        for picture in &self.pictures {
            let id = picture.content_id.clone().unwrap_or_default();
            let inline = Attachment::new_inline_with_name(id, shown_name(picture));
            related = related.singlepart(attachment(picture, inline));
        }
        Piece::Multi(related)
    }
}

/// Files are always base64: their bytes arrive as they were.
fn attachment(file: &OutgoingAttachment, kind: Attachment) -> SinglePart {
    let body = Body::new_with_encoding(file.content.clone(), ContentTransferEncoding::Base64);
    kind.body(body.unwrap_or_else(Body::new), media_type(&file.content_type))
}

fn media_type(declared: &str) -> ContentType {
    let parsed = declared.is_ascii().then(|| ContentType::parse(declared).ok()).flatten();
    // A multipart or a message must not be base64 (RFC 2046, 5.1 and 5.2): as a mere file it may.
    let is_composite = |kind: &str| kind == "multipart" || kind == "message";
    let kind = declared.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
    match parsed {
        Some(content_type) if !is_composite(&kind) && !declared.contains(char::is_control) => content_type,
        _ => ContentType::parse("application/octet-stream").unwrap_or(ContentType::TEXT_PLAIN),
    }
}

/// The file name without line breaks and the like.
fn shown_name(file: &OutgoingAttachment) -> String {
    let name = headers::on_one_line(&file.filename);
    if name.is_empty() { "attachment".to_owned() } else { name }
}

/// Text as 7 bit where it is, else quoted-printable, or base64 where most of it would be escaped.
fn encoded_text(text: &str) -> Body {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_short = lines.split('\n').all(|line| line.len() <= 900);
    let foreign =
        lines.bytes().filter(|byte| !byte.is_ascii() || (byte.is_ascii_control() && !b"\n\t".contains(byte)));
    let foreign = foreign.count();
    let encoding = match foreign {
        0 if is_short => ContentTransferEncoding::SevenBit,
        _ if foreign * 4 > lines.len() => ContentTransferEncoding::Base64,
        _ => ContentTransferEncoding::QuotedPrintable,
    };
    Body::new_with_encoding(lines, encoding).unwrap_or_else(Body::new)
}

#[cfg(test)]
mod tests;
