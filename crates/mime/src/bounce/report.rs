//! `message/delivery-status` (RFC 3464).

use super::{BounceRecipient, MAX_RECIPIENTS, bare_address, status};
use crate::header::{self, Headers};
use crate::part::Part;

/// All recipients that the mail's delivery reports name, whatever became of them.
pub(super) fn recipients(mail: &Part<'_>) -> Vec<BounceRecipient> {
    let mut found = Vec::new();
    collect(mail, &mut found);
    found
}

fn collect(part: &Part<'_>, found: &mut Vec<BounceRecipient>) {
    if matches!(part.content_type.as_str(), "message/delivery-status" | "message/global-delivery-status") {
        read(&refolded(&part.decoded()), found);
    }
    for child in &part.children {
        collect(child, found);
    }
}

/// The report with those lines folded that are no field and don't say that they belong to the one before: a server's
/// answer of several lines, as it came.
fn refolded(report: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(report.len());
    for line in report.split_inclusive(|&byte| byte == b'\n') {
        let content = line.trim_ascii();
        let begins_field = header::field_start(content).is_some();
        if !content.is_empty() && !begins_field && !folded.is_empty() {
            folded.push(b' ');
        }
        folded.extend_from_slice(line);
    }
    folded
}

/// Reads groups of fields, one for each recipient after one for the whole mail.
pub(super) fn read(body: &[u8], found: &mut Vec<BounceRecipient>) {
    let mut rest = body;
    while !rest.is_empty() && found.len() < MAX_RECIPIENTS {
        let (fields, after) = Headers::parse(rest);
        if let Some(recipient) = recipient(&fields)
            && !found.iter().any(|known| known.address.eq_ignore_ascii_case(&recipient.address))
        {
            found.push(recipient);
        }
        if after.len() >= rest.len() {
            return;
        }
        rest = after;
    }
}

fn recipient(fields: &Headers<'_>) -> Option<BounceRecipient> {
    let address = ["final-recipient", "original-recipient", "x-actual-recipient"]
        .into_iter()
        .filter_map(|name| fields.text(name))
        .find_map(|value| {
            bare_address(value.split_once(';').map_or(value.as_str(), |(_, address)| address))
        })?;
    let diagnostic = fields.text("diagnostic-code").unwrap_or_default();
    let declared =
        fields.text("status").and_then(|value| status::enhanced(&value).or_else(|| success(&value)));
    let status = match declared {
        Some(code) if !status::is_vague(&code) => Some(code),
        // Many servers write `5.0.0` here and the real code into their words.
        vague => status::enhanced(&diagnostic).or(vague),
    };
    let action = fields.keyword("action").filter(|action| !action.is_empty());
    let action = action.map(|action| match action.as_str() {
        "failure" | "fail" | "failed" | "error" => "failed".to_owned(),
        "delay" | "delayed" => "delayed".to_owned(),
        _ => action,
    });
    let is_known = |action: &String| {
        matches!(action.as_str(), "failed" | "delayed" | "delivered" | "relayed" | "expanded")
    };
    let action = action.filter(is_known);
    let action = action.unwrap_or_else(|| match status.as_deref() {
        Some(code) if code.starts_with('2') => "delivered".to_owned(),
        Some(code) if code.starts_with('4') => "delayed".to_owned(),
        _ => "failed".to_owned(),
    });
    let reason = diagnostic.split_once(';').map_or(diagnostic.as_str(), |(_, words)| words);
    Some(BounceRecipient { address, action, status, reason: reason.trim().to_owned() })
}

fn success(value: &str) -> Option<String> {
    let code = value.split_whitespace().next()?;
    code.starts_with("2.").then(|| code.to_owned())
}

/// Reads the same fields where they stand in a plain text, in blocks between blank lines or one right after the other.
/// Returns where the last of them ends.
pub(super) fn read_embedded(text: &str, found: &mut Vec<BounceRecipient>) -> usize {
    let mut end = 0;
    let mut block: Option<Block> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n').chain(["\n"]) {
        let start = offset;
        offset += line.len();
        let name = header::field_start(line.trim_end().as_bytes()).map_or_else(String::new, |(name, _)| name);
        let names_recipient = RECIPIENT.contains(&name.as_str());
        let is_next =
            |block: &mut Block| line.trim().is_empty() || names_recipient && block.recipients.contains(&name);
        if let Some(over) = block.take_if(is_next)
            && !over.recipients.is_empty()
        {
            let lines = text.get(over.start..start).unwrap_or_default();
            read(&refolded(lines.as_bytes()), found);
            end = start;
        }
        if names_recipient || FIELDS.contains(&name.as_str()) {
            let block = block.get_or_insert(Block { start, recipients: Vec::new() });
            if names_recipient {
                block.recipients.push(name);
            }
        }
    }
    end
}

/// Fields of a report in a text: where they begin, and which of those that name a recipient were among them.
struct Block {
    start: usize,
    recipients: Vec<String>,
}

/// The fields that name a recipient.
const RECIPIENT: [&str; 2] = ["final-recipient", "original-recipient"];
/// The other fields that those about a recipient may begin with.
const FIELDS: [&str; 4] = ["action", "status", "diagnostic-code", "remote-mta"];
