//! Files that are uploaded for mails to come: nobody's but their uploader's until a mail takes them, and gone after a day
//! where none does.

use crate::{
    BlobHash, IdempotencyClaim, Outcome, Store, StoreError, StoredAnswer,
    idempotency::with_idempotency,
    message_load::{FILE, FileRow, file_from_row},
    messages::{AttachmentInfo, require_visible},
    schema::attachments,
    transaction::Tx,
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use object_store::{WriteMultipart, path::Path};
use postroom_domain::{
    access::Actor,
    ids::{AttachmentId, MessageId, WorkspaceId},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A file that no mail has taken is removed after so long.
pub(crate) const UNUSED_KEPT: TimeDelta = TimeDelta::hours(24);
/// Parts of this size are written while the next one comes in: what S3 takes at least.
const PART: usize = 5 * 1024 * 1024;
/// So many parts of one upload are on their way to the blob store at a time.
const PARTS_AT_A_TIME: usize = 1;
/// So much of a file's beginning is kept to tell what it is.
const BEGINNING: usize = 512;

/// A file that is coming in: it has a temporary place in the blob store until all of it is known.
pub struct Upload {
    workspace: WorkspaceId,
    path: Path,
    writer: WriteMultipart,
    hash: Sha256,
    size: u64,
    beginning: Vec<u8>,
}

/// A file that has come in, not yet anybody's.
#[derive(Debug)]
pub struct WholeUpload {
    workspace: WorkspaceId,
    path: Path,
    /// SHA-256 of its bytes.
    pub sha256: BlobHash,
    /// How many bytes it has.
    pub size: u64,
    /// Its first bytes, at most 512.
    pub beginning: Vec<u8>,
}

/// What an uploaded file is called and is.
#[derive(Clone, Debug)]
pub struct UploadName {
    /// Its name, made harmless.
    pub filename: Option<String>,
    /// `type/subtype`.
    pub content_type: String,
}

/// A file with what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentDetail {
    /// What is told of it.
    pub info: AttachmentInfo,
    /// The message that it belongs to; `None`: nobody has used it yet.
    pub message_id: Option<MessageId>,
    /// When it was uploaded, or came in.
    pub created_at: DateTime<Utc>,
    /// When it is removed unless a mail takes it.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Upload {
    /// Takes the next piece; waits where the blob store is slower than the sender.
    ///
    /// # Errors
    /// When the blob store fails; the upload is over then.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), StoreError> {
        let missing = BEGINNING.saturating_sub(self.beginning.len());
        self.beginning.extend(piece.iter().take(missing));
        self.size = self.size.saturating_add(piece.len() as u64);
        self.hash.update(&piece);
        self.writer.wait_for_capacity(PARTS_AT_A_TIME).await.map_err(crate::blobs::failed)?;
        self.writer.put(piece);
        Ok(())
    }

    /// How many bytes have come in.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All of it has come in.
    ///
    /// # Errors
    /// [`StoreError::BlobStoreFull`], or when the blob store fails.
    pub async fn finish(self) -> Result<WholeUpload, StoreError> {
        let Self { workspace, path, writer, hash, size, beginning } = self;
        writer.finish().await.map_err(crate::blobs::failed)?;
        Ok(WholeUpload { workspace, path, sha256: hash.finalize().into(), size, beginning })
    }

    /// Nothing of it is wanted.
    pub async fn abort(self) {
        if let Err(error) = self.writer.abort().await {
            // What is left is removed with what else was left behind.
            tracing::debug!(%error, "an upload could not be aborted");
        }
    }
}

impl Store {
    /// Begins to take a file.
    ///
    /// # Errors
    /// When the blob store fails.
    pub async fn begin_upload(&self, workspace: WorkspaceId) -> Result<Upload, StoreError> {
        let path = Path::from(format!("{}/{workspace}/{}", crate::blobs::UPLOADS, Uuid::new_v4()));
        let upload = self.inner.blobs.begin(&path).await?;
        let writer = WriteMultipart::new_with_chunk_size(upload, PART);
        Ok(Upload { workspace, path, writer, hash: Sha256::new(), size: 0, beginning: Vec::new() })
    }

    /// A file that has come in is not wanted after all.
    pub async fn drop_upload(&self, upload: WholeUpload) {
        if let Err(error) = self.inner.blobs.remove(&upload.path).await {
            tracing::debug!(%error, "an upload could not be removed: it is swept later");
        }
    }

    /// Makes a file that has come in the actor's, to be used in one mail. The idempotency record stands with it.
    ///
    /// # Errors
    /// What an idempotency key is refused with, or when database or blob store fail; the file is nobody's then.
    pub async fn keep_upload(
        &self,
        actor: &Actor,
        upload: WholeUpload,
        name: &UploadName,
        claim: Option<IdempotencyClaim>,
        answer: impl Fn(&AttachmentDetail) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<AttachmentDetail>, StoreError> {
        let WholeUpload { workspace, path, sha256, size, .. } = upload;
        if workspace != actor.workspace_id {
            return Err(StoreError::Corrupt("an upload of another workspace".into()));
        }
        // Its row comes first, so that the collector knows of the object and lets it be.
        self.announce(workspace, &[(sha256, size)]).await?;
        self.inner.blobs.settle(&path, workspace, &sha256, size).await?;
        let (claim, answer) = (claim.as_ref(), &answer);
        self.write(workspace, async |tx| {
            let effect = insert(tx, actor, name, &sha256, size);
            with_idempotency(tx, workspace, claim, effect, answer).await
        })
        .await
    }

    /// An attachment: of a message that exists for the actor, or their own that no mail has taken yet.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn attachment_detail(
        &self,
        actor: &Actor,
        id: AttachmentId,
    ) -> Result<AttachmentDetail, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let (detail, uploader) = load(&tx, actor.workspace_id, id).await?;
        match detail.message_id {
            Some(message) => require_visible(&tx, actor, message).await?,
            None if uploader == Some(actor.user_id.0) => {}
            None => return Err(StoreError::NotFound),
        }
        tx.commit().await?;
        Ok(detail)
    }

    /// Removes the uploads of a workspace that no mail has taken within a day, and tells how many.
    pub(crate) async fn remove_unused_uploads(
        &self,
        workspace: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        self.write(workspace, async |tx| {
            Ok(diesel::delete(attachments::table)
                .filter(attachments::workspace_id.eq(workspace.0))
                .filter(attachments::message_id.is_null())
                .filter(attachments::unused_since.le(now - UNUSED_KEPT))
                .execute(&mut tx.conn())
                .await?)
        })
        .await
    }
}

async fn insert(
    tx: &Tx,
    actor: &Actor,
    name: &UploadName,
    sha256: &BlobHash,
    size: u64,
) -> Result<AttachmentDetail, StoreError> {
    let id = AttachmentId(Uuid::now_v7());
    let size = i64::try_from(size).map_err(|_| StoreError::Corrupt("a file's size".into()))?;
    diesel::insert_into(attachments::table)
        .values((
            attachments::workspace_id.eq(actor.workspace_id.0),
            attachments::id.eq(id.0),
            attachments::uploaded_by.eq(actor.user_id.0),
            attachments::filename.eq(name.filename.as_deref()),
            attachments::content_type.eq(&name.content_type),
            attachments::size.eq(size),
            attachments::sha256.eq(sha256.as_slice()),
            attachments::unused_since.eq(Utc::now()),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(load(tx, actor.workspace_id, id).await?.0)
}

async fn load(
    tx: &Tx,
    workspace: WorkspaceId,
    id: AttachmentId,
) -> Result<(AttachmentDetail, Option<Uuid>), StoreError> {
    type Row = (FileRow, Option<Uuid>, DateTime<Utc>, Option<DateTime<Utc>>);
    let (row, uploader, created_at, unused_since): Row = attachments::table
        .find((workspace.0, id.0))
        .select((FILE, attachments::uploaded_by, attachments::created_at, attachments::unused_since))
        .first(&mut tx.conn())
        .await?;
    let message_id = row.0.map(MessageId);
    let expires_at = unused_since.map(|since| since + UNUSED_KEPT);
    Ok((AttachmentDetail { info: file_from_row(row), message_id, created_at, expires_at }, uploader))
}
