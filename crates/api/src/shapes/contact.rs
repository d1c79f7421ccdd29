//! Contacts: the sidebar, and lists (SDB-1).

use super::picture::Picture;
use super::{
    company::{CompanySummaryView, CompanyView},
    custom_field::{FieldDefinitionView, fields},
    deal::DealView,
    people::OwnerView,
    postal_address::PostalAddressView,
    time::Time,
};
use postroom_domain::ids::{ContactEmailId, ContactId};
use postroom_store::{Contact, ContactEmail, ContactSummary};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One of a contact's addresses.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ContactEmail)]
pub struct ContactEmailView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: ContactEmailId,
    /// The address.
    #[schema(example = "bob@customer.example")]
    pub address: String,
    /// The one that is written to first.
    pub primary: bool,
}

/// A contact with all that the sidebar shows.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Contact)]
pub struct ContactView {
    /// Their id.
    #[schema(value_type = Uuid)]
    pub id: ContactId,
    /// Their first name.
    #[schema(example = "Bob")]
    pub first_name: Option<String>,
    /// Their last name.
    #[schema(example = "Fisher")]
    pub last_name: Option<String>,
    /// The name to show.
    #[schema(example = "Bob Fisher")]
    pub name: String,
    /// Their addresses, the primary one first.
    pub emails: Vec<ContactEmailView>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// What they are at work.
    pub title: Option<String>,
    /// Where they are.
    pub address: PostalAddressView,
    /// Their web address.
    pub website: Option<String>,
    /// A name of the IANA database.
    pub time_zone: Option<String>,
    /// What else is known.
    pub description: Option<String>,
    /// Their picture; null where there is none.
    #[schema(value_type = Option<String>)]
    pub avatar_url: Option<Picture>,
    /// Whose they are. Not the owner of their conversations.
    pub owner: OwnerView,
    /// Every defined custom field by its key; null where it is empty.
    #[schema(value_type = Object, example = json!({"plan": "Pro", "since": null}))]
    pub custom_fields: Map<String, Value>,
    /// The definitions, in their set order.
    pub custom_field_definitions: Vec<FieldDefinitionView>,
    /// Their company, whole; null where there is none.
    pub company: Option<CompanyView>,
    /// Their deals, whole.
    pub deals: Vec<DealView>,
    /// When they were made.
    pub created_at: Time,
    /// When they were last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl From<ContactEmail> for ContactEmailView {
    fn from(email: ContactEmail) -> Self {
        Self { id: email.id, address: email.address, primary: email.primary }
    }
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        let name = contact.name();
        let (custom_fields, custom_field_definitions) = fields(contact.custom_fields);
        Self {
            id: contact.id,
            first_name: contact.first_name,
            last_name: contact.last_name,
            name,
            emails: contact.emails.into_iter().map(ContactEmailView::from).collect(),
            phone: contact.phone,
            title: contact.title,
            address: contact.address.into(),
            website: contact.website,
            time_zone: contact.time_zone,
            description: contact.description,
            avatar_url: Picture::of(contact.avatar),
            owner: contact.owner.into(),
            custom_fields,
            custom_field_definitions,
            company: contact.company.map(CompanyView::from),
            deals: contact.deals.into_iter().map(DealView::from).collect(),
            created_at: contact.created_at.into(),
            updated_at: contact.updated_at.into(),
            version: contact.version,
        }
    }
}

/// A contact, as lists show them. The whole is at `/v1/contacts/{id}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ContactSummary)]
pub struct ContactSummaryView {
    /// Their id.
    #[schema(value_type = Uuid)]
    pub id: ContactId,
    /// Their first name.
    #[schema(example = "Bob")]
    pub first_name: Option<String>,
    /// Their last name.
    #[schema(example = "Fisher")]
    pub last_name: Option<String>,
    /// The name to show.
    #[schema(example = "Bob Fisher")]
    pub name: String,
    /// Their addresses, the primary one first.
    pub emails: Vec<ContactEmailView>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// What they are at work.
    pub title: Option<String>,
    /// Their picture; null where there is none.
    #[schema(value_type = Option<String>)]
    pub avatar_url: Option<Picture>,
    /// Whose they are. Not the owner of their conversations.
    pub owner: OwnerView,
    /// Their company; null where there is none.
    pub company: Option<CompanySummaryView>,
    /// When they were made.
    pub created_at: Time,
    /// When they were last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl From<ContactSummary> for ContactSummaryView {
    fn from(contact: ContactSummary) -> Self {
        Self {
            id: contact.id,
            name: contact.name(),
            first_name: contact.first_name,
            last_name: contact.last_name,
            emails: contact.emails.into_iter().map(ContactEmailView::from).collect(),
            phone: contact.phone,
            title: contact.title,
            avatar_url: Picture::of(contact.avatar),
            owner: contact.owner.into(),
            company: contact.company.map(CompanySummaryView::from),
            created_at: contact.created_at.into(),
            updated_at: contact.updated_at.into(),
            version: contact.version,
        }
    }
}
