//! What a server said.

use std::error::Error as _;

use lettre::transport::smtp::Error as SmtpError;

use crate::error::ServerError;

/// A server's answer: code and words. The words are the server's own, so they are shown only where a signed-in server
/// said them of a recipient or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits (RFC 5321, 4.2).
    pub code: u16,
    /// The text, its lines joined by spaces, without control characters, at most 500 characters.
    pub text: String,
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The server has taken the message for them.
    Accepted(Reply),
    /// Not now (4xx): to be tried again.
    Deferred(Reply),
    /// Never (5xx).
    Refused(Reply),
}

/// Longest text that is kept of an answer.
const MAX_TEXT: usize = 500;

impl Reply {
    pub(super) fn new(code: u16, text: &str) -> Self {
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect();
        Self { code, text }
    }

    pub(super) fn of(response: &lettre::transport::smtp::response::Response) -> Self {
        let lines: Vec<&str> = response.message().collect();
        Self::new(response.code().into(), &lines.join(" "))
    }

    /// A refusal's verdict: 4xx is for now, all else for good.
    pub(super) fn verdict(self) -> Verdict {
        if (400..500).contains(&self.code) { Verdict::Deferred(self) } else { Verdict::Refused(self) }
    }
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered with 4xx or 5xx. Above 421 the connection goes on.
    Answered(Reply),
    /// There was no answer, or none that can be read; the connection is of no use any more.
    Lost(ServerError),
}

impl Failure {
    pub(super) fn of(error: &SmtpError) -> Self {
        if let Some(code) = error.status() {
            let text = error.source().map(ToString::to_string).unwrap_or_default();
            return Self::Answered(Reply::new(code.into(), &text));
        }
        let mut source = error.source();
        while let Some(inner) = source {
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                return Self::Lost(ServerError::from_io(io));
            }
            source = inner.source();
        }
        // Of the rest, "incomplete response" is a connection that ended; what is no SMTP at all looks like it, too.
        if error.to_string().contains("incomplete response") {
            Self::Lost(ServerError::ConnectionLost)
        } else {
            Self::Lost(ServerError::Protocol)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_cut_and_cleaned() {
        let reply = Reply::new(550, &format!("no\r\nsuch\tuser {}", "x".repeat(1000)));
        assert!(reply.text.starts_with("no  such user x"), "{}", reply.text);
        assert_eq!(reply.text.chars().count(), MAX_TEXT);
        assert!(matches!(reply.verdict(), Verdict::Refused(_)));
        assert!(matches!(Reply::new(451, "later").verdict(), Verdict::Deferred(_)));
    }
}
