//! One attempt to deliver one message to its recipients.

use std::future::Future;

use lettre::transport::smtp::commands::{Data, Rset};
use postroom_domain::address::EmailAddress;
use tokio::time::{Instant, timeout_at};

use super::connect::Session;
use super::reply::{Failure, Reply, Verdict};
use crate::error::ServerError;

/// What one attempt brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// In the order of the recipients; `None` where the server has not said.
    pub verdicts: Vec<Option<Verdict>>,
    /// How far it came.
    pub end: End,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// There is a verdict on every recipient.
    Answered,
    /// The connection failed before the body: recipients without a verdict can safely be tried again.
    LostBeforeBody(ServerError),
    /// The caller withdrew just before the body: nothing was sent.
    Withdrawn,
    /// The body has begun to leave and no answer to it came: recipients without a verdict may have the message or may
    /// not (SND-3).
    Unknown(ServerError),
}

impl Session {
    /// Offers a message to the server: sender, each recipient with an answer of its own, then the body for those that
    /// were taken.
    ///
    /// `before_body` is awaited once, when the server waits for the body; if it says `false` the connection is closed
    /// and nothing is sent. It is where the caller records that from here on the message may arrive (SND-3); it is not
    /// awaited when no recipient was taken.
    pub async fn deliver(
        &mut self,
        from: &EmailAddress,
        recipients: &[EmailAddress],
        message: &[u8],
        before_body: impl Future<Output = bool>,
    ) -> Attempt {
        // The end of the body is CR LF . CR LF, of which the first two are the message's own last line end.
        let message = message.strip_suffix(b"\r\n").unwrap_or(message);
        let deadline = Instant::now() + self.patience().before_body;
        let mut verdicts = vec![None; recipients.len()];
        let offering = self.offer(from, recipients, message, &mut verdicts);
        let offered = timeout_at(deadline, offering).await.unwrap_or(Err(ServerError::TimedOut));
        match offered {
            Err(error) => {
                self.abandon();
                return Attempt { verdicts, end: End::LostBeforeBody(error) };
            }
            Ok(false) => {
                if self.is_usable() {
                    // Forgets the sender; if it fails the session knows by itself that it is broken.
                    let _ = self.command(Rset).await;
                }
                return Attempt { verdicts, end: End::Answered };
            }
            Ok(true) => {}
        }
        if !before_body.await {
            // A server that has asked for a body and loses the connection has no message (RFC 5321, 4.1.1.4).
            self.abandon();
            return Attempt { verdicts, end: End::Withdrawn };
        }
        let end = match self.body(message).await {
            Ok(response) if response.code().is_positive() && !response.has_code(354) => {
                fill(&mut verdicts, &Verdict::Accepted(Reply::of(&response)));
                End::Answered
            }
            Ok(_) => {
                self.abandon();
                End::Unknown(ServerError::Protocol)
            }
            Err(Failure::Answered(reply)) => {
                fill(&mut verdicts, &reply.verdict());
                End::Answered
            }
            Err(Failure::Lost(error)) => End::Unknown(error),
        };
        Attempt { verdicts, end }
    }

    /// Everything before the body; `false` if nobody is left to send it to.
    async fn offer(
        &mut self,
        from: &EmailAddress,
        recipients: &[EmailAddress],
        message: &[u8],
        verdicts: &mut [Option<Verdict>],
    ) -> Result<bool, ServerError> {
        if let Some((code, text)) = self.objection(message) {
            fill(verdicts, &Reply::new(code, text).verdict());
            return Ok(false);
        }
        if !self.takes_utf8_addresses() {
            refuse_utf8(from, recipients, verdicts);
        }
        if verdicts.iter().all(Option::is_some) {
            return Ok(false);
        }
        let utf8 = std::iter::once(from).chain(recipients).any(|address| !address.as_str().is_ascii());
        let mail = self.mail_command(from, message, utf8 && self.takes_utf8_addresses());
        if let Err(refusal) = self.answered(mail).await? {
            fill(verdicts, &refusal.verdict());
            return Ok(false);
        }
        for (recipient, verdict) in recipients.iter().zip(verdicts.iter_mut()).filter(|(_, v)| v.is_none()) {
            if let Err(refusal) = self.answered(format!("RCPT TO:<{recipient}>\r\n")).await? {
                *verdict = Some(refusal.verdict());
            }
            if !self.is_usable() {
                // 421: the rest has not been heard.
                return Err(ServerError::Unavailable);
            }
        }
        if verdicts.iter().all(Option::is_some) {
            return Ok(false);
        }
        match self.command(Data).await {
            Ok(response) if response.has_code(354) => Ok(true),
            Ok(_) => Err(ServerError::Protocol),
            Err(Failure::Answered(refusal)) => {
                fill(verdicts, &refusal.verdict());
                Ok(false)
            }
            Err(Failure::Lost(error)) => Err(error),
        }
    }

    fn mail_command(&self, from: &EmailAddress, message: &[u8], utf8: bool) -> String {
        let mut command = format!("MAIL FROM:<{from}>");
        if self.knows_size() {
            command.push_str(&format!(" SIZE={}", message.len()));
        }
        if !message.is_ascii() {
            command.push_str(" BODY=8BITMIME");
        }
        if utf8 {
            command.push_str(" SMTPUTF8");
        }
        command.push_str("\r\n");
        command
    }

    /// A command that the server may refuse without harm to the session.
    async fn answered(&mut self, command: String) -> Result<Result<(), Reply>, ServerError> {
        match self.command(command).await {
            Ok(_) => Ok(Ok(())),
            Err(Failure::Answered(reply)) => Ok(Err(reply)),
            Err(Failure::Lost(error)) => Err(error),
        }
    }
}

/// Gives all recipients without a verdict this one.
fn fill(verdicts: &mut [Option<Verdict>], verdict: &Verdict) {
    for open in verdicts.iter_mut().filter(|v| v.is_none()) {
        *open = Some(verdict.clone());
    }
}

/// Addresses outside of ASCII need SMTPUTF8 (RFC 6531): without it nobody is served if the sender's is one, else all
/// but those recipients.
fn refuse_utf8(from: &EmailAddress, recipients: &[EmailAddress], verdicts: &mut [Option<Verdict>]) {
    let refusal =
        Reply::new(553, "the mail server does not take addresses with other than ASCII letters").verdict();
    for (recipient, verdict) in recipients.iter().zip(verdicts) {
        if !from.as_str().is_ascii() || !recipient.as_str().is_ascii() {
            *verdict = Some(refusal.clone());
        }
    }
}
