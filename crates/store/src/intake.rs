//! The intake list of a mailbox (MAIL-12): what was read and did not become a message in the usual way, looked at and
//! taken in once more.

use crate::{
    BlobHash, Store,
    audit::{self, Entry},
    delivery_jobs::hash,
    error::StoreError,
    ingest::{Intake, Origin},
    mail_in::{FolderRole, Ingested},
    mailbox::{Mailbox, Ownership},
    mailbox_settings::load_managed,
    page::Page,
    schema::{folders, intake},
    transaction::Tx,
    workspaces::require_conversations,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*};
use diesel_async::RunQueryDsl;
use futures_util::Stream;
use postroom_domain::{
    access::Actor,
    ids::{IntakeId, MailboxId, MessageId, WorkspaceId},
    incoming::{IncomingMail, IntakeReason},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Something that was read and did not become a message in the usual way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeEntry {
    /// Its id.
    pub id: IntakeId,
    /// Why.
    pub reason: IntakeReason,
    /// More of it, for people; may be empty.
    pub detail: String,
    /// Who wrote it, where that is known and the actor may read the mailbox's mail.
    pub from: Option<String>,
    /// The message that it became all the same.
    pub message_id: Option<MessageId>,
    /// The mail itself is kept.
    pub has_raw: bool,
    /// When its server received it.
    pub received_at: DateTime<Utc>,
    /// When it was last taken in once more.
    pub replayed_at: Option<DateTime<Utc>>,
    /// When it was read.
    pub created_at: DateTime<Utc>,
}

/// A mail to be taken in once more, and what is known of it besides its bytes.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The kept mail: for [`Store::get_raw_mail`].
    pub raw: BlobHash,
    /// It was found in `\Sent`.
    pub in_sent: bool,
    /// When its server received it.
    pub received_at: DateTime<Utc>,
    /// Whose Authentication-Results are believed (MAIL-15).
    pub authserv_id: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = intake)]
struct Row {
    id: Uuid,
    folder_id: Option<Uuid>,
    reason: String,
    detail: String,
    raw_sha256: Option<Vec<u8>>,
    message_id: Option<Uuid>,
    received_at: DateTime<Utc>,
    replayed_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    from_address: Option<String>,
}

impl Row {
    fn into_entry(self, may_read: bool) -> Result<IntakeEntry, StoreError> {
        let known = IntakeReason::ALL.into_iter().find(|reason| reason.as_str() == self.reason);
        Ok(IntakeEntry {
            id: self.id.into(),
            reason: known.ok_or_else(|| StoreError::Corrupt(format!("intake reason {}", self.reason)))?,
            detail: self.detail,
            from: self.from_address.filter(|_| may_read),
            message_id: self.message_id.map(MessageId),
            has_raw: self.raw_sha256.is_some(),
            received_at: self.received_at,
            replayed_at: self.replayed_at,
            created_at: self.created_at,
        })
    }
}

impl Store {
    /// A page of a mailbox's intake list, the latest first, for those who manage the mailbox. `before` is the last entry of
    /// the page before.
    ///
    /// # Errors
    /// As [`Store::managed_mailbox`].
    pub async fn intake(
        &self,
        actor: &Actor,
        mailbox: MailboxId,
        before: Option<IntakeId>,
        limit: u16,
    ) -> Result<Page<IntakeEntry>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        require_conversations(&tx, actor.workspace_id).await?;
        let managed = load_managed(&tx, actor, mailbox).await?;
        let mut entries = intake::table
            .filter(intake::workspace_id.eq(actor.workspace_id.0).and(intake::mailbox_id.eq(mailbox.0)))
            .order(intake::id.desc())
            .limit(i64::from(limit) + 1)
            .select(Row::as_select())
            .into_boxed::<Pg>();
        if let Some(before) = before {
            entries = entries.filter(intake::id.lt(before.0));
        }
        let rows: Vec<Row> = entries.load(&mut tx.conn()).await?;
        tx.commit().await?;
        let may_read = reads(actor, &managed);
        let entries = rows.into_iter().map(|row| row.into_entry(may_read)).collect::<Result<_, _>>()?;
        Ok(Page::of(entries, limit))
    }

    /// One entry of the list.
    ///
    /// # Errors
    /// As [`Store::managed_mailbox`]; [`StoreError::NotFound`] where the list has no such entry.
    pub async fn intake_entry(
        &self,
        actor: &Actor,
        mailbox: MailboxId,
        id: IntakeId,
    ) -> Result<IntakeEntry, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let (managed, row) = find(&tx, actor, mailbox, id).await?;
        tx.commit().await?;
        row.into_entry(reads(actor, &managed))
    }

    /// The mail of an entry, byte by byte, for those who may read the mailbox's mail: nobody else's of a personal one
    /// (ACC-4).
    ///
    /// # Errors
    /// As [`Store::intake_entry`]; [`StoreError::RoleNotAllowed`] where it is a colleague's; [`StoreError::NothingKept`].
    pub async fn intake_mail(
        &self,
        actor: &Actor,
        mailbox: MailboxId,
        id: IntakeId,
    ) -> Result<impl Stream<Item = Result<Bytes, StoreError>> + Send + use<>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let (managed, row) = find(&tx, actor, mailbox, id).await?;
        tx.commit().await?;
        if !reads(actor, &managed) {
            return Err(StoreError::RoleNotAllowed);
        }
        let raw = hash(row.raw_sha256.ok_or(StoreError::NothingKept)?)?;
        self.raw_mail(actor.workspace_id, &raw).await
    }

    /// What is needed to take an entry in once more.
    ///
    /// # Errors
    /// As [`Store::intake_entry`]; [`StoreError::NothingKept`] where the mail itself could not be read then.
    pub async fn intake_replay(
        &self,
        actor: &Actor,
        mailbox: MailboxId,
        id: IntakeId,
    ) -> Result<Replay, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let (managed, row) = find(&tx, actor, mailbox, id).await?;
        let raw = hash(row.raw_sha256.ok_or(StoreError::NothingKept)?)?;
        let role: Option<String> = match row.folder_id {
            Some(folder) => folders::table
                .find((actor.workspace_id.0, folder))
                .select(folders::role)
                .first(&mut tx.conn())
                .await
                .optional()?,
            None => None,
        };
        tx.commit().await?;
        let in_sent = role.is_some_and(|role| FolderRole::from_name(&role) == FolderRole::Sent);
        Ok(Replay { raw, in_sent, received_at: row.received_at, authserv_id: managed.authserv_id })
    }

    /// Takes an entry's mail in once more, as it is understood now. What is a message by now stays that one (MAIL-3).
    ///
    /// # Errors
    /// As [`Store::intake_entry`], and those of [`Store::ingest`].
    pub async fn replay_intake(
        &self,
        actor: &Actor,
        mailbox: MailboxId,
        id: IntakeId,
        mail: &IncomingMail,
    ) -> Result<(IntakeEntry, Ingested), StoreError> {
        let workspace = actor.workspace_id;
        self.write(workspace, async |tx| {
            let (managed, before) = find(tx, actor, mailbox, id).await?;
            let this = intake::table.find((workspace.0, id.0));
            // Who replays it at the same time waits here.
            diesel::update(this).set(intake::replayed_at.eq(Utc::now())).execute(&mut tx.conn()).await?;
            let entry = Entry::new("intake.replayed", "intake_entry", id);
            let after = json!({"mailbox_id": mailbox, "reason": before.reason});
            audit::record(tx, actor, entry.change(Value::Null, after)).await?;
            let ingested = Intake { tx, workspace, mailbox, origin: Origin::Replay, mail }.run().await?;
            if let Ingested::Stored { message_id, .. } | Ingested::Known(message_id) = ingested {
                // The row is ours already: this waits for nobody, although the events have their numbers.
                diesel::update(this).set(intake::message_id.eq(message_id.0)).execute(&mut tx.conn()).await?;
            }
            let row: Row = this.select(Row::as_select()).first(&mut tx.conn()).await?;
            Ok((row.into_entry(reads(actor, &managed))?, ingested))
        })
        .await
    }
}

/// Whether the mailbox's mail is the actor's to read: a personal one's is its user's alone, whoever manages it (ACC-4).
fn reads(actor: &Actor, mailbox: &Mailbox) -> bool {
    match mailbox.ownership {
        Ownership::Personal(user) => user == actor.user_id,
        Ownership::Shared(_) => true,
    }
}

async fn find(
    tx: &Tx,
    actor: &Actor,
    mailbox: MailboxId,
    id: IntakeId,
) -> Result<(Mailbox, Row), StoreError> {
    require_conversations(tx, actor.workspace_id).await?;
    let managed = load_managed(tx, actor, mailbox).await?;
    let row: Row = intake::table
        .find((actor.workspace_id.0, id.0))
        .filter(intake::mailbox_id.eq(mailbox.0))
        .select(Row::as_select())
        .first(&mut tx.conn())
        .await?;
    Ok((managed, row))
}

/// Why this very mail stands in the mailbox's list and nowhere else, where it does. What failed may fare better now.
pub(crate) async fn listed_alone(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: MailboxId,
    raw: &BlobHash,
) -> Result<Option<IntakeReason>, StoreError> {
    let lasting = [
        IntakeReason::Bounce,
        IntakeReason::UnmatchedBounce,
        IntakeReason::Loop,
        IntakeReason::IgnoredSender,
    ];
    let reason: Option<String> = intake::table
        .filter(intake::workspace_id.eq(workspace.0))
        .filter(intake::raw_sha256.eq(raw.as_slice()))
        .filter(intake::mailbox_id.eq(mailbox.0))
        .filter(intake::message_id.is_null())
        .filter(intake::reason.eq_any(lasting.map(IntakeReason::as_str)))
        .select(intake::reason)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(reason.and_then(|name| lasting.into_iter().find(|reason| reason.as_str() == name)))
}
