//! Header text: encoded words (RFC 2047) in every form that is seen in the wild, and raw 8-bit text.

use crate::{charset, transfer};

/// One piece of a header's text.
enum Piece<'a> {
    Plain(&'a [u8]),
    Encoded { charset: String, bytes: Vec<u8> },
}

/// Decodes an unstructured header value (or a phrase): unfolded, encoded words resolved, raw 8-bit text decoded by
/// detection.
pub(crate) fn decode(raw: &[u8]) -> String {
    let unfolded = unfold(raw);
    let mut out = String::with_capacity(unfolded.len());
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut gap: &[u8] = &[];
    for piece in Pieces::of(&unfolded) {
        match piece {
            Piece::Plain(text) if pending.is_some() && text.iter().all(u8::is_ascii_whitespace) => gap = text,
            Piece::Plain(text) => {
                flush(&mut out, &mut pending);
                out.push_str(&charset::decode(std::mem::take(&mut gap), None));
                out.push_str(&charset::decode(text, None));
            }
            // White space between two encoded words isn't shown (RFC 2047, 6.2). Words of one character set are
            // joined as bytes, since some programs cut in the middle of a character.
            Piece::Encoded { charset, bytes } => {
                gap = &[];
                match &mut pending {
                    Some((same, joined)) if *same == charset => joined.extend_from_slice(&bytes),
                    _ => {
                        flush(&mut out, &mut pending);
                        pending = Some((charset, bytes));
                    }
                }
            }
        }
    }
    flush(&mut out, &mut pending);
    out.push_str(&charset::decode(gap, None));
    // An encoded line break would tear the text again.
    if out.contains(['\r', '\n']) { out.replace(['\r', '\n'], " ") } else { out }
}

/// A structured header's value as characters, its encoded words left as they are: unfolded, raw 8-bit text decoded by
/// detection. Raw 8-bit bytes inside of a Q word are in that word's character set, so they are escaped first.
pub(crate) fn to_characters(raw: &[u8]) -> String {
    let unfolded = unfold(raw);
    if unfolded.is_ascii() {
        return charset::decode(&unfolded, None);
    }
    let mut out = Vec::with_capacity(unfolded.len());
    let mut marks = 0;
    for (index, &byte) in unfolded.iter().enumerate() {
        let next = unfolded.get(index + 1);
        match byte {
            b'=' if marks == 0 && next == Some(&b'?') => marks = 1,
            b'?' if marks > 0 => marks = if marks >= 4 && next == Some(&b'=') { 0 } else { marks + 1 },
            _ => {}
        }
        if marks >= 4 && !byte.is_ascii() {
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
        } else {
            out.push(byte);
        }
    }
    charset::decode(&out, None)
}

/// [`decode`] for text that was already decoded to characters, such as a part of a structured header.
pub(crate) fn decode_text(text: &str) -> String {
    if text.contains("=?") { decode(text.as_bytes()) } else { text.to_owned() }
}

fn flush(out: &mut String, pending: &mut Option<(String, Vec<u8>)>) {
    if let Some((charset, bytes)) = pending.take() {
        out.push_str(&charset::decode(&bytes, Some(&charset)));
    }
}

/// A header's value on one line: each fold becomes one space (RFC 5322, 2.2.3).
pub(crate) fn unfold(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if matches!(byte, b'\r' | b'\n') {
            out.truncate(out.trim_ascii_end().len());
            rest = rest.trim_ascii_start();
            if !out.is_empty() && !rest.is_empty() {
                out.push(b' ');
            }
        } else {
            out.push(byte);
        }
    }
    out
}

/// Splits a header's text at its encoded words.
struct Pieces<'a> {
    rest: &'a [u8],
    /// Found when looking ahead for the next word.
    next: Option<Piece<'a>>,
    /// No `?=` stands in what remains: don't look for it again.
    exhausted: bool,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { rest: text, next: None, exhausted: false }
    }

    /// Reads `charset?Q?text?=` at the start of `after` (which follows `=?`): the word, and what comes behind it.
    fn read_word(&mut self, after: &'a [u8]) -> Option<(Piece<'a>, &'a [u8])> {
        let mark = after.iter().take(MAX_CHARSET).position(|&b| b == b'?')?;
        let (charset, tail) = after.split_at_checked(mark)?;
        if charset.is_empty() || charset.iter().any(|b| b.is_ascii_whitespace() || *b == b'=') {
            return None;
        }
        let [b'?', encoding, b'?', tail @ ..] = tail else { return None };
        let base64 = match encoding {
            b'B' | b'b' => true,
            b'Q' | b'q' => false,
            _ => return None,
        };
        let (text, tail) = self.read_encoded_text(tail, base64)?;
        let bytes = if base64 { transfer::decode_base64(text) } else { decode_q(text) };
        let charset = String::from_utf8_lossy(charset).to_ascii_lowercase();
        Some((Piece::Encoded { charset, bytes }, tail))
    }

    /// The encoded text up to `?=`; a truncated word at the header's end counts as closed.
    fn read_encoded_text(&mut self, tail: &'a [u8], base64: bool) -> Option<(&'a [u8], &'a [u8])> {
        let mut from = 0;
        while !self.exhausted {
            let Some(found) = tail.get(from..)?.windows(2).position(|pair| pair == b"?=") else {
                self.exhausted = true;
                break;
            };
            let end = from + found;
            // A raw `?` before an encoded letter (`?=20`) isn't the end.
            let follows = tail.get(end + 2..).unwrap_or_default();
            let is_hex_pair = matches!(follows, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
            if !base64
                && is_hex_pair
                && follows.get(..MAX_WORD).unwrap_or(follows).windows(2).any(|p| p == b"?=")
            {
                from = end + 2;
                continue;
            }
            return Some((tail.get(..end)?, follows));
        }
        let closed = tail.strip_suffix(b"?").unwrap_or(tail);
        let is_one_word =
            (1..=MAX_TRUNCATED).contains(&closed.len()) && !closed.iter().any(u8::is_ascii_whitespace);
        is_one_word.then_some((closed, &[]))
    }
}

/// A character set's name that is longer is none.
const MAX_CHARSET: usize = 64;
/// How far ahead the end of a word is looked for behind a doubtful one (RFC 2047 allows 75 characters in all).
const MAX_WORD: usize = 200;
/// The longest word without an end that is still taken for one.
const MAX_TRUNCATED: usize = 1000;

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if let Some(piece) = self.next.take() {
            return Some(piece);
        }
        let text = self.rest;
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|t| t.windows(2).position(|pair| pair == b"=?")) {
            let start = from + found;
            let after = text.get(start + 2..).unwrap_or_default();
            if let Some((word, tail)) = self.read_word(after) {
                self.rest = tail;
                let before = text.get(..start).unwrap_or_default();
                if before.is_empty() {
                    return Some(word);
                }
                self.next = Some(word);
                return Some(Piece::Plain(before));
            }
            from = start + 2;
        }
        self.rest = &[];
        (!text.is_empty()).then_some(Piece::Plain(text))
    }
}

/// The Q encoding (RFC 2047, 4.2).
fn decode_q(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|&b| if b == b'_' { b' ' } else { b }).collect();
    let mut out = Vec::with_capacity(spaced.len());
    transfer::decode_hex_pairs(&spaced, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &str) {
        assert_eq!(decode(raw.as_bytes()), expected, "{raw}");
    }

    #[test]
    fn decodes_words_and_the_space_between() {
        check("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard");
        check("=?utf-8?B?R3LDvMOf?=\r\n =?utf-8?Q?e_aus?= K", "Grüße aus K");
        check("a =?utf-8?Q?b?= c =?utf-8?Q?d?=", "a b c d");
        check("Re: =?utf-8*en?Q?caf=c3=a9?=", "Re: café");
    }

    #[test]
    fn joins_a_character_cut_in_two() {
        check("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße");
        check("=?UTF-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=", "Grüße");
    }

    #[test]
    fn takes_broken_forms() {
        check("=?utf-8?Q?with space_and=20more?=", "with space and more");
        check("=?utf-8?Q?what?=20now=3F?=", "what? now?");
        check("=?utf-8?Q?truncated=C3=BC", "truncatedü");
        check("=?nope-42?Q?Gr=C3=BC=C3=9Fe?=", "Grüße");
        check("=?utf-8?X?keep?= =? =?? =?a", "=?utf-8?X?keep?= =? =?? =?a");
        assert_eq!(decode(b"=?iso-8859-1?Q?caf\xe9?= cr\xc3\xa8me"), "café crème");
    }

    #[test]
    fn keeps_raw_bytes_of_a_word_in_its_character_set() {
        let text = to_characters(b"Heinz =?iso-8859-1?Q?M\xfcller?= gr\xc3\xbc\xc3\x9ft");
        assert_eq!(text, "Heinz =?iso-8859-1?Q?M=FCller?= grüßt");
    }

    #[test]
    fn unfolds() {
        check("one\r\n  two\n\tthree", "one two three");
        check("\r\n x", "x");
    }

    #[test]
    fn hostile_headers_cost_linear_work() {
        // Finishes at once if linear; the quadratic reading would take hours.
        for hostile in [
            "=?a?q?".repeat(200_000),
            "=?".repeat(600_000),
            "=?a?q?x?=20".repeat(100_000),
            format!("{} ", "=?a?q?x".repeat(200_000)),
        ] {
            assert!(decode(hostile.as_bytes()).len() <= hostile.len());
        }
    }
}
