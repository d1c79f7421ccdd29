//! What is asked of contacts.

use super::{
    custom_field::custom_fields,
    documented::documented,
    postal_address::{PostalAddressRequest, address},
};
use crate::form::{At, Form, Request, boolean, by, email, id, line, list, object, time_zone};
use postroom_domain::{
    address::EmailAddress,
    contact::{MAX_EMAILS, NewEmail},
    field_text::{lines, phone, web_address},
    ids::{CompanyId, UserId},
};
use postroom_store::{ContactPatch, EmailPatch};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What can be said of a contact.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used; the requests below are read")]
struct ContactFields {
    /// Their addresses, 1 to 50; one that another contact has is `taken`. Without a primary one, the first is.
    #[schema(nullable = false, min_items = 1, max_items = 50)]
    emails: Option<Vec<NewEmailRequest>>,
    /// Their first name.
    #[schema(max_length = 200, example = "Bob")]
    first_name: Option<String>,
    /// Their last name.
    #[schema(max_length = 200, example = "Fisher")]
    last_name: Option<String>,
    /// Their telephone number.
    #[schema(max_length = 50, example = "+49 40 123456")]
    phone: Option<String>,
    /// What they are at work.
    #[schema(max_length = 200, example = "Head of Purchasing")]
    title: Option<String>,
    /// Where they are. What is left out of it stays; null clears all of it.
    address: Option<PostalAddressRequest>,
    /// Their web address: http or https.
    #[schema(max_length = 2048, example = "https://customer.example/bob")]
    website: Option<String>,
    /// A name of the IANA database.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// What else is known.
    #[schema(max_length = 10000)]
    description: Option<String>,
    /// Whose they are: an active user. A new one is the caller's. The owner of their conversations stays who it is.
    #[schema(value_type = Option<Uuid>, nullable = false)]
    owner_id: Option<UserId>,
    /// Custom fields by their keys; null clears one, what is left out stays.
    #[schema(value_type = Option<Object>, nullable = false, example = json!({"plan": "Pro"}))]
    custom_fields: Option<Map<String, Value>>,
}

/// A contact to be made.
#[derive(Debug)]
pub struct ContactRequest {
    /// Their addresses.
    pub emails: Vec<NewEmail>,
    /// Everything else.
    pub fields: ContactPatch,
}

/// Changes of a contact.
#[derive(Debug)]
pub struct ContactPatchRequest(pub ContactPatch);

documented! {
    /// A contact to be made: somebody outside, known by an address at least.
    ContactRequest by ContactFields, needs ["emails"], not [];
    /// Changes of a contact (JSON Merge Patch): what is left out stays, null clears. Addresses, company and deals have
    /// operations of their own.
    ContactPatchRequest by ContactFields, needs [], not ["emails"];
}

impl Request for ContactRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let emails = form.required("emails", list(MAX_EMAILS, new_email));
        let fields = patch(form);
        Some(Self { emails: emails?, fields: fields? })
    }
}

impl Request for ContactPatchRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        form.read_only(&["emails"]);
        patch(form).map(Self)
    }
}

fn patch(form: &mut Form<'_>) -> Option<ContactPatch> {
    form.read_only(&["id", "name", "avatar_url", "owner", "company", "deals", "custom_field_definitions"]);
    form.read_only(&["created_at", "updated_at", "version"]);
    let first_name = form.patched("first_name", line(200));
    let last_name = form.patched("last_name", line(200));
    let phone = form.patched("phone", by(phone));
    let title = form.patched("title", line(200));
    let address = address(form);
    let website = form.patched("website", by(web_address));
    let time_zone = form.patched("time_zone", time_zone);
    let description = form.patched("description", by(|text| lines(text, 10_000)));
    let owner_id = form.changed("owner_id", id::<UserId>);
    let custom_fields = custom_fields(form);
    Some(ContactPatch {
        first_name: first_name?,
        last_name: last_name?,
        phone: phone?,
        title: title?,
        address: address?,
        website: website?,
        time_zone: time_zone?,
        description: description?,
        owner_id: owner_id?,
        custom_fields: custom_fields?,
    })
}

/// An address for a contact.
#[derive(Debug, ToSchema)]
pub struct NewEmailRequest {
    /// The address: no other contact's, and none of a user or mailbox of the workspace.
    #[schema(value_type = String, max_length = 254, example = "bob@customer.example")]
    pub address: EmailAddress,
    /// Whether it is the one that is written to first; left out: it is not.
    #[schema(value_type = Option<bool>, nullable = false)]
    pub primary: bool,
}

impl Request for NewEmailRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        form.read_only(&["id"]);
        let address = form.required("address", email);
        let primary = form.changed("primary", boolean);
        Some(Self { address: address?, primary: primary?.unwrap_or(false) })
    }
}

impl From<NewEmailRequest> for NewEmail {
    fn from(request: NewEmailRequest) -> Self {
        Self { address: request.address, primary: request.primary }
    }
}

fn new_email(value: Value, at: &mut At<'_>) -> Option<NewEmail> {
    object(NewEmailRequest::read)(value, at).map(NewEmail::from)
}

/// Changes of one of a contact's addresses (JSON Merge Patch).
#[derive(Debug, ToSchema)]
pub struct EmailPatchRequest {
    /// Another address in its place.
    #[schema(value_type = Option<String>, nullable = false, max_length = 254, example = "bob@customer.example")]
    pub address: Option<EmailAddress>,
    /// `true` makes it the one that is written to first, and another one not any more.
    #[schema(nullable = false, example = true)]
    pub primary: Option<bool>,
}

impl Request for EmailPatchRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        form.read_only(&["id"]);
        let address = form.changed("address", email);
        let primary = form.changed("primary", boolean);
        Some(Self { address: address?, primary: primary? })
    }
}

impl From<EmailPatchRequest> for EmailPatch {
    fn from(request: EmailPatchRequest) -> Self {
        Self { address: request.address, primary: request.primary }
    }
}

/// A contact's company.
#[derive(Debug, ToSchema)]
pub struct ContactCompanyRequest {
    /// Any company of the workspace: look it up with `GET /v1/companies?q=`, or make it.
    #[schema(value_type = Uuid, example = "0198c7e0-7011-7c22-8d33-55e66f778899")]
    pub company_id: CompanyId,
}

impl Request for ContactCompanyRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let company_id = form.required("company_id", id::<CompanyId>);
        Some(Self { company_id: company_id? })
    }
}
