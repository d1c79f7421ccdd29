//! Sign-in, and the signed-in user.

use super::picture::Picture;
use super::{
    names::{FeatureName, RoleName},
    time::Time,
};
use crate::form::{Form, Request, boolean, choice, email, html, line, secret, time_zone};
use postroom_domain::{
    access::Permission,
    address::EmailAddress,
    ids::{UserId, WorkspaceId},
};
use postroom_store::{Me, MePatch, RefreshIn};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a client keeps its refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefreshPlace {
    /// It gets it in the body.
    #[default]
    Body,
    /// It gets an HttpOnly cookie.
    Cookie,
}

impl From<RefreshPlace> for RefreshIn {
    fn from(place: RefreshPlace) -> Self {
        match place {
            RefreshPlace::Body => Self::Body,
            RefreshPlace::Cookie => Self::Cookie,
        }
    }
}

/// Who signs in.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"workspace": "acme", "email": "ann@acme.example", "password": "correct horse battery staple"}))]
pub struct LoginRequest {
    /// The workspace's slug. May be left out where the address is known in one workspace only.
    #[schema(example = "acme")]
    pub workspace: Option<String>,
    /// The address.
    #[schema(value_type = String, format = Email, example = "ann@acme.example")]
    pub email: EmailAddress,
    /// The password.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024, example = "correct horse battery staple")]
    pub password: SecretString,
    /// Where the refresh token goes. Default: `body`.
    #[schema(value_type = Option<RefreshPlace>, example = "body")]
    pub refresh: RefreshPlace,
}

impl Request for LoginRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let workspace = form.optional("workspace", line(63));
        let email = form.required("email", email);
        let password = form.required("password", secret(crate::password::MAX_LENGTH));
        let refresh = form.optional("refresh", choice("body, cookie"));
        Some(Self {
            workspace: workspace?,
            email: email?,
            password: password?,
            refresh: refresh?.unwrap_or_default(),
        })
    }
}

/// The refresh token, unless it is in the cookie.
#[derive(Debug, ToSchema)]
pub struct RefreshRequest {
    /// The newest `refresh_token`. Left out: the cookie is taken.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500)]
    pub refresh_token: Option<SecretString>,
}

impl Request for RefreshRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let refresh_token = form.optional("refresh_token", secret(500));
        Some(Self { refresh_token: refresh_token? })
    }
}

/// A session's tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tokens)]
pub struct TokensView {
    /// For `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// How long the access token is good for, in seconds.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// Good for one exchange; null where it is in the cookie.
    pub refresh_token: Option<String>,
    /// Who has signed in.
    pub user: MeView,
}

/// What somebody's role allows.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = MyPermissions)]
#[expect(clippy::struct_excessive_bools, reason = "the contract: each is a question of its own")]
pub struct MyPermissionsView {
    /// See every conversation.
    pub view_all: bool,
    /// Invite users, change roles, deactivate.
    pub manage_users: bool,
    /// Connect and change shared mailboxes.
    pub manage_mailboxes: bool,
    /// Define custom fields.
    pub manage_custom_fields: bool,
}

/// The workspace, as far as everybody needs it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MyWorkspace)]
pub struct MyWorkspaceView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: WorkspaceId,
    /// Its name in addresses and at sign-in.
    #[schema(example = "acme")]
    pub slug: String,
    /// Its name.
    #[schema(example = "Acme Inc.")]
    pub name: String,
    /// Its paid features.
    pub features: FeaturesView,
}

/// Paid features.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Features)]
pub struct FeaturesView {
    /// The Conversations page.
    pub conversations: FeatureName,
}

/// The signed-in user.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Me)]
pub struct MeView {
    /// Their id.
    #[schema(value_type = Uuid)]
    pub id: UserId,
    /// The address that they sign in with.
    #[schema(example = "ann@acme.example")]
    pub email: String,
    /// Their name.
    #[schema(example = "Ann Lee")]
    pub name: String,
    /// Their role.
    pub role: RoleName,
    /// Their picture; null where there is none.
    #[schema(value_type = Option<String>)]
    pub avatar_url: Option<Picture>,
    /// Their signature, sanitised HTML; empty where there is none.
    #[schema(example = "<p>Ann Lee<br>Acme Inc.</p>")]
    pub signature_html: String,
    /// Whether a new reply has the signature.
    pub signature_enabled: bool,
    /// A name of the IANA database.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// What their role allows.
    pub can: MyPermissionsView,
    /// Where they are.
    pub workspace: MyWorkspaceView,
    /// When they were made.
    pub created_at: Time,
    /// When they were last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl From<Me> for MeView {
    fn from(me: Me) -> Self {
        let Me { user, workspace } = me;
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            role: user.role.into(),
            avatar_url: Picture::of(user.avatar),
            signature_html: user.signature_html,
            signature_enabled: user.signature_enabled,
            time_zone: user.time_zone,
            can: MyPermissionsView {
                view_all: user.role.may(Permission::ViewAll),
                manage_users: user.role.may(Permission::ManageUsers),
                manage_mailboxes: user.role.may(Permission::ManageSharedMailboxes),
                manage_custom_fields: user.role.may(Permission::ManageCustomFields),
            },
            workspace: MyWorkspaceView {
                id: workspace.id,
                slug: workspace.slug,
                name: workspace.name,
                features: FeaturesView { conversations: workspace.conversations.into() },
            },
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            version: user.version,
        }
    }
}

/// Changes to one's own profile (JSON Merge Patch).
#[derive(Debug, ToSchema)]
#[schema(example = json!({"signature_html": "<p>Ann Lee<br>Acme Inc.</p>", "time_zone": "Europe/Berlin"}))]
pub struct MeRequest {
    /// 1 to 200 characters.
    #[schema(nullable = false, min_length = 1, max_length = 200, example = "Ann Lee")]
    pub name: Option<String>,
    /// HTML; what could do harm is taken out. Null or empty: none.
    #[schema(max_length = 20000, example = "<p>Ann Lee<br>Acme Inc.</p>")]
    pub signature_html: Option<String>,
    /// Whether a new reply has the signature.
    #[schema(nullable = false)]
    pub signature_enabled: Option<bool>,
    /// A name of the IANA database.
    #[schema(nullable = false, example = "Europe/Berlin")]
    pub time_zone: Option<String>,
}

impl Request for MeRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.changed("name", line(200));
        let signature = form.patched("signature_html", html(20_000));
        let signature_enabled = form.changed("signature_enabled", boolean);
        let time_zone = form.changed("time_zone", time_zone);
        Some(Self {
            name: name?,
            signature_html: signature?
                .change()
                .map(|html| html.map_or_else(String::new, |html| postroom_mime::sanitise(&html))),
            signature_enabled: signature_enabled?,
            time_zone: time_zone?,
        })
    }
}

impl From<MeRequest> for MePatch {
    fn from(request: MeRequest) -> Self {
        Self {
            name: request.name,
            signature_html: request.signature_html,
            signature_enabled: request.signature_enabled,
            time_zone: request.time_zone,
        }
    }
}
