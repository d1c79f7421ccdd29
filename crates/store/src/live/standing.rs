//! Whether somebody who follows the log may go on: read in the same transaction as what they are told.

use crate::{
    error::StoreError,
    schema::{api_key_digests, sessions, users, workspaces},
    transaction::Tx,
    users::role,
    workspaces::FeatureState,
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Role},
    ids::{ApiKeyId, SessionId, UserId, WorkspaceId},
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// By what somebody may follow the log; the right ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// They signed in.
    Session(SessionId),
    /// They came with an API key.
    ApiKey(ApiKeyId),
}

impl From<SessionId> for Credential {
    fn from(id: SessionId) -> Self {
        Self::Session(id)
    }
}

impl From<ApiKeyId> for Credential {
    fn from(id: ApiKeyId) -> Self {
        Self::ApiKey(id)
    }
}

/// Why somebody is told no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The session has ended.
    SignedOut,
    /// The API key was revoked, or has expired.
    KeyRevoked,
    /// The user may not sign in any more (ACC-5).
    Deactivated,
    /// The user's role is another one: what they see must be loaded anew.
    RoleChanged,
    /// The workspace has the paid feature no more (ACC-1).
    FeatureDisabled,
    /// Where they stand is not kept any more: the page must be loaded anew.
    EventsExpired,
    /// This server is stopping; another one, or the same, goes on.
    Stopping,
}

/// Who follows, and by what right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) credential: Credential,
    pub(crate) user: UserId,
}

/// How those stand who follow one workspace's log.
#[derive(Debug)]
pub(crate) struct Standings {
    enabled: bool,
    live: HashSet<Credential>,
    /// The active users.
    roles: HashMap<Uuid, Role>,
    asked: HashSet<Credential>,
}

impl Standings {
    /// Why this one may not go on; `None` where they may. Only for those that it was asked about ([`Standings::knows`]).
    pub(crate) fn end_of(&self, actor: &Actor, credential: Credential) -> Option<EndReason> {
        if !self.enabled {
            return Some(EndReason::FeatureDisabled);
        }
        match self.roles.get(&actor.user_id.0) {
            None => Some(EndReason::Deactivated),
            Some(_) if !self.live.contains(&credential) => Some(match credential {
                Credential::Session(_) => EndReason::SignedOut,
                Credential::ApiKey(_) => EndReason::KeyRevoked,
            }),
            Some(role) if *role != actor.role => Some(EndReason::RoleChanged),
            Some(_) => None,
        }
    }

    /// Whether it was asked about this one: who came in the middle asks for themselves.
    pub(crate) fn knows(&self, credential: Credential) -> bool {
        self.asked.contains(&credential)
    }
}

/// Looks at all of them at once.
pub(crate) async fn load(
    tx: &Tx,
    workspace: WorkspaceId,
    members: &[Member],
) -> Result<Standings, StoreError> {
    let people: HashSet<Uuid> = members.iter().map(|member| member.user.0).collect();
    let people: Vec<Uuid> = people.into_iter().collect();
    let feature = workspaces::table.find(workspace.0).select(workspaces::conversations_feature);
    let roles = users::table
        .filter(users::workspace_id.eq(workspace.0).and(users::id.eq_any(people)).and(users::active))
        .select((users::id, users::role));
    let credentials: Vec<Credential> = members.iter().map(|member| member.credential).collect();
    let (mut a, mut b) = (tx.conn(), tx.conn());
    let feature = async { Ok(feature.first::<String>(&mut a).await?) };
    let roles = async { Ok(roles.load::<(Uuid, String)>(&mut b).await?) };
    let (feature, roles, live) = tokio::try_join!(feature, roles, live(tx, &credentials))?;
    let roles = roles
        .into_iter()
        .map(|(id, name)| Ok((id, role(&name)?)))
        .collect::<Result<HashMap<_, _>, StoreError>>()?;
    Ok(Standings {
        enabled: FeatureState::from_name(&feature)? == FeatureState::Enabled,
        live,
        roles,
        asked: credentials.into_iter().collect(),
    })
}

/// Those of them that have not ended, in whatever workspace.
pub(crate) async fn live(tx: &Tx, credentials: &[Credential]) -> Result<HashSet<Credential>, StoreError> {
    let (mut signed_in, mut with_key) = (Vec::new(), Vec::new());
    for credential in credentials {
        match credential {
            Credential::Session(id) => signed_in.push(id.0),
            Credential::ApiKey(id) => with_key.push(id.0),
        }
    }
    let now = Utc::now();
    let signed_in = sessions::table
        .filter(sessions::id.eq_any(signed_in))
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(now)))
        .select(sessions::id);
    let with_key = api_key_digests::table
        .filter(api_key_digests::key_id.eq_any(with_key))
        .filter(api_key_digests::expires_at.is_null().or(api_key_digests::expires_at.gt(now)))
        .select(api_key_digests::key_id);
    let (mut a, mut b) = (tx.conn(), tx.conn());
    let (signed_in, with_key) =
        tokio::try_join!(signed_in.load::<Uuid>(&mut a), with_key.load::<Uuid>(&mut b))?;
    let signed_in = signed_in.into_iter().map(|id| Credential::Session(SessionId(id)));
    Ok(signed_in.chain(with_key.into_iter().map(|id| Credential::ApiKey(ApiKeyId(id)))).collect())
}
