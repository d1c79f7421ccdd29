//! Writing a message: its row, body, recipients and attachments.

use crate::{
    error::StoreError,
    prepared::Prepare,
    schema::{attachments, message_bodies, message_recipients, messages},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::NamedAddress,
    ids::{ContactId, MailboxId, MessageId, ThreadId, UserId, WorkspaceId},
    incoming::{IncomingAttachment, IncomingMail},
    message::{Direction, RfcMessageId},
    reply::Segment,
    threading::ThreadingRule,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Who a message's author is, as far as it is known when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorRef {
    /// A user.
    User(UserId),
    /// An external person; the contact where there is one.
    Contact(Option<ContactId>),
    /// Somebody who wrote from a shared mailbox's own mail program.
    Mailbox,
}

impl AuthorRef {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Contact(_) => "contact",
            Self::Mailbox => "mailbox",
        }
    }

    /// The user's or the contact's id.
    pub(crate) fn id(self) -> Option<Uuid> {
        match self {
            Self::User(id) => Some(id.0),
            Self::Contact(id) => id.map(|id| id.0),
            Self::Mailbox => None,
        }
    }
}

/// A message to write, whether it was read or is to be sent.
pub(crate) struct NewMessage<'a> {
    pub(crate) id: MessageId,
    pub(crate) thread: ThreadId,
    pub(crate) mailbox: MailboxId,
    pub(crate) direction: Direction,
    pub(crate) issued: bool,
    pub(crate) rfc_message_id: &'a RfcMessageId,
    pub(crate) content_digest: Option<[u8; 32]>,
    pub(crate) in_reply_to: Vec<&'a str>,
    pub(crate) references: Vec<&'a str>,
    pub(crate) raw_sha256: Option<[u8; 32]>,
    pub(crate) subject: &'a str,
    pub(crate) from_name: Option<&'a str>,
    pub(crate) from_address: &'a str,
    pub(crate) author: AuthorRef,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) preview: &'a str,
    pub(crate) automatic: bool,
    pub(crate) has_attachments: bool,
    pub(crate) imported: bool,
    pub(crate) variant_of: Option<MessageId>,
    pub(crate) rule: ThreadingRule,
    pub(crate) matched: Option<&'a str>,
    pub(crate) sender_known: bool,
    pub(crate) sender_verified: bool,
    pub(crate) notices: &'a [String],
    pub(crate) text: &'a str,
    pub(crate) html: Option<&'a str>,
    pub(crate) segments: &'a [Segment],
    pub(crate) recipients: Vec<(Field, &'a [NamedAddress])>,
}

/// A header field with addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    To,
    Cc,
    Bcc,
    ReplyTo,
}

impl Field {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::To => "to",
            Self::Cc => "cc",
            Self::Bcc => "bcc",
            Self::ReplyTo => "reply_to",
        }
    }
}

/// Writes the message without its attachments.
pub(crate) async fn insert(tx: &Tx, workspace: WorkspaceId, new: &NewMessage<'_>) -> Result<(), StoreError> {
    let user = if let AuthorRef::User(id) = new.author { Some(id.0) } else { None };
    let contact = if let AuthorRef::Contact(id) = new.author { id.map(|id| id.0) } else { None };
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let message = diesel::insert_into(messages::table)
        .values((
            (
                messages::workspace_id.eq(workspace.0),
                messages::id.eq(new.id.0),
                messages::thread_id.eq(new.thread.0),
                messages::mailbox_id.eq(new.mailbox.0),
                messages::direction.eq(new.direction.as_str()),
                messages::issued.eq(new.issued),
                messages::rfc_message_id.eq(new.rfc_message_id.as_str()),
                messages::content_digest.eq(new.content_digest.as_ref().map(<[u8; 32]>::as_slice)),
                messages::raw_sha256.eq(new.raw_sha256.as_ref().map(<[u8; 32]>::as_slice)),
                messages::subject.eq(clean(new.subject)),
                messages::from_name.eq(new.from_name.map(clean)),
                messages::from_address.eq(clean(new.from_address)),
            ),
            (
                messages::author_kind.eq(new.author.kind()),
                messages::author_user_id.eq(user),
                messages::author_contact_id.eq(contact),
                messages::sent_at.eq(new.sent_at),
                messages::received_at.eq(new.received_at),
                messages::preview.eq(clean(new.preview)),
                messages::automatic.eq(new.automatic),
                messages::has_attachments.eq(new.has_attachments),
                messages::imported.eq(new.imported),
                messages::variant_of.eq(new.variant_of.map(|id| id.0)),
                messages::threading_rule.eq(new.rule.as_str()),
                messages::threading_matched.eq(new.matched),
                messages::sender_known.eq(new.sender_known),
                messages::sender_verified.eq(new.sender_verified),
            ),
        ))
        .execute(&mut first);
    let body = diesel::insert_into(message_bodies::table)
        .values((
            message_bodies::workspace_id.eq(workspace.0),
            message_bodies::message_id.eq(new.id.0),
            message_bodies::in_reply_to.eq(&new.in_reply_to),
            message_bodies::refs.eq(&new.references),
            message_bodies::notices.eq(json!(new.notices)),
            message_bodies::text.eq(clean(new.text)),
            message_bodies::html.eq(new.html.map(clean)),
            message_bodies::segments.eq(segments_json(new.segments)),
        ))
        .execute(&mut second);
    // Sent together, and done in this order: what belongs to the message follows it.
    tokio::try_join!(
        biased;
        async { Ok(message.await?) },
        async { Ok(body.await?) },
        insert_recipients(tx, workspace, new.id, &new.recipients),
    )?;
    Ok(())
}

/// A body's segments as they are stored.
pub(crate) fn segments_json(segments: &[Segment]) -> Value {
    let stored: Vec<Segment> = segments
        .iter()
        .map(|segment| Segment {
            kind: segment.kind,
            text: clean(&segment.text),
            html: segment.html.as_deref().map(clean),
        })
        .collect();
    json!(stored)
}

/// Whom a mail that was read is addressed to, and who wants the answers.
pub(crate) fn recipients_of(mail: &IncomingMail) -> Vec<(Field, &[NamedAddress])> {
    vec![
        (Field::To, &mail.to),
        (Field::Cc, &mail.cc),
        (Field::Bcc, &mail.bcc),
        (Field::ReplyTo, &mail.reply_to),
    ]
}

/// PostgreSQL's text takes every character but NUL.
pub(crate) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Writes a message's recipients.
pub(crate) async fn insert_recipients(
    tx: &Tx,
    workspace: WorkspaceId,
    message: MessageId,
    recipients: &[(Field, &[NamedAddress])],
) -> Result<(), StoreError> {
    let rows: Vec<_> = recipients
        .iter()
        .flat_map(|(field, list)| (0i32..).zip(*list).map(move |(position, one)| (*field, position, one)))
        .map(|(field, position, one)| {
            (
                message_recipients::workspace_id.eq(workspace.0),
                message_recipients::message_id.eq(message.0),
                message_recipients::field.eq(field.as_str()),
                message_recipients::position.eq(position),
                message_recipients::name.eq(one.name.as_deref().map(clean)),
                message_recipients::address.eq(one.address.as_str()),
            )
        })
        .collect();
    // Six values a row: a statement takes 65,535 of them.
    for some in rows.chunks(10_000) {
        diesel::insert_into(message_recipients::table)
            .values(some.to_vec())
            .prepared_for(some.len())
            .execute(&mut tx.conn())
            .await?;
    }
    Ok(())
}

/// Writes the attachments of a mail that was read.
pub(crate) async fn insert_attachments(
    tx: &Tx,
    workspace: WorkspaceId,
    message: MessageId,
    mail: &IncomingMail,
) -> Result<(), StoreError> {
    let row = |(position, file)| attachment_row(workspace, message, position, file);
    let rows = (0..).zip(&mail.attachments).map(row).collect::<Result<Vec<_>, StoreError>>()?;
    for some in rows.chunks(5_000) {
        diesel::insert_into(attachments::table)
            .values(some)
            .prepared_for(some.len())
            .execute(&mut tx.conn())
            .await?;
    }
    Ok(())
}

/// Writes one further attachment of a mail that was read.
pub(crate) async fn insert_attachment(
    tx: &Tx,
    workspace: WorkspaceId,
    message: MessageId,
    position: i32,
    file: &IncomingAttachment,
) -> Result<(), StoreError> {
    let row = attachment_row(workspace, message, position, file)?;
    diesel::insert_into(attachments::table).values(row).execute(&mut tx.conn()).await?;
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = attachments)]
struct AttachmentRow {
    workspace_id: Uuid,
    id: Uuid,
    message_id: Option<Uuid>,
    position: i32,
    filename: Option<String>,
    content_type: String,
    size: i64,
    sha256: Vec<u8>,
    content_id: Option<String>,
    is_inline: bool,
}

fn attachment_row(
    workspace: WorkspaceId,
    message: MessageId,
    position: i32,
    file: &IncomingAttachment,
) -> Result<AttachmentRow, StoreError> {
    Ok(AttachmentRow {
        workspace_id: workspace.0,
        id: Uuid::now_v7(),
        message_id: Some(message.0),
        position,
        filename: file.filename.as_deref().map(clean),
        content_type: clean(&file.content_type),
        size: i64::try_from(file.size).map_err(|_| StoreError::Corrupt("an attachment's size".into()))?,
        sha256: file.sha256.to_vec(),
        content_id: file.content_id.as_deref().map(clean),
        is_inline: file.inline,
    })
}
