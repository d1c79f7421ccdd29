//! Companies (SDB-3, SDB-5).

mod editing;

pub use editing::CompanyPatch;

use crate::{
    Store,
    custom_fields::{CustomField, Definitions},
    error::StoreError,
    lookup::{self, Found, LookUp},
    postal_address::PostalAddress,
    schema::companies,
    sight,
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use editing::Columns;
use postroom_domain::{
    access::Actor,
    custom_field::Entity,
    ids::{CompanyId, WorkspaceId},
};
use uuid::Uuid;

/// A company.
#[derive(Clone, Debug, PartialEq)]
pub struct Company {
    /// Its id.
    pub id: CompanyId,
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// A web address.
    pub website: Option<String>,
    /// What it does.
    pub industry: Option<String>,
    /// How large it is.
    pub size: Option<String>,
    /// Where it is.
    pub address: PostalAddress,
    /// Whatever people noted.
    pub description: Option<String>,
    /// All custom fields of companies, in their set order, also the empty ones.
    pub custom_fields: Vec<CustomField>,
    /// Counts edits.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// What everybody may know of a company who looks it up: enough to recognise it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = companies)]
pub struct CompanySummary {
    /// Its id.
    #[diesel(deserialize_as = Uuid)]
    pub id: CompanyId,
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: Option<String>,
    /// Counts edits.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = companies)]
pub(crate) struct CompanyRow {
    id: Uuid,
    #[diesel(embed)]
    columns: Columns,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl CompanyRow {
    pub(crate) fn into_company(self, definitions: &Definitions) -> Company {
        let columns = self.columns;
        Company {
            id: self.id.into(),
            name: columns.name,
            domain: columns.domain,
            phone: columns.phone,
            website: columns.website,
            industry: columns.industry,
            size: columns.size,
            address: columns.address.into(),
            description: columns.description,
            custom_fields: definitions.fill(Entity::Company, &columns.custom_fields),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl Store {
    /// One company, where it exists for the actor: a team member sees those that they have made, and those of contacts that
    /// they see (ACC-2).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn company(&self, actor: &Actor, id: CompanyId) -> Result<Company, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let sees = sight::sees(&tx, actor, Entity::Company, id);
        let (sees, company) = tokio::try_join!(sees, load(&tx, actor.workspace_id, id))?;
        tx.commit().await?;
        if sees { Ok(company) } else { Err(StoreError::NotFound) }
    }

    /// A page of companies: those that the actor sees; all of the workspace's that fit, where one is looked for (ACC-2).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn companies(
        &self,
        actor: &Actor,
        wanted: &LookUp,
    ) -> Result<Found<CompanySummary>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let found = lookup::find(&tx, actor, Entity::Company, wanted).await?;
        let companies = companies::table
            .filter(companies::workspace_id.eq(actor.workspace_id.0))
            .filter(companies::id.eq_any(&found.items))
            .select(CompanySummary::as_select())
            .load(&mut tx.conn())
            .await?;
        tx.commit().await?;
        Ok(found.loaded(companies, |company| company.id.0))
    }
}

/// The company, whoever asks.
async fn load(tx: &Tx, workspace: WorkspaceId, id: CompanyId) -> Result<Company, StoreError> {
    let row = companies::table.find((workspace.0, id.0)).select(CompanyRow::as_select());
    let mut conn = tx.conn();
    let row = async { Ok(row.first(&mut conn).await?) };
    let (row, definitions) = tokio::try_join!(row, Definitions::load(tx, workspace))?;
    Ok(row.into_company(&definitions))
}
