//! The live page: what happened, and who is where.

use super::picture::Picture;
use super::{
    conversation::CardView,
    names::DeliveryName,
    people::{AuthorKindName, AuthorView, ContactReferenceView, OwnerView},
    time::Time,
};
use crate::form::{Form, Request, choice, integer, text};
use postroom_domain::ids::{ConversationId, MessageId, ThreadId};
use postroom_store::{Change, ContactRef, Event, EventPage, MessageNews, Presence, PresenceState, UserRef};
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema, schema::AnyOfBuilder},
};
use uuid::Uuid;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EventType)]
pub enum EventTypeName {
    /// A thread became a conversation. `data` is its card.
    #[serde(rename = "conversation.created")]
    ConversationCreated,
    /// Status, owner, unread or activity changed. `data` is the card as it is now: put it in, whether it was there or
    /// not.
    #[serde(rename = "conversation.updated")]
    ConversationUpdated,
    /// It left your view. `data` has its id alone.
    #[serde(rename = "conversation.removed")]
    ConversationRemoved,
    /// A message came in or was accepted. `data` is an `EventMessage`.
    #[serde(rename = "message.created")]
    MessageCreated,
    /// A message's delivery went on, or it was understood anew. `data` is an `EventMessage`.
    #[serde(rename = "message.updated")]
    MessageUpdated,
    /// A message was taken back. `data` is an `EventMessage`.
    #[serde(rename = "message.removed")]
    MessageRemoved,
    /// A contact changed. `data` is the contact as cards show it.
    #[serde(rename = "contact.updated")]
    ContactUpdated,
    /// A company changed. `data` has its id.
    #[serde(rename = "company.updated")]
    CompanyUpdated,
    /// A deal changed. `data` has its id.
    #[serde(rename = "deal.updated")]
    DealUpdated,
    /// A mailbox changed. `data` has its id.
    #[serde(rename = "mailbox.updated")]
    MailboxUpdated,
    /// Too many mails alike come to a mailbox: they stand in its intake list until that ends. `data` has the mailbox's id.
    #[serde(rename = "mailbox.loop")]
    MailboxLoop,
    /// A user changed. `data` is the user as cards show them.
    #[serde(rename = "user.updated")]
    UserUpdated,
    /// The workspace's name or settings changed. `data` is empty.
    #[serde(rename = "workspace.updated")]
    WorkspaceUpdated,
    /// So much changed at once, or what you may see, that the page loads anew. `data` is empty.
    #[serde(rename = "view.reset")]
    ViewReset,
}

impl EventTypeName {
    /// The name, as it stands in `type` and on the stream's `event:` lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConversationCreated => "conversation.created",
            Self::ConversationUpdated => "conversation.updated",
            Self::ConversationRemoved => "conversation.removed",
            Self::MessageCreated => "message.created",
            Self::MessageUpdated => "message.updated",
            Self::MessageRemoved => "message.removed",
            Self::ContactUpdated => "contact.updated",
            Self::CompanyUpdated => "company.updated",
            Self::DealUpdated => "deal.updated",
            Self::MailboxUpdated => "mailbox.updated",
            Self::MailboxLoop => "mailbox.loop",
            Self::UserUpdated => "user.updated",
            Self::WorkspaceUpdated => "workspace.updated",
            Self::ViewReset => "view.reset",
        }
    }
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

/// What an event tells, by its type.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum EventDataView {
    /// A conversation's card.
    Card(Box<CardView>),
    /// A message.
    Message(MessageNewsView),
    /// A contact.
    Contact(ContactReferenceView),
    /// A user.
    User(OwnerView),
    /// Anything else.
    Thing(ThingView),
    /// Nothing more.
    Nothing(NothingView),
}

/// Several of these can fit one thing, since each has an id: which of them it is says the event's type.
impl PartialSchema for EventDataView {
    fn schema() -> RefOr<Schema> {
        let names = [
            CardView::name(),
            MessageNewsView::name(),
            ContactReferenceView::name(),
            OwnerView::name(),
            ThingView::name(),
            NothingView::name(),
        ];
        let any =
            names.into_iter().fold(AnyOfBuilder::new(), |any, name| any.item(Ref::from_schema_name(name)));
        Schema::AnyOf(any.description(Some("What an event tells; which it is says its `type`.")).build())
            .into()
    }
}

impl ToSchema for EventDataView {
    fn name() -> std::borrow::Cow<'static, str> {
        "EventData".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            schemas.push((T::name().into_owned(), T::schema()));
            T::schemas(schemas);
        }
        add::<CardView>(schemas);
        add::<MessageNewsView>(schemas);
        add::<ContactReferenceView>(schemas);
        add::<OwnerView>(schemas);
        add::<ThingView>(schemas);
        add::<NothingView>(schemas);
    }
}

/// One change.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// Its place in the workspace's log, in the order of the commits. Numbers that are missing are not yours to know.
    #[schema(example = 1234, minimum = 1)]
    pub number: i64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventTypeName,
    /// When.
    pub at: Time,
    /// The user who did it; null for the system itself (mail that came in, a delivery).
    pub actor: Option<AuthorView>,
    /// The conversation that it belongs to; null where it belongs to none.
    #[schema(value_type = Option<Uuid>)]
    pub conversation_id: Option<ConversationId>,
    /// What there is to know, by type.
    pub data: EventDataView,
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

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let (kind, data) = kind_and_data(event.change, event.conversation_id);
        Self {
            number: event.number,
            kind,
            at: event.at.into(),
            actor: event.actor.map(user),
            conversation_id: event.conversation_id,
            data,
        }
    }
}

fn kind_and_data(change: Change, conversation: Option<ConversationId>) -> (EventTypeName, EventDataView) {
    let card = |card: Box<postroom_store::Card>| EventDataView::Card(Box::new((*card).into()));
    let thing = |id: Uuid| EventDataView::Thing(ThingView { id });
    let message = |news: MessageNews| {
        EventDataView::Message(MessageNewsView {
            id: news.id,
            thread_id: news.thread_id,
            delivery_state: news.delivery.map(DeliveryName::from),
        })
    };
    let nothing = EventDataView::Nothing(NothingView {});
    match change {
        Change::ConversationCreated(it) => (EventTypeName::ConversationCreated, card(it)),
        Change::ConversationUpdated(it) => (EventTypeName::ConversationUpdated, card(it)),
        Change::ConversationRemoved => {
            (EventTypeName::ConversationRemoved, conversation.map_or(nothing, |id| thing(id.0)))
        }
        Change::MessageCreated(it) => (EventTypeName::MessageCreated, message(it)),
        Change::MessageUpdated(it) => (EventTypeName::MessageUpdated, message(it)),
        Change::MessageRemoved(it) => (EventTypeName::MessageRemoved, message(it)),
        Change::ContactUpdated(it) => (EventTypeName::ContactUpdated, contact(it)),
        Change::CompanyUpdated(id) => (EventTypeName::CompanyUpdated, thing(id.0)),
        Change::DealUpdated(id) => (EventTypeName::DealUpdated, thing(id.0)),
        Change::MailboxUpdated(id) => (EventTypeName::MailboxUpdated, thing(id.0)),
        Change::MailboxLoop(id) => (EventTypeName::MailboxLoop, thing(id.0)),
        Change::UserUpdated(it) => (EventTypeName::UserUpdated, EventDataView::User(it.into())),
        Change::WorkspaceUpdated => (EventTypeName::WorkspaceUpdated, nothing),
        Change::ViewReset => (EventTypeName::ViewReset, nothing),
    }
}

fn contact(one: ContactRef) -> EventDataView {
    EventDataView::Contact(ContactReferenceView {
        id: one.id,
        name: one.name,
        email: one.email,
        avatar_url: Picture::of(one.avatar),
    })
}

fn user(one: UserRef) -> AuthorView {
    AuthorView {
        kind: AuthorKindName::User,
        id: Some(one.id.0),
        name: one.name,
        email: one.email,
        avatar_url: Picture::of(one.avatar),
    }
}

/// Somebody is in a conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Presence)]
pub struct PresenceView {
    /// The conversation's id.
    #[schema(value_type = Uuid)]
    pub conversation_id: ConversationId,
    /// Who.
    pub user: AuthorView,
    /// What they do.
    pub state: PresenceName,
    /// They are gone then, unless they say so again.
    pub expires_at: Time,
}

impl From<Presence> for PresenceView {
    fn from(presence: Presence) -> Self {
        Self {
            conversation_id: presence.conversation_id,
            user: user(presence.user),
            state: match presence.state {
                PresenceState::Viewing => PresenceName::Viewing,
                PresenceState::Writing => PresenceName::Writing,
            },
            expires_at: presence.expires_at.into(),
        }
    }
}

/// What somebody does in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PresenceState)]
pub enum PresenceName {
    /// They have it open.
    Viewing,
    /// They write an answer.
    Writing,
}

impl From<PresenceName> for PresenceState {
    fn from(name: PresenceName) -> Self {
        match name {
            PresenceName::Viewing => Self::Viewing,
            PresenceName::Writing => Self::Writing,
        }
    }
}

/// What the caller does in a conversation.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"state": "viewing"}))]
pub struct PresenceRequest {
    /// What they do.
    pub state: PresenceName,
}

impl Request for PresenceRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let state = form.required("state", choice("viewing, writing"));
        Some(Self { state: state? })
    }
}

/// What the live stream is opened with where no header can be sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Ticket)]
pub struct TicketView {
    /// For `GET /v1/events/stream?ticket=…`, and nothing else. Good for as many connections as you like while the session
    /// lives.
    #[schema(example = "prt_AZjH4H1OfD-aUw0vWx86EQ")]
    pub ticket: String,
}

/// Where to read the log.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Behind which number: a `Postroom-Event` header, `next_after`, or the `id` of the last event that was seen.
    #[param(minimum = 0, example = 1234)]
    pub after: i64,
    /// How many changes at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
}

impl Request for EventsQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let after = form.required("after", integer(0, i64::MAX));
        let limit = form.optional("limit", integer(1, 100));
        let limit = limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(super::list::DEFAULT_LIMIT);
        Some(Self { after: after?, limit })
    }
}

/// From where to follow the log.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FollowQuery {
    /// Behind which number, such as a `Postroom-Event` header; left out: from now on. `Last-Event-ID` comes before it.
    #[param(minimum = 0, required = false, example = 1234)]
    pub after: Option<i64>,
    /// A ticket of `POST /v1/events/ticket`, where no `Authorization` header can be sent.
    #[param(required = false, max_length = 200)]
    pub ticket: Option<String>,
}

impl Request for FollowQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let after = form.optional("after", integer(0, i64::MAX));
        let ticket = form.optional("ticket", text(200));
        Some(Self { after: after?, ticket: ticket? })
    }
}
