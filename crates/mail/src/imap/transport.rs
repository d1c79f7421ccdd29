//! The `imap` crate's way to the wire: enforces limits and deadlines, and puts right what its IDLE gets wrong.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::scanner::{AnswerLimits, AnswerScanner};
use crate::error::ServerError;
use crate::net::Wire;

/// What the session tells its transport: the `imap` crate owns the transport and gives no way to it.
#[derive(Debug, Clone)]
pub(super) struct Controls(Arc<Mutex<Order>>);

#[derive(Debug)]
struct Order {
    /// No read or write goes on after this.
    deadline: Instant,
    mode: Mode,
    /// Limits for the answer that comes next; taken by the transport when it starts to read it.
    limits: Option<AnswerLimits>,
}

/// How bytes are handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As they come.
    Free,
    /// The `imap` crate takes the next line for the continuation (`+`) or the refusal. RFC 3501 lets a server send
    /// untagged lines before it: they are held back until it has come, so that none is lost.
    AwaitContinuation,
    /// In whole lines only: a read that times out in the middle of a line must not swallow its first half.
    Lines,
}

impl Controls {
    fn order(&self) -> MutexGuard<'_, Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the frame for the command that is sent next.
    pub(super) fn begin(&self, limits: AnswerLimits, time: Duration, mode: Mode) {
        let mut order = self.order();
        order.deadline = Instant::now() + time;
        order.limits = Some(limits);
        order.mode = mode;
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        self.order().mode = mode;
    }
}

/// The stream under an IMAP session.
#[derive(Debug)]
pub(super) struct Transport {
    wire: Wire,
    controls: Controls,
    scanner: AnswerScanner,
    /// Longest silence within an answer.
    silence: Duration,
    /// While idling: when the reader wants to be woken, whatever has come.
    wake: Option<Instant>,
    /// Read from the wire, not looked at yet.
    raw: Backlog,
    /// Scanned, to be handed on at once.
    ready: Backlog,
    /// The beginning of a line, in the modes that go by lines.
    partial: Vec<u8>,
    /// Untagged lines that came before the continuation.
    held_back: Vec<u8>,
}

impl Transport {
    pub(super) fn new(wire: Wire, silence: Duration) -> (Self, Controls) {
        let controls = Controls(Arc::new(Mutex::new(Order {
            deadline: Instant::now() + silence,
            mode: Mode::Free,
            limits: None,
        })));
        let transport = Self {
            wire,
            controls: controls.clone(),
            scanner: AnswerScanner::new(AnswerLimits::SMALL),
            silence,
            wake: None,
            raw: Backlog::default(),
            ready: Backlog::default(),
            partial: Vec::new(),
            held_back: Vec::new(),
        };
        (transport, controls)
    }

    /// Makes sure that raw bytes are there; false at the connection's end. Never waits past the deadline, the wake-up
    /// time or the longest silence.
    fn fill(&mut self) -> io::Result<bool> {
        if !self.raw.is_empty() {
            return Ok(true);
        }
        let now = Instant::now();
        let until = self.controls.order().deadline.min(self.wake.unwrap_or(now + self.silence));
        let patience = until.saturating_duration_since(now);
        if patience.is_zero() {
            return Err(ServerError::TimedOut.into());
        }
        self.wire.socket().set_read_timeout(Some(patience.max(Duration::from_millis(1))))?;
        let space = self.raw.make_space(16 * 1024);
        let count = match self.wire.read(space) {
            Ok(count) => count,
            Err(error) => {
                self.raw.truncate(0);
                return Err(error);
            }
        };
        self.raw.truncate(count);
        Ok(count > 0)
    }

    /// Hands on bytes as they come, but none beyond a tagged line: the `imap` crate's buffer must not hold what the
    /// server says between two commands when the next one waits for its continuation.
    fn read_freely(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.partial.is_empty() {
            self.ready.append(&mut self.partial);
            return Ok(self.ready.hand_on(buffer));
        }
        if !self.fill()? {
            return Ok(0);
        }
        let most = buffer.len();
        let waiting = self.raw.waiting_mut();
        let end = waiting.len().min(most);
        let mut scanned = 0;
        while scanned < end {
            let step = self.scanner.advance(waiting.split_at_mut(end).0.split_at_mut(scanned).1)?;
            scanned += step.taken;
            if step.line_ended && step.tagged {
                break;
            }
        }
        Ok(self.raw.hand_on(buffer.split_at_mut(scanned).0))
    }

    /// Reads until a logical line is ready to be handed on; false at the connection's end.
    fn read_line(&mut self) -> io::Result<bool> {
        while self.ready.is_empty() {
            if !self.fill()? {
                return Ok(false);
            }
            let step = self.scanner.advance(self.raw.waiting_mut())?;
            self.partial.extend_from_slice(self.raw.take(step.taken));
            if step.line_ended {
                let line = std::mem::take(&mut self.partial);
                self.complete_line(line)?;
            }
        }
        Ok(true)
    }

    fn complete_line(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        if self.controls.order().mode != Mode::AwaitContinuation {
            self.ready.append(&mut line);
        } else if line.starts_with(b"* ") {
            self.held_back.append(&mut line);
        } else {
            if !line.starts_with(b"+") && !is_refusal(&line) {
                // The crate holds it for impossible that a command awaiting a continuation succeeds without one.
                return Err(ServerError::Protocol.into());
            }
            self.ready.append(&mut line);
            self.ready.append(&mut self.held_back);
            self.controls.set_mode(Mode::Lines);
        }
        Ok(())
    }

    fn begin_answer_if_ordered(&mut self) {
        if let Some(limits) = self.controls.order().limits.take() {
            self.scanner.begin_answer(limits);
        }
    }
}

/// A tagged `NO` or `BAD`.
fn is_refusal(line: &[u8]) -> bool {
    let mut words = line.split(|byte| byte.is_ascii_whitespace());
    let status = words.nth(1).unwrap_or_default();
    status.eq_ignore_ascii_case(b"NO") || status.eq_ignore_ascii_case(b"BAD")
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.begin_answer_if_ordered();
        if self.ready.is_empty() {
            if self.controls.order().mode == Mode::Free {
                return self.read_freely(buffer);
            }
            if !self.read_line()? {
                return Ok(0);
            }
        }
        Ok(self.ready.hand_on(buffer))
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if Instant::now() > self.controls.order().deadline {
            return Err(ServerError::TimedOut.into());
        }
        self.wire.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wire.flush()
    }
}

impl imap::extensions::idle::SetReadTimeout for Transport {
    /// The crate calls this with the longest idle time before it waits, and with `None` after: then the ordinary
    /// limits hold again. There is never a read without one.
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> imap::Result<()> {
        self.wake = timeout.map(|time| Instant::now() + time);
        Ok(())
    }
}

/// Bytes that wait to be taken from the front.
#[derive(Debug, Default)]
struct Backlog {
    bytes: Vec<u8>,
    taken: usize,
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.taken >= self.bytes.len()
    }

    fn append(&mut self, more: &mut Vec<u8>) {
        self.bytes.append(more);
    }

    /// Empties the backlog and gives room for so many bytes; [`Backlog::truncate`] says how many were filled.
    fn make_space(&mut self, count: usize) -> &mut [u8] {
        self.taken = 0;
        self.bytes.resize(count, 0);
        &mut self.bytes
    }

    fn truncate(&mut self, count: usize) {
        self.bytes.truncate(count);
    }

    fn waiting_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.taken..).unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> &[u8] {
        let from = self.taken;
        self.taken = self.bytes.len().min(from + count);
        self.bytes.get(from..self.taken).unwrap_or_default()
    }

    fn hand_on(&mut self, buffer: &mut [u8]) -> usize {
        let given = self.take(buffer.len());
        for (to, from) in buffer.iter_mut().zip(given) {
            *to = *from;
        }
        let count = given.len();
        if self.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        }
        count
    }
}

/// Ends a session from another thread: whatever it waits for, it returns at once with a lost connection.
#[derive(Debug)]
pub struct Interrupter(TcpStream);

impl Interrupter {
    pub(super) fn of(wire: &Wire) -> io::Result<Self> {
        wire.socket().try_clone().map(Self)
    }

    pub(super) fn another(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Closes the connection. Doing it twice does no harm.
    pub fn interrupt(&self) {
        // An error means that the connection is closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
