//! The log of what changed: written in the transaction that changes it, numbered without gaps in commit order.

use crate::{
    error::StoreError,
    prepared::Prepare,
    schema::{events, workspace_counters},
    transaction::Tx,
};
use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use postroom_domain::ids::{ConversationId, UserId, WorkspaceId};
use serde_json::json;
use uuid::Uuid;

/// What kind of change it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    ConversationCreated,
    ConversationUpdated,
    /// It is part of another one now.
    ConversationRemoved,
    MessageCreated,
    MessageUpdated,
    /// It was taken back before it was sent.
    MessageRemoved,
    ContactUpdated,
    CompanyUpdated,
    DealUpdated,
    MailboxUpdated,
    /// A loop is cut off: mail from somebody is only listed in the intake (MAIL-13).
    MailboxLoop,
    UserUpdated,
    WorkspaceUpdated,
    /// So much has changed at once, or what somebody may see, that pages load anew: everybody's where its subject is the
    /// workspace, one user's where it is that user.
    ViewReset,
}

impl EventKind {
    const ALL: [Self; 14] = [
        Self::ConversationCreated,
        Self::ConversationUpdated,
        Self::ConversationRemoved,
        Self::MessageCreated,
        Self::MessageUpdated,
        Self::MessageRemoved,
        Self::ContactUpdated,
        Self::CompanyUpdated,
        Self::DealUpdated,
        Self::MailboxUpdated,
        Self::MailboxLoop,
        Self::UserUpdated,
        Self::WorkspaceUpdated,
        Self::ViewReset,
    ];

    pub(crate) fn from_name(name: &str) -> Result<Self, StoreError> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| StoreError::Corrupt(format!("event {name}")))
    }

    fn as_str(self) -> &'static str {
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

/// One change, before it has a number.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) kind: EventKind,
    /// `None`: the system itself (mail that came in, a delivery).
    pub(crate) actor: Option<UserId>,
    pub(crate) conversation: Option<ConversationId>,
    /// The thing that changed, where it is no conversation.
    pub(crate) subject: Option<Uuid>,
    /// Whose the conversation was before and is after: who may see the event is decided by these when it is delivered.
    pub(crate) owners: Option<(UserId, UserId)>,
}

impl NewEvent {
    /// A change of a thing that is no conversation and no message.
    pub(crate) fn of(kind: EventKind, actor: Option<UserId>, subject: impl Into<Uuid>) -> Self {
        Self { kind, actor, conversation: None, subject: Some(subject.into()), owners: None }
    }

    /// A change of a conversation.
    pub(crate) fn of_conversation(
        kind: EventKind,
        actor: Option<UserId>,
        id: ConversationId,
        owners: (UserId, UserId),
    ) -> Self {
        Self { kind, actor, conversation: Some(id), subject: None, owners: Some(owners) }
    }
}

/// Takes the next number for a conversation, and one for each event, in one statement: the transaction's last lock. Only
/// the inserts that use them may follow.
pub(crate) async fn numbers(
    tx: &Tx,
    workspace: WorkspaceId,
    conversations: i64,
    events: usize,
) -> Result<Numbers, StoreError> {
    let count = i64::try_from(events).map_err(|_| StoreError::Corrupt("too many events at once".into()))?;
    let (event_no, conversation_no): (i64, i64) = diesel::update(workspace_counters::table.find(workspace.0))
        .set((
            workspace_counters::event_no.eq(workspace_counters::event_no + count),
            workspace_counters::conversation_no.eq(workspace_counters::conversation_no + conversations),
        ))
        .returning((workspace_counters::event_no, workspace_counters::conversation_no))
        .prepared()
        .get_result(&mut tx.conn())
        .await?;
    Ok(Numbers { first_event: event_no - count + 1, conversation: conversation_no })
}

/// Numbers taken by [`numbers`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    first_event: i64,
    /// The new conversation's number (CNV-9), where one was asked for.
    pub(crate) conversation: i64,
}

/// Writes the events under the numbers taken for them.
pub(crate) async fn insert(
    tx: &Tx,
    workspace: WorkspaceId,
    numbers: Numbers,
    new: &[NewEvent],
) -> Result<(), StoreError> {
    let rows: Vec<_> = (numbers.first_event..)
        .zip(new)
        .map(|(number, event)| {
            (
                events::workspace_id.eq(workspace.0),
                events::number.eq(number),
                events::type_.eq(event.kind.as_str()),
                events::actor_user_id.eq(event.actor.map(|id| id.0)),
                events::conversation_id.eq(event.conversation.map(|id| id.0)),
                events::subject_id.eq(event.subject),
                events::owner_before.eq(event.owners.map(|(before, _)| before.0)),
                events::owner_after.eq(event.owners.map(|(_, after)| after.0)),
                events::data.eq(json!({})),
            )
        })
        .collect();
    tx.note_news();
    diesel::insert_into(events::table).values(rows).prepared_for(new.len()).execute(&mut tx.conn()).await?;
    Ok(())
}

/// Takes the numbers and writes the events: the last thing of a transaction that makes no conversation.
pub(crate) async fn append(tx: &Tx, workspace: WorkspaceId, new: &[NewEvent]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let written = Append::of(workspace, new)?.execute(&mut tx.conn()).await?;
    if written != new.len() {
        return Err(StoreError::Corrupt("a workspace without counters".into()));
    }
    tx.note_news();
    Ok(())
}

/// Takes the numbers and writes the events in one statement, which each connection keeps prepared: all of the workspace's
/// writers wait for the counter, and so it is held for one round trip and the commit.
#[derive(QueryId)]
struct Append {
    workspace: Uuid,
    count: i64,
    kinds: Vec<&'static str>,
    actors: Vec<Option<Uuid>>,
    conversations: Vec<Option<Uuid>>,
    subjects: Vec<Option<Uuid>>,
    owners_before: Vec<Option<Uuid>>,
    owners_after: Vec<Option<Uuid>>,
}

impl Append {
    fn of(workspace: WorkspaceId, new: &[NewEvent]) -> Result<Self, StoreError> {
        let ids = |id: fn(&NewEvent) -> Option<Uuid>| new.iter().map(id).collect();
        Ok(Self {
            workspace: workspace.0,
            count: i64::try_from(new.len())
                .map_err(|_| StoreError::Corrupt("too many events at once".into()))?,
            kinds: new.iter().map(|event| event.kind.as_str()).collect(),
            actors: ids(|event| event.actor.map(|id| id.0)),
            conversations: ids(|event| event.conversation.map(|id| id.0)),
            subjects: ids(|event| event.subject),
            owners_before: ids(|event| event.owners.map(|(before, _)| before.0)),
            owners_after: ids(|event| event.owners.map(|(_, after)| after.0)),
        })
    }
}

impl QueryFragment<Pg> for Append {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH taken AS (UPDATE workspace_counters SET event_no = event_no + ");
        out.push_bind_param::<BigInt, _>(&self.count)?;
        out.push_sql(" WHERE workspace_id = ");
        out.push_bind_param::<SqlUuid, _>(&self.workspace)?;
        out.push_sql(
            " RETURNING workspace_id, event_no) \
             INSERT INTO events (workspace_id, number, type, actor_user_id, conversation_id, subject_id, owner_before, \
             owner_after) SELECT taken.workspace_id, taken.event_no - ",
        );
        out.push_bind_param::<BigInt, _>(&self.count)?;
        out.push_sql(
            " + new.place, new.type, new.actor, new.conversation, new.subject, new.owner_before, new.owner_after \
             FROM taken, unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        for ids in
            [&self.actors, &self.conversations, &self.subjects, &self.owners_before, &self.owners_after]
        {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<SqlUuid>>, _>(ids)?;
        }
        out.push_sql(
            ") WITH ORDINALITY AS new (type, actor, conversation, subject, owner_before, owner_after, place)",
        );
        Ok(())
    }
}
