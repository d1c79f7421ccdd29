//! An SMTP server that does as it is told: a real socket, with real TLS where it is asked for, that refuses, lags, falls
//! silent or hangs up at a chosen step of a chosen attempt, and keeps what it has taken.
//!
//! Every attempt to send plays the next script that was given to [`SmtpServer::next`]; where there is none it goes well.
//! An attempt begins with a connection, or with a further mail on one that is open.

mod session;
mod wire;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    error::{Result, Tried},
    oauth::OAuthServer,
    process::wait_for,
};
use session::Session;
use wire::Wire;

/// What a client has just done, and the server is to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It has connected.
    Connect,
    /// EHLO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH, whole.
    Auth,
    /// MAIL.
    Mail,
    /// Any RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// It is in the middle of the body.
    Body,
    /// It has sent the line with the single dot.
    End,
}

/// What goes wrong in an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The answer to a step is this one, of one or several lines (`\r\n` between them). 421 and a refused greeting end
    /// the connection, as they should.
    Answers(Step, &'static str),
    /// The answer to RCPT of an address that begins like this.
    Recipient(&'static str, &'static str),
    /// The connection ends without an answer. After [`Step::End`] the mail is taken all the same: nobody but the server
    /// knows.
    HangsUp(Step),
    /// The answer to a step never comes; the connection stays open until the client has had enough.
    Silent(Step),
    /// The answer takes this long, and comes byte by byte.
    Slow(Step, Duration),
    /// The answer is one line without an end.
    EndlessLine(Step),
    /// The answer has lines without end.
    EndlessAnswer(Step),
    /// STARTTLS is not offered.
    NoStartTls,
    /// Behind the answer to STARTTLS stands, still in plain text, what would be believed under TLS.
    Injects(&'static str),
    /// Signing in is not offered.
    NoAuth,
}

/// How connections to it are secured.
#[derive(Debug, Clone)]
pub enum Security {
    /// Not at all.
    Plain,
    /// STARTTLS is offered, and signing in after it; with this certificate and its key (PEM).
    StartTls(PathBuf, PathBuf),
}

/// A mail that the server has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients that were accepted.
    pub to: Vec<String>,
    /// The mail, without the dots that the protocol adds.
    pub raw: Vec<u8>,
}

/// A running server. It lives as long as the process; dropping the handle does not end it.
#[derive(Debug, Clone)]
pub struct SmtpServer {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    security: Security,
    /// Who knows which access tokens are good; without it passwords are taken, any of them.
    tokens: Option<OAuthServer>,
    scripts: Mutex<VecDeque<Vec<Fault>>>,
    seen: Mutex<Seen>,
}

/// What there is to tell.
#[derive(Debug, Default)]
struct Seen {
    taken: Vec<Taken>,
    /// With whether they came under TLS.
    commands: Vec<(bool, String)>,
    attempts: usize,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SmtpServer {
    /// Starts one on a free port of 127.0.0.1.
    pub fn start(security: Security) -> Result<Self> {
        Self::start_with(security, None)
    }

    /// One that lets in by access tokens of this provider's alone (`XOAUTH2`).
    pub fn start_for_tokens(security: Security, provider: &OAuthServer) -> Result<Self> {
        Self::start_with(security, Some(provider.clone()))
    }

    fn start_with(security: Security, tokens: Option<OAuthServer>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).tried("listening for SMTP")?;
        let port = listener.local_addr().tried("asking for the port")?.port();
        let shared = Arc::new(Shared { security, tokens, scripts: Mutex::default(), seen: Mutex::default() });
        let server = Self { port, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that hangs up ends its session; that is its right.
                std::thread::spawn(move || drop(Session::new(shared, Wire::new(socket)).run()));
            }
        });
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The faults of the next attempt that has none yet.
    pub fn next(&self, faults: &[Fault]) {
        hold(&self.shared.scripts).push_back(faults.to_vec());
    }

    /// The mails that it has taken, in their order.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        hold(&self.shared.seen).taken.clone()
    }

    /// All that clients have said but bodies, in order; what was said in plain text and under TLS alike.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        hold(&self.shared.seen).commands.iter().map(|(_, line)| line.clone()).collect()
    }

    /// Of these, what everybody on the way could read.
    #[must_use]
    pub fn commands_in_plain_text(&self) -> Vec<String> {
        let seen = hold(&self.shared.seen);
        seen.commands.iter().filter(|(secured, _)| !secured).map(|(_, line)| line.clone()).collect()
    }

    /// Attempts that have begun so far.
    #[must_use]
    pub fn attempts(&self) -> usize {
        hold(&self.shared.seen).attempts
    }

    /// Waits until so many attempts have begun.
    pub fn wait_for_attempts(&self, at_least: usize, time: Duration) -> Result<()> {
        wait_for("attempts to send", time, || Ok(self.attempts() >= at_least))
    }
}

impl Shared {
    fn next_script(&self) -> Vec<Fault> {
        hold(&self.seen).attempts += 1;
        hold(&self.scripts).pop_front().unwrap_or_default()
    }
}
