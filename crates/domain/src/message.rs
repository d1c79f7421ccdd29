//! What the rules need to know of a message.

use crate::{address::EmailAddress, ids::MessageId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The Message-ID of a mail (RFC 5322, 3.6.4), without the angle brackets, as written (case counts).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RfcMessageId(String);

impl RfcMessageId {
    /// Takes an id as mail programs write it, with or without brackets. `None` for what can't be told apart from
    /// nothing: empty ones, and ones beyond a header line's length (998, RFC 5322 2.1.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let inner = text.trim().trim_start_matches('<').trim_end_matches('>');
        let id: String = inner.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        (!id.is_empty() && id.len() <= 998).then_some(Self(id))
    }

    /// Without brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RfcMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RfcMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Written by an external party.
    Inbound,
    /// Written by a user.
    Outbound,
}

impl Direction {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// Who speaks: all users of the workspace together are one party, each external address is one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The workspace's users.
    Us,
    /// An external address.
    External(EmailAddress),
}

/// A message's place in its conversation: the time it was received (CNV-10), ties by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The server's INTERNALDATE, or when the API accepted it.
    pub at: DateTime<Utc>,
    /// The message.
    pub id: MessageId,
}

/// Where a message was found: what tells who wrote it (MAIL-15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The `\Sent` folder of a connected mailbox: written by its people, whatever it says.
    SentFolder,
    /// Any other folder.
    Received {
        /// From is a user's sign-in address or mailbox.
        from_is_internal: bool,
        /// An aligned DMARC or DKIM pass for From's domain, by the mailbox's own mail server.
        authenticated: bool,
    },
}

/// Whether a message is one of ours, and whether its sender is who they say (MAIL-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Outbound only where it is certain.
    pub direction: Direction,
    /// False where From claims one of our own addresses without proof.
    pub sender_verified: bool,
}

impl Source {
    /// Decides the direction: a From header proves nothing.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match *self {
            Self::SentFolder => Origin { direction: Direction::Outbound, sender_verified: true },
            Self::Received { from_is_internal: true, authenticated } => Origin {
                direction: if authenticated { Direction::Outbound } else { Direction::Inbound },
                sender_verified: authenticated,
            },
            Self::Received { from_is_internal: false, authenticated } => {
                Origin { direction: Direction::Inbound, sender_verified: authenticated }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_from_header_proves_nothing() {
        let forged = Source::Received { from_is_internal: true, authenticated: false }.origin();
        assert_eq!(forged, Origin { direction: Direction::Inbound, sender_verified: false });
        let proven = Source::Received { from_is_internal: true, authenticated: true }.origin();
        assert_eq!(proven.direction, Direction::Outbound);
        let customer = Source::Received { from_is_internal: false, authenticated: true }.origin();
        assert_eq!(customer.direction, Direction::Inbound);
        assert_eq!(Source::SentFolder.origin().direction, Direction::Outbound);
    }

    #[test]
    fn message_ids_lose_brackets_and_folding() {
        assert_eq!(RfcMessageId::parse(" <a@b>\r\n").unwrap().as_str(), "a@b");
        assert_eq!(RfcMessageId::parse("<a\r\n @b>").unwrap().as_str(), "a@b");
        assert_eq!(RfcMessageId::parse("<>"), None);
        assert_eq!(RfcMessageId::parse(&"x".repeat(999)), None);
    }
}
