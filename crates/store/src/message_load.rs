//! Loading messages whole: a fixed number of queries, however many they are.

use crate::{
    aggregate::direction_of,
    correspondents::full_name,
    error::StoreError,
    messages::{AttachmentInfo, Delivery, DeliveryRecipient, Message, Threading},
    schema::{
        attachments, contacts, conversations, delivery_recipients, message_bodies, message_recipients,
        messages, outbox, users,
    },
    stream::{Author, AuthorKind},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::{EmailAddress, NamedAddress},
    delivery_words::in_words,
    ids::{AttachmentId, ConversationId, MessageId, ThreadId, WorkspaceId},
};
use std::collections::HashMap;
use uuid::Uuid;

type MessageRow = (
    (Uuid, Uuid, String, DateTime<Utc>, Option<DateTime<Utc>>, String, String, bool),
    (String, Option<Uuid>, Option<Uuid>, Option<String>, String, Option<String>, Option<String>),
    (String, Option<String>, bool, bool, i64, DateTime<Utc>, DateTime<Utc>),
    (String, Option<String>, serde_json::Value, serde_json::Value),
    (Option<Uuid>, Option<String>, Option<String>),
    (Option<Vec<u8>>, Option<Vec<u8>>),
);

/// One message.
pub(crate) async fn load_one(tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<Message, StoreError> {
    load(tx, workspace, &[id.0]).await?.pop().ok_or(StoreError::NotFound)
}

/// The messages with these ids, in their order.
pub(crate) async fn load(tx: &Tx, workspace: WorkspaceId, ids: &[Uuid]) -> Result<Vec<Message>, StoreError> {
    let (rows, mut recipients, mut files, mut deliveries) = tokio::try_join!(
        load_rows(tx, workspace, ids),
        load_recipients(tx, workspace, ids),
        load_files(tx, workspace, ids),
        load_deliveries(tx, workspace, ids),
    )?;
    let mut by_id: HashMap<Uuid, Message> = HashMap::new();
    for row in rows {
        let id = row.0.0;
        let mut message = from_row(row)?;
        for (field, who) in recipients.remove(&id).unwrap_or_default() {
            match field.as_str() {
                "to" => message.to.push(who),
                "cc" => message.cc.push(who),
                "bcc" => message.bcc.push(who),
                _ => message.reply_to.push(who),
            }
        }
        message.attachments = files.remove(&id).unwrap_or_default();
        if let Some((delivery, changed_at)) = deliveries.remove(&id) {
            message.updated_at = message.updated_at.max(changed_at);
            message.delivery = Some(delivery);
        }
        by_id.insert(id, message);
    }
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

async fn load_rows(tx: &Tx, workspace: WorkspaceId, ids: &[Uuid]) -> Result<Vec<MessageRow>, StoreError> {
    Ok(messages::table
        .inner_join(
            message_bodies::table.on(message_bodies::workspace_id
                .eq(messages::workspace_id)
                .and(message_bodies::message_id.eq(messages::id))),
        )
        .left_join(
            users::table.on(users::workspace_id
                .eq(messages::workspace_id)
                .and(users::id.nullable().eq(messages::author_user_id))),
        )
        .left_join(
            contacts::table.on(contacts::workspace_id
                .eq(messages::workspace_id)
                .and(contacts::id.nullable().eq(messages::author_contact_id))),
        )
        .left_join(
            conversations::table.on(conversations::workspace_id
                .eq(messages::workspace_id)
                .and(conversations::thread_id.eq(messages::thread_id))),
        )
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::id.eq_any(ids))
        .select((
            (
                messages::id,
                messages::thread_id,
                messages::direction,
                messages::received_at,
                messages::sent_at,
                messages::subject,
                messages::preview,
                messages::automatic,
            ),
            (
                messages::author_kind,
                messages::author_user_id,
                messages::author_contact_id,
                messages::from_name,
                messages::from_address,
                users::name.nullable(),
                users::email.nullable(),
            ),
            (
                messages::threading_rule,
                messages::threading_matched,
                messages::sender_known,
                messages::sender_verified,
                messages::version,
                messages::created_at,
                messages::updated_at,
            ),
            (message_bodies::text, message_bodies::html, message_bodies::segments, message_bodies::notices),
            (conversations::id.nullable(), contacts::first_name.nullable(), contacts::last_name.nullable()),
            (users::avatar_sha256.nullable(), contacts::avatar_sha256.nullable()),
        ))
        .load(&mut tx.conn())
        .await?)
}

fn from_row(row: MessageRow) -> Result<Message, StoreError> {
    let (own, author, rest, body, (conversation, first_name, last_name), pictures) = row;
    let (user_picture, contact_picture) = pictures;
    let (id, thread, direction, received_at, sent_at, subject, preview, automatic) = own;
    let (kind, user, contact, from_name, from_address, user_name, user_email) = author;
    let (rule, matched, sender_known, sender_verified, version, created_at, updated_at) = rest;
    let (text, html, segments, notices) = body;
    let kind = AuthorKind::from_name(&kind);
    let written = from_name.clone().filter(|name| !name.trim().is_empty());
    let shown = written.unwrap_or_else(|| from_address.clone());
    let author = match kind {
        AuthorKind::User => Author {
            kind,
            id: user,
            name: user_name.unwrap_or(shown),
            email: user_email.unwrap_or_else(|| from_address.clone()),
            avatar: user_picture,
        },
        AuthorKind::Contact => {
            let name = full_name(first_name.as_deref(), last_name.as_deref(), Some(&shown));
            Author { kind, id: contact, name, email: from_address.clone(), avatar: contact_picture }
        }
        AuthorKind::Mailbox => {
            Author { kind, id: None, name: shown, email: from_address.clone(), avatar: None }
        }
    };
    let corrupt = |error: serde_json::Error| StoreError::Corrupt(format!("a message's body: {error}"));
    Ok(Message {
        id: MessageId(id),
        conversation_id: conversation.map(ConversationId),
        thread_id: ThreadId(thread),
        direction: direction_of(&direction),
        author,
        from: (from_name, from_address),
        to: vec![],
        cc: vec![],
        bcc: vec![],
        reply_to: vec![],
        subject,
        sent_at,
        received_at,
        text,
        html,
        segments: serde_json::from_value(segments).map_err(corrupt)?,
        preview,
        automatic,
        attachments: vec![],
        delivery: None,
        threading: Threading { rule, matched, sender_known, sender_verified },
        notices: serde_json::from_value(notices).map_err(corrupt)?,
        version,
        created_at,
        updated_at,
    })
}

async fn load_recipients(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<(String, NamedAddress)>>, StoreError> {
    let rows: Vec<(Uuid, String, Option<String>, String)> = message_recipients::table
        .filter(message_recipients::workspace_id.eq(workspace.0))
        .filter(message_recipients::message_id.eq_any(ids))
        .order((message_recipients::message_id, message_recipients::field, message_recipients::position))
        .select((
            message_recipients::message_id,
            message_recipients::field,
            message_recipients::name,
            message_recipients::address,
        ))
        .load(&mut tx.conn())
        .await?;
    let mut all: HashMap<Uuid, Vec<(String, NamedAddress)>> = HashMap::new();
    for (id, field, name, address) in rows {
        if let Ok(address) = EmailAddress::parse(&address) {
            all.entry(id).or_default().push((field, NamedAddress { name, address }));
        }
    }
    Ok(all)
}

pub(crate) type FileRow = (Option<Uuid>, Uuid, Option<String>, String, i64, Option<String>, bool);

pub(crate) const FILE: (
    attachments::message_id,
    attachments::id,
    attachments::filename,
    attachments::content_type,
    attachments::size,
    attachments::content_id,
    attachments::is_inline,
) = (
    attachments::message_id,
    attachments::id,
    attachments::filename,
    attachments::content_type,
    attachments::size,
    attachments::content_id,
    attachments::is_inline,
);

pub(crate) fn file_from_row(
    (_, id, filename, content_type, size, content_id, inline): FileRow,
) -> AttachmentInfo {
    AttachmentInfo { id: AttachmentId(id), filename, content_type, size, content_id, inline }
}

async fn load_files(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<AttachmentInfo>>, StoreError> {
    let rows: Vec<FileRow> = attachments::table
        .filter(attachments::workspace_id.eq(workspace.0))
        .filter(attachments::message_id.eq_any(ids))
        .order((attachments::message_id, attachments::position))
        .select(FILE)
        .load(&mut tx.conn())
        .await?;
    let mut all: HashMap<Uuid, Vec<AttachmentInfo>> = HashMap::new();
    for row in rows {
        if let Some(message) = row.0 {
            all.entry(message).or_default().push(file_from_row(row));
        }
    }
    Ok(all)
}

async fn load_deliveries(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, (Delivery, DateTime<Utc>)>, StoreError> {
    type Row =
        (Uuid, String, i32, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Option<String>, DateTime<Utc>);
    type Part = (Uuid, String, String, Option<i32>, Option<String>);
    let whole = outbox::table
        .filter(outbox::workspace_id.eq(workspace.0))
        .filter(outbox::message_id.eq_any(ids))
        .select((
            outbox::message_id,
            outbox::state,
            outbox::attempts,
            outbox::next_attempt_at,
            outbox::cancel_until,
            outbox::error,
            outbox::updated_at,
        ));
    let parts = delivery_recipients::table
        .filter(delivery_recipients::workspace_id.eq(workspace.0))
        .filter(delivery_recipients::message_id.eq_any(ids))
        .order((delivery_recipients::message_id, delivery_recipients::address))
        .select((
            delivery_recipients::message_id,
            delivery_recipients::address,
            delivery_recipients::state,
            delivery_recipients::code,
            delivery_recipients::error,
        ));
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let (whole, parts) = tokio::try_join!(whole.load::<Row>(&mut first), parts.load::<Part>(&mut second))?;
    let mut all: HashMap<Uuid, (Delivery, DateTime<Utc>)> = whole
        .into_iter()
        .map(|(id, state, attempts, next_attempt_at, cancel_until, error, changed_at)| {
            let can_cancel_until = cancel_until.filter(|until| state == "queued" && *until > Utc::now());
            let recipients = vec![];
            let delivery = Delivery { state, attempts, next_attempt_at, can_cancel_until, error, recipients };
            (id, (delivery, changed_at))
        })
        .collect();
    for (id, address, state, code, error) in parts {
        let code = code.and_then(|code| u16::try_from(code).ok());
        let error = error.map(|text| in_words(code, &text));
        if let Some((delivery, _)) = all.get_mut(&id) {
            delivery.error = delivery.error.take().or_else(|| error.clone());
            delivery.recipients.push(DeliveryRecipient { address, state, error });
        }
    }
    Ok(all)
}
