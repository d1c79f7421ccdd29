//! Users as those change them who manage them: another role, leaving, coming back (ACC-2, ACC-5).

use crate::{
    Store,
    account_links::{self, LinkPurpose},
    api_keys, audit,
    error::StoreError,
    events::{self, EventKind, NewEvent},
    handover,
    schema::{sign_ins, users},
    sessions,
    transaction::Tx,
    users::{User, load, load_visible, role, status, stays_active},
    workspaces::add_sign_in,
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission, Role},
    address::EmailAddress,
    fault::{Fault, FieldFault},
    ids::{UserId, WorkspaceId},
    user::{Activity, ManagedUser, UserChange, UserEdit, decide},
};
use serde_json::json;
use uuid::Uuid;

impl Store {
    /// A user, for one who wants to change them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::RoleNotAllowed`] where the actor doesn't manage users.
    pub async fn user_to_change(&self, actor: &Actor, id: UserId) -> Result<User, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let user = load_to_change(&tx, actor, id).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Changes a user's role, or whether they may sign in; where `expected` is given, only that version. What is so already
    /// is no change.
    ///
    /// A leaver's sessions and API keys end at once, and what they own goes to somebody else, all of it or nothing (ACC-5).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::RoleNotAllowed`], [`StoreError::StaleVersion`], [`StoreError::Fields`].
    pub async fn change_user(
        &self,
        actor: &Actor,
        id: UserId,
        expected: Option<i64>,
        edit: UserEdit,
    ) -> Result<User, StoreError> {
        self.write(actor.workspace_id, async |tx| {
            // Judged before it is locked: what is not theirs takes no longer than what isn't there.
            load_to_change(tx, actor, id).await?;
            if edit.active == Some(false) {
                handover::lock(tx, actor.workspace_id, id).await?;
            }
            let (user, version) = lock(tx, actor.workspace_id, id).await?;
            if expected.is_some_and(|expected| expected != version) {
                return Err(StoreError::StaleVersion);
            }
            let change = judge(tx, actor, &user, edit).await?;
            if change.is_empty() {
                return load(tx, actor.workspace_id, id).await;
            }
            let events = carry_out(tx, actor, &user, change, edit.reassign_to).await?;
            let changed = load(tx, actor.workspace_id, id).await?;
            events::append(tx, actor.workspace_id, &events).await?;
            Ok(changed)
        })
        .await
    }
}

async fn load_to_change(tx: &Tx, actor: &Actor, id: UserId) -> Result<User, StoreError> {
    let user = load_visible(tx, actor, id).await?;
    actor.require(Permission::ManageUsers)?;
    Ok(user)
}

/// The user, locked against everything: nobody gives them anything meanwhile, and nobody signs in as them.
async fn lock(tx: &Tx, workspace: WorkspaceId, id: UserId) -> Result<(ManagedUser, i64), StoreError> {
    type Row = (String, bool, bool, Option<String>, i64);
    let (role_name, active, invited, password_hash, version): Row = users::table
        .find((workspace.0, id.0))
        .for_update()
        .select((users::role, users::active, users::invited, users::password_hash, users::version))
        .first(&mut tx.conn())
        .await?;
    let user = ManagedUser {
        id,
        role: role(&role_name)?,
        status: status(active, invited),
        has_password: password_hash.is_some(),
    };
    Ok((user, version))
}

/// What the edit changes, with all that is wrong with it.
async fn judge(tx: &Tx, actor: &Actor, user: &ManagedUser, edit: UserEdit) -> Result<UserChange, StoreError> {
    let decided = decide(actor.user_id, user, edit);
    let stranger = match edit.reassign_to {
        Some(to) if to != user.id => !stays_active(tx, actor.workspace_id, to).await?,
        _ => false,
    };
    let unknown =
        || FieldFault::at(&["reassign_to"], Fault::InvalidId, "This is not an active user of the workspace.");
    match decided {
        Ok(change) if !stranger => Ok(change),
        Ok(_) => Err(StoreError::Fields(vec![unknown()])),
        Err(mut faults) => {
            faults.extend(stranger.then(unknown));
            Err(StoreError::Fields(faults))
        }
    }
}

/// Saves the change and writes it into the audit trail. Gives the events.
async fn carry_out(
    tx: &Tx,
    actor: &Actor,
    user: &ManagedUser,
    change: UserChange,
    reassign_to: Option<UserId>,
) -> Result<Vec<NewEvent>, StoreError> {
    let by = Some(actor.user_id);
    let mut events = Vec::new();
    if let Some(role) = change.role {
        set_role(tx, actor, user, role).await?;
        events.push(NewEvent::of(EventKind::UserUpdated, by, user.id));
        // What they see is another matter now: their pages load anew.
        events.push(NewEvent::of(EventKind::ViewReset, by, user.id));
    }
    match change.activity {
        Some(Activity::Deactivated) => {
            deactivate(tx, actor, user, reassign_to).await?;
            // One for everything that changed hands: everybody's pages load anew.
            events = vec![NewEvent::of(EventKind::ViewReset, by, actor.workspace_id)];
        }
        Some(activity @ (Activity::Reactivated | Activity::Uninvited)) => {
            if activity == Activity::Reactivated {
                reactivate(tx, actor, user).await?;
            } else {
                uninvite(tx, actor, user).await?;
            }
            if events.is_empty() {
                events.push(NewEvent::of(EventKind::UserUpdated, by, user.id));
            }
        }
        None => {}
    }
    diesel::update(users::table.find((actor.workspace_id.0, user.id.0)))
        .set((users::version.eq(users::version + 1), users::updated_at.eq(Utc::now())))
        .execute(&mut tx.conn())
        .await?;
    Ok(events)
}

async fn set_role(tx: &Tx, actor: &Actor, user: &ManagedUser, role: Role) -> Result<(), StoreError> {
    diesel::update(users::table.find((actor.workspace_id.0, user.id.0)))
        .set(users::role.eq(role.as_str()))
        .execute(&mut tx.conn())
        .await?;
    let entry = audit::Entry::new("user.role_changed", "user", user.id)
        .change(json!({ "role": user.role }), json!({ "role": role }));
    audit::record(tx, actor, entry).await
}

async fn deactivate(
    tx: &Tx,
    actor: &Actor,
    user: &ManagedUser,
    reassign_to: Option<UserId>,
) -> Result<(), StoreError> {
    let workspace = actor.workspace_id;
    let to = match reassign_to {
        Some(to) => to,
        None => owner_of(tx, workspace).await?,
    };
    set_active(tx, workspace, user.id, false).await?;
    diesel::delete(sign_ins::table)
        .filter(sign_ins::workspace_id.eq(workspace.0).and(sign_ins::user_id.eq(user.id.0)))
        .execute(&mut tx.conn())
        .await?;
    let sessions = sessions::end_all(tx, workspace, user.id, None, Utc::now()).await?;
    let keys = api_keys::revoke_all(tx, workspace, user.id).await?;
    account_links::revoke(tx, workspace, user.id, LinkPurpose::PasswordReset).await?;
    let handed_over = handover::hand_over(tx, workspace, user.id, to).await?;
    let after = json!({
        "active": false, "sessions_ended": sessions, "api_keys_revoked": keys,
        "handed_over": handed_over.audited(to),
    });
    let entry =
        audit::Entry::new("user.deactivated", "user", user.id).change(json!({ "active": true }), after);
    audit::record(tx, actor, entry).await
}

async fn reactivate(tx: &Tx, actor: &Actor, user: &ManagedUser) -> Result<(), StoreError> {
    let workspace = actor.workspace_id;
    set_active(tx, workspace, user.id, true).await?;
    let email: String =
        users::table.find((workspace.0, user.id.0)).select(users::email).first(&mut tx.conn()).await?;
    let email = EmailAddress::parse(&email).map_err(|_| StoreError::Corrupt("a user's address".into()))?;
    add_sign_in(tx, workspace, user.id, &email).await?;
    handover::read_again(tx, workspace, user.id).await?;
    let entry = audit::Entry::new("user.reactivated", "user", user.id)
        .change(json!({ "active": false }), json!({ "active": true }));
    audit::record(tx, actor, entry).await
}

async fn uninvite(tx: &Tx, actor: &Actor, user: &ManagedUser) -> Result<(), StoreError> {
    diesel::update(users::table.find((actor.workspace_id.0, user.id.0)))
        .set(users::invited.eq(false))
        .execute(&mut tx.conn())
        .await?;
    account_links::revoke(tx, actor.workspace_id, user.id, LinkPurpose::Invitation).await?;
    let entry = audit::Entry::new("user.invitation_revoked", "user", user.id);
    audit::record(tx, actor, entry).await
}

async fn set_active(tx: &Tx, workspace: WorkspaceId, user: UserId, active: bool) -> Result<(), StoreError> {
    diesel::update(users::table.find((workspace.0, user.0)))
        .set(users::active.eq(active))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// The workspace's one owner, who is always active.
async fn owner_of(tx: &Tx, workspace: WorkspaceId) -> Result<UserId, StoreError> {
    let owner: Uuid = users::table
        .filter(users::workspace_id.eq(workspace.0).and(users::role.eq(Role::Owner.as_str())))
        .select(users::id)
        .first(&mut tx.conn())
        .await?;
    Ok(UserId(owner))
}
