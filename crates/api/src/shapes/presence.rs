//! Who is where.

use super::{event::user, people::AuthorView, time::Time};
use crate::form::{Form, Request, choice};
use postroom_domain::ids::ConversationId;
use postroom_store::{Presence, PresenceState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody is in a conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Presence)]
pub struct PresenceView {
    /// The conversation's id.
    #[schema(value_type = Uuid)]
    pub conversation_id: ConversationId,
    /// Who.
    pub user: AuthorView,
    /// What they do.
    pub state: PresenceName,
    /// They are gone then, unless they say so again.
    pub expires_at: Time,
}

impl From<Presence> for PresenceView {
    fn from(presence: Presence) -> Self {
        Self {
            conversation_id: presence.conversation_id,
            user: user(presence.user),
            state: match presence.state {
                PresenceState::Viewing => PresenceName::Viewing,
                PresenceState::Writing => PresenceName::Writing,
            },
            expires_at: presence.expires_at.into(),
        }
    }
}

/// What somebody does in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PresenceState)]
pub enum PresenceName {
    /// They have it open.
    Viewing,
    /// They write an answer.
    Writing,
}

impl From<PresenceName> for PresenceState {
    fn from(name: PresenceName) -> Self {
        match name {
            PresenceName::Viewing => Self::Viewing,
            PresenceName::Writing => Self::Writing,
        }
    }
}

/// What the caller does in a conversation.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"state": "viewing"}))]
pub struct PresenceRequest {
    /// What they do.
    pub state: PresenceName,
}

impl Request for PresenceRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let state = form.required("state", choice("viewing, writing"));
        Some(Self { state: state? })
    }
}
