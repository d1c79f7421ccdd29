//! What a mail program sees: one account over IMAP.

use std::{net::TcpStream, time::Duration};

use chrono::{DateTime, Utc};
use imap::Session;

use super::PASSWORD;
use crate::{
    error::{Error, Result, Tried},
    process::wait_for,
};

/// One account on the private server. Each call is a connection of its own, so that a server that was killed and
/// started again is met as a mail program meets it.
#[derive(Debug, Clone)]
pub struct Mailbox {
    address: String,
    port: u16,
}

impl Mailbox {
    pub(crate) fn new(address: &str, port: u16) -> Self {
        Self { address: address.to_lowercase(), port }
    }

    /// Its e-mail address, which is also its user name.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn session(&self) -> Result<Session<TcpStream>> {
        let what = format!("connecting to the IMAP server as {}", self.address);
        let stream = TcpStream::connect(("127.0.0.1", self.port)).tried(&what)?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).tried(&what)?;
        stream.set_write_timeout(Some(Duration::from_secs(30))).tried(&what)?;
        let mut client = imap::Client::new(stream);
        client.read_greeting().tried(&what)?;
        // Without TLS: Dovecot takes a connection from its own address for a secure one.
        client.login(&self.address, PASSWORD).map_err(|(error, _)| error).tried(what)
    }

    /// Every mail of a folder as raw bytes, in the order of arrival.
    pub fn messages(&self, folder: &str) -> Result<Vec<Vec<u8>>> {
        let what = format!("reading {folder} of {}", self.address);
        let mut session = self.session()?;
        let there = session.examine(folder).tried(&what)?.exists;
        let mut mails = Vec::new();
        if there > 0 {
            let answers = session.uid_fetch("1:*", "(UID BODY.PEEK[])").tried(&what)?;
            let mut found: Vec<(u32, Vec<u8>)> =
                answers.iter().filter_map(|a| Some((a.uid?, a.body()?.to_vec()))).collect();
            found.sort_by_key(|(uid, _)| *uid);
            mails.extend(found.into_iter().map(|(_, body)| body));
        }
        session.logout().tried(what)?;
        Ok(mails)
    }

    /// How many mails a folder has.
    pub fn count(&self, folder: &str) -> Result<usize> {
        let mut session = self.session()?;
        let there = session.examine(folder).tried(format!("counting {folder} of {}", self.address))?.exists;
        let _ = session.logout();
        usize::try_from(there)
            .map_err(|error| Error::Failed { what: format!("counting {folder}"), output: error.to_string() })
    }

    /// Files a mail in a folder, as a mail program does with what it sent. `received_at` becomes the server's
    /// INTERNALDATE; `None` is now.
    pub fn append(&self, folder: &str, raw: &[u8], received_at: Option<DateTime<Utc>>) -> Result<()> {
        self.append_all(folder, [(raw, received_at)])
    }

    /// Files many mails over one connection.
    pub fn append_all<'a>(
        &self,
        folder: &str,
        mails: impl IntoIterator<Item = (&'a [u8], Option<DateTime<Utc>>)>,
    ) -> Result<()> {
        let what = format!("filing mail in {folder} of {}", self.address);
        let mut session = self.session()?;
        for (raw, received_at) in mails {
            let mut append = session.append(folder, raw);
            if let Some(at) = received_at {
                append.internal_date(at.fixed_offset());
            }
            append.finish().tried(&what)?;
        }
        session.logout().tried(what)
    }

    /// Makes a folder.
    pub fn create_folder(&self, folder: &str) -> Result<()> {
        let mut session = self.session()?;
        session.create(folder).tried(format!("making {folder} of {}", self.address))?;
        session.logout().tried("leaving the IMAP server")
    }

    /// Waits until a folder has at least `count` mails and gives them all.
    ///
    /// # Errors
    /// [`Error::TimedOut`] saying how many there were.
    pub fn wait_for(&self, folder: &str, count: usize, limit: Duration) -> Result<Vec<Vec<u8>>> {
        let mut there = 0;
        let waited = wait_for("mail", limit, || {
            there = self.count(folder)?;
            Ok(there >= count)
        });
        match waited {
            Ok(()) => self.messages(folder),
            Err(Error::TimedOut { .. }) => Err(Error::TimedOut {
                what: format!("{count} mails in {folder} of {} (there are {there})", self.address),
                limit,
            }),
            Err(error) => Err(error),
        }
    }
}
