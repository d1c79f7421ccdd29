//! The workspace, its users, and the wish for a paid feature.

use super::picture::Picture;
use super::{
    auth::FeaturesView,
    names::{FeatureName, StartsOnName},
    people::OwnerView,
    time::Time,
};
use crate::form::{Form, Request, choice, integer, line, text};
use postroom_domain::ids::WorkspaceId;
use postroom_store::{FeatureRequest, Workspace, WorkspacePatch};
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

/// Changes to the workspace (JSON Merge Patch).
#[derive(Debug, ToSchema)]
#[schema(example = json!({"name": "Acme Inc.", "undo_send_seconds": 20}))]
pub struct WorkspaceRequest {
    /// Its name.
    #[schema(nullable = false, min_length = 1, max_length = 200, example = "Acme Inc.")]
    pub name: Option<String>,
    /// What makes a thread a conversation from now on, where the mailbox says nothing else.
    #[schema(value_type = Option<StartsOnName>, nullable = false)]
    pub conversation_starts_on: Option<StartsOnName>,
    /// For how long a reply that is written from now on may be taken back, in seconds.
    #[schema(nullable = false, minimum = 0, maximum = 60, example = 20)]
    pub undo_send_seconds: Option<u16>,
}

impl Request for WorkspaceRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.changed("name", line(200));
        let conversation_starts_on = form.changed("conversation_starts_on", choice("reply, first_inbound"));
        let undo_send_seconds = form.changed("undo_send_seconds", integer(0, 60));
        Some(Self {
            name: name?,
            conversation_starts_on: conversation_starts_on?,
            undo_send_seconds: undo_send_seconds?.and_then(|seconds| u16::try_from(seconds).ok()),
        })
    }
}

impl From<WorkspaceRequest> for WorkspacePatch {
    fn from(request: WorkspaceRequest) -> Self {
        Self {
            name: request.name,
            conversation_starts_on: request.conversation_starts_on.map(Into::into),
            undo_send_seconds: request.undo_send_seconds,
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
                avatar_url: Picture::of(asked.user_avatar.clone()),
            }),
            message: asked.and_then(|asked| asked.note),
        }
    }
}
