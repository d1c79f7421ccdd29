//! A contact's addresses (SDB-3): an address is one contact's, and exactly one of a contact's is the primary one.

use super::{
    Contact,
    editing::{lock, saved},
    load,
};
use crate::{
    Store,
    audit::Entry,
    correspondents::{OwnAddresses, contact_of, full_name},
    edits::{Faults, require_version},
    error::{StoreError, taken},
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    schema::{contact_emails, contacts},
    sight,
    transaction::Tx,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    address::EmailAddress,
    contact::{MAX_EMAILS, NewEmail},
    custom_field::Entity,
    fault::{Fault, FieldFault},
    ids::{ContactEmailId, ContactId, WorkspaceId},
};
use serde_json::json;
use uuid::Uuid;

/// What is changed of an address; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailPatch {
    /// Another address in its place.
    pub address: Option<EmailAddress>,
    /// Whether it is the primary one; the one that is can only be followed by another.
    pub primary: Option<bool>,
}

impl Store {
    /// Gives a contact a further address.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Fields`] where a contact has the address (named only where the actor sees
    /// them, ACC-4), or it is one of ours (MAIL-15).
    pub async fn add_contact_email(
        &self,
        actor: &Actor,
        id: ContactId,
        new: &NewEmail,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&Contact) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<Contact>, StoreError> {
        let answer = &answer;
        self.write(actor.workspace_id, async |tx| {
            lock(tx, actor, id).await?;
            with_idempotency(tx, actor.workspace_id, claim, add(tx, actor, id, new), answer).await
        })
        .await
    }

    /// Changes one of a contact's addresses, or makes it the primary one.
    ///
    /// # Errors
    /// As [`Store::add_contact_email`], [`StoreError::StaleVersion`]; [`StoreError::NotFound`] also where the contact has no
    /// such address.
    pub async fn edit_contact_email(
        &self,
        actor: &Actor,
        (id, expected): (ContactId, Option<i64>),
        email: ContactEmailId,
        patch: &EmailPatch,
    ) -> Result<Contact, StoreError> {
        self.write(actor.workspace_id, async |tx| {
            let (_, version) = lock(tx, actor, id).await?;
            let (address, primary) = find(tx, actor.workspace_id, id, email).await?;
            require_version(version, expected)?;
            change(tx, actor, id, (email, &address, primary), patch).await
        })
        .await
    }

    /// Takes one of a contact's addresses away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::StaleVersion`]; [`StoreError::PrimaryEmail`] for the primary one: another
    /// one has to be chosen first, so that mail to them never goes where nobody meant it to.
    pub async fn remove_contact_email(
        &self,
        actor: &Actor,
        (id, expected): (ContactId, Option<i64>),
        email: ContactEmailId,
    ) -> Result<Contact, StoreError> {
        let workspace = actor.workspace_id;
        self.write(workspace, async |tx| {
            let (_, version) = lock(tx, actor, id).await?;
            let (_, primary) = find(tx, workspace, id, email).await?;
            require_version(version, expected)?;
            if primary {
                return Err(StoreError::PrimaryEmail);
            }
            diesel::delete(contact_emails::table.find((workspace.0, email.0)))
                .execute(&mut tx.conn())
                .await?;
            let entry = Entry::new("contact.email_removed", "contact", id)
                .change(json!({"email_id": email}), json!({}));
            saved(tx, actor, id, entry).await
        })
        .await
    }
}

async fn add(tx: &Tx, actor: &Actor, id: ContactId, new: &NewEmail) -> Result<Contact, StoreError> {
    let workspace = actor.workspace_id;
    let mut faults = Faults::default();
    let known: i64 = contact_emails::table
        .filter(contact_emails::workspace_id.eq(workspace.0).and(contact_emails::contact_id.eq(id.0)))
        .count()
        .get_result(&mut tx.conn())
        .await?;
    if usize::try_from(known).is_ok_and(|known| known >= MAX_EMAILS) {
        let why = format!("A contact has at most {MAX_EMAILS} addresses.");
        faults.add([FieldFault::at(&["address"], Fault::TooLong, why)]);
    }
    if new.primary {
        none_primary(tx, workspace, id).await?;
    }
    let email = insert(tx, actor, id, new, &["address"], &mut faults).await?;
    faults.none()?;
    let after = json!({"email_id": email, "primary": new.primary});
    let entry = Entry::new("contact.email_added", "contact", id).change(json!({}), after);
    saved(tx, actor, id, entry).await
}

async fn change(
    tx: &Tx,
    actor: &Actor,
    id: ContactId,
    (email, present, primary): (ContactEmailId, &str, bool),
    patch: &EmailPatch,
) -> Result<Contact, StoreError> {
    let workspace = actor.workspace_id;
    let mut faults = Faults::default();
    if patch.primary == Some(false) && primary {
        let why = "Make another address the primary one instead.";
        faults.add([FieldFault::at(&["primary"], Fault::InvalidValue, why)]);
    }
    let address = patch.address.as_ref().filter(|address| address.as_str() != present);
    if let Some(address) = address {
        let ours = OwnAddresses::among(tx, workspace, std::iter::once(address)).await?;
        if ours.contains(address) {
            faults.add([of_ours(&["address"])]);
        } else if let Some(holder) = contact_of(tx, workspace, address.as_str()).await? {
            faults.add([is_taken(tx, actor, id, holder, &["address"]).await?]);
        }
    }
    faults.none()?;
    let becomes_primary = patch.primary == Some(true) && !primary;
    if address.is_none() && !becomes_primary {
        return load::any(tx, workspace, id).await;
    }
    if becomes_primary {
        none_primary(tx, workspace, id).await?;
    }
    diesel::update(contact_emails::table.find((workspace.0, email.0)))
        .set((
            contact_emails::address.eq(address.map_or(present, EmailAddress::as_str)),
            contact_emails::is_primary.eq(primary || becomes_primary),
        ))
        .execute(&mut tx.conn())
        .await
        // Somebody was faster, between the look-up and now.
        .map_err(|error| taken(error, &[("contact_emails_workspace_id_address_key", "address")]))?;
    let said =
        |primary, address: bool| json!({"email_id": email, "primary": primary, "address_changed": address});
    let entry = Entry::new("contact.email_updated", "contact", id)
        .change(said(primary, false), said(primary || becomes_primary, address.is_some()));
    saved(tx, actor, id, entry).await
}

/// The addresses of a new contact; what is wrong with them is told to `faults`.
pub(super) async fn insert_all(
    tx: &Tx,
    actor: &Actor,
    id: ContactId,
    emails: &[NewEmail],
    faults: &mut Faults,
) -> Result<(), StoreError> {
    let mut ordered: Vec<(usize, &NewEmail)> = emails.iter().enumerate().collect();
    // The same order for everybody: two who make the same addresses at once don't wait for each other in turn.
    ordered.sort_by_key(|(_, email)| &email.address);
    for (index, email) in ordered {
        insert(tx, actor, id, email, &["emails", &index.to_string(), "address"], faults).await?;
    }
    Ok(())
}

async fn insert(
    tx: &Tx,
    actor: &Actor,
    contact: ContactId,
    new: &NewEmail,
    place: &[&str],
    faults: &mut Faults,
) -> Result<ContactEmailId, StoreError> {
    let (workspace, address) = (actor.workspace_id, &new.address);
    let id = ContactEmailId(Uuid::now_v7());
    let ours = OwnAddresses::among(tx, workspace, std::iter::once(address)).await?;
    if ours.contains(address) {
        faults.add([of_ours(place)]);
        return Ok(id);
    }
    let inserted = diesel::insert_into(contact_emails::table)
        .values((
            contact_emails::workspace_id.eq(workspace.0),
            contact_emails::id.eq(id.0),
            contact_emails::contact_id.eq(contact.0),
            contact_emails::address.eq(address.as_str()),
            contact_emails::is_primary.eq(new.primary),
        ))
        // Of two at once the second waits here for the first, and then finds them below.
        .on_conflict((contact_emails::workspace_id, contact_emails::address))
        .do_nothing()
        .execute(&mut tx.conn())
        .await?;
    if inserted == 0 {
        let holder = contact_of(tx, workspace, address.as_str())
            .await?
            .ok_or_else(|| StoreError::Corrupt("an address is taken by no contact".into()))?;
        faults.add([is_taken(tx, actor, contact, holder, place).await?]);
    }
    Ok(id)
}

/// One of the contact's addresses, with whether it is the primary one.
async fn find(
    tx: &Tx,
    workspace: WorkspaceId,
    contact: ContactId,
    email: ContactEmailId,
) -> Result<(String, bool), StoreError> {
    Ok(contact_emails::table
        .find((workspace.0, email.0))
        .filter(contact_emails::contact_id.eq(contact.0))
        .select((contact_emails::address, contact_emails::is_primary))
        .first(&mut tx.conn())
        .await?)
}

async fn none_primary(tx: &Tx, workspace: WorkspaceId, contact: ContactId) -> Result<(), StoreError> {
    diesel::update(contact_emails::table)
        .filter(contact_emails::workspace_id.eq(workspace.0))
        .filter(contact_emails::contact_id.eq(contact.0).and(contact_emails::is_primary))
        .set(contact_emails::is_primary.eq(false))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// MAIL-15: who writes from it is one of us.
fn of_ours(place: &[&str]) -> FieldFault {
    let why = "This is the address of a user or mailbox of the workspace; contacts are people outside.";
    FieldFault::at(place, Fault::InvalidValue, why)
}

/// ACC-4: who has it is said only to who sees them.
async fn is_taken(
    tx: &Tx,
    actor: &Actor,
    asking: ContactId,
    holder: ContactId,
    place: &[&str],
) -> Result<FieldFault, StoreError> {
    let why = if holder == asking {
        "The contact has this address already.".to_owned()
    } else if sight::sees(tx, actor, Entity::Contact, holder).await? {
        let (first, last): (Option<String>, Option<String>) = contacts::table
            .find((actor.workspace_id.0, holder.0))
            .select((contacts::first_name, contacts::last_name))
            .first(&mut tx.conn())
            .await?;
        let name = full_name(first.as_deref(), last.as_deref(), Some("Another contact"));
        format!("{name} has this address already: /v1/contacts/{holder}.")
    } else {
        "Another contact has this address already.".to_owned()
    };
    Ok(FieldFault::at(place, Fault::Taken, why))
}
