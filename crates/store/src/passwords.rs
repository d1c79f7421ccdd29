//! Passwords: changed by who knows the old one, and chosen anew by who has forgotten it. Only hashes come here.

use crate::{
    Store,
    account_links::{self, LinkPurpose},
    audit,
    context::{self, Origin},
    error::StoreError,
    schema::{password_reset_requests as requests, users},
    sessions,
    transaction::Tx,
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    address::EmailAddress,
    ids::{SessionId, UserId, WorkspaceId},
};
use secrecy::SecretString;
use uuid::Uuid;

/// Choosing another password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The hash that the present password was compared with.
    pub from: &'a str,
    /// The new password's hash.
    pub to: &'a str,
    /// The session that goes on; all others end.
    pub session: Option<SessionId>,
}

impl Store {
    /// The hash of the actor's password; `None` where they have none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn password_hash(&self, actor: &Actor) -> Result<Option<String>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let hash = users::table
            .find((actor.workspace_id.0, actor.user_id.0))
            .select(users::password_hash)
            .first(&mut tx.conn())
            .await?;
        tx.commit().await?;
        Ok(hash)
    }

    /// Changes the actor's password, and ends their other sessions; `false` where they have another one by now than that
    /// which was compared.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_password(
        &self,
        actor: &Actor,
        change: PasswordChange<'_>,
    ) -> Result<bool, StoreError> {
        let (workspace, user) = (actor.workspace_id, actor.user_id);
        self.write(workspace, async |tx| {
            let present = lock(tx, workspace, user).await?;
            if present.as_deref() != Some(change.from) {
                return Ok(false);
            }
            set(tx, workspace, user, change.to, change.session).await?;
            audit::record(tx, actor, audit::Entry::new("user.password_changed", "user", user)).await?;
            Ok(true)
        })
        .await
    }

    /// Writes down that somebody has forgotten their password. Whether there is such an account is not looked at here: the
    /// work is the same for every address.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn request_password_reset(
        &self,
        email: &EmailAddress,
        slug: Option<&str>,
    ) -> Result<(), StoreError> {
        let Origin { request_id, address, .. } = context::origin();
        self.write_global(async |tx| {
            diesel::insert_into(requests::table)
                .values((
                    requests::id.eq(Uuid::now_v7()),
                    requests::email.eq(email.as_str()),
                    requests::workspace.eq(slug),
                    requests::address.eq(address.map(|address| address.to_string())),
                    requests::request_id.eq(&request_id),
                ))
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }

    /// Whether a password can be chosen with this token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn password_reset_is_open(&self, token: &SecretString) -> Result<bool, StoreError> {
        let tx = self.begin_read_global().await?;
        let link = account_links::find(&tx, LinkPurpose::PasswordReset, token).await?;
        tx.commit().await?;
        Ok(link.is_some())
    }

    /// Sets the password of whose link it is, once, and ends all their sessions.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the token is not good any more.
    pub async fn reset_password(&self, token: &SecretString, password_hash: &str) -> Result<(), StoreError> {
        let tx = self.begin_read_global().await?;
        let link = account_links::find(&tx, LinkPurpose::PasswordReset, token).await?;
        tx.commit().await?;
        let link = link.ok_or(StoreError::NotFound)?;
        self.write(link.workspace, async |tx| {
            lock(tx, link.workspace, link.user).await?;
            let user = account_links::redeem(tx, LinkPurpose::PasswordReset, token).await?;
            set(tx, link.workspace, user, password_hash, None).await?;
            let entry = audit::Entry::new("user.password_reset", "user", user);
            audit::record_by(tx, link.workspace, Some(user), entry).await
        })
        .await
    }
}

/// The hash of an active user's password. Nobody signs in with it until the transaction ends.
async fn lock(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<Option<String>, StoreError> {
    Ok(users::table
        .find((workspace.0, user.0))
        .filter(users::active)
        .for_update()
        .select(users::password_hash)
        .first(&mut tx.conn())
        .await?)
}

async fn set(
    tx: &Tx,
    workspace: WorkspaceId,
    user: UserId,
    hash: &str,
    keep: Option<SessionId>,
) -> Result<(), StoreError> {
    diesel::update(users::table.find((workspace.0, user.0)))
        .set(users::password_hash.eq(hash))
        .execute(&mut tx.conn())
        .await?;
    // A link that is still on its way was asked for with the old one.
    account_links::revoke(tx, workspace, user, LinkPurpose::PasswordReset).await?;
    sessions::end_all(tx, workspace, user, keep, Utc::now()).await?;
    Ok(())
}
