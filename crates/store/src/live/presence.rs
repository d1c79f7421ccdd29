//! Who is in a conversation now: in the servers' memory alone, told to the others, forgotten after a while.

use super::{
    Live,
    audience::{conversation_owners, user_refs},
};
use crate::{Store, conversations::visible_thread, error::StoreError, stream::UserRef, transaction::Tx};
use chrono::{DateTime, Utc};
use postroom_domain::{
    access::Actor,
    ids::{ConversationId, UserId, WorkspaceId},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// What somebody does in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceState {
    /// They have it open.
    Viewing,
    /// They write an answer.
    Writing,
}

impl PresenceState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Viewing => "viewing",
            Self::Writing => "writing",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Viewing, Self::Writing].into_iter().find(|state| state.as_str() == name)
    }
}

/// Somebody is in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// In which.
    pub conversation_id: ConversationId,
    /// Who.
    pub user: UserRef,
    /// What they do.
    pub state: PresenceState,
    /// Unless they say so again, they are gone then.
    pub expires_at: DateTime<Utc>,
    /// Whose the conversation is now: who may be told goes by it.
    owner: UserId,
}

impl Presence {
    /// Whether the actor may know of it: those who see the conversation.
    pub(super) fn is_for(&self, actor: &Actor) -> bool {
        actor.visibility().sees(self.owner)
    }
}

/// What one server tells the others: ids alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub(super) workspace: WorkspaceId,
    conversation: ConversationId,
    user: UserId,
    state: PresenceState,
    expires_at: DateTime<Utc>,
}

impl Sighting {
    pub(super) fn to_json(self) -> Value {
        json!({
            "workspace": self.workspace, "conversation": self.conversation, "user": self.user,
            "state": self.state.as_str(), "until": self.expires_at.timestamp_millis(),
        })
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let id = |name| value.get(name)?.as_str().and_then(|text| Uuid::try_parse(text).ok());
        Some(Self {
            workspace: id("workspace")?.into(),
            conversation: id("conversation")?.into(),
            user: id("user")?.into(),
            state: PresenceState::from_name(value.get("state")?.as_str()?)?,
            expires_at: DateTime::from_timestamp_millis(value.get("until")?.as_i64()?)?,
        })
    }
}

/// Who is where, as far as this server has heard.
#[derive(Default)]
pub(super) struct Presences(Mutex<HashMap<(WorkspaceId, ConversationId), BTreeMap<UserId, Sighting>>>);

impl Presences {
    pub(super) fn note(&self, sighting: Sighting) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((sighting.workspace, sighting.conversation)).or_default().insert(sighting.user, sighting);
    }

    fn within(&self, workspace: WorkspaceId, conversation: ConversationId) -> Vec<Sighting> {
        let now = Utc::now();
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there = all.get(&(workspace, conversation)).into_iter().flat_map(BTreeMap::values);
        there.filter(|sighting| sighting.expires_at > now).copied().collect()
    }

    /// Forgets who has gone.
    pub(super) fn sweep(&self) {
        let now = Utc::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, there| {
            there.retain(|_, sighting| sighting.expires_at > now);
            !there.is_empty()
        });
    }
}

impl Live {
    /// The actor is in a conversation: told to everybody who sees it, wherever they are connected.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Merged`].
    pub async fn appear(
        &self,
        actor: &Actor,
        conversation: ConversationId,
        state: PresenceState,
    ) -> Result<(), StoreError> {
        let hub = &self.0;
        let tx = hub.store.begin_read(actor.workspace_id).await?;
        visible_thread(&tx, actor, conversation).await?;
        tx.commit().await?;
        let sighting = Sighting {
            workspace: actor.workspace_id,
            conversation,
            user: actor.user_id,
            state,
            expires_at: Utc::now() + hub.settings.presence,
        };
        hub.saw(sighting);
        hub.store.tell_sighting(sighting);
        Ok(())
    }

    /// Who is in a conversation, by name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Merged`].
    pub async fn present(
        &self,
        actor: &Actor,
        conversation: ConversationId,
    ) -> Result<Vec<Presence>, StoreError> {
        let store: &Store = &self.0.store;
        let sightings = self.0.presences.within(actor.workspace_id, conversation);
        let tx = store.begin_read(actor.workspace_id).await?;
        visible_thread(&tx, actor, conversation).await?;
        let mut present = load(&tx, actor.workspace_id, &sightings).await?;
        tx.commit().await?;
        present.sort_by(|a, b| (&a.user.name, a.user.id).cmp(&(&b.user.name, b.user.id)));
        Ok(present)
    }
}

/// The sightings with the names of who was seen, and whose the conversations are now.
pub(super) async fn load(
    tx: &Tx,
    workspace: WorkspaceId,
    sightings: &[Sighting],
) -> Result<Vec<Presence>, StoreError> {
    let conversations = sightings.iter().map(|one| one.conversation.0).collect();
    let people = sightings.iter().map(|one| one.user.0).collect();
    let (owners, people) = tokio::try_join!(
        conversation_owners(tx, workspace, conversations),
        user_refs(tx, workspace, people)
    )?;
    Ok(sightings
        .iter()
        .filter_map(|sighting| {
            Some(Presence {
                conversation_id: sighting.conversation,
                user: people.get(&sighting.user.0)?.clone(),
                state: sighting.state,
                expires_at: sighting.expires_at,
                owner: *owners.get(&sighting.conversation.0)?,
            })
        })
        .collect())
}
