//! Invitations, as those see them who are asked to join.

use super::{auth::RefreshPlace, names::RoleName, time::Time};
use crate::form::{Form, Request, choice, line, new_password};
use postroom_store::Invitation;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

/// Where somebody is asked to join.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvitationWorkspace)]
pub struct InvitationWorkspaceView {
    /// Its name at sign-in.
    #[schema(example = "acme")]
    pub slug: String,
    /// Its name.
    #[schema(example = "Acme Inc.")]
    pub name: String,
}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationView {
    /// The address that it was sent to, to sign in with from then on.
    #[schema(example = "ben@acme.example")]
    pub email: String,
    /// The name that they were invited by.
    #[schema(example = "Ben Frost")]
    pub name: String,
    /// What they will be.
    pub role: RoleName,
    /// Where.
    pub workspace: InvitationWorkspaceView,
    /// When it ends.
    pub expires_at: Time,
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            email: invitation.email,
            name: invitation.name,
            role: invitation.role.into(),
            workspace: InvitationWorkspaceView {
                slug: invitation.workspace_slug,
                name: invitation.workspace_name,
            },
            expires_at: invitation.expires_at.into(),
        }
    }
}

/// Accepting an invitation.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"name": "Ben Frost", "password": "correct horse battery staple", "refresh": "cookie"}))]
pub struct AcceptRequest {
    /// Their name. Left out: the one that they were invited by.
    #[schema(min_length = 1, max_length = 200, example = "Ben Frost")]
    pub name: Option<String>,
    /// The password that they will sign in with: at least 10 characters, at most 1,024 bytes.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024, example = "correct horse battery staple")]
    pub password: SecretString,
    /// Where the refresh token goes. Default: `body`.
    #[schema(value_type = Option<RefreshPlace>, example = "body")]
    pub refresh: RefreshPlace,
}

impl Request for AcceptRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.optional("name", line(200));
        let password = form.required("password", new_password);
        let refresh = form.optional("refresh", choice("body, cookie"));
        Some(Self { name: name?, password: password?, refresh: refresh?.unwrap_or_default() })
    }
}
