//! Users: the people of a workspace, and their own profile.

use crate::{
    Store, audit,
    edits::{conclude, differing, edited},
    error::{StoreError, taken},
    events::EventKind,
    page::Page,
    schema::{users, workspaces},
    stream::UserRef,
    transaction::Tx,
    workspaces::{Workspace, WorkspaceRow, add_sign_in, check_name},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission, Role},
    address::EmailAddress,
    ids::{UserId, WorkspaceId},
    user::UserStatus,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The address that they sign in with.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may (ACC-2).
    pub role: Role,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// RPL-3: their signature, sanitised; empty where there is none.
    pub signature_html: String,
    /// RPL-3: whether a new reply has it.
    pub signature_enabled: bool,
    /// An IANA name.
    pub time_zone: String,
    /// The picture's blob.
    pub avatar: Option<Vec<u8>>,
    /// Counts edits.
    pub version: i64,
    /// When they were made.
    pub created_at: DateTime<Utc>,
    /// When they were last edited.
    pub updated_at: DateTime<Utc>,
}

/// A user with their workspace: what the page shows of the one who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The user.
    pub user: User,
    /// Where they are.
    pub workspace: Workspace,
}

/// A user to be made by the operator.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The workspace's slug.
    pub workspace: String,
    /// The address to sign in with.
    pub email: EmailAddress,
    /// 1 to 200 characters.
    pub name: String,
    /// Any but the owner's: there is exactly one (ACC-2).
    pub role: Role,
    /// The password, hashed.
    pub password_hash: String,
}

/// Changes to one's own profile; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MePatch {
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// Sanitised; empty for none.
    pub signature_html: Option<String>,
    /// Whether a new reply has the signature.
    pub signature_enabled: Option<bool>,
    /// An IANA name.
    pub time_zone: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    active: bool,
    invited: bool,
    signature_html: String,
    signature_enabled: bool,
    time_zone: String,
    avatar_sha256: Option<Vec<u8>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            email: row.email,
            name: row.name,
            role: role(&row.role)?,
            status: status(row.active, row.invited),
            signature_html: row.signature_html,
            signature_enabled: row.signature_enabled,
            time_zone: row.time_zone,
            avatar: row.avatar_sha256,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A role by its name in the database.
pub(crate) fn role(name: &str) -> Result<Role, StoreError> {
    name.parse().map_err(|_| StoreError::Corrupt(format!("role {name}")))
}

/// Whether somebody may sign in, as it stands in the database.
pub(crate) fn status(active: bool, invited: bool) -> UserStatus {
    match (active, invited) {
        (true, _) => UserStatus::Active,
        (false, true) => UserStatus::Invited,
        (false, false) => UserStatus::Deactivated,
    }
}

/// A user, as far as others show them.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct OwnerRow {
    id: Uuid,
    name: String,
    email: String,
    avatar_sha256: Option<Vec<u8>>,
}

impl From<OwnerRow> for UserRef {
    fn from(row: OwnerRow) -> Self {
        Self { id: row.id.into(), name: row.name, email: row.email, avatar: row.avatar_sha256 }
    }
}

/// Whether this is an active user, who stays so until the transaction ends: whoever gets something by it owns it before
/// they are deactivated, or not at all (ACC-5).
pub(crate) async fn stays_active(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<bool, StoreError> {
    let active: Option<bool> = users::table
        .find((workspace.0, user.0))
        .for_key_share()
        .select(users::active)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(active == Some(true))
}

impl Store {
    /// Makes a user, for the command line.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where no workspace has the slug, [`StoreError::Taken`] (`email`),
    /// [`StoreError::Invalid`].
    pub async fn create_user(&self, new: &NewUser) -> Result<UserId, StoreError> {
        check_name("name", &new.name)?;
        if new.role == Role::Owner {
            return Err(StoreError::Invalid {
                field: "role",
                why: "a workspace has exactly one owner, made together with it",
            });
        }
        let workspace = self.workspace_id(&new.workspace).await?;
        let id = UserId(Uuid::now_v7());
        self.write(workspace, async |tx| {
            diesel::insert_into(users::table)
                .values((
                    users::workspace_id.eq(workspace.0),
                    users::id.eq(id.0),
                    users::email.eq(new.email.as_str()),
                    users::name.eq(&new.name),
                    users::role.eq(new.role.as_str()),
                    users::password_hash.eq(&new.password_hash),
                ))
                .execute(&mut tx.conn())
                .await
                .map_err(|error| taken(error, &[("users_workspace_id_email_key", "email")]))?;
            add_sign_in(tx, workspace, id, &new.email).await?;
            let entry = audit::Entry::new("user.created", "user", id);
            audit::record_by(tx, workspace, None, entry.change(Value::Null, json!({ "role": new.role })))
                .await
        })
        .await?;
        Ok(id)
    }

    /// The users by name: the active ones for every role, to choose an owner from (ACC-2); with another status, or with
    /// none (all of them), for who manages users. `after` is the last one of the page before.
    ///
    /// # Errors
    /// [`StoreError::RoleNotAllowed`] where others than the active ones are asked for by who doesn't manage users.
    pub async fn users(
        &self,
        actor: &Actor,
        status: Option<UserStatus>,
        after: Option<&(String, UserId)>,
        limit: u16,
    ) -> Result<Page<User>, StoreError> {
        if status != Some(UserStatus::Active) {
            actor.require(Permission::ManageUsers)?;
        }
        let tx = self.begin_read(actor.workspace_id).await?;
        let mut query = users::table
            .filter(users::workspace_id.eq(actor.workspace_id.0))
            .order((users::name, users::id))
            .limit(i64::from(limit) + 1)
            .select(UserRow::as_select())
            .into_boxed();
        query = match status {
            Some(UserStatus::Active) => query.filter(users::active),
            Some(UserStatus::Invited) => query.filter(users::invited),
            Some(UserStatus::Deactivated) => query.filter(users::active.or(users::invited).eq(false)),
            None => query,
        };
        if let Some((name, id)) = after {
            let further = users::name.gt(name).or(users::name.eq(name).and(users::id.gt(id.0)));
            query = query.filter(users::name.ge(name).and(further));
        }
        let rows: Vec<UserRow> = query.load(&mut tx.conn()).await?;
        tx.commit().await?;
        Ok(Page::of(rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?, limit))
    }

    /// One user: an active one for every role, any one for who manages users.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn user(&self, actor: &Actor, id: UserId) -> Result<User, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let user = load_visible(&tx, actor, id).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// The actor themselves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn me(&self, actor: &Actor) -> Result<Me, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let me = load_me(&tx, actor.workspace_id, actor.user_id).await?;
        tx.commit().await?;
        Ok(me)
    }

    /// Changes the actor's own profile; where `expected` is given, only that version. What changes nothing is no edit.
    ///
    /// # Errors
    /// [`StoreError::StaleVersion`], [`StoreError::Invalid`].
    pub async fn update_me(
        &self,
        actor: &Actor,
        expected: Option<i64>,
        patch: &MePatch,
    ) -> Result<Me, StoreError> {
        if let Some(name) = &patch.name {
            check_name("name", name)?;
        }
        let now = Utc::now();
        self.write(actor.workspace_id, async |tx| {
            let mine = (actor.workspace_id.0, actor.user_id.0);
            let current: User = users::table
                .find(mine)
                .for_no_key_update()
                .select(UserRow::as_select())
                .first(&mut tx.conn())
                .await?
                .try_into()?;
            if expected.is_some_and(|version| version != current.version) {
                return Err(StoreError::StaleVersion);
            }
            if patch.changes(&current) {
                diesel::update(users::table.find(mine))
                    .set((
                        users::name.eq(patch.name.as_ref().unwrap_or(&current.name)),
                        users::signature_html
                            .eq(patch.signature_html.as_ref().unwrap_or(&current.signature_html)),
                        users::signature_enabled
                            .eq(patch.signature_enabled.unwrap_or(current.signature_enabled)),
                        users::time_zone.eq(patch.time_zone.as_ref().unwrap_or(&current.time_zone)),
                        users::version.eq(users::version + 1),
                        users::updated_at.eq(now),
                    ))
                    .execute(&mut tx.conn())
                    .await?;
                let me = load_me(tx, actor.workspace_id, actor.user_id).await?;
                let fields = differing!(
                    current, me.user => name, signature_html, signature_enabled, time_zone
                );
                let user = actor.user_id.0;
                let entry = edited("user.profile_changed", ("user", user), &fields, None);
                conclude(tx, actor, entry, (EventKind::UserUpdated, user)).await?;
                return Ok(me);
            }
            load_me(tx, actor.workspace_id, actor.user_id).await
        })
        .await
    }
}

/// The user, where they exist for the actor.
pub(crate) async fn load_visible(tx: &Tx, actor: &Actor, id: UserId) -> Result<User, StoreError> {
    let user = load(tx, actor.workspace_id, id).await?;
    let visible = user.status == UserStatus::Active || actor.may(Permission::ManageUsers);
    if visible { Ok(user) } else { Err(StoreError::NotFound) }
}

/// The user, whoever asks.
pub(crate) async fn load(tx: &Tx, workspace: WorkspaceId, id: UserId) -> Result<User, StoreError> {
    let this = users::table.find((workspace.0, id.0)).select(UserRow::as_select());
    let row: UserRow = this.first(&mut tx.conn()).await?;
    row.try_into()
}

impl MePatch {
    fn changes(&self, user: &User) -> bool {
        fn differs<T: PartialEq>(wanted: Option<&T>, current: &T) -> bool {
            wanted.is_some_and(|wanted| wanted != current)
        }
        differs(self.name.as_ref(), &user.name)
            || differs(self.signature_html.as_ref(), &user.signature_html)
            || differs(self.signature_enabled.as_ref(), &user.signature_enabled)
            || differs(self.time_zone.as_ref(), &user.time_zone)
    }
}

pub(crate) async fn load_me(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<Me, StoreError> {
    let (user, workspace): (UserRow, WorkspaceRow) = users::table
        .find((workspace.0, user.0))
        .inner_join(workspaces::table.on(workspaces::id.eq(users::workspace_id)))
        .select((UserRow::as_select(), WorkspaceRow::as_select()))
        .first(&mut tx.conn())
        .await?;
    Ok(Me { user: user.try_into()?, workspace: workspace.try_into()? })
}
