//! Who sends a request: what they come with, their role and their activity are read afresh for each one.

use crate::{
    Store,
    api_keys::read_scope,
    context,
    error::StoreError,
    live::Credential,
    schema::{api_key_digests, api_keys, sessions, users, workspaces},
    transaction::Tx,
    users::role,
    workspaces::FeatureState,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Scope},
    ids::{ApiKeyId, SessionId, WorkspaceId},
};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// A key's last use is kept as exactly as this.
const USE_KEPT: TimeDelta = TimeDelta::minutes(1);

/// Who sends a request, read for this very request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who acts, with what they may.
    pub actor: Actor,
    /// By what right.
    pub credential: Credential,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// ACC-1.
    pub conversations: FeatureState,
}

/// The user's columns: id, address, name, role; and how their workspace stands to Conversations.
type UserColumns = (Uuid, String, String, String, String);

/// The keys whose use is being written down, so that many requests at once write it once.
#[derive(Default)]
pub(crate) struct KeyUses(Mutex<HashSet<ApiKeyId>>);

impl KeyUses {
    fn begin(&self, key: ApiKeyId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key)
    }

    fn end(&self, key: ApiKeyId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

impl Store {
    /// Who a request comes from that names a session or a key: `None` where that has ended or its user is not active.
    /// Where the request only reads, what it asks for is read in the same snapshot.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn caller(
        &self,
        workspace: WorkspaceId,
        credential: impl Into<Credential> + Send,
        now: DateTime<Utc>,
    ) -> Result<Option<Caller>, StoreError> {
        let key = match credential.into() {
            Credential::Session(id) => return self.caller_by_session(workspace, id, now).await,
            Credential::ApiKey(id) => id,
        };
        let tx = self.begin_read_global().await?;
        let digest = api_key_digests::table
            .filter(api_key_digests::key_id.eq(key.0))
            .select(api_key_digests::digest)
            .first::<Vec<u8>>(&mut tx.conn())
            .await
            .optional()?;
        tx.commit().await?;
        match digest {
            Some(digest) => self.caller_by_key(workspace, &digest, now).await,
            None => Ok(None),
        }
    }

    async fn caller_by_session(
        &self,
        workspace: WorkspaceId,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<Caller>, StoreError> {
        let tx = self.acquire().await?;
        let mut conn = tx.conn();
        let row = sessions::table
            .find(session.0)
            .filter(sessions::workspace_id.eq(workspace.0))
            .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(now)))
            .inner_join(
                users::table.on(users::workspace_id
                    .eq(sessions::workspace_id)
                    .and(users::id.eq(sessions::user_id))
                    .and(users::active)),
            )
            .inner_join(workspaces::table.on(workspaces::id.eq(sessions::workspace_id)))
            .select((users::id, users::email, users::name, users::role, workspaces::conversations_feature))
            .first::<UserColumns>(&mut conn);
        let (event, row) = tokio::join!(biased; tx.open_read(workspace), row);
        let (event, row) = (event?, row.optional()?);
        context::keep(tx, workspace, event);
        row.map(|user| caller(workspace, user, Scope::Admin, Credential::Session(session))).transpose()
    }

    /// The same for a request that was sent with an API key, by the digest of its token. That it was used is written down
    /// beside the request, at most once a minute.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn caller_by_key(
        &self,
        workspace: WorkspaceId,
        digest: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Caller>, StoreError> {
        type Row = (UserColumns, (Uuid, String, Option<DateTime<Utc>>));
        let tx = self.acquire().await?;
        let mut conn = tx.conn();
        let row = api_key_digests::table
            .find(digest)
            .filter(api_key_digests::workspace_id.eq(workspace.0))
            .filter(api_key_digests::expires_at.is_null().or(api_key_digests::expires_at.gt(now)))
            .inner_join(
                api_keys::table.on(api_keys::workspace_id
                    .eq(api_key_digests::workspace_id)
                    .and(api_keys::id.eq(api_key_digests::key_id))),
            )
            .inner_join(
                users::table.on(users::workspace_id
                    .eq(api_keys::workspace_id)
                    .and(users::id.eq(api_keys::user_id))
                    .and(users::active)),
            )
            .inner_join(workspaces::table.on(workspaces::id.eq(api_key_digests::workspace_id)))
            .select((
                (users::id, users::email, users::name, users::role, workspaces::conversations_feature),
                (api_keys::id, api_keys::scope, api_keys::last_used_at),
            ))
            .first::<Row>(&mut conn);
        let (event, row) = tokio::join!(biased; tx.open_read(workspace), row);
        let (event, row) = (event?, row.optional()?);
        context::keep(tx, workspace, event);
        let Some((user, (key, scope, last_used_at))) = row else {
            return Ok(None);
        };
        let key = ApiKeyId(key);
        if last_used_at.is_none_or(|last| now - last >= USE_KEPT) {
            self.note_use(workspace, key, now);
        }
        caller(workspace, user, read_scope(&scope)?, Credential::ApiKey(key)).map(Some)
    }

    /// Writes down that a key was used, beside the request.
    fn note_use(&self, workspace: WorkspaceId, key: ApiKeyId, now: DateTime<Utc>) {
        if !self.inner.key_uses.begin(key) {
            return;
        }
        let store = self.clone();
        self.inner.runtime.spawn(async move {
            if let Err(error) = store.write_use(workspace, key, now).await {
                tracing::debug!(workspace_id = %workspace, %error, "an API key's use was not written down");
            }
            store.inner.key_uses.end(key);
        });
    }

    async fn write_use(
        &self,
        workspace: WorkspaceId,
        key: ApiKeyId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(workspace, async |tx: &Tx| {
            diesel::update(api_keys::table.find((workspace.0, key.0)))
                // Another server may have been quicker.
                .filter(api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(now)))
                .set(api_keys::last_used_at.eq(now))
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }
}

fn caller(
    workspace: WorkspaceId,
    (user, email, name, role_name, feature): UserColumns,
    scope: Scope,
    credential: Credential,
) -> Result<Caller, StoreError> {
    Ok(Caller {
        actor: Actor { scope, ..Actor::new(workspace, user.into(), role(&role_name)?) },
        credential,
        email,
        name,
        conversations: FeatureState::from_name(&feature)?,
    })
}
