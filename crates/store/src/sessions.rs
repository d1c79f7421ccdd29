//! Sign-in and sessions.

use crate::{
    Store, audit,
    error::StoreError,
    schema::{refresh_tokens, sessions, sign_ins, users, workspaces},
    transaction::Tx,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::EmailAddress,
    ids::{SessionId, UserId, WorkspaceId},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A refresh token presented again within this time is a lost answer or a second tab, later it is theft.
const JUST_USED: TimeDelta = TimeDelta::seconds(30);

/// SHA-256 of a refresh token; the token itself is never stored.
pub type TokenDigest = [u8; 32];

/// What sign-in needs to know of an account.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The user.
    pub user_id: UserId,
    /// The password's hash; `None` until an invitation is accepted.
    pub password_hash: Option<String>,
    /// Whether they may sign in at all (ACC-5).
    pub active: bool,
}

/// Where a session's refresh token is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshIn {
    /// The client keeps it.
    Body,
    /// A cookie.
    Cookie,
}

impl RefreshIn {
    fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Cookie => "cookie",
        }
    }

    fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Body, Self::Cookie]
            .into_iter()
            .find(|place| place.as_str() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("refresh_in {name}")))
    }
}

/// A session to begin.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Who signed in.
    pub user_id: UserId,
    /// The hash that their password was compared with: where they have another one by now, nothing begins.
    pub password_hash: &'a str,
    /// Where its refresh token goes.
    pub refresh_in: RefreshIn,
    /// The first refresh token.
    pub refresh_digest: TokenDigest,
    /// The session ends then, however often it is refreshed.
    pub expires_at: DateTime<Utc>,
    /// The refresh token ends then.
    pub refresh_expires_at: DateTime<Utc>,
}

/// A session that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where its refresh token is kept.
    pub refresh_in: RefreshIn,
}

/// What became of a refresh token that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The new token is valid from now on.
    Renewed(Session),
    /// Unknown, expired, or its session has ended.
    Refused,
    /// It had been used long before: somebody has stolen it, or its successor. The session has ended with all its tokens.
    Reused(Session),
}

impl Store {
    /// Looks for the account of an address: in the named workspace, or, where none is named, in the only one that knows
    /// the address. The work is the same whether or not there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_sign_in(
        &self,
        email: &EmailAddress,
        slug: Option<&str>,
    ) -> Result<Option<SignIn>, StoreError> {
        let tx = self.begin_read_global().await?;
        let mut query = sign_ins::table
            .inner_join(workspaces::table.on(workspaces::id.eq(sign_ins::workspace_id)))
            .filter(sign_ins::email.eq(email.as_str()))
            .select((sign_ins::workspace_id, sign_ins::user_id))
            .limit(2)
            .into_boxed();
        if let Some(slug) = slug {
            query = query.filter(workspaces::slug.eq(slug));
        }
        let found: Vec<(Uuid, Uuid)> = query.load(&mut tx.conn()).await?;
        tx.commit().await?;
        // Nobody has the nil id: an unknown address costs the same second look.
        let (workspace, user) = match found.as_slice() {
            [only] => *only,
            _ => (Uuid::nil(), Uuid::nil()),
        };
        let tx = self.begin_read(workspace.into()).await?;
        let account: Option<(Option<String>, bool)> = users::table
            .find((workspace, user))
            .select((users::password_hash, users::active))
            .first(&mut tx.conn())
            .await
            .optional()?;
        tx.commit().await?;
        Ok(account.map(|(password_hash, active)| SignIn {
            workspace_id: workspace.into(),
            user_id: user.into(),
            password_hash,
            active,
        }))
    }

    /// Begins a session; `None` where its user is not active any more, or has another password by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_session(&self, new: &NewSession<'_>) -> Result<Option<SessionId>, StoreError> {
        self.write(new.workspace_id, async |tx| {
            // Held until the end: who deactivates them or changes the password ends the sessions that there are then.
            let stands = users::table
                .find((new.workspace_id.0, new.user_id.0))
                .filter(users::active.and(users::password_hash.eq(new.password_hash)))
                .for_key_share()
                .select(users::id)
                .first::<Uuid>(&mut tx.conn())
                .await
                .optional()?;
            if stands.is_none() {
                return Ok(None);
            }
            begin(tx, new).await.map(Some)
        })
        .await
    }

    /// Notes in the audit trail that somebody has tried to sign in as a user, and was refused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_refused_sign_in(&self, account: &SignIn) -> Result<(), StoreError> {
        let reason = if account.active { "wrong password" } else { "not active" };
        self.write(account.workspace_id, async |tx| {
            let entry = audit::Entry::new("session.refused", "user", account.user_id)
                .change(Value::Null, json!({ "reason": reason }));
            audit::record_by(tx, account.workspace_id, None, entry).await
        })
        .await
    }

    /// Exchanges a refresh token for its successor. A token that was used within the last 30 seconds gets a further
    /// successor; one that was used before ends the session with all its tokens.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_refresh_token(
        &self,
        old: &TokenDigest,
        new: &TokenDigest,
        now: DateTime<Utc>,
        new_expires_at: DateTime<Utc>,
    ) -> Result<Rotation, StoreError> {
        let Some(workspace) = self.workspace_of_refresh_token(old).await? else {
            return Ok(Rotation::Refused);
        };
        self.write(workspace, async |tx| {
            type Token = (Uuid, DateTime<Utc>, Option<DateTime<Utc>>);
            let token: Option<Token> = refresh_tokens::table
                .find(old.as_slice())
                .for_no_key_update()
                .select((refresh_tokens::session_id, refresh_tokens::expires_at, refresh_tokens::used_at))
                .first(&mut tx.conn())
                .await
                .optional()?;
            let Some((session, _, used_at)) = token.filter(|token| token.1 > now) else {
                return Ok(Rotation::Refused);
            };
            let Some(session) = live_session(tx, session, now).await? else {
                return Ok(Rotation::Refused);
            };
            if used_at.is_some_and(|at| now - at > JUST_USED) {
                end(tx, session.id, now).await?;
                let entry = audit::Entry::new("session.token_reused", "session", session.id);
                audit::record_by(tx, session.workspace_id, Some(session.user_id), entry).await?;
                return Ok(Rotation::Reused(session));
            }
            if used_at.is_none() {
                diesel::update(refresh_tokens::table.find(old.as_slice()))
                    .set(refresh_tokens::used_at.eq(now))
                    .execute(&mut tx.conn())
                    .await?;
            }
            issue(tx, session.id.0, new, now, new_expires_at).await?;
            Ok(Rotation::Renewed(session))
        })
        .await
    }

    async fn workspace_of_refresh_token(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<WorkspaceId>, StoreError> {
        let tx = self.begin_read_global().await?;
        let workspace: Option<Uuid> = refresh_tokens::table
            .inner_join(sessions::table.on(sessions::id.eq(refresh_tokens::session_id)))
            .filter(refresh_tokens::digest.eq(digest.as_slice()))
            .select(sessions::workspace_id)
            .first(&mut tx.conn())
            .await
            .optional()?;
        tx.commit().await?;
        Ok(workspace.map(WorkspaceId))
    }

    /// Ends a session of the workspace, by its user's wish. One that has ended stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(
        &self,
        workspace: WorkspaceId,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(workspace, async |tx| {
            if let Some(user) = end(tx, session, now).await? {
                let entry = audit::Entry::new("session.ended", "session", session);
                audit::record_by(tx, workspace, Some(user), entry).await?;
            }
            Ok(())
        })
        .await
    }

    /// The session that a refresh token belongs to, for signing out by it; `None` where it is worth nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_of_refresh_token(
        &self,
        digest: &TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<Session>, StoreError> {
        let tx = self.begin_read_global().await?;
        let session: Option<Uuid> = refresh_tokens::table
            .find(digest.as_slice())
            .select(refresh_tokens::session_id)
            .first(&mut tx.conn())
            .await
            .optional()?;
        let session = match session {
            Some(id) => live_session(&tx, id, now).await?,
            None => None,
        };
        tx.commit().await?;
        Ok(session)
    }
}

async fn issue(
    tx: &Tx,
    session: Uuid,
    digest: &TokenDigest,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::digest.eq(digest.as_slice()),
            refresh_tokens::session_id.eq(session),
            refresh_tokens::issued_at.eq(now),
            refresh_tokens::expires_at.eq(expires_at),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Begins a session of an active user.
pub(crate) async fn begin(tx: &Tx, new: &NewSession<'_>) -> Result<SessionId, StoreError> {
    let id = SessionId(Uuid::now_v7());
    let now = Utc::now();
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id.0),
            sessions::workspace_id.eq(new.workspace_id.0),
            sessions::user_id.eq(new.user_id.0),
            sessions::refresh_in.eq(new.refresh_in.as_str()),
            sessions::created_at.eq(now),
            sessions::expires_at.eq(new.expires_at),
        ))
        .execute(&mut tx.conn())
        .await?;
    issue(tx, id.0, &new.refresh_digest, now, new.refresh_expires_at).await?;
    let entry = audit::Entry::new("session.begun", "session", id);
    audit::record_by(tx, new.workspace_id, Some(new.user_id), entry).await?;
    Ok(id)
}

/// Ends all sessions of a user but one, and tells how many.
pub(crate) async fn end_all(
    tx: &Tx,
    workspace: WorkspaceId,
    user: UserId,
    but: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let kept = but.map_or(Uuid::nil(), |session| session.0);
    Ok(diesel::update(sessions::table)
        .filter(sessions::workspace_id.eq(workspace.0).and(sessions::user_id.eq(user.0)))
        .filter(sessions::ended_at.is_null().and(sessions::id.ne(kept)))
        .set(sessions::ended_at.eq(now))
        .execute(&mut tx.conn())
        .await?)
}

/// Ends a session; whose it was, where it had not ended. Its tokens are worth nothing then: each is judged by its session.
async fn end(tx: &Tx, session: SessionId, now: DateTime<Utc>) -> Result<Option<UserId>, StoreError> {
    let user: Option<Uuid> = diesel::update(sessions::table.find(session.0))
        .filter(sessions::ended_at.is_null())
        .set(sessions::ended_at.eq(now))
        .returning(sessions::user_id)
        .get_result(&mut tx.conn())
        .await
        .optional()?;
    Ok(user.map(UserId))
}

async fn live_session(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<Option<Session>, StoreError> {
    let row: Option<(Uuid, Uuid, String)> = sessions::table
        .find(id)
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(now)))
        .select((sessions::workspace_id, sessions::user_id, sessions::refresh_in))
        .first(&mut tx.conn())
        .await
        .optional()?;
    row.map(|(workspace, user, refresh_in)| {
        Ok(Session {
            id: id.into(),
            workspace_id: workspace.into(),
            user_id: user.into(),
            refresh_in: RefreshIn::from_name(&refresh_in)?,
        })
    })
    .transpose()
}
