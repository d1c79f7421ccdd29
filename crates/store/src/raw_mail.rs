//! A message as it came or left, byte by byte.

use crate::{BlobHash, Store, StoreError, delivery_jobs::hash, messages::require_visible, schema::messages};
use bytes::{Buf, Bytes};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::{Stream, StreamExt, stream};
use postroom_domain::{
    access::Actor,
    ids::{MessageId, WorkspaceId},
};
use std::io;
use zstd::stream::raw::{Decoder, Operation};

impl Store {
    /// A message's raw mail, piece by piece: what was read from the mailbox, or the bytes that are sent (which name no
    /// Bcc, RPL-2).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also where a mail that is to be sent was not rendered yet; in the stream, when the blob
    /// store fails on the way.
    pub async fn raw_message(
        &self,
        actor: &Actor,
        id: MessageId,
    ) -> Result<impl Stream<Item = Result<Bytes, StoreError>> + Send + use<>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        require_visible(&tx, actor, id).await?;
        let raw: Option<Vec<u8>> = messages::table
            .find((actor.workspace_id.0, id.0))
            .select(messages::raw_sha256)
            .first(&mut tx.conn())
            .await?;
        tx.commit().await?;
        self.raw_mail(actor.workspace_id, &hash(raw.ok_or(StoreError::NotFound)?)?).await
    }

    /// A kept mail, piece by piece.
    pub(crate) async fn raw_mail(
        &self,
        workspace: WorkspaceId,
        raw: &BlobHash,
    ) -> Result<impl Stream<Item = Result<Bytes, StoreError>> + Send + use<>, StoreError> {
        let (_, compressed) = self.get_blob_stream(workspace, raw).await?;
        let packed = Packed {
            compressed: compressed.boxed(),
            decoder: Decoder::new().map_err(unreadable)?,
            piece: Bytes::new(),
            more: false,
            whole: false,
        };
        Ok(stream::try_unfold(packed, async |mut packed| {
            Ok(packed.next().await?.map(|piece| (piece, packed)))
        }))
    }
}

/// So many bytes are unpacked at a time: a mail that says one thing over and over is a few packed bytes.
const PIECE: usize = 64 * 1024;

/// A mail as it is kept, unpacked when it is asked for.
struct Packed {
    compressed: stream::BoxStream<'static, Result<Bytes, StoreError>>,
    decoder: Decoder<'static>,
    /// What was not unpacked yet.
    piece: Bytes,
    /// There is more of what the decoder has taken.
    more: bool,
    /// Nothing is missing.
    whole: bool,
}

impl Packed {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            while self.piece.is_empty() && !self.more {
                match self.compressed.next().await {
                    Some(piece) => self.piece = piece?,
                    None if self.whole => return Ok(None),
                    None => return Err(unreadable(io::ErrorKind::UnexpectedEof.into())),
                }
            }
            let unpacked = self.unpack()?;
            if !unpacked.is_empty() {
                return Ok(Some(unpacked));
            }
        }
    }

    fn unpack(&mut self) -> Result<Bytes, StoreError> {
        let mut out = vec![0; PIECE];
        let done = self.decoder.run_on_buffers(&self.piece, &mut out).map_err(unreadable)?;
        self.piece.advance(done.bytes_read);
        self.whole = done.remaining == 0;
        self.more = !self.whole && done.bytes_written == PIECE;
        out.truncate(done.bytes_written);
        Ok(out.into())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err takes")]
fn unreadable(error: io::Error) -> StoreError {
    StoreError::Corrupt(format!("a kept mail could not be read: {error}"))
}
