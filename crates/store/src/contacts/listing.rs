//! Contacts as lists.

use super::{ContactEmail, load::emails_by_contact, shown_name};
use crate::{
    Store,
    companies::CompanySummary,
    error::StoreError,
    lookup::{self, Found, LookUp},
    schema::{companies, contacts, users},
    stream::UserRef,
    transaction::Tx,
    users::OwnerRow,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    custom_field::Entity,
    ids::{ContactId, WorkspaceId},
};
use uuid::Uuid;

/// A contact, as far as lists show them.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactSummary {
    /// Their id.
    pub id: ContactId,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// What they are in their company.
    pub title: Option<String>,
    /// The picture's blob.
    pub avatar: Option<Vec<u8>>,
    /// Their owner.
    pub owner: UserRef,
    /// Their addresses, the primary one first.
    pub emails: Vec<ContactEmail>,
    /// Their company.
    pub company: Option<CompanySummary>,
    /// Counts edits.
    pub version: i64,
    /// When they became one.
    pub created_at: DateTime<Utc>,
    /// When they were last edited.
    pub updated_at: DateTime<Utc>,
}

impl ContactSummary {
    /// First and last name; the primary address where there is neither.
    #[must_use]
    pub fn name(&self) -> String {
        shown_name(self.first_name.as_deref(), self.last_name.as_deref(), &self.emails)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = contacts)]
struct SummaryRow {
    id: Uuid,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    title: Option<String>,
    avatar_sha256: Option<Vec<u8>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Store {
    /// A page of the contacts that the actor sees (ACC-2).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contacts(
        &self,
        actor: &Actor,
        wanted: &LookUp,
    ) -> Result<Found<ContactSummary>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let found = lookup::find(&tx, actor, Entity::Contact, wanted).await?;
        let contacts = summaries(&tx, actor.workspace_id, &found.items).await?;
        tx.commit().await?;
        Ok(found.loaded(contacts, |contact| contact.id.0))
    }
}

async fn summaries(tx: &Tx, workspace: WorkspaceId, ids: &[Uuid]) -> Result<Vec<ContactSummary>, StoreError> {
    type Row = (SummaryRow, OwnerRow, Option<CompanySummary>);
    let rows = contacts::table
        .inner_join(
            users::table
                .on(users::workspace_id.eq(contacts::workspace_id).and(users::id.eq(contacts::owner_id))),
        )
        .left_join(
            companies::table.on(companies::workspace_id
                .eq(contacts::workspace_id)
                .and(companies::id.nullable().eq(contacts::company_id))),
        )
        .filter(contacts::workspace_id.eq(workspace.0).and(contacts::id.eq_any(ids)))
        .select((SummaryRow::as_select(), OwnerRow::as_select(), Option::<CompanySummary>::as_select()));
    let mut conn = tx.conn();
    let rows = async { Ok(rows.load::<Row>(&mut conn).await?) };
    let (rows, mut emails) = tokio::try_join!(rows, emails_by_contact(tx, workspace, ids))?;
    let summary = |(row, owner, company): Row| ContactSummary {
        id: row.id.into(),
        first_name: row.first_name,
        last_name: row.last_name,
        phone: row.phone,
        title: row.title,
        avatar: row.avatar_sha256,
        owner: owner.into(),
        emails: emails.remove(&row.id).unwrap_or_default(),
        company,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(rows.into_iter().map(summary).collect())
}
