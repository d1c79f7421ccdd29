//! Where somebody is: the same five columns of contacts and companies.

use crate::schema::{companies, contacts};
use diesel::prelude::*;
use postroom_domain::patch::Patch;

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

/// What is changed of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPatch {
    /// Street and number.
    pub street: Patch<String>,
    /// City.
    pub city: Patch<String>,
    /// State, province, county.
    pub region: Patch<String>,
    /// Postal code.
    pub postal_code: Patch<String>,
    /// Country.
    pub country: Patch<String>,
}

impl AddressPatch {
    /// The patch that clears all of it.
    #[must_use]
    pub fn clearing() -> Self {
        let [street, city, region, postal_code, country] = std::array::from_fn(|_| Patch::Null);
        Self { street, city, region, postal_code, country }
    }

    /// The address after the patch.
    pub(crate) fn laid_over(&self, present: PostalAddress) -> PostalAddress {
        PostalAddress {
            street: self.street.laid_over(present.street),
            city: self.city.laid_over(present.city),
            region: self.region.laid_over(present.region),
            postal_code: self.postal_code.laid_over(present.postal_code),
            country: self.country.laid_over(present.country),
        }
    }
}

/// The same columns, of two tables.
macro_rules! address_columns {
    ($($name:ident of $table:ident),+) => {$(
        #[derive(Clone, Debug, Default, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
        #[diesel(table_name = $table, treat_none_as_null = true, treat_none_as_default_value = false)]
        pub(crate) struct $name {
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

        impl From<PostalAddress> for $name {
            fn from(address: PostalAddress) -> Self {
                let PostalAddress { street, city, region, postal_code, country } = address;
                Self { street, city, region, postal_code, country }
            }
        }
    )+};
}
address_columns!(ContactAddress of contacts, CompanyAddress of companies);
