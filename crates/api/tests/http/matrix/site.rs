//! Who asks, and the two workspaces in which they do.

use crate::world::{Reader, World};
use postroom_domain::{access::Role, conversation::StartsOn};
use postroom_store::Ownership;
use postroom_testkit::client::SignedIn;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

/// The ids that stand for names in paths and bodies.
pub(crate) type Names = BTreeMap<&'static str, String>;

/// A user of one of the workspaces.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) workspace: &'static str,
    pub(crate) user: SignedIn,
}

/// `acme`, whose people ask, and `globex`, of which they know nothing.
pub(crate) struct Site {
    pub(crate) world: World,
    /// Those who ask, by role: owner, administrator, manager, team member.
    pub(crate) seats: [Person; 4],
    /// A team member whose things others ask for.
    pub(crate) tim: Person,
    /// The owner of `globex`.
    pub(crate) otto: Person,
    /// The shared mailboxes that are read, by workspace.
    pub(crate) readers: HashMap<&'static str, Mutex<Reader>>,
    /// Things that are only looked at, by kind and by whose they are.
    pub(crate) kept: Mutex<HashMap<(&'static str, &'static str), Names>>,
    numbers: AtomicI64,
}

impl Site {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let globex = world.neighbour("globex");
        let readers = [
            ("acme", Mutex::new(world.support())),
            (
                "globex",
                Mutex::new(world.mailbox_of(
                    &globex,
                    "support@globex.example",
                    Ownership::Shared(None),
                    StartsOn::FirstInbound,
                )),
            ),
        ];
        let acme = |name, user| Person { name, workspace: "acme", user };
        let seats = [
            acme("olga", world.olga()),
            acme("ada", world.colleague("ada", Role::Administrator)),
            acme("mia", world.colleague("mia", Role::Manager)),
            acme("tom", world.tom()),
        ];
        let tim = acme("tim", world.colleague("tim", Role::TeamMember));
        let otto =
            world.anonymous().sign_in("globex", "otto@globex.example", crate::world::PASSWORD).unwrap();
        let otto = Person { name: "otto", workspace: "globex", user: otto };
        let readers = readers.into_iter().collect();
        Self { world, seats, tim, otto, readers, kept: Mutex::default(), numbers: AtomicI64::new(1) }
    }

    /// A number that nobody else gets.
    pub(crate) fn number(&self) -> i64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Who may do everything in this person's workspace.
    pub(crate) fn owner_of(&self, workspace: &str) -> &Person {
        if workspace == "acme" { &self.seats[0] } else { &self.otto }
    }
}
