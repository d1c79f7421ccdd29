//! Fields that a workspace defines for its contacts, companies and deals (SDB-6).
//!
//! A thing keeps its values by the **ids** of the definitions, so that a key that is defined anew doesn't bring old values
//! back; people and programs name fields by their keys. [`merge()`] is what stands between the two.

mod definition;
mod merge;
mod order;
mod value;

pub use definition::{Definition, DefinitionChange, MAX_DEFINITIONS, NewDefinition, is_key};
pub use merge::{Occasion, merge};
pub use order::arrange;
pub use value::{MAX_LONG_TEXT, MAX_NUMBER, MAX_TEXT};

/// What a field is defined for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entity {
    /// Contacts.
    Contact,
    /// Companies.
    Company,
    /// Deals.
    Deal,
}

impl Entity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Contact, Self::Company, Self::Deal];

    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Company => "company",
            Self::Deal => "deal",
        }
    }

    /// The entity of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.as_str() == name)
    }
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// One line.
    Text,
    /// Several lines.
    LongText,
    /// A decimal number.
    Number,
    /// A day.
    Date,
    /// Yes or no.
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

impl FieldType {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Text,
        Self::LongText,
        Self::Number,
        Self::Date,
        Self::Boolean,
        Self::Select,
        Self::MultiSelect,
        Self::Url,
        Self::Email,
        Self::Phone,
    ];

    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long_text",
            Self::Number => "number",
            Self::Date => "date",
            Self::Boolean => "boolean",
            Self::Select => "select",
            Self::MultiSelect => "multi_select",
            Self::Url => "url",
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl FieldType {
    /// Whether its values are chosen from options.
    #[must_use]
    pub fn has_options(self) -> bool {
        matches!(self, Self::Select | Self::MultiSelect)
    }
}

#[cfg(test)]
mod tests;
