//! Folders and their positions (MAIL-1).

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use postroom_store::{Folder, FolderRole, FolderStart};

use super::reader::{Halt, Reader};
use crate::imap::{FolderName, Folders, Listed, Session};

/// A folder that is read, with its positions as far as we know them.
#[derive(Debug)]
pub(super) struct OpenFolder {
    pub(super) positions: Folder,
    /// What is left of the backfill's window; `None` until it was searched for.
    pub(super) window: Option<VecDeque<Listed>>,
}

impl OpenFolder {
    pub(super) fn has_backfill(&self) -> bool {
        self.positions.backfill_uid < self.positions.backfill_end
    }
}

/// A folder to read, as it is on the server.
#[derive(Debug)]
pub(super) struct Wanted {
    /// As the server writes it.
    pub(super) name: String,
    /// As people do.
    label: String,
    role: FolderRole,
    /// Of a folder that was not known before, what came since then is new.
    since: Option<DateTime<Utc>>,
}

impl Wanted {
    pub(super) fn inbox(found: &Folders) -> Self {
        let name = found.inbox.clone();
        Self { label: name.clone(), name, role: FolderRole::Inbox, since: None }
    }

    fn sent(found: &Folders) -> Option<Self> {
        let name = found.sent.clone().filter(|name| !name.eq_ignore_ascii_case("INBOX"))?;
        let label = found.all.iter().find(|folder| folder.wire == name).map(FolderName::readable);
        Some(Self { label: label.unwrap_or_else(|| name.clone()), name, role: FolderRole::Sent, since: None })
    }
}

impl Reader {
    /// The folders to read beside the inbox, each once: that of sent mail, and those that people have named and the
    /// server has.
    pub(super) fn wanted(&self, found: &Folders) -> Vec<Wanted> {
        let mut wanted = Vec::from_iter(Wanted::sent(found));
        for named in &self.connection.folders {
            let Some(folder) = found.all.iter().find(|folder| folder.is_called(&named.name)) else {
                continue;
            };
            let is_wanted = |name: &str| wanted.iter().any(|other: &Wanted| other.name == name);
            if !folder.wire.eq_ignore_ascii_case(&found.inbox) && !is_wanted(&folder.wire) {
                wanted.push(Wanted {
                    name: folder.wire.clone(),
                    label: named.name.clone(),
                    role: FolderRole::Other,
                    since: Some(named.since),
                });
            }
        }
        wanted
    }

    /// Opens a folder, and begins it where it is new or its UIDs are. What is in it is backfill then; but of a folder
    /// that comes when the mailbox has been read before, as the Sent folder does with the first mail sent, it is new, and
    /// of one that people have named what came since.
    pub(super) fn open(
        &mut self,
        session: &mut Session,
        known: &[Folder],
        wanted: &Wanted,
    ) -> Result<OpenFolder, Halt> {
        let opened = session.examine(&wanted.name)?;
        let before = known.iter().find(|folder| folder.name == wanted.name);
        let mut start = FolderStart {
            name: wanted.name.clone(),
            label: wanted.label.clone(),
            role: wanted.role,
            uid_validity: opened.uid_validity,
            live_uid: opened.uid_next,
            backfill_uid: opened.uid_next,
            backfill_total: 0,
        };
        if let Some(folder) = before.filter(|folder| folder.uid_validity == opened.uid_validity) {
            let is_called_so = (&folder.label, folder.role) == (&wanted.label, wanted.role);
            let positions = if is_called_so {
                folder.clone()
            } else {
                self.wait_for(self.store.begin_folder(&self.lease, start))?
            };
            return Ok(OpenFolder { positions, window: None });
        }
        let mut window = self.window(session, &wanted.name, 1, opened.uid_next)?;
        start.backfill_uid = window.front().map_or(opened.uid_next, |first| first.uid);
        if before.is_none() {
            let old = match wanted.since {
                Some(since) => {
                    let is_new = |message: &Listed| message.internal_date.is_some_and(|at| at >= since);
                    window.iter().position(is_new).unwrap_or(window.len())
                }
                None if known.iter().any(is_read_inbox) => 0,
                None => window.len(),
            };
            start.live_uid = window.get(old).map_or(opened.uid_next, |first| first.uid);
            window.truncate(old);
        }
        start.backfill_uid = start.backfill_uid.min(start.live_uid);
        start.backfill_total = u32::try_from(window.len()).unwrap_or(u32::MAX);
        let positions = self.wait_for(self.store.begin_folder(&self.lease, start))?;
        tracing::info!(role = ?wanted.role, messages = window.len(), "a folder begins");
        Ok(OpenFolder { positions, window: Some(window) })
    }

    /// Opens a folder again that was open in this session before.
    pub(super) fn select(&mut self, session: &mut Session, folder: &mut OpenFolder) -> Result<(), Halt> {
        let positions = &folder.positions;
        let opened = session.examine(&positions.name)?;
        if opened.uid_validity != positions.uid_validity {
            let again = Wanted {
                name: positions.name.clone(),
                label: positions.label.clone(),
                role: positions.role,
                since: None,
            };
            *folder = self.open(session, std::slice::from_ref(positions), &again)?;
        }
        Ok(())
    }

    /// The messages in `first..below` that are not older than what the mailbox is read for. The server compares whole
    /// days by its own clock, so that a few older ones must be sorted out here.
    pub(super) fn window(
        &mut self,
        session: &mut Session,
        folder: &str,
        first: u32,
        below: u32,
    ) -> Result<VecDeque<Listed>, Halt> {
        let since = self.connection.read_since;
        let uids = session.uids_between(first, below, since.date_naive())?;
        let mut listed = VecDeque::from(self.list(session, folder, &uids)?);
        listed.retain(|message| message.internal_date.is_none_or(|date| date >= since));
        Ok(listed)
    }
}

/// True of an inbox whose backfill is done: the mailbox's first sync is over.
fn is_read_inbox(folder: &Folder) -> bool {
    folder.role == FolderRole::Inbox && folder.backfill_uid >= folder.backfill_end
}
