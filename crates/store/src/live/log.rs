//! Reading the log: what changed behind a number, and what everybody concerned would be told of it.
//!
//! The log stores no content. A slice of it is read together with what it is about *as it is now*, all from one
//! snapshot, and once for any number of readers; what one of them may know is decided by [`Entry::for_actor`] without
//! another look at the database.

use super::{
    audience::{self, Audience, Audiences},
    event::{Change, Event, MessageNews},
};
use crate::{
    error::StoreError,
    events::EventKind,
    schema::{events, workspace_counters},
    stream::{Card, ContactRef, UserRef},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::{dsl::min, prelude::*};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    ids::{CompanyId, ConversationId, DealId, MailboxId, UserId, WorkspaceId},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = events)]
pub(super) struct Row {
    number: i64,
    #[diesel(column_name = type_)]
    kind: String,
    at: DateTime<Utc>,
    actor_user_id: Option<Uuid>,
    conversation_id: Option<Uuid>,
    subject_id: Option<Uuid>,
    owner_before: Option<Uuid>,
    owner_after: Option<Uuid>,
}

/// A part of the log with all that any reader may be told of it.
#[derive(Debug)]
pub(crate) struct Slice {
    /// It begins behind this number.
    pub(crate) after: i64,
    /// It ends with this number; the log goes on behind it where that is not the latest.
    pub(crate) upto: i64,
    /// The latest number there was.
    pub(crate) latest: i64,
    pub(crate) entries: Vec<Entry>,
}

impl Slice {
    /// Whether the log goes on behind it.
    pub(crate) fn goes_on(&self) -> bool {
        self.upto < self.latest
    }

    /// What the actor may know of it, behind a number.
    pub(crate) fn for_actor<'a>(
        &'a self,
        actor: &'a Actor,
        after: i64,
    ) -> impl Iterator<Item = Event> + use<'a> {
        self.entries
            .iter()
            .filter(move |entry| entry.number > after)
            .filter_map(move |entry| entry.for_actor(actor))
    }
}

/// One change, with what it is about.
#[derive(Debug)]
pub(crate) struct Entry {
    number: i64,
    at: DateTime<Utc>,
    actor: Option<UserRef>,
    what: What,
}

#[derive(Debug)]
enum What {
    Conversation {
        id: ConversationId,
        /// `None`: it is part of another one by now.
        card: Option<Arc<Card>>,
        created: bool,
        /// Who had it, where they gave it away by this.
        given_away_by: Option<UserId>,
    },
    /// It became part of another one.
    Merged { id: ConversationId, owner: Option<UserId> },
    /// Anything else: the same for everybody who may know of it.
    Thing { conversation: Option<ConversationId>, change: Change, audience: Audience },
}

impl Entry {
    /// The event as the actor may know it now; `None` where they may not (ACC-3).
    fn for_actor(&self, actor: &Actor) -> Option<Event> {
        let told = |conversation_id, change| Event {
            number: self.number,
            at: self.at,
            actor: self.actor.clone(),
            conversation_id,
            change,
        };
        // Who may not see it any more learns that it went, and nothing of who or what.
        let removed = |id| Event { actor: None, ..told(Some(id), Change::ConversationRemoved(id)) };
        match &self.what {
            What::Conversation { id, card, created, given_away_by } => match card {
                Some(card) if actor.visibility().sees(card.owner.id) => {
                    let card = Box::new(Card::clone(card));
                    let change = match created {
                        true => Change::ConversationCreated(card),
                        false => Change::ConversationUpdated(card),
                    };
                    Some(told(Some(*id), change))
                }
                _ => (*given_away_by == Some(actor.user_id)).then(|| removed(*id)),
            },
            What::Merged { id, owner } => {
                let saw = owner.is_some_and(|owner| actor.visibility().sees(owner));
                saw.then(|| removed(*id))
            }
            What::Thing { conversation, change, audience } => {
                audience.includes(actor).then(|| told(*conversation, change.clone()))
            }
        }
    }
}

/// Reads the log behind a number, at most so many entries.
///
/// # Errors
/// [`StoreError::EventsExpired`] where not all behind the number is kept any more; [`StoreError::Invalid`] (`after`)
/// where the log has not come to this number.
pub(crate) async fn read(
    tx: &Tx,
    workspace: WorkspaceId,
    after: i64,
    limit: u16,
) -> Result<Slice, StoreError> {
    let (latest, rows) = tokio::try_join!(check(tx, workspace, after), rows(tx, workspace, after, limit))?;
    let upto = match rows.last() {
        Some(last) if rows.len() == usize::from(limit) => last.number,
        _ => latest,
    };
    let kinds: Vec<EventKind> =
        rows.iter().map(|row| EventKind::from_name(&row.kind)).collect::<Result<_, _>>()?;
    let about = wanted(rows.iter().zip(&kinds));
    let facts = audience::load(tx, workspace, about).await?;
    let entries = rows
        .iter()
        .zip(kinds)
        .filter_map(|(row, kind)| {
            let actor = row.actor_user_id.and_then(|id| facts.users.get(&id)).cloned();
            Some(Entry { number: row.number, at: row.at, actor, what: what(workspace, row, kind, &facts)? })
        })
        .collect();
    Ok(Slice { after, upto, latest, entries })
}

/// The latest number, where the log can be read behind `after`.
pub(crate) async fn check(tx: &Tx, workspace: WorkspaceId, after: i64) -> Result<i64, StoreError> {
    let latest = workspace_counters::table.find(workspace.0).select(workspace_counters::event_no);
    let oldest = events::table.filter(events::workspace_id.eq(workspace.0)).select(min(events::number));
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let (latest, oldest): (i64, Option<i64>) =
        tokio::try_join!(latest.first(&mut first), oldest.first(&mut second))?;
    if after > latest || after < 0 {
        return Err(StoreError::Invalid { field: "after", why: "no event has this number yet" });
    }
    // Where nothing is kept, only the latest position has missed nothing.
    let before_oldest = oldest.map_or(latest, |oldest| oldest - 1);
    if after < before_oldest {
        return Err(StoreError::EventsExpired { oldest: before_oldest });
    }
    Ok(latest)
}

/// The latest number.
pub(crate) async fn latest(tx: &Tx, workspace: WorkspaceId) -> Result<i64, StoreError> {
    let latest = workspace_counters::table.find(workspace.0).select(workspace_counters::event_no);
    Ok(latest.first(&mut tx.conn()).await?)
}

async fn rows(tx: &Tx, workspace: WorkspaceId, after: i64, limit: u16) -> Result<Vec<Row>, StoreError> {
    Ok(events::table
        .filter(events::workspace_id.eq(workspace.0))
        .filter(events::number.gt(after))
        .order(events::number)
        .limit(i64::from(limit))
        .select(Row::as_select())
        .load(&mut tx.conn())
        .await?)
}

/// What has to be looked up for these entries.
fn wanted<'a>(rows: impl Iterator<Item = (&'a Row, &'a EventKind)>) -> audience::Wanted {
    let mut wanted = audience::Wanted::default();
    for (row, kind) in rows {
        wanted.users.extend(row.actor_user_id);
        let list = match kind {
            EventKind::ConversationCreated | EventKind::ConversationUpdated | EventKind::MessageRemoved => {
                wanted.conversations.extend(row.conversation_id);
                continue;
            }
            EventKind::MessageCreated | EventKind::MessageUpdated => &mut wanted.messages,
            EventKind::ContactUpdated => &mut wanted.contacts,
            EventKind::CompanyUpdated => &mut wanted.companies,
            EventKind::DealUpdated => &mut wanted.deals,
            EventKind::MailboxUpdated | EventKind::MailboxLoop => &mut wanted.mailboxes,
            EventKind::UserUpdated => &mut wanted.users,
            EventKind::ConversationRemoved | EventKind::WorkspaceUpdated | EventKind::ViewReset => continue,
        };
        list.extend(row.subject_id);
    }
    wanted
}

/// What a row tells; `None` where what it is about is not there any more: a later row says so.
fn what(workspace: WorkspaceId, row: &Row, kind: EventKind, facts: &Audiences) -> Option<What> {
    let conversation = row.conversation_id.map(ConversationId);
    let thing = |change, audience| Some(What::Thing { conversation: None, change, audience });
    match kind {
        EventKind::ConversationCreated | EventKind::ConversationUpdated => {
            let id = conversation?;
            Some(What::Conversation {
                id,
                card: facts.cards.get(&id.0).cloned(),
                created: kind == EventKind::ConversationCreated,
                given_away_by: row.owner_before.filter(|_| row.owner_before != row.owner_after).map(UserId),
            })
        }
        EventKind::ConversationRemoved => {
            Some(What::Merged { id: conversation?, owner: row.owner_after.map(UserId) })
        }
        EventKind::MessageCreated | EventKind::MessageUpdated => message(row, kind, facts),
        EventKind::MessageRemoved => Some(taken_back(row, facts)?),
        EventKind::ContactUpdated => {
            let id = row.subject_id?;
            let contact: &ContactRef = facts.contacts.get(&id)?;
            thing(Change::ContactUpdated(contact.clone()), facts.of_contact(id))
        }
        EventKind::CompanyUpdated => {
            let id = row.subject_id?;
            thing(Change::CompanyUpdated(CompanyId(id)), facts.of_company(id))
        }
        EventKind::DealUpdated => {
            let id = row.subject_id?;
            thing(Change::DealUpdated(DealId(id)), facts.of_deal(id))
        }
        EventKind::MailboxUpdated => {
            let id = row.subject_id?;
            thing(Change::MailboxUpdated(MailboxId(id)), facts.of_mailbox(id)?)
        }
        EventKind::MailboxLoop => {
            let id = row.subject_id?;
            thing(Change::MailboxLoop(MailboxId(id)), facts.of_mailbox(id)?)
        }
        EventKind::UserUpdated => {
            let id = row.subject_id?;
            let user = facts.users.get(&id)?;
            thing(Change::UserUpdated(user.clone()), facts.of_user(id))
        }
        EventKind::WorkspaceUpdated => thing(Change::WorkspaceUpdated, Audience::Everybody),
        EventKind::ViewReset => {
            let audience = match row.subject_id {
                Some(user) if user != workspace.0 => Audience::only(user),
                _ => Audience::Everybody,
            };
            thing(Change::ViewReset, audience)
        }
    }
}

fn message(row: &Row, kind: EventKind, facts: &Audiences) -> Option<What> {
    let found = facts.messages.get(&row.subject_id?)?;
    let news = MessageNews { id: found.id, thread_id: Some(found.thread), delivery: found.delivery };
    let change = match kind {
        EventKind::MessageCreated => Change::MessageCreated(news),
        _ => Change::MessageUpdated(news),
    };
    Some(What::Thing { conversation: found.conversation, change, audience: found.audience.clone() })
}

/// A message that is there no more is its conversation's affair; without one, that of who took it back, and, as before
/// (ACC-4), of the personal mailbox's user or of those who see all.
fn taken_back(row: &Row, facts: &Audiences) -> Option<What> {
    let id = row.subject_id?.into();
    let (conversation, audience) = match row.conversation_id {
        Some(conversation) => {
            let card = facts.cards.get(&conversation)?;
            (Some(card.id), Audience::of_conversation(card.owner.id))
        }
        None => (None, Audience::of_waiting(HashSet::from([row.actor_user_id?]), row.owner_after)),
    };
    let news = MessageNews { id, thread_id: None, delivery: None };
    Some(What::Thing { conversation, change: Change::MessageRemoved(news), audience })
}

/// A list's things by their ids.
pub(super) fn by_id<T>(all: Vec<T>, id: impl Fn(&T) -> Uuid) -> HashMap<Uuid, T> {
    all.into_iter().map(|one| (id(&one), one)).collect()
}
