//! The sidebar: a contact with company and deals (SDB-1).

use super::{people::OwnerView, time::Time};
use chrono::NaiveDate;
use postroom_domain::{
    ids::{CompanyId, ContactEmailId, ContactId, DealId},
    money::Money,
};
use postroom_store::{Company, Contact, ContactEmail, CustomField, Deal, DealStatus, PostalAddress, UserRef};
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

/// Where somebody is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PostalAddress)]
pub struct PostalAddressView {
    /// Street and number.
    #[schema(example = "1 Harbour Street")]
    pub street: Option<String>,
    /// City.
    #[schema(example = "Hamburg")]
    pub city: Option<String>,
    /// Region or state.
    pub region: Option<String>,
    /// Postal code.
    #[schema(example = "20457")]
    pub postal_code: Option<String>,
    /// Country.
    #[schema(example = "Germany")]
    pub country: Option<String>,
}

/// What a custom field's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CustomFieldType)]
pub enum FieldTypeName {
    /// One line.
    Text,
    /// Several lines.
    LongText,
    /// A number.
    Number,
    /// A date, `YYYY-MM-DD`.
    Date,
    /// True or false.
    Boolean,
    /// One of the options.
    Select,
    /// Some of the options.
    MultiSelect,
    /// A web address.
    Url,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
}

/// The definition of a custom field.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = FieldDefinition)]
pub struct FieldDefinitionView {
    /// Its name in `custom_fields`.
    #[schema(example = "plan")]
    pub key: String,
    /// Its name for people.
    #[schema(example = "Plan")]
    pub label: String,
    /// What its values are.
    #[serde(rename = "type")]
    #[schema(value_type = FieldTypeName)]
    pub field_type: &'static str,
    /// What may be chosen from, for `select` and `multi_select`.
    #[schema(example = json!(["Basic", "Pro"]))]
    pub options: Vec<String>,
    /// Whether it must have a value.
    pub required: bool,
}

/// How a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DealStatus)]
pub enum DealStatusName {
    /// Not decided yet.
    Open,
    /// They bought.
    Won,
    /// They did not.
    Lost,
}

/// An amount of money.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Money)]
pub struct MoneyView {
    /// With a point, and as many places as the currency has.
    #[schema(example = "1250.00")]
    pub amount: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
}

/// A company.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Company)]
pub struct CompanyView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: CompanyId,
    /// Its name.
    #[schema(example = "Customer Ltd.")]
    pub name: String,
    /// Its domain.
    #[schema(example = "customer.example")]
    pub domain: Option<String>,
    /// Its telephone number.
    pub phone: Option<String>,
    /// Its web address.
    pub website: Option<String>,
    /// What it does.
    pub industry: Option<String>,
    /// How large it is.
    pub size: Option<String>,
    /// Where it is.
    pub address: PostalAddressView,
    /// What else is known.
    pub description: Option<String>,
    /// Every defined custom field by its key; null where it is empty.
    #[schema(value_type = Object)]
    pub custom_fields: Map<String, Value>,
    /// The definitions, in their set order.
    pub custom_field_definitions: Vec<FieldDefinitionView>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

/// A deal.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Deal)]
pub struct DealView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: DealId,
    /// Its name.
    #[schema(example = "Fifty seats")]
    pub name: String,
    /// What it is worth.
    pub amount: Option<MoneyView>,
    /// How far it is.
    #[schema(example = "Offer sent")]
    pub stage: Option<String>,
    /// How it stands.
    pub status: DealStatusName,
    /// When it is expected to be decided.
    pub expected_close_on: Option<NaiveDate>,
    /// Whose it is.
    pub owner: OwnerView,
    /// Every defined custom field by its key; null where it is empty.
    #[schema(value_type = Object)]
    pub custom_fields: Map<String, Value>,
    /// The definitions, in their set order.
    pub custom_field_definitions: Vec<FieldDefinitionView>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
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
    pub avatar_url: Option<String>,
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

impl From<UserRef> for OwnerView {
    fn from(user: UserRef) -> Self {
        Self { id: user.id, name: user.name, avatar_url: None }
    }
}

impl From<PostalAddress> for PostalAddressView {
    fn from(address: PostalAddress) -> Self {
        let PostalAddress { street, city, region, postal_code, country } = address;
        Self { street, city, region, postal_code, country }
    }
}

impl From<ContactEmail> for ContactEmailView {
    fn from(email: ContactEmail) -> Self {
        Self { id: email.id, address: email.address, primary: email.primary }
    }
}

impl From<DealStatus> for DealStatusName {
    fn from(status: DealStatus) -> Self {
        match status {
            DealStatus::Open => Self::Open,
            DealStatus::Won => Self::Won,
            DealStatus::Lost => Self::Lost,
        }
    }
}

/// Values by key, and the definitions beside them.
fn fields(fields: Vec<CustomField>) -> (Map<String, Value>, Vec<FieldDefinitionView>) {
    let values = fields.iter().map(|field| (field.definition.key.clone(), field.value.clone())).collect();
    let definitions = fields
        .into_iter()
        .map(|field| FieldDefinitionView {
            key: field.definition.key,
            label: field.definition.label,
            field_type: field.definition.field_type.as_str(),
            options: field.definition.options,
            required: field.definition.required,
        })
        .collect();
    (values, definitions)
}

impl From<Company> for CompanyView {
    fn from(company: Company) -> Self {
        let (custom_fields, custom_field_definitions) = fields(company.custom_fields);
        Self {
            id: company.id,
            name: company.name,
            domain: company.domain,
            phone: company.phone,
            website: company.website,
            industry: company.industry,
            size: company.size,
            address: company.address.into(),
            description: company.description,
            custom_fields,
            custom_field_definitions,
            created_at: company.created_at.into(),
            updated_at: company.updated_at.into(),
            version: company.version,
        }
    }
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency }
    }
}

impl From<Deal> for DealView {
    fn from(deal: Deal) -> Self {
        let (custom_fields, custom_field_definitions) = fields(deal.custom_fields);
        Self {
            id: deal.id,
            name: deal.name,
            amount: deal.amount.map(MoneyView::from),
            stage: deal.stage,
            status: deal.status.into(),
            expected_close_on: deal.expected_close_on,
            owner: deal.owner.into(),
            custom_fields,
            custom_field_definitions,
            created_at: deal.created_at.into(),
            updated_at: deal.updated_at.into(),
            version: deal.version,
        }
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
            avatar_url: None,
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
