//! Contacts with all that the sidebar shows (SDB-1).

use crate::{
    Store,
    correspondents::full_name,
    custom_fields::{CustomField, Definitions},
    error::StoreError,
    schema::{
        companies, contact_deals, contact_emails, contacts, conversations, deals, thread_parties, users,
    },
    stream::UserRef,
    transaction::Tx,
};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    dsl::{exists, select},
    prelude::*,
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Visibility},
    custom_field::Entity,
    ids::{CompanyId, ContactEmailId, ContactId, DealId, UserId, WorkspaceId},
    money::Money,
};
use serde_json::Value;
use uuid::Uuid;

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
        let email = self.emails.as_slice().first().map(|email| email.address.as_str());
        full_name(self.first_name.as_deref(), self.last_name.as_deref(), email)
    }
}

/// Where somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostalAddress {
    /// Street and number.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State, province, county.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub country: Option<String>,
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = contacts)]
struct ContactRow {
    id: Uuid,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    title: Option<String>,
    #[diesel(embed)]
    address: ContactAddress,
    website: Option<String>,
    time_zone: Option<String>,
    description: Option<String>,
    avatar_sha256: Option<Vec<u8>>,
    custom_fields: Value,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = companies)]
struct CompanyRow {
    id: Uuid,
    name: String,
    domain: Option<String>,
    phone: Option<String>,
    website: Option<String>,
    industry: Option<String>,
    size: Option<String>,
    #[diesel(embed)]
    address: CompanyAddress,
    description: Option<String>,
    custom_fields: Value,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deals)]
struct DealRow {
    id: Uuid,
    name: String,
    amount_minor: Option<i64>,
    currency: Option<String>,
    stage: Option<String>,
    status: String,
    expected_close_on: Option<NaiveDate>,
    custom_fields: Value,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct OwnerRow {
    id: Uuid,
    name: String,
    email: String,
    avatar_sha256: Option<Vec<u8>>,
}

/// The same columns, of two tables.
macro_rules! address_columns {
    ($($name:ident of $table:ident),+) => {$(
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = $table)]
        struct $name {
            street: Option<String>,
            city: Option<String>,
            region: Option<String>,
            postal_code: Option<String>,
            country: Option<String>,
        }

        impl From<$name> for PostalAddress {
            fn from(row: $name) -> Self {
                let $name { street, city, region, postal_code, country } = row;
                Self { street, city, region, postal_code, country }
            }
        }
    )+};
}
address_columns!(ContactAddress of contacts, CompanyAddress of companies);

impl From<OwnerRow> for UserRef {
    fn from(row: OwnerRow) -> Self {
        Self { id: row.id.into(), name: row.name, email: row.email, avatar: row.avatar_sha256 }
    }
}

impl CompanyRow {
    fn into_company(self, definitions: &Definitions) -> Company {
        Company {
            id: self.id.into(),
            name: self.name,
            domain: self.domain,
            phone: self.phone,
            website: self.website,
            industry: self.industry,
            size: self.size,
            address: self.address.into(),
            description: self.description,
            custom_fields: definitions.fill(Entity::Company, &self.custom_fields),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl DealRow {
    fn into_deal(self, owner: OwnerRow, definitions: &Definitions) -> Result<Deal, StoreError> {
        Ok(Deal {
            id: self.id.into(),
            name: self.name,
            amount: self.amount_minor.zip(self.currency).map(|(minor, currency)| Money { minor, currency }),
            stage: self.stage,
            status: DealStatus::from_name(&self.status)?,
            expected_close_on: self.expected_close_on,
            owner: owner.into(),
            custom_fields: definitions.fill(Entity::Deal, &self.custom_fields),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl Store {
    /// A contact as the sidebar shows them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] also where the actor may not see them: a team member sees those that they own, and those
    /// that take part in a conversation that they own (ACC-2).
    pub async fn contact(&self, actor: &Actor, id: ContactId) -> Result<Contact, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let contact = load_contact(&tx, actor, id).await?;
        tx.commit().await?;
        Ok(contact)
    }
}

/// All of it by the contact's id, so that the queries travel together.
async fn load_contact(tx: &Tx, actor: &Actor, id: ContactId) -> Result<Contact, StoreError> {
    let workspace = actor.workspace_id;
    let (visible, definitions, (row, owner, company), emails, deals) = tokio::try_join!(
        is_visible(tx, actor.visibility(), workspace, id),
        Definitions::load(tx, workspace),
        contact_row(tx, workspace, id),
        emails_of(tx, workspace, id),
        deals_of(tx, workspace, id),
    )?;
    if !visible {
        return Err(StoreError::NotFound);
    }
    let deals = deals
        .into_iter()
        .map(|(deal, owner)| deal.into_deal(owner, &definitions))
        .collect::<Result<_, _>>()?;
    Ok(Contact {
        id: row.id.into(),
        first_name: row.first_name,
        last_name: row.last_name,
        phone: row.phone,
        title: row.title,
        address: row.address.into(),
        website: row.website,
        time_zone: row.time_zone,
        description: row.description,
        avatar: row.avatar_sha256,
        owner: owner.into(),
        emails,
        custom_fields: definitions.fill(Entity::Contact, &row.custom_fields),
        company: company.map(|company| company.into_company(&definitions)),
        deals,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// ACC-2: all for those who see all; for a team member what they own, and who takes part in a conversation that they own,
/// as its primary contact or as a party of its thread.
async fn is_visible(
    tx: &Tx,
    visibility: Visibility,
    workspace: WorkspaceId,
    id: ContactId,
) -> Result<bool, StoreError> {
    let Visibility::Mine(UserId(user)) = visibility else {
        return Ok(true);
    };
    let owned = contacts::table.find((workspace.0, id.0)).filter(contacts::owner_id.eq(user));
    let mine = conversations::table
        .filter(conversations::workspace_id.eq(workspace.0).and(conversations::owner_id.eq(user)))
        .filter(conversations::merged_into.is_null());
    let primary = mine.filter(conversations::primary_contact_id.eq(id.0));
    let takes_part = mine
        .inner_join(
            thread_parties::table.on(thread_parties::workspace_id
                .eq(conversations::workspace_id)
                .and(thread_parties::thread_id.eq(conversations::thread_id))),
        )
        .inner_join(
            contact_emails::table.on(contact_emails::workspace_id
                .eq(thread_parties::workspace_id)
                .and(contact_emails::address.eq(thread_parties::address))),
        )
        .filter(contact_emails::contact_id.eq(id.0));
    Ok(select(exists(owned).or(exists(primary)).or(exists(takes_part))).get_result(&mut tx.conn()).await?)
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
    let rows: Vec<(Uuid, String, bool)> = contact_emails::table
        .filter(contact_emails::workspace_id.eq(workspace.0).and(contact_emails::contact_id.eq(id.0)))
        .order((contact_emails::is_primary.desc(), contact_emails::id))
        .select((contact_emails::id, contact_emails::address, contact_emails::is_primary))
        .load(&mut tx.conn())
        .await?;
    let email =
        |(id, address, primary): (Uuid, String, bool)| ContactEmail { id: id.into(), address, primary };
    Ok(rows.into_iter().map(email).collect())
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
