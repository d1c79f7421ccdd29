//! Making and editing companies (SDB-2, SDB-3).

use super::{Company, load};
use crate::{
    Store,
    edits::{Faults, conclude, differing, edited, require_version},
    error::StoreError,
    events::EventKind,
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    postal_address::{AddressPatch, CompanyAddress},
    schema::companies,
    sight,
    transaction::Tx,
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    custom_field::{Entity, Occasion},
    ids::CompanyId,
    patch::Patch,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What is changed of a company.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompanyPatch {
    /// Its name; `None` leaves it.
    pub name: Option<String>,
    /// Its domain.
    pub domain: Patch<String>,
    /// Telephone.
    pub phone: Patch<String>,
    /// A web address.
    pub website: Patch<String>,
    /// What it does.
    pub industry: Patch<String>,
    /// How large it is.
    pub size: Patch<String>,
    /// Where it is.
    pub address: AddressPatch,
    /// Whatever people noted.
    pub description: Patch<String>,
    /// Custom fields by their keys; `null` clears one.
    pub custom_fields: Map<String, Value>,
}

/// What is edited of a company.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = companies, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct Columns {
    pub(super) name: String,
    pub(super) domain: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) website: Option<String>,
    pub(super) industry: Option<String>,
    pub(super) size: Option<String>,
    #[diesel(embed)]
    pub(super) address: CompanyAddress,
    pub(super) description: Option<String>,
    pub(super) custom_fields: Value,
}

impl Columns {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            domain: None,
            phone: None,
            website: None,
            industry: None,
            size: None,
            address: CompanyAddress::default(),
            description: None,
            custom_fields: json!({}),
        }
    }

    fn patched(self, patch: &CompanyPatch, custom_fields: Value) -> Self {
        Self {
            name: patch.name.clone().unwrap_or(self.name),
            domain: patch.domain.laid_over(self.domain),
            phone: patch.phone.laid_over(self.phone),
            website: patch.website.laid_over(self.website),
            industry: patch.industry.laid_over(self.industry),
            size: patch.size.laid_over(self.size),
            address: patch.address.laid_over(self.address.into()).into(),
            description: patch.description.laid_over(self.description),
            custom_fields,
        }
    }

    fn differing(&self, other: &Self) -> Vec<&'static str> {
        differing!(self, other => name, domain, phone, website, industry, size, address, description, custom_fields)
    }
}

impl Store {
    /// Makes a company with this name. Who makes it sees it (ACC-2).
    ///
    /// # Errors
    /// [`StoreError::Fields`] with every wrong custom field.
    pub async fn create_company(
        &self,
        actor: &Actor,
        name: &str,
        fields: &CompanyPatch,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&Company) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<Company>, StoreError> {
        let (workspace, answer) = (actor.workspace_id, &answer);
        self.write(workspace, async |tx| {
            let effect = create(tx, actor, name, fields);
            with_idempotency(tx, workspace, claim, effect, answer).await
        })
        .await
    }

    /// Edits a company. What is there already is no change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::StaleVersion`], [`StoreError::Fields`] with every wrong field; nothing is
    /// changed then.
    pub async fn edit_company(
        &self,
        actor: &Actor,
        id: CompanyId,
        expected: Option<i64>,
        patch: &CompanyPatch,
    ) -> Result<Company, StoreError> {
        self.write(actor.workspace_id, async |tx| {
            sight::must_see(tx, actor, Entity::Company, id).await?;
            let (before, version): (Columns, i64) = companies::table
                .find((actor.workspace_id.0, id.0))
                .for_no_key_update()
                .select((Columns::as_select(), companies::version))
                .first(&mut tx.conn())
                .await?;
            require_version(version, expected)?;
            edit(tx, actor, id, &before, patch).await
        })
        .await
    }
}

async fn create(tx: &Tx, actor: &Actor, name: &str, fields: &CompanyPatch) -> Result<Company, StoreError> {
    let (workspace, id) = (actor.workspace_id, CompanyId(Uuid::now_v7()));
    let empty = Columns::named(name);
    let columns = judged(tx, actor, &empty, fields, Occasion::Creation).await?;
    diesel::insert_into(companies::table)
        .values((
            companies::workspace_id.eq(workspace.0),
            companies::id.eq(id.0),
            companies::created_by.eq(actor.user_id.0),
            &columns,
        ))
        .execute(&mut tx.conn())
        .await?;
    let company = load(tx, workspace, id).await?;
    let changed = Columns::named("").differing(&columns);
    let entry = edited("company.created", ("company", id.0), &changed, None);
    conclude(tx, actor, entry, (EventKind::CompanyUpdated, id.0)).await?;
    Ok(company)
}

async fn edit(
    tx: &Tx,
    actor: &Actor,
    id: CompanyId,
    before: &Columns,
    patch: &CompanyPatch,
) -> Result<Company, StoreError> {
    let after = judged(tx, actor, before, patch, Occasion::Edit).await?;
    let changed = before.differing(&after);
    if changed.is_empty() {
        return load(tx, actor.workspace_id, id).await;
    }
    diesel::update(companies::table.find((actor.workspace_id.0, id.0)))
        .set((&after, companies::version.eq(companies::version + 1), companies::updated_at.eq(Utc::now())))
        .execute(&mut tx.conn())
        .await?;
    // Read before the event takes its number: that is the last lock.
    let company = load(tx, actor.workspace_id, id).await?;
    let entry = edited("company.updated", ("company", id.0), &changed, None);
    conclude(tx, actor, entry, (EventKind::CompanyUpdated, id.0)).await?;
    Ok(company)
}

/// What the company becomes.
async fn judged(
    tx: &Tx,
    actor: &Actor,
    before: &Columns,
    patch: &CompanyPatch,
    occasion: Occasion,
) -> Result<Columns, StoreError> {
    let mut faults = Faults::default();
    let (workspace, which) = (actor.workspace_id, (Entity::Company, occasion));
    let custom =
        faults.judge_custom_fields(tx, workspace, which, &before.custom_fields, &patch.custom_fields).await?;
    faults.none()?;
    Ok(before.clone().patched(patch, custom))
}
