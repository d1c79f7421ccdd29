//! Who sees which contacts, companies and deals (ACC-2).
//!
//! Those who see all see all. A team member sees the contacts that they own, and those that take part in a conversation
//! that they own; the companies that they have made, and those of contacts that they see; the deals that they own, and
//! those of contacts that they see. What somebody sees they may edit. Beyond that everybody may look up any company and
//! deal by its name, to associate it to a contact that they may edit, and learns no more of it than is needed to
//! recognise it.
//!
//! The rule stands in the database's functions, one for each kind of thing; `live/audience.rs` asks it the other way
//! round: who sees this one.

use crate::{error::StoreError, transaction::Tx};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Bool, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Visibility},
    custom_field::Entity,
    ids::UserId,
};
use uuid::Uuid;

/// The function that gives the ids that a team member sees: `f(workspace, user)`.
pub(crate) fn seen_by(entity: Entity) -> &'static str {
    match entity {
        Entity::Contact => "postroom_contacts_of",
        Entity::Company => "postroom_companies_of",
        Entity::Deal => "postroom_deals_of",
    }
}

#[derive(QueryableByName)]
struct Sight {
    #[diesel(sql_type = Bool)]
    visible: bool,
}

/// Whether the actor would see it, if it is there.
pub(crate) async fn sees(
    tx: &Tx,
    actor: &Actor,
    entity: Entity,
    id: impl Into<Uuid>,
) -> Result<bool, StoreError> {
    let Visibility::Mine(UserId(user)) = actor.visibility() else {
        return Ok(true);
    };
    let function = seen_by(entity);
    let sight: Sight = sql_query(format!(
        "SELECT EXISTS (SELECT FROM {function}($1, $2) AS seen WHERE seen.id = $3) AS visible"
    ))
    .bind::<SqlUuid, _>(actor.workspace_id.0)
    .bind::<SqlUuid, _>(user)
    .bind::<SqlUuid, _>(id.into())
    .get_result(&mut tx.conn())
    .await?;
    Ok(sight.visible)
}

/// The same as a refusal.
///
/// # Errors
/// [`StoreError::NotFound`].
pub(crate) async fn must_see(
    tx: &Tx,
    actor: &Actor,
    entity: Entity,
    id: impl Into<Uuid>,
) -> Result<(), StoreError> {
    if sees(tx, actor, entity, id).await? { Ok(()) } else { Err(StoreError::NotFound) }
}
