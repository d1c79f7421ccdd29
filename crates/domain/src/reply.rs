//! Replies and new mails (RPL-1 to RPL-8): to whom by default, under which headers, made of which parts.

use crate::{
    address::{EmailAddress, NamedAddress},
    message::RfcMessageId,
    refusal::Refusal,
};
use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

/// References carries the token, the thread's beginning, and this many of its nearest messages: long threads must not
/// grow a header beyond what servers take.
const NEAREST_REFERENCES: usize = 20;

/// To more parties than this a copy is not the default: an answer to a mail that went to hundreds is meant for one, unless
/// its writer says otherwise (WIN-4).
pub const MOST_COPIES: usize = 50;

/// The last message of an external party that is a person's, as far as it decides about recipients.
#[derive(Clone, Debug)]
pub struct LastSender {
    /// From.
    pub from: NamedAddress,
    /// Reply-To's first address, where there is one.
    pub reply_to: Option<NamedAddress>,
    /// They took part before this message, or were addressed (MAIL-16).
    pub known: bool,
}

/// Whom a reply goes to unless its writer says otherwise (WIN-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultRecipients {
    /// The one who is answered.
    pub to: Vec<NamedAddress>,
    /// The other external parties; none where they are more than [`MOST_COPIES`].
    pub cc: Vec<NamedAddress>,
    /// How many that left out.
    pub copies_left_out: usize,
}

/// The default recipients: the last external sender's Reply-To or From where MAIL-16 allows it, else the primary contact;
/// the other parties in copy. A stranger who slipped in is never one, nor is a Reply-To in another domain than From.
#[must_use]
pub fn default_recipients(
    last: Option<&LastSender>,
    primary_contact: Option<&NamedAddress>,
    parties: &[NamedAddress],
) -> DefaultRecipients {
    let answered = last.filter(|sender| sender.known).map(|sender| match &sender.reply_to {
        Some(reply_to) if reply_to.address.domain() == sender.from.address.domain() => reply_to,
        _ => &sender.from,
    });
    let to: Vec<NamedAddress> = answered.or(primary_contact).cloned().into_iter().collect();
    let addressed = |address: &EmailAddress| {
        to.iter().any(|one| one.address == *address)
            || last.is_some_and(|sender| sender.known && !to.is_empty() && sender.from.address == *address)
    };
    let mut cc: Vec<NamedAddress> =
        parties.iter().filter(|party| !addressed(&party.address)).cloned().collect();
    let copies_left_out = if cc.len() > MOST_COPIES { cc.len() } else { 0 };
    if copies_left_out > 0 {
        cc.clear();
    }
    DefaultRecipients { to, cc, copies_left_out }
}

/// The recipients of an accepted mail: frozen, nobody twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipients {
    /// To.
    pub to: Vec<NamedAddress>,
    /// Cc.
    pub cc: Vec<NamedAddress>,
    /// Bcc: in the envelope, never in the headers (RPL-2).
    pub bcc: Vec<NamedAddress>,
}

impl Recipients {
    /// Takes each address where it stands first: To before Cc before Bcc.
    ///
    /// # Errors
    /// When nobody is left (RPL-4).
    pub fn new(
        to: Vec<NamedAddress>,
        cc: Vec<NamedAddress>,
        bcc: Vec<NamedAddress>,
    ) -> Result<Self, Refusal> {
        let mut seen = std::collections::HashSet::new();
        let mut once = |list: Vec<NamedAddress>| -> Vec<NamedAddress> {
            list.into_iter().filter(|one| seen.insert(one.address.clone())).collect()
        };
        let recipients = Self { to: once(to), cc: once(cc), bcc: once(bcc) };
        if recipients.envelope().next().is_none() { Err(Refusal::NoRecipient) } else { Ok(recipients) }
    }

    /// Every address that a copy goes to.
    pub fn envelope(&self) -> impl Iterator<Item = &NamedAddress> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

/// The Message-ID form of a thread's token: the first entry of References of all that we send in it.
#[must_use]
pub fn token_reference(token: &str, domain: &str) -> Option<RfcMessageId> {
    RfcMessageId::parse(&format!("c.{token}@{domain}"))
}

/// The token in a Message-ID of that form, whatever the domain (some servers rewrite it).
#[must_use]
pub fn token_of(id: &RfcMessageId) -> Option<&str> {
    let (local, _) = id.as_str().split_once('@')?;
    let token = local.strip_prefix("c.")?;
    (token.len() == 32 && token.chars().all(|c| c.is_ascii_hexdigit())).then_some(token)
}

/// References of a mail: the token, then the answered message's own References and itself (RFC 5322, 3.6.4), shortened
/// in the middle.
#[must_use]
pub fn references(
    token: Option<&RfcMessageId>,
    answered: Option<(&RfcMessageId, &[RfcMessageId])>,
) -> Vec<RfcMessageId> {
    let mut line: Vec<&RfcMessageId> = Vec::new();
    if let Some((id, its_references)) = answered {
        for one in its_references.iter().chain([id]) {
            if token_of(one).is_none() && !line.contains(&one) {
                line.push(one);
            }
        }
    }
    let cut = line.len().saturating_sub(NEAREST_REFERENCES + 1);
    if cut > 0 {
        line.drain(1..=cut);
    }
    token.into_iter().chain(line).cloned().collect()
}

/// A text in both forms. The HTML is sanitised by whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Plain text.
    pub text: String,
    /// HTML, a fragment without `<html>` and `<body>`.
    pub html: String,
}

/// The message that is quoted below the answer (RPL-3).
#[derive(Clone, Debug)]
pub struct Quoted {
    /// Who wrote it, for the line above.
    pub author: String,
    /// When, in the time zone of the one who answers.
    pub at: DateTime<FixedOffset>,
    /// What it said.
    pub body: Written,
}

/// A part of a message (MAIL-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// What was newly written.
    New,
    /// An earlier mail.
    Quote,
    /// The writer's signature.
    Signature,
    /// A mail that was passed on.
    Forwarded,
}

/// A part of a message with its text; joined, the parts are the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// Its plain text.
    pub text: String,
    /// Its HTML, where the message has one.
    pub html: Option<String>,
}

/// A mail's body, put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The whole, in both forms.
    pub whole: Written,
    /// Its parts.
    pub segments: Vec<Segment>,
}

/// Puts a mail together: what was written, the signature, the quoted message, in this order (RPL-3).
///
/// # Errors
/// When nothing was written (RPL-4): a signature alone is no mail. A picture is something.
pub fn compose_body(
    new: &Written,
    signature: Option<&Written>,
    quoted: Option<&Quoted>,
) -> Result<Body, Refusal> {
    if !says_something(new) {
        return Err(Refusal::EmptyBody);
    }
    let mut segments =
        vec![segment(SegmentKind::New, format!("{}\n", new.text.trim_end()), new.html.clone())];
    if let Some(signature) = signature.filter(|signature| says_something(signature)) {
        // "-- " on a line of its own is what mail programs know a signature by (RFC 3676, 4.3).
        segments.push(segment(
            SegmentKind::Signature,
            format!("\n-- \n{}\n", signature.text.trim_end()),
            format!("<div class=\"postroom_signature\">{}</div>", signature.html),
        ));
    }
    if let Some(quoted) = quoted {
        segments.push(quote(quoted));
    }
    let join = |part: fn(&Segment) -> &str| segments.iter().map(part).collect::<String>();
    let whole = Written {
        text: join(|segment| &segment.text),
        html: join(|segment| segment.html.as_deref().unwrap_or_default()),
    };
    Ok(Body { whole, segments })
}

/// A picture is something, too.
fn says_something(written: &Written) -> bool {
    !written.text.trim().is_empty() || written.html.contains("<img")
}

fn segment(kind: SegmentKind, text: String, html: String) -> Segment {
    Segment { kind, text, html: Some(html) }
}

fn quote(quoted: &Quoted) -> Segment {
    let intro =
        format!("On {}, {} wrote:", quoted.at.format("%a, %-d %b %Y at %H:%M"), one_line(&quoted.author));
    let mut text = format!("\n{intro}\n");
    for line in quoted.body.text.trim_end().lines() {
        // A quote of a quote grows its row of signs, without spaces between them.
        let gap = if line.starts_with('>') || line.is_empty() { "" } else { " " };
        text.push_str(&format!(">{gap}{line}\n"));
    }
    let html = format!(
        "<div class=\"gmail_quote\"><div class=\"gmail_attr\">{}</div><blockquote type=\"cite\">{}</blockquote></div>",
        escape(&intro),
        quoted.body.html
    );
    segment(SegmentKind::Quote, text, html)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
