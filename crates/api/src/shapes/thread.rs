//! Threads that are no conversation yet.

use super::{
    conversation::MailboxReferenceView,
    list::DEFAULT_LIMIT,
    people::{AddressView, AuthorView, addresses},
    time::Time,
};
use crate::form::{Form, Request, choice, integer, text};
use postroom_domain::ids::{ConversationId, MessageId, ThreadId};
use postroom_store::Thread;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ThreadState)]
pub enum ThreadStateName {
    /// Those that wait for a reply: no conversation yet.
    #[default]
    Waiting,
}

/// The parameters of the list of threads.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ThreadsQuery {
    /// Which threads.
    #[param(value_type = Option<ThreadStateName>, inline, required = false, example = "waiting")]
    pub state: ThreadStateName,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl Request for ThreadsQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let state = form.optional("state", choice("waiting"));
        let limit = form.optional("limit", integer(1, 100));
        let cursor = form.optional("cursor", text(2000));
        let limit = limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Some(Self { state: state?.unwrap_or_default(), limit, cursor: cursor? })
    }
}

/// Messages that belong together.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Thread)]
pub struct ThreadView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: ThreadId,
    /// The conversation that it is by now; null while it waits for a reply.
    #[schema(value_type = Option<Uuid>)]
    pub conversation_id: Option<ConversationId>,
    /// Its first message's subject.
    #[schema(example = "Your new grinder")]
    pub subject: String,
    /// The beginning of what was newly written in its first message.
    #[schema(max_length = 200, example = "Hello Bob, it is on its way.")]
    pub preview: String,
    /// Who wrote the first message.
    pub author: AuthorView,
    /// Whom the first message is addressed to.
    pub recipients: Vec<AddressView>,
    /// The mailbox that its first message came to or left through.
    pub mailbox: MailboxReferenceView,
    /// Its first message; `GET /v1/messages/{id}` shows it.
    #[schema(value_type = Uuid)]
    pub first_message_id: MessageId,
    /// How many messages it has.
    #[schema(minimum = 1)]
    pub message_count: i64,
    /// The place in time of its last message.
    pub last_message_at: Time,
    /// When it was begun.
    pub created_at: Time,
    /// When its last message came.
    pub updated_at: Time,
    /// Counts its messages: nothing else of it changes.
    pub version: i64,
}

impl From<Thread> for ThreadView {
    fn from(thread: Thread) -> Self {
        Self {
            id: thread.id,
            conversation_id: thread.conversation_id,
            subject: thread.subject,
            preview: thread.preview,
            author: thread.author.into(),
            recipients: addresses(thread.recipients),
            mailbox: MailboxReferenceView { id: thread.mailbox.id, address: thread.mailbox.address },
            first_message_id: thread.first_message_id,
            message_count: thread.message_count,
            last_message_at: thread.last_message_at.into(),
            created_at: thread.created_at.into(),
            updated_at: thread.last_message_at.max(thread.created_at).into(),
            version: thread.message_count,
        }
    }
}
