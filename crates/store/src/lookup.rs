//! Pages of contacts, companies and deals: the newest first, or, where something is looked for, what fits it best.
//!
//! What fits is asked of the database's function `postroom_search`, which forgives typing errors in any script.

use crate::{error::StoreError, sight, transaction::Tx};
use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::BoxedSqlQuery,
    sql_query,
    sql_types::{Integer, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Visibility},
    custom_field::Entity,
    ids::{CompanyId, UserId},
};
use std::collections::HashMap;
use uuid::Uuid;

/// Which part of which list.
#[derive(Clone, Debug, Default)]
pub struct LookUp {
    /// What is looked for; `None`: everything that the actor sees, the newest first.
    pub text: Option<String>,
    /// Only what this user owns; for contacts and deals.
    pub owner_id: Option<UserId>,
    /// Only this company's; for contacts.
    pub company_id: Option<CompanyId>,
    /// Behind this one; `None`: from the beginning.
    pub after: Option<LookUpPosition>,
    /// At most so many.
    pub limit: u16,
}

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookUpPosition {
    /// How well it fits; 0 where nothing is looked for.
    pub fit: i32,
    /// Which.
    pub id: Uuid,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// The elements, in the list's order.
    pub items: Vec<T>,
    /// The place of the last one, where the list goes on behind it.
    pub next: Option<LookUpPosition>,
}

impl Found<Uuid> {
    /// What was found, loaded: `load` in any order.
    pub(crate) fn loaded<T>(self, loaded: Vec<T>, id: impl Fn(&T) -> Uuid) -> Found<T> {
        let mut by_id: HashMap<Uuid, T> = loaded.into_iter().map(|one| (id(&one), one)).collect();
        Found { items: self.items.iter().filter_map(|id| by_id.remove(id)).collect(), next: self.next }
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Integer)]
    fit: i32,
}

/// The ids of a page. Of companies and deals that are looked for by a name all of the workspace's are found, by every role
/// (ACC-2); else what the actor sees.
pub(crate) async fn find(
    tx: &Tx,
    actor: &Actor,
    entity: Entity,
    wanted: &LookUp,
) -> Result<Found<Uuid>, StoreError> {
    let mut places = places(tx, actor, entity, wanted).await?;
    let more = places.len() > usize::from(wanted.limit);
    places.truncate(usize::from(wanted.limit));
    let next = places.last().filter(|_| more).copied();
    Ok(Found { items: places.into_iter().map(|place| place.id).collect(), next })
}

/// The same with how well each fits, and the first one of the next page.
pub(crate) async fn places(
    tx: &Tx,
    actor: &Actor,
    entity: Entity,
    wanted: &LookUp,
) -> Result<Vec<LookUpPosition>, StoreError> {
    let rows: Vec<Row> = query(actor, entity, wanted).load(&mut tx.conn()).await?;
    Ok(rows.into_iter().map(|Row { id, fit }| LookUpPosition { fit, id }).collect())
}

type Query<'a> = BoxedSqlQuery<'a, Pg, diesel::query_builder::SqlQuery>;

/// Where something is looked for, or somebody sees but a part, that is found first, put in order, and followed only as far
/// as the page goes: a join of all that was found would sooner or later be one with the whole table. `OFFSET 0` keeps
/// PostgreSQL from making such a join of it.
fn query<'a>(actor: &Actor, entity: Entity, wanted: &'a LookUp) -> Query<'a> {
    let name = entity.as_str();
    let table = match entity {
        Entity::Contact => "contacts",
        Entity::Company => "companies",
        Entity::Deal => "deals",
    };
    let everybody_may = wanted.text.is_some() && entity != Entity::Contact;
    let only = match actor.visibility() {
        Visibility::Mine(user) if !everybody_may => Some(user.0),
        Visibility::Mine(_) | Visibility::All => None,
    };
    let mut places = 1;
    let mut place = || {
        places += 1;
        places
    };
    let seen = sight::seen_by(entity);
    let found = match (&wanted.text, only) {
        (Some(_), Some(_)) => Some(format!(
            "SELECT f.id, f.fit FROM postroom_search('{name}', ${}) f
             WHERE f.id IN (SELECT seen.id FROM {seen}($1, ${}) AS seen) ORDER BY f.fit DESC, f.id DESC",
            place(),
            place()
        )),
        (Some(_), None) => Some(format!(
            "SELECT f.id, f.fit FROM postroom_search('{name}', ${}) f ORDER BY f.fit DESC, f.id DESC",
            place()
        )),
        (None, Some(_)) => Some(format!(
            "SELECT seen.id, 0 AS fit FROM {seen}($1, ${}) AS seen ORDER BY seen.id DESC",
            place()
        )),
        (None, None) => None,
    };
    let (from, id) = match &found {
        Some(found) => (
            format!(
                "SELECT s.id, s.fit FROM ({found}) s
                 CROSS JOIN LATERAL (SELECT FROM {table} t WHERE t.workspace_id = $1 AND t.id = s.id"
            ),
            "s.id",
        ),
        None => (format!("SELECT t.id, 0 AS fit FROM {table} t WHERE t.workspace_id = $1"), "t.id"),
    };
    let mut query = sql_query(from).into_boxed().bind::<SqlUuid, _>(actor.workspace_id.0);
    if let Some(text) = &wanted.text {
        query = query.bind::<Text, _>(text);
    }
    if let Some(user) = only {
        query = query.bind::<SqlUuid, _>(user);
    }
    if entity == Entity::Contact {
        query = query.sql(" AND t.merged_into IS NULL");
    }
    for (column, id) in
        [("owner_id", wanted.owner_id.map(|id| id.0)), ("company_id", wanted.company_id.map(|id| id.0))]
    {
        if let Some(id) = id {
            query = query.sql(format!(" AND t.{column} = ${}", place())).bind::<SqlUuid, _>(id);
        }
    }
    if found.is_some() {
        query = query.sql(" OFFSET 0) t WHERE true");
    }
    match (&wanted.text, wanted.after) {
        (Some(_), Some(after)) => {
            query = query
                .sql(format!(" AND (s.fit, s.id) < (${}, ${})", place(), place()))
                .bind::<Integer, _>(after.fit)
                .bind::<SqlUuid, _>(after.id);
        }
        (None, Some(after)) => {
            query = query.sql(format!(" AND {id} < ${}", place())).bind::<SqlUuid, _>(after.id);
        }
        (_, None) => {}
    }
    let by_fit = if wanted.text.is_some() { "s.fit DESC, " } else { "" };
    query.sql(format!(" ORDER BY {by_fit}{id} DESC LIMIT {}", u32::from(wanted.limit) + 1))
}
