//! Watches the bytes of a server's answers go by: where logical lines end, and whether they keep to their limits.
//!
//! The `imap` crate holds a whole answer in memory and parses it recursively. What a hostile server could do with that
//! (endless lines, huge literals, nesting without end) is cut off here, before a byte of it is stored.

use crate::error::ServerError;

/// What one command's answer may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AnswerLimits {
    /// Bytes of one literal (RFC 3501, 4.3).
    pub(super) literal: u64,
    /// Bytes of one logical line without its literals.
    pub(super) line: u64,
    /// Bytes of everything until the command's end.
    pub(super) answer: u64,
}

impl AnswerLimits {
    /// For commands that answer with a few lines and no literals of weight.
    pub(super) const SMALL: Self = Self { literal: 8 * 1024, line: 64 * 1024, answer: 1024 * 1024 };
}

/// Nesting of parentheses in what we ask for is at most 2; nobody needs more than this.
const MAX_DEPTH: u32 = 32;

/// How far one call of [`AnswerScanner::advance`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// So many bytes were taken.
    pub(super) taken: usize,
    /// The last of them ended a logical line: a line with all literals that belong to it.
    pub(super) line_ended: bool,
    /// That line was neither untagged nor a continuation: it ends a command's answer.
    pub(super) tagged: bool,
}

/// Follows the grammar of answers just far enough to tell literals, quoted strings and line ends from each other.
#[derive(Debug)]
pub(super) struct AnswerScanner {
    limits: AnswerLimits,
    answer_bytes: u64,
    line_bytes: u64,
    /// The first bytes of the logical line, to tell status lines (free text) from data.
    head: [u8; 9],
    depth: u32,
    quoted: bool,
    escaped: bool,
    announced: Announced,
    literal_left: u64,
}

/// A literal's length, as far as it has been read at the end of a line: `{123}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    Nothing,
    Counting(u64),
    Complete(u64),
}

impl AnswerScanner {
    pub(super) fn new(limits: AnswerLimits) -> Self {
        Self {
            limits,
            answer_bytes: 0,
            line_bytes: 0,
            head: [0; 9],
            depth: 0,
            quoted: false,
            escaped: false,
            announced: Announced::Nothing,
            literal_left: 0,
        }
    }

    /// A new command begins: its answer is counted from here, under these limits.
    pub(super) fn begin_answer(&mut self, limits: AnswerLimits) {
        self.limits = limits;
        self.answer_bytes = 0;
    }

    /// Takes bytes up to the end of the logical line or of `bytes`, whichever comes first.
    ///
    /// Outside of literals, bytes that no answer may have (NUL and 8-bit) become `?`: servers put localised words into
    /// status lines and raw names into lists, and the parser would refuse the whole answer for them.
    ///
    /// # Errors
    /// `LiteralTooLarge` as soon as too long a literal is announced, `Protocol` for the other limits.
    pub(super) fn advance(&mut self, bytes: &mut [u8]) -> Result<Step, ServerError> {
        let length = bytes.len();
        let mut taken = 0;
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.literal_left > 0 {
                let skipped = usize::try_from(self.literal_left).unwrap_or(usize::MAX).min(rest.len());
                self.literal_left -= skipped as u64;
                self.count(skipped)?;
                taken += skipped;
                rest = rest.split_at_mut(skipped).1;
                continue;
            }
            let Some((byte, tail)) = rest.split_first_mut() else { break };
            taken += 1;
            if *byte == 0 || *byte >= 0x80 {
                *byte = b'?';
            }
            if let Some(tagged) = self.byte(*byte)? {
                return Ok(Step { taken, line_ended: true, tagged });
            }
            rest = tail;
        }
        debug_assert_eq!(taken, length);
        Ok(Step { taken, line_ended: false, tagged: false })
    }

    fn count(&mut self, bytes: usize) -> Result<(), ServerError> {
        self.answer_bytes += bytes as u64;
        if self.answer_bytes > self.limits.answer { Err(ServerError::Protocol) } else { Ok(()) }
    }

    /// One byte outside of literals; if it ended the logical line, whether that was a tagged one.
    fn byte(&mut self, byte: u8) -> Result<Option<bool>, ServerError> {
        self.count(1)?;
        if let Some(slot) = usize::try_from(self.line_bytes).ok().and_then(|at| self.head.get_mut(at)) {
            *slot = byte.to_ascii_uppercase();
        }
        self.line_bytes += 1;
        if self.line_bytes > self.limits.line {
            return Err(ServerError::Protocol);
        }
        if byte == b'\n' {
            return self.end_of_physical_line();
        }
        self.announced = match (self.announced, byte) {
            (_, b'{') => Announced::Counting(0),
            (Announced::Counting(n), b'0'..=b'9') => {
                Announced::Counting(n.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
            }
            (Announced::Counting(n), b'}') => Announced::Complete(n),
            (complete @ Announced::Complete(_), b'\r') => complete,
            _ => Announced::Nothing,
        };
        self.nesting(byte)?;
        Ok(None)
    }

    fn nesting(&mut self, byte: u8) -> Result<(), ServerError> {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
            return Ok(());
        }
        match byte {
            b'"' => self.quoted = true,
            b'(' => self.depth += 1,
            b')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > MAX_DEPTH { Err(ServerError::Protocol) } else { Ok(()) }
    }

    fn end_of_physical_line(&mut self) -> Result<Option<bool>, ServerError> {
        self.quoted = false;
        self.escaped = false;
        let announced = std::mem::replace(&mut self.announced, Announced::Nothing);
        if let Announced::Complete(bytes) = announced
            && !self.is_status_line()
        {
            if bytes > self.limits.literal {
                return Err(ServerError::LiteralTooLarge);
            }
            self.literal_left = bytes;
            return Ok(None);
        }
        let tagged = !self.head.starts_with(b"* ") && !self.head.starts_with(b"+");
        self.line_bytes = 0;
        self.head = [0; 9];
        self.depth = 0;
        Ok(Some(tagged))
    }

    /// Status lines end in free text, in which `{5}` is no literal: untagged `OK`, `NO`, `BAD`, `BYE`, `PREAUTH`,
    /// continuations, and everything tagged.
    fn is_status_line(&self) -> bool {
        match self.head.strip_prefix(b"* ") {
            Some(rest) => {
                [&b"OK "[..], b"NO ", b"BAD ", b"BYE ", b"PREAUTH"].iter().any(|s| rest.starts_with(s))
            }
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: AnswerLimits = AnswerLimits { literal: 100, line: 200, answer: 2_000 };

    /// The logical lines that the scanner sees, the input given in pieces of a size.
    fn lines(input: &[u8], piece: usize) -> Result<Vec<Vec<u8>>, ServerError> {
        let mut scanner = AnswerScanner::new(LIMITS);
        let mut input = input.to_vec();
        let (mut found, mut line) = (Vec::new(), Vec::new());
        for chunk in input.chunks_mut(piece) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let step = scanner.advance(rest)?;
                let (done, tail) = rest.split_at_mut(step.taken);
                line.extend_from_slice(done);
                if step.line_ended {
                    found.push(std::mem::take(&mut line));
                }
                rest = tail;
            }
        }
        Ok(found)
    }

    #[test]
    fn a_literal_belongs_to_its_line() {
        let input = b"* 1 FETCH (UID 7 BODY[] {8}\r\na\r\nb\r\n())\r\na1 OK done {5}\r\n+ go\r\n";
        let found = lines(input, 3).unwrap();
        assert_eq!(found.len(), 3);
        assert!(found[0].ends_with(b"())\r\n"), "{:?}", String::from_utf8_lossy(&found[0]));
    }

    #[test]
    fn too_much_of_anything_is_refused_when_it_is_announced() {
        assert_eq!(lines(b"* 1 FETCH (BODY[] {101}\r\n", 50), Err(ServerError::LiteralTooLarge));
        assert_eq!(
            lines(b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n", 50),
            Err(ServerError::LiteralTooLarge)
        );
        assert_eq!(lines(&[b'x'; 201], 50), Err(ServerError::Protocol));
        assert_eq!(lines(&b"* 1 EXISTS\r\n".repeat(200), 50), Err(ServerError::Protocol));
        let nested = [&b"* 1 FETCH "[..], &[b'('; 33]].concat();
        assert_eq!(lines(&nested, 50), Err(ServerError::Protocol));
    }

    #[test]
    fn parentheses_in_quoted_strings_nest_nothing() {
        let name = format!("* LIST () \"/\" \"{}\\\"{}\"\r\n", "(".repeat(20), "(".repeat(20));
        assert_eq!(lines(name.as_bytes(), 7).unwrap().len(), 1);
    }

    #[test]
    fn words_in_other_alphabets_do_not_break_a_status_line_and_literals_stay_as_they_are() {
        let mut line = "* OK Grüße\r\n* 1 FETCH (BODY[] {3}\r\nü\0)\r\n".as_bytes().to_vec();
        let mut scanner = AnswerScanner::new(LIMITS);
        let first = scanner.advance(&mut line).unwrap().taken;
        assert_eq!(&line[..first], b"* OK Gr????e\r\n");
        scanner.advance(&mut line[first..]).unwrap();
        assert!(line.ends_with("ü\0)\r\n".as_bytes()));
    }

    proptest! {
        #[test]
        fn what_the_pieces_are_makes_no_difference(
            input in proptest::collection::vec(
                prop_oneof![Just(b'{'), Just(b'}'), Just(b'3'), Just(b'\r'), Just(b'\n'), Just(b'"'), Just(b'('),
                    Just(b'*'), Just(b' '), any::<u8>()],
                0..300,
            ),
            piece in 1_usize..40,
        ) {
            prop_assert_eq!(lines(&input, piece), lines(&input, input.len().max(1)));
        }
    }
}
