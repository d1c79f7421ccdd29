//! A whole mail, understood (MAIL-4).

use crate::address::{self, ParsedAddress};
use crate::attachments::Attachment;
use crate::authentication::{self, AuthenticationResult};
use crate::body::{Bodies, BodyText};
use crate::bounce::{self, Bounce};
use crate::header::Headers;
use crate::html;
use crate::part::{Part, TreeNotes};
use crate::segments::{self, Segment, SegmentKind};
use crate::{automatic, date, digest, message_id, preview, subject};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// Everything that Postroom reads out of a mail. As JSON it is what `postroom mail parse` prints; the fields behind
/// [`ParsedMail::notices`] are left out there.
#[derive(Debug, Clone, Serialize)]
pub struct ParsedMail {
    /// The Message-ID without angle brackets, if the mail has one.
    pub message_id: Option<String>,
    /// The Message-IDs that it answers.
    pub in_reply_to: Vec<String>,
    /// The Message-IDs of its thread, oldest first.
    pub references: Vec<String>,
    /// The sender's claim of when it was written; no place in time may depend on it (CNV-10).
    #[serde(serialize_with = "as_rfc3339")]
    pub date: Option<DateTime<Utc>>,
    /// Decoded, on one line.
    pub subject: Option<String>,
    /// The authors.
    pub from: Vec<ParsedAddress>,
    /// Where answers should go.
    pub reply_to: Vec<ParsedAddress>,
    /// The recipients.
    pub to: Vec<ParsedAddress>,
    /// Who got a copy.
    pub cc: Vec<ParsedAddress>,
    /// Who got a blind copy; only in the sender's own copy.
    pub bcc: Vec<ParsedAddress>,
    /// The whole body as plain text, made from the HTML where there is no text part.
    pub text: String,
    /// The body as sanitised HTML (MAIL-6): `cid:` addresses as they are, remote pictures in `data-remote-src`.
    pub html: Option<String>,
    /// The body in pieces (MAIL-5); their texts together are [`ParsedMail::text`].
    pub segments: Vec<Segment>,
    /// What was newly written.
    pub visible_text: String,
    /// STR-2's preview of it.
    pub preview: String,
    /// Files, inline pictures among them.
    pub attachments: Vec<Attachment>,
    /// Whether a program answered, not a person (MAIL-7).
    pub automatic: bool,
    /// What a failed delivery reports (MAIL-8); `None` for any other mail.
    pub bounce: Option<Bounce>,
    /// What was wrong with the mail or left out, in words for a person.
    pub notices: Vec<String>,
    /// The same for the same mail in another encoding (MAIL-3).
    #[serde(skip)]
    pub content_digest: [u8; 32],
    /// A Message-ID from the raw bytes, for mails that have none.
    #[serde(skip)]
    pub derived_message_id: String,
    /// MAIL-10: the subject or quoted text says that this answers something.
    #[serde(skip)]
    pub looks_like_reply: bool,
    /// Whether the mail was sent with the null return path, as bounces are.
    #[serde(skip)]
    pub null_return_path: bool,
    /// What the receiving servers found out about the sender (MAIL-15).
    #[serde(skip)]
    pub authentication: Vec<AuthenticationResult>,
}

fn as_rfc3339<S: Serializer>(date: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    date.map(|date| date.to_rfc3339_opts(SecondsFormat::Secs, true)).serialize(serializer)
}

impl ParsedMail {
    /// MAIL-15: whether the server with this authserv-id found that the mail comes from `from_domain`.
    ///
    /// Only the topmost results of that server count: further down they may be the sender's own.
    #[must_use]
    pub fn passes_for(&self, authserv_id: &str, from_domain: &str) -> bool {
        authentication::passes_for(&self.authentication, authserv_id, from_domain)
    }
}

/// Reads a mail. Never fails, and costs bounded time and memory whatever the bytes are: what can't be understood is
/// left out with an entry in [`ParsedMail::notices`].
#[must_use]
pub fn parse(raw: &[u8]) -> ParsedMail {
    let mut notes = TreeNotes::default();
    let mail = Part::read(raw, &mut notes);
    let headers = &mail.headers;
    let mut notices = notices_of(&notes, headers, raw);
    let Bodies { text, html, mut attachments, .. } = Bodies::of(&mail);
    let subject = headers.text("subject");
    let is_forward = subject.as_deref().is_some_and(subject::is_forward);
    let body = Body::new(&text, &html, is_forward, &mut attachments, &mut notices);
    if segments::is_too_long(&body.text) {
        notices.push("The text is very long; only its beginning was searched for quoted mails.".to_owned());
    }
    let from = authors(headers);
    let date = headers.text("date").and_then(|text| date::parse(&text));
    let visible_text = segments::visible_text(&body.segments);
    let preview = body.preview(&visible_text);
    let bounce = bounce::detect(&mail, &body.text);
    let has_quote = body.segments.iter().any(|segment| segment.kind == SegmentKind::Quote);
    ParsedMail {
        message_id: headers.raw("message-id").and_then(|raw| message_id::parse_list(raw).into_iter().next()),
        in_reply_to: ids(headers, "in-reply-to"),
        references: ids(headers, "references"),
        date,
        reply_to: addresses(headers, "reply-to"),
        to: addresses(headers, "to"),
        cc: addresses(headers, "cc"),
        bcc: addresses(headers, "bcc"),
        preview,
        automatic: automatic::is_automatic(headers, subject.as_deref()),
        null_return_path: automatic::has_null_return_path(headers),
        content_digest: digest::content_digest(
            from.first().map_or("", |sender| &sender.address),
            date,
            &visible_text,
            &attachments,
        ),
        derived_message_id: digest::derived_message_id(raw),
        looks_like_reply: has_quote || subject.as_deref().is_some_and(subject::is_reply),
        authentication: authentication::read(headers),
        subject,
        from,
        text: body.text,
        html: body.html,
        segments: body.segments,
        visible_text,
        attachments,
        bounce,
        notices,
    }
}

/// The addresses of all fields of this name: a second `To` is invalid and happens.
fn addresses(headers: &Headers<'_>, name: &str) -> Vec<ParsedAddress> {
    headers.all(name).flat_map(address::parse_list).collect()
}

/// The authors: of several From fields those that hold an address; without one, who else answers for the mail.
fn authors(headers: &Headers<'_>) -> Vec<ParsedAddress> {
    let names = ["from", "sender", "reply-to", "return-path"];
    let mut lists = names.into_iter().map(|name| addresses(headers, name));
    let mut from = lists.next().unwrap_or_default();
    if from.iter().any(|author| author.address.contains('@')) {
        from.retain(|author| author.address.contains('@'));
        return from;
    }
    if from.is_empty() { lists.find(|list| !list.is_empty()).unwrap_or_default() } else { from }
}

fn ids(headers: &Headers<'_>, name: &str) -> Vec<String> {
    headers.raw(name).map(message_id::parse_list).unwrap_or_default()
}

fn notices_of(notes: &TreeNotes, headers: &Headers<'_>, raw: &[u8]) -> Vec<String> {
    let mut notices = Vec::new();
    let mut note = |applies: bool, words: &str| {
        if applies {
            notices.push(words.to_owned());
        }
    };
    note(raw.is_empty(), "The mail is empty.");
    note(!raw.is_empty() && headers.is_empty(), "This has no header fields: it may be no mail at all.");
    note(!headers.is_empty() && !headers.has("from"), "The mail names no sender.");
    note(notes.headers_cut, "The mail's header is too large; the rest of it was left out.");
    note(notes.too_deep, "Parts are nested too deeply; the innermost are kept as one attachment.");
    note(notes.too_many_parts, "The mail has too many parts; the last ones were left out.");
    note(notes.no_parts_found, "The mail's parts can't be told apart; it is shown as one text.");
    notices
}

/// The body, ready to show.
struct Body {
    text: String,
    html: Option<String>,
    segments: Vec<Segment>,
}

impl Body {
    /// The preview of what was newly written; a mail that was passed on without a word shows what was passed on.
    fn preview(&self, visible_text: &str) -> String {
        let forwarded = self.segments.iter().find(|segment| segment.kind == SegmentKind::Forwarded);
        match forwarded {
            Some(forwarded) if visible_text.is_empty() => preview::preview(&forwarded.text),
            _ => preview::preview(visible_text),
        }
    }

    fn new(
        text: &[BodyText],
        html: &[BodyText],
        is_forward: bool,
        attachments: &mut [Attachment],
        notices: &mut Vec<String>,
    ) -> Self {
        let has_html = html.iter().any(|part| matches!(part, BodyText::Html(_)));
        let plain = plain_text(text);
        if !has_html {
            let text = plain.unwrap_or_default();
            return Self { segments: segments::of_text(&text, is_forward), text, html: None };
        }
        let mut clean = html::clean(&joined_html(html));
        if clean.simplified {
            notices.push("The HTML is too complex; some of its layout was left out.".to_owned());
        }
        let named = html::content_ids(&mut clean.tree);
        for attachment in attachments {
            attachment.inline = attachment.content_id.as_ref().is_some_and(|id| named.contains(id));
        }
        let html = clean.tree.to_html();
        let (text, segments) = segments::of_html(&clean.tree, plain, is_forward);
        Self { text, html: Some(html), segments }
    }
}

/// The text parts joined; `None` where they are nothing but the HTML parts again.
fn plain_text(parts: &[BodyText]) -> Option<String> {
    let has_plain = parts.iter().any(|part| matches!(part, BodyText::Plain(text) if !text.trim().is_empty()));
    if !has_plain {
        return None;
    }
    let mut joined = String::new();
    for part in parts {
        if !joined.is_empty() && !joined.ends_with('\n') {
            joined.push('\n');
        }
        match part {
            BodyText::Plain(text) => joined.push_str(text),
            BodyText::Html(html) => {
                joined.push_str(&html::render(&html::clean(html).tree, html::Links::Hidden).text);
            }
        }
    }
    Some(joined)
}

fn joined_html(parts: &[BodyText]) -> String {
    let mut joined = String::new();
    for part in parts {
        match part {
            BodyText::Html(html) => joined.push_str(html),
            BodyText::Plain(text) => joined.push_str(&html::text_to_html(text)),
        }
        joined.push('\n');
    }
    joined
}
