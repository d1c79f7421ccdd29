//! Deals.

use super::{
    custom_field::{FieldDefinitionView, custom_fields, fields},
    documented::documented,
    people::OwnerView,
    time::Time,
};
use crate::{
    form::{At, Form, Request, choice, date, id, line, object, text},
    problem::FieldCode,
};
use chrono::NaiveDate;
use postroom_domain::{
    ids::{DealId, UserId},
    money::{Money, MoneyError},
};
use postroom_store::{Deal, DealPatch, DealStatus, DealSummary};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// How a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

impl From<DealStatus> for DealStatusName {
    fn from(status: DealStatus) -> Self {
        match status {
            DealStatus::Open => Self::Open,
            DealStatus::Won => Self::Won,
            DealStatus::Lost => Self::Lost,
        }
    }
}

impl From<DealStatusName> for DealStatus {
    fn from(name: DealStatusName) -> Self {
        match name {
            DealStatusName::Open => Self::Open,
            DealStatusName::Won => Self::Won,
            DealStatusName::Lost => Self::Lost,
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

/// A deal, as lists show it: enough to recognise it. Everybody may look up deals.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = DealSummary)]
pub struct DealSummaryView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: DealId,
    /// Its name.
    #[schema(example = "Fifty seats")]
    pub name: String,
    /// How it stands.
    pub status: DealStatusName,
    /// Whose it is.
    pub owner: OwnerView,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl From<DealSummary> for DealSummaryView {
    fn from(deal: DealSummary) -> Self {
        Self {
            id: deal.id,
            name: deal.name,
            status: deal.status.into(),
            owner: deal.owner.into(),
            created_at: deal.created_at.into(),
            updated_at: deal.updated_at.into(),
            version: deal.version,
        }
    }
}

/// An amount of money, both parts together.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used; the rule `money` reads it")]
struct MoneyRequest {
    /// Digits with a point: exactly what is written, with no more places than the currency has.
    #[schema(max_length = 24, example = "1250.00")]
    amount: String,
    /// ISO 4217, three capital letters.
    #[schema(min_length = 3, max_length = 3, example = "EUR")]
    currency: String,
}

/// What can be said of a deal.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used; the requests below are read")]
struct DealFields {
    /// Its name.
    #[schema(nullable = false, min_length = 1, max_length = 200, example = "Fifty seats")]
    name: Option<String>,
    /// What it is worth.
    amount: Option<MoneyRequest>,
    /// How far it is.
    #[schema(max_length = 200, example = "Offer sent")]
    stage: Option<String>,
    /// How it stands; a new one is open.
    #[schema(nullable = false)]
    status: Option<DealStatusName>,
    /// When it is expected to be decided.
    expected_close_on: Option<NaiveDate>,
    /// Whose it is: an active user. A new one is the caller's.
    #[schema(value_type = Option<Uuid>, nullable = false)]
    owner_id: Option<UserId>,
    /// Custom fields by their keys; null clears one, what is left out stays.
    #[schema(value_type = Option<Object>, nullable = false, example = json!({}))]
    custom_fields: Option<Map<String, Value>>,
}

/// A deal to be made.
#[derive(Debug)]
pub struct DealRequest {
    /// Its name.
    pub name: String,
    /// Everything else.
    pub fields: DealPatch,
}

/// Changes of a deal.
#[derive(Debug)]
pub struct DealPatchRequest(pub DealPatch);

documented! {
    /// A deal to be made; only a name is needed.
    DealRequest by DealFields, needs ["name"], not [];
    /// Changes of a deal (JSON Merge Patch): what is left out stays, null clears.
    DealPatchRequest by DealFields, needs [], not [];
}

impl Request for DealRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.required("name", line(200));
        let fields = patch(form, None);
        Some(Self { name: name?, fields: fields? })
    }
}

impl Request for DealPatchRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.changed("name", line(200));
        let fields = patch(form, name.clone().flatten());
        name.and(fields).map(Self)
    }
}

/// All but the name.
fn patch(form: &mut Form<'_>, name: Option<String>) -> Option<DealPatch> {
    form.read_only(&["id", "owner", "custom_field_definitions", "created_at", "updated_at", "version"]);
    let amount = form.patched("amount", money);
    let stage = form.patched("stage", line(200));
    let status = form.changed("status", choice::<DealStatusName>("open, won, lost"));
    let expected_close_on = form.patched("expected_close_on", date);
    let owner_id = form.changed("owner_id", id::<UserId>);
    let custom_fields = custom_fields(form);
    Some(DealPatch {
        name,
        amount: amount?,
        stage: stage?,
        status: status?.map(DealStatus::from),
        expected_close_on: expected_close_on?,
        owner_id: owner_id?,
        custom_fields: custom_fields?,
    })
}

/// `{"amount": "1250.00", "currency": "EUR"}`. The amount is a text: a JSON number would not keep it exactly.
fn money(value: Value, at: &mut At<'_>) -> Option<Money> {
    object(|form: &mut Form<'_>| {
        let amount = form.required("amount", text(24));
        let currency = form.required("currency", text(3));
        let (amount, currency) = (amount?, currency?);
        let (field, code, error) = match Money::parse(&amount, &currency) {
            Ok(money) => return Some(money),
            Err(error @ MoneyError::Currency) => ("currency", FieldCode::InvalidValue, error),
            Err(error @ MoneyError::Range) => ("amount", FieldCode::OutOfRange, error),
            Err(error) => ("amount", FieldCode::InvalidValue, error),
        };
        form.wrong(field, code, format!("Not possible: {error}."));
        None
    })(value, at)
}
