//! Failed deliveries (MAIL-8).

use crate::part::Part;
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
    /// RFC 3464, 2.3.3: `failed`, `delayed` and so on.
    pub action: String,
    /// The enhanced status code (RFC 3463), such as `5.1.1`.
    pub status: Option<String>,
    /// Why, in the server's words.
    pub reason: String,
}

/// Reads a report; `None` for any other mail.
pub(crate) fn detect(mail: &Part<'_>, text: &str) -> Option<Bounce> {
    let _ = (mail, text);
    None
}
