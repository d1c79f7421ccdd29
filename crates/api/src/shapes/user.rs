//! Users, as those see and change them who work with them.

use super::picture::Picture;
use super::{
    list::PageQuery,
    names::{RoleName, UserStatusName},
    time::Time,
};
use crate::form::{Form, Request, boolean, choice, email, id, line};
use postroom_domain::{
    address::EmailAddress,
    ids::UserId,
    user::{UserEdit, UserStatus},
};
use postroom_store::{NewInvitation, User};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A user of the workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// Their id.
    #[schema(value_type = Uuid)]
    pub id: UserId,
    /// Their name.
    #[schema(example = "Ann Lee")]
    pub name: String,
    /// The address that they sign in with.
    #[schema(example = "ann@acme.example")]
    pub email: String,
    /// Their role.
    pub role: RoleName,
    /// Whether they may sign in.
    pub active: bool,
    /// Why they may not, where they may not.
    pub status: UserStatusName,
    /// Their picture; null where there is none.
    #[schema(value_type = Option<String>)]
    pub avatar_url: Option<Picture>,
    /// When they were made.
    pub created_at: Time,
    /// When they were last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            role: user.role.into(),
            active: user.status == UserStatus::Active,
            status: user.status.into(),
            avatar_url: Picture::of(user.avatar),
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            version: user.version,
        }
    }
}

/// Which users a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserFilter {
    /// Those who may sign in.
    Active,
    /// Those who have not accepted yet.
    Invited,
    /// Those who may not sign in any more.
    Deactivated,
    /// All.
    All,
}

impl UserFilter {
    /// The status that they must have; `None` for any.
    #[must_use]
    pub fn status(self) -> Option<UserStatus> {
        match self {
            Self::Active => Some(UserStatus::Active),
            Self::Invited => Some(UserStatus::Invited),
            Self::Deactivated => Some(UserStatus::Deactivated),
            Self::All => None,
        }
    }
}

/// Which users.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    /// Which ones. Others than the active ones are for who manages users. Default: `active`.
    #[param(value_type = Option<UserFilter>, inline, required = false, example = "active")]
    pub status: UserFilter,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl Request for UsersQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let status = form.optional("status", choice("active, invited, deactivated, all"));
        let page = PageQuery::read(form);
        let (status, page) = (status?, page?);
        Some(Self { status: status.unwrap_or(UserFilter::Active), limit: page.limit, cursor: page.cursor })
    }
}

/// Somebody to be asked to join.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"email": "ben@acme.example", "name": "Ben Frost", "role": "team_member"}))]
pub struct InvitationRequest {
    /// The address that they will sign in with; the link is sent there.
    #[schema(value_type = String, format = Email, example = "ben@acme.example")]
    pub email: EmailAddress,
    /// Their name; they may write it otherwise when they accept.
    #[schema(min_length = 1, max_length = 200, example = "Ben Frost")]
    pub name: String,
    /// Any but `owner`.
    pub role: RoleName,
}

impl Request for InvitationRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let email = form.required("email", email);
        let name = form.required("name", line(200));
        let role = form.required("role", choice("administrator, manager, team_member"));
        Some(Self { email: email?, name: name?, role: role? })
    }
}

impl From<InvitationRequest> for NewInvitation {
    fn from(request: InvitationRequest) -> Self {
        Self { email: request.email, name: request.name, role: request.role.into() }
    }
}

/// Changes to a user (JSON Merge Patch).
#[derive(Debug, ToSchema)]
#[schema(example = json!({"active": false, "reassign_to": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11"}))]
pub struct UserRequest {
    /// Any but `owner`; the owner's own stays.
    #[schema(value_type = Option<RoleName>, nullable = false)]
    pub role: Option<RoleName>,
    /// `false`: they leave, and what they own goes to somebody else; one who has not accepted yet can't any more.
    /// `true`: they come back.
    #[schema(nullable = false, example = false)]
    pub active: Option<bool>,
    /// Who gets a leaver's conversations, contacts and deals: an active user. Left out or null: the workspace's owner.
    #[schema(value_type = Option<Uuid>)]
    pub reassign_to: Option<UserId>,
}

impl Request for UserRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let role = form.changed("role", choice("administrator, manager, team_member"));
        let active = form.changed("active", boolean);
        let reassign_to = form.optional("reassign_to", id);
        Some(Self { role: role?, active: active?, reassign_to: reassign_to? })
    }
}

impl From<UserRequest> for UserEdit {
    fn from(request: UserRequest) -> Self {
        Self { role: request.role.map(Into::into), active: request.active, reassign_to: request.reassign_to }
    }
}
