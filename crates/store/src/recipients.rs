//! People to write to: contacts with each of their addresses, and colleagues, best first.

use crate::{
    Store,
    correspondents::full_name,
    error::StoreError,
    lookup::{self, LookUp},
    schema::{contact_emails, contacts, conversations},
    stream::AuthorKind,
    transaction::Tx,
};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Integer, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use postroom_domain::{access::Actor, custom_field::Entity, ids::WorkspaceId};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// So many of somebody's conversations are looked at for whom they have written with lately.
const LATELY: i64 = 100;

/// Somebody to write to, by one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// A contact or a user.
    pub kind: AuthorKind,
    /// Which one.
    pub id: Uuid,
    /// Their name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The picture's blob.
    pub avatar: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
struct FoundUser {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Nullable<Binary>)]
    avatar: Option<Vec<u8>>,
    #[diesel(sql_type = Integer)]
    fit: i32,
}

impl Store {
    /// Whom the actor may want to write to: contacts that they see and active users that fit the text, typing errors
    /// forgiven; without a text the contacts of their own latest conversations. A contact is there with each of their
    /// addresses.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recipients(
        &self,
        actor: &Actor,
        text: Option<&str>,
        limit: u16,
    ) -> Result<Vec<Recipient>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let mut found = match text {
            Some(text) => fitting(&tx, actor, text, limit).await?,
            None => {
                let latest = latest(&tx, actor, limit).await?;
                let mut people = addresses(&tx, actor.workspace_id, &latest, "").await?;
                latest.iter().flat_map(|id| people.remove(id).unwrap_or_default()).collect()
            }
        };
        tx.commit().await?;
        found.truncate(usize::from(limit));
        Ok(found)
    }
}

async fn fitting(tx: &Tx, actor: &Actor, text: &str, limit: u16) -> Result<Vec<Recipient>, StoreError> {
    let wanted = LookUp { text: Some(text.to_owned()), limit, ..LookUp::default() };
    let contacts = lookup::places(tx, actor, Entity::Contact, &wanted);
    let (contacts, users) = tokio::try_join!(contacts, fitting_users(tx, actor, text, limit))?;
    let ids: Vec<Uuid> = contacts.iter().map(|contact| contact.id).collect();
    let mut people = addresses(tx, actor.workspace_id, &ids, text).await?;
    let mut found: Vec<(i32, Vec<Recipient>)> =
        contacts.iter().map(|one| (one.fit, people.remove(&one.id).unwrap_or_default())).collect();
    found.extend(users.into_iter().map(|FoundUser { id, name, email, avatar, fit }| {
        (fit, vec![Recipient { kind: AuthorKind::User, id, name, email, avatar }])
    }));
    // Stable: of what fits equally well, customers come before colleagues.
    found.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
    Ok(found.into_iter().flat_map(|(_, people)| people).collect())
}

/// The users of a workspace are so few that each is looked at, by the same measure as contacts are.
async fn fitting_users(tx: &Tx, actor: &Actor, text: &str, limit: u16) -> Result<Vec<FoundUser>, StoreError> {
    let query = sql_query(
        "SELECT u.id, u.name, u.email, u.avatar_sha256 AS avatar, f.fit
         FROM postroom_fold($2) AS n (needle), users u,
             LATERAL (SELECT postroom_fit(postroom_lines(u.name, u.email), n.needle) AS fit) f
         WHERE u.workspace_id = $1 AND u.active AND n.needle <> ''
             AND f.fit >= CASE WHEN length(n.needle) < 3 THEN 800 WHEN length(n.needle) > 8 THEN 360 ELSE 240 END
         ORDER BY f.fit DESC, u.name, u.id LIMIT $3",
    )
    .bind::<SqlUuid, _>(actor.workspace_id.0)
    .bind::<Text, _>(text)
    .bind::<BigInt, _>(i64::from(limit));
    Ok(query.load(&mut tx.conn()).await?)
}

/// The primary contacts of the actor's own latest conversations, each once.
async fn latest(tx: &Tx, actor: &Actor, limit: u16) -> Result<Vec<Uuid>, StoreError> {
    let contacts: Vec<Uuid> = conversations::table
        .filter(
            conversations::workspace_id
                .eq(actor.workspace_id.0)
                .and(conversations::owner_id.eq(actor.user_id.0))
                .and(conversations::merged_into.is_null()),
        )
        .order((conversations::last_activity_at.desc(), conversations::id.desc()))
        .limit(LATELY)
        .select(conversations::primary_contact_id)
        .load(&mut tx.conn())
        .await?;
    let mut seen = HashSet::new();
    Ok(contacts.into_iter().filter(|id| seen.insert(*id)).take(usize::from(limit)).collect())
}

/// These contacts with all their addresses, in one query: those that have the text in them first, then the primary one.
async fn addresses(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: &[Uuid],
    text: &str,
) -> Result<HashMap<Uuid, Vec<Recipient>>, StoreError> {
    type Row = (Uuid, Option<String>, Option<String>, Option<Vec<u8>>, String);
    let of_contact = contact_emails::workspace_id
        .eq(contacts::workspace_id)
        .and(contact_emails::contact_id.eq(contacts::id));
    let rows: Vec<Row> = contacts::table
        .inner_join(contact_emails::table.on(of_contact))
        .filter(contacts::workspace_id.eq(workspace.0).and(contacts::id.eq_any(ids)))
        .order((contact_emails::is_primary.desc(), contact_emails::id))
        .select((
            contacts::id,
            contacts::first_name,
            contacts::last_name,
            contacts::avatar_sha256,
            contact_emails::address,
        ))
        .load(&mut tx.conn())
        .await?;
    let wanted = text.trim().to_lowercase();
    let mut people: HashMap<Uuid, Vec<Recipient>> = HashMap::new();
    for (id, first, last, avatar, email) in rows {
        let name = full_name(first.as_deref(), last.as_deref(), Some(&email));
        let person = Recipient { kind: AuthorKind::Contact, id, name, email, avatar };
        people.entry(id).or_default().push(person);
    }
    for addresses in people.values_mut() {
        addresses.sort_by_key(|one| !one.email.contains(&wanted));
    }
    Ok(people)
}
