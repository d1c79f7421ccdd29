//! Which folders of a mailbox are read.

use super::{mailbox::BackfillView, names::FolderRoleName};
use crate::{
    form::{At, line, list},
    problem::FieldCode,
};
use postroom_store::ReadFolder;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Of one mailbox.
const MOST: usize = 20;

/// A folder that is read, or will be once the server has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReadFolder)]
pub struct ReadFolderView {
    /// Its name, with `/` between levels.
    #[schema(example = "INBOX/Orders")]
    pub name: String,
    /// What it is for.
    pub role: FolderRoleName,
    /// The server has it. One that is made later is read from then on.
    pub found: bool,
    /// How far the first reading is.
    pub backfill: BackfillView,
}

impl From<ReadFolder> for ReadFolderView {
    fn from(folder: ReadFolder) -> Self {
        let (done, total) = folder.backfill;
        Self {
            name: folder.name,
            role: folder.role.into(),
            found: folder.found,
            backfill: BackfillView { done, total },
        }
    }
}

/// Folders that are read beside the inbox and that of sent mail: each is named once.
pub(super) fn folders(value: Value, at: &mut At<'_>) -> Option<Vec<String>> {
    let names = list(MOST, |value, at: &mut At<'_>| {
        let name: String = line(255)(value, at)?;
        if name.eq_ignore_ascii_case("INBOX") {
            return at.wrong(FieldCode::InvalidValue, "The inbox is read anyway.");
        }
        Some(name)
    })(value, at)?;
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < names.len() {
        return at.wrong(FieldCode::InvalidValue, "A folder is named twice.");
    }
    Some(distinct)
}
