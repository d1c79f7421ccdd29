//! Opening a session: connection, TLS, greeting, sign-in; and the one place where commands run.

use std::cell::Cell;
use std::io::{Read, Write};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::scanner::AnswerLimits;
use super::transport::{Controls, Interrupter, Mode, Transport};
use crate::error::ServerError;
use crate::login::{Login, Secret};
use crate::net::{Endpoint, Network, Security, Wire};
use crate::sasl::TokenMechanism;

/// A signed-in IMAP session. Dropping it closes the connection without a word; [`Session::close`] says goodbye.
#[derive(Debug)]
pub struct Session {
    pub(super) inner: imap::Session<Transport>,
    controls: Controls,
    interrupter: Interrupter,
    command_time: Duration,
    can_idle: bool,
    pub(super) lists_special_use: bool,
}

impl Session {
    /// Connects and signs in. `command_time` is the longest that any later command may take from its first byte to the
    /// end of its answer (idling has its own, and messages have more by their sizes).
    ///
    /// # Errors
    /// Any [`ServerError`]; `LoginRefused` only where the server said that the credentials are wrong.
    pub fn open(
        network: &Network,
        endpoint: &Endpoint,
        login: &Login,
        command_time: Duration,
    ) -> Result<Self, ServerError> {
        let socket = network.dial(endpoint)?;
        let (wire, greeted) = match endpoint.security {
            Security::Tls => (network.handshake(socket, &endpoint.host)?, false),
            Security::None => (Wire::Plain(socket), false),
            Security::StartTls => {
                let mut plain = Wire::Plain(socket);
                start_tls(&mut plain, network.timeouts().io)?;
                let Wire::Plain(socket) = plain else { return Err(ServerError::Tls) };
                (network.handshake(socket, &endpoint.host)?, true)
            }
        };
        let interrupter = Interrupter::of(&wire).map_err(|error| ServerError::from_io(&error))?;
        let (transport, controls) = Transport::new(wire, network.timeouts().io);
        controls.begin(AnswerLimits::SMALL, network.timeouts().io, Mode::Free);
        let mut client = imap::Client::new(transport);
        if greeted {
            client.greeting_read = true;
        } else {
            check_greeting(&client.read_greeting().map_err(|error| fault(&error))?)?;
        }
        controls.begin(AnswerLimits::SMALL, network.timeouts().io * 2, Mode::Free);
        let mut inner = sign_in(client, endpoint, login)?;
        let offers = inner.capabilities().map_err(|error| fault(&error))?;
        let can_idle = offers.has_str("IDLE");
        let lists_special_use = offers.has_str("SPECIAL-USE") && offers.has_str("LIST-EXTENDED");
        Ok(Self { inner, controls, interrupter, command_time, can_idle, lists_special_use })
    }

    /// True if the server pushes news (RFC 2177); else there is only polling.
    #[must_use]
    pub fn can_idle(&self) -> bool {
        self.can_idle
    }

    /// The server took the IDLE command back; it is not tried again in this session.
    pub(super) fn give_up_idling(&mut self) {
        self.can_idle = false;
    }

    /// A handle that ends this session from another thread.
    ///
    /// # Errors
    /// When the operating system has no descriptor left.
    pub fn interrupter(&self) -> Result<Interrupter, ServerError> {
        self.interrupter.another().map_err(|error| ServerError::from_io(&error))
    }

    /// Runs a command and gives its untagged answers as they came.
    pub(super) fn command(&mut self, command: &str, limits: AnswerLimits) -> Result<Vec<u8>, ServerError> {
        self.command_within(self.command_time, command, limits)
    }

    /// The same, where the answer may take longer or less long.
    pub(super) fn command_within(
        &mut self,
        time: Duration,
        command: &str,
        limits: AnswerLimits,
    ) -> Result<Vec<u8>, ServerError> {
        self.controls.begin(limits, time, Mode::Free);
        self.inner.run_command_and_read_response(command).map_err(|error| fault(&error))
    }

    /// Prepares a command that waits for the server's continuation. [`Session::end_continuation`] belongs to it.
    pub(super) fn begin_continuation(&mut self, time: Duration) {
        self.controls.begin(AnswerLimits::SMALL, time, Mode::AwaitContinuation);
    }

    pub(super) fn end_continuation(&mut self) {
        self.controls.set_mode(Mode::Free);
    }

    pub(super) fn command_time(&self) -> Duration {
        self.command_time
    }

    /// Signs out, as far as the server lets us within two seconds.
    pub fn close(mut self) {
        self.controls.begin(AnswerLimits::SMALL, Duration::from_secs(2), Mode::Free);
        // Nothing is lost if the server does not say goodbye.
        let _ = self.inner.logout();
    }
}

/// STARTTLS by hand, byte by byte: nothing that came in plain text may be left in a buffer and be taken for something
/// said under TLS.
fn start_tls(plain: &mut Wire, time: Duration) -> Result<(), ServerError> {
    let deadline = std::time::Instant::now() + time;
    check_greeting(&read_line(plain, deadline)?)?;
    plain.write_all(b"s1 STARTTLS\r\n").map_err(|error| ServerError::from_io(&error))?;
    for _ in 0..20 {
        let line = read_line(plain, deadline)?.to_ascii_uppercase();
        if line.starts_with(b"S1 OK") {
            return Ok(());
        }
        if !line.starts_with(b"* ") {
            return Err(ServerError::NoStartTls);
        }
    }
    Err(ServerError::Protocol)
}

fn read_line(wire: &mut Wire, deadline: std::time::Instant) -> Result<Vec<u8>, ServerError> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < 8192 {
        if std::time::Instant::now() > deadline {
            return Err(ServerError::TimedOut);
        }
        wire.read_exact(&mut byte).map_err(|error| ServerError::from_io(&error))?;
        line.extend_from_slice(&byte);
        if byte == *b"\n" {
            return Ok(line);
        }
    }
    Err(ServerError::Protocol)
}

/// Only `* OK`: `BYE` is a server that is full, `PREAUTH` would sign us in as somebody whom we did not name.
fn check_greeting(line: &[u8]) -> Result<(), ServerError> {
    let line = line.to_ascii_uppercase();
    if line.starts_with(b"* OK") {
        Ok(())
    } else if line.starts_with(b"* BYE") {
        Err(ServerError::Unavailable)
    } else {
        Err(ServerError::Greeting)
    }
}

fn sign_in(
    mut client: imap::Client<Transport>,
    endpoint: &Endpoint,
    login: &Login,
) -> Result<imap::Session<Transport>, ServerError> {
    let offers = client.capabilities().map_err(|error| fault(&error))?;
    let result = match &login.secret {
        Secret::OAuth2Token(token) => {
            let mechanism = TokenMechanism::of(|name| offers.has_str(format!("AUTH={name}")))
                .ok_or(ServerError::NoLoginMechanism)?;
            let answer = mechanism.response(&login.username, token, endpoint);
            client.authenticate(mechanism.name(), &Once::new(answer, mechanism.after_refusal()))
        }
        Secret::Password(password) if offers.has_str("AUTH=PLAIN") => {
            let answer = format!("\0{}\0{}", login.username, password.expose_secret());
            client.authenticate("PLAIN", &Once::new(answer, ""))
        }
        Secret::Password(password) if !offers.has_str("LOGINDISABLED") => {
            client.login(&login.username, password.expose_secret())
        }
        Secret::Password(_) => return Err(ServerError::NoLoginMechanism),
    };
    result.map_err(|(error, _)| match error {
        imap::Error::No(no) => passing(&no.information).unwrap_or(
            // Here these say nothing about the credentials; elsewhere they may be said of one message.
            if has_code(&no.information, &["[SERVERBUG]", "[CONTACTADMIN]"]) {
                ServerError::Unavailable
            } else {
                ServerError::LoginRefused
            },
        ),
        other => fault(&other),
    })
}

/// A refusal for now (RFC 5530): it says nothing about the credentials, and nothing about what was asked for.
fn passing(information: &str) -> Option<ServerError> {
    let limits = ["[LIMIT]", "[THROTTLED]"];
    // Gmail has several codes for this, or none.
    if has_code(information, &limits) || information.to_ascii_lowercase().contains("bandwidth limit") {
        return Some(ServerError::Throttled);
    }
    has_code(information, &["[UNAVAILABLE]", "[INUSE]"]).then_some(ServerError::Unavailable)
}

fn has_code(information: &str, codes: &[&str]) -> bool {
    let information = information.to_ascii_uppercase();
    codes.iter().any(|code| information.starts_with(code))
}

/// Answers the first challenge, and every further one with always the same: with access tokens that is how a refusal is
/// fetched.
struct Once {
    first: Cell<Option<String>>,
    then: &'static str,
}

impl Once {
    fn new(first: String, then: &'static str) -> Self {
        Self { first: Cell::new(Some(first)), then }
    }
}

impl imap::Authenticator for Once {
    type Response = String;

    fn process(&self, _challenge: &[u8]) -> String {
        self.first.take().unwrap_or_else(|| self.then.to_owned())
    }
}

/// What an error of the `imap` crate means for us.
pub(super) fn fault(error: &imap::Error) -> ServerError {
    match error {
        imap::Error::Io(error) => ServerError::from_io(error),
        imap::Error::ConnectionLost => ServerError::ConnectionLost,
        imap::Error::No(no) => passing(&no.information).unwrap_or(ServerError::Refused),
        imap::Error::Bad(_) | imap::Error::Append | imap::Error::Validate(_) => ServerError::Refused,
        _ => ServerError::Protocol,
    }
}

/// The answers in a command's untagged data, in order.
pub(super) fn answers(mut data: &[u8]) -> impl Iterator<Item = imap_proto::Response<'_>> {
    std::iter::from_fn(move || {
        let (rest, answer) = imap_proto::parser::parse_response(data).ok()?;
        data = rest;
        Some(answer)
    })
}
