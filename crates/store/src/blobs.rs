//! Raw mail and attachments: bytes named by their hash, outside of the database.
//!
//! An object's key is `<workspace>/<sha256>` of the bytes as stored. Its row in `blobs` is committed before the object
//! is written, so that no object is unknown to the collector; an object is written whole or not at all, and is on the
//! disk when a function here returns.

use crate::{Store, error::StoreError, schema::blobs as rows};
use bytes::Bytes;
use chrono::Utc;
use diesel::{prelude::*, upsert::excluded};
use diesel_async::RunQueryDsl;
use futures_util::{
    Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{
    MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path,
};
use postroom_domain::ids::WorkspaceId;
use sha2::{Digest, Sha256};
use std::{io, sync::Arc};
use url::Url;
use uuid::Uuid;

/// SHA-256 of the stored bytes: an object's name within its workspace.
pub type BlobHash = [u8; 32];

/// Where objects are until all of them has come in and their name is known.
pub(crate) const UPLOADS: &str = "uploads";
/// Compressed no harder than this: the level at which zstd keeps up with a disk.
const LEVEL: i32 = 3;
/// So many objects of one message are written at a time.
const AT_A_TIME: usize = 4;

/// The bytes of a mail.
#[derive(Debug)]
pub struct MailBytes {
    /// As it came.
    pub raw: Bytes,
    /// Its files.
    pub files: Vec<Bytes>,
}

/// Where the objects are.
#[derive(Clone)]
pub(crate) struct Blobs(Arc<dyn ObjectStore>);

impl Blobs {
    /// Opens the directory of a `file:///…` URL, making it where there is none.
    pub(crate) fn open(url: &Url) -> Result<Self, StoreError> {
        let refuse = |why: String| StoreError::BlobUrl { url: url.to_string(), why };
        if url.scheme() != "file" {
            return Err(refuse("only file:///… is known".into()));
        }
        let path = url.to_file_path().map_err(|()| refuse("it names no absolute path".into()))?;
        std::fs::create_dir_all(&path).map_err(|error| refuse(error.to_string()))?;
        let directory = LocalFileSystem::new_with_prefix(&path).map_err(|error| refuse(error.to_string()))?;
        Ok(Self(Arc::new(directory.with_fsync(true))))
    }

    /// Writes an object unless it is there already.
    async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        match self.0.head(path).await {
            Ok(found) if found.size == bytes.len() as u64 => return Ok(()),
            // One of another size was damaged; it is written anew.
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(failed(error)),
        }
        self.0.put(path, PutPayload::from_bytes(bytes)).await.map_err(failed)?;
        Ok(())
    }

    /// Begins an object that is written piece by piece.
    pub(crate) async fn begin(&self, path: &Path) -> Result<Box<dyn MultipartUpload>, StoreError> {
        self.0.put_multipart(path).await.map_err(failed)
    }

    /// Moves an object from its temporary place to the one of its name, unless it is there already.
    pub(crate) async fn settle(
        &self,
        temporary: &Path,
        workspace: WorkspaceId,
        hash: &BlobHash,
        size: u64,
    ) -> Result<(), StoreError> {
        let path = object_path(workspace, hash);
        match self.0.head(&path).await {
            Ok(found) if found.size == size => self.remove(temporary).await,
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {
                self.0.rename(temporary, &path).await.map_err(failed)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes an object; one that is not there is removed already.
    pub(crate) async fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.0.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// The objects in temporary places.
    pub(crate) fn uploads(&self) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.0.list(Some(&Path::from(UPLOADS)))
    }

    async fn get(&self, path: &Path) -> Result<Bytes, StoreError> {
        self.0.get(path).await.map_err(failed)?.bytes().await.map_err(failed)
    }
}

pub(crate) fn object_path(workspace: WorkspaceId, hash: &BlobHash) -> Path {
    use std::fmt::Write;
    let mut name = format!("{workspace}/");
    for byte in hash {
        // Writing to a String can't fail.
        let _ = write!(name, "{byte:02x}");
    }
    Path::from(name)
}

/// Tells a full disk from everything else.
pub(crate) fn failed(error: object_store::Error) -> StoreError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = source {
        let kind = inner.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return StoreError::BlobStoreFull;
        }
        source = inner.source();
    }
    StoreError::Blob(error)
}

fn pack(raw: &Bytes) -> Result<Bytes, StoreError> {
    zstd::bulk::compress(raw, LEVEL)
        .map(Bytes::from)
        .map_err(|error| StoreError::Corrupt(format!("a mail could not be compressed: {error}")))
}

/// Work that would hold up an async thread.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Corrupt(format!("a task was lost: {error}")))
}

/// A mail as it is kept.
async fn compressed(raw: Bytes) -> Result<Bytes, StoreError> {
    off_thread(move || pack(&raw)).await?
}

impl Store {
    /// Keeps bytes of a workspace and gives their name. The same bytes twice are one object.
    ///
    /// # Errors
    /// [`StoreError::BlobStoreFull`] on a full disk, otherwise when database or blob store fail.
    pub async fn put_blob(&self, workspace: WorkspaceId, bytes: Bytes) -> Result<BlobHash, StoreError> {
        let hashes = self.put_blobs(workspace, vec![bytes]).await?;
        hashes.into_iter().next().ok_or_else(|| StoreError::Corrupt("a blob without a name".into()))
    }

    /// Keeps several, such as a message's attachments; gives their names in the same order.
    ///
    /// # Errors
    /// As [`Store::put_blob`]. Some may have been kept then.
    pub async fn put_blobs(
        &self,
        workspace: WorkspaceId,
        blobs: Vec<Bytes>,
    ) -> Result<Vec<BlobHash>, StoreError> {
        let mut hashed: Vec<(BlobHash, Bytes)> = off_thread(move || {
            blobs.into_iter().map(|bytes| (Sha256::digest(&bytes).into(), bytes)).collect()
        })
        .await?;
        let sizes: Vec<(BlobHash, u64)> =
            hashed.iter().map(|(hash, bytes)| (*hash, bytes.len() as u64)).collect();
        self.announce(workspace, &sizes).await?;
        let hashes = hashed.iter().map(|(hash, _)| *hash).collect();
        // A picture that stands in many mails is written once.
        hashed.sort_unstable_by_key(|(hash, _)| *hash);
        hashed.dedup_by_key(|(hash, _)| *hash);
        stream::iter(hashed)
            .map(|(hash, bytes)| async move {
                self.inner.blobs.put(&object_path(workspace, &hash), bytes).await
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(hashes)
    }

    /// Commits the rows that say: these objects are about to be there, and in use.
    pub(crate) async fn announce(
        &self,
        workspace: WorkspaceId,
        sizes: &[(BlobHash, u64)],
    ) -> Result<(), StoreError> {
        let mut announced = sizes.to_vec();
        // One row for each, and everybody locks them in the same order.
        announced.sort_unstable();
        announced.dedup();
        let now = Utc::now();
        let values: Vec<_> = announced
            .iter()
            .map(|(hash, size)| {
                (
                    rows::workspace_id.eq(workspace.0),
                    rows::sha256.eq(hash.as_slice()),
                    rows::size.eq(i64::try_from(*size).unwrap_or(i64::MAX)),
                    rows::touched_at.eq(now),
                )
            })
            .collect();
        if values.is_empty() {
            return Ok(());
        }
        self.write(workspace, async |tx| {
            // Four values a row: a statement takes 65,535 of them.
            for some in values.chunks(10_000) {
                diesel::insert_into(rows::table)
                    .values(some.to_vec())
                    .on_conflict((rows::workspace_id, rows::sha256))
                    .do_update()
                    .set(rows::touched_at.eq(excluded(rows::touched_at)))
                    .execute(&mut tx.conn())
                    .await?;
            }
            Ok(())
        })
        .await
    }

    /// Reads an object.
    ///
    /// # Errors
    /// When there is none, or the blob store fails.
    pub async fn get_blob(&self, workspace: WorkspaceId, hash: &BlobHash) -> Result<Bytes, StoreError> {
        self.inner.blobs.get(&object_path(workspace, hash)).await
    }

    /// Reads an object piece by piece; tells its size in bytes as well.
    ///
    /// # Errors
    /// As [`Store::get_blob`]; in the stream, when the blob store fails on the way.
    pub async fn get_blob_stream(
        &self,
        workspace: WorkspaceId,
        hash: &BlobHash,
    ) -> Result<(u64, impl Stream<Item = Result<Bytes, StoreError>> + Send + use<>), StoreError> {
        let found = self.inner.blobs.0.get(&object_path(workspace, hash)).await.map_err(failed)?;
        Ok((found.meta.size, found.into_stream().map_err(failed)))
    }

    /// Keeps several mails as they came, compressed, with their files as they are (MAIL-2): all with one commit. Gives the
    /// mails' names in the same order; a file's name is the SHA-256 of its bytes.
    ///
    /// # Errors
    /// As [`Store::put_blobs`].
    pub async fn put_mails(
        &self,
        workspace: WorkspaceId,
        mails: Vec<MailBytes>,
    ) -> Result<Vec<BlobHash>, StoreError> {
        let files: Vec<usize> = mails.iter().map(|mail| mail.files.len()).collect();
        let blobs = off_thread(move || {
            let mut blobs = Vec::new();
            for mail in mails {
                blobs.push(pack(&mail.raw)?);
                blobs.extend(mail.files);
            }
            Ok::<_, StoreError>(blobs)
        })
        .await??;
        let hashes = self.put_blobs(workspace, blobs).await?;
        // Each mail's files stand behind it.
        let places = files.iter().scan(0, |next, files| Some(std::mem::replace(next, *next + 1 + files)));
        Ok(places.filter_map(|place| hashes.get(place).copied()).collect())
    }

    /// Keeps a mail as it came, compressed (MAIL-2); gives the name of the compressed bytes, by which
    /// [`Store::get_raw_mail`] reads it.
    ///
    /// # Errors
    /// As [`Store::put_blob`].
    pub async fn put_raw_mail(&self, workspace: WorkspaceId, raw: Bytes) -> Result<BlobHash, StoreError> {
        self.put_blob(workspace, compressed(raw).await?).await
    }

    /// The name that [`Store::put_raw_mail`] gives a mail, without keeping it.
    ///
    /// # Errors
    /// When it can't be compressed.
    pub async fn raw_mail_name(&self, raw: Bytes) -> Result<BlobHash, StoreError> {
        let compressed = compressed(raw).await?;
        off_thread(move || Sha256::digest(&compressed).into()).await
    }

    /// Reads a mail as it came.
    ///
    /// # Errors
    /// As [`Store::get_blob`]; when the object is no compressed mail.
    pub async fn get_raw_mail(&self, workspace: WorkspaceId, hash: &BlobHash) -> Result<Bytes, StoreError> {
        let compressed = self.get_blob(workspace, hash).await?;
        off_thread(move || zstd::stream::decode_all(compressed.as_ref()))
            .await?
            .map(Bytes::from)
            .map_err(|error| StoreError::Corrupt(format!("a kept mail could not be read: {error}")))
    }

    /// Tries whether objects can be written, read and deleted, with one that is gone afterwards.
    ///
    /// # Errors
    /// What failed.
    pub async fn check_blob_store(&self) -> Result<(), StoreError> {
        let path = Path::from(format!("check/{}", Uuid::new_v4()));
        let bytes = Bytes::from_static(b"postroom");
        self.inner.blobs.put(&path, bytes.clone()).await?;
        let read = self.inner.blobs.get(&path).await;
        self.inner.blobs.0.delete(&path).await.map_err(failed)?;
        if read? == bytes {
            Ok(())
        } else {
            Err(StoreError::Corrupt("the blob store gave other bytes".into()))
        }
    }
}
