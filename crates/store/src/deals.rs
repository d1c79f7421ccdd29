//! Deals (SDB-3, SDB-5).

mod editing;

pub use editing::DealPatch;

use crate::{
    Store,
    custom_fields::{CustomField, Definitions},
    error::StoreError,
    lookup::{self, Found, LookUp},
    schema::{deals, users},
    sight,
    stream::UserRef,
    transaction::Tx,
    users::OwnerRow,
};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use editing::Columns;
use postroom_domain::{
    access::Actor,
    custom_field::Entity,
    ids::{DealId, WorkspaceId},
    money::Money,
};
use uuid::Uuid;

/// How a deal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealStatus {
    /// Not decided.
    Open,
    /// They bought.
    Won,
    /// They didn't.
    Lost,
}

impl DealStatus {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Open, Self::Won, Self::Lost]
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("deal status {name}")))
    }
}

/// A deal.
#[derive(Clone, Debug, PartialEq)]
pub struct Deal {
    /// Its id.
    pub id: DealId,
    /// Its name.
    pub name: String,
    /// What it is worth.
    pub amount: Option<Money>,
    /// How far it is.
    pub stage: Option<String>,
    /// How it stands.
    pub status: DealStatus,
    /// When it should be decided.
    pub expected_close_on: Option<NaiveDate>,
    /// Its owner.
    pub owner: UserRef,
    /// All custom fields of deals, in their set order, also the empty ones.
    pub custom_fields: Vec<CustomField>,
    /// Counts edits.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// What everybody may know of a deal who looks it up: enough to recognise it.
#[derive(Clone, Debug, PartialEq)]
pub struct DealSummary {
    /// Its id.
    pub id: DealId,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: DealStatus,
    /// Its owner.
    pub owner: UserRef,
    /// Counts edits.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deals)]
pub(crate) struct DealRow {
    id: Uuid,
    #[diesel(embed)]
    columns: Columns,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl DealRow {
    pub(crate) fn into_deal(self, owner: OwnerRow, definitions: &Definitions) -> Result<Deal, StoreError> {
        Ok(Deal {
            id: self.id.into(),
            amount: self.columns.amount(),
            name: self.columns.name,
            stage: self.columns.stage,
            status: DealStatus::from_name(&self.columns.status)?,
            expected_close_on: self.columns.expected_close_on,
            owner: owner.into(),
            custom_fields: definitions.fill(Entity::Deal, &self.columns.custom_fields),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deals)]
struct SummaryRow {
    id: Uuid,
    name: String,
    status: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl SummaryRow {
    fn into_summary(self, owner: OwnerRow) -> Result<DealSummary, StoreError> {
        Ok(DealSummary {
            id: self.id.into(),
            name: self.name,
            status: DealStatus::from_name(&self.status)?,
            owner: owner.into(),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl Store {
    /// One deal, where it exists for the actor: a team member sees those that they own, and those of contacts that they see
    /// (ACC-2).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn deal(&self, actor: &Actor, id: DealId) -> Result<Deal, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let sees = sight::sees(&tx, actor, Entity::Deal, id);
        let (sees, deal) = tokio::try_join!(sees, load(&tx, actor.workspace_id, id))?;
        tx.commit().await?;
        if sees { Ok(deal) } else { Err(StoreError::NotFound) }
    }

    /// A page of deals: those that the actor sees; all of the workspace's that fit, where one is looked for (ACC-2).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deals(&self, actor: &Actor, wanted: &LookUp) -> Result<Found<DealSummary>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let found = lookup::find(&tx, actor, Entity::Deal, wanted).await?;
        let rows: Vec<(SummaryRow, OwnerRow)> = deals::table
            .inner_join(
                users::table
                    .on(users::workspace_id.eq(deals::workspace_id).and(users::id.eq(deals::owner_id))),
            )
            .filter(deals::workspace_id.eq(actor.workspace_id.0).and(deals::id.eq_any(&found.items)))
            .select((SummaryRow::as_select(), OwnerRow::as_select()))
            .load(&mut tx.conn())
            .await?;
        tx.commit().await?;
        let deals = rows.into_iter().map(|(row, owner)| row.into_summary(owner)).collect::<Result<_, _>>()?;
        Ok(found.loaded(deals, |deal: &DealSummary| deal.id.0))
    }
}

/// The deal, whoever asks.
async fn load(tx: &Tx, workspace: WorkspaceId, id: DealId) -> Result<Deal, StoreError> {
    let row = deals::table
        .find((workspace.0, id.0))
        .inner_join(
            users::table.on(users::workspace_id.eq(deals::workspace_id).and(users::id.eq(deals::owner_id))),
        )
        .select((DealRow::as_select(), OwnerRow::as_select()));
    let mut conn = tx.conn();
    let row = async { Ok(row.first::<(DealRow, OwnerRow)>(&mut conn).await?) };
    let ((row, owner), definitions) = tokio::try_join!(row, Definitions::load(tx, workspace))?;
    row.into_deal(owner, &definitions)
}
