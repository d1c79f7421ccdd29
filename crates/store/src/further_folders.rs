//! Which folders of a mailbox are read: the inbox, that of sent mail, and those that people have named.

use crate::{
    error::StoreError,
    mail_in::FolderRole,
    mailbox::{NamedFolder, ReadFolder},
    schema::{folders, further_folders},
    transaction::Tx,
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::ids::{MailboxId, WorkspaceId};
use uuid::Uuid;

/// The folders of several mailboxes.
#[derive(Default)]
pub(crate) struct Reading {
    named: Vec<(Uuid, String)>,
    begun: Vec<(Uuid, String, String, i32, i32)>,
}

impl Reading {
    /// Of these mailboxes, in two queries.
    pub(crate) async fn of(tx: &Tx, workspace: WorkspaceId, mailboxes: &[Uuid]) -> Result<Self, StoreError> {
        let named = further_folders::table
            .filter(further_folders::workspace_id.eq(workspace.0))
            .filter(further_folders::mailbox_id.eq_any(mailboxes))
            .select((further_folders::mailbox_id, further_folders::name))
            .load(&mut tx.conn())
            .await?;
        let begun = folders::table
            .filter(folders::workspace_id.eq(workspace.0))
            .filter(folders::mailbox_id.eq_any(mailboxes))
            .order(folders::label)
            .select((
                folders::mailbox_id,
                folders::label,
                folders::role,
                folders::backfill_done,
                folders::backfill_total,
            ))
            .load(&mut tx.conn())
            .await?;
        Ok(Self { named, begun })
    }

    /// What people have named in this mailbox.
    pub(crate) fn named(&self, mailbox: Uuid) -> Vec<String> {
        let of = self.named.iter().filter(|(id, _)| *id == mailbox);
        let mut names: Vec<String> = of.map(|(_, name)| name.clone()).collect();
        // Not as the database sorts, which depends on its language.
        names.sort_unstable();
        names
    }

    /// What is read of this mailbox. A folder that is not named any more has its position still, and is not among them.
    pub(crate) fn folders(&self, mailbox: Uuid) -> Vec<ReadFolder> {
        let named = self.named(mailbox);
        let count = |value: i32| u32::try_from(value).unwrap_or(0);
        let begun = |role: FolderRole| {
            let of = self.begun.iter().filter(move |(id, _, is, ..)| *id == mailbox && is == role.as_str());
            of.map(move |(_, label, _, done, total)| ReadFolder {
                name: label.clone(),
                role,
                found: true,
                backfill: (count(*done), count(*total)),
            })
        };
        let mut read: Vec<ReadFolder> = begun(FolderRole::Inbox).chain(begun(FolderRole::Sent)).collect();
        for name in named {
            if read.iter().any(|folder| folder.name == name) {
                continue;
            }
            let missing =
                ReadFolder { name: name.clone(), role: FolderRole::Other, found: false, backfill: (0, 0) };
            read.push(begun(FolderRole::Other).find(|folder| folder.name == name).unwrap_or(missing));
        }
        read
    }
}

/// What the worker needs to know of them.
pub(crate) async fn load(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: MailboxId,
) -> Result<Vec<NamedFolder>, StoreError> {
    let rows = further_folders::table
        .filter(further_folders::workspace_id.eq(workspace.0))
        .filter(further_folders::mailbox_id.eq(mailbox.0))
        .order(further_folders::name)
        .select((further_folders::name, further_folders::named_at))
        .load(&mut tx.conn())
        .await?;
    Ok(rows.into_iter().map(|(name, since)| NamedFolder { name, since }).collect())
}

/// From now on these are read, and no others. What was named already keeps its time.
pub(crate) async fn save(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: MailboxId,
    names: &[String],
) -> Result<(), StoreError> {
    let ours = further_folders::table
        .filter(further_folders::workspace_id.eq(workspace.0))
        .filter(further_folders::mailbox_id.eq(mailbox.0));
    diesel::delete(ours.filter(further_folders::name.ne_all(names))).execute(&mut tx.conn()).await?;
    let now = Utc::now();
    let rows: Vec<_> = names
        .iter()
        .map(|name| {
            (
                further_folders::workspace_id.eq(workspace.0),
                further_folders::mailbox_id.eq(mailbox.0),
                further_folders::name.eq(name),
                further_folders::named_at.eq(now),
            )
        })
        .collect();
    if !rows.is_empty() {
        diesel::insert_into(further_folders::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(&mut tx.conn())
            .await?;
    }
    Ok(())
}
