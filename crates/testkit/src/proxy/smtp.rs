//! Following an SMTP connection (RFC 5321) as far as DATA.

use super::{Piece, Watcher};

#[derive(Default)]
pub(super) struct Session {
    state: State,
    /// The client's line so far.
    command: Vec<u8>,
    /// The server's answer so far.
    answer: Vec<u8>,
    /// The body's last bytes.
    tail: Vec<u8>,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    Commands,
    /// DATA was said, 354 awaited.
    Asked,
    Body,
    /// The dot was said, the last answer awaited.
    Awaiting,
}

const END_OF_BODY: &[u8] = b"\r\n.\r\n";

impl Watcher for Session {
    fn client(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut body = Vec::new();
        for &byte in bytes {
            if self.state == State::Body {
                body.push(byte);
                self.tail.push(byte);
                if self.tail.len() > END_OF_BODY.len() {
                    self.tail.remove(0);
                }
                if self.tail == END_OF_BODY {
                    self.state = State::Awaiting;
                    pieces.push(Piece::Plain(std::mem::take(&mut body)));
                }
                continue;
            }
            self.command.push(byte);
            if byte == b'\n' {
                let line = std::mem::take(&mut self.command);
                if line.trim_ascii().eq_ignore_ascii_case(b"DATA") {
                    self.state = State::Asked;
                    pieces.push(Piece::Begins(line));
                } else {
                    pieces.push(Piece::Plain(line));
                }
            }
        }
        if !body.is_empty() {
            pieces.push(Piece::Plain(body));
        }
        pieces
    }

    fn server(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for &byte in bytes {
            self.answer.push(byte);
            if byte != b'\n' || !is_complete(&self.answer) {
                continue;
            }
            let answer = std::mem::take(&mut self.answer);
            match self.state {
                State::Asked if answer.starts_with(b"354") => {
                    self.state = State::Body;
                    // A body may be empty: the dot then stands on its first line.
                    self.tail = b"\r\n".to_vec();
                    pieces.push(Piece::Plain(answer));
                }
                State::Asked => {
                    self.state = State::Commands;
                    pieces.push(Piece::Ends(answer, 0));
                }
                State::Awaiting => {
                    self.state = State::Commands;
                    let taken = usize::from(answer.starts_with(b"2"));
                    pieces.push(Piece::Ends(answer, taken));
                }
                State::Commands | State::Body => pieces.push(Piece::Plain(answer)),
            }
        }
        pieces
    }
}

/// Every line but the last of an answer has a hyphen behind the code.
fn is_complete(answer: &[u8]) -> bool {
    let last = answer.split_inclusive(|byte| *byte == b'\n').next_back().unwrap_or_default();
    last.get(3) != Some(&b'-')
}
