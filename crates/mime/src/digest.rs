//! Digests that tell whether two mails are the same (MAIL-3).

use crate::attachments::{Attachment, Hex};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// A Message-ID for a mail that has none: the same bytes give the same id. Its domain can't exist (RFC 2606).
pub(crate) fn derived_message_id(raw: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(raw).into();
    format!("{}@no-message-id.invalid", Hex(hash.get(..16).unwrap_or(&hash)))
}

/// What stays the same when a server files a mail in another encoding: the sender's address, the date, the words
/// newly written, the files.
pub(crate) fn content_digest(
    from: &str,
    date: Option<DateTime<Utc>>,
    new_text: &str,
    attachments: &[Attachment],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |field: &[u8]| {
        // Lengths keep the border between two fields from moving.
        hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(field);
    };
    add(from.to_lowercase().as_bytes());
    add(date.map(|date| date.timestamp().to_string()).unwrap_or_default().as_bytes());
    add(new_text.split_whitespace().collect::<Vec<_>>().join(" ").as_bytes());
    let mut files: Vec<&str> = attachments.iter().map(|attachment| attachment.sha256.as_str()).collect();
    files.sort_unstable();
    for file in files {
        add(file.as_bytes());
    }
    hash.finalize().into()
}
