//! Asking people to join a workspace: they get a mail with a link, and choose their password themselves.

use crate::{
    Store,
    account_links::{self, LinkPurpose},
    audit,
    error::{StoreError, taken},
    events::{self, EventKind, NewEvent},
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    schema::{users, workspaces},
    sessions::{self, NewSession, RefreshIn, TokenDigest},
    transaction::Tx,
    users::{User, load, load_visible, role},
    workspaces::{add_sign_in, check_name},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission, Role},
    address::EmailAddress,
    fault::{Fault, FieldFault},
    ids::{SessionId, UserId, WorkspaceId},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

/// Somebody to be asked to join.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// The address that they will sign in with.
    pub email: EmailAddress,
    /// Their name, until they say it themselves.
    pub name: String,
    /// Any but the owner's: there is exactly one (ACC-2).
    pub role: Role,
}

/// What an invitation says to the one who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The address that it was sent to.
    pub email: String,
    /// The name that they were invited by.
    pub name: String,
    /// What they will be able to do.
    pub role: Role,
    /// The workspace's name at sign-in.
    pub workspace_slug: String,
    /// The workspace's name.
    pub workspace_name: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Accepting an invitation, which begins a session.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// Their name; `None`: the one that they were invited by.
    pub name: Option<String>,
    /// The password that they chose, hashed.
    pub password_hash: String,
    /// Where the refresh token goes.
    pub refresh_in: RefreshIn,
    /// The first refresh token.
    pub refresh_digest: TokenDigest,
    /// The session ends then, however often it is refreshed.
    pub expires_at: DateTime<Utc>,
    /// The refresh token ends then.
    pub refresh_expires_at: DateTime<Utc>,
}

impl Store {
    /// Makes an invited user, and puts the mail with their link into the queue. They are nobody's choice as an owner and
    /// unknown to sign-in until they accept.
    ///
    /// # Errors
    /// [`StoreError::RoleNotAllowed`], [`StoreError::Taken`] (`email`), [`StoreError::Fields`], and those of the idempotency
    /// key.
    pub async fn invite_user(
        &self,
        actor: &Actor,
        new: &NewInvitation,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&User) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<User>, StoreError> {
        actor.require(Permission::ManageUsers)?;
        check_name("name", &new.name)?;
        if new.role == Role::Owner {
            let why = "A workspace has exactly one owner, from its beginning on.";
            return Err(StoreError::Fields(vec![FieldFault::at(&["role"], Fault::NotAllowed, why)]));
        }
        self.write(actor.workspace_id, async |tx| {
            with_idempotency(tx, actor.workspace_id, claim, self.invite(tx, actor, new), &answer).await
        })
        .await
    }

    async fn invite(&self, tx: &Tx, actor: &Actor, new: &NewInvitation) -> Result<User, StoreError> {
        let workspace = actor.workspace_id;
        let id = UserId(Uuid::now_v7());
        diesel::insert_into(users::table)
            .values((
                users::workspace_id.eq(workspace.0),
                users::id.eq(id.0),
                users::email.eq(new.email.as_str()),
                users::name.eq(&new.name),
                users::role.eq(new.role.as_str()),
                users::active.eq(false),
                users::invited.eq(true),
            ))
            .execute(&mut tx.conn())
            .await
            .map_err(|error| taken(error, &[("users_workspace_id_email_key", "email")]))?;
        self.send_invitation(tx, workspace, id).await?;
        let user = load(tx, workspace, id).await?;
        let entry =
            audit::Entry::new("user.invited", "user", id).change(Value::Null, json!({ "role": new.role }));
        audit::record(tx, actor, entry).await?;
        let event = NewEvent::of(EventKind::UserUpdated, Some(actor.user_id), id);
        events::append(tx, workspace, &[event]).await?;
        Ok(user)
    }

    async fn send_invitation(&self, tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<(), StoreError> {
        let purpose = LinkPurpose::Invitation;
        let token = account_links::issue(tx, workspace, user, purpose).await?;
        account_links::mail(tx, &self.inner.master_key, (workspace, user), purpose, &token).await
    }

    /// Sends an invitation again, with another link: the old one is void. Also to one whose invitation was taken back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::RoleNotAllowed`], [`StoreError::NotInvited`].
    pub async fn resend_invitation(&self, actor: &Actor, id: UserId) -> Result<User, StoreError> {
        self.write(actor.workspace_id, async |tx| {
            load_visible(tx, actor, id).await?;
            actor.require(Permission::ManageUsers)?;
            invited_again(tx, actor.workspace_id, id).await?;
            self.send_invitation(tx, actor.workspace_id, id).await?;
            let user = load(tx, actor.workspace_id, id).await?;
            audit::record(tx, actor, audit::Entry::new("user.invitation_resent", "user", id)).await?;
            let event = NewEvent::of(EventKind::UserUpdated, Some(actor.user_id), id);
            events::append(tx, actor.workspace_id, &[event]).await?;
            Ok(user)
        })
        .await
    }

    /// A new link for somebody who is invited, for the operator to hand over: no mail is sent, and an earlier link is void.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such workspace or user, [`StoreError::NotInvited`].
    pub async fn invitation_token(
        &self,
        slug: &str,
        email: &EmailAddress,
    ) -> Result<SecretString, StoreError> {
        let workspace = self.workspace_id(slug).await?;
        self.write(workspace, async |tx| {
            let id: Uuid = users::table
                .filter(users::workspace_id.eq(workspace.0).and(users::email.eq(email.as_str())))
                .select(users::id)
                .first(&mut tx.conn())
                .await?;
            invited_again(tx, workspace, id.into()).await?;
            let token = account_links::issue(tx, workspace, id.into(), LinkPurpose::Invitation).await?;
            let entry = audit::Entry::new("user.invitation_resent", "user", id);
            audit::record_by(tx, workspace, None, entry).await?;
            Ok(token)
        })
        .await
    }

    /// What an invitation says.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the token is unknown, used, void or expired: these are not told apart.
    pub async fn invitation(&self, token: &SecretString) -> Result<Invitation, StoreError> {
        let tx = self.begin_read_global().await?;
        let link = account_links::find(&tx, LinkPurpose::Invitation, token).await?;
        tx.commit().await?;
        let link = link.ok_or(StoreError::NotFound)?;
        let tx = self.begin_read(link.workspace).await?;
        type Row = (String, String, String, String, String);
        let (email, name, role_name, workspace_slug, workspace_name): Row = users::table
            .find((link.workspace.0, link.user.0))
            .filter(users::invited)
            .inner_join(workspaces::table.on(workspaces::id.eq(users::workspace_id)))
            .select((users::email, users::name, users::role, workspaces::slug, workspaces::name))
            .first(&mut tx.conn())
            .await?;
        tx.commit().await?;
        let role = role(&role_name)?;
        Ok(Invitation { email, name, role, workspace_slug, workspace_name, expires_at: link.expires_at })
    }

    /// Accepts an invitation: the user is active and signed in.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the token is not good any more, [`StoreError::Invalid`].
    pub async fn accept_invitation(
        &self,
        token: &SecretString,
        acceptance: &Acceptance,
    ) -> Result<(WorkspaceId, SessionId), StoreError> {
        if let Some(name) = &acceptance.name {
            check_name("name", name)?;
        }
        let tx = self.begin_read_global().await?;
        let link = account_links::find(&tx, LinkPurpose::Invitation, token).await?;
        tx.commit().await?;
        let link = link.ok_or(StoreError::NotFound)?;
        let workspace = link.workspace;
        self.write(workspace, async |tx| {
            let (name, email): (String, String) = users::table
                .find((workspace.0, link.user.0))
                .filter(users::invited)
                .for_update()
                .select((users::name, users::email))
                .first(&mut tx.conn())
                .await?;
            let user = account_links::redeem(tx, LinkPurpose::Invitation, token).await?;
            diesel::update(users::table.find((workspace.0, user.0)))
                .set((
                    users::active.eq(true),
                    users::invited.eq(false),
                    users::name.eq(acceptance.name.as_ref().unwrap_or(&name)),
                    users::password_hash.eq(&acceptance.password_hash),
                    users::version.eq(users::version + 1),
                    users::updated_at.eq(Utc::now()),
                ))
                .execute(&mut tx.conn())
                .await?;
            let email =
                EmailAddress::parse(&email).map_err(|_| StoreError::Corrupt("a user's address".into()))?;
            add_sign_in(tx, workspace, user, &email).await?;
            let session = sessions::begin(tx, &acceptance.session(workspace, user)).await?;
            let entry = audit::Entry::new("user.invitation_accepted", "user", user);
            audit::record_by(tx, workspace, Some(user), entry).await?;
            events::append(tx, workspace, &[NewEvent::of(EventKind::UserUpdated, Some(user), user)]).await?;
            Ok((workspace, session))
        })
        .await
    }
}

impl Acceptance {
    fn session(&self, workspace_id: WorkspaceId, user_id: UserId) -> NewSession<'_> {
        NewSession {
            workspace_id,
            user_id,
            password_hash: &self.password_hash,
            refresh_in: self.refresh_in,
            refresh_digest: self.refresh_digest,
            expires_at: self.expires_at,
            refresh_expires_at: self.refresh_expires_at,
        }
    }
}

/// Locks the user and makes sure that they are invited: who has never accepted can be asked again.
async fn invited_again(tx: &Tx, workspace: WorkspaceId, id: UserId) -> Result<(), StoreError> {
    let this = users::table.find((workspace.0, id.0));
    let (active, invited, password_hash): (bool, bool, Option<String>) = this
        .for_update()
        .select((users::active, users::invited, users::password_hash))
        .first(&mut tx.conn())
        .await?;
    if active || password_hash.is_some() {
        return Err(StoreError::NotInvited);
    }
    if !invited {
        diesel::update(this)
            .set((
                users::invited.eq(true),
                users::version.eq(users::version + 1),
                users::updated_at.eq(Utc::now()),
            ))
            .execute(&mut tx.conn())
            .await?;
    }
    Ok(())
}
