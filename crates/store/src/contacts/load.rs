//! Reading a contact: by its id alone, so that the queries travel together.

use super::{Contact, ContactEmail, editing::Columns};
use crate::{
    companies::CompanyRow,
    custom_fields::Definitions,
    deals::DealRow,
    error::StoreError,
    schema::{companies, contact_deals, contact_emails, contacts, deals, users},
    sight,
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
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Queryable, Selectable)]
#[diesel(table_name = contacts)]
struct ContactRow {
    id: Uuid,
    #[diesel(embed)]
    columns: Columns,
    avatar_sha256: Option<Vec<u8>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// The contact, where they exist for the actor.
pub(super) async fn visible(tx: &Tx, actor: &Actor, id: ContactId) -> Result<Contact, StoreError> {
    let sees = sight::sees(tx, actor, Entity::Contact, id);
    let (sees, contact) = tokio::try_join!(sees, any(tx, actor.workspace_id, id))?;
    if sees { Ok(contact) } else { Err(StoreError::NotFound) }
}

/// The same, whoever asks.
pub(crate) async fn any(tx: &Tx, workspace: WorkspaceId, id: ContactId) -> Result<Contact, StoreError> {
    let (definitions, (row, owner, company), emails, deals) = tokio::try_join!(
        Definitions::load(tx, workspace),
        contact_row(tx, workspace, id),
        emails_of(tx, workspace, id),
        deals_of(tx, workspace, id),
    )?;
    let deals = deals
        .into_iter()
        .map(|(deal, owner)| deal.into_deal(owner, &definitions))
        .collect::<Result<_, _>>()?;
    let columns = row.columns;
    Ok(Contact {
        id: row.id.into(),
        first_name: columns.first_name,
        last_name: columns.last_name,
        phone: columns.phone,
        title: columns.title,
        address: columns.address.into(),
        website: columns.website,
        time_zone: columns.time_zone,
        description: columns.description,
        avatar: row.avatar_sha256,
        owner: owner.into(),
        emails,
        custom_fields: definitions.fill(Entity::Contact, &columns.custom_fields),
        company: company.map(|company| company.into_company(&definitions)),
        deals,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

async fn contact_row(
    tx: &Tx,
    workspace: WorkspaceId,
    id: ContactId,
) -> Result<(ContactRow, OwnerRow, Option<CompanyRow>), StoreError> {
    Ok(contacts::table
        .find((workspace.0, id.0))
        .inner_join(
            users::table
                .on(users::workspace_id.eq(contacts::workspace_id).and(users::id.eq(contacts::owner_id))),
        )
        .left_join(
            companies::table.on(companies::workspace_id
                .eq(contacts::workspace_id)
                .and(companies::id.nullable().eq(contacts::company_id))),
        )
        .select((ContactRow::as_select(), OwnerRow::as_select(), Option::<CompanyRow>::as_select()))
        .first(&mut tx.conn())
        .await?)
}

async fn emails_of(tx: &Tx, workspace: WorkspaceId, id: ContactId) -> Result<Vec<ContactEmail>, StoreError> {
    let mut emails = emails_by_contact(tx, workspace, &[id.0]).await?;
    Ok(emails.remove(&id.0).unwrap_or_default())
}

/// Some contacts' addresses, of each the primary one first.
pub(super) async fn emails_by_contact(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<ContactEmail>>, StoreError> {
    let rows: Vec<(Uuid, Uuid, String, bool)> = contact_emails::table
        .filter(contact_emails::workspace_id.eq(workspace.0))
        .filter(contact_emails::contact_id.eq_any(ids))
        .order((contact_emails::is_primary.desc(), contact_emails::id))
        .select((
            contact_emails::contact_id,
            contact_emails::id,
            contact_emails::address,
            contact_emails::is_primary,
        ))
        .load(&mut tx.conn())
        .await?;
    let mut emails: HashMap<Uuid, Vec<ContactEmail>> = HashMap::new();
    for (contact, id, address, primary) in rows {
        emails.entry(contact).or_default().push(ContactEmail { id: id.into(), address, primary });
    }
    Ok(emails)
}

async fn deals_of(
    tx: &Tx,
    workspace: WorkspaceId,
    id: ContactId,
) -> Result<Vec<(DealRow, OwnerRow)>, StoreError> {
    Ok(contact_deals::table
        .filter(contact_deals::workspace_id.eq(workspace.0).and(contact_deals::contact_id.eq(id.0)))
        .inner_join(deals::table.on(
            deals::workspace_id.eq(contact_deals::workspace_id).and(deals::id.eq(contact_deals::deal_id)),
        ))
        .inner_join(
            users::table.on(users::workspace_id.eq(deals::workspace_id).and(users::id.eq(deals::owner_id))),
        )
        .order(deals::id.desc())
        .select((DealRow::as_select(), OwnerRow::as_select()))
        .load(&mut tx.conn())
        .await?)
}
