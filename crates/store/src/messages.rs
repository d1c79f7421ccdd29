//! Reading messages: a conversation's window (WIN-2, WIN-3), one message, an attachment.

use crate::{
    BlobHash, Store, StoreError,
    aggregate::direction_of,
    conversations,
    delivery_jobs::hash,
    page::Page,
    schema::{
        attachments, contacts, conversations as convs, delivery_recipients, mailboxes, message_bodies,
        message_recipients, messages, outbox, users,
    },
    stream::{Author, AuthorKind, full_name},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission},
    address::{EmailAddress, NamedAddress},
    ids::{AttachmentId, ConversationId, MessageId, ThreadId, UserId, WorkspaceId},
    message::{Direction, Position},
    reply::Segment,
};
use std::collections::HashMap;
use uuid::Uuid;

/// A message, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Which.
    pub id: MessageId,
    /// Its conversation, where its thread is one.
    pub conversation_id: Option<ConversationId>,
    /// Its thread.
    pub thread_id: ThreadId,
    /// Which way it went; outbound ones stand on the users' side.
    pub direction: Direction,
    /// Who wrote it.
    pub author: Author,
    /// From: name and address as written; the address may be none.
    pub from: (Option<String>, String),
    /// To.
    pub to: Vec<NamedAddress>,
    /// Cc.
    pub cc: Vec<NamedAddress>,
    /// Bcc: only our own have any.
    pub bcc: Vec<NamedAddress>,
    /// Reply-To.
    pub reply_to: Vec<NamedAddress>,
    /// The subject.
    pub subject: String,
    /// The Date header.
    pub sent_at: Option<DateTime<Utc>>,
    /// Its place in time (CNV-10).
    pub received_at: DateTime<Utc>,
    /// The whole body as text.
    pub text: String,
    /// The whole body as sanitised HTML, with `cid:` links.
    pub html: Option<String>,
    /// Its parts (MAIL-5).
    pub segments: Vec<Segment>,
    /// STR-2.
    pub preview: String,
    /// MAIL-7.
    pub automatic: bool,
    /// Its files.
    pub attachments: Vec<AttachmentInfo>,
    /// How it fares, where we send it.
    pub delivery: Option<Delivery>,
    /// Why it stands where it does (MAIL-11).
    pub threading: Threading,
    /// What was odd about it.
    pub notices: Vec<String>,
    /// Counts edits.
    pub version: i64,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Message {
    /// Its place in the window.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { at: self.received_at, id: self.id }
    }
}

/// Why a message stands where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threading {
    /// The rule's name.
    pub rule: String,
    /// The Message-ID that matched.
    pub matched: Option<String>,
    /// The sender took part in the thread.
    pub sender_known: bool,
    /// The sender is who they say.
    pub sender_verified: bool,
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentInfo {
    /// Which.
    pub id: AttachmentId,
    /// Its name.
    pub filename: Option<String>,
    /// `type/subtype`.
    pub content_type: String,
    /// In bytes.
    pub size: i64,
    /// Content-ID without brackets.
    pub content_id: Option<String>,
    /// Shown within the text.
    pub inline: bool,
}

/// A file with where its content is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentFile {
    /// What is told of it.
    pub info: AttachmentInfo,
    /// Its content in the blob store.
    pub sha256: BlobHash,
}

/// How a mail that we send fares (RPL-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The whole's state.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When it is tried again.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Until when it can be taken back.
    pub can_cancel_until: Option<DateTime<Utc>>,
    /// What is wrong, for people.
    pub error: Option<String>,
    /// Each recipient's copy.
    pub recipients: Vec<DeliveryRecipient>,
}

/// How one recipient's copy fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecipient {
    /// Who.
    pub address: String,
    /// The copy's state.
    pub state: String,
    /// What is wrong, for people.
    pub error: Option<String>,
}

type MessageRow = (
    (Uuid, Uuid, String, DateTime<Utc>, Option<DateTime<Utc>>, String, String, bool),
    (String, Option<Uuid>, Option<Uuid>, Option<String>, String, Option<String>, Option<String>),
    (String, Option<String>, bool, bool, i64, DateTime<Utc>, DateTime<Utc>),
    (String, Option<String>, serde_json::Value, serde_json::Value),
    (Option<Uuid>, Option<String>, Option<String>),
);

impl Store {
    /// A page of a conversation's messages: the newest ones, or those before a place; oldest first within the page.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Merged`].
    pub async fn conversation_messages(
        &self,
        actor: &Actor,
        id: ConversationId,
        before: Option<Position>,
        limit: u16,
    ) -> Result<Page<Message>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let thread = conversations::visible_thread(&tx, actor, id).await?;
        let mut wanted = messages::table
            .filter(messages::workspace_id.eq(actor.workspace_id.0))
            .filter(messages::thread_id.eq(thread.0))
            .filter(messages::variant_of.is_null())
            .order((messages::received_at.desc(), messages::id.desc()))
            .limit(i64::from(limit) + 1)
            .select(messages::id)
            .into_boxed::<Pg>();
        if let Some(before) = before {
            let earlier = messages::received_at.lt(before.at);
            let same_time = messages::received_at.eq(before.at).and(messages::id.lt(before.id.0));
            wanted = wanted.filter(messages::received_at.le(before.at)).filter(earlier.or(same_time));
        }
        let ids: Vec<Uuid> = wanted.load(&mut tx.conn()).await?;
        let mut page = Page::of(ids, limit);
        page.items.reverse();
        let items = load(&tx, actor.workspace_id, &page.items).await?;
        tx.commit().await?;
        Ok(Page { items, more: page.more })
    }

    /// One message, where its conversation exists for the actor; of a thread without one: for its author, for the personal
    /// mailbox's user, and, where the mailbox is shared, for those who see all (ACC-4).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn message(&self, actor: &Actor, id: MessageId) -> Result<Message, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        require_visible(&tx, actor, id).await?;
        let message = load_one(&tx, actor.workspace_id, id).await?;
        tx.commit().await?;
        Ok(message)
    }

    /// A file of a message that exists for the actor.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn attachment(&self, actor: &Actor, id: AttachmentId) -> Result<AttachmentFile, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let (file, message, uploader) = load_file(&tx, actor.workspace_id, id).await?;
        match message {
            Some(message) => require_visible(&tx, actor, message).await?,
            None if uploader == Some(actor.user_id) => {}
            None => return Err(StoreError::NotFound),
        }
        tx.commit().await?;
        Ok(file)
    }

    /// The same for a signed link, which is its own permission.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn attachment_by_link(
        &self,
        workspace: WorkspaceId,
        id: AttachmentId,
    ) -> Result<AttachmentFile, StoreError> {
        let tx = self.begin_read(workspace).await?;
        let (file, _, _) = load_file(&tx, workspace, id).await?;
        tx.commit().await?;
        Ok(file)
    }
}

async fn load_file(
    tx: &Tx,
    workspace: WorkspaceId,
    id: AttachmentId,
) -> Result<(AttachmentFile, Option<MessageId>, Option<UserId>), StoreError> {
    type Row = (FileRow, Vec<u8>, Option<Uuid>);
    let (row, sha256, uploader): Row = attachments::table
        .find((workspace.0, id.0))
        .select((FILE, attachments::sha256, attachments::uploaded_by))
        .first(&mut tx.conn())
        .await?;
    let message = row.0.map(MessageId);
    Ok((AttachmentFile { info: file_from_row(row), sha256: hash(sha256)? }, message, uploader.map(UserId)))
}

async fn require_visible(tx: &Tx, actor: &Actor, id: MessageId) -> Result<(), StoreError> {
    type Row = (Option<Uuid>, Option<Uuid>, Option<Uuid>);
    let (author, mailbox_user, conversation_owner): Row = messages::table
        .inner_join(mailboxes::table.on(
            mailboxes::workspace_id.eq(messages::workspace_id).and(mailboxes::id.eq(messages::mailbox_id)),
        ))
        .left_join(
            convs::table.on(convs::workspace_id
                .eq(messages::workspace_id)
                .and(convs::thread_id.eq(messages::thread_id))),
        )
        .filter(messages::workspace_id.eq(actor.workspace_id.0))
        .filter(messages::id.eq(id.0))
        .select((messages::author_user_id, mailboxes::user_id, convs::owner_id.nullable()))
        .first(&mut tx.conn())
        .await?;
    let visible = match conversation_owner {
        Some(owner) => actor.visibility().sees(UserId(owner)),
        None => {
            author == Some(actor.user_id.0)
                || mailbox_user == Some(actor.user_id.0)
                || (mailbox_user.is_none() && actor.may(Permission::ViewAll))
        }
    };
    if visible { Ok(()) } else { Err(StoreError::NotFound) }
}

pub(crate) async fn load_one(tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<Message, StoreError> {
    load(tx, workspace, &[id.0]).await?.pop().ok_or(StoreError::NotFound)
}

/// The messages with these ids, in their order; a fixed number of queries, however many they are.
async fn load(tx: &Tx, workspace: WorkspaceId, ids: &[Uuid]) -> Result<Vec<Message>, StoreError> {
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
        message.delivery = deliveries.remove(&id);
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
            convs::table.on(convs::workspace_id
                .eq(messages::workspace_id)
                .and(convs::thread_id.eq(messages::thread_id))),
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
            (convs::id.nullable(), contacts::first_name.nullable(), contacts::last_name.nullable()),
        ))
        .load(&mut tx.conn())
        .await?)
}

fn from_row(row: MessageRow) -> Result<Message, StoreError> {
    let (own, author, rest, body, (conversation, first_name, last_name)) = row;
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
        },
        AuthorKind::Contact => {
            let name = full_name(first_name.as_deref(), last_name.as_deref(), Some(&shown));
            Author { kind, id: contact, name, email: from_address.clone() }
        }
        AuthorKind::Mailbox => Author { kind, id: None, name: shown, email: from_address.clone() },
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

type FileRow = (Option<Uuid>, Uuid, Option<String>, String, i64, Option<String>, bool);

const FILE: (
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

fn file_from_row((_, id, filename, content_type, size, content_id, inline): FileRow) -> AttachmentInfo {
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
) -> Result<HashMap<Uuid, Delivery>, StoreError> {
    type Row = (Uuid, String, i32, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Option<String>);
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
        ));
    let parts = delivery_recipients::table
        .filter(delivery_recipients::workspace_id.eq(workspace.0))
        .filter(delivery_recipients::message_id.eq_any(ids))
        .order((delivery_recipients::message_id, delivery_recipients::address))
        .select((
            delivery_recipients::message_id,
            delivery_recipients::address,
            delivery_recipients::state,
            delivery_recipients::error,
        ));
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let (whole, parts) = tokio::try_join!(
        whole.load::<Row>(&mut first),
        parts.load::<(Uuid, String, String, Option<String>)>(&mut second)
    )?;
    let mut all: HashMap<Uuid, Delivery> = whole
        .into_iter()
        .map(|(id, state, attempts, next_attempt_at, cancel_until, error)| {
            let can_cancel_until = cancel_until.filter(|until| state == "queued" && *until > Utc::now());
            (id, Delivery { state, attempts, next_attempt_at, can_cancel_until, error, recipients: vec![] })
        })
        .collect();
    for (id, address, state, error) in parts {
        if let Some(delivery) = all.get_mut(&id) {
            delivery.error = delivery.error.take().or_else(|| error.clone());
            delivery.recipients.push(DeliveryRecipient { address, state, error });
        }
    }
    Ok(all)
}
