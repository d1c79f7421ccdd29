//! Mails out of an mbox file, one after the other, in bounded memory: mboxo and mboxrd, with lines that end in LF or CRLF.

use chrono::{DateTime, Utc};
use std::io::{self, BufRead, Read};

use super::Found;

/// So many bytes of a line are read at once: a file may have no line's end at all.
const CHUNK: u64 = 64 * 1024;

/// Reads an mbox. A mail begins at a line `From address date`; `>From` and `>>From` lose the `>` that such files add.
pub(super) struct Mbox<R> {
    input: R,
    /// Larger mails are kept by their header.
    largest: usize,
    /// The separator line before the next mail; `None` before the first.
    next: Option<Envelope>,
    /// Bytes read so far.
    pub(super) offset: u64,
}

struct Envelope(Option<DateTime<Utc>>);

/// A mail that grows line by line.
struct Growing {
    raw: Vec<u8>,
    size: u64,
}

impl<R: BufRead> Mbox<R> {
    pub(super) fn new(input: R, largest: usize) -> Self {
        Self { input, largest, next: None, offset: 0 }
    }

    /// The next mail; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read; [`io::ErrorKind::InvalidData`] where it does not begin as an mbox does.
    pub(super) fn read(&mut self) -> io::Result<Option<Found>> {
        let mut line = Vec::new();
        let envelope = match self.next.take() {
            Some(envelope) => envelope,
            None => match self.first_envelope(&mut line)? {
                Some(envelope) => envelope,
                None => return Ok(None),
            },
        };
        let mut mail = Growing { raw: Vec::new(), size: 0 };
        let mut at_start = true;
        while self.chunk(&mut line)? {
            if at_start && let Some(envelope) = envelope_in(&line) {
                self.next = Some(envelope);
                break;
            }
            let content = if at_start { unquoted(&line) } else { &line };
            at_start = line.ends_with(b"\n");
            mail.add(content, self.largest);
        }
        Ok(Some(mail.finish(self.largest, envelope.0)))
    }

    /// The separator before the first mail. Blank lines may stand before it.
    fn first_envelope(&mut self, line: &mut Vec<u8>) -> io::Result<Option<Envelope>> {
        while self.chunk(line)? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            if line.starts_with(b"From ") {
                let envelope = envelope_in(line).unwrap_or(Envelope(None));
                while !line.ends_with(b"\n") && self.chunk(line)? {}
                return Ok(Some(envelope));
            }
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it does not begin with a line \"From …\", as an mbox does",
            ));
        }
        Ok(None)
    }

    /// The next line, or the next piece of a very long one. False at the end.
    fn chunk(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let read = self.input.by_ref().take(CHUNK).read_until(b'\n', line)?;
        self.offset += read as u64;
        Ok(read > 0)
    }
}

impl Growing {
    /// Lines end in CRLF, as they do on the wire: the same mail is then the same bytes, whoever filed it.
    fn add(&mut self, content: &[u8], largest: usize) {
        self.size += content.len() as u64;
        if self.raw.len() > largest {
            return;
        }
        match content.strip_suffix(b"\n") {
            Some(rest) => {
                self.raw.extend_from_slice(rest);
                if !self.raw.ends_with(b"\r") {
                    self.raw.push(b'\r');
                }
                self.raw.push(b'\n');
            }
            None => self.raw.extend_from_slice(content),
        }
    }

    fn finish(mut self, largest: usize, received_at: Option<DateTime<Utc>>) -> Found {
        // The blank line before the next separator is the file's.
        if self.raw.ends_with(b"\r\n\r\n") {
            self.raw.truncate(self.raw.len() - 2);
            self.size = self.size.saturating_sub(1);
        }
        Found::of(self.raw, self.size, largest, received_at)
    }
}

/// A separator says who and when: `From ann@example.com Fri Mar  1 10:00:00 2024`, with or without a zone. A line of prose
/// that begins with `From` has no weekday, month, time and year.
fn envelope_in(line: &[u8]) -> Option<Envelope> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let line = std::str::from_utf8(line.strip_prefix(b"From ")?.trim_ascii()).ok()?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let day = words.iter().rposition(|word| DAYS.contains(&word.trim_end_matches(',')))?;
    let date = words.get(day + 1..)?;
    if !date.iter().any(|word| word.contains(':')) {
        return None;
    }
    let when = postroom_mime::date_in(&date.join(" "))?;
    Some(Envelope(Some(when)))
}

/// What the file's writer has put before a line that would pass for a separator is taken off.
fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|&&byte| byte == b'>').count();
    match line.get(quotes..) {
        Some(rest) if quotes > 0 && rest.starts_with(b"From ") => line.get(1..).unwrap_or_default(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mails(file: &[u8]) -> Vec<Found> {
        let mut mbox = Mbox::new(file, 1_000_000);
        std::iter::from_fn(|| mbox.read().unwrap()).collect()
    }

    fn texts(file: &str) -> Vec<String> {
        mails(file.as_bytes()).into_iter().map(|mail| String::from_utf8(mail.raw).unwrap()).collect()
    }

    const TWO: &str = "From ann@example.com Fri Mar  1 10:00:00 2024\nSubject: one\n\nHello\n>From me\n>>From you\n\
                       From here on it is prose.\n\nFrom - Sat Mar  2 10:00:00 2024\nSubject: two\n\nBye\n";

    #[test]
    fn mails_end_where_the_next_one_begins() {
        let expected = [
            "Subject: one\r\n\r\nHello\r\nFrom me\r\n>From you\r\nFrom here on it is prose.\r\n",
            "Subject: two\r\n\r\nBye\r\n",
        ];
        assert_eq!(texts(TWO), expected);
        assert_eq!(texts(&TWO.replace('\n', "\r\n")), expected);
        assert_eq!(texts(&format!("\n\n{TWO}\n")), expected);
        assert_eq!(texts(TWO.trim_end()), [expected[0], "Subject: two\r\n\r\nBye"]);
        let at = mails(TWO.as_bytes()).remove(0).received_at.unwrap();
        assert_eq!(at.to_rfc3339(), "2024-03-01T10:00:00+00:00");
    }

    #[test]
    fn an_exports_separators_with_zones_are_known() {
        let file = "From 17@xxx Fri Mar 01 10:00:00 +0100 2024\nA: 1\n\nx\n\nFrom 18@xxx Sat, 2 Mar 2024 10:00:00 GMT\nA: 2\n\ny\n";
        let found = mails(file.as_bytes());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].received_at.unwrap().to_rfc3339(), "2024-03-01T09:00:00+00:00");
    }

    #[test]
    fn what_is_no_mbox_is_refused_and_an_empty_one_is_empty() {
        assert!(mails(b"").is_empty());
        assert!(mails(b"\n\n").is_empty());
        let refused = Mbox::new(&b"Subject: a mail\n\nHello\n"[..], 100).read();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_mail_without_an_end_costs_no_memory() {
        let header = b"From a Fri Mar  1 10:00:00 2024\nSubject: large\n\n".as_slice();
        let endless = header.chain(io::repeat(b'x').take(50_000_000));
        let mut mbox = Mbox::new(io::BufReader::new(endless), 100_000);
        let mail = mbox.read().unwrap().unwrap();
        assert_eq!(mail.raw, b"Subject: large\r\n\r\n");
        assert_eq!(mail.too_large, Some((50_000_016, 100_000)));
        assert!(mail.raw.capacity() < 300_000, "{}", mail.raw.capacity());
        assert!(mbox.read().unwrap().is_none());
    }

    proptest! {
        /// What is written as mboxrd comes back, whatever its lines are.
        #[test]
        fn what_was_quoted_comes_back(bodies in proptest::collection::vec("((>{0,3}From |From |>|x| )[a-z :]{0,12}\n){0,6}", 1..5), crlf: bool) {
            let mut file = String::new();
            for body in &bodies {
                file += "From ann@example.com Fri Mar  1 10:00:00 2024\nSubject: s\n\n";
                for line in body.split_inclusive('\n') {
                    if line.trim_start_matches('>').starts_with("From ") {
                        file.push('>');
                    }
                    file += line;
                }
                file.push('\n');
            }
            if crlf {
                file = file.replace('\n', "\r\n");
            }
            let expected: Vec<String> = bodies.iter().map(|body| format!("Subject: s\n\n{body}").replace('\n', "\r\n")).collect();
            prop_assert_eq!(texts(&file), expected);
        }
    }
}
