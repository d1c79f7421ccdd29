//! Making and editing contacts (SDB-2, SDB-4).

use super::{Contact, emails, load};
use crate::{
    Store,
    edits::{Faults, conclude, differing, edited, require_version},
    error::StoreError,
    events::EventKind,
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    postal_address::{AddressPatch, ContactAddress},
    schema::contacts,
    sight,
    transaction::Tx,
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    contact::{self, NewEmail},
    custom_field::{Entity, Occasion},
    ids::{ContactId, UserId},
    patch::Patch,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What is changed of a contact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactPatch {
    /// First name.
    pub first_name: Patch<String>,
    /// Last name.
    pub last_name: Patch<String>,
    /// Telephone.
    pub phone: Patch<String>,
    /// What they are in their company.
    pub title: Patch<String>,
    /// Where they are.
    pub address: AddressPatch,
    /// A web address.
    pub website: Patch<String>,
    /// An IANA name.
    pub time_zone: Patch<String>,
    /// Whatever people noted.
    pub description: Patch<String>,
    /// Their new owner.
    pub owner_id: Option<UserId>,
    /// Custom fields by their keys; `null` clears one.
    pub custom_fields: Map<String, Value>,
}

/// What is edited of a contact.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = contacts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct Columns {
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) title: Option<String>,
    #[diesel(embed)]
    pub(super) address: ContactAddress,
    pub(super) website: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) description: Option<String>,
    pub(super) owner_id: Uuid,
    pub(super) custom_fields: Value,
}

impl Columns {
    fn empty(owner: UserId) -> Self {
        Self {
            first_name: None,
            last_name: None,
            phone: None,
            title: None,
            address: ContactAddress::default(),
            website: None,
            time_zone: None,
            description: None,
            owner_id: owner.0,
            custom_fields: json!({}),
        }
    }

    fn patched(self, patch: &ContactPatch, custom_fields: Value) -> Self {
        Self {
            first_name: patch.first_name.laid_over(self.first_name),
            last_name: patch.last_name.laid_over(self.last_name),
            phone: patch.phone.laid_over(self.phone),
            title: patch.title.laid_over(self.title),
            address: patch.address.laid_over(self.address.into()).into(),
            website: patch.website.laid_over(self.website),
            time_zone: patch.time_zone.laid_over(self.time_zone),
            description: patch.description.laid_over(self.description),
            owner_id: patch.owner_id.map_or(self.owner_id, |owner| owner.0),
            custom_fields,
        }
    }

    fn differing(&self, other: &Self) -> Vec<&'static str> {
        differing!(self, other => first_name, last_name, phone, title, address, website, time_zone, description, owner_id,
            custom_fields)
    }
}

impl Store {
    /// Makes a contact, the actor's own unless the patch says otherwise.
    ///
    /// # Errors
    /// [`StoreError::Fields`] with every wrong field: an address that another contact has (that contact is named only where
    /// the actor sees them, ACC-4) or that is one of ours (MAIL-15), an owner who is not active, custom fields.
    pub async fn create_contact(
        &self,
        actor: &Actor,
        emails: &[NewEmail],
        fields: &ContactPatch,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&Contact) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<Contact>, StoreError> {
        let answer = &answer;
        self.write(actor.workspace_id, async |tx| {
            let effect = create(tx, actor, emails, fields);
            with_idempotency(tx, actor.workspace_id, claim, effect, answer).await
        })
        .await
    }

    /// Edits a contact. What is there already is no change. The answer is the contact even where this very change takes
    /// them out of the actor's sight.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::StaleVersion`], [`StoreError::Fields`] with every wrong field; nothing is
    /// changed then.
    pub async fn edit_contact(
        &self,
        actor: &Actor,
        id: ContactId,
        expected: Option<i64>,
        patch: &ContactPatch,
    ) -> Result<Contact, StoreError> {
        self.write(actor.workspace_id, async |tx| {
            let (before, version) = lock(tx, actor, id).await?;
            require_version(version, expected)?;
            edit(tx, actor, id, before, patch).await
        })
        .await
    }
}

async fn create(
    tx: &Tx,
    actor: &Actor,
    given: &[NewEmail],
    fields: &ContactPatch,
) -> Result<Contact, StoreError> {
    let id = ContactId(Uuid::now_v7());
    let mut faults = Faults::default();
    let empty = Columns::empty(actor.user_id);
    let columns = judge(tx, actor, empty, fields, Occasion::Creation, &mut faults).await?;
    diesel::insert_into(contacts::table)
        .values((contacts::workspace_id.eq(actor.workspace_id.0), contacts::id.eq(id.0), &columns))
        .execute(&mut tx.conn())
        .await?;
    match contact::emails(given.to_vec()) {
        Ok(all) => emails::insert_all(tx, actor, id, &all, &mut faults).await?,
        Err(wrong) => faults.add(wrong),
    }
    faults.none()?;
    let contact = load::any(tx, actor.workspace_id, id).await?;
    let changed = columns.differing(&Columns::empty(actor.user_id));
    let entry = edited("contact.created", ("contact", id.0), &changed, None);
    conclude(tx, actor, entry, (EventKind::ContactUpdated, id.0)).await?;
    Ok(contact)
}

async fn edit(
    tx: &Tx,
    actor: &Actor,
    id: ContactId,
    before: Columns,
    patch: &ContactPatch,
) -> Result<Contact, StoreError> {
    let mut faults = Faults::default();
    let after = judge(tx, actor, before.clone(), patch, Occasion::Edit, &mut faults).await?;
    faults.none()?;
    let changed = before.differing(&after);
    if changed.is_empty() {
        return load::any(tx, actor.workspace_id, id).await;
    }
    diesel::update(contacts::table.find((actor.workspace_id.0, id.0)))
        .set(&after)
        .execute(&mut tx.conn())
        .await?;
    let owners = Some((before.owner_id, after.owner_id));
    saved(tx, actor, id, edited("contact.updated", ("contact", id.0), &changed, owners)).await
}

/// What the contact becomes; what is wrong with that is told to `faults`.
async fn judge(
    tx: &Tx,
    actor: &Actor,
    before: Columns,
    patch: &ContactPatch,
    occasion: Occasion,
    faults: &mut Faults,
) -> Result<Columns, StoreError> {
    let workspace = actor.workspace_id;
    let new_owner = patch.owner_id.filter(|owner| owner.0 != before.owner_id);
    faults.judge_owner(tx, workspace, new_owner).await?;
    let which = (Entity::Contact, occasion);
    let custom =
        faults.judge_custom_fields(tx, workspace, which, &before.custom_fields, &patch.custom_fields).await?;
    let after = before.clone().patched(patch, custom);
    // An owner that nobody is would break the row's reference before all faults are found.
    Ok(match faults.is_empty() {
        true => after,
        false => Columns { owner_id: before.owner_id, ..after },
    })
}

/// The contact, locked, where they exist for the actor, with the present version.
pub(crate) async fn lock(tx: &Tx, actor: &Actor, id: ContactId) -> Result<(Columns, i64), StoreError> {
    // Judged before it is locked: what is not theirs takes no longer than what isn't there.
    sight::must_see(tx, actor, Entity::Contact, id).await?;
    Ok(contacts::table
        .find((actor.workspace_id.0, id.0))
        .for_no_key_update()
        .select((Columns::as_select(), contacts::version))
        .first(&mut tx.conn())
        .await?)
}

/// The end of an edit: one version more, written down, told to everybody. The answer is the contact as it is now.
pub(crate) async fn saved(
    tx: &Tx,
    actor: &Actor,
    id: ContactId,
    entry: crate::audit::Entry,
) -> Result<Contact, StoreError> {
    diesel::update(contacts::table.find((actor.workspace_id.0, id.0)))
        .set((contacts::version.eq(contacts::version + 1), contacts::updated_at.eq(Utc::now())))
        .execute(&mut tx.conn())
        .await?;
    // Read before the event takes its number: that is the last lock.
    let contact = load::any(tx, actor.workspace_id, id).await?;
    conclude(tx, actor, entry, (EventKind::ContactUpdated, id.0)).await?;
    Ok(contact)
}
