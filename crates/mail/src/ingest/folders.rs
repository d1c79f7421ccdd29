//! Folders and their positions (MAIL-1).

use std::collections::VecDeque;

use postroom_store::{Folder, FolderRole, FolderStart};

use super::reader::{Halt, Reader};
use crate::imap::{Listed, Session};

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

impl Reader {
    /// Opens a folder, and begins it where it is new or its UIDs are. What is in it is backfill then; but in a folder
    /// that comes when the mailbox has been read before, as the Sent folder does with the first mail sent, it is new.
    pub(super) fn open(
        &mut self,
        session: &mut Session,
        known: &[Folder],
        name: &str,
        role: FolderRole,
    ) -> Result<OpenFolder, Halt> {
        let opened = session.examine(name)?;
        let same =
            known.iter().find(|folder| folder.name == name && folder.uid_validity == opened.uid_validity);
        if let Some(folder) = same {
            return Ok(OpenFolder { positions: folder.clone(), window: None });
        }
        let mut window = self.window(session, name, 1, opened.uid_next)?;
        let first = window.front().map_or(opened.uid_next, |first| first.uid);
        let is_news = known.iter().all(|folder| folder.name != name) && known.iter().any(is_read_inbox);
        if is_news {
            window.clear();
        }
        let start = FolderStart {
            name: name.to_owned(),
            role,
            uid_validity: opened.uid_validity,
            live_uid: if is_news { first } else { opened.uid_next },
            backfill_uid: first,
            backfill_total: u32::try_from(window.len()).unwrap_or(u32::MAX),
        };
        let positions = self.wait_for(self.store.begin_folder(&self.lease, start))?;
        tracing::info!(?role, messages = window.len(), "a folder begins");
        Ok(OpenFolder { positions, window: Some(window) })
    }

    /// Opens a folder again that was open in this session before.
    pub(super) fn select(&mut self, session: &mut Session, folder: &mut OpenFolder) -> Result<(), Halt> {
        let positions = &folder.positions;
        let opened = session.examine(&positions.name)?;
        if opened.uid_validity != positions.uid_validity {
            let (name, role) = (positions.name.clone(), positions.role);
            *folder = self.open(session, &[], &name, role)?;
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
