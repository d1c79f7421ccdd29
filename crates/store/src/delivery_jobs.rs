//! What a delivery worker needs to know of a mail it has claimed.

use crate::{
    BlobHash, Store, StoreError,
    message_rows::Field,
    outbox::{DeliveryLease, hold},
    schema::{
        attachments, delivery_recipients as recipients, message_bodies, message_recipients, messages, outbox,
    },
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::{EmailAddress, NamedAddress},
    delivery::RecipientState,
    ids::MailboxId,
    message::RfcMessageId,
};
use uuid::Uuid;

/// What is to be done with a claimed mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryPhase {
    /// Send it to those who still wait.
    Send,
    /// An attempt was cut off after its body had begun; nobody knows the answer. Search the Sent folder (SND-3).
    Lost {
        /// When the body was begun.
        since: DateTime<Utc>,
    },
    /// It is sent; see to its copy in the Sent folder (SND-4).
    FileCopy,
}

/// A claimed mail.
#[derive(Clone, Debug)]
pub struct DeliveryJob {
    /// The mailbox to send through.
    pub mailbox_id: MailboxId,
    /// What is to be done.
    pub phase: DeliveryPhase,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// The rendered bytes in the blob store, once they are.
    pub rendered: Option<BlobHash>,
    /// The envelope's sender.
    pub envelope_from: EmailAddress,
    /// The recipients who still wait.
    pub pending: Vec<EmailAddress>,
    /// The mail itself.
    pub mail: OutgoingMail,
}

/// A mail to render.
#[derive(Clone, Debug)]
pub struct OutgoingMail {
    /// Message-ID.
    pub rfc_message_id: RfcMessageId,
    /// In-Reply-To.
    pub in_reply_to: Option<RfcMessageId>,
    /// References.
    pub references: Vec<RfcMessageId>,
    /// Date: when it was accepted.
    pub date: DateTime<Utc>,
    /// From.
    pub from: NamedAddress,
    /// To.
    pub to: Vec<NamedAddress>,
    /// Cc. Bcc is in the envelope alone.
    pub cc: Vec<NamedAddress>,
    /// Subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// The files.
    pub attachments: Vec<OutgoingFile>,
}

/// A file to send.
#[derive(Clone, Debug)]
pub struct OutgoingFile {
    /// Its name.
    pub filename: String,
    /// `type/subtype`.
    pub content_type: String,
    /// Its content in the blob store.
    pub sha256: BlobHash,
    /// Shown within the text under this Content-ID.
    pub content_id: Option<String>,
}

type OutboxRow = (Uuid, i32, DateTime<Utc>, Option<Vec<u8>>, Option<DateTime<Utc>>, Option<DateTime<Utc>>);
type MessageRow = (
    (String, Option<String>, String, String, DateTime<Utc>),
    (Vec<String>, Vec<String>, String, Option<String>),
);
type FileRow = (Option<String>, String, Vec<u8>, Option<String>, bool);

impl Store {
    /// The claimed mail, whole.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or when the database fails.
    pub async fn delivery(&self, lease: &DeliveryLease) -> Result<DeliveryJob, StoreError> {
        self.write(lease.workspace_id, async |tx| {
            hold(tx, lease).await?;
            load(tx, lease).await
        })
        .await
    }

    /// Keeps the rendered bytes: every attempt sends these same. Both blobs are in the store before. The digest makes the
    /// mail known when it is read back from anywhere (MAIL-3).
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or when the database fails.
    pub async fn keep_rendered(
        &self,
        lease: &DeliveryLease,
        rendered: BlobHash,
        content_digest: [u8; 32],
        raw: BlobHash,
    ) -> Result<(), StoreError> {
        self.write(lease.workspace_id, async |tx| {
            hold(tx, lease).await?;
            let key = (lease.workspace_id.0, lease.message_id.0);
            let kept = diesel::update(outbox::table.find(key))
                .filter(outbox::rendered_sha256.is_null())
                .set(outbox::rendered_sha256.eq(rendered.as_slice()))
                .execute(&mut tx.conn())
                .await?;
            if kept == 1 {
                diesel::update(messages::table.find(key))
                    .set((
                        messages::content_digest.eq(content_digest.as_slice()),
                        messages::raw_sha256.eq(raw.as_slice()),
                    ))
                    .execute(&mut tx.conn())
                    .await?;
            }
            Ok(())
        })
        .await
    }
}

async fn load(tx: &Tx, lease: &DeliveryLease) -> Result<DeliveryJob, StoreError> {
    let key = (lease.workspace_id.0, lease.message_id.0);
    let outbox_row = outbox::table.find(key).select((
        outbox::mailbox_id,
        outbox::attempts,
        outbox::created_at,
        outbox::rendered_sha256,
        outbox::data_started_at,
        outbox::sent_copy_at,
    ));
    let message = messages::table
        .inner_join(
            message_bodies::table.on(message_bodies::workspace_id
                .eq(messages::workspace_id)
                .and(message_bodies::message_id.eq(messages::id))),
        )
        .filter(messages::workspace_id.eq(key.0))
        .filter(messages::id.eq(key.1))
        .select((
            (
                messages::rfc_message_id,
                messages::from_name,
                messages::from_address,
                messages::subject,
                messages::received_at,
            ),
            (message_bodies::in_reply_to, message_bodies::refs, message_bodies::text, message_bodies::html),
        ));
    let waiting = [RecipientState::Queued, RecipientState::Sending].map(RecipientState::as_str);
    let pending = recipients::table
        .filter(recipients::workspace_id.eq(key.0))
        .filter(recipients::message_id.eq(key.1))
        .filter(recipients::state.eq_any(waiting))
        .order(recipients::address)
        .select(recipients::address);
    let addressed = message_recipients::table
        .filter(message_recipients::workspace_id.eq(key.0))
        .filter(message_recipients::message_id.eq(key.1))
        .order((message_recipients::field, message_recipients::position))
        .select((message_recipients::field, message_recipients::name, message_recipients::address));
    let files = attachments::table
        .filter(attachments::workspace_id.eq(key.0))
        .filter(attachments::message_id.eq(key.1))
        .order(attachments::position)
        .select((
            attachments::filename,
            attachments::content_type,
            attachments::sha256,
            attachments::content_id,
            attachments::is_inline,
        ));
    let (mut a, mut b, mut c, mut d, mut e) = (tx.conn(), tx.conn(), tx.conn(), tx.conn(), tx.conn());
    let (outbox_row, message, pending, addressed, files) = tokio::try_join!(
        outbox_row.first::<OutboxRow>(&mut a),
        message.first::<MessageRow>(&mut b),
        pending.load::<String>(&mut c),
        addressed.load::<(String, Option<String>, String)>(&mut d),
        files.load::<FileRow>(&mut e),
    )?;
    assemble(outbox_row, message, &pending, addressed, files)
}

fn assemble(
    outbox_row: OutboxRow,
    message: MessageRow,
    pending: &[String],
    addressed: Vec<(String, Option<String>, String)>,
    files: Vec<FileRow>,
) -> Result<DeliveryJob, StoreError> {
    let (mailbox, attempts, accepted_at, rendered, data_started_at, sent_copy_at) = outbox_row;
    let ((id, from_name, from_address, subject, date), (in_reply_to, references, text, html)) = message;
    let envelope_from = parse_address(&from_address)?;
    let pending = pending.iter().map(|address| parse_address(address)).collect::<Result<Vec<_>, _>>()?;
    let phase = match data_started_at {
        Some(since) => DeliveryPhase::Lost { since },
        None if pending.is_empty() && sent_copy_at.is_none() => DeliveryPhase::FileCopy,
        None => DeliveryPhase::Send,
    };
    let mut to = Vec::new();
    let mut cc = Vec::new();
    for (field, name, address) in addressed {
        let one = NamedAddress { name, address: parse_address(&address)? };
        if field == Field::To.as_str() {
            to.push(one);
        } else if field == Field::Cc.as_str() {
            cc.push(one);
        }
    }
    let mail = OutgoingMail {
        rfc_message_id: parse_id(&id)?,
        in_reply_to: in_reply_to.as_slice().first().map(|id| parse_id(id)).transpose()?,
        references: references.iter().map(|id| parse_id(id)).collect::<Result<_, _>>()?,
        date,
        from: NamedAddress { name: from_name, address: envelope_from.clone() },
        to,
        cc,
        subject,
        text,
        html: html.unwrap_or_default(),
        attachments: files.into_iter().map(file).collect::<Result<_, _>>()?,
    };
    Ok(DeliveryJob {
        mailbox_id: MailboxId(mailbox),
        phase,
        attempts: u32::try_from(attempts).unwrap_or(0),
        accepted_at,
        rendered: rendered.map(hash).transpose()?,
        envelope_from,
        pending,
        mail,
    })
}

fn file((filename, content_type, sha256, content_id, inline): FileRow) -> Result<OutgoingFile, StoreError> {
    Ok(OutgoingFile {
        filename: filename.unwrap_or_else(|| "attachment".to_owned()),
        content_type,
        sha256: hash(sha256)?,
        content_id: content_id.filter(|_| inline),
    })
}

pub(crate) fn hash(bytes: Vec<u8>) -> Result<BlobHash, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("a digest's length".into()))
}

fn parse_address(text: &str) -> Result<EmailAddress, StoreError> {
    EmailAddress::parse(text).map_err(|_| StoreError::Corrupt("an address that is none".into()))
}

fn parse_id(text: &str) -> Result<RfcMessageId, StoreError> {
    RfcMessageId::parse(text).ok_or_else(|| StoreError::Corrupt("a Message-ID that is none".into()))
}
