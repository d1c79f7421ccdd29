//! What is written: replies and new mails.

use super::people::AddressRequest;
use crate::form::{Form, Request, boolean, html, id, line, list, named_address, text};
use crate::problem::FieldCode;
use postroom_domain::{
    address::NamedAddress,
    ids::{AttachmentId, MailboxId, MessageId},
    reply::Written,
};
use utoipa::ToSchema;

/// At most so many addresses in one field.
const MAX_RECIPIENTS: usize = 100;
/// At most so many files.
const MAX_ATTACHMENTS: usize = 100;
/// Longest body, in characters of text or bytes of HTML.
const MAX_WRITTEN: usize = 500_000;

/// A reply.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"text": "Thank you, that is on its way.", "include_signature": true}))]
pub struct ReplyRequest {
    /// Recipients. Left out: `reply_defaults.to`.
    #[schema(value_type = Option<Vec<AddressRequest>>, max_items = 100)]
    pub to: Option<Vec<NamedAddress>>,
    /// In copy. Left out: `reply_defaults.cc`.
    #[schema(value_type = Option<Vec<AddressRequest>>, max_items = 100)]
    pub cc: Option<Vec<NamedAddress>>,
    /// In blind copy: nobody else sees them.
    #[schema(value_type = Option<Vec<AddressRequest>>, max_items = 100)]
    pub bcc: Vec<NamedAddress>,
    /// Plain text; this or `html`.
    #[schema(max_length = 500_000, example = "Thank you, that is on its way.")]
    pub text: Option<String>,
    /// HTML; this or `text`. What could do harm is taken out.
    #[schema(max_length = 500_000)]
    pub html: Option<String>,
    /// Both forms, the HTML made harmless.
    #[schema(ignore)]
    pub written: Written,
    /// Its start, for the stream.
    #[schema(ignore)]
    pub preview: String,
    /// Left out: the writer's setting.
    pub include_signature: Option<bool>,
    /// Whether the last message stands below. Default: true.
    #[schema(value_type = Option<bool>)]
    pub include_quote: bool,
    /// Files that the caller has uploaded and not used yet, at most 25 MiB together. A picture that `html` shows by
    /// `<img src="cid:{id}">` stands in its place in the text.
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 100)]
    pub attachment_ids: Vec<AttachmentId>,
    /// The last message that the writer has seen: if a newer one has come, the reply is refused with
    /// `conversation_moved_on`.
    #[schema(value_type = Option<Uuid>)]
    pub last_seen_message_id: Option<MessageId>,
    /// Send although a newer message has come.
    #[schema(value_type = Option<bool>)]
    pub force: bool,
}

impl Request for ReplyRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let to = form.optional("to", list(MAX_RECIPIENTS, named_address));
        let cc = form.optional("cc", list(MAX_RECIPIENTS, named_address));
        let bcc = form.optional("bcc", list(MAX_RECIPIENTS, named_address));
        let content = content(form);
        let include_signature = form.optional("include_signature", boolean);
        let include_quote = form.optional("include_quote", boolean);
        let attachment_ids = form.optional("attachment_ids", list(MAX_ATTACHMENTS, id));
        let last_seen_message_id = form.optional("last_seen_message_id", id);
        let force = form.optional("force", boolean);
        let content = content?;
        Some(Self {
            to: to?,
            cc: cc?,
            bcc: bcc?.unwrap_or_default(),
            text: content.text,
            html: content.html,
            written: content.written,
            preview: content.preview,
            include_signature: include_signature?,
            include_quote: include_quote?.unwrap_or(true),
            attachment_ids: attachment_ids?.unwrap_or_default(),
            last_seen_message_id: last_seen_message_id?,
            force: force?.unwrap_or(false),
        })
    }
}

/// A new mail.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "mailbox_id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11", "subject": "Your order 1234",
    "to": [{"name": "Bob Fisher", "address": "bob@customer.example"}], "text": "Your order has left our house today.",
}))]
pub struct NewMailRequest {
    /// The mailbox to send from.
    #[schema(value_type = Uuid)]
    pub mailbox_id: MailboxId,
    /// One line, at most 500 characters.
    #[schema(max_length = 500, example = "Your order 1234")]
    pub subject: String,
    /// Recipients, at least one.
    #[schema(value_type = Vec<AddressRequest>, min_items = 1, max_items = 100)]
    pub to: Vec<NamedAddress>,
    /// In copy.
    #[schema(value_type = Option<Vec<AddressRequest>>, max_items = 100)]
    pub cc: Vec<NamedAddress>,
    /// In blind copy: nobody else sees them.
    #[schema(value_type = Option<Vec<AddressRequest>>, max_items = 100)]
    pub bcc: Vec<NamedAddress>,
    /// Plain text; this or `html`.
    #[schema(max_length = 500_000, example = "Your order has left our house today.")]
    pub text: Option<String>,
    /// HTML; this or `text`. What could do harm is taken out.
    #[schema(max_length = 500_000)]
    pub html: Option<String>,
    /// Both forms, the HTML made harmless.
    #[schema(ignore)]
    pub written: Written,
    /// Its start, for the stream.
    #[schema(ignore)]
    pub preview: String,
    /// Left out: the writer's setting.
    pub include_signature: Option<bool>,
    /// Files that the caller has uploaded and not used yet, at most 25 MiB together. A picture that `html` shows by
    /// `<img src="cid:{id}">` stands in its place in the text.
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 100)]
    pub attachment_ids: Vec<AttachmentId>,
}

impl Request for NewMailRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let mailbox_id = form.required("mailbox_id", id);
        let subject = form.required("subject", line(500));
        let to = form.required("to", list(MAX_RECIPIENTS, named_address));
        if to.as_ref().is_some_and(Vec::is_empty) {
            form.wrong("to", FieldCode::Required, "A mail needs at least one recipient.");
        }
        let cc = form.optional("cc", list(MAX_RECIPIENTS, named_address));
        let bcc = form.optional("bcc", list(MAX_RECIPIENTS, named_address));
        let content = content(form);
        let include_signature = form.optional("include_signature", boolean);
        let attachment_ids = form.optional("attachment_ids", list(MAX_ATTACHMENTS, id));
        let content = content?;
        Some(Self {
            mailbox_id: mailbox_id?,
            subject: subject?,
            to: to?,
            cc: cc?.unwrap_or_default(),
            bcc: bcc?.unwrap_or_default(),
            text: content.text,
            html: content.html,
            written: content.written,
            preview: content.preview,
            include_signature: include_signature?,
            attachment_ids: attachment_ids?.unwrap_or_default(),
        })
    }
}

/// What was written, as it came and in both forms.
struct Content {
    text: Option<String>,
    html: Option<String>,
    written: Written,
    preview: String,
}

/// Reads `text` and `html`.
fn content(form: &mut Form<'_>) -> Option<Content> {
    let text = form.optional("text", text(MAX_WRITTEN));
    let html = form.optional("html", html(MAX_WRITTEN));
    let (text, html) = (text?, html?);
    let written = written(form, text.as_deref(), html.as_deref())?;
    let preview = postroom_mime::preview(&written.text);
    Some(Content { text, html, written, preview })
}

/// Takes exactly one of the two and makes the other from it (RPL-4).
fn written(form: &mut Form<'_>, text: Option<&str>, html: Option<&str>) -> Option<Written> {
    let written = match (text, html) {
        (Some(text), None) => Written { text: text.to_owned(), html: postroom_mime::text_to_html(text) },
        (None, Some(html)) => {
            let html = postroom_mime::sanitise(html);
            Written { text: postroom_mime::html_to_text(&html), html }
        }
        (None, None) => {
            form.wrong("text", FieldCode::Required, "One of text and html is needed.");
            return None;
        }
        (Some(_), Some(_)) => {
            form.wrong(
                "html",
                FieldCode::NotAllowed,
                "Only one of text and html; the other is made from it.",
            );
            return None;
        }
    };
    if written.text.trim().is_empty() && !written.html.contains("<img") {
        let field = if html.is_some() { "html" } else { "text" };
        form.wrong(field, FieldCode::Required, "An empty mail is not sent.");
        return None;
    }
    Some(written)
}

/// A signature in both forms.
#[must_use]
pub fn signature(html: &str) -> Option<Written> {
    let text = postroom_mime::html_to_text(html);
    (!text.trim().is_empty() || html.contains("<img")).then(|| Written { text, html: html.to_owned() })
}
