//! Rendering a message once: every attempt sends the same bytes (SND-3).

use bytes::Bytes;
use postroom_domain::message::RfcMessageId;
use postroom_mime::{ComposeError, Outgoing, OutgoingAttachment};
use postroom_store::{DeliveryJob, DeliveryLease, OutgoingMail, Store, StoreError};

/// Why a message has no bytes.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenderError {
    /// It can't be written as a mail; no attempt will change that.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Composing has panicked: a fault of ours, which another version may not have.
    #[error("composing has panicked")]
    Panicked,
    /// A task was lost, as when the process ends.
    #[error("composing was interrupted")]
    Interrupted,
}

/// The message's bytes: those of the first time, or now for the first time.
pub(super) async fn rendered(
    store: &Store,
    lease: &DeliveryLease,
    job: &DeliveryJob,
) -> Result<Bytes, RenderError> {
    let workspace = lease.workspace_id;
    if let Some(hash) = job.rendered {
        return Ok(store.get_blob(workspace, &hash).await?);
    }
    let outgoing = outgoing(store, lease, &job.mail).await?;
    let composing = tokio::task::spawn_blocking(move || {
        let bytes = postroom_mime::compose(&outgoing)?;
        let digest = postroom_mime::parse(&bytes).content_digest;
        Ok::<_, ComposeError>((Bytes::from(bytes), digest))
    });
    let (bytes, digest) = composing
        .await
        .map_err(|error| if error.is_panic() { RenderError::Panicked } else { RenderError::Interrupted })??;
    let hash = store.put_blob(workspace, bytes.clone()).await?;
    let raw = store.put_raw_mail(workspace, bytes.clone()).await?;
    store.keep_rendered(lease, hash, digest, raw).await?;
    Ok(bytes)
}

async fn outgoing(store: &Store, lease: &DeliveryLease, mail: &OutgoingMail) -> Result<Outgoing, StoreError> {
    let mut attachments = Vec::with_capacity(mail.attachments.len());
    for file in &mail.attachments {
        attachments.push(OutgoingAttachment {
            filename: file.filename.clone(),
            content_type: file.content_type.clone(),
            content: store.get_blob(lease.workspace_id, &file.sha256).await?.to_vec(),
            content_id: file.content_id.clone(),
        });
    }
    let text_of = |id: &RfcMessageId| id.as_str().to_owned();
    Ok(Outgoing {
        message_id: text_of(&mail.rfc_message_id),
        in_reply_to: mail.in_reply_to.as_ref().map(text_of),
        references: mail.references.iter().map(text_of).collect(),
        date: mail.date,
        from: mail.from.clone(),
        to: mail.to.clone(),
        cc: mail.cc.clone(),
        subject: mail.subject.clone(),
        text: mail.text.clone(),
        html: mail.html.clone(),
        attachments,
    })
}
