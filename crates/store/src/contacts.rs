//! Contacts with all that the sidebar shows (SDB-1).

mod associations;
pub(crate) mod editing;
mod emails;
mod listing;
pub(crate) mod load;

pub use editing::ContactPatch;
pub use emails::EmailPatch;
pub use listing::ContactSummary;

use crate::{
    Store, companies::Company, correspondents::full_name, custom_fields::CustomField, deals::Deal,
    error::StoreError, postal_address::PostalAddress, stream::UserRef,
};
use chrono::{DateTime, Utc};
use postroom_domain::{
    access::Actor,
    ids::{ContactEmailId, ContactId},
};

/// A contact as the sidebar shows them: everything, with company and deals whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
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
    /// Where they are.
    pub address: PostalAddress,
    /// A web address.
    pub website: Option<String>,
    /// An IANA name.
    pub time_zone: Option<String>,
    /// Whatever people noted.
    pub description: Option<String>,
    /// The picture's blob.
    pub avatar: Option<Vec<u8>>,
    /// Their owner.
    pub owner: UserRef,
    /// Their addresses, the primary one first.
    pub emails: Vec<ContactEmail>,
    /// All custom fields of contacts, in their set order, also the empty ones.
    pub custom_fields: Vec<CustomField>,
    /// Their company.
    pub company: Option<Company>,
    /// Their deals, the newest first.
    pub deals: Vec<Deal>,
    /// Counts edits.
    pub version: i64,
    /// When they became one.
    pub created_at: DateTime<Utc>,
    /// When they were last edited.
    pub updated_at: DateTime<Utc>,
}

impl Contact {
    /// First and last name; the primary address where there is neither.
    #[must_use]
    pub fn name(&self) -> String {
        shown_name(self.first_name.as_deref(), self.last_name.as_deref(), &self.emails)
    }
}

fn shown_name(first: Option<&str>, last: Option<&str>, emails: &[ContactEmail]) -> String {
    full_name(first, last, emails.first().map(|email| email.address.as_str()))
}

/// One of a contact's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactEmail {
    /// Its id.
    pub id: ContactEmailId,
    /// The address.
    pub address: String,
    /// Where mail to them goes by default; exactly one is.
    pub primary: bool,
}

impl Store {
    /// A contact as the sidebar shows them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] also where the actor may not see them: a team member sees those that they own, and those
    /// that take part in a conversation that they own (ACC-2).
    pub async fn contact(&self, actor: &Actor, id: ContactId) -> Result<Contact, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let contact = load::visible(&tx, actor, id).await?;
        tx.commit().await?;
        Ok(contact)
    }
}
