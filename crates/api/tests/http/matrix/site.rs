//! Who asks, and the two workspaces in which they do.

use crate::world::{PASSWORD, Reader, World};
use postroom_domain::{access::Role, conversation::StartsOn};
use postroom_store::Ownership;
use postroom_testkit::client::{Caller as _, SignedIn};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

/// The ids that stand for names in paths and bodies.
pub(crate) type Names = BTreeMap<&'static str, String>;

/// How much is tried at the same time.
const HANDS: usize = 4;

/// A user of one of the workspaces.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) workspace: &'static str,
    pub(crate) user: SignedIn,
}

/// An API key.
#[derive(Debug)]
pub(crate) struct Key {
    /// Whose it is.
    pub(crate) of: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) token: String,
}

/// `acme`, whose people ask, and `globex`, of which they know nothing.
pub(crate) struct Site {
    pub(crate) world: World,
    /// Those who ask, by role: owner, administrator, manager, team member.
    pub(crate) seats: [Person; 4],
    /// Keys of some of them.
    pub(crate) keys: Vec<Key>,
    /// A team member whose things others ask for.
    pub(crate) tim: Person,
    /// The owner of `globex`.
    pub(crate) otto: Person,
    /// The shared mailboxes that are read, by workspace.
    pub(crate) readers: HashMap<&'static str, Mutex<Reader>>,
    /// Things that are only looked at, by kind and by whose they are.
    pub(crate) kept: Mutex<HashMap<(&'static str, &'static str), Names>>,
    /// Sign-ins at a provider, by workspace and person.
    sign_ins: Mutex<HashMap<(&'static str, &'static str), String>>,
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
        let otto = world.anonymous().sign_in("globex", "otto@globex.example", PASSWORD).unwrap();
        let otto = Person { name: "otto", workspace: "globex", user: otto };
        let readers = readers.into_iter().collect();
        let key = |(seat, scope): (&Person, &'static str)| {
            let body = json!({"name": "Robot", "scope": scope});
            let made = seat.user.post("/v1/api-keys", &body).unwrap().expect(201).unwrap();
            Key { of: seat.name, scope, token: made["token"].as_str().unwrap().to_owned() }
        };
        let [olga, _, _, tom] = &seats;
        let keys = [(olga, "read"), (olga, "write"), (olga, "admin"), (tom, "admin")].map(key).into();
        Self {
            world,
            seats,
            keys,
            tim,
            otto,
            readers,
            kept: Mutex::default(),
            sign_ins: Mutex::default(),
            numbers: AtomicI64::new(1),
        }
    }

    /// What somebody signs their requests with; `anew` by a session of this request alone.
    pub(crate) fn authorization(&self, person: &Person, anew: bool) -> String {
        if !anew {
            return person.user.authorization().unwrap();
        }
        let email = format!("{}@{}.example", person.name, person.workspace);
        let user = self.world.anonymous().sign_in(person.workspace, &email, PASSWORD).unwrap();
        user.authorization().unwrap()
    }

    /// Names that are there without a thing.
    pub(crate) fn names_of(&self, person: &Person) -> Names {
        let me = person.user.id().to_owned();
        Names::from([
            ("me", me),
            ("tim", self.tim.user.id().to_owned()),
            ("n", self.number().to_string()),
            ("sign_in", self.sign_in_of(person)),
        ])
    }

    /// A sign-in at a provider that this person has begun.
    fn sign_in_of(&self, person: &Person) -> String {
        let mut begun = self.sign_ins.lock().unwrap();
        let begin = || {
            let wish = json!({"provider": "google"});
            let view = person.user.post("/v1/mail-providers/sign-in", &wish).unwrap().expect(200).unwrap();
            view["state"].as_str().unwrap().to_owned()
        };
        begun.entry((person.workspace, person.name)).or_insert_with(begin).clone()
    }

    /// A number that nobody else gets.
    pub(crate) fn number(&self) -> i64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Works on everything with a few hands at once, and collects what they find.
    pub(crate) fn each<T: Sync>(all: &[T], work: impl Fn(&T) -> Vec<String> + Sync) -> Vec<String> {
        let next = AtomicUsize::new(0);
        let hand = || {
            let mut found = Vec::new();
            while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                found.extend(work(one));
            }
            found
        };
        std::thread::scope(|scope| {
            let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(hand)).collect();
            hands.into_iter().flat_map(|hand| hand.join().unwrap()).collect()
        })
    }

    /// Who may do everything in this person's workspace.
    pub(crate) fn owner_of(&self, workspace: &str) -> &Person {
        if workspace == "acme" { &self.seats[0] } else { &self.otto }
    }
}

/// Puts ids where names in braces stand.
pub(crate) fn fill(text: &str, names: &Names) -> String {
    let mut text = text.to_owned();
    for (name, id) in names {
        text = text.replace(&format!("{{{name}}}"), id);
    }
    text
}
