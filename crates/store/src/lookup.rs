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
    let mut rows: Vec<Row> = query(actor, entity, wanted).load(&mut tx.conn()).await?;
    let more = rows.len() > usize::from(wanted.limit);
    rows.truncate(usize::from(wanted.limit));
    let next = rows.last().filter(|_| more).map(|last| LookUpPosition { fit: last.fit, id: last.id });
    Ok(Found { items: rows.into_iter().map(|row| row.id).collect(), next })
}

type Query<'a> = BoxedSqlQuery<'a, Pg, diesel::query_builder::SqlQuery>;

fn query<'a>(actor: &Actor, entity: Entity, wanted: &'a LookUp) -> Query<'a> {
    let name = entity.as_str();
    let table = match entity {
        Entity::Contact => "contacts",
        Entity::Company => "companies",
        Entity::Deal => "deals",
    };
    let from = match &wanted.text {
        Some(_) => format!(
            "SELECT t.id, s.fit FROM postroom_search('{name}', $2) s JOIN {table} t ON t.id = s.id WHERE t.workspace_id = $1"
        ),
        None => format!("SELECT t.id, 0 AS fit FROM {table} t WHERE t.workspace_id = $1"),
    };
    let mut query = sql_query(from).into_boxed().bind::<SqlUuid, _>(actor.workspace_id.0);
    let mut places = 1;
    if let Some(text) = &wanted.text {
        query = query.bind::<Text, _>(text);
        places += 1;
    }
    let mut place = || {
        places += 1;
        places
    };
    let everybody_may = wanted.text.is_some() && entity != Entity::Contact;
    if let Visibility::Mine(user) = actor.visibility()
        && !everybody_may
    {
        let seen = sight::seen_by(entity);
        query = query
            .sql(format!(" AND t.id IN (SELECT seen.id FROM {seen}($1, ${}) AS seen)", place()))
            .bind::<SqlUuid, _>(user.0);
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
    match (&wanted.text, wanted.after) {
        (Some(_), Some(after)) => {
            query = query
                .sql(format!(" AND (s.fit, t.id) < (${}, ${})", place(), place()))
                .bind::<Integer, _>(after.fit)
                .bind::<SqlUuid, _>(after.id);
        }
        (None, Some(after)) => {
            query = query.sql(format!(" AND t.id < ${}", place())).bind::<SqlUuid, _>(after.id);
        }
        (_, None) => {}
    }
    let order = if wanted.text.is_some() { "s.fit DESC, t.id DESC" } else { "t.id DESC" };
    query.sql(format!(" ORDER BY {order} LIMIT {}", u32::from(wanted.limit) + 1))
}
