//! Following an IMAP connection (RFC 3501) as far as FETCH.

use super::{Piece, Watcher};

#[derive(Default)]
pub(super) struct Session {
    client: Lines,
    server: Lines,
    /// The tag of the FETCH that is going on.
    fetch: Option<Vec<u8>>,
    /// FETCH answers since.
    mails: usize,
}

/// Cuts a stream into lines, with the literals (`{42}` at a line's end, then 42 bytes) apart.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    literal: usize,
    /// The line goes on a line that was begun before a literal.
    continued: bool,
}

enum Part {
    /// A line that begins a command or an answer.
    First(Vec<u8>),
    /// Whatever else.
    Other(Vec<u8>),
}

impl Lines {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.literal > 0 {
                let (now, later) = rest.split_at(self.literal.min(rest.len()));
                self.literal -= now.len();
                rest = later;
                parts.push(Part::Other(now.to_vec()));
                continue;
            }
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let (now, later) = rest.split_at(end);
            rest = later;
            self.line.extend_from_slice(now);
            if !self.line.ends_with(b"\n") {
                break;
            }
            let line = std::mem::take(&mut self.line);
            let first = !self.continued;
            if let Some(length) = literal_at_end(&line) {
                self.literal = length;
                self.continued = true;
            } else {
                self.continued = false;
            }
            parts.push(if first { Part::First(line) } else { Part::Other(line) });
        }
        parts
    }
}

fn literal_at_end(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line.trim_ascii_end().strip_suffix(b"}")?).ok()?;
    let (_, digits) = text.rsplit_once('{')?;
    digits.trim_end_matches('+').parse().ok()
}

impl Watcher for Session {
    fn client(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let parts = self.client.feed(bytes);
        parts
            .into_iter()
            .map(|part| match part {
                Part::First(line) => {
                    let upper = line.to_ascii_uppercase();
                    let has = |word: &[u8]| upper.windows(word.len()).any(|window| window == word);
                    if has(b" FETCH ") && has(b"BODY") {
                        self.fetch = line.split(|byte| *byte == b' ').next().map(<[u8]>::to_vec);
                        self.mails = 0;
                        Piece::Begins(line)
                    } else {
                        Piece::Plain(line)
                    }
                }
                Part::Other(bytes) => Piece::Plain(bytes),
            })
            .collect()
    }

    fn server(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let parts = self.server.feed(bytes);
        parts
            .into_iter()
            .map(|part| match part {
                Part::First(line) => {
                    let mut words = line.split(|byte| *byte == b' ');
                    let (first, third) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
                    if first == b"*" && third.eq_ignore_ascii_case(b"FETCH") {
                        self.mails += 1;
                    } else if self.fetch.as_deref() == Some(first) {
                        self.fetch = None;
                        return Piece::Ends(line, self.mails);
                    }
                    Piece::Plain(line)
                }
                Part::Other(bytes) => Piece::Plain(bytes),
            })
            .collect()
    }
}
