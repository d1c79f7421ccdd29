//! A thread becomes a conversation (CNV-1 to CNV-3, CNV-9).

use crate::{
    aggregate::{self, Birth, Card, Shown},
    audit,
    conversations::{self, ConversationDetail},
    correspondents::{OwnAddresses, active_owner_of, contact_for, contact_of, make_contact},
    error::StoreError,
    events::{self, EventKind, NewEvent},
    message_rows::AuthorRef,
    prepared::Prepare,
    schema::{mailboxes, message_recipients, messages, users, workspaces},
    threads::is_party,
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Role},
    address::{EmailAddress, NamedAddress},
    conversation::{Arrival, Command, Conversation, OwnerCandidates, StartsOn, Utterance, is_conversation},
    ids::{ContactId, ConversationId, MailboxId, MessageId, ThreadId, UserId, WorkspaceId},
    message::{Direction, Party},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// What the mailbox says about its mail.
pub(crate) struct MailboxFacts {
    pub(crate) id: MailboxId,
    pub(crate) user: Option<UserId>,
    pub(crate) default_owner: Option<UserId>,
    pub(crate) starts_on: StartsOn,
}

impl MailboxFacts {
    pub(crate) async fn load(tx: &Tx, workspace: WorkspaceId, id: MailboxId) -> Result<Self, StoreError> {
        let mailbox = mailboxes::table.find((workspace.0, id.0)).select((
            mailboxes::user_id,
            mailboxes::default_owner_id,
            mailboxes::conversation_starts_on,
        ));
        let general = workspaces::table.find(workspace.0).select(workspaces::conversation_starts_on);
        let (mut first, mut second) = (tx.conn(), tx.conn());
        let (mailbox, general): ((Option<Uuid>, Option<Uuid>, Option<String>), String) =
            tokio::try_join!(mailbox.first(&mut first), general.first(&mut second))?;
        let (user, default_owner, own) = mailbox;
        let starts_on = if own.unwrap_or(general) == StartsOn::FirstInbound.as_str() {
            StartsOn::FirstInbound
        } else {
            StartsOn::Reply
        };
        Ok(Self { id, user: user.map(UserId), default_owner: default_owner.map(UserId), starts_on })
    }
}

/// The message that may make a thread a conversation.
pub(crate) struct Occasion<'a> {
    pub(crate) thread: ThreadId,
    pub(crate) facts: &'a MailboxFacts,
    /// The message, where it answers a mail that was never seen here.
    pub(crate) answers_unseen: Option<MessageId>,
    /// It is old news (CNV-10).
    pub(crate) imported: bool,
}

/// Makes the thread a conversation if it is one by now, and writes the events: `created`, and the conversation's own.
/// `only` is the thread's message, where it has no other.
pub(crate) async fn consider(
    tx: &Tx,
    workspace: WorkspaceId,
    occasion: &Occasion<'_>,
    only: Option<Shown>,
    created: NewEvent,
) -> Result<Option<ConversationId>, StoreError> {
    let history = match only {
        Some(only) => vec![only],
        None => aggregate::history(tx, workspace, occasion.thread).await?,
    };
    let thread: Vec<Utterance> = history.iter().map(|shown| utterance(shown, occasion)).collect();
    let primary = if is_conversation(&thread, occasion.facts.starts_on) {
        primary_party(tx, workspace, &history).await?
    } else {
        None
    };
    let Some(primary) = primary else {
        events::append(tx, workspace, &[created]).await?;
        return Ok(None);
    };
    let made = bear(tx, workspace, occasion, history, &primary, None).await?;
    let news = NewEvent { conversation: Some(made.id), owners: Some((made.owner, made.owner)), ..created };
    finish(tx, workspace, occasion, &made, vec![news, made.created(None)]).await?;
    Ok(Some(made.id))
}

/// Makes the thread a conversation because the actor wants it to be one. It is activity now (CNV-6), not when its
/// messages came.
///
/// # Errors
/// [`StoreError::NobodyOutside`]; [`StoreError::NotFound`] where the thread has no message.
pub(crate) async fn by_hand(
    tx: &Tx,
    actor: &Actor,
    occasion: &Occasion<'_>,
) -> Result<ConversationDetail, StoreError> {
    let workspace = actor.workspace_id;
    let history = aggregate::history(tx, workspace, occasion.thread).await?;
    if history.is_empty() {
        return Err(StoreError::NotFound);
    }
    let primary = primary_party(tx, workspace, &history).await?.ok_or(StoreError::NobodyOutside)?;
    let made = bear(tx, workspace, occasion, history, &primary, Some(Utc::now())).await?;
    let entry = audit::Entry::new("conversation.started", "conversation", made.id);
    audit::record(tx, actor, entry.change(Value::Null, json!({"thread_id": occasion.thread}))).await?;
    let news = vec![made.created(Some(actor.user_id))];
    finish(tx, workspace, occasion, &made, news).await?;
    // The number was taken as the last lock; to read takes none.
    conversations::load_any(tx, actor, made.id).await
}

/// A conversation that lacks its number and its row.
struct Made {
    id: ConversationId,
    owner: UserId,
    state: Conversation,
    history: Vec<Shown>,
}

impl Made {
    fn created(&self, by: Option<UserId>) -> NewEvent {
        let owners = (self.owner, self.owner);
        NewEvent::of_conversation(EventKind::ConversationCreated, by, self.id, owners)
    }
}

/// Finds the conversation's owner, makes the contacts that it needs, and its state after all messages so far.
async fn bear(
    tx: &Tx,
    workspace: WorkspaceId,
    occasion: &Occasion<'_>,
    history: Vec<Shown>,
    primary: &NamedAddress,
    at: Option<DateTime<Utc>>,
) -> Result<Made, StoreError> {
    let known = contact_of(tx, workspace, primary.address.as_str()).await?;
    let owner = choose_owner(tx, workspace, occasion, &history, known).await?;
    let contact = match known {
        Some(contact) => contact,
        None => make_contact(tx, workspace, primary, owner).await?,
    };
    let history = settle_authors(tx, workspace, occasion.thread, history, owner).await?;
    let state = begin(owner, contact, &history, occasion.imported, at)?;
    Ok(Made { id: ConversationId(Uuid::now_v7()), owner, state, history })
}

/// Takes the numbers, and writes the conversation and the events.
async fn finish(
    tx: &Tx,
    workspace: WorkspaceId,
    occasion: &Occasion<'_>,
    made: &Made,
    news: Vec<NewEvent>,
) -> Result<(), StoreError> {
    let card = Card::of(tx, workspace, &made.history).await?;
    let numbers = events::numbers(tx, workspace, 1, news.len()).await?;
    let birth = Birth {
        id: made.id,
        number: numbers.conversation,
        thread: occasion.thread,
        mailbox: occasion.facts.id,
        state: &made.state,
        card,
    };
    // Everybody in the workspace waits for the numbers: what takes them is sent together.
    tokio::try_join!(
        biased;
        aggregate::insert(tx, workspace, birth),
        events::insert(tx, workspace, numbers, &news),
    )?;
    Ok(())
}

fn utterance(shown: &Shown, occasion: &Occasion<'_>) -> Utterance {
    let party = match (shown.direction, EmailAddress::parse(&shown.author_address)) {
        (Direction::Inbound, Ok(address)) => Party::External(address),
        _ => Party::Us,
    };
    Utterance {
        party,
        automatic: shown.automatic,
        answers_unseen: occasion.answers_unseen == Some(shown.position.id),
    }
}

/// The state after all messages so far. Their activity counts, not the moment at which the thread became a conversation,
/// unless it became one `at` somebody's wish.
fn begin(
    owner: UserId,
    contact: ContactId,
    history: &[Shown],
    imported: bool,
    at: Option<DateTime<Utc>>,
) -> Result<Conversation, StoreError> {
    let written = history.iter().filter(|shown| !shown.automatic).map(|shown| shown.position.at);
    let newest = at.or_else(|| written.max()).unwrap_or(DateTime::UNIX_EPOCH);
    let mut state = Conversation::begin(owner, contact, imported, newest);
    for shown in history {
        let arrival = Arrival {
            position: shown.position,
            direction: shown.direction,
            automatic: shown.automatic,
            imported: shown.imported,
        };
        for change in state.decide(&Command::Receive(arrival), newest)? {
            state.apply(&change);
        }
    }
    Ok(state)
}

/// CNV-3: the external party that began the thread; where we began it, the first external To recipient; failing both
/// (a first message from nobody known), whoever external is there first.
async fn primary_party(
    tx: &Tx,
    workspace: WorkspaceId,
    history: &[Shown],
) -> Result<Option<NamedAddress>, StoreError> {
    let Some(first) = history.first() else { return Ok(None) };
    let writers: Vec<NamedAddress> = history.iter().filter_map(external_author).collect();
    let ours = OwnAddresses::among(tx, workspace, writers.iter().map(|one| &one.address)).await?;
    // None of somebody who claims to be one of us.
    if let Some(beginner) = external_author(first).filter(|one| !ours.contains(&one.address)) {
        return Ok(Some(beginner));
    }
    let addressed = recipients_of(tx, workspace, first.position.id).await?;
    let ours =
        OwnAddresses::among(tx, workspace, addressed.iter().chain(&writers).map(|one| &one.address)).await?;
    Ok(ours.external(addressed.iter().chain(&writers)).into_iter().next().cloned())
}

fn external_author(shown: &Shown) -> Option<NamedAddress> {
    let address = EmailAddress::parse(&shown.author_address).ok()?;
    let inbound = shown.direction == Direction::Inbound;
    inbound.then(|| NamedAddress { name: shown.written_name.clone(), address })
}

async fn recipients_of(
    tx: &Tx,
    workspace: WorkspaceId,
    message: MessageId,
) -> Result<Vec<NamedAddress>, StoreError> {
    let rows: Vec<(Option<String>, String)> = message_recipients::table
        .filter(message_recipients::workspace_id.eq(workspace.0))
        .filter(message_recipients::message_id.eq(message.0))
        .filter(message_recipients::field.eq("to"))
        .order(message_recipients::position)
        .select((message_recipients::name, message_recipients::address))
        .load(&mut tx.conn())
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(name, address)| {
            Some(NamedAddress { name, address: EmailAddress::parse(&address).ok()? })
        })
        .collect())
}

/// CNV-2, each candidate only where they are an active user.
async fn choose_owner(
    tx: &Tx,
    workspace: WorkspaceId,
    occasion: &Occasion<'_>,
    history: &[Shown],
    contact: Option<ContactId>,
) -> Result<UserId, StoreError> {
    let first_writer = history.iter().find_map(|shown| match shown.author {
        AuthorRef::User(user) if shown.direction == Direction::Outbound => Some(user),
        _ => None,
    });
    let contact_owner = async {
        match contact {
            Some(contact) => active_owner_of(tx, workspace, contact).await,
            None => Ok(None),
        }
    };
    let facts = occasion.facts;
    let asked: Vec<Uuid> =
        [first_writer, facts.user, facts.default_owner].into_iter().flatten().map(|id| id.0).collect();
    let mut conn = tx.conn();
    let active = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .filter(users::active)
        .filter(users::id.eq_any(asked).or(users::role.eq(Role::Owner.as_str())))
        // Nobody of them is deactivated before what they get is theirs, to be handed over.
        .for_key_share()
        .select((users::id, users::role))
        .load::<(Uuid, String)>(&mut conn);
    let (contact_owner, active) = tokio::try_join!(biased; contact_owner, async { Ok(active.await?) })?;
    let workspace_owner = active
        .iter()
        .find(|(_, role)| role == Role::Owner.as_str())
        .map(|(id, _)| UserId(*id))
        .ok_or_else(|| StoreError::Corrupt("a workspace without its owner".into()))?;
    let is_active = |user: &UserId| active.iter().any(|(id, _)| *id == user.0);
    let candidates = OwnerCandidates {
        first_writer: first_writer.filter(is_active),
        mailbox_user: facts.user.filter(is_active),
        mailbox_default: facts.default_owner.filter(is_active),
        contact_owner,
        workspace_owner,
    };
    Ok(candidates.choose())
}

/// The external people who have written so far become contacts, and their messages' authors.
async fn settle_authors(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    mut history: Vec<Shown>,
    owner: UserId,
) -> Result<Vec<Shown>, StoreError> {
    let nameless: Vec<NamedAddress> = history
        .iter()
        .filter(|shown| shown.author == AuthorRef::Contact(None))
        .filter_map(external_author)
        .collect();
    let ours = OwnAddresses::among(tx, workspace, nameless.iter().map(|one| &one.address)).await?;
    for who in ours.external(nameless.iter()) {
        let known = is_party(tx, workspace, thread, &who.address).await?;
        if !known {
            continue;
        }
        let contact = contact_for(tx, workspace, who, owner).await?;
        attribute(tx, workspace, thread, &who.address, contact).await?;
        for shown in &mut history {
            if shown.author == AuthorRef::Contact(None) && shown.author_address == who.address.as_str() {
                shown.author = AuthorRef::Contact(Some(contact));
            }
        }
    }
    Ok(history)
}

/// Names the contact as the author of what came from the address in this thread.
pub(crate) async fn attribute(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    address: &EmailAddress,
    contact: ContactId,
) -> Result<(), StoreError> {
    diesel::update(
        messages::table
            .filter(messages::workspace_id.eq(workspace.0))
            .filter(messages::thread_id.eq(thread.0))
            .filter(messages::author_kind.eq("contact"))
            .filter(messages::author_contact_id.is_null())
            .filter(messages::from_address.eq(address.as_str())),
    )
    .set((messages::author_contact_id.eq(contact.0), messages::updated_at.eq(Utc::now())))
    .prepared()
    .execute(&mut tx.conn())
    .await?;
    Ok(())
}
