//! How PostgreSQL answers the lists and look-ups beside the stream: by pieces of indexes, whatever is asked for and
//! whether it plans for the values or for any, with the policies on, in a large workspace.

use crate::{
    explained::Explained,
    world::{World, cluster, master_key},
};
use chrono::{DateTime, TimeDelta, Utc};
use postroom_domain::{
    access::{Actor, Role},
    delivery::DeliveryState,
    ids::{IntakeId, UserId},
    message::Position,
    user::UserStatus,
};
use postroom_store::{ApiKeyQuery, AuditPosition, AuditQuery, LookUp, Store, WrittenQuery};
use postroom_testkit::large;
use std::time::Duration;
use uuid::Uuid;

const CONVERSATIONS: u32 = 30_000;
/// Both ways in which a statement that stays prepared is planned.
const MODES: [&str; 2] = ["force_custom_plan", "force_generic_plan"];

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

/// The large workspace, as its owner and as a colleague see it who has but a little of it.
async fn world() -> (World, Actor, Actor) {
    let world = World::new();
    let owner = world.workspace("large").await;
    large::fill(cluster(), &world.database, "large", CONVERSATIONS).unwrap();
    world.execute(include_str!("list_plans.sql"));
    world.execute("VACUUM ANALYZE");
    let member =
        Actor::new(owner.workspace_id, id("a0000008-0000-7000-8000-000000000008").into(), Role::TeamMember);
    (world, owner, member)
}

/// What each list asks is explained.
struct Watched {
    explained: Explained,
    store: Store,
    mode: &'static str,
}

impl Watched {
    fn new(world: &World, mode: &'static str) -> Self {
        world.execute(&format!("ALTER DATABASE {} SET plan_cache_mode = {mode}", world.database));
        let explained = Explained::of(&world.database);
        // Connections made from now on explain what they do.
        Self { explained, store: world.with_key(master_key('A')), mode }
    }

    /// The next so many plans on a table read no table whole and sort nothing, but users, who are few where they are
    /// joined, and what was looked for or belongs to one person.
    fn walks(&mut self, what: &str, table: &str, count: usize) -> Vec<String> {
        let plans = self.explained.plans_on(table, count);
        assert_eq!(plans.len(), count, "{what}, {}: {plans:#?}", self.mode);
        for plan in &plans {
            for line in plan.lines().filter(|line| line.contains("Seq Scan on ")) {
                assert!(line.contains("Seq Scan on users"), "{what}, {}: {plan}", self.mode);
            }
        }
        plans
    }

    /// The same, and the page itself comes out of an index in its order.
    fn walks_in_order(&mut self, what: &str, table: &str, count: usize) {
        for plan in self.walks(what, table, count).iter().filter(|plan| plan.contains(" LIMIT ")) {
            assert!(!plan.contains("Sort"), "{what}, {}: {plan}", self.mode);
        }
    }
}

fn page(text: Option<&str>) -> LookUp {
    LookUp { text: text.map(str::to_owned), limit: 25, ..LookUp::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_listed_and_looked_up_by_indexes() {
    let (world, owner, member) = world().await;
    // What is looked up is planned for its values each time; the rest as PostgreSQL chooses.
    let mut watched = Watched::new(&world, "auto");
    let store = watched.store.clone();
    // All that there is, a page and the next one: its ids, and what is shown of them.
    for (table, ids) in [("contacts", 2), ("companies", 2), ("deals", 2)] {
        let mut wanted = page(None);
        for _ in 0..2 {
            let (found, next) = match table {
                "contacts" => store.contacts(&owner, &wanted).await.map(|page| (page.items.len(), page.next)),
                "companies" => {
                    store.companies(&owner, &wanted).await.map(|page| (page.items.len(), page.next))
                }
                _ => store.deals(&owner, &wanted).await.map(|page| (page.items.len(), page.next)),
            }
            .unwrap();
            assert_eq!(found, 25, "{table}");
            wanted.after = next;
            watched.walks_in_order(table, table, ids);
        }
    }
    let mut mine = page(None);
    mine.owner_id = Some(member.user_id);
    assert_eq!(store.contacts(&owner, &mine).await.unwrap().items.len(), 25);
    watched.walks_in_order("somebody's contacts", "contacts", 2);
    // Looked for: one of all, many of all; by who sees all and by who sees little.
    for actor in [&owner, &member] {
        let seen = if actor == &owner { 25 } else { 1 };
        for text in [Some("buyer"), Some("given 17"), None] {
            let found = store.contacts(actor, &page(text)).await.unwrap();
            assert!(found.items.len() >= seen || text == Some("given 17"), "{text:?}");
            watched.walks("contacts", "contacts", 2);
            let found = store.companies(actor, &page(text.map(|_| "company"))).await.unwrap();
            assert!(found.items.len() >= seen);
            watched.walks("companies", "companies", 2);
            let found = store.deals(actor, &page(text.map(|_| "deal"))).await.unwrap();
            assert!(found.items.len() >= seen);
            watched.walks("deals", "deals", 2);
        }
        assert_eq!(store.recipients(actor, Some("buyer"), 10).await.unwrap().len(), 10);
        watched.walks("recipients", "contacts", 2);
        assert!(!store.recipients(actor, None, 10).await.unwrap().is_empty());
        watched.walks("recipients without a text", "con", 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_a_piece_of_one_index_whatever_is_asked_of_it() {
    let (world, owner, member) = world().await;
    let begin: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let day = |days| Some(begin + TimeDelta::days(days));
    let none = AuditQuery { limit: 25, ..AuditQuery::default() };
    let actor = Some(member.user_id);
    let action = Some("contact.updated".to_owned());
    let object = Some(id("c3000007-0000-7000-8000-000000000007"));
    let after = Some(AuditPosition { at: begin + TimeDelta::days(2), id: Uuid::nil() });
    let filters = [
        none.clone(),
        AuditQuery { actor, ..none.clone() },
        AuditQuery { action: action.clone(), ..none.clone() },
        AuditQuery { actor, action, ..none.clone() },
        AuditQuery { object, ..none.clone() },
    ];
    for mode in MODES {
        let mut watched = Watched::new(&world, mode);
        for filter in &filters {
            // The latest, those of long ago, those of one day, and the next page.
            for (since, until, after) in
                [(None, None, None), (None, day(2), None), (day(1), day(2), None), (day(1), None, after)]
            {
                let query = AuditQuery { since, until, after, ..filter.clone() };
                let found = watched.store.audit_trail(&owner, &query).await.unwrap();
                assert!(!found.items.is_empty(), "{query:?}");
                for plan in watched.walks(&format!("{query:?}"), "audit", 1) {
                    for bad in ["Sort", "Rows Removed by Filter"] {
                        assert!(!plan.contains(bad), "{bad} in {query:?}, {mode}: {plan}");
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_keys_intake_and_the_outbox_are_walked() {
    let (world, owner, member) = world().await;
    let mailbox = id("b0000001-0000-7000-8000-000000000001").into();
    for mode in MODES {
        let mut watched = Watched::new(&world, mode);
        let store = watched.store.clone();
        for status in [Some(UserStatus::Active), None] {
            let first = store.users(&owner, status, None, 25).await.unwrap();
            let last = first.items.last().map(|user| (user.name.clone(), user.id)).unwrap();
            assert_eq!(store.users(&owner, status, Some(&last), 25).await.unwrap().items.len(), 25);
            for plan in watched.explained.plans_on("users", 2) {
                assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{mode}: {plan}");
            }
        }
        let keys = ApiKeyQuery { limit: 25, ..ApiKeyQuery::default() };
        assert_eq!(store.api_keys(&owner, &keys).await.unwrap().items.len(), 25);
        let user: UserId = id("a1000007-0000-7000-8000-000000000007").into();
        assert_eq!(
            store.api_keys(&owner, &ApiKeyQuery { user: Some(user), ..keys }).await.unwrap().items.len(),
            4
        );
        watched.walks("keys", "api_keys", 2);
        let last = IntakeId(id("c6000777-0000-7000-8000-000000000777"));
        for before in [None, Some(last)] {
            assert_eq!(store.intake(&owner, mailbox, before, 25).await.unwrap().items.len(), 25);
            watched.walks_in_order("intake", "intake", 1);
        }
        let long_ago = Position { at: "2025-12-20T00:00:00Z".parse().unwrap(), id: Uuid::nil().into() };
        for (actor, states, before) in [
            (&owner, vec![], None),
            (&owner, vec![], Some(long_ago)),
            (&owner, vec![DeliveryState::Failed], None),
            (&member, vec![], None),
        ] {
            let query = WrittenQuery { states, before, limit: 10 };
            assert_eq!(store.written_messages(actor, &query).await.unwrap().items.len(), 10, "{query:?}");
            watched.walks("written", "outbox", 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_claimed_from_the_queues_beginning() {
    let (world, ..) = world().await;
    for mode in MODES {
        let mut watched = Watched::new(&world, mode);
        let claimed = watched.store.claim_deliveries(10, Duration::from_secs(60)).await.unwrap();
        assert_eq!(claimed.len(), 10);
        for plan in watched.walks("claim", "outbox_queue", 11) {
            assert!(!plan.contains("Sort"), "{mode}: {plan}");
        }
    }
}
