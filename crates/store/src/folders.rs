//! How far each folder is read (MAIL-1). A position moves only in the transaction that stores what it passes, only under
//! the lease that the reader holds, and only from where the reader believes it to be.

use crate::{
    MailboxLease, Store, StoreError,
    mail_in::{Folder, FolderRole, FolderStart, PassedMessage, Step, Track},
    prepared::Prepare,
    schema::{folders, intake, mailbox_queue},
    transaction::Tx,
};
use diesel::{
    dsl::{exists, now},
    prelude::*,
    sql_types::{Nullable, Timestamptz},
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::EmailAddress,
    ids::{FolderId, MailboxId, MessageId, WorkspaceId},
};
use uuid::Uuid;

#[derive(Queryable, Selectable)]
#[diesel(table_name = folders)]
struct Row {
    id: Uuid,
    name: String,
    label: String,
    role: String,
    uid_validity: i64,
    live_uid: i64,
    backfill_uid: i64,
    backfill_end: i64,
    backfill_total: i32,
    backfill_done: i32,
    failed_uid: Option<i64>,
    failures: i32,
}

fn from_row(row: Row) -> Result<Folder, StoreError> {
    let uid =
        |value: i64| u32::try_from(value).map_err(|_| StoreError::Corrupt("a folder's position".into()));
    let count = |value: i32| u32::try_from(value).map_err(|_| StoreError::Corrupt("a folder's count".into()));
    Ok(Folder {
        id: FolderId(row.id),
        name: row.name,
        label: row.label,
        role: FolderRole::from_name(&row.role),
        uid_validity: uid(row.uid_validity)?,
        live_uid: uid(row.live_uid)?,
        backfill_uid: uid(row.backfill_uid)?,
        backfill_end: uid(row.backfill_end)?,
        backfill_total: count(row.backfill_total)?,
        backfill_done: count(row.backfill_done)?,
        failed_uid: row.failed_uid.map(uid).transpose()?,
        failures: count(row.failures)?,
    })
}

impl Store {
    /// The mailbox's folders, as far as they were ever begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn folders(&self, lease: &MailboxLease) -> Result<Vec<Folder>, StoreError> {
        let tx = self.begin_read(lease.workspace_id).await?;
        let rows: Vec<Row> = folders::table
            .filter(folders::workspace_id.eq(lease.workspace_id.0))
            .filter(folders::mailbox_id.eq(lease.mailbox_id.0))
            .order(folders::name)
            .select(Row::as_select())
            .load(&mut tx.conn())
            .await?;
        tx.commit().await?;
        rows.into_iter().map(from_row).collect()
    }

    /// Begins a folder, or begins it anew after its UIDVALIDITY has changed. One that is there with the same UIDVALIDITY
    /// stays where it is.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or when the database fails.
    pub async fn begin_folder(&self, lease: &MailboxLease, start: FolderStart) -> Result<Folder, StoreError> {
        let start = &start;
        self.write(lease.workspace_id, async |tx| {
            hold_lease(tx, lease).await?;
            let positions = (
                folders::role.eq(start.role.as_str()),
                folders::uid_validity.eq(i64::from(start.uid_validity)),
                folders::live_uid.eq(i64::from(start.live_uid)),
                folders::backfill_uid.eq(i64::from(start.backfill_uid)),
                folders::backfill_end.eq(i64::from(start.live_uid)),
                folders::backfill_total.eq(i32::try_from(start.backfill_total).unwrap_or(i32::MAX)),
                folders::backfill_done.eq(0),
                folders::failed_uid.eq(None::<i64>),
                folders::failures.eq(0),
            );
            diesel::insert_into(folders::table)
                .values((
                    folders::workspace_id.eq(lease.workspace_id.0),
                    folders::id.eq(Uuid::now_v7()),
                    folders::mailbox_id.eq(lease.mailbox_id.0),
                    folders::name.eq(&start.name),
                    folders::label.eq(&start.label),
                    positions,
                ))
                .on_conflict((folders::workspace_id, folders::mailbox_id, folders::name))
                .do_nothing()
                .execute(&mut tx.conn())
                .await?;
            let this = folders::table
                .filter(folders::workspace_id.eq(lease.workspace_id.0))
                .filter(folders::mailbox_id.eq(lease.mailbox_id.0))
                .filter(folders::name.eq(&start.name));
            diesel::update(this.filter(folders::uid_validity.ne(i64::from(start.uid_validity))))
                .set(positions)
                .execute(&mut tx.conn())
                .await?;
            // Somebody calls it by another of its names, or it is for something else now.
            let known_as = (folders::label.eq(&start.label), folders::role.eq(start.role.as_str()));
            diesel::update(
                this.filter(folders::label.ne(&start.label).or(folders::role.ne(start.role.as_str()))),
            )
            .set(known_as)
            .execute(&mut tx.conn())
            .await?;
            let row: Row = this.select(Row::as_select()).first(&mut tx.conn()).await?;
            from_row(row)
        })
        .await
    }

    /// Moves a position past UIDs at which there is no message (any more).
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or when the database fails.
    pub async fn skip_to(&self, lease: &MailboxLease, step: &Step) -> Result<(), StoreError> {
        self.write(lease.workspace_id, async |tx| take_step(tx, lease, step, Passed::Nothing).await).await
    }

    /// Passes a message that does not become one here: it stands in the intake list from then on (MAIL-12).
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or when the database fails.
    pub async fn pass_message(
        &self,
        lease: &MailboxLease,
        step: &Step,
        passed: PassedMessage,
    ) -> Result<(), StoreError> {
        let passed = &passed;
        self.write(lease.workspace_id, async |tx| {
            take_step(tx, lease, step, Passed::Message).await?;
            let found = FoundIn { mailbox: lease.mailbox_id, at: Some(step) };
            list_in_intake(tx, lease.workspace_id, &found, passed, None).await
        })
        .await
    }

    /// Counts a failure of the message at this UID, and tells how often it has failed by now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or when the database fails.
    pub async fn record_failure(
        &self,
        lease: &MailboxLease,
        folder: FolderId,
        uid: u32,
    ) -> Result<u32, StoreError> {
        self.write(lease.workspace_id, async |tx| {
            hold_lease(tx, lease).await?;
            let this = folders::table.find((lease.workspace_id.0, folder.0));
            let (failed, failures): (Option<i64>, i32) = this
                .for_no_key_update()
                .select((folders::failed_uid, folders::failures))
                .first(&mut tx.conn())
                .await?;
            let failures = if failed == Some(i64::from(uid)) { failures + 1 } else { 1 };
            diesel::update(this)
                .set((folders::failed_uid.eq(i64::from(uid)), folders::failures.eq(failures)))
                .execute(&mut tx.conn())
                .await?;
            u32::try_from(failures).map_err(|_| StoreError::Corrupt("a folder's failures".into()))
        })
        .await
    }
}

/// What a step passes, for the backfill's progress.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    Message,
    Nothing,
}

/// Refuses where the lease is not ours any more.
pub(crate) async fn hold_lease(tx: &Tx, lease: &MailboxLease) -> Result<(), StoreError> {
    let live = mailbox_queue::table
        .find((lease.workspace_id.0, lease.mailbox_id.0))
        .filter(mailbox_queue::lease_token.eq(lease.token))
        .filter(mailbox_queue::leased_until.gt(now.into_sql::<Nullable<Timestamptz>>()));
    let held: bool = diesel::select(exists(live)).get_result(&mut tx.conn()).await?;
    if held { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// Moves the folder's position behind the step's message.
pub(crate) async fn take_step(
    tx: &Tx,
    lease: &MailboxLease,
    step: &Step,
    passed: Passed,
) -> Result<(), StoreError> {
    // Sent together; the position is only kept where both go well.
    tokio::try_join!(biased; hold_lease(tx, lease), move_position(tx, lease, step, passed))?;
    Ok(())
}

async fn move_position(tx: &Tx, lease: &MailboxLease, step: &Step, passed: Passed) -> Result<(), StoreError> {
    let this = folders::table
        .filter(folders::workspace_id.eq(lease.workspace_id.0))
        .filter(folders::id.eq(step.folder_id.0));
    let (next, expected) = (i64::from(step.uid) + 1, i64::from(step.expected));
    let done = i32::from(passed == Passed::Message);
    let moved = match step.track {
        Track::Live => {
            diesel::update(this.filter(folders::live_uid.eq(expected)))
                .set(folders::live_uid.eq(next))
                .prepared()
                .execute(&mut tx.conn())
                .await?
        }
        Track::Backfill => {
            diesel::update(this.filter(folders::backfill_uid.eq(expected)))
                .set((
                    folders::backfill_uid.eq(next),
                    folders::backfill_done.eq(folders::backfill_done + done),
                ))
                .prepared()
                .execute(&mut tx.conn())
                .await?
        }
    };
    if moved == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// Where something was found that is listed.
pub(crate) struct FoundIn<'a> {
    pub(crate) mailbox: MailboxId,
    /// Its place in a folder, where it was read from one.
    pub(crate) at: Option<&'a Step>,
}

/// Lists what was read in the mailbox's intake (MAIL-12).
pub(crate) async fn list_in_intake(
    tx: &Tx,
    workspace: WorkspaceId,
    found: &FoundIn<'_>,
    passed: &PassedMessage,
    message: Option<MessageId>,
) -> Result<(), StoreError> {
    diesel::insert_into(intake::table)
        .values((
            intake::workspace_id.eq(workspace.0),
            intake::id.eq(Uuid::now_v7()),
            intake::mailbox_id.eq(found.mailbox.0),
            intake::folder_id.eq(found.at.map(|step| step.folder_id.0)),
            intake::uid.eq(found.at.map(|step| i64::from(step.uid))),
            intake::reason.eq(passed.reason.as_str()),
            intake::detail.eq(&passed.detail),
            intake::from_address.eq(passed.from.as_ref().map(EmailAddress::as_str)),
            intake::raw_sha256.eq(passed.raw_sha256.as_ref().map(<[u8; 32]>::as_slice)),
            intake::message_id.eq(message.map(|id| id.0)),
            intake::received_at.eq(passed.received_at),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}
