//! Companies.

use super::{
    custom_field::{FieldDefinitionView, custom_fields, fields},
    documented::documented,
    postal_address::{PostalAddressRequest, PostalAddressView, address},
    time::Time,
};
use crate::form::{Form, Request, by, line};
use postroom_domain::{
    field_text::{domain, lines, phone, web_address},
    ids::CompanyId,
};
use postroom_store::{Company, CompanyPatch, CompanySummary};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

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

/// A company, as lists show it: enough to recognise it. Everybody may look up companies.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CompanySummary)]
pub struct CompanySummaryView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: CompanyId,
    /// Its name.
    #[schema(example = "Customer Ltd.")]
    pub name: String,
    /// Its domain.
    #[schema(example = "customer.example")]
    pub domain: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl From<CompanySummary> for CompanySummaryView {
    fn from(company: CompanySummary) -> Self {
        Self {
            id: company.id,
            name: company.name,
            domain: company.domain,
            created_at: company.created_at.into(),
            updated_at: company.updated_at.into(),
            version: company.version,
        }
    }
}

/// What can be said of a company.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used; the requests below are read")]
struct CompanyFields {
    /// Its name.
    #[schema(nullable = false, min_length = 1, max_length = 200, example = "Customer Ltd.")]
    name: Option<String>,
    /// Its domain, in small letters.
    #[schema(max_length = 253, example = "customer.example")]
    domain: Option<String>,
    /// Its telephone number.
    #[schema(max_length = 50, example = "+49 40 123456")]
    phone: Option<String>,
    /// Its web address: http or https.
    #[schema(max_length = 2048, example = "https://customer.example")]
    website: Option<String>,
    /// What it does.
    #[schema(max_length = 200, example = "Logistics")]
    industry: Option<String>,
    /// How large it is.
    #[schema(max_length = 100, example = "50-200")]
    size: Option<String>,
    /// Where it is. What is left out of it stays; null clears all of it.
    address: Option<PostalAddressRequest>,
    /// What else is known.
    #[schema(max_length = 10000)]
    description: Option<String>,
    /// Custom fields by their keys; null clears one, what is left out stays.
    #[schema(value_type = Option<Object>, nullable = false, example = json!({}))]
    custom_fields: Option<Map<String, Value>>,
}

/// A company to be made.
#[derive(Debug)]
pub struct CompanyRequest {
    /// Its name.
    pub name: String,
    /// Everything else.
    pub fields: CompanyPatch,
}

/// Changes of a company.
#[derive(Debug)]
pub struct CompanyPatchRequest(pub CompanyPatch);

documented! {
    /// A company to be made.
    CompanyRequest by CompanyFields, needs ["name"], not [];
    /// Changes of a company (JSON Merge Patch): what is left out stays, null clears.
    CompanyPatchRequest by CompanyFields, needs [], not [];
}

impl Request for CompanyRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.required("name", line(200));
        let fields = patch(form, None);
        Some(Self { name: name?, fields: fields? })
    }
}

impl Request for CompanyPatchRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.changed("name", line(200));
        let fields = patch(form, name.clone().flatten());
        name.and(fields).map(Self)
    }
}

/// All but the name.
fn patch(form: &mut Form<'_>, name: Option<String>) -> Option<CompanyPatch> {
    form.read_only(&["id", "custom_field_definitions", "created_at", "updated_at", "version"]);
    let domain = form.patched("domain", by(domain));
    let phone = form.patched("phone", by(phone));
    let website = form.patched("website", by(web_address));
    let industry = form.patched("industry", line(200));
    let size = form.patched("size", line(100));
    let address = address(form);
    let description = form.patched("description", by(|text| lines(text, 10_000)));
    let custom_fields = custom_fields(form);
    Some(CompanyPatch {
        name,
        domain: domain?,
        phone: phone?,
        website: website?,
        industry: industry?,
        size: size?,
        address: address?,
        description: description?,
        custom_fields: custom_fields?,
    })
}
