//! One-time links that are mailed to people: who holds the token may do one thing once. Only its digest is kept, and,
//! until the mail has left, the token sealed in the mail.

use crate::{
    error::StoreError,
    schema::{account_links as links, system_mail_queue as queue, system_mails as mails},
    seal::{MasterKey, Place},
    sessions::TokenDigest,
    transaction::Tx,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::ids::{UserId, WorkspaceId};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To join a workspace. Good for 7 days.
    Invitation,
    /// To choose a new password. Good for an hour.
    PasswordReset,
}

impl LinkPurpose {
    /// The name in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    pub(crate) fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Invitation, Self::PasswordReset]
            .into_iter()
            .find(|purpose| purpose.as_str() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("a link for {name}")))
    }

    fn lasts(self) -> TimeDelta {
        match self {
            Self::Invitation => TimeDelta::days(7),
            Self::PasswordReset => TimeDelta::hours(1),
        }
    }

    /// The start of every token, so that one that is found somewhere is recognised for what it is.
    fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "pri_",
            Self::PasswordReset => "prp_",
        }
    }
}

/// A link that is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) workspace: WorkspaceId,
    pub(crate) user: UserId,
    pub(crate) expires_at: DateTime<Utc>,
}

/// The digest by which a token is looked up.
pub(crate) fn digest(token: &SecretString) -> TokenDigest {
    Sha256::digest(token.expose_secret().as_bytes()).into()
}

/// Makes a link for a user; one that they have for the same purpose is void from now on, and its mail with it. The token
/// has 256 random bits.
pub(crate) async fn issue(
    tx: &Tx,
    workspace: WorkspaceId,
    user: UserId,
    purpose: LinkPurpose,
) -> Result<SecretString, StoreError> {
    revoke(tx, workspace, user, purpose).await?;
    let bytes: [u8; 32] = rand::random();
    let token = SecretString::from(format!("{}{}", purpose.prefix(), URL_SAFE_NO_PAD.encode(bytes)));
    diesel::insert_into(links::table)
        .values((
            links::digest.eq(digest(&token).as_slice()),
            links::workspace_id.eq(workspace.0),
            links::user_id.eq(user.0),
            links::purpose.eq(purpose.as_str()),
            links::expires_at.eq(Utc::now() + purpose.lasts()),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(token)
}

/// Puts the mail with a link into the queue: it leaves after the commit, however long the mail server is away.
pub(crate) async fn mail(
    tx: &Tx,
    master_key: &MasterKey,
    (workspace, user): (WorkspaceId, UserId),
    purpose: LinkPurpose,
    token: &SecretString,
) -> Result<(), StoreError> {
    let id = Uuid::now_v7();
    let sealed = master_key.seal(Place::SystemMail(workspace, id), token.expose_secret().as_bytes())?;
    diesel::insert_into(mails::table)
        .values((
            mails::workspace_id.eq(workspace.0),
            mails::id.eq(id),
            mails::user_id.eq(user.0),
            mails::purpose.eq(purpose.as_str()),
            mails::token.eq(&sealed),
        ))
        .execute(&mut tx.conn())
        .await?;
    diesel::insert_into(queue::table)
        .values((queue::workspace_id.eq(workspace.0), queue::mail_id.eq(id), queue::due_at.eq(Utc::now())))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// The link with this token, where it is good now. In whatever workspace.
pub(crate) async fn find(
    tx: &Tx,
    purpose: LinkPurpose,
    token: &SecretString,
) -> Result<Option<Link>, StoreError> {
    let row: Option<(Uuid, Uuid, DateTime<Utc>)> = links::table
        .find(digest(token).as_slice())
        .filter(links::purpose.eq(purpose.as_str()).and(links::expires_at.gt(Utc::now())))
        .select((links::workspace_id, links::user_id, links::expires_at))
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(row.map(|(workspace, user, expires_at)| Link {
        workspace: workspace.into(),
        user: user.into(),
        expires_at,
    }))
}

/// Uses a link up. Of several who try at once, one succeeds.
///
/// # Errors
/// [`StoreError::NotFound`] where it is not good any more.
pub(crate) async fn redeem(
    tx: &Tx,
    purpose: LinkPurpose,
    token: &SecretString,
) -> Result<UserId, StoreError> {
    let user: Uuid = diesel::delete(links::table.find(digest(token).as_slice()))
        .filter(links::purpose.eq(purpose.as_str()).and(links::expires_at.gt(Utc::now())))
        .returning(links::user_id)
        .get_result(&mut tx.conn())
        .await?;
    Ok(user.into())
}

/// Makes the user's link void, and takes back its mail where that has not left.
pub(crate) async fn revoke(
    tx: &Tx,
    workspace: WorkspaceId,
    user: UserId,
    purpose: LinkPurpose,
) -> Result<(), StoreError> {
    diesel::delete(links::table)
        .filter(links::workspace_id.eq(workspace.0).and(links::user_id.eq(user.0)))
        .filter(links::purpose.eq(purpose.as_str()))
        .execute(&mut tx.conn())
        .await?;
    let waiting: Vec<Uuid> = diesel::delete(mails::table)
        .filter(mails::workspace_id.eq(workspace.0).and(mails::user_id.eq(user.0)))
        .filter(mails::purpose.eq(purpose.as_str()))
        .returning(mails::id)
        .get_results(&mut tx.conn())
        .await?;
    diesel::delete(queue::table)
        .filter(queue::workspace_id.eq(workspace.0).and(queue::mail_id.eq_any(waiting)))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}
