//! Failed deliveries (MAIL-8): the standard's reports (RFC 3464), and the common forms in prose.

mod prose;
mod report;
mod returned;
mod sender;
mod status;

use crate::part::{Part, TreeNotes};
use serde::Serialize;

/// What a report of a failed or delayed delivery says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bounce {
    /// The recipients that it speaks of.
    pub recipients: Vec<BounceRecipient>,
    /// The Message-ID of the mail that could not be delivered, without angle brackets.
    pub original_message_id: Option<String>,
}

/// A recipient that a mail did not reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BounceRecipient {
    /// The address, as the report writes it.
    pub address: String,
    /// RFC 3464, 2.3.3: `failed` or `delayed`.
    pub action: String,
    /// The enhanced status code (RFC 3463), such as `5.1.1`.
    pub status: Option<String>,
    /// Why, in the server's words; may be empty.
    pub reason: String,
}

/// Further recipients of one report are left out.
const MAX_RECIPIENTS: usize = 1_000;

/// Reads a report; `None` for any other mail. `text` is the mail's body as plain text.
///
/// A person's mail must never be taken for one: without the standard's form, both the sender (a mail system) and the
/// words have to say so.
pub(crate) fn detect(mail: &Part<'_>, text: &str) -> Option<Bounce> {
    let mut recipients = report::recipients(mail);
    let has_report = !recipients.is_empty();
    recipients.retain(|recipient| matches!(recipient.action.as_str(), "failed" | "delayed"));
    if has_report && recipients.is_empty() {
        // A confirmation of delivery.
        return None;
    }
    // People attach reports too, to ask what they mean.
    let is_report = has_report && sender::is_from_a_mail_system(mail) || prose::is_report(mail, text);
    if !is_report {
        return None;
    }
    let mut below_report = text;
    if !has_report {
        let end = report::read_embedded(beginning(text), &mut recipients);
        below_report = text.get(end..).unwrap_or(text);
    }
    if recipients.is_empty() {
        recipients = prose::recipients(mail, text);
    }
    if recipients.is_empty()
        && let Some(inner) = passed_on(mail)
    {
        return Some(inner);
    }
    if let [only] = recipients.as_mut_slice()
        && only.status.as_deref().is_none_or(status::is_vague)
    {
        // The words before the report often hold what the report leaves out.
        only.status = status::enhanced(prose::own_words(text)).or(only.status.take());
    }
    let returned = returned::find(mail, below_report);
    if recipients.is_empty() {
        let action = if prose::is_delay(&mail.headers, text) { "delayed" } else { "failed" };
        recipients = returned
            .recipients
            .into_iter()
            .map(|address| BounceRecipient {
                address,
                action: action.to_owned(),
                status: status::enhanced(prose::own_words(text)),
                reason: String::new(),
            })
            .collect();
    }
    recipients.truncate(MAX_RECIPIENTS);
    Some(Bounce { recipients, original_message_id: returned.message_id })
}

/// How much of a text is searched.
const MAX_TEXT: usize = 64 * 1024;

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}

/// What a report says that a gateway passed on in a report of its own, which names nobody.
fn passed_on(mail: &Part<'_>) -> Option<Bounce> {
    let inner = mail.children.iter().find(|part| part.content_type == "message/rfc822")?;
    let raw = inner.decoded();
    let inner = Part::read(&raw, &mut TreeNotes::default());
    let recipients = report::recipients(&inner);
    let original_message_id = returned::find(&inner, "").message_id;
    (!recipients.is_empty()).then_some(Bounce { recipients, original_message_id })
}

/// An address in a report, freed from what stands around it; `None` where it is none.
fn bare_address(raw: &str) -> Option<String> {
    let text = raw.trim().trim_matches(['<', '>', '"', '\'', '(', ')', '[', ']', ',', ';', ':', '.', '`']);
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let (local, domain) = text.rsplit_once('@')?;
    let is_plausible = !local.is_empty()
        && !domain.is_empty()
        && text.len() <= 320
        && !domain.contains(['<', '>', '(', ')', '"', ':', ';', ',', '=', '/'])
        && !local.contains(['<', '>', ':', ';', ','])
        && !text.contains(char::is_whitespace);
    is_plausible.then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
