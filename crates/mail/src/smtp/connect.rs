//! Opening an SMTP session: connection, TLS, greeting, `EHLO`, sign-in.

use std::fmt::Display;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Ehlo, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::response::Response;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout, timeout_at};

use super::Patience;
use super::reply::Failure;
use super::wire::SmtpWire;
use crate::error::ServerError;
use crate::login::{Login, Secret};
use crate::net::{Endpoint, Network};
use crate::sasl::TokenMechanism;

/// A signed-in SMTP session, good for several messages one after the other.
pub struct Session {
    connection: AsyncSmtpConnection,
    patience: Patience,
    /// Largest message in bytes that the server takes (RFC 1870), if it says.
    size_limit: Option<u64>,
    /// What it offers beside `lettre`'s ways to sign in.
    token_mechanism: Option<TokenMechanism>,
    knows_size: bool,
    broken: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("size_limit", &self.size_limit).field("broken", &self.broken).finish()
    }
}

impl Session {
    /// Connects and signs in, all within `patience.before_body`. Without a login the server is not asked to know us.
    ///
    /// # Errors
    /// Any [`ServerError`]; `LoginRefused` only where the server said that the credentials are wrong.
    pub async fn open<'l>(
        network: &Network,
        endpoint: &Endpoint,
        login: impl Into<Option<&'l Login>>,
        patience: Patience,
    ) -> Result<Self, ServerError> {
        let opening = Self::open_unhurried(network, endpoint, login.into(), patience);
        timeout(patience.before_body, opening).await.unwrap_or(Err(ServerError::TimedOut))
    }

    async fn open_unhurried(
        network: &Network,
        endpoint: &Endpoint,
        login: Option<&Login>,
        patience: Patience,
    ) -> Result<Self, ServerError> {
        let (wire, hello) = timeout(patience.answer, SmtpWire::open(network, endpoint))
            .await
            .unwrap_or(Err(ServerError::TimedOut))?;
        let hello = ClientId::Domain(hello);
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello);
        let connection = timeout(patience.answer, greeting)
            .await
            .map_err(|_| ServerError::TimedOut)?
            .map_err(|error| greeting_fault(&error))?;
        let mut session = Self {
            connection,
            patience,
            size_limit: None,
            token_mechanism: None,
            knows_size: false,
            broken: false,
        };
        // `lettre` has asked already, but it forgets the SIZE that the server told, and what it doesn't know.
        if let Ok(offers) = session.command(Ehlo::new(hello)).await {
            session.read_offers(&offers);
        }
        if let Some(login) = login {
            session.sign_in(endpoint, login).await?;
        }
        Ok(session)
    }

    fn read_offers(&mut self, offers: &Response) {
        for line in offers.message() {
            let mut words = line.split_ascii_whitespace();
            match words.next().map(str::to_ascii_uppercase).as_deref() {
                Some("SIZE") => {
                    self.knows_size = true;
                    // 0 means that there is no fixed limit (RFC 1870, 4).
                    self.size_limit =
                        words.next().and_then(|word| word.parse().ok()).filter(|&limit| limit > 0);
                }
                Some("AUTH") => {
                    let ways: Vec<&str> = words.collect();
                    self.token_mechanism =
                        TokenMechanism::of(|name| ways.iter().any(|way| way.eq_ignore_ascii_case(name)));
                }
                _ => {}
            }
        }
    }

    async fn sign_in(&mut self, endpoint: &Endpoint, login: &Login) -> Result<(), ServerError> {
        let signed_in = match &login.secret {
            Secret::Password(password) => self.sign_in_with_password(&login.username, password).await,
            Secret::OAuth2Token(token) => self.sign_in_with_token(endpoint, &login.username, token).await,
        };
        signed_in.map_err(|failure| match failure {
            // 4xx says that the server cannot tell now (RFC 4954, 4.7.1: 454).
            Failure::Answered(reply) if reply.code < 500 => ServerError::Unavailable,
            Failure::Answered(_) => ServerError::LoginRefused,
            Failure::Lost(error) => error,
        })
    }

    async fn sign_in_with_password(
        &mut self,
        username: &str,
        password: &SecretString,
    ) -> Result<(), Failure> {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        if self.connection.server_info().get_auth_mechanism(&mechanisms).is_none() {
            return Err(Failure::Lost(ServerError::NoLoginMechanism));
        }
        let credentials = Credentials::new(username.to_owned(), password.expose_secret().to_owned());
        let answer = timeout(self.patience.answer, self.connection.auth(&mechanisms, &credentials)).await;
        self.judged(answer.ok()).map(drop)
    }

    /// By hand: `lettre` gives up at the challenge in which a server says why it refuses a token, and knows one of the two
    /// mechanisms only.
    async fn sign_in_with_token(
        &mut self,
        endpoint: &Endpoint,
        username: &str,
        token: &SecretString,
    ) -> Result<(), Failure> {
        let mechanism = self.token_mechanism.ok_or(Failure::Lost(ServerError::NoLoginMechanism))?;
        let first = STANDARD.encode(mechanism.response(username, token, endpoint));
        let mut answer = self.command(format!("AUTH {} {first}\r\n", mechanism.name())).await?;
        if answer.has_code(334) {
            answer = self.command(format!("{}\r\n", STANDARD.encode(mechanism.after_refusal()))).await?;
        }
        if answer.has_code(235) { Ok(()) } else { Err(Failure::Lost(ServerError::Protocol)) }
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn command(&mut self, command: impl Display) -> Result<Response, Failure> {
        let answer = timeout(self.patience.answer, self.connection.command(command)).await;
        self.judged(answer.ok())
    }

    /// Sends the message body and waits for the final answer.
    pub(super) async fn body(&mut self, message: &[u8]) -> Result<Response, Failure> {
        let deadline = Instant::now() + self.patience.body;
        let answer = timeout_at(deadline, self.connection.message_iter(message.chunks(64 * 1024))).await;
        self.judged(answer.ok())
    }

    fn judged(
        &mut self,
        answer: Option<Result<Response, lettre::transport::smtp::Error>>,
    ) -> Result<Response, Failure> {
        let failure = match answer {
            Some(Ok(response)) => return Ok(response),
            Some(Err(error)) => Failure::of(&error),
            None => Failure::Lost(ServerError::TimedOut),
        };
        // 421 at any time: the server is about to close (RFC 5321, 3.8).
        self.broken |= match &failure {
            Failure::Answered(reply) => reply.code == 421,
            Failure::Lost(_) => true,
        };
        Err(failure)
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// What stands in the way of sending these bytes through this server, as an answer it would give.
    pub(super) fn objection(&self, message: &[u8]) -> Option<(u16, &'static str)> {
        let length = message.len() as u64;
        if self.size_limit.is_some_and(|limit| length > limit) {
            return Some((552, "the message is larger than the mail server takes"));
        }
        let info = self.connection.server_info();
        if !message.is_ascii() && !info.supports_feature(Extension::EightBitMime) {
            return Some((554, "the mail server does not take 8-bit messages"));
        }
        None
    }

    pub(super) fn knows_size(&self) -> bool {
        self.knows_size
    }

    pub(super) fn takes_utf8_addresses(&self) -> bool {
        self.connection.server_info().supports_feature(Extension::SmtpUtfEight)
    }

    pub(super) fn abandon(&mut self) {
        self.broken = true;
    }

    /// True if another message may be sent over this session.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.broken
    }

    /// Asks whether a session that has been idle still lives. A dead one must not cost a message its attempt.
    pub async fn still_lives(&mut self) -> bool {
        !self.broken
            && timeout(Duration::from_secs(5), self.command(Rset)).await.is_ok_and(|answer| answer.is_ok())
    }

    /// Says goodbye and closes, within a second.
    pub async fn close(mut self) {
        if !self.broken {
            // Nothing is lost if the server does not say goodbye.
            let _ = timeout(Duration::from_secs(1), self.connection.quit()).await;
        }
    }
}

fn greeting_fault(error: &lettre::transport::smtp::Error) -> ServerError {
    match Failure::of(error) {
        Failure::Answered(_) => ServerError::Unavailable,
        Failure::Lost(ServerError::Protocol) => ServerError::Greeting,
        Failure::Lost(error) => error,
    }
}
