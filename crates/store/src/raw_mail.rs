//! A message as it came or left, byte by byte.

use crate::{BlobHash, Store, StoreError, delivery_jobs::hash, messages::require_visible, schema::messages};
use bytes::Bytes;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::{Stream, StreamExt, stream};
use postroom_domain::{
    access::Actor,
    ids::{MessageId, WorkspaceId},
};
use std::io::{self, Write};
use zstd::stream::write::Decoder;

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
        let decoder = Decoder::new(Vec::new()).map_err(unreadable)?;
        Ok(decompressed(compressed.boxed(), decoder))
    }
}

type Compressed = stream::BoxStream<'static, Result<Bytes, StoreError>>;

/// Decompresses each piece when it is asked for: no more than one is in memory at a time.
fn decompressed(
    compressed: Compressed,
    decoder: Decoder<'static, Vec<u8>>,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::try_unfold(Some((compressed, decoder)), async |state| {
        let Some((mut compressed, mut decoder)) = state else { return Ok(None) };
        loop {
            match compressed.next().await {
                Some(piece) => decoder.write_all(&piece?).map_err(unreadable)?,
                None => {
                    decoder.flush().map_err(unreadable)?;
                    let rest = std::mem::take(decoder.get_mut());
                    return Ok((!rest.is_empty()).then(|| (Bytes::from(rest), None)));
                }
            }
            if !decoder.get_ref().is_empty() {
                let piece = std::mem::take(decoder.get_mut());
                return Ok(Some((Bytes::from(piece), Some((compressed, decoder)))));
            }
        }
    })
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err takes")]
fn unreadable(error: io::Error) -> StoreError {
    StoreError::Corrupt(format!("a kept mail could not be read: {error}"))
}
