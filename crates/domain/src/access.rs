//! Who may do and see what (ACC-2 to ACC-4). Asked here once; nobody else compares roles.

use crate::ids::{MailboxId, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

/// A user's role in the workspace (ACC-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Exactly one, fixed when the workspace is made.
    Owner,
    /// Manages users, shared mailboxes, custom fields.
    Administrator,
    /// Sees all conversations.
    Manager,
    /// Sees only their own conversations.
    TeamMember,
}

impl Role {
    /// All roles, the most powerful first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Administrator, Self::Manager, Self::TeamMember];

    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::Manager => "manager",
            Self::TeamMember => "team_member",
        }
    }

    /// What this role may do.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        let administers = matches!(self, Self::Owner | Self::Administrator);
        match permission {
            Permission::ViewAll => administers || self == Self::Manager,
            Permission::ManageUsers
            | Permission::ManageSharedMailboxes
            | Permission::ManageCustomFields
            | Permission::ManageWorkspace
            | Permission::ReadAudit => administers,
        }
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of owner, administrator, manager, team_member")]
pub struct UnknownRole;

/// What a role may be asked for beyond working on what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// See every conversation, contact, company and deal of the workspace.
    ViewAll,
    /// Invite users, change their roles (not the owner's), deactivate them.
    ManageUsers,
    /// Connect, change and remove shared mailboxes.
    ManageSharedMailboxes,
    /// Define custom fields.
    ManageCustomFields,
    /// Change the workspace's name and settings.
    ManageWorkspace,
    /// Read the audit trail.
    ReadAudit,
}

/// How much of what its user may an API key may. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at what the user sees.
    Read,
    /// Work on it: conversations, replies, contacts.
    Write,
    /// Everything, also users, mailboxes, settings, keys.
    Admin,
}

impl Scope {
    /// All scopes, the smallest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = UnknownScope;
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// The text names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is one of read, write, admin")]
pub struct UnknownScope;

/// Why somebody may not do something to what they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Their role doesn't allow it, whatever they come with.
    Role,
    /// The API key that they come with doesn't.
    Scope,
}

/// Somebody who asks for something: a signed-in user, with what they may do read afresh for this very request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The workspace that they belong to; nothing beyond it exists for them.
    pub workspace_id: WorkspaceId,
    /// The user who acts.
    pub user_id: UserId,
    /// Their role.
    pub role: Role,
    /// What they came with allows so much of it (ACC-4): everything, but with an API key of a smaller scope.
    pub scope: Scope,
}

impl Actor {
    /// A user who signed in themselves.
    #[must_use]
    pub fn new(workspace_id: WorkspaceId, user_id: UserId, role: Role) -> Self {
        Self { workspace_id, user_id, role, scope: Scope::Admin }
    }

    /// Whether their role and what they came with may. A key sees what its user sees; managing takes the whole scope.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may(permission) && (permission == Permission::ViewAll || self.scope == Scope::Admin)
    }

    /// The same with the reason.
    ///
    /// # Errors
    /// What does not allow it; the role before the key.
    pub fn require(&self, permission: Permission) -> Result<(), Denied> {
        if !self.role.may(permission) {
            return Err(Denied::Role);
        }
        if self.may(permission) { Ok(()) } else { Err(Denied::Scope) }
    }

    /// For what everybody may do for themselves, but a key only with the whole scope (ACC-4): connecting mailboxes, and
    /// making and revoking keys, so that no key makes a larger one.
    ///
    /// # Errors
    /// [`Denied::Scope`].
    pub fn require_whole_scope(&self) -> Result<(), Denied> {
        if self.scope == Scope::Admin { Ok(()) } else { Err(Denied::Scope) }
    }

    /// Which conversations exist for them.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        if self.may(Permission::ViewAll) { Visibility::All } else { Visibility::Mine(self.user_id) }
    }

    /// Whether they may manage (see the settings of, change, remove) a mailbox.
    #[must_use]
    pub fn manages_mailbox(&self, mailbox: &MailboxAccess) -> bool {
        match mailbox.user_id {
            Some(user) => {
                (user == self.user_id && self.scope == Scope::Admin) || self.may(Permission::ManageUsers)
            }
            None => self.may(Permission::ManageSharedMailboxes),
        }
    }
}

impl Actor {
    /// The same as [`Actor::manages_mailbox`] with the reason.
    ///
    /// # Errors
    /// What does not allow it; the role before the key.
    pub fn require_mailbox(&self, mailbox: &MailboxAccess) -> Result<(), Denied> {
        let signed_in = Self { scope: Scope::Admin, ..*self };
        if !signed_in.manages_mailbox(mailbox) {
            return Err(Denied::Role);
        }
        if self.manages_mailbox(mailbox) { Ok(()) } else { Err(Denied::Scope) }
    }
}

/// Which conversations exist for somebody: a value that the store turns into SQL (ACC-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Every one of the workspace.
    All,
    /// Those that this user owns.
    Mine(UserId),
}

impl Visibility {
    /// Whether a conversation with this owner exists for them.
    #[must_use]
    pub fn sees(self, conversation_owner: UserId) -> bool {
        match self {
            Self::All => true,
            Self::Mine(user) => user == conversation_owner,
        }
    }
}

/// What decides who may use a mailbox (ACC-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxAccess {
    /// The mailbox.
    pub id: MailboxId,
    /// Whose it is; `None` for a shared one.
    pub user_id: Option<UserId>,
    /// Still connected.
    pub active: bool,
}

impl MailboxAccess {
    /// Every active user may send from a shared mailbox, only its user from a personal one.
    #[must_use]
    pub fn may_send(&self, user: UserId) -> bool {
        self.active && self.user_id.is_none_or(|owner| owner == user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_table_of_roles() {
        use Permission::{
            ManageCustomFields, ManageSharedMailboxes, ManageUsers, ManageWorkspace, ReadAudit, ViewAll,
        };
        let all =
            [ViewAll, ManageUsers, ManageSharedMailboxes, ManageCustomFields, ManageWorkspace, ReadAudit];
        let may = |role: Role| all.map(|permission| role.may(permission));
        assert_eq!(may(Role::Owner), [true; 6]);
        assert_eq!(may(Role::Administrator), [true; 6]);
        assert_eq!(may(Role::Manager), [true, false, false, false, false, false]);
        assert_eq!(may(Role::TeamMember), [false; 6]);
    }

    #[test]
    fn a_team_member_sees_only_their_own() {
        let [me, other] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
        let actor = |role| Actor::new(WorkspaceId(Uuid::nil()), me, role);
        for role in Role::ALL {
            assert!(actor(role).visibility().sees(me));
            assert_eq!(actor(role).visibility().sees(other), role != Role::TeamMember);
        }
    }

    #[test]
    fn a_key_sees_what_its_user_sees_and_manages_only_with_the_whole_scope() {
        let me = UserId(Uuid::from_u128(1));
        for scope in Scope::ALL {
            let key = Actor { scope, ..Actor::new(WorkspaceId(Uuid::nil()), me, Role::Owner) };
            assert_eq!(key.visibility(), Visibility::All);
            assert_eq!(key.may(Permission::ManageUsers), scope == Scope::Admin);
            assert_eq!(key.may(Permission::ReadAudit), scope == Scope::Admin);
            let denied = (scope != Scope::Admin).then_some(Denied::Scope);
            assert_eq!(key.require(Permission::ManageUsers).err(), denied);
            assert_eq!(key.require_whole_scope().err(), denied, "no key makes a larger one");
            let key = Actor { role: Role::Manager, ..key };
            assert_eq!(key.require(Permission::ManageUsers), Err(Denied::Role), "the role comes first");
        }
    }

    #[test]
    fn a_key_manages_its_users_mailbox_only_with_the_whole_scope() {
        let [me, other] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
        let mailbox = |user_id| MailboxAccess { id: MailboxId(Uuid::nil()), user_id, active: true };
        for scope in Scope::ALL {
            let key = Actor { scope, ..Actor::new(WorkspaceId(Uuid::nil()), me, Role::TeamMember) };
            let whole = scope == Scope::Admin;
            assert_eq!(
                key.require_mailbox(&mailbox(Some(me))),
                if whole { Ok(()) } else { Err(Denied::Scope) }
            );
            assert_eq!(key.require_mailbox(&mailbox(Some(other))), Err(Denied::Role));
            assert_eq!(key.require_mailbox(&mailbox(None)), Err(Denied::Role));
        }
    }

    #[test]
    fn only_its_user_sends_from_a_personal_mailbox() {
        let [me, other] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
        let mailbox = |user_id, active| MailboxAccess { id: MailboxId(Uuid::nil()), user_id, active };
        assert!(mailbox(None, true).may_send(me));
        assert!(mailbox(Some(me), true).may_send(me));
        assert!(!mailbox(Some(other), true).may_send(me));
        assert!(!mailbox(None, false).may_send(me));
    }
}
