//! Conversations: the card in the stream, and the one that is open.

use super::picture::Picture;
use super::{
    names::{DirectionName, StatusName, TypeName},
    people::{AddressView, AuthorKindName, AuthorView, ContactReferenceView, OwnerView, addresses},
    time::Time,
};
use crate::form::{Form, Request, choice, id, integer, text};
use postroom_domain::ids::{ContactId, ConversationId, MailboxId, MessageId, UserId};
use postroom_store::{
    Author, Card, ConversationDetail, ConversationPatch, Count, Counts, Participant, Sort, StatusFilter, View,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The last message, as a card shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LastMessage)]
pub struct LastMessageView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: MessageId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: TypeName,
    /// Which way it went.
    pub direction: DirectionName,
    /// An automatic reply.
    pub automatic: bool,
    /// The start of its newly written part, at most 200 characters.
    #[schema(max_length = 200, example = "Thank you, that helped.")]
    pub preview: String,
    /// Its place in time: when it came in or was accepted. The mail's own date is the message's `sent_at`.
    pub sent_at: Time,
    /// Who wrote it.
    pub sender: AuthorView,
}

/// An element of the stream.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Card)]
pub struct CardView {
    /// The conversation's id.
    #[schema(value_type = Uuid)]
    pub id: ConversationId,
    /// Its number in the workspace, to say aloud.
    #[schema(example = 42)]
    pub number: i64,
    /// Its first message's subject.
    #[schema(example = "Order 1234")]
    pub subject: String,
    /// The last message's type.
    #[serde(rename = "type")]
    pub kind: TypeName,
    /// Open or closed.
    pub status: StatusName,
    /// Nobody has opened it yet, or somebody marked it unread.
    pub unread: bool,
    /// Inbound messages since anyone last opened it.
    #[schema(minimum = 0)]
    pub unseen_replies: i32,
    /// Who the customer is.
    pub primary_contact: ContactReferenceView,
    /// Whose it is.
    pub owner: OwnerView,
    /// The last message.
    pub last_message: LastMessageView,
    /// How many messages it has.
    #[schema(minimum = 0)]
    pub message_count: i32,
    /// Whether any message has an attachment.
    pub has_attachments: bool,
    /// When it became a conversation.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// When it was made, got a message or changed its status.
    pub last_activity_at: Time,
    /// Counts changes of status, owner and primary contact.
    pub version: i64,
}

impl From<Author> for AuthorView {
    fn from(author: Author) -> Self {
        Self {
            kind: author.kind.into(),
            id: author.id,
            name: author.name,
            email: author.email,
            avatar_url: Picture::of(author.avatar),
        }
    }
}

impl From<Card> for CardView {
    fn from(card: Card) -> Self {
        let (contact, owner, last) = (card.primary_contact, card.owner, card.last_message);
        Self {
            id: card.id,
            number: card.number,
            subject: card.subject,
            kind: TypeName::Email,
            status: card.status.into(),
            unread: card.unread,
            unseen_replies: card.unseen_replies,
            primary_contact: ContactReferenceView {
                id: contact.id,
                name: contact.name,
                email: contact.email,
                avatar_url: Picture::of(contact.avatar),
            },
            owner: owner.into(),
            last_message: LastMessageView {
                id: last.id,
                kind: TypeName::Email,
                direction: last.direction.into(),
                automatic: last.automatic,
                preview: last.preview,
                sent_at: last.at.into(),
                sender: last.sender.into(),
            },
            message_count: card.message_count,
            has_attachments: card.has_attachments,
            created_at: card.created_at.into(),
            updated_at: card.updated_at.into(),
            last_activity_at: card.last_activity_at.into(),
            version: card.version,
        }
    }
}

/// A mailbox, where only its address matters.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailboxReference)]
pub struct MailboxReferenceView {
    /// The mailbox's id.
    #[schema(value_type = Uuid)]
    pub id: MailboxId,
    /// Its address.
    #[schema(example = "support@acme.example")]
    pub address: String,
}

/// What the caller may do here.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = ConversationPermissions)]
pub struct ConversationPermissionsView {
    /// Answer: false where there is no mailbox to send from.
    pub reply: bool,
    /// Open and close.
    pub change_status: bool,
    /// Hand over.
    pub change_owner: bool,
}

/// What the editor begins with.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReplyDefaults)]
pub struct ReplyDefaultsView {
    /// What stands in From: the caller's name, the mailbox's address; null where there is no mailbox to send from.
    pub from: Option<AddressView>,
    /// Whom the reply goes to.
    pub to: Vec<AddressView>,
    /// The other parties; nobody where they are more than 50.
    pub cc: Vec<AddressView>,
    /// How many other parties are not in `cc` because they are more than 50: whoever wants to write to them names them.
    #[schema(minimum = 0)]
    pub cc_left_out: usize,
    /// The caller's setting.
    pub include_signature: bool,
    /// The caller's signature, sanitised HTML.
    pub signature_html: String,
    /// The subject that the reply will have.
    #[schema(example = "Re: Order 1234")]
    pub subject: String,
}

/// A conversation: its card, and what the window's header and editor need.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Conversation)]
pub struct ConversationView {
    /// The card.
    #[serde(flatten)]
    pub card: CardView,
    /// The external parties.
    pub participants: Vec<AuthorView>,
    /// The mailbox that it came in or went out through.
    pub mailbox: MailboxReferenceView,
    /// What the caller may do here.
    pub can: ConversationPermissionsView,
    /// What the editor begins with.
    pub reply_defaults: ReplyDefaultsView,
}

impl From<ConversationDetail> for ConversationView {
    fn from(detail: ConversationDetail) -> Self {
        let defaults = detail.reply_defaults;
        Self {
            card: detail.card.into(),
            participants: detail.participants.into_iter().map(party).collect(),
            mailbox: MailboxReferenceView { id: detail.mailbox.id, address: detail.mailbox.address },
            can: ConversationPermissionsView {
                reply: detail.can.reply,
                change_status: detail.can.change_status,
                change_owner: detail.can.change_owner,
            },
            reply_defaults: ReplyDefaultsView {
                from: defaults.from.map(AddressView::from),
                to: addresses(defaults.to),
                cc: addresses(defaults.cc),
                cc_left_out: defaults.copies_left_out,
                include_signature: defaults.include_signature,
                signature_html: defaults.signature_html,
                subject: defaults.subject,
            },
        }
    }
}

/// An external party; one whose address is no contact's has no id.
fn party(one: Participant) -> AuthorView {
    AuthorView {
        kind: AuthorKindName::Contact,
        id: one.contact_id.map(Uuid::from),
        name: one.name,
        email: one.email,
        avatar_url: Picture::of(one.avatar),
    }
}

/// How many conversations are open, and how many, open or closed, nobody has opened yet.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Count)]
pub struct CountView {
    /// Open ones.
    #[schema(minimum = 0)]
    pub open: i64,
    /// Unread ones.
    #[schema(minimum = 0)]
    pub unread: i64,
}

/// The numbers of the navigation's badge.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Counts)]
pub struct CountsView {
    /// Those that the caller owns.
    pub mine: CountView,
    /// All of the workspace; null for team members.
    pub all: Option<CountView>,
}

impl From<Count> for CountView {
    fn from(count: Count) -> Self {
        Self { open: count.open, unread: count.unread }
    }
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        Self { mine: counts.mine.into(), all: counts.all.map(CountView::from) }
    }
}

/// Changes to a conversation (JSON Merge Patch).
#[derive(Debug, ToSchema)]
#[schema(example = json!({"status": "closed"}))]
pub struct ConversationRequest {
    /// Open or close it.
    #[schema(nullable = false, example = "closed")]
    pub status: Option<StatusName>,
    /// Hand it over to an active user. The contact's owner stays who they are.
    #[schema(value_type = Option<Uuid>, nullable = false)]
    pub owner_id: Option<UserId>,
    /// Another external party of the conversation.
    #[schema(value_type = Option<Uuid>, nullable = false)]
    pub primary_contact_id: Option<ContactId>,
}

impl Request for ConversationRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let status = form.changed("status", choice("open, closed"));
        let owner_id = form.changed("owner_id", id);
        let primary_contact_id = form.changed("primary_contact_id", id);
        Some(Self { status: status?, owner_id: owner_id?, primary_contact_id: primary_contact_id? })
    }
}

impl From<ConversationRequest> for ConversationPatch {
    fn from(request: ConversationRequest) -> Self {
        Self {
            status: request.status.map(Into::into),
            owner_id: request.owner_id,
            primary_contact_id: request.primary_contact_id,
        }
    }
}

/// How far somebody has read.
#[derive(Debug, ToSchema)]
pub struct SeenRequest {
    /// The last message that was shown; left out, the newest. It never moves back.
    #[schema(value_type = Option<Uuid>)]
    pub message_id: Option<MessageId>,
}

impl Request for SeenRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let message_id = form.optional("message_id", id);
        Some(Self { message_id: message_id? })
    }
}

/// Whose conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewName {
    /// Those that the caller owns.
    Mine,
    /// All of the workspace; not for team members.
    All,
}

/// Which conversations by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusFilterName {
    /// Open ones.
    #[default]
    Open,
    /// Closed ones.
    Closed,
    /// Both.
    All,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortName {
    /// The latest activity first.
    #[default]
    Newest,
    /// The oldest activity first.
    Oldest,
}

/// The stream's parameters.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamRequest {
    /// Whose: `mine` or `all`. Default: `mine` for team members, `all` for the others.
    #[param(inline, required = false)]
    pub view: Option<ViewName>,
    /// Which: `open`, `closed` or `all`. Default: `open`.
    #[param(inline, required = false)]
    pub status: StatusFilterName,
    /// By last activity: `newest` or `oldest` first. Default: `newest`.
    #[param(inline, required = false)]
    pub sort: SortName,
    /// How many at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl Request for StreamRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let view = form.optional("view", choice("mine, all"));
        let status = form.optional("status", choice("open, closed, all"));
        let sort = form.optional("sort", choice("newest, oldest"));
        let limit = form.optional("limit", integer(1, 100));
        let cursor = form.optional("cursor", text(2000));
        Some(Self {
            view: view?,
            status: status?.unwrap_or_default(),
            sort: sort?.unwrap_or_default(),
            limit: limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(super::list::DEFAULT_LIMIT),
            cursor: cursor?,
        })
    }
}

impl From<ViewName> for View {
    fn from(name: ViewName) -> Self {
        match name {
            ViewName::Mine => Self::Mine,
            ViewName::All => Self::All,
        }
    }
}

impl From<StatusFilterName> for StatusFilter {
    fn from(name: StatusFilterName) -> Self {
        match name {
            StatusFilterName::Open => Self::Open,
            StatusFilterName::Closed => Self::Closed,
            StatusFilterName::All => Self::All,
        }
    }
}

impl From<SortName> for Sort {
    fn from(name: SortName) -> Self {
        match name {
            SortName::Newest => Self::Newest,
            SortName::Oldest => Self::Oldest,
        }
    }
}
