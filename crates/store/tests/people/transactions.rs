//! Connections come back whole from whatever happens to a use case.

use crate::world::{World, cluster};
use postroom_domain::ids::ContactId;
use postroom_store::{MePatch, StoreError};
use std::{collections::HashSet, time::Duration};
use uuid::Uuid;

/// The server's processes behind the store's connections to this database.
fn connections(world: &World) -> HashSet<String> {
    let sql = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'postroom'";
    cluster().texts(&world.database, sql).unwrap().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_found_costs_no_connection() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let mut seen = HashSet::new();
    for _ in 0..40 {
        let missing = world.store.contact(&owner, ContactId(Uuid::new_v4())).await;
        assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
        seen.extend(connections(&world));
    }
    assert!(seen.len() <= 8, "no more than the pool has: {}", seen.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_use_case_leaves_nothing_behind() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let database = world.database.clone();
    // Somebody holds the user's row for a while.
    let holder = std::thread::spawn(move || {
        cluster()
            .execute(&database, "BEGIN; UPDATE users SET name = 'Held'; SELECT pg_sleep(1.5); ROLLBACK")
            .unwrap();
    });
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    while world.count(sleeping) == 0 {
        tokio::task::yield_now().await;
    }
    let patch = MePatch { name: Some("Late".into()), ..MePatch::default() };
    let mut cancelled = Vec::new();
    for _ in 0..8 {
        let edit = world.store.update_me(&owner, None, &patch);
        cancelled.push(tokio::time::timeout(Duration::from_millis(50), edit).await.is_err());
    }
    assert_eq!(cancelled, [true; 8], "all wait for the row, and all are cancelled");
    holder.join().unwrap();
    let me = world.store.me(&owner).await.unwrap();
    assert_eq!((me.user.name.as_str(), me.user.version), ("Olga Owner", 1), "nothing of them was saved");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    for _ in 0..200 {
        if world.count(open) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} transactions stay open", world.count(open));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_workspace_never_leaks_into_the_next_use_of_a_connection() {
    let world = World::new();
    let [acme, other] = [world.workspace("acme").await, world.workspace("other").await];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (store, actor) = (world.store.clone(), if number % 2 == 0 { acme } else { other });
        tasks.spawn(async move {
            let users = store.users(&actor, None, None, 100).await.unwrap();
            let slug = store.workspace(&actor).await.unwrap().slug;
            (number % 2 == 0, slug, users.items.into_iter().map(|user| user.email).collect::<Vec<_>>())
        });
    }
    while let Some(seen) = tasks.join_next().await {
        let (is_acme, slug, emails) = seen.unwrap();
        let expected = if is_acme { "acme" } else { "other" };
        assert_eq!((slug.as_str(), emails), (expected, vec![format!("owner@{expected}.example")]));
    }
}
