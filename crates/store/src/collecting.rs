//! Objects that nothing names any more are removed from the blob store, a day after they were last touched.

use crate::{
    BlobHash, Store, StoreError,
    delivery_jobs::hash,
    schema::{attachments, blobs, contacts, intake, messages, outbox, users},
    transaction::Tx,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    dsl::{exists, not},
    prelude::*,
    result::{DatabaseErrorKind, Error},
};
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt;
use postroom_domain::ids::WorkspaceId;

/// Whoever is about to name an object has touched it: a day is more than any request or worker takes.
const UNTOUCHED: TimeDelta = TimeDelta::hours(24);
/// So many are looked at in one query.
const BATCH: i64 = 500;

impl Store {
    /// Removes what nothing names and nobody has touched for a day from a workspace's objects, and tells how many.
    pub(crate) async fn collect_blobs(
        &self,
        workspace: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let before = now - UNTOUCHED;
        let mut removed = 0;
        loop {
            let found = self.unnamed(workspace, before).await?;
            let mut some = 0;
            for object in &found {
                some += usize::from(self.collect(workspace, object, before).await?);
            }
            removed += some;
            // What could not be removed now is for the next time.
            if some == 0 {
                return Ok(removed);
            }
        }
    }

    /// Removes what uploads have left that were cut off, of all workspaces, and tells how many.
    pub(crate) async fn sweep_uploads(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let before = now - UNTOUCHED;
        let left: Vec<_> = self
            .inner
            .blobs
            .uploads()
            .try_filter(|object| std::future::ready(object.last_modified < before))
            .map_ok(|object| object.location)
            .try_collect()
            .await
            .map_err(crate::blobs::failed)?;
        for path in &left {
            self.inner.blobs.remove(path).await?;
        }
        Ok(left.len())
    }

    async fn unnamed(
        &self,
        workspace: WorkspaceId,
        before: DateTime<Utc>,
    ) -> Result<Vec<BlobHash>, StoreError> {
        let tx = self.begin_read(workspace).await?;
        macro_rules! named_by {
            ($table:ident . $column:ident) => {
                exists(
                    $table::table
                        .filter($table::workspace_id.eq(blobs::workspace_id))
                        .filter($table::$column.eq(blobs::sha256.nullable())),
                )
            };
        }
        let of_files = attachments::table
            .filter(attachments::workspace_id.eq(blobs::workspace_id))
            .filter(attachments::sha256.eq(blobs::sha256));
        let found: Vec<Vec<u8>> = blobs::table
            .filter(blobs::workspace_id.eq(workspace.0))
            .filter(blobs::touched_at.lt(before))
            .filter(not(exists(of_files)))
            .filter(not(named_by!(messages.raw_sha256)))
            .filter(not(named_by!(outbox.rendered_sha256)))
            .filter(not(named_by!(intake.raw_sha256)))
            .filter(not(named_by!(users.avatar_sha256)))
            .filter(not(named_by!(contacts.avatar_sha256)))
            .order(blobs::touched_at)
            .limit(BATCH)
            .select(blobs::sha256)
            .load(&mut tx.conn())
            .await?;
        tx.commit().await?;
        found.into_iter().map(hash).collect()
    }

    /// Removes one object, if it is still so. The row goes first, which its foreign keys refuse where anything names it,
    /// but for everybody else only after the object: whoever touches it meanwhile waits for the row.
    async fn collect(
        &self,
        workspace: WorkspaceId,
        object: &BlobHash,
        before: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let collected = self
            .write(workspace, async |tx| {
                let gone = remove_row(tx, workspace, object, before).await?;
                if gone {
                    self.inner.blobs.remove(&crate::blobs::object_path(workspace, object)).await?;
                }
                Ok(gone)
            })
            .await;
        match collected {
            // Somebody names it who was not asked.
            Err(StoreError::Database(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _))) => {
                Ok(false)
            }
            other => other,
        }
    }
}

async fn remove_row(
    tx: &Tx,
    workspace: WorkspaceId,
    object: &BlobHash,
    before: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let removed = diesel::delete(blobs::table.find((workspace.0, object.as_slice())))
        .filter(blobs::touched_at.lt(before))
        .execute(&mut tx.conn())
        .await?;
    Ok(removed == 1)
}
