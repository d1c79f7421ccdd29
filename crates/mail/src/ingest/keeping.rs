//! Keeping the bytes of fetched messages before anything is said of them (MAIL-2): those of a whole batch at once, since
//! each wait for the disk costs more than a message.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use postroom_mime::{Circumstances, Understood, understand};
use postroom_store::{FolderRole, IncomingMail, MailBytes, Track};

use super::folders::OpenFolder;
use super::reader::{Halt, Reader};
use super::taking::received_at;
use crate::imap::{Content, Fetched, Listed};

/// A message whose bytes are in the blob store.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) uid: u32,
    pub(super) received_at: DateTime<Utc>,
    pub(super) raw_sha256: [u8; 32],
    /// What it says; `None` where it can't be understood.
    pub(super) mail: Option<IncomingMail>,
}

impl Reader {
    /// Understands the messages and keeps their bytes and files.
    pub(super) fn keep(
        &self,
        folder: &OpenFolder,
        track: Track,
        messages: Vec<Fetched>,
        batch: &[Listed],
    ) -> Result<Vec<Kept>, Halt> {
        let (mut bytes, mut understood) = (Vec::new(), Vec::new());
        for message in messages {
            let received_at = received_at(message.internal_date, Utc::now());
            let (raw, too_large) = match message.content {
                Content::Whole(raw) => (Bytes::from(raw), None),
                Content::HeaderOnly(raw) => {
                    let announced = batch.iter().find(|listed| listed.uid == message.uid);
                    let size = announced.map_or(0, |listed| listed.size);
                    (Bytes::from(raw), Some((size, self.settings.largest_message)))
                }
            };
            let circumstances = Circumstances {
                in_sent: folder.positions.role == FolderRole::Sent,
                imported: track == Track::Backfill,
                received_at,
                authserv_id: self.connection.authserv_id.as_deref(),
                too_large,
            };
            let (mail, files) = match understand(&raw, &circumstances) {
                Some(Understood { mail, contents }) => (Some(mail), contents),
                None => (None, Vec::new()),
            };
            bytes.push(MailBytes { raw, files: files.into_iter().map(Bytes::from).collect() });
            understood.push((message.uid, received_at, mail));
        }
        let names = self.wait_for(self.store.put_mails(self.lease.workspace_id, bytes))?;
        let kept = understood.into_iter().zip(names).map(|((uid, received_at, mail), raw_sha256)| {
            let mail = mail.map(|mail| IncomingMail { raw_sha256: Some(raw_sha256), ..mail });
            Kept { uid, received_at, raw_sha256, mail }
        });
        Ok(kept.collect())
    }
}
