//! The stream: conversations as cards (STR-1 to STR-4), an index walk for every combination of view, status and sort.

use crate::{
    Store, StoreError,
    aggregate::{direction_of, status_of},
    avatars::pictures_of,
    beyond::{Beyond, Towards},
    correspondents::full_name,
    page::Page,
    schema::{contact_emails, contacts, conversations, users},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Visibility},
    conversation::Status,
    ids::{ContactId, ConversationId, MessageId, UserId, WorkspaceId},
    message::Direction,
    refusal::Refusal,
};
use uuid::Uuid;

/// Whose conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Those that I own.
    Mine,
    /// Everybody's; not for team members (ACC-3).
    All,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    /// Open ones.
    Open,
    /// Closed ones.
    Closed,
    /// Both.
    All,
}

/// In which order of last activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The latest activity first.
    Newest,
    /// The longest quiet first.
    Oldest,
}

/// A card's place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPosition {
    /// Microseconds count.
    pub last_activity_at: DateTime<Utc>,
    /// Decides ties.
    pub id: ConversationId,
}

/// Which part of the stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamQuery {
    /// Whose.
    pub view: View,
    /// Which.
    pub status: StatusFilter,
    /// In which order.
    pub sort: Sort,
    /// Behind this card; `None`: from the beginning.
    pub after: Option<StreamPosition>,
    /// At most so many.
    pub limit: u16,
}

/// A contact, as far as others show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRef {
    /// Who.
    pub id: ContactId,
    /// First and last name; the address where there is none.
    pub name: String,
    /// The primary address.
    pub email: Option<String>,
    /// The avatar's content.
    pub avatar: Option<Vec<u8>>,
}

/// A user, as far as others show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRef {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// The avatar's content.
    pub avatar: Option<Vec<u8>>,
}

/// What kind of author a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorKind {
    /// A user.
    User,
    /// An external person, contact or not.
    Contact,
    /// Somebody who wrote from a shared mailbox's own mail program.
    Mailbox,
}

impl AuthorKind {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Contact => "contact",
            Self::Mailbox => "mailbox",
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "user" => Self::User,
            "mailbox" => Self::Mailbox,
            _ => Self::Contact,
        }
    }
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// What kind of.
    pub kind: AuthorKind,
    /// The user's or contact's id.
    pub id: Option<Uuid>,
    /// The name to show.
    pub name: String,
    /// The address.
    pub email: String,
    /// The avatar's content.
    pub avatar: Option<Vec<u8>>,
}

/// The message that a card shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Which.
    pub id: MessageId,
    /// Which way it went.
    pub direction: Direction,
    /// MAIL-7.
    pub automatic: bool,
    /// The newly written part's beginning (STR-2).
    pub preview: String,
    /// Its place in time (CNV-10).
    pub at: DateTime<Utc>,
    /// Who wrote it.
    pub sender: Author,
}

/// A conversation as the stream shows it (STR-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Which.
    pub id: ConversationId,
    /// For people to say aloud (CNV-9).
    pub number: i64,
    /// Its first message's.
    pub subject: String,
    /// Open or closed.
    pub status: Status,
    /// CNV-7.
    pub unread: bool,
    /// CNV-7.
    pub unseen_replies: i32,
    /// The external person it is about.
    pub primary_contact: ContactRef,
    /// Whose it is.
    pub owner: UserRef,
    /// The last message.
    pub last_message: LastMessage,
    /// How many messages it has.
    pub message_count: i32,
    /// Whether any has a file.
    pub has_attachments: bool,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
    /// What the stream is sorted by (CNV-6).
    pub last_activity_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i64,
}

impl Card {
    /// Its place in the stream.
    #[must_use]
    pub fn position(&self) -> StreamPosition {
        StreamPosition { last_activity_at: self.last_activity_at, id: self.id }
    }
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Open ones.
    pub open: i64,
    /// Unread ones, open or closed.
    pub unread: i64,
}

/// The navigation's badge (STR-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// My own.
    pub mine: Count,
    /// Everybody's, where I may see them.
    pub all: Option<Count>,
}

type CardRow = (
    (Uuid, i64, String, String, bool, i32, i32, bool),
    (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>, i64),
    (Uuid, String, bool, String, DateTime<Utc>),
    (String, Option<Uuid>, String, String),
    (Uuid, Option<String>, Option<String>, Option<String>, Option<Vec<u8>>),
    (Uuid, String, String, Option<Vec<u8>>),
);

/// The card's columns, over `cards!`.
macro_rules! card_columns {
    () => {
        (
            (
                conversations::id,
                conversations::number,
                conversations::subject,
                conversations::status,
                conversations::unread,
                conversations::unseen_replies,
                conversations::message_count,
                conversations::has_attachments,
            ),
            (
                conversations::created_at,
                conversations::updated_at,
                conversations::last_activity_at,
                conversations::version,
            ),
            (
                conversations::last_message_id,
                conversations::last_message_direction,
                conversations::last_message_automatic,
                conversations::last_message_preview,
                conversations::last_message_at,
            ),
            (
                conversations::last_sender_kind,
                conversations::last_sender_id,
                conversations::last_sender_name,
                conversations::last_sender_address,
            ),
            (
                contacts::id,
                contacts::first_name,
                contacts::last_name,
                contact_emails::address.nullable(),
                contacts::avatar_sha256,
            ),
            (users::id, users::name, users::email, users::avatar_sha256),
        )
    };
}
/// Conversations with their primary contact and owner.
macro_rules! cards {
    () => {
        conversations::table
            .inner_join(
                contacts::table.on(contacts::workspace_id
                    .eq(conversations::workspace_id)
                    .and(contacts::id.eq(conversations::primary_contact_id))),
            )
            .inner_join(
                users::table.on(users::workspace_id
                    .eq(conversations::workspace_id)
                    .and(users::id.eq(conversations::owner_id))),
            )
            .left_join(
                contact_emails::table.on(contact_emails::workspace_id
                    .eq(conversations::workspace_id)
                    .and(contact_emails::contact_id.eq(conversations::primary_contact_id))
                    .and(contact_emails::is_primary)),
            )
    };
}
fn card_from_row(row: CardRow) -> Card {
    let (own, times, last, sender, contact, owner) = row;
    let (id, number, subject, status, unread, unseen_replies, message_count, has_attachments) = own;
    let (created_at, updated_at, last_activity_at, version) = times;
    let (last_id, direction, automatic, preview, at) = last;
    let (kind, sender_id, sender_name, sender_email) = sender;
    let (contact_id, first_name, last_name, email, contact_avatar) = contact;
    let (owner_id, owner_name, owner_email, owner_avatar) = owner;
    Card {
        id: ConversationId(id),
        number,
        subject,
        status: status_of(&status),
        unread,
        unseen_replies,
        primary_contact: ContactRef {
            id: ContactId(contact_id),
            name: full_name(first_name.as_deref(), last_name.as_deref(), email.as_deref()),
            email,
            avatar: contact_avatar,
        },
        owner: UserRef { id: UserId(owner_id), name: owner_name, email: owner_email, avatar: owner_avatar },
        last_message: LastMessage {
            id: MessageId(last_id),
            direction: direction_of(&direction),
            automatic,
            preview,
            at,
            sender: Author {
                kind: AuthorKind::from_name(&kind),
                id: sender_id,
                name: sender_name,
                email: sender_email,
                // Most last senders are the owner or the primary contact; the others are looked up.
                avatar: None,
            },
        },
        message_count,
        has_attachments,
        created_at,
        updated_at,
        last_activity_at,
        version,
    }
}

/// One conversation's card.
pub(crate) async fn load_card(
    tx: &Tx,
    workspace: WorkspaceId,
    id: ConversationId,
) -> Result<Card, StoreError> {
    let row: CardRow = cards!()
        .filter(conversations::workspace_id.eq(workspace.0))
        .filter(conversations::id.eq(id.0))
        .select(card_columns!())
        .first(&mut tx.conn())
        .await?;
    let mut cards = with_pictures(tx, workspace, vec![row]).await?;
    cards.pop().ok_or(StoreError::NotFound)
}

/// The cards of these conversations, in no order; none of one that is part of another by now.
pub(crate) async fn load_cards(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
) -> Result<Vec<Card>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<CardRow> = cards!()
        .filter(conversations::workspace_id.eq(workspace.0))
        .filter(conversations::id.eq_any(ids))
        .filter(conversations::merged_into.is_null())
        .select(card_columns!())
        .load(&mut tx.conn())
        .await?;
    with_pictures(tx, workspace, rows).await
}

/// The cards of these rows, each last sender with their picture: one look-up for all of them, where it takes one at all.
async fn with_pictures(tx: &Tx, workspace: WorkspaceId, rows: Vec<CardRow>) -> Result<Vec<Card>, StoreError> {
    let mut cards: Vec<Card> = rows.into_iter().map(card_from_row).collect();
    let mut missing = Vec::new();
    for card in &mut cards {
        let sender = &mut card.last_message.sender;
        if sender.id == Some(card.owner.id.0) {
            sender.avatar.clone_from(&card.owner.avatar);
        } else if sender.id == Some(card.primary_contact.id.0) {
            sender.avatar.clone_from(&card.primary_contact.avatar);
        } else {
            missing.extend(sender.id);
        }
    }
    let found = pictures_of(tx, workspace, missing).await?;
    for card in &mut cards {
        let sender = &mut card.last_message.sender;
        if let Some(picture) = sender.id.and_then(|id| found.get(&id)) {
            sender.avatar = Some(picture.clone());
        }
    }
    Ok(cards)
}

impl Store {
    /// A page of the stream.
    ///
    /// # Errors
    /// [`Refusal::ViewNotAllowed`] where a team member asks for everybody's.
    pub async fn stream(&self, actor: &Actor, query: &StreamQuery) -> Result<Page<Card>, StoreError> {
        if query.view == View::All && actor.visibility() != Visibility::All {
            return Err(Refusal::ViewNotAllowed.into());
        }
        let mut cards = cards!()
            .filter(conversations::workspace_id.eq(actor.workspace_id.0))
            .filter(conversations::merged_into.is_null())
            .select(card_columns!())
            .limit(i64::from(query.limit) + 1)
            .into_boxed();
        if query.view == View::Mine {
            cards = cards.filter(conversations::owner_id.eq(actor.user_id.0));
        }
        let status = match query.status {
            StatusFilter::Open => Some(Status::Open),
            StatusFilter::Closed => Some(Status::Closed),
            StatusFilter::All => None,
        };
        if let Some(status) = status {
            cards = cards.filter(conversations::status.eq(status.as_str()));
        }
        if let Some(after) = query.after {
            cards = cards.filter(Beyond {
                columns: "conversations.last_activity_at, conversations.id",
                at: after.last_activity_at,
                id: after.id.0,
                towards: match query.sort {
                    Sort::Newest => Towards::Past,
                    Sort::Oldest => Towards::Present,
                },
            });
        }
        let (at, id) = (conversations::last_activity_at, conversations::id);
        cards = match query.sort {
            Sort::Newest => cards.order((at.desc(), id.desc())),
            Sort::Oldest => cards.order((at.asc(), id.asc())),
        };
        let tx = self.begin_read(actor.workspace_id).await?;
        let rows: Vec<CardRow> = cards.load(&mut tx.conn()).await?;
        let cards = with_pictures(&tx, actor.workspace_id, rows).await?;
        tx.commit().await?;
        Ok(Page::of(cards, query.limit))
    }

    /// How many conversations are open and unread, mine and, where I may see them, everybody's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counts(&self, actor: &Actor) -> Result<Counts, StoreError> {
        let here = conversations::table
            .filter(conversations::workspace_id.eq(actor.workspace_id.0))
            .filter(conversations::merged_into.is_null());
        let open = here.filter(conversations::status.eq(Status::Open.as_str()));
        let unread = here.filter(conversations::unread);
        let mine = conversations::owner_id.eq(actor.user_id.0);
        let tx = self.begin_read(actor.workspace_id).await?;
        let (mut a, mut b, mut c, mut d) = (tx.conn(), tx.conn(), tx.conn(), tx.conn());
        let (my_open, my_unread): (i64, i64) = tokio::try_join!(
            open.filter(mine).count().get_result(&mut a),
            unread.filter(mine).count().get_result(&mut b),
        )?;
        let all = match actor.visibility() {
            Visibility::Mine(_) => None,
            Visibility::All => {
                let (open, unread): (i64, i64) =
                    tokio::try_join!(open.count().get_result(&mut c), unread.count().get_result(&mut d))?;
                Some(Count { open, unread })
            }
        };
        tx.commit().await?;
        Ok(Counts { mine: Count { open: my_open, unread: my_unread }, all })
    }
}
