//! Who may know of what changed: looked up for a whole slice of the log at once, the same look-ups however long it is.

use super::log::by_id;
use crate::{
    correspondents::full_name,
    error::StoreError,
    schema::{
        companies, contact_deals, contact_emails, contacts, conversations, deals, mailboxes, messages,
        outbox, thread_parties, users,
    },
    stream::{Card, ContactRef, UserRef, load_cards},
    transaction::Tx,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission},
    delivery::DeliveryState,
    ids::{ContactId, ConversationId, MessageId, ThreadId, UserId, WorkspaceId},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

/// Who may know of a change.
#[derive(Clone, Debug)]
pub(crate) enum Audience {
    /// All of the workspace.
    Everybody,
    /// Those who are named, and those who may something.
    Those {
        users: HashSet<Uuid>,
        /// And everybody who may this.
        and: Option<Permission>,
    },
}

impl Audience {
    pub(super) fn only(user: Uuid) -> Self {
        Self::Those { users: HashSet::from([user]), and: None }
    }

    pub(super) fn of_conversation(owner: UserId) -> Self {
        Self::seen_by(HashSet::from([owner.0]))
    }

    /// ACC-4: mail that is no conversation is its writers', and that of the personal mailbox's user, or, where the mailbox
    /// is shared, of those who see all.
    pub(super) fn of_waiting(mut writers: HashSet<Uuid>, mailbox_user: Option<Uuid>) -> Self {
        writers.extend(mailbox_user);
        Self::Those { users: writers, and: mailbox_user.is_none().then_some(Permission::ViewAll) }
    }

    /// These, and who sees everything.
    fn seen_by(users: HashSet<Uuid>) -> Self {
        Self::Those { users, and: Some(Permission::ViewAll) }
    }

    pub(super) fn includes(&self, actor: &Actor) -> bool {
        match self {
            Self::Everybody => true,
            Self::Those { users, and } => {
                users.contains(&actor.user_id.0) || and.is_some_and(|permission| actor.may(permission))
            }
        }
    }
}

/// What a slice of the log is about.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) conversations: HashSet<Uuid>,
    pub(super) messages: HashSet<Uuid>,
    pub(super) contacts: HashSet<Uuid>,
    pub(super) companies: HashSet<Uuid>,
    pub(super) deals: HashSet<Uuid>,
    pub(super) mailboxes: HashSet<Uuid>,
    pub(super) users: HashSet<Uuid>,
}

/// What it is about, as it is now, and who may know of it.
pub(super) struct Audiences {
    pub(super) cards: HashMap<Uuid, Arc<Card>>,
    pub(super) messages: HashMap<Uuid, MessageFacts>,
    pub(super) contacts: HashMap<Uuid, ContactRef>,
    pub(super) users: HashMap<Uuid, UserRef>,
    /// Those of them who are not active: invited, or gone.
    absent: HashSet<Uuid>,
    customers: Customers,
    mailboxes: HashMap<Uuid, Option<Uuid>>,
}

/// A message with where it stands.
pub(super) struct MessageFacts {
    pub(super) id: MessageId,
    pub(super) thread: ThreadId,
    pub(super) conversation: Option<ConversationId>,
    pub(super) delivery: Option<DeliveryState>,
    pub(super) audience: Audience,
}

impl Audiences {
    /// ACC-2: who owns the contact, and who owns a conversation that the contact takes part in.
    pub(super) fn of_contact(&self, id: Uuid) -> Audience {
        Audience::seen_by(self.customers.seers.get(&id).cloned().unwrap_or_default())
    }

    /// Who has made the company, and who sees a contact of it.
    pub(super) fn of_company(&self, id: Uuid) -> Audience {
        let customers = &self.customers;
        customers.of(&customers.in_company, &customers.company_makers, id)
    }

    /// Who owns the deal, and who sees a contact of it.
    pub(super) fn of_deal(&self, id: Uuid) -> Audience {
        let customers = &self.customers;
        customers.of(&customers.in_deal, &customers.deal_owners, id)
    }

    /// ACC-2: active users are known to everybody, others to who manages users.
    pub(super) fn of_user(&self, id: Uuid) -> Audience {
        if self.absent.contains(&id) {
            Audience::Those { users: HashSet::new(), and: Some(Permission::ManageUsers) }
        } else {
            Audience::Everybody
        }
    }

    /// ACC-4: a shared mailbox is everybody's affair, a personal one its user's and that of who manages users. `None`
    /// where there is no such mailbox.
    pub(super) fn of_mailbox(&self, id: Uuid) -> Option<Audience> {
        Some(match self.mailboxes.get(&id)? {
            None => Audience::Everybody,
            Some(user) => {
                Audience::Those { users: HashSet::from([*user]), and: Some(Permission::ManageUsers) }
            }
        })
    }
}

/// Looks everything up.
pub(super) async fn load(tx: &Tx, workspace: WorkspaceId, about: Wanted) -> Result<Audiences, StoreError> {
    let list = |ids: &HashSet<Uuid>| ids.iter().copied().collect::<Vec<_>>();
    let (cards, messages, contacts, users, absent, customers, mailboxes) = tokio::try_join!(
        load_cards(tx, workspace, list(&about.conversations)),
        messages_of(tx, workspace, list(&about.messages)),
        contact_refs(tx, workspace, list(&about.contacts)),
        user_refs(tx, workspace, list(&about.users)),
        absent_users(tx, workspace, list(&about.users)),
        customers(tx, workspace, &about),
        mailbox_users(tx, workspace, list(&about.mailboxes)),
    )?;
    let cards = cards.into_iter().map(|card| (card.id.0, Arc::new(card))).collect();
    Ok(Audiences { cards, messages, contacts, users, absent, customers, mailboxes })
}

/// A conversation's message follows the conversation (ACC-4).
async fn messages_of(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, MessageFacts>, StoreError> {
    type Row = (Uuid, Uuid, Option<Uuid>, Option<(Uuid, Uuid)>, Option<String>);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = messages::table
        .inner_join(mailboxes::table.on(
            mailboxes::workspace_id.eq(messages::workspace_id).and(mailboxes::id.eq(messages::mailbox_id)),
        ))
        .left_join(
            conversations::table.on(conversations::workspace_id
                .eq(messages::workspace_id)
                .and(conversations::thread_id.eq(messages::thread_id))
                .and(conversations::merged_into.is_null())),
        )
        .left_join(
            outbox::table
                .on(outbox::workspace_id.eq(messages::workspace_id).and(outbox::message_id.eq(messages::id))),
        )
        .filter(messages::workspace_id.eq(workspace.0).and(messages::id.eq_any(ids)))
        .select((
            messages::id,
            messages::thread_id,
            mailboxes::user_id,
            (conversations::id, conversations::owner_id).nullable(),
            outbox::state.nullable(),
        ))
        .load(&mut tx.conn())
        .await?;
    let alone = rows.iter().filter(|row| row.3.is_none()).map(|row| row.1).collect();
    let writers = writers_of(tx, workspace, alone).await?;
    let facts = |(id, thread, mailbox_user, conversation, state): Row| {
        let audience = match (conversation, mailbox_user) {
            (Some((_, owner)), _) => Audience::of_conversation(UserId(owner)),
            (None, user) => Audience::of_waiting(writers.get(&thread).cloned().unwrap_or_default(), user),
        };
        let delivery = state.as_deref().and_then(DeliveryState::from_name);
        let conversation = conversation.map(|(id, _)| ConversationId(id));
        let (id, thread) = (MessageId(id), ThreadId(thread));
        (id.0, MessageFacts { id, thread, conversation, delivery, audience })
    };
    Ok(rows.into_iter().map(facts).collect())
}

/// Which users have written in these threads.
async fn writers_of(
    tx: &Tx,
    workspace: WorkspaceId,
    threads: Vec<Uuid>,
) -> Result<HashMap<Uuid, HashSet<Uuid>>, StoreError> {
    if threads.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, Option<Uuid>)> = messages::table
        .filter(messages::workspace_id.eq(workspace.0).and(messages::thread_id.eq_any(threads)))
        .filter(messages::author_user_id.is_not_null())
        .select((messages::thread_id, messages::author_user_id))
        .distinct()
        .load(&mut tx.conn())
        .await?;
    let mut writers = HashMap::<Uuid, HashSet<Uuid>>::new();
    for (thread, user) in rows {
        writers.entry(thread).or_default().extend(user);
    }
    Ok(writers)
}

async fn contact_refs(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, ContactRef>, StoreError> {
    type Row = (Uuid, Option<String>, Option<String>, Option<String>, Option<Vec<u8>>);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = contacts::table
        .left_join(
            contact_emails::table.on(contact_emails::workspace_id
                .eq(contacts::workspace_id)
                .and(contact_emails::contact_id.eq(contacts::id))
                .and(contact_emails::is_primary)),
        )
        .filter(contacts::workspace_id.eq(workspace.0).and(contacts::id.eq_any(ids)))
        .select((
            contacts::id,
            contacts::first_name,
            contacts::last_name,
            contact_emails::address.nullable(),
            contacts::avatar_sha256,
        ))
        .load(&mut tx.conn())
        .await?;
    let contact = |(id, first, last, email, avatar): Row| ContactRef {
        id: ContactId(id),
        name: full_name(first.as_deref(), last.as_deref(), email.as_deref()),
        email,
        avatar,
    };
    Ok(by_id(rows.into_iter().map(contact).collect(), |contact| contact.id.0))
}

/// Users as others show them, also such as are not active any more.
pub(super) async fn user_refs(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, UserRef>, StoreError> {
    type Row = (Uuid, String, String, Option<Vec<u8>>);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = users::table
        .filter(users::workspace_id.eq(workspace.0).and(users::id.eq_any(ids)))
        .select((users::id, users::name, users::email, users::avatar_sha256))
        .load(&mut tx.conn())
        .await?;
    let user = |(id, name, email, avatar)| UserRef { id: UserId(id), name, email, avatar };
    Ok(by_id(rows.into_iter().map(user).collect(), |user: &UserRef| user.id.0))
}

async fn absent_users(tx: &Tx, workspace: WorkspaceId, ids: Vec<Uuid>) -> Result<HashSet<Uuid>, StoreError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<Uuid> = users::table
        .filter(users::workspace_id.eq(workspace.0).and(users::id.eq_any(ids)))
        .filter(users::active.eq(false))
        .select(users::id)
        .load(&mut tx.conn())
        .await?;
    Ok(rows.into_iter().collect())
}

async fn mailbox_users(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Option<Uuid>>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, Option<Uuid>)> = mailboxes::table
        .filter(mailboxes::workspace_id.eq(workspace.0).and(mailboxes::id.eq_any(ids)))
        .select((mailboxes::id, mailboxes::user_id))
        .load(&mut tx.conn())
        .await?;
    Ok(rows.into_iter().collect())
}

/// Contacts, companies and deals: which contacts belong to what, and which team members see those.
#[derive(Default)]
struct Customers {
    /// By contact.
    seers: HashMap<Uuid, HashSet<Uuid>>,
    in_company: HashMap<Uuid, Vec<Uuid>>,
    in_deal: HashMap<Uuid, Vec<Uuid>>,
    company_makers: HashMap<Uuid, Uuid>,
    deal_owners: HashMap<Uuid, Uuid>,
}

impl Customers {
    /// Who sees one of its contacts, and whose own it is.
    fn of(&self, contacts: &HashMap<Uuid, Vec<Uuid>>, own: &HashMap<Uuid, Uuid>, id: Uuid) -> Audience {
        let contacts = contacts.get(&id).map(Vec::as_slice).unwrap_or_default();
        let seers = contacts.iter().filter_map(|contact| self.seers.get(contact)).flatten();
        Audience::seen_by(seers.chain(own.get(&id)).copied().collect())
    }
}

async fn customers(tx: &Tx, workspace: WorkspaceId, about: &Wanted) -> Result<Customers, StoreError> {
    if about.contacts.is_empty() && about.companies.is_empty() && about.deals.is_empty() {
        return Ok(Customers::default());
    }
    let members = companies::table
        .inner_join(
            contacts::table.on(contacts::workspace_id
                .eq(companies::workspace_id)
                .and(contacts::company_id.eq(companies::id.nullable()))),
        )
        .filter(companies::workspace_id.eq(workspace.0).and(companies::id.eq_any(&about.companies)))
        .select((companies::id, contacts::id));
    let partners = contact_deals::table
        .filter(contact_deals::workspace_id.eq(workspace.0).and(contact_deals::deal_id.eq_any(&about.deals)))
        .select((contact_deals::deal_id, contact_deals::contact_id));
    let owners = deals::table
        .filter(deals::workspace_id.eq(workspace.0).and(deals::id.eq_any(&about.deals)))
        .select((deals::id, deals::owner_id));
    let makers = companies::table
        .filter(companies::workspace_id.eq(workspace.0).and(companies::id.eq_any(&about.companies)))
        .filter(companies::created_by.is_not_null())
        .select((companies::id, companies::created_by.assume_not_null()));
    let (mut a, mut b, mut c, mut d) = (tx.conn(), tx.conn(), tx.conn(), tx.conn());
    type Pairs = Vec<(Uuid, Uuid)>;
    let (members, partners, owners, makers): (Pairs, Pairs, Pairs, Pairs) = tokio::try_join!(
        members.load(&mut a),
        partners.load(&mut b),
        owners.load(&mut c),
        makers.load(&mut d)
    )?;
    let mut ids: HashSet<Uuid> = about.contacts.clone();
    ids.extend(members.iter().chain(&partners).map(|(_, contact)| contact));
    let seers = seers_of(tx, workspace, ids.into_iter().collect()).await?;
    Ok(Customers {
        seers,
        in_company: grouped(members),
        in_deal: grouped(partners),
        company_makers: makers.into_iter().collect(),
        deal_owners: owners.into_iter().collect(),
    })
}

fn grouped<C: Default + Extend<Uuid>>(pairs: Vec<(Uuid, Uuid)>) -> HashMap<Uuid, C> {
    let mut groups = HashMap::<Uuid, C>::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().extend([value]);
    }
    groups
}

/// ACC-2: the owner of each contact, and the owners of the conversations that they take part in, as their primary
/// contact or as a party of the thread.
async fn seers_of(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, HashSet<Uuid>>, StoreError> {
    let owners = contacts::table
        .filter(contacts::workspace_id.eq(workspace.0).and(contacts::id.eq_any(&ids)))
        .select((contacts::id, contacts::owner_id));
    let here = conversations::workspace_id.eq(workspace.0).and(conversations::merged_into.is_null());
    let primary = conversations::table
        .filter(here)
        .filter(conversations::primary_contact_id.eq_any(&ids))
        .select((conversations::primary_contact_id, conversations::owner_id))
        .distinct();
    let parties = contact_emails::table
        .inner_join(
            thread_parties::table.on(thread_parties::workspace_id
                .eq(contact_emails::workspace_id)
                .and(thread_parties::address.eq(contact_emails::address))),
        )
        .inner_join(
            conversations::table.on(conversations::workspace_id
                .eq(thread_parties::workspace_id)
                .and(conversations::thread_id.eq(thread_parties::thread_id))),
        )
        .filter(contact_emails::workspace_id.eq(workspace.0))
        .filter(here)
        .filter(contact_emails::contact_id.eq_any(&ids))
        .select((contact_emails::contact_id, conversations::owner_id))
        .distinct();
    let (mut a, mut b, mut c) = (tx.conn(), tx.conn(), tx.conn());
    type Pairs = Vec<(Uuid, Uuid)>;
    let (mut seers, primary, parties): (Pairs, Pairs, Pairs) =
        tokio::try_join!(owners.load(&mut a), primary.load(&mut b), parties.load(&mut c))?;
    seers.extend(primary.into_iter().chain(parties));
    Ok(grouped(seers))
}

/// Who is told of a person's presence in these conversations: their owners as they are now.
pub(super) async fn conversation_owners(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, UserId>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, Uuid)> = conversations::table
        .filter(conversations::workspace_id.eq(workspace.0).and(conversations::id.eq_any(ids)))
        .filter(conversations::merged_into.is_null())
        .select((conversations::id, conversations::owner_id))
        .load(&mut tx.conn())
        .await?;
    Ok(rows.into_iter().map(|(id, owner)| (id, UserId(owner))).collect())
}
