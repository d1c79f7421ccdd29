//! The live page: what happened.

use super::picture::Picture;
use super::{
    conversation::CardView,
    names::DeliveryName,
    people::{AuthorKindName, AuthorView, ContactReferenceView, OwnerView},
    time::Time,
};
use postroom_domain::ids::{ConversationId, MessageId, ThreadId};
use postroom_store::{Change, ContactRef, Event, EventPage, MessageNews, UserRef};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What happens to conversations that one sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ConversationEventType)]
pub enum ConversationEventName {
    /// A thread became a conversation.
    #[serde(rename = "conversation.created")]
    Created,
    /// Status, owner, unread or activity changed.
    #[serde(rename = "conversation.updated")]
    Updated,
}

/// What happens to conversations that one doesn't see any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ConversationRemovedEventType)]
pub enum ConversationRemovedEventName {
    /// It left your view.
    #[serde(rename = "conversation.removed")]
    Removed,
}

/// What happens to messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MessageEventType)]
pub enum MessageEventName {
    /// A message came in or was accepted.
    #[serde(rename = "message.created")]
    Created,
    /// Its delivery went on, or it was understood anew.
    #[serde(rename = "message.updated")]
    Updated,
    /// It was taken back.
    #[serde(rename = "message.removed")]
    Removed,
}

/// What happens to contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ContactEventType)]
pub enum ContactEventName {
    /// A contact changed.
    #[serde(rename = "contact.updated")]
    Updated,
}

/// What happens to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UserEventType)]
pub enum UserEventName {
    /// A user changed.
    #[serde(rename = "user.updated")]
    Updated,
}

/// What happens to things that are named by their ids alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ThingEventType)]
pub enum ThingEventName {
    /// A company changed.
    #[serde(rename = "company.updated")]
    CompanyUpdated,
    /// A deal changed.
    #[serde(rename = "deal.updated")]
    DealUpdated,
    /// A mailbox changed.
    #[serde(rename = "mailbox.updated")]
    MailboxUpdated,
    /// Too many mails alike come to a mailbox: they stand in its intake list until that ends.
    #[serde(rename = "mailbox.loop")]
    MailboxLoop,
}

/// What happens to the workspace, or to all that one sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WholeEventType)]
pub enum WholeEventName {
    /// The workspace's name or settings changed.
    #[serde(rename = "workspace.updated")]
    WorkspaceUpdated,
    /// So much changed at once, or what you may see, that the page loads anew.
    #[serde(rename = "view.reset")]
    ViewReset,
}

/// A message, as far as an event names it: read it to show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EventMessage)]
pub struct MessageNewsView {
    /// The message's id.
    #[schema(value_type = Uuid)]
    pub id: MessageId,
    /// Its thread's id; null where the message was taken back.
    #[schema(value_type = Option<Uuid>)]
    pub thread_id: Option<ThreadId>,
    /// How its delivery stands; null where it has none.
    pub delivery_state: Option<DeliveryName>,
}

/// A thing that is named by its id alone.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EventThing)]
pub struct ThingView {
    /// Its id.
    pub id: Uuid,
}

/// Nothing more is said.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EventNothing)]
pub struct NothingView {}

/// What all events have.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EventHead)]
pub struct EventHeadView {
    /// Its place in the workspace's log, in the order of the commits. Numbers that are missing are not yours to know.
    #[schema(example = 1234, minimum = 1)]
    pub number: i64,
    /// When.
    pub at: Time,
    /// The user who did it; null for the system itself (mail that came in, a delivery).
    pub actor: Option<AuthorView>,
}

/// A conversation that you see is new or changed: put its card in, whether it was there or not.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ConversationEvent)]
pub struct ConversationEventView {
    #[serde(flatten)]
    head: EventHeadView,
    /// What happened.
    #[serde(rename = "type")]
    kind: ConversationEventName,
    /// The conversation.
    #[schema(value_type = Uuid)]
    conversation_id: ConversationId,
    /// The card as it is now.
    data: Box<CardView>,
}

/// A conversation left your view: take its card away. Where it became part of another one,
/// reading it is answered `conversation_merged`; else it is somebody else's.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ConversationRemovedEvent)]
pub struct ConversationRemovedEventView {
    #[serde(flatten)]
    head: EventHeadView,
    /// What happened.
    #[serde(rename = "type")]
    kind: ConversationRemovedEventName,
    /// The conversation.
    #[schema(value_type = Uuid)]
    conversation_id: ConversationId,
    /// The conversation.
    data: ThingView,
}

/// A message came in, was accepted, went on in its delivery, was understood anew or was taken back: read it to show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MessageEvent)]
pub struct MessageEventView {
    #[serde(flatten)]
    head: EventHeadView,
    /// What happened.
    #[serde(rename = "type")]
    kind: MessageEventName,
    /// Its conversation; null while nobody has answered (CNV-1).
    #[schema(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
    /// The message.
    data: MessageNewsView,
}

/// A contact changed: cards show them so from now on (`primary_contact`).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ContactEvent)]
pub struct ContactEventView {
    #[serde(flatten)]
    head: EventHeadView,
    /// What happened.
    #[serde(rename = "type")]
    kind: ContactEventName,
    /// Always null.
    #[schema(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
    /// The contact as cards show it.
    data: ContactReferenceView,
}

/// A user changed: cards show them so from now on (`owner`).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = UserEvent)]
pub struct UserEventView {
    #[serde(flatten)]
    head: EventHeadView,
    /// What happened.
    #[serde(rename = "type")]
    kind: UserEventName,
    /// Always null.
    #[schema(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
    /// The user as cards show them.
    data: OwnerView,
}

/// A company, deal or mailbox changed: read it anew where it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ThingEvent)]
pub struct ThingEventView {
    #[serde(flatten)]
    head: EventHeadView,
    /// What happened.
    #[serde(rename = "type")]
    kind: ThingEventName,
    /// Always null.
    #[schema(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
    /// The thing.
    data: ThingView,
}

/// The workspace changed, or all that you see: read it anew.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WholeEvent)]
pub struct WholeEventView {
    #[serde(flatten)]
    head: EventHeadView,
    /// What happened.
    #[serde(rename = "type")]
    kind: WholeEventName,
    /// Always null.
    #[schema(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
    /// Nothing more is said.
    data: NothingView,
}

/// One change. Which it is, and what its `data` is, says its `type`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Event)]
pub enum EventView {
    /// A conversation is new or changed.
    Conversation(ConversationEventView),
    /// A conversation left the reader's view.
    ConversationRemoved(ConversationRemovedEventView),
    /// A message.
    Message(MessageEventView),
    /// A contact.
    Contact(ContactEventView),
    /// A user.
    User(UserEventView),
    /// Anything else that has an id.
    Thing(ThingEventView),
    /// The workspace, or everything.
    Whole(WholeEventView),
}

/// What a page missed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EventList)]
pub struct EventPageView {
    /// The changes, in the order of their numbers. Fewer than `limit`, even none, where the log has much that is not
    /// yours to know.
    pub data: Vec<EventView>,
    /// What to ask with next (`after`): the log was read up to this number.
    #[schema(example = 1234, minimum = 0)]
    pub next_after: i64,
    /// The latest number. Where `next_after` is the same, there is nothing more now.
    #[schema(example = 1240, minimum = 0)]
    pub latest: i64,
}

impl From<EventPage> for EventPageView {
    fn from(page: EventPage) -> Self {
        Self {
            data: page.events.into_iter().map(EventView::from).collect(),
            next_after: page.next_after,
            latest: page.latest,
        }
    }
}

impl EventView {
    /// Its place in the log.
    #[must_use]
    pub fn number(&self) -> i64 {
        let (Self::Conversation(ConversationEventView { head, .. })
        | Self::ConversationRemoved(ConversationRemovedEventView { head, .. })
        | Self::Message(MessageEventView { head, .. })
        | Self::Contact(ContactEventView { head, .. })
        | Self::User(UserEventView { head, .. })
        | Self::Thing(ThingEventView { head, .. })
        | Self::Whole(WholeEventView { head, .. })) = self;
        head.number
    }

    /// Its type, as it stands in `type` and on the stream's `event:` lines.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conversation(event) => match event.kind {
                ConversationEventName::Created => "conversation.created",
                ConversationEventName::Updated => "conversation.updated",
            },
            Self::ConversationRemoved(_) => "conversation.removed",
            Self::Message(event) => match event.kind {
                MessageEventName::Created => "message.created",
                MessageEventName::Updated => "message.updated",
                MessageEventName::Removed => "message.removed",
            },
            Self::Contact(_) => "contact.updated",
            Self::User(_) => "user.updated",
            Self::Thing(event) => match event.kind {
                ThingEventName::CompanyUpdated => "company.updated",
                ThingEventName::DealUpdated => "deal.updated",
                ThingEventName::MailboxUpdated => "mailbox.updated",
                ThingEventName::MailboxLoop => "mailbox.loop",
            },
            Self::Whole(event) => match event.kind {
                WholeEventName::WorkspaceUpdated => "workspace.updated",
                WholeEventName::ViewReset => "view.reset",
            },
        }
    }
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let head = EventHeadView { number: event.number, at: event.at.into(), actor: event.actor.map(user) };
        let conversation_id = event.conversation_id;
        let conversation = |head, kind, card: Box<postroom_store::Card>| {
            let card = Box::new(CardView::from(*card));
            let conversation_id = card.id;
            Self::Conversation(ConversationEventView { head, kind, conversation_id, data: card })
        };
        let message = |head, kind, news: MessageNews| {
            Self::Message(MessageEventView { head, kind, conversation_id, data: news.into() })
        };
        let thing = |head, kind, id| {
            Self::Thing(ThingEventView { head, kind, conversation_id, data: ThingView { id } })
        };
        let whole =
            |head, kind| Self::Whole(WholeEventView { head, kind, conversation_id, data: NothingView {} });
        match event.change {
            Change::ConversationCreated(it) => conversation(head, ConversationEventName::Created, it),
            Change::ConversationUpdated(it) => conversation(head, ConversationEventName::Updated, it),
            Change::ConversationRemoved(id) => Self::ConversationRemoved(ConversationRemovedEventView {
                head,
                kind: ConversationRemovedEventName::Removed,
                conversation_id: id,
                data: ThingView { id: id.0 },
            }),
            Change::MessageCreated(it) => message(head, MessageEventName::Created, it),
            Change::MessageUpdated(it) => message(head, MessageEventName::Updated, it),
            Change::MessageRemoved(it) => message(head, MessageEventName::Removed, it),
            Change::ContactUpdated(it) => Self::Contact(ContactEventView {
                head,
                kind: ContactEventName::Updated,
                conversation_id,
                data: contact(it),
            }),
            Change::UserUpdated(it) => Self::User(UserEventView {
                head,
                kind: UserEventName::Updated,
                conversation_id,
                data: it.into(),
            }),
            Change::CompanyUpdated(id) => thing(head, ThingEventName::CompanyUpdated, id.0),
            Change::DealUpdated(id) => thing(head, ThingEventName::DealUpdated, id.0),
            Change::MailboxUpdated(id) => thing(head, ThingEventName::MailboxUpdated, id.0),
            Change::MailboxLoop(id) => thing(head, ThingEventName::MailboxLoop, id.0),
            Change::WorkspaceUpdated => whole(head, WholeEventName::WorkspaceUpdated),
            Change::ViewReset => whole(head, WholeEventName::ViewReset),
        }
    }
}

impl From<MessageNews> for MessageNewsView {
    fn from(news: MessageNews) -> Self {
        Self { id: news.id, thread_id: news.thread_id, delivery_state: news.delivery.map(DeliveryName::from) }
    }
}

fn contact(one: ContactRef) -> ContactReferenceView {
    ContactReferenceView { id: one.id, name: one.name, email: one.email, avatar_url: Picture::of(one.avatar) }
}

/// A user as one who does something.
pub(super) fn user(one: UserRef) -> AuthorView {
    AuthorView {
        kind: AuthorKindName::User,
        id: Some(one.id.0),
        name: one.name,
        email: one.email,
        avatar_url: Picture::of(one.avatar),
    }
}
