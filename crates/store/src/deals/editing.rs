//! Making and editing deals (SDB-2, SDB-3).

use super::{Deal, DealStatus, load};
use crate::{
    Store,
    edits::{Faults, conclude, differing, edited, require_version},
    error::StoreError,
    events::EventKind,
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    schema::deals,
    sight,
    transaction::Tx,
};
use chrono::{NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    custom_field::{Entity, Occasion},
    ids::{DealId, UserId},
    money::Money,
    patch::Patch,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What is changed of a deal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DealPatch {
    /// Its name; `None` leaves it.
    pub name: Option<String>,
    /// What it is worth.
    pub amount: Patch<Money>,
    /// How far it is.
    pub stage: Patch<String>,
    /// How it stands; `None` leaves it.
    pub status: Option<DealStatus>,
    /// When it should be decided.
    pub expected_close_on: Patch<NaiveDate>,
    /// Its new owner.
    pub owner_id: Option<UserId>,
    /// Custom fields by their keys; `null` clears one.
    pub custom_fields: Map<String, Value>,
}

/// What is edited of a deal.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = deals, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct Columns {
    pub(super) name: String,
    amount_minor: Option<i64>,
    currency: Option<String>,
    pub(super) stage: Option<String>,
    pub(super) status: String,
    pub(super) expected_close_on: Option<NaiveDate>,
    owner_id: Uuid,
    pub(super) custom_fields: Value,
}

impl Columns {
    fn named(name: &str, owner: UserId) -> Self {
        Self {
            name: name.to_owned(),
            amount_minor: None,
            currency: None,
            stage: None,
            status: DealStatus::Open.as_str().to_owned(),
            expected_close_on: None,
            owner_id: owner.0,
            custom_fields: json!({}),
        }
    }

    /// What it is worth.
    pub(super) fn amount(&self) -> Option<Money> {
        let (minor, currency) = self.amount_minor.zip(self.currency.clone())?;
        Some(Money { minor, currency })
    }

    fn patched(self, patch: &DealPatch, custom_fields: Value) -> Self {
        let (amount_minor, currency) = patch
            .amount
            .laid_over(self.amount())
            .map_or((None, None), |money| (Some(money.minor), Some(money.currency)));
        Self {
            name: patch.name.clone().unwrap_or(self.name),
            amount_minor,
            currency,
            stage: patch.stage.laid_over(self.stage),
            status: patch.status.map_or(self.status, |status| status.as_str().to_owned()),
            expected_close_on: patch.expected_close_on.laid_over(self.expected_close_on),
            owner_id: patch.owner_id.map_or(self.owner_id, |owner| owner.0),
            custom_fields,
        }
    }

    fn differing(&self, other: &Self) -> Vec<&'static str> {
        differing!(self, other => name, amount_minor, currency, stage, status, expected_close_on, owner_id, custom_fields)
    }
}

impl Store {
    /// Makes a deal with this name: open, and the actor's own, unless `fields` say otherwise.
    ///
    /// # Errors
    /// [`StoreError::Fields`] with every wrong field: an owner who is not active, custom fields.
    pub async fn create_deal(
        &self,
        actor: &Actor,
        name: &str,
        fields: &DealPatch,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&Deal) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<Deal>, StoreError> {
        let (workspace, answer) = (actor.workspace_id, &answer);
        self.write(workspace, async |tx| {
            let effect = create(tx, actor, name, fields);
            with_idempotency(tx, workspace, claim, effect, answer).await
        })
        .await
    }

    /// Edits a deal. What is there already is no change. The answer is the deal even where this very change takes it out of
    /// the actor's sight.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::StaleVersion`], [`StoreError::Fields`] with every wrong field; nothing is
    /// changed then.
    pub async fn edit_deal(
        &self,
        actor: &Actor,
        id: DealId,
        expected: Option<i64>,
        patch: &DealPatch,
    ) -> Result<Deal, StoreError> {
        self.write(actor.workspace_id, async |tx| {
            sight::must_see(tx, actor, Entity::Deal, id).await?;
            let (before, version): (Columns, i64) = deals::table
                .find((actor.workspace_id.0, id.0))
                .for_no_key_update()
                .select((Columns::as_select(), deals::version))
                .first(&mut tx.conn())
                .await?;
            require_version(version, expected)?;
            edit(tx, actor, id, &before, patch).await
        })
        .await
    }
}

async fn create(tx: &Tx, actor: &Actor, name: &str, fields: &DealPatch) -> Result<Deal, StoreError> {
    let (workspace, id) = (actor.workspace_id, DealId(Uuid::now_v7()));
    let empty = Columns::named(name, actor.user_id);
    let columns = judged(tx, actor, &empty, fields, Occasion::Creation).await?;
    diesel::insert_into(deals::table)
        .values((deals::workspace_id.eq(workspace.0), deals::id.eq(id.0), &columns))
        .execute(&mut tx.conn())
        .await?;
    let deal = load(tx, workspace, id).await?;
    let changed = Columns::named("", actor.user_id).differing(&columns);
    let entry = edited("deal.created", ("deal", id.0), &changed, None);
    conclude(tx, actor, entry, (EventKind::DealUpdated, id.0)).await?;
    Ok(deal)
}

async fn edit(
    tx: &Tx,
    actor: &Actor,
    id: DealId,
    before: &Columns,
    patch: &DealPatch,
) -> Result<Deal, StoreError> {
    let after = judged(tx, actor, before, patch, Occasion::Edit).await?;
    let changed = before.differing(&after);
    if changed.is_empty() {
        return load(tx, actor.workspace_id, id).await;
    }
    diesel::update(deals::table.find((actor.workspace_id.0, id.0)))
        .set((&after, deals::version.eq(deals::version + 1), deals::updated_at.eq(Utc::now())))
        .execute(&mut tx.conn())
        .await?;
    // Read before the event takes its number: that is the last lock.
    let deal = load(tx, actor.workspace_id, id).await?;
    let owners = Some((before.owner_id, after.owner_id));
    let entry = edited("deal.updated", ("deal", id.0), &changed, owners);
    conclude(tx, actor, entry, (EventKind::DealUpdated, id.0)).await?;
    Ok(deal)
}

/// What the deal becomes.
async fn judged(
    tx: &Tx,
    actor: &Actor,
    before: &Columns,
    patch: &DealPatch,
    occasion: Occasion,
) -> Result<Columns, StoreError> {
    let mut faults = Faults::default();
    let (workspace, which) = (actor.workspace_id, (Entity::Deal, occasion));
    let new_owner = patch.owner_id.filter(|owner| owner.0 != before.owner_id);
    faults.judge_owner(tx, workspace, new_owner).await?;
    let custom =
        faults.judge_custom_fields(tx, workspace, which, &before.custom_fields, &patch.custom_fields).await?;
    faults.none()?;
    Ok(before.clone().patched(patch, custom))
}
