//! When a mail arrived, by what stands in it: for mail whose server can't be asked any more.

use crate::{date, header::Headers};
use chrono::{DateTime, Utc};

/// When the last server received the mail (RFC 5321, 4.4), else the Date header, which is its sender's.
#[must_use]
pub fn arrival(raw: &[u8]) -> Option<DateTime<Utc>> {
    let (headers, _) = Headers::parse(raw);
    let received = headers.text("received");
    let stamp =
        received.as_deref().and_then(|field| field.rsplit_once(';')).and_then(|(_, at)| date::parse(at));
    stamp.or_else(|| headers.text("date").and_then(|text| date::parse(&text)))
}

/// A date as people and programs write it: of an mbox's separator line, say.
#[must_use]
pub fn date_in(text: &str) -> Option<DateTime<Utc>> {
    date::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_server_knows_best() {
        let at = |raw: &str| arrival(raw.as_bytes()).map(|at| at.to_rfc3339());
        let both = "Received: from a by b; Fri, 1 Mar 2024 10:00:05 +0100 (CET)\r\n\
                    Received: from c by a; Thu, 29 Feb 2024 10:00:00 +0000\r\nDate: Fri, 1 Mar 2030 10:00:00 +0000\r\n\r\n";
        assert_eq!(at(both).as_deref(), Some("2024-03-01T09:00:05+00:00"));
        assert_eq!(
            at("Received: by b\r\nDate: Fri, 1 Mar 2024 10:00:00 +0000\r\n\r\n").as_deref(),
            Some("2024-03-01T10:00:00+00:00")
        );
        assert_eq!(at("Subject: when?\r\n\r\n"), None);
    }
}
