//! The workspace, its users, and the wish for a paid feature.

use super::{
    auth::FeaturesView,
    names::{FeatureName, RoleName, StartsOnName},
    people::OwnerView,
    time::Time,
};
use crate::form::{Form, Request, choice, text};
use postroom_domain::ids::{UserId, WorkspaceId};
use postroom_store::{FeatureRequest, User, Workspace};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The workspace.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Workspace)]
pub struct WorkspaceView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: WorkspaceId,
    /// Its name in addresses and at sign-in.
    #[schema(example = "acme")]
    pub slug: String,
    /// Its name.
    #[schema(example = "Acme Inc.")]
    pub name: String,
    /// What makes a thread a conversation, where the mailbox says nothing else.
    pub conversation_starts_on: StartsOnName,
    /// For how long a reply may be taken back, 0 to 60 seconds.
    #[schema(minimum = 0, maximum = 60, example = 10)]
    pub undo_send_seconds: u16,
    /// Its paid features.
    pub features: FeaturesView,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl From<Workspace> for WorkspaceView {
    fn from(workspace: Workspace) -> Self {
        Self {
            id: workspace.id,
            slug: workspace.slug,
            name: workspace.name,
            conversation_starts_on: workspace.conversation_starts_on.into(),
            undo_send_seconds: workspace.undo_send_seconds,
            features: FeaturesView { conversations: workspace.conversations.into() },
            created_at: workspace.created_at.into(),
            updated_at: workspace.updated_at.into(),
            version: workspace.version,
        }
    }
}

/// A paid feature's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// The Conversations page.
    Conversations,
}

/// The wish for a paid feature.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"feature": "conversations", "message": "We would like to answer customers together."}))]
pub struct FeatureRequestRequest {
    /// Which one.
    pub feature: Feature,
    /// A word to the operator.
    #[schema(max_length = 2000, example = "We would like to answer customers together.")]
    pub message: Option<String>,
}

impl Request for FeatureRequestRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let feature = form.required("feature", choice("conversations"));
        let message = form.optional("message", text(2000));
        Some(Self { feature: feature?, message: message? })
    }
}

/// Where the wish for a paid feature stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeatureRequest)]
pub struct FeatureRequestView {
    /// Which feature.
    pub feature: Feature,
    /// How it stands.
    pub state: FeatureName,
    /// When it was first asked for; null where nobody has.
    pub requested_at: Option<Time>,
    /// Who asked first.
    pub requested_by: Option<OwnerView>,
    /// What they wrote to it.
    pub message: Option<String>,
}

impl From<FeatureRequest> for FeatureRequestView {
    fn from(request: FeatureRequest) -> Self {
        let asked = request.asked;
        Self {
            feature: Feature::Conversations,
            state: request.state.into(),
            requested_at: asked.as_ref().map(|asked| asked.at.into()),
            requested_by: asked.as_ref().map(|asked| OwnerView {
                id: asked.user_id,
                name: asked.user_name.clone(),
                avatar_url: None,
            }),
            message: asked.and_then(|asked| asked.note),
        }
    }
}

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
    /// Their picture; null where there is none.
    pub avatar_url: Option<String>,
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
            // The list has active users only.
            active: true,
            avatar_url: None,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            version: user.version,
        }
    }
}
