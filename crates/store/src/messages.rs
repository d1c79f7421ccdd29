//! Reading messages: a conversation's window (WIN-2, WIN-3), one message, an attachment.

use crate::{
    BlobHash, Store, StoreError, conversations,
    delivery_jobs::hash,
    message_load::{FILE, FileRow, file_from_row, load, load_one},
    page::Page,
    schema::{attachments, conversations as convs, mailboxes, messages},
    stream::Author,
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission},
    address::NamedAddress,
    ids::{AttachmentId, ConversationId, MessageId, ThreadId, UserId, WorkspaceId},
    message::{Direction, Position},
    reply::Segment,
};
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

pub(crate) async fn require_visible(tx: &Tx, actor: &Actor, id: MessageId) -> Result<(), StoreError> {
    type Row = (Uuid, Option<Uuid>, Option<Uuid>);
    let (thread, mailbox_user, conversation_owner): Row = messages::table
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
        .select((messages::thread_id, mailboxes::user_id, convs::owner_id.nullable()))
        .first(&mut tx.conn())
        .await?;
    let visible = match conversation_owner {
        Some(owner) => actor.visibility().sees(UserId(owner)),
        None => {
            wrote_in_thread(tx, actor, thread).await?
                || mailbox_user == Some(actor.user_id.0)
                || (mailbox_user.is_none() && actor.may(Permission::ViewAll))
        }
    };
    if visible { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Whether the actor has written in this thread: it is theirs to see while it is no conversation (ACC-4).
pub(crate) async fn wrote_in_thread(tx: &Tx, actor: &Actor, thread: Uuid) -> Result<bool, StoreError> {
    let written = messages::table
        .filter(messages::workspace_id.eq(actor.workspace_id.0))
        .filter(messages::thread_id.eq(thread))
        .filter(messages::author_user_id.eq(actor.user_id.0));
    Ok(diesel::select(diesel::dsl::exists(written)).get_result(&mut tx.conn()).await?)
}
