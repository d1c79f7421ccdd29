//! Where somebody is.

use crate::form::{At, Form, Patch, line, object};
use postroom_store::{AddressPatch, PostalAddress};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

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

impl From<PostalAddress> for PostalAddressView {
    fn from(address: PostalAddress) -> Self {
        let PostalAddress { street, city, region, postal_code, country } = address;
        Self { street, city, region, postal_code, country }
    }
}

/// Where somebody is, in a request. What is left out stays as it is, null clears it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used; the rule `address` reads it")]
pub struct PostalAddressRequest {
    /// Street and number.
    #[schema(max_length = 500, example = "1 Harbour Street")]
    street: Option<String>,
    /// City.
    #[schema(max_length = 200, example = "Hamburg")]
    city: Option<String>,
    /// Region or state.
    #[schema(max_length = 200)]
    region: Option<String>,
    /// Postal code.
    #[schema(max_length = 50, example = "20457")]
    postal_code: Option<String>,
    /// Country.
    #[schema(max_length = 200, example = "Germany")]
    country: Option<String>,
}

/// The field `address` of a patch: `null` clears all of it.
pub(super) fn address(form: &mut Form<'_>) -> Option<AddressPatch> {
    Some(match form.patched("address", parts)? {
        Patch::Absent => AddressPatch::default(),
        Patch::Null => AddressPatch::clearing(),
        Patch::Value(patch) => patch,
    })
}

fn parts(value: Value, at: &mut At<'_>) -> Option<AddressPatch> {
    object(|form: &mut Form<'_>| {
        let street = form.patched("street", line(500));
        let city = form.patched("city", line(200));
        let region = form.patched("region", line(200));
        let postal_code = form.patched("postal_code", line(50));
        let country = form.patched("country", line(200));
        Some(AddressPatch {
            street: street?,
            city: city?,
            region: region?,
            postal_code: postal_code?,
            country: country?,
        })
    })(value, at)
}
