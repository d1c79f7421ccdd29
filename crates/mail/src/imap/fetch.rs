//! Fetching messages: sizes first, then bodies in batches that are bounded by bytes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use imap_proto::{AttributeValue, Response};

use super::connect::{Session, answers};
use super::scanner::AnswerLimits;
use crate::error::ServerError;

/// A message in a folder, before it is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// Bytes, as the server says (`RFC822.SIZE`); it may be wrong.
    pub size: u64,
    /// When the server received it; absent where the server's form of it cannot be read.
    pub internal_date: Option<DateTime<Utc>>,
}

/// A message that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its UID.
    pub uid: u32,
    /// When the server received it (CNV-10); absent where the server's form of it cannot be read.
    pub internal_date: Option<DateTime<Utc>>,
    /// Its bytes.
    pub content: Content,
}

/// What was read of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// It is longer than allowed: its header alone (MAIL-2), at most [`HEADER_BYTES`].
    HeaderOnly(Vec<u8>),
}

/// Most of a header that is read.
pub const HEADER_BYTES: u32 = 1024 * 1024;

/// Beyond the largest message: for what a server adds while it hands a message out.
const LITERAL_MARGIN: u64 = 1024 * 1024;

/// A server that hands messages out more slowly than this, in bytes a second, is given up: a large message would
/// otherwise never come over a slow line, however often it is tried.
const SLOWEST: u64 = 16 * 1024;

/// Messages listed by one command.
pub const LISTED_AT_ONCE: usize = 500;

/// Groups messages into batches of at most `bytes` in sum and `count` in number. A message that is larger than `bytes`
/// is a batch of its own.
#[must_use]
pub fn batches(listed: &[Listed], bytes: u64, count: usize) -> Vec<&[Listed]> {
    let mut found = Vec::new();
    let mut rest = listed;
    while !rest.is_empty() {
        let mut sum = 0_u64;
        let fitting = rest
            .iter()
            .take(count.max(1))
            .take_while(|message| {
                sum = sum.saturating_add(message.size);
                sum <= bytes
            })
            .count();
        let (batch, tail) = rest.split_at(fitting.max(1));
        found.push(batch);
        rest = tail;
    }
    found
}

impl Session {
    /// The messages with sizes and dates, in the order of their UIDs. What has gone meanwhile is left out.
    ///
    /// # Errors
    /// When the server refuses or the connection fails.
    pub fn list(&mut self, uids: &[u32]) -> Result<Vec<Listed>, ServerError> {
        let limits = AnswerLimits { answer: 4 * 1024 * 1024, ..AnswerLimits::SMALL };
        let mut listed = Vec::with_capacity(uids.len());
        for some in uids.chunks(LISTED_AT_ONCE) {
            let data =
                self.command(&format!("UID FETCH {} (UID RFC822.SIZE INTERNALDATE)", uid_set(some)), limits)?;
            for answer in answers(&data) {
                let Response::Fetch(_, attributes) = answer else { continue };
                let (mut size, mut internal_date) = (None, None);
                for attribute in &attributes {
                    match attribute {
                        AttributeValue::Rfc822Size(bytes) => size = Some(u64::from(*bytes)),
                        AttributeValue::InternalDate(text) => internal_date = parse_internal_date(text),
                        _ => {}
                    }
                }
                if let (Some(uid), Some(size)) = (uid_of(&attributes), size)
                    && some.contains(&uid)
                {
                    listed.push(Listed { uid, size, internal_date });
                }
            }
        }
        listed.sort_unstable_by_key(|message| message.uid);
        listed.dedup_by_key(|message| message.uid);
        Ok(listed)
    }

    /// Fetches whole messages, without marking them as read, in the order of their UIDs. What has gone meanwhile is
    /// left out.
    ///
    /// The answer is held in memory: `batch` should come from [`batches`]. `largest` is the largest message in bytes
    /// that is taken whole.
    ///
    /// # Errors
    /// `LiteralTooLarge` where a message is longer than `largest` and a margin of 1 MiB, although its size had
    /// promised less; the session is lost then, as with all errors but `Refused`.
    pub fn fetch(&mut self, batch: &[Listed], largest: u64) -> Result<Vec<Fetched>, ServerError> {
        let uids: Vec<u32> = batch.iter().map(|message| message.uid).collect();
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let literal = largest.saturating_add(LITERAL_MARGIN);
        // Sizes may lie a little in each message, but not so that the sum grows beyond one largest message.
        let promised: u64 = batch.iter().map(|message| message.size).sum();
        let limits = AnswerLimits { literal, line: 64 * 1024, answer: promised.saturating_add(literal) };
        let time = self.command_time() + Duration::from_secs(promised / SLOWEST);
        let command = format!("UID FETCH {} (UID INTERNALDATE BODY.PEEK[])", uid_set(&uids));
        let data = self.command_within(time, &command, limits)?;
        Ok(collect(&data, &uids, Content::Whole))
    }

    /// Fetches the header of one message; none if it has gone.
    ///
    /// # Errors
    /// When the server refuses or the connection fails.
    pub fn fetch_header(&mut self, uid: u32) -> Result<Option<Fetched>, ServerError> {
        let literal = u64::from(HEADER_BYTES);
        let limits = AnswerLimits { literal, line: 64 * 1024, answer: literal + 64 * 1024 };
        let command = format!("UID FETCH {uid} (UID INTERNALDATE BODY.PEEK[HEADER]<0.{HEADER_BYTES}>)");
        let data = self.command(&command, limits)?;
        Ok(collect(&data, &[uid], Content::HeaderOnly).pop())
    }
}

fn collect(data: &[u8], wanted: &[u32], content: fn(Vec<u8>) -> Content) -> Vec<Fetched> {
    let mut fetched = Vec::with_capacity(wanted.len());
    for answer in answers(data) {
        let Response::Fetch(_, attributes) = answer else { continue };
        let Some(uid) = uid_of(&attributes).filter(|uid| wanted.contains(uid)) else { continue };
        let (mut internal_date, mut bytes) = (None, None);
        for attribute in attributes {
            match attribute {
                AttributeValue::InternalDate(text) => internal_date = parse_internal_date(&text),
                // A server that cannot read its own message says NIL.
                AttributeValue::BodySection { data, .. } => {
                    bytes = Some(data.unwrap_or_default().into_owned());
                }
                _ => {}
            }
        }
        // Without a body it is news about flags, which may come at any time.
        if let Some(bytes) = bytes {
            fetched.push(Fetched { uid, internal_date, content: content(bytes) });
        }
    }
    fetched.sort_by_key(|message| message.uid);
    fetched.dedup_by_key(|message| message.uid);
    fetched
}

fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })
}

/// `date-time` of RFC 3501, 9: `" 7-Feb-2026 12:00:00 +0100"`.
fn parse_internal_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z").ok().map(|date| date.to_utc())
}

/// A sequence set of ascending UIDs: neighbours are joined to ranges, so that commands stay short.
fn uid_set(uids: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    let texts: Vec<String> = ranges
        .iter()
        .map(|&(first, last)| if first == last { first.to_string() } else { format!("{first}:{last}") })
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn uid_sets_are_short() {
        assert_eq!(uid_set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(uid_set(&[u32::MAX]), "4294967295");
    }

    #[test]
    fn internal_dates_are_read_with_a_space_or_a_zero() {
        let expected = DateTime::parse_from_rfc3339("2026-02-07T11:00:00Z").unwrap();
        for text in [" 7-Feb-2026 12:00:00 +0100", "07-Feb-2026 11:00:00 +0000"] {
            assert_eq!(parse_internal_date(text), Some(expected.to_utc()), "{text}");
        }
        assert_eq!(parse_internal_date("yesterday"), None);
    }

    #[test]
    fn flags_that_change_meanwhile_are_no_messages() {
        let data = b"* 3 FETCH (FLAGS (\\Seen))\r\n* 4 FETCH (UID 9 FLAGS ())\r\n* 5 FETCH (UID 10 BODY[] {2}\r\nhi)\r\n";
        let fetched = collect(data, &[9, 10], Content::Whole);
        assert_eq!(
            fetched,
            [Fetched { uid: 10, internal_date: None, content: Content::Whole(b"hi".to_vec()) }]
        );
    }

    proptest! {
        #[test]
        fn batches_hold_everything_once_and_no_more_than_allowed(
            sizes in proptest::collection::vec(0_u64..5_000, 0..200),
            count in 1_usize..20,
        ) {
            let listed: Vec<Listed> =
                (1_u32..).zip(sizes).map(|(uid, size)| Listed { uid, size, internal_date: None }).collect();
            let found = batches(&listed, 4_000, count);
            prop_assert_eq!(&found.concat(), &listed);
            for batch in found {
                prop_assert!(batch.len() <= count);
                prop_assert!(batch.len() == 1 || batch.iter().map(|m| m.size).sum::<u64>() <= 4_000);
            }
        }
    }
}
