//! Users, as those decide on them who manage them (ACC-2, ACC-5).

use crate::{
    access::Role,
    fault::{Fault, FieldFault},
    ids::UserId,
};

/// Whether somebody may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserStatus {
    /// They may.
    Active,
    /// Not until they accept: they were asked to join.
    Invited,
    /// Not any more.
    Deactivated,
}

/// A user, as far as managing them goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagedUser {
    /// Who it is.
    pub id: UserId,
    /// What they may.
    pub role: Role,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// They have accepted once, and can sign in again when they are active.
    pub has_password: bool,
}

/// What is wanted of a user; `None` leaves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserEdit {
    /// Another role.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub active: Option<bool>,
    /// Who gets what a leaver owns; `None`: the workspace's owner.
    pub reassign_to: Option<UserId>,
}

/// What changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Another role than they have.
    pub role: Option<Role>,
    /// They come back, or leave.
    pub activity: Option<Activity>,
}

/// Coming back, or leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// They may sign in again.
    Reactivated,
    /// They may not sign in any more; what they own goes to somebody else (ACC-5).
    Deactivated,
    /// The invitation holds no more. They own nothing.
    Uninvited,
}

impl UserChange {
    /// Nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.role.is_none() && self.activity.is_none()
    }
}

/// What an edit changes of a user. That `by` manages users, and that `reassign_to` is an active user, is asked elsewhere.
///
/// The owner's role is neither changed nor given, and the owner stays active. Nobody takes their own role or access away:
/// a slip would cost what only somebody else can give back.
///
/// # Errors
/// Every field that is wrong.
pub fn decide(by: UserId, user: &ManagedUser, edit: UserEdit) -> Result<UserChange, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let mut wrong = |field: &str, why: &str| faults.push(FieldFault::at(&[field], Fault::NotAllowed, why));
    let role = edit.role.filter(|role| *role != user.role);
    if role.is_some() && user.role == Role::Owner {
        wrong("role", "The owner stays the owner.");
    } else if role == Some(Role::Owner) {
        wrong("role", "A workspace has exactly one owner, from its beginning on.");
    } else if role.is_some() && user.id == by {
        wrong("role", "Nobody changes their own role: ask somebody else who manages users.");
    }
    let activity = match (edit.active, user.status) {
        (None, _) | (Some(true), UserStatus::Active) | (Some(false), UserStatus::Deactivated) => None,
        (Some(false), UserStatus::Active) => Some(Activity::Deactivated),
        (Some(false), UserStatus::Invited) => Some(Activity::Uninvited),
        (Some(true), UserStatus::Deactivated) if user.has_password => Some(Activity::Reactivated),
        (Some(true), UserStatus::Deactivated | UserStatus::Invited) => {
            wrong("active", "They have not accepted an invitation yet: send it again.");
            None
        }
    };
    if activity == Some(Activity::Deactivated) {
        if user.role == Role::Owner {
            wrong("active", "The owner can't be deactivated.");
        } else if user.id == by {
            wrong("active", "Nobody deactivates themselves: ask somebody else who manages users.");
        }
    }
    if edit.reassign_to.is_some() && edit.active != Some(false) {
        wrong("reassign_to", "Only together with `active: false`.");
    }
    if edit.reassign_to == Some(user.id) {
        wrong("reassign_to", "It must be somebody else.");
    }
    if faults.is_empty() { Ok(UserChange { role, activity }) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const STATUSES: [UserStatus; 3] = [UserStatus::Active, UserStatus::Invited, UserStatus::Deactivated];

    fn id(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn user() -> impl Strategy<Value = ManagedUser> {
        (1u128..4, 0..4usize, 0..3usize, any::<bool>()).prop_map(|(number, role, status, has_password)| {
            let role = Role::ALL[role];
            // The owner is active from the beginning; who is active has a password.
            let status = if role == Role::Owner { UserStatus::Active } else { STATUSES[status] };
            let has_password = has_password || status == UserStatus::Active;
            ManagedUser { id: id(number), role, status, has_password }
        })
    }

    fn edit() -> impl Strategy<Value = UserEdit> {
        let to = prop::option::of((1u128..4).prop_map(id));
        (prop::option::of(0..4usize), any::<Option<bool>>(), to).prop_map(|(role, active, reassign_to)| {
            UserEdit { role: role.map(|at| Role::ALL[at]), active, reassign_to }
        })
    }

    proptest! {
        /// ACC-2, ACC-5: exactly one owner, fixed and active; nobody locks themselves out.
        #[test]
        fn the_owner_stays_and_nobody_locks_themselves_out(by in 1u128..4, user in user(), edit in edit()) {
            if let Ok(change) = decide(id(by), &user, edit) {
                prop_assert_ne!(change.role, Some(Role::Owner));
                if user.role == Role::Owner || user.id == id(by) {
                    prop_assert_eq!(change.role, None);
                    prop_assert_ne!(change.activity, Some(Activity::Deactivated));
                }
                if change.activity == Some(Activity::Reactivated) {
                    prop_assert!(user.has_password && user.status == UserStatus::Deactivated);
                }
                prop_assert!(change.role != Some(user.role));
            }
        }

        /// What is so already is no change, and what is not mentioned stays.
        #[test]
        fn what_is_so_already_is_no_change(by in 1u128..4, user in user()) {
            prop_assert_eq!(decide(id(by), &user, UserEdit::default()), Ok(UserChange::default()));
            let active = match user.status {
                UserStatus::Active => Some(true),
                UserStatus::Deactivated => Some(false),
                UserStatus::Invited => None,
            };
            let same = UserEdit { role: Some(user.role), active, reassign_to: None };
            prop_assert_eq!(decide(id(by), &user, same), Ok(UserChange::default()));
        }
    }

    #[test]
    fn every_wrong_field_is_told() {
        let owner =
            ManagedUser { id: id(1), role: Role::Owner, status: UserStatus::Active, has_password: true };
        let edit = UserEdit { role: Some(Role::Manager), active: Some(false), reassign_to: Some(id(1)) };
        let faults = decide(id(2), &owner, edit).unwrap_err();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/role", "/active", "/reassign_to"]);
    }
}
