//! How people are named inside of other things.

use super::picture::Picture;
use postroom_domain::{
    address::NamedAddress,
    ids::{ContactId, UserId},
};
use postroom_store::AuthorKind;
use postroom_store::UserRef;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A user, where only name and picture matter.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Owner)]
pub struct OwnerView {
    /// The user's id.
    #[schema(value_type = Uuid)]
    pub id: UserId,
    /// Their name.
    #[schema(example = "Ann Lee")]
    pub name: String,
    /// Their picture; null where there is none.
    #[schema(value_type = Option<String>)]
    pub avatar_url: Option<Picture>,
}

impl From<UserRef> for OwnerView {
    fn from(user: UserRef) -> Self {
        Self { id: user.id, name: user.name, avatar_url: Picture::of(user.avatar) }
    }
}

/// A contact, where only name, address and picture matter.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ContactReference)]
pub struct ContactReferenceView {
    /// The contact's id.
    #[schema(value_type = Uuid)]
    pub id: ContactId,
    /// Their name.
    #[schema(example = "Bob Fisher")]
    pub name: String,
    /// Their primary address.
    #[schema(example = "bob@customer.example")]
    pub email: Option<String>,
    /// Their picture; null where there is none.
    #[schema(value_type = Option<String>)]
    pub avatar_url: Option<Picture>,
}

/// What an author is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuthorKind)]
pub enum AuthorKindName {
    /// A user of the workspace.
    User,
    /// An external person.
    Contact,
    /// A shared mailbox, where nobody knows which user wrote.
    Mailbox,
}

impl From<AuthorKind> for AuthorKindName {
    fn from(kind: AuthorKind) -> Self {
        match kind {
            AuthorKind::User => Self::User,
            AuthorKind::Contact => Self::Contact,
            AuthorKind::Mailbox => Self::Mailbox,
        }
    }
}

/// A person, or the mailbox of persons that nobody knows: who wrote, who takes part.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Author)]
pub struct AuthorView {
    /// What they are.
    pub kind: AuthorKindName,
    /// The id of the user, contact or mailbox; null where the sender is none of ours and no contact.
    pub id: Option<Uuid>,
    /// Their name.
    #[schema(example = "Bob Fisher")]
    pub name: String,
    /// Their address, here.
    #[schema(example = "bob@customer.example")]
    pub email: String,
    /// Their picture; null where there is none.
    #[schema(value_type = Option<String>)]
    pub avatar_url: Option<Picture>,
}

/// An address with the name beside it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = MailAddress)]
pub struct AddressView {
    /// The display name; null where there is none.
    #[schema(example = "Bob Fisher")]
    pub name: Option<String>,
    /// The address.
    #[schema(example = "bob@customer.example")]
    pub address: String,
}

impl From<NamedAddress> for AddressView {
    fn from(one: NamedAddress) -> Self {
        Self { name: one.name, address: one.address.to_string() }
    }
}

/// A list of addresses.
#[must_use]
pub fn addresses(list: Vec<NamedAddress>) -> Vec<AddressView> {
    list.into_iter().map(AddressView::from).collect()
}

/// An address in a request.
#[derive(ToSchema)]
#[schema(as = MailAddressRequest)]
#[serde(untagged)]
pub enum AddressRequest {
    /// The bare address.
    #[schema(example = "bob@customer.example")]
    Bare(String),
    /// The address with a name.
    Named(NamedAddressRequest),
}

/// An address with the name beside it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used; the rule `named_address` reads it")]
pub struct NamedAddressRequest {
    /// The display name.
    #[schema(max_length = 200, example = "Bob Fisher")]
    name: Option<String>,
    /// The address.
    #[schema(example = "bob@customer.example")]
    address: String,
}
