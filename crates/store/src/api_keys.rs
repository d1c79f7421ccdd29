//! API keys: what programs come with (ACC-4). The token is shown once, when it is made, and stored as a digest alone.

use crate::{
    Store,
    audit::{self, Entry},
    error::StoreError,
    live::Credential,
    page::Page,
    schema::{api_key_digests as digests, api_keys as keys, users},
    sessions::TokenDigest,
    stream::UserRef,
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission, Scope},
    ids::{ApiKeyId, UserId, WorkspaceId},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A key that was not revoked; it may have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// As whom it acts.
    pub user: UserRef,
    /// What its user calls it.
    pub name: String,
    /// How much of what its user may it may.
    pub scope: Scope,
    /// The token's last characters.
    pub hint: String,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was made; it is never changed.
    pub created_at: DateTime<Utc>,
}

impl ApiKey {
    /// Counts changes, of which a key has none.
    pub const VERSION: i64 = 1;
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What its user calls it: 1 to 200 characters.
    pub name: String,
    /// How much it may.
    pub scope: Scope,
    /// When it is to end by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// SHA-256 of the token.
    pub digest: TokenDigest,
    /// The token's last characters.
    pub hint: String,
}

/// Which keys are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiKeyQuery {
    /// Those of this user alone.
    pub user: Option<UserId>,
    /// Those behind this one: made before it.
    pub after: Option<ApiKeyId>,
    /// So many at most.
    pub limit: u16,
}

type Row = (
    (Uuid, String, String, String),
    (Option<DateTime<Utc>>, Option<DateTime<Utc>>, DateTime<Utc>),
    (Uuid, String, String, Option<Vec<u8>>),
);

/// A scope by its name in the database.
pub(crate) fn read_scope(name: &str) -> Result<Scope, StoreError> {
    name.parse().map_err(|_| StoreError::Corrupt(format!("scope {name}")))
}

impl Store {
    /// Makes a key of the actor's own. One that is made with a key ends with that one at the latest, so that who got hold of
    /// a key that ends can't keep what it allowed.
    ///
    /// # Errors
    /// [`StoreError::ScopeNotAllowed`] where the actor comes with a key that may not make others;
    /// [`StoreError::Invalid`] where it is to end later than the key that makes it.
    pub async fn create_api_key(
        &self,
        actor: &Actor,
        credential: Credential,
        new: &NewApiKey,
    ) -> Result<ApiKey, StoreError> {
        let id = ApiKeyId(Uuid::now_v7());
        let workspace = actor.workspace_id;
        self.write(workspace, async |tx| {
            actor.require_whole_scope()?;
            let expires_at = match credential {
                Credential::Session(_) => new.expires_at,
                Credential::ApiKey(maker) => end_within(tx, workspace, maker, new.expires_at).await?,
            };
            diesel::insert_into(keys::table)
                .values((
                    keys::workspace_id.eq(workspace.0),
                    keys::id.eq(id.0),
                    keys::user_id.eq(actor.user_id.0),
                    keys::name.eq(&new.name),
                    keys::scope.eq(new.scope.as_str()),
                    keys::hint.eq(&new.hint),
                    keys::expires_at.eq(expires_at),
                ))
                .execute(&mut tx.conn())
                .await?;
            diesel::insert_into(digests::table)
                .values((
                    digests::digest.eq(new.digest.as_slice()),
                    digests::workspace_id.eq(workspace.0),
                    digests::key_id.eq(id.0),
                    digests::expires_at.eq(expires_at),
                ))
                .execute(&mut tx.conn())
                .await?;
            let key = load_visible(tx, actor, id).await?;
            let entry = Entry::new("api_key.created", "api_key", id).change(Value::Null, told(&key));
            audit::record(tx, actor, entry).await?;
            Ok(key)
        })
        .await
    }

    /// The keys that the actor may see, the newest first: their own; administrators everybody's (ACC-2).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_keys(&self, actor: &Actor, query: &ApiKeyQuery) -> Result<Page<ApiKey>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let found = load(&tx, actor, None, query).await?;
        tx.commit().await?;
        Ok(Page::of(found, query.limit))
    }

    /// One key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] also where it is somebody else's who is none of the actor's business.
    pub async fn api_key(&self, actor: &Actor, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let key = load_visible(&tx, actor, id).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Revokes a key, the actor's own or, for administrators, anybody's: no request with it is answered any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::ScopeNotAllowed`], [`StoreError::StaleVersion`].
    pub async fn revoke_api_key(
        &self,
        actor: &Actor,
        id: ApiKeyId,
        expected: Option<i64>,
    ) -> Result<(), StoreError> {
        self.write(actor.workspace_id, async |tx| {
            let key = load_visible(tx, actor, id).await?;
            actor.require_whole_scope()?;
            if expected.is_some_and(|version| version != ApiKey::VERSION) {
                return Err(StoreError::StaleVersion);
            }
            if revoke(tx, actor.workspace_id, &[id.0]).await? == 0 {
                // Somebody else was quicker.
                return Err(StoreError::NotFound);
            }
            let entry = Entry::new("api_key.revoked", "api_key", id).change(told(&key), Value::Null);
            audit::record(tx, actor, entry).await
        })
        .await
    }
}

/// When a key ends that is made with another one: when it is asked to, or else with its maker.
async fn end_within(
    tx: &Tx,
    workspace: WorkspaceId,
    maker: ApiKeyId,
    asked: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let bound: Option<DateTime<Utc>> = keys::table
        .filter(keys::workspace_id.eq(workspace.0).and(keys::id.eq(maker.0)))
        .select(keys::expires_at)
        .first(&mut tx.conn())
        .await?;
    match (asked, bound) {
        (Some(end), Some(bound)) if end > bound => Err(StoreError::Invalid {
            field: "expires_at",
            why: "the key that makes this one ends before that",
        }),
        (asked, bound) => Ok(asked.or(bound)),
    }
}

/// What the audit trail says of a key.
fn told(key: &ApiKey) -> Value {
    json!({
        "user_id": key.user.id, "name": key.name, "scope": key.scope.as_str(), "hint": key.hint,
        "expires_at": key.expires_at,
    })
}

/// Revokes all keys of a user who may not sign in any more (ACC-5); they don't come back with them. How many there were.
pub(crate) async fn revoke_all(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<usize, StoreError> {
    let ids: Vec<Uuid> = keys::table
        .filter(
            keys::workspace_id.eq(workspace.0).and(keys::user_id.eq(user.0)).and(keys::revoked_at.is_null()),
        )
        .select(keys::id)
        .load(&mut tx.conn())
        .await?;
    revoke(tx, workspace, &ids).await
}

/// Takes the keys' digests away, so that nothing comes with them any more. How many were good until now.
async fn revoke(tx: &Tx, workspace: WorkspaceId, ids: &[Uuid]) -> Result<usize, StoreError> {
    diesel::update(keys::table)
        .filter(keys::workspace_id.eq(workspace.0).and(keys::id.eq_any(ids)).and(keys::revoked_at.is_null()))
        .set(keys::revoked_at.eq(Utc::now()))
        .execute(&mut tx.conn())
        .await?;
    let gone = diesel::delete(digests::table)
        .filter(digests::workspace_id.eq(workspace.0).and(digests::key_id.eq_any(ids)))
        .execute(&mut tx.conn())
        .await?;
    Ok(gone)
}

async fn load_visible(tx: &Tx, actor: &Actor, id: ApiKeyId) -> Result<ApiKey, StoreError> {
    let one = ApiKeyQuery { limit: 1, ..ApiKeyQuery::default() };
    load(tx, actor, Some(id), &one).await?.pop().ok_or(StoreError::NotFound)
}

/// The keys that exist for the actor, one of them or all that are asked for and one more.
async fn load(
    tx: &Tx,
    actor: &Actor,
    id: Option<ApiKeyId>,
    query: &ApiKeyQuery,
) -> Result<Vec<ApiKey>, StoreError> {
    let user_of_key = users::workspace_id.eq(keys::workspace_id).and(users::id.eq(keys::user_id));
    let mut found = keys::table
        .inner_join(users::table.on(user_of_key))
        .filter(keys::workspace_id.eq(actor.workspace_id.0).and(keys::revoked_at.is_null()))
        .order(keys::id.desc())
        .limit(i64::from(query.limit) + 1)
        .select((
            (keys::id, keys::name, keys::scope, keys::hint),
            (keys::expires_at, keys::last_used_at, keys::created_at),
            (users::id, users::name, users::email, users::avatar_sha256),
        ))
        .into_boxed();
    if !actor.may(Permission::ManageUsers) {
        found = found.filter(keys::user_id.eq(actor.user_id.0));
    }
    if let Some(id) = id {
        found = found.filter(keys::id.eq(id.0));
    }
    if let Some(user) = query.user {
        found = found.filter(keys::user_id.eq(user.0));
    }
    if let Some(after) = query.after {
        found = found.filter(keys::id.lt(after.0));
    }
    let rows: Vec<Row> = found.load(&mut tx.conn()).await?;
    rows.into_iter().map(read).collect()
}

fn read(
    ((id, name, scope, hint), (expires_at, last_used_at, created_at), user): Row,
) -> Result<ApiKey, StoreError> {
    let (user_id, user_name, email, avatar) = user;
    Ok(ApiKey {
        id: id.into(),
        user: UserRef { id: user_id.into(), name: user_name, email, avatar },
        name,
        scope: read_scope(&scope)?,
        hint,
        expires_at,
        last_used_at,
        created_at,
    })
}
