//! Mail that an operator brings in files (`postroom mail import`): through the same transaction as what is read.

use crate::{
    BlobHash, Store,
    error::StoreError,
    folders::{FoundIn, list_in_intake},
    ingest::{Intake, Origin},
    intake::listed_alone,
    mail_in::{Ingested, PassedMessage},
    schema::{intake, mailboxes, messages, workspaces},
    workspaces::require_conversations,
};
use diesel::{
    dsl::{exists, select},
    prelude::*,
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::EmailAddress,
    ids::{MailboxId, WorkspaceId},
    incoming::IncomingMail,
};
use uuid::Uuid;

/// A mailbox that an operator has named.
#[derive(Clone, Debug)]
pub struct ArchiveMailbox {
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// Its id.
    pub id: MailboxId,
    /// Whose Authentication-Results are believed (MAIL-15).
    pub authserv_id: Option<String>,
}

impl Store {
    /// The workspaces with their slugs, by slug.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workspace_slugs(&self) -> Result<Vec<(WorkspaceId, String)>, StoreError> {
        let tx = self.begin_read_global().await?;
        let rows: Vec<(Uuid, String)> = workspaces::table
            .order(workspaces::slug)
            .select((workspaces::id, workspaces::slug))
            .load(&mut tx.conn())
            .await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(|(id, slug)| (id.into(), slug)).collect())
    }

    /// The connected mailbox with this address.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is none; [`StoreError::FeatureNotEnabled`] without the paid feature.
    pub async fn archive_mailbox(
        &self,
        workspace_id: WorkspaceId,
        address: &EmailAddress,
    ) -> Result<ArchiveMailbox, StoreError> {
        let tx = self.begin_read(workspace_id).await?;
        require_conversations(&tx, workspace_id).await?;
        let (id, authserv_id): (Uuid, Option<String>) = mailboxes::table
            .filter(mailboxes::workspace_id.eq(workspace_id.0))
            .filter(mailboxes::address.eq(address.as_str()))
            .filter(mailboxes::active)
            .select((mailboxes::id, mailboxes::authserv_id))
            .first(&mut tx.conn())
            .await?;
        tx.commit().await?;
        Ok(ArchiveMailbox { workspace_id, id: id.into(), authserv_id })
    }

    /// Whether these very bytes are here already: as a message, or in the mailbox's intake list for a reason that lasts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_kept(&self, mailbox: &ArchiveMailbox, raw: &BlobHash) -> Result<bool, StoreError> {
        let workspace = mailbox.workspace_id;
        let tx = self.begin_read(workspace).await?;
        let same = messages::table
            .filter(messages::workspace_id.eq(workspace.0))
            .filter(messages::raw_sha256.eq(raw.as_slice()));
        let is_message: bool = select(exists(same)).get_result(&mut tx.conn()).await?;
        let kept = is_message || listed_alone(&tx, workspace, mailbox.id, raw).await?.is_some();
        tx.commit().await?;
        Ok(kept)
    }

    /// Takes a mail of a file in. What is known already changes nothing (MAIL-3).
    ///
    /// # Errors
    /// Whatever the database fails with. Nothing happened then.
    pub async fn import(
        &self,
        mailbox: &ArchiveMailbox,
        mail: &IncomingMail,
    ) -> Result<Ingested, StoreError> {
        let (workspace, mailbox) = (mailbox.workspace_id, mailbox.id);
        self.write(workspace, async |tx| {
            Intake { tx, workspace, mailbox, origin: Origin::Archive, mail }.run().await
        })
        .await
    }

    /// Lists a mail of a file that does not become a message here, once (MAIL-12). False where it was listed before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pass_imported(
        &self,
        mailbox: &ArchiveMailbox,
        passed: &PassedMessage,
    ) -> Result<bool, StoreError> {
        let workspace = mailbox.workspace_id;
        self.write(workspace, async |tx| {
            let same = intake::table
                .filter(intake::workspace_id.eq(workspace.0))
                .filter(intake::mailbox_id.eq(mailbox.id.0))
                .filter(intake::reason.eq(passed.reason.as_str()))
                .filter(intake::raw_sha256.eq(passed.raw_sha256.map(|raw| raw.to_vec())));
            if select(exists(same)).get_result(&mut tx.conn()).await? {
                return Ok(false);
            }
            let found = FoundIn { mailbox: mailbox.id, at: None };
            list_in_intake(tx, workspace, &found, passed, None).await?;
            Ok(true)
        })
        .await
    }
}
