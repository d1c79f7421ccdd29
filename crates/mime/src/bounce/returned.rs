//! The mail that came back, as far as a report holds it.

use super::bare_address;
use crate::address;
use crate::header::Headers;
use crate::message_id;
use crate::part::Part;

/// What a report shows of the mail that it is about.
#[derive(Default)]
pub(super) struct Returned {
    /// Its Message-ID.
    pub(super) message_id: Option<String>,
    /// Whom it was sent to.
    pub(super) recipients: Vec<String>,
}

/// Looks for the returned mail in a part of its own, then below the report's words.
pub(super) fn find(mail: &Part<'_>, text: &str) -> Returned {
    let mut returned = Returned::default();
    in_parts(mail, &mut returned);
    if returned.message_id.is_none() {
        in_text(text, &mut returned);
    }
    returned
}

fn in_parts(part: &Part<'_>, returned: &mut Returned) {
    let is_returned = matches!(
        part.content_type.as_str(),
        "message/rfc822"
            | "message/global"
            | "text/rfc822-headers"
            | "text/rfc822"
            | "message/rfc822-headers"
            | "message/global-headers"
            | "message/partial"
    );
    if is_returned && returned.message_id.is_none() {
        let body = part.decoded();
        let (headers, _) = Headers::parse(body.trim_ascii_start());
        take(&headers, returned);
    }
    for child in &part.children {
        in_parts(child, returned);
    }
}

fn take(headers: &Headers<'_>, returned: &mut Returned) {
    let id = headers.raw("message-id").and_then(|raw| message_id::parse_list(raw).into_iter().next());
    returned.message_id = returned.message_id.take().or(id);
    if returned.recipients.is_empty() {
        let to = headers.all("to").flat_map(address::parse_list);
        returned.recipients = to.filter_map(|entry| bare_address(&entry.address)).collect();
    }
}

/// How many blocks of a text are looked at for the returned header.
const MAX_BLOCKS: usize = 60;

/// The returned header stands at the start of a block of lines.
fn in_text(text: &str, returned: &mut Returned) {
    for block in text.split("\n\n").take(MAX_BLOCKS) {
        let block = block.trim_start_matches(['\n', ' ']);
        let unquoted: String = block.lines().take(400).fold(String::new(), |mut unquoted, line| {
            unquoted.push_str(line.trim_start_matches(['>', '|']).trim_start_matches(' '));
            // Folds are kept: a line that began with white space still does.
            unquoted.push('\n');
            unquoted
        });
        for candidate in [block, unquoted.as_str()] {
            let lower = candidate.to_ascii_lowercase();
            let Some(at) = find_line(&lower, "message-id:") else { continue };
            let line = candidate.get(at..).unwrap_or_default();
            let (headers, _) = Headers::parse(line.as_bytes());
            take(&headers, returned);
            if let Some(at) = find_line(&lower, "to:") {
                take(&Headers::parse(candidate.get(at..).unwrap_or_default().as_bytes()).0, returned);
            }
            if returned.message_id.is_some() {
                return;
            }
        }
        if returned.recipients.is_empty()
            && let Some(at) = find_line(&block.to_ascii_lowercase(), "to:")
            && find_line(&block.to_ascii_lowercase(), "subject:").is_some()
        {
            let line = block.get(at..).unwrap_or_default();
            take(&Headers::parse(line.as_bytes()).0, returned);
        }
    }
}

/// Where a line begins with a field's name.
fn find_line(text: &str, name: &str) -> Option<usize> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with(name) {
            return Some(offset + indent);
        }
        offset += line.len();
    }
    None
}
