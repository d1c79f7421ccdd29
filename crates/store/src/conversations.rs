//! One conversation: seen, edited, opened (CNV-3 to CNV-8, WIN-1, WIN-4).

use crate::{
    Store, StoreError,
    aggregate::{self, Locked},
    audit,
    editor::{last_sender, participants, recipients, sender},
    events::{self, EventKind, NewEvent},
    schema::{contact_emails, conversations, mailboxes, messages, thread_parties},
    stream::{Card, load_card},
    transaction::Tx,
    users::stays_active,
};
use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    address::NamedAddress,
    conversation::{Change, Command, Conversation, Edit, Status},
    ids::{ContactId, ConversationId, MailboxId, MessageId, ThreadId, UserId, WorkspaceId},
    message::{Direction, Position},
    subject::reply_subject,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A mailbox, as far as a conversation shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRef {
    /// Which.
    pub id: MailboxId,
    /// Its address.
    pub address: String,
}

/// An external person who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// The contact, where the address is one's.
    pub contact_id: Option<ContactId>,
    /// The name to show.
    pub name: String,
    /// The address.
    pub email: String,
    /// The avatar's content.
    pub avatar: Option<Vec<u8>>,
}

/// What the caller may do in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Can {
    /// There is a mailbox that they may send from.
    pub reply: bool,
    /// CNV-4.
    pub change_status: bool,
    /// CNV-8.
    pub change_owner: bool,
}

/// What the editor begins with (WIN-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyDefaults {
    /// Who it is from; `None`: there is no mailbox to send from.
    pub from: Option<NamedAddress>,
    /// Who is answered.
    pub to: Vec<NamedAddress>,
    /// Who gets a copy.
    pub cc: Vec<NamedAddress>,
    /// How many parties get none since they are too many.
    pub copies_left_out: usize,
    /// The user's setting.
    pub include_signature: bool,
    /// The user's own.
    pub signature_html: String,
    /// `Re: …`.
    pub subject: String,
}

/// A conversation with all that its window's header and editor need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationDetail {
    /// What the stream shows of it.
    pub card: Card,
    /// The mailbox that its mail comes to.
    pub mailbox: MailboxRef,
    /// The external parties.
    pub participants: Vec<Participant>,
    /// What the caller may do.
    pub can: Can,
    /// What the editor begins with.
    pub reply_defaults: ReplyDefaults,
}

/// What a user changes; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConversationPatch {
    /// Open or closed.
    pub status: Option<Status>,
    /// The new owner.
    pub owner_id: Option<UserId>,
    /// The new primary contact.
    pub primary_contact_id: Option<ContactId>,
}

impl Store {
    /// The conversation, where it exists for the actor. Looking at it does not open it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Merged`] where it is part of one that they see.
    pub async fn conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
    ) -> Result<ConversationDetail, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let detail = load(&tx, actor, id).await?;
        tx.commit().await?;
        Ok(detail)
    }

    /// Changes status, owner or primary contact. What is there already is no change. The answer is the conversation even
    /// where this very change takes it out of the actor's sight.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::StaleVersion`], or a refusal; nothing is changed then.
    pub async fn edit_conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
        expected_version: Option<i64>,
        patch: ConversationPatch,
    ) -> Result<ConversationDetail, StoreError> {
        self.write(actor.workspace_id, async |tx| {
            let mut locked = lock(tx, actor, id).await?;
            require_version(&locked, expected_version)?;
            let edit = edit(tx, actor.workspace_id, &locked, patch).await?;
            let before = locked.state.clone();
            let changes = locked.state.decide(&Command::Edit(edit), Utc::now())?;
            // Read before the events take their numbers, and with the new owner's name: the changes are saved by then.
            if !changes.is_empty() {
                aggregate::save(tx, actor.workspace_id, &mut locked, &changes).await?;
            }
            let detail = load_any(tx, actor, id).await?;
            if !changes.is_empty() {
                let entry = audit::Entry::new("conversation.updated", "conversation", id)
                    .change(audited(&before), audited(&locked.state));
                audit::record(tx, actor, entry).await?;
                announce(tx, actor, &locked, before.owner).await?;
            }
            Ok(detail)
        })
        .await
    }

    /// Opens the conversation for everybody (CNV-7): the messages up to this one were shown, all of them where none is
    /// named. What was seen stays seen.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also for a message of another conversation; [`StoreError::StaleVersion`] where another
    /// version is expected than there is.
    pub async fn mark_seen(
        &self,
        actor: &Actor,
        id: ConversationId,
        expected_version: Option<i64>,
        shown: Option<MessageId>,
    ) -> Result<(), StoreError> {
        self.write(actor.workspace_id, async |tx| {
            let mut locked = lock(tx, actor, id).await?;
            require_version(&locked, expected_version)?;
            let shown = match shown {
                Some(id) => position_of(tx, actor.workspace_id, locked.thread, id).await?,
                None => locked.last,
            };
            let changes = seeing(tx, actor.workspace_id, &locked, shown).await?;
            save_and_tell(tx, actor, &mut locked, &changes).await
        })
        .await
    }

    /// Marks the conversation unread for everybody.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::StaleVersion`] where another version is expected than there is.
    pub async fn mark_unread(
        &self,
        actor: &Actor,
        id: ConversationId,
        expected_version: Option<i64>,
    ) -> Result<(), StoreError> {
        self.write(actor.workspace_id, async |tx| {
            let mut locked = lock(tx, actor, id).await?;
            require_version(&locked, expected_version)?;
            let changes = locked.state.decide(&Command::MarkUnread, Utc::now())?;
            if !changes.is_empty() {
                let entry = audit::Entry::new("conversation.marked_unread", "conversation", id);
                audit::record(tx, actor, entry).await?;
            }
            save_and_tell(tx, actor, &mut locked, &changes).await
        })
        .await
    }
}

fn require_version(locked: &Locked, expected: Option<i64>) -> Result<(), StoreError> {
    match expected {
        Some(version) if u64::try_from(version) != Ok(locked.state.version) => Err(StoreError::StaleVersion),
        _ => Ok(()),
    }
}

/// Saves what leaves the owner as it is, and tells; where nothing changes nobody is told.
async fn save_and_tell(
    tx: &Tx,
    actor: &Actor,
    locked: &mut Locked,
    changes: &[Change],
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    aggregate::save(tx, actor.workspace_id, locked, changes).await?;
    announce(tx, actor, locked, locked.state.owner).await
}

/// The conversation, locked; one that was merged only tells where it went to those who may see that.
async fn lock(tx: &Tx, actor: &Actor, id: ConversationId) -> Result<Locked, StoreError> {
    // Judged before it is locked: what is not theirs takes no longer than what isn't there.
    visible_thread(tx, actor, id).await?;
    lock_visible(tx, actor, id).await
}

/// The same after it was found visible; it is judged once more, by what it is now that it is locked.
pub(crate) async fn lock_visible(tx: &Tx, actor: &Actor, id: ConversationId) -> Result<Locked, StoreError> {
    match aggregate::lock_for(tx, actor, id).await {
        Err(StoreError::Merged(into)) => Err(merged(tx, actor, into).await?),
        other => other,
    }
}

/// Tells where a merged conversation went, or nothing at all.
async fn merged(tx: &Tx, actor: &Actor, into: ConversationId) -> Result<StoreError, StoreError> {
    let owner: Uuid = conversations::table
        .find((actor.workspace_id.0, into.0))
        .select(conversations::owner_id)
        .first(&mut tx.conn())
        .await?;
    let visible = actor.visibility().sees(UserId(owner));
    Ok(if visible { StoreError::Merged(into) } else { StoreError::NotFound })
}

/// What the audit trail says of a conversation.
fn audited(state: &Conversation) -> Value {
    json!({
        "status": state.status.as_str(),
        "owner_id": state.owner,
        "primary_contact_id": state.primary_contact,
    })
}

async fn announce(tx: &Tx, actor: &Actor, locked: &Locked, owner_before: UserId) -> Result<(), StoreError> {
    let owners = (owner_before, locked.state.owner);
    let event =
        NewEvent::of_conversation(EventKind::ConversationUpdated, Some(actor.user_id), locked.id, owners);
    events::append(tx, actor.workspace_id, &[event]).await
}

/// What follows from having seen the messages up to this one. What was seen before stays seen (CNV-7).
pub(crate) async fn seeing(
    tx: &Tx,
    workspace: WorkspaceId,
    locked: &Locked,
    shown: Position,
) -> Result<Vec<Change>, StoreError> {
    let seen = locked.state.seen.map_or(shown, |seen| seen.max(shown));
    // Behind the last one there is none.
    let unseen_after =
        if seen < locked.last { unseen_behind(tx, workspace, locked.thread, seen).await? } else { 0 };
    Ok(locked.state.decide(&Command::Open { shown, unseen_after }, Utc::now())?)
}

/// How many inbound messages that count as replies stand behind this place.
async fn unseen_behind(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    seen: Position,
) -> Result<u32, StoreError> {
    let behind: i64 = messages::table
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread.0))
        .filter(messages::direction.eq(Direction::Inbound.as_str()))
        .filter(messages::automatic.eq(false).and(messages::imported.eq(false)))
        .filter(messages::variant_of.is_null())
        .filter(
            messages::received_at
                .gt(seen.at)
                .or(messages::received_at.eq(seen.at).and(messages::id.gt(seen.id.0))),
        )
        .count()
        .get_result(&mut tx.conn())
        .await?;
    Ok(u32::try_from(behind).unwrap_or(u32::MAX))
}

/// A message's place in its thread.
pub(crate) async fn position_of(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    id: MessageId,
) -> Result<Position, StoreError> {
    let at: DateTime<Utc> = messages::table
        .find((workspace.0, id.0))
        .filter(messages::thread_id.eq(thread.0))
        .select(messages::received_at)
        .first(&mut tx.conn())
        .await?;
    Ok(Position { at, id })
}

async fn edit(
    tx: &Tx,
    workspace: WorkspaceId,
    locked: &Locked,
    patch: ConversationPatch,
) -> Result<Edit, StoreError> {
    let owner = match patch.owner_id {
        Some(user) => Some((user, stays_active(tx, workspace, user).await?)),
        None => None,
    };
    let primary_contact = match patch.primary_contact_id {
        Some(contact) => {
            let takes_part = contact_emails::table
                .inner_join(
                    thread_parties::table.on(thread_parties::workspace_id
                        .eq(contact_emails::workspace_id)
                        .and(thread_parties::address.eq(contact_emails::address))),
                )
                .filter(contact_emails::workspace_id.eq(workspace.0))
                .filter(contact_emails::contact_id.eq(contact.0))
                .filter(thread_parties::thread_id.eq(locked.thread.0));
            Some((contact, diesel::select(exists(takes_part)).get_result(&mut tx.conn()).await?))
        }
        None => None,
    };
    Ok(Edit { status: patch.status, owner, primary_contact })
}

/// The conversation as the actor sees it.
async fn load(tx: &Tx, actor: &Actor, id: ConversationId) -> Result<ConversationDetail, StoreError> {
    visible_thread(tx, actor, id).await?;
    load_any(tx, actor, id).await
}

/// The conversation's thread, where it exists for the actor.
pub(crate) async fn visible_thread(
    tx: &Tx,
    actor: &Actor,
    id: ConversationId,
) -> Result<ThreadId, StoreError> {
    let (owner, merged_into, thread): (Uuid, Option<Uuid>, Uuid) = conversations::table
        .find((actor.workspace_id.0, id.0))
        .select((conversations::owner_id, conversations::merged_into, conversations::thread_id))
        .first(&mut tx.conn())
        .await?;
    if let Some(into) = merged_into {
        return Err(merged(tx, actor, ConversationId(into)).await?);
    }
    if actor.visibility().sees(UserId(owner)) { Ok(ThreadId(thread)) } else { Err(StoreError::NotFound) }
}

/// The same after it was found visible.
pub(crate) async fn load_any(
    tx: &Tx,
    actor: &Actor,
    id: ConversationId,
) -> Result<ConversationDetail, StoreError> {
    let workspace = actor.workspace_id;
    let rest = conversations::table
        .inner_join(
            mailboxes::table.on(mailboxes::workspace_id
                .eq(conversations::workspace_id)
                .and(mailboxes::id.eq(conversations::mailbox_id))),
        )
        .filter(conversations::workspace_id.eq(workspace.0))
        .filter(conversations::id.eq(id.0))
        .select((conversations::thread_id, mailboxes::id, mailboxes::address));
    let mut conn = tx.conn();
    let rest = async { Ok(rest.first::<(Uuid, Uuid, String)>(&mut conn).await?) };
    let (card, rest) = tokio::try_join!(load_card(tx, workspace, id), rest)?;
    let (thread, mailbox_id, mailbox_address) = (ThreadId(rest.0), MailboxId(rest.1), rest.2);
    let (participants, last, sender) = tokio::try_join!(
        participants(tx, workspace, thread),
        last_sender(tx, workspace, thread),
        sender(tx, actor, mailbox_id)
    )?;
    let recipients = recipients(&card, last.as_ref(), &participants);
    Ok(ConversationDetail {
        mailbox: MailboxRef { id: mailbox_id, address: mailbox_address },
        can: Can { reply: sender.address.is_some(), change_status: true, change_owner: true },
        reply_defaults: ReplyDefaults {
            from: sender
                .address
                .map(|(_, address)| NamedAddress { name: Some(sender.name.clone()), address }),
            to: recipients.to,
            cc: recipients.cc,
            copies_left_out: recipients.copies_left_out,
            include_signature: sender.signature_enabled,
            signature_html: sender.signature_html,
            subject: reply_subject(&card.subject),
        },
        participants,
        card,
    })
}
