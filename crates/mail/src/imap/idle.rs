//! Waiting for news in the open folder (RFC 2177).

use std::time::Duration;

use imap::types::UnsolicitedResponse;

use super::connect::{Session, fault};
use crate::error::ServerError;

/// Why waiting ended. Neither says for sure that there is or isn't new mail: the caller looks in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The server spoke of messages.
    News,
    /// The time is over.
    Silence,
    /// The server does not do this (any more): the caller must poll.
    NotSupported,
}

impl Session {
    /// Idles in the open folder for at most `time`, or until the server announces a message.
    ///
    /// Keep `time` short (seconds): it is also the poll for servers that announce nothing. An announcement that comes
    /// before the server has confirmed the IDLE counts as well.
    ///
    /// # Errors
    /// When the connection fails; then the session is lost.
    pub fn wait(&mut self, time: Duration) -> Result<Waited, ServerError> {
        if !self.can_idle() {
            return Ok(Waited::NotSupported);
        }
        self.begin_continuation(time + self.command_time());
        let result = {
            let mut handle = self.inner.idle();
            handle.keepalive(false).timeout(time);
            // Dropping the handle sends DONE and reads the command's end.
            handle.wait_while(|news| !matches!(news, UnsolicitedResponse::Exists(_)))
        };
        self.end_continuation();
        match result {
            Ok(imap::extensions::idle::WaitOutcome::MailboxChanged) => Ok(Waited::News),
            Ok(imap::extensions::idle::WaitOutcome::TimedOut) => Ok(Waited::Silence),
            Err(imap::Error::No(_) | imap::Error::Bad(_)) => {
                self.give_up_idling();
                Ok(Waited::NotSupported)
            }
            // Something that the crate has no name for; looking will show.
            Err(imap::Error::Unexpected(_)) => Ok(Waited::News),
            Err(other) => Err(fault(&other)),
        }
    }
}
