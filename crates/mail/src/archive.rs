//! Mail that an operator brings in files: an mbox, a Maildir, single mails. It goes the way of every other mail, as old
//! news (CNV-10), and however often it is brought, it is there once (MAIL-3).

mod mbox;
mod sources;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use postroom_mime::{Circumstances, Understood, arrival, understand};
use postroom_store::{
    ArchiveMailbox, IncomingMail, Ingested, IntakeReason, MailBytes, PassedMessage, Store, StoreError,
};

pub use sources::Archive;

/// So much of a mail that is too large is kept where no end of its header is found.
const HEADER_AT_MOST: usize = 512 * 1024;

/// A mail in a file.
#[derive(Debug)]
pub struct Found {
    /// Its bytes, lines ending in CRLF; of one that is too large, its header.
    pub raw: Vec<u8>,
    /// When it was received, as the file says.
    pub received_at: Option<DateTime<Utc>>,
    /// Set where only the header is here: the mail's size and the largest that is read whole, in bytes.
    pub too_large: Option<(u64, u64)>,
}

impl Found {
    fn of(mut raw: Vec<u8>, size: u64, largest: usize, received_at: Option<DateTime<Utc>>) -> Self {
        let too_large = (raw.len() > largest).then_some((size, largest as u64));
        if too_large.is_some() {
            let end = raw
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .map_or(HEADER_AT_MOST.min(largest), |at| at + 4);
            raw.truncate(end);
        }
        Self { raw, received_at, too_large }
    }

    /// A whole file.
    fn in_file(mut file: File, largest: usize) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let mut bytes = Vec::new();
        file.by_ref().take(largest as u64 + 1).read_to_end(&mut bytes)?;
        let mut raw = Vec::with_capacity(bytes.len() + bytes.len() / 32);
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(rest) => {
                    raw.extend_from_slice(rest.strip_suffix(b"\r").unwrap_or(rest));
                    raw.extend_from_slice(b"\r\n");
                }
                None => raw.extend_from_slice(line),
            }
        }
        let size = metadata.len();
        let largest = if size > largest as u64 { largest } else { usize::MAX };
        Ok(Self::of(raw, size, largest, metadata.modified().ok().map(DateTime::from)))
    }
}

/// What an import has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Mails that are messages now.
    pub new: usize,
    /// Mails that were here before, as messages or in the intake list.
    pub known: usize,
    /// Those that only stand in the intake list now, by reason.
    pub listed: BTreeMap<&'static str, usize>,
}

impl Imported {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.new + self.known + self.listed.values().sum::<usize>()
    }
}

/// So many mails are kept at once: each wait for the disk costs more than a mail.
const AT_ONCE: usize = 100;
/// So many bytes of mails are held at most before they are kept.
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;

/// Takes mails in: their bytes are kept several at once, and each becomes a message by itself.
pub struct Importer {
    store: Store,
    mailbox: ArchiveMailbox,
    waiting: Vec<Waiting>,
    bytes: usize,
    /// What it has come to so far.
    pub done: Imported,
}

/// A mail that was not here before.
struct Waiting {
    name: [u8; 32],
    raw: Bytes,
    files: Vec<Bytes>,
    received_at: DateTime<Utc>,
    /// What it says; `None` where it can't be understood.
    mail: Option<IncomingMail>,
}

impl Importer {
    /// Into this mailbox.
    #[must_use]
    pub fn new(store: Store, mailbox: ArchiveMailbox) -> Self {
        Self { store, mailbox, waiting: Vec::new(), bytes: 0, done: Imported::default() }
    }

    /// Takes a mail in, with [`Importer::finish`] at the latest. What was here before costs no more than a look.
    ///
    /// # Errors
    /// When database or blob store fail. What was not taken in by then is as if it had never been looked at.
    pub async fn take_in(&mut self, found: Found, in_sent: bool) -> Result<(), StoreError> {
        let raw = Bytes::from(found.raw);
        let name = self.store.raw_mail_name(raw.clone()).await?;
        if self.store.is_kept(&self.mailbox, &name).await? {
            self.done.known += 1;
            return Ok(());
        }
        // A Received line knows better than the file; a clock that was ahead places nothing in the future.
        let now = Utc::now();
        let stamp = tokio::task::block_in_place(|| arrival(&raw));
        let received_at = stamp.or(found.received_at).unwrap_or(now).min(now);
        let circumstances = Circumstances {
            in_sent,
            imported: true,
            received_at,
            authserv_id: self.mailbox.authserv_id.as_deref(),
            too_large: found.too_large,
        };
        let (mail, files) = match tokio::task::block_in_place(|| understand(&raw, &circumstances)) {
            Some(Understood { mail, contents }) => {
                let mail = IncomingMail { raw_sha256: Some(name), ..mail };
                (Some(mail), contents.into_iter().map(Bytes::from).collect())
            }
            None => (None, Vec::new()),
        };
        self.bytes += raw.len();
        self.waiting.push(Waiting { name, raw, files, received_at, mail });
        if self.waiting.len() >= AT_ONCE || self.bytes >= BYTES_AT_ONCE {
            self.finish().await?;
        }
        Ok(())
    }

    /// Takes in what waits.
    ///
    /// # Errors
    /// As [`Importer::take_in`].
    pub async fn finish(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        let mut waiting = std::mem::take(&mut self.waiting);
        let bytes_of = |one: &mut Waiting| MailBytes {
            raw: std::mem::take(&mut one.raw),
            files: std::mem::take(&mut one.files),
        };
        let bytes = waiting.iter_mut().map(bytes_of).collect();
        self.store.put_mails(self.mailbox.workspace_id, bytes).await?;
        for Waiting { name, received_at, mail, .. } in waiting {
            let Some(mail) = mail else {
                let detail = "Postroom's parser failed on this message.";
                self.pass(IntakeReason::Unparseable, detail, None, name, received_at).await?;
                continue;
            };
            match self.store.import(&self.mailbox, &mail).await {
                Ok(ingested) => self.count(&ingested),
                Err(error) if error.is_about_the_data() => {
                    tracing::warn!(%error, "a mail was not taken by the store");
                    let detail = "This message could not be stored.";
                    self.pass(IntakeReason::Failed, detail, Some(&mail), name, received_at).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn pass(
        &mut self,
        reason: IntakeReason,
        detail: &str,
        mail: Option<&IncomingMail>,
        raw: [u8; 32],
        received_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let passed = PassedMessage {
            reason,
            detail: detail.to_owned(),
            from: mail.and_then(|mail| mail.from.as_ref()).map(|from| from.address.clone()),
            raw_sha256: Some(raw),
            received_at,
        };
        if self.store.pass_imported(&self.mailbox, &passed).await? {
            *self.done.listed.entry(reason.as_str()).or_default() += 1;
        } else {
            self.done.known += 1;
        }
        Ok(())
    }

    fn count(&mut self, ingested: &Ingested) {
        let listed = match ingested {
            Ingested::Stored { .. } => {
                self.done.new += 1;
                return;
            }
            Ingested::Known(_) | Ingested::ListedBefore(_) => {
                self.done.known += 1;
                return;
            }
            Ingested::Listed(reason) => *reason,
            Ingested::Bounce { of: Some(_) } => IntakeReason::Bounce,
            Ingested::Bounce { of: None } => IntakeReason::UnmatchedBounce,
        };
        *self.done.listed.entry(listed.as_str()).or_default() += 1;
    }
}
