//! The Sent folder: looking for what we sent, and filing it there (SND-3, SND-4).

use chrono::{DateTime, Utc};
use imap::types::Flag;

use super::connect::{Session, fault};
use super::folder::quoted;
use crate::error::ServerError;

impl Session {
    /// Says whether the folder holds a message with this Message-ID (without angle brackets). Opens the folder.
    ///
    /// # Errors
    /// When the folder cannot be opened, the search is refused or the connection fails.
    pub fn holds_message(&mut self, folder: &str, message_id: &str) -> Result<bool, ServerError> {
        self.examine(folder)?;
        // Servers match parts of the header, so the id needs no brackets, and finds itself where they were lost.
        let found = self.search(&format!("HEADER MESSAGE-ID {}", quoted(message_id)?))?;
        Ok(!found.is_empty())
    }

    /// Files a message in the folder as read mail of that date.
    ///
    /// # Errors
    /// `Refused` if the server does not take it (it is full, or the folder is not there).
    pub fn file(&mut self, folder: &str, message: &[u8], date: DateTime<Utc>) -> Result<(), ServerError> {
        let name = quoted(folder)?;
        self.begin_continuation(self.command_time());
        // The crate writes its own quotes around the name.
        let name = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')).unwrap_or(&name);
        let result =
            self.inner.append(name, message).flag(Flag::Seen).internal_date(date.fixed_offset()).finish();
        self.end_continuation();
        result.map(|_| ()).map_err(|error| fault(&error))
    }
}
