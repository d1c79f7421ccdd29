//! What can go wrong while a test's surroundings are made, run or asked.

use std::{path::PathBuf, time::Duration};

/// A failure of the test kit. Its text says what was tried, so that a failed test can be read without a debugger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that the kit runs isn't on this machine.
    #[error("{0} was not found on this machine; `make setup` installs it")]
    MissingProgram(String),
    /// The `postroom` program has not been built.
    #[error(
        "the program under test was not found at {0}; build it first (`cargo build`), or set POSTROOM_BIN"
    )]
    NotBuilt(PathBuf),
    /// A file, socket or process could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program ended with a failure.
    #[error("{what} failed: {output}")]
    Failed {
        /// What was tried.
        what: String,
        /// What it printed, or the end of its log.
        output: String,
    },
    /// Something awaited did not happen in time.
    #[error("{what}: not within {limit:?}")]
    TimedOut {
        /// What was awaited.
        what: String,
        /// How long.
        limit: Duration,
    },
    /// PostgreSQL refused or broke off.
    #[error("{what}: {}", describe_database(.source))]
    Database {
        /// What was tried.
        what: String,
        /// What the server or the connection said.
        source: tokio_postgres::Error,
    },
    /// An IMAP command failed.
    #[error("{what}: {source}")]
    Imap {
        /// What was tried.
        what: String,
        /// What the server or the connection said.
        source: Box<imap::Error>,
    },
    /// An SMTP or LMTP server refused a mail or broke off.
    #[error("{what}: {answer}")]
    Refused {
        /// What was tried.
        what: String,
        /// The server's answer.
        answer: String,
    },
    /// An HTTP request got no answer, or one of another kind than expected.
    #[error("{what}: {answer}")]
    Http {
        /// Method and path.
        what: String,
        /// What came instead.
        answer: String,
    },
}

/// The test kit's results.
pub type Result<T> = std::result::Result<T, Error>;

/// tokio-postgres says only "db error"; the server's own words are one level deeper.
fn describe_database(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}

/// Puts what was tried beside what the system said.
pub(crate) trait Tried<T> {
    /// Names what was tried.
    fn tried(self, what: impl Into<String>) -> Result<T>;
}

impl<T> Tried<T> for std::io::Result<T> {
    fn tried(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Io { what: what.into(), source })
    }
}

impl<T> Tried<T> for std::result::Result<T, tokio_postgres::Error> {
    fn tried(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Database { what: what.into(), source })
    }
}

impl<T> Tried<T> for std::result::Result<T, imap::Error> {
    fn tried(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Imap { what: what.into(), source: Box::new(source) })
    }
}
