//! The conversation's row: born, locked, changed. Decisions are the domain's; here they are loaded and saved.

use crate::{
    correspondents::name_of,
    error::StoreError,
    message_rows::AuthorRef,
    prepared::Prepare,
    schema::{conversations, messages, threads},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_types::Bool};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    conversation::{Change, Conversation, Status},
    ids::{ContactId, ConversationId, MailboxId, MessageId, ThreadId, UserId, WorkspaceId},
    message::{Direction, Position},
};
use uuid::Uuid;

/// A conversation whose row is locked: the lock of all that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Locked {
    pub(crate) id: ConversationId,
    pub(crate) thread: ThreadId,
    pub(crate) mailbox: MailboxId,
    pub(crate) state: Conversation,
    /// The message that the card shows.
    pub(crate) last: Position,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
struct Row {
    id: Uuid,
    thread_id: Uuid,
    mailbox_id: Uuid,
    merged_into: Option<Uuid>,
    status: String,
    closed_at: Option<DateTime<Utc>>,
    owner_id: Uuid,
    primary_contact_id: Uuid,
    unread: bool,
    unseen_replies: i32,
    seen_at: Option<DateTime<Utc>>,
    seen_message_id: Option<Uuid>,
    last_activity_at: DateTime<Utc>,
    version: i64,
    last_message_at: DateTime<Utc>,
    last_message_id: Uuid,
}

fn from_row(row: &Row) -> Result<Locked, StoreError> {
    if let Some(into) = row.merged_into {
        return Err(StoreError::Merged(ConversationId(into)));
    }
    let corrupt = |what: &str| StoreError::Corrupt(what.to_owned());
    let seen = row.seen_at.zip(row.seen_message_id);
    let state = Conversation {
        status: status_of(&row.status),
        closed_at: row.closed_at,
        owner: UserId(row.owner_id),
        primary_contact: ContactId(row.primary_contact_id),
        unread: row.unread,
        unseen_replies: u32::try_from(row.unseen_replies).map_err(|_| corrupt("unseen_replies"))?,
        seen: seen.map(|(at, id)| Position { at, id: MessageId(id) }),
        last_activity_at: row.last_activity_at,
        version: u64::try_from(row.version).map_err(|_| corrupt("version"))?,
    };
    Ok(Locked {
        id: ConversationId(row.id),
        thread: ThreadId(row.thread_id),
        mailbox: MailboxId(row.mailbox_id),
        state,
        last: Position { at: row.last_message_at, id: MessageId(row.last_message_id) },
    })
}

pub(crate) fn status_of(name: &str) -> Status {
    if name == Status::Closed.as_str() { Status::Closed } else { Status::Open }
}

/// The conversation that a thread is, locked.
pub(crate) async fn lock_of_thread(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
) -> Result<Option<Locked>, StoreError> {
    let row: Option<Row> = conversations::table
        .filter(conversations::workspace_id.eq(workspace.0))
        .filter(conversations::thread_id.eq(thread.0))
        .select(Row::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()?;
    row.as_ref().map(from_row).transpose()
}

/// The conversation, locked, where it exists for the actor (ACC-3).
pub(crate) async fn lock_for(tx: &Tx, actor: &Actor, id: ConversationId) -> Result<Locked, StoreError> {
    let row: Row = conversations::table
        .find((actor.workspace_id.0, id.0))
        .select(Row::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await?;
    let owner = UserId(row.owner_id);
    if actor.visibility().sees(owner) { from_row(&row) } else { Err(StoreError::NotFound) }
}

/// Carries out the changes, in memory and in the row. The version that others hold becomes stale where one is an edit.
pub(crate) async fn save(
    tx: &Tx,
    workspace: WorkspaceId,
    locked: &mut Locked,
    changes: &[Change],
) -> Result<(), StoreError> {
    for change in changes {
        locked.state.apply(change);
    }
    let state = &locked.state;
    diesel::update(conversations::table.find((workspace.0, locked.id.0)))
        .set((columns_of(state)?, conversations::updated_at.eq(diesel::dsl::now)))
        .prepared()
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// What the aggregate decides, as columns.
#[derive(AsChangeset, Insertable)]
#[diesel(table_name = conversations, treat_none_as_null = true)]
pub(crate) struct StateColumns {
    status: &'static str,
    closed_at: Option<DateTime<Utc>>,
    owner_id: Uuid,
    primary_contact_id: Uuid,
    unread: bool,
    unseen_replies: i32,
    seen_at: Option<DateTime<Utc>>,
    seen_message_id: Option<Uuid>,
    last_activity_at: DateTime<Utc>,
    version: i64,
}

fn columns_of(state: &Conversation) -> Result<StateColumns, StoreError> {
    Ok(StateColumns {
        status: state.status.as_str(),
        closed_at: state.closed_at,
        owner_id: state.owner.0,
        primary_contact_id: state.primary_contact.0,
        unread: state.unread,
        unseen_replies: i32::try_from(state.unseen_replies).unwrap_or(i32::MAX),
        seen_at: state.seen.map(|seen| seen.at),
        seen_message_id: state.seen.map(|seen| seen.id.0),
        last_activity_at: state.last_activity_at,
        version: i64::try_from(state.version).map_err(|_| StoreError::Corrupt("version".into()))?,
    })
}

/// A message as its thread's card shows it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) position: Position,
    pub(crate) direction: Direction,
    pub(crate) automatic: bool,
    pub(crate) imported: bool,
    pub(crate) has_attachments: bool,
    pub(crate) preview: String,
    pub(crate) subject: String,
    pub(crate) author: AuthorRef,
    /// The name in From.
    pub(crate) written_name: Option<String>,
    pub(crate) author_address: String,
}

/// The columns that show the last message.
#[derive(AsChangeset, Insertable)]
#[diesel(table_name = conversations, treat_none_as_null = true)]
pub(crate) struct LastMessageColumns<'a> {
    last_message_id: Uuid,
    last_message_direction: &'static str,
    last_message_automatic: bool,
    last_message_preview: &'a str,
    last_message_at: DateTime<Utc>,
    last_sender_kind: &'static str,
    last_sender_id: Option<Uuid>,
    last_sender_name: String,
    last_sender_address: &'a str,
}

impl<'a> LastMessageColumns<'a> {
    async fn of(tx: &Tx, workspace: WorkspaceId, shown: &'a Shown) -> Result<Self, StoreError> {
        let name = name_of(tx, workspace, shown.author).await?;
        Ok(Self {
            last_message_id: shown.position.id.0,
            last_message_direction: shown.direction.as_str(),
            last_message_automatic: shown.automatic,
            last_message_preview: &shown.preview,
            last_message_at: shown.position.at,
            last_sender_kind: shown.author.kind(),
            last_sender_id: shown.author.id(),
            last_sender_name: name
                .or_else(|| shown.written_name.clone())
                .unwrap_or_else(|| shown.author_address.clone()),
            last_sender_address: &shown.author_address,
        })
    }
}

/// Carries out the changes that a further message brings, and puts it on the card: it is counted, and shown where it is
/// the newest. A late first one gives the conversation its subject (CNV-10).
pub(crate) async fn receive(
    tx: &Tx,
    workspace: WorkspaceId,
    locked: &mut Locked,
    changes: &[Change],
    (shown, is_first): (&Shown, bool),
) -> Result<(), StoreError> {
    for change in changes {
        locked.state.apply(change);
    }
    let newest = match shown.position > locked.last {
        true => Some(LastMessageColumns::of(tx, workspace, shown).await?),
        false => None,
    };
    diesel::update(conversations::table.find((workspace.0, locked.id.0)))
        .set((
            conversations::message_count.eq(conversations::message_count + 1),
            conversations::has_attachments
                .eq(conversations::has_attachments.or(shown.has_attachments.into_sql::<Bool>())),
            newest,
            is_first.then(|| conversations::subject.eq(&shown.subject)),
            columns_of(&locked.state)?,
            conversations::updated_at.eq(diesel::dsl::now),
        ))
        .prepared()
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Makes the card anew from all the messages of the thread: after two have become one.
pub(crate) async fn show_all(tx: &Tx, workspace: WorkspaceId, locked: &Locked) -> Result<(), StoreError> {
    let history = history(tx, workspace, locked.thread).await?;
    let ([first, ..], [.., last]) = (history.as_slice(), history.as_slice()) else { return Ok(()) };
    let columns = LastMessageColumns::of(tx, workspace, last).await?;
    diesel::update(conversations::table.find((workspace.0, locked.id.0)))
        .set((
            conversations::subject.eq(&first.subject),
            conversations::message_count.eq(i32::try_from(history.len()).unwrap_or(i32::MAX)),
            conversations::has_attachments.eq(history.iter().any(|one| one.has_attachments)),
            columns,
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// What a conversation is born with.
pub(crate) struct Birth<'a> {
    pub(crate) id: ConversationId,
    pub(crate) number: i64,
    pub(crate) thread: ThreadId,
    pub(crate) mailbox: MailboxId,
    pub(crate) state: &'a Conversation,
    pub(crate) card: Card<'a>,
}

/// What a new conversation shows of its messages.
pub(crate) struct Card<'a> {
    subject: &'a str,
    count: i32,
    has_attachments: bool,
    last: LastMessageColumns<'a>,
}

impl<'a> Card<'a> {
    /// Of all its messages, in their order in time.
    pub(crate) async fn of(
        tx: &Tx,
        workspace: WorkspaceId,
        messages: &'a [Shown],
    ) -> Result<Self, StoreError> {
        let ([first, ..], [.., last]) = (messages, messages) else {
            return Err(StoreError::Corrupt("a conversation without messages".into()));
        };
        Ok(Self {
            subject: &first.subject,
            count: i32::try_from(messages.len()).unwrap_or(i32::MAX),
            has_attachments: messages.iter().any(|one| one.has_attachments),
            last: LastMessageColumns::of(tx, workspace, last).await?,
        })
    }
}

/// Writes a new conversation.
pub(crate) async fn insert(tx: &Tx, workspace: WorkspaceId, birth: Birth<'_>) -> Result<(), StoreError> {
    let Card { subject, count, has_attachments, last } = birth.card;
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let conversation = diesel::insert_into(conversations::table)
        .values((
            conversations::workspace_id.eq(workspace.0),
            conversations::id.eq(birth.id.0),
            conversations::number.eq(birth.number),
            conversations::thread_id.eq(birth.thread.0),
            conversations::mailbox_id.eq(birth.mailbox.0),
            conversations::subject.eq(subject),
            conversations::message_count.eq(count),
            conversations::has_attachments.eq(has_attachments),
            last,
            columns_of(birth.state)?,
        ))
        .prepared()
        .execute(&mut first);
    let thread = diesel::update(threads::table.find((workspace.0, birth.thread.0)))
        .set(threads::waiting.eq(false))
        .prepared()
        .execute(&mut second);
    tokio::try_join!(biased; conversation, thread)?;
    Ok(())
}

/// A thread's messages in their order in time, each shown once (MAIL-3: variants are left out).
pub(crate) async fn history(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
) -> Result<Vec<Shown>, StoreError> {
    let rows: Vec<HistoryRow> = messages::table
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread.0))
        .filter(messages::variant_of.is_null())
        .order((messages::received_at, messages::id))
        .select((
            (
                messages::id,
                messages::received_at,
                messages::direction,
                messages::automatic,
                messages::imported,
                messages::has_attachments,
                messages::preview,
                messages::subject,
            ),
            (
                messages::author_kind,
                messages::author_user_id,
                messages::author_contact_id,
                messages::from_name,
                messages::from_address,
            ),
        ))
        .load(&mut tx.conn())
        .await?;
    Ok(rows.into_iter().map(shown_from_row).collect())
}

type HistoryRow = (
    (Uuid, DateTime<Utc>, String, bool, bool, bool, String, String),
    (String, Option<Uuid>, Option<Uuid>, Option<String>, String),
);

fn shown_from_row(row: HistoryRow) -> Shown {
    let ((id, at, direction, automatic, imported, has_attachments, preview, subject), author) = row;
    let (kind, user, contact, name, address) = author;
    let author = match (kind.as_str(), user) {
        ("user", Some(id)) => AuthorRef::User(UserId(id)),
        ("mailbox", _) => AuthorRef::Mailbox,
        _ => AuthorRef::Contact(contact.map(ContactId)),
    };
    Shown {
        position: Position { at, id: MessageId(id) },
        direction: direction_of(&direction),
        automatic,
        imported,
        has_attachments,
        preview,
        subject,
        author,
        written_name: name.filter(|name| !name.trim().is_empty()),
        author_address: address,
    }
}

pub(crate) fn direction_of(name: &str) -> Direction {
    if name == Direction::Outbound.as_str() { Direction::Outbound } else { Direction::Inbound }
}
