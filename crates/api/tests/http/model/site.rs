//! Where the histories take place: one server and one database, and in it two workspaces for each history.

use super::{
    pages::Watcher,
    state::{Mailbox, Model, User},
};
use crate::{
    follow::{World as _, quick},
    world::{PASSWORD, Reader, World, address},
};
use chrono::Utc;
use postroom_api::{
    password,
    sse::LiveTimes,
    tokens::{TokenKeys, generate_signing_key, new_refresh_token},
};
use postroom_domain::{
    access::{Actor, Role},
    conversation::StartsOn,
    ids::{UserId, WorkspaceId},
};
use postroom_store::{LiveSettings, NewSession, NewUser, NewWorkspace, Ownership, RefreshIn};
use postroom_testkit::client::SignedIn;
use serde_json::json;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// People outside, with the names that their mail programs give them.
pub(super) const CUSTOMERS: [(&str, Option<&str>); 5] = [
    ("ann@north.example", Some("Ann Lee")),
    ("bob@north.example", None),
    ("cem@south.example", Some("Cem")),
    ("dea@south.example", Some("Dea Fox")),
    ("eve@west.example", None),
];

/// First and last name of whoever has the address.
pub(super) fn name_of(address: &str) -> (Option<&'static str>, Option<&'static str>) {
    let name = CUSTOMERS.iter().find(|(of, _)| *of == address).and_then(|(_, name)| *name);
    match name.map(|name| name.split_once(' ').unwrap_or((name, ""))) {
        Some((first, last)) => (Some(first), Some(last).filter(|last| !last.is_empty())),
        None => (None, None),
    }
}

pub(super) struct Site {
    pub(super) world: World,
    keys: TokenKeys,
    password_hash: String,
    workspaces: AtomicUsize,
    /// Who connects a mailbox claims all that wait.
    connecting: Mutex<()>,
}

/// A workspace: the model of it, and the way to the real one.
pub(super) struct Office {
    pub(super) model: Model,
    pub(super) id: WorkspaceId,
    /// Who reads its mailboxes; `None`: nobody any more.
    pub(super) readers: Vec<Option<Reader>>,
    pub(super) mailbox_addresses: Vec<String>,
    pub(super) people: Vec<Watcher>,
    /// How many events there were when the history began.
    pub(super) events_before: i64,
    /// Mails so far.
    pub(super) mails: i64,
    clock: i64,
}

impl Office {
    /// The time that was told last.
    pub(super) fn latest(&self) -> i64 {
        self.clock
    }

    /// Microseconds since 1970, each time later.
    pub(super) fn now(&mut self) -> i64 {
        self.clock = Utc::now().timestamp_micros().max(self.clock + 2);
        self.clock
    }
}

impl Site {
    pub(super) fn new() -> Self {
        // Of what happens here its readers know at once: the log needs no looking at.
        let follow = LiveSettings { beat: Duration::from_secs(2), ..quick().follow };
        let world = World::live(LiveTimes { follow, heartbeat: Duration::from_millis(250), ..quick() });
        let (keys, password_hash) = world.run(async {
            let keys = world.store.ensure_signing_key(&generate_signing_key().unwrap()).await.unwrap();
            (TokenKeys::new(&keys).unwrap(), password::hash(PASSWORD.into()).await.unwrap())
        });
        Self { world, keys, password_hash, workspaces: AtomicUsize::new(0), connecting: Mutex::new(()) }
    }

    /// A new pair of workspaces: an owner, a manager and two team members, one of them with a mailbox of their own; an
    /// owner and a team member.
    pub(super) fn offices(&self) -> [Office; 2] {
        use Role::{Manager, Owner, TeamMember};
        let first =
            self.office(&[("olga", Owner), ("mia", Manager), ("tom", TeamMember), ("tim", TeamMember)]);
        let second = self.office(&[("otto", Owner), ("bea", TeamMember)]);
        [first, second]
    }

    fn office(&self, people: &[(&str, Role)]) -> Office {
        let slug = format!("office-{}", self.workspaces.fetch_add(1, Ordering::Relaxed));
        let store = &self.world.store;
        let email = |name: &str| address(&format!("{name}@{slug}.example"));
        let (owner, ids) = self.world.run(async {
            let new = NewWorkspace {
                slug: slug.clone(),
                name: slug.clone(),
                owner_email: email(people[0].0),
                owner_name: people[0].0.into(),
                owner_password_hash: self.password_hash.clone(),
            };
            let made = store.create_workspace(&new).await.unwrap();
            store.enable_conversations(&slug).await.unwrap();
            let mut ids = vec![made.owner_id];
            for (name, role) in &people[1..] {
                let new = NewUser {
                    workspace: slug.clone(),
                    email: email(name),
                    name: (*name).into(),
                    role: *role,
                    password_hash: self.password_hash.clone(),
                };
                ids.push(store.create_user(&new).await.unwrap());
            }
            (Actor::new(made.id, made.owner_id, Role::Owner), ids)
        });
        let users = people.iter().zip(&ids).map(|((name, role), id)| User {
            id: id.to_string(),
            email: email(name).as_str().to_owned(),
            name: (*name).into(),
            role: *role,
            active: true,
        });
        let mut model = Model { users: users.collect(), ..Model::default() };
        let mut mailboxes = vec![("support", None, StartsOn::FirstInbound), ("sales", None, StartsOn::Reply)];
        if ids.len() > 2 {
            mailboxes.push(("toms-own", Some(2), StartsOn::Reply));
        }
        let addresses: Vec<String> =
            mailboxes.iter().map(|(name, ..)| email(name).as_str().to_owned()).collect();
        let mut readers = Vec::new();
        for ((_, user, starts_on), its_address) in mailboxes.into_iter().zip(&addresses) {
            let ownership =
                user.map_or(Ownership::Shared(None), |user: usize| Ownership::Personal(ids[user]));
            let alone = self.connecting.lock().unwrap();
            readers.push(Some(self.world.mailbox_of(&owner, its_address, ownership, starts_on)));
            drop(alone);
            model.mailboxes.push(Mailbox { user, starts_on });
        }
        let people: Vec<Watcher> =
            ids.iter().map(|id| Watcher::new(&self.world, self.sign_in(owner.workspace_id, *id))).collect();
        let events_before = people[0].position();
        let id = owner.workspace_id;
        Office { model, id, readers, mailbox_addresses: addresses, people, events_before, mails: 0, clock: 0 }
    }

    /// A session without the cost of a password.
    pub(super) fn sign_in(&self, workspace: WorkspaceId, user: UserId) -> SignedIn {
        let now = Utc::now();
        let later = now + chrono::Duration::hours(1);
        let new = NewSession {
            workspace_id: workspace,
            user_id: user,
            password_hash: &self.password_hash,
            refresh_in: RefreshIn::Body,
            refresh_digest: new_refresh_token().1,
            expires_at: later,
            refresh_expires_at: later,
        };
        let session = self.world.run(self.world.store.begin_session(&new)).unwrap().unwrap();
        let token = self.keys.issue(workspace, user, session, now).unwrap();
        self.world.anonymous().with_session(token, json!({"user": {"id": user}}))
    }
}
