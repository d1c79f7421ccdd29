//! A contact's company and deals (SDB-3): any of the workspace, to a contact that the actor may edit (ACC-2).

use super::{
    Contact,
    editing::{lock, saved},
    load,
};
use crate::{
    Store,
    audit::Entry,
    edits::{Faults, require_version},
    error::StoreError,
    schema::{companies, contact_deals, contacts, deals},
    transaction::Tx,
};
use diesel::{dsl::exists, prelude::*, select};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    fault::{Fault, FieldFault},
    ids::{CompanyId, ContactId, DealId, WorkspaceId},
};
use serde_json::json;
use uuid::Uuid;

impl Store {
    /// Whether there is such a deal in the workspace, to be associated: every role may look up any (ACC-2).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn deal_exists(&self, actor: &Actor, deal: DealId) -> Result<(), StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        must_exist(&tx, actor.workspace_id, deal).await?;
        tx.commit().await
    }

    /// Makes this the contact's company, or, with `None`, takes them out of theirs. What is so already is no change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::StaleVersion`]; [`StoreError::Fields`] where there is no such company.
    pub async fn set_contact_company(
        &self,
        actor: &Actor,
        (id, expected): (ContactId, Option<i64>),
        company: Option<CompanyId>,
    ) -> Result<Contact, StoreError> {
        self.write(actor.workspace_id, async |tx| {
            let (_, version) = lock(tx, actor, id).await?;
            require_version(version, expected)?;
            set_company(tx, actor, id, company).await
        })
        .await
    }

    /// Associates a deal to the contact. Where it is associated already nothing changes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such contact for the actor, or no such deal;
    /// [`StoreError::StaleVersion`].
    pub async fn add_contact_deal(
        &self,
        actor: &Actor,
        (id, expected): (ContactId, Option<i64>),
        deal: DealId,
    ) -> Result<Contact, StoreError> {
        let workspace = actor.workspace_id;
        self.write(workspace, async |tx| {
            let (_, version) = lock(tx, actor, id).await?;
            must_exist(tx, workspace, deal).await?;
            require_version(version, expected)?;
            let added = diesel::insert_into(contact_deals::table)
                .values((
                    contact_deals::workspace_id.eq(workspace.0),
                    contact_deals::contact_id.eq(id.0),
                    contact_deals::deal_id.eq(deal.0),
                ))
                .on_conflict_do_nothing()
                .execute(&mut tx.conn())
                .await?;
            if added == 0 {
                return load::any(tx, workspace, id).await;
            }
            let entry =
                Entry::new("contact.deal_added", "contact", id).change(json!({}), json!({"deal_id": deal}));
            saved(tx, actor, id, entry).await
        })
        .await
    }

    /// Takes a deal off the contact. Where it isn't associated, or isn't at all, nothing changes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::StaleVersion`].
    pub async fn remove_contact_deal(
        &self,
        actor: &Actor,
        (id, expected): (ContactId, Option<i64>),
        deal: DealId,
    ) -> Result<Contact, StoreError> {
        let workspace = actor.workspace_id;
        self.write(workspace, async |tx| {
            let (_, version) = lock(tx, actor, id).await?;
            require_version(version, expected)?;
            let removed = diesel::delete(contact_deals::table.find((workspace.0, id.0, deal.0)))
                .execute(&mut tx.conn())
                .await?;
            if removed == 0 {
                return load::any(tx, workspace, id).await;
            }
            let entry =
                Entry::new("contact.deal_removed", "contact", id).change(json!({"deal_id": deal}), json!({}));
            saved(tx, actor, id, entry).await
        })
        .await
    }
}

async fn must_exist(tx: &Tx, workspace: WorkspaceId, deal: DealId) -> Result<(), StoreError> {
    let there = select(exists(deals::table.find((workspace.0, deal.0))));
    if there.get_result::<bool>(&mut tx.conn()).await? { Ok(()) } else { Err(StoreError::NotFound) }
}

async fn set_company(
    tx: &Tx,
    actor: &Actor,
    id: ContactId,
    company: Option<CompanyId>,
) -> Result<Contact, StoreError> {
    let workspace = actor.workspace_id;
    if let Some(company) = company {
        let there = companies::table.find((workspace.0, company.0));
        if !select(exists(there)).get_result::<bool>(&mut tx.conn()).await? {
            let mut faults = Faults::default();
            faults.add([FieldFault::at(&["company_id"], Fault::InvalidId, "There is no such company.")]);
            faults.none()?;
        }
    }
    let this = contacts::table.find((workspace.0, id.0));
    let before: Option<Uuid> = this.select(contacts::company_id).first(&mut tx.conn()).await?;
    let after = company.map(|company| company.0);
    if before == after {
        return load::any(tx, workspace, id).await;
    }
    diesel::update(this).set(contacts::company_id.eq(after)).execute(&mut tx.conn()).await?;
    let entry = Entry::new("contact.company_changed", "contact", id)
        .change(json!({"company_id": before}), json!({"company_id": after}));
    saved(tx, actor, id, entry).await
}
