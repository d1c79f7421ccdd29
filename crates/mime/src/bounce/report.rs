//! `message/delivery-status` (RFC 3464).

use super::{BounceRecipient, MAX_RECIPIENTS, bare_address, status};
use crate::header::Headers;
use crate::part::Part;

/// All recipients that the mail's delivery reports name, whatever became of them.
pub(super) fn recipients(mail: &Part<'_>) -> Vec<BounceRecipient> {
    let mut found = Vec::new();
    collect(mail, &mut found);
    found
}

fn collect(part: &Part<'_>, found: &mut Vec<BounceRecipient>) {
    if matches!(part.content_type.as_str(), "message/delivery-status" | "message/global-delivery-status") {
        read(&part.decoded(), found);
    }
    for child in &part.children {
        collect(child, found);
    }
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

/// Reads the same fields where they stand in a plain text.
pub(super) fn read_embedded(text: &str, found: &mut Vec<BounceRecipient>) {
    let mut offset = 0;
    let mut starts = Vec::new();
    for line in text.split_inclusive('\n') {
        let lower = line.get(..20).unwrap_or(line).to_ascii_lowercase();
        if lower.starts_with("final-recipient:") || lower.starts_with("original-recipient:") {
            starts.push(offset);
        }
        offset += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    for (start, end) in starts.iter().zip(ends) {
        read(text.get(*start..end).unwrap_or_default().as_bytes(), found);
    }
}
