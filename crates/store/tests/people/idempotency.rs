//! The same request sent twice is carried out once (RPL-7), tried with connecting a mailbox.

use crate::world::{World, new_mailbox};
use postroom_domain::access::Actor;
use postroom_store::{IdempotencyClaim, Mailbox, Outcome, Ownership, StoreError, StoredAnswer};

fn claim(actor: &Actor, key: &str, fingerprint: u8) -> IdempotencyClaim {
    IdempotencyClaim { user: actor.user_id, key: key.into(), fingerprint: [fingerprint; 32] }
}

fn answer(mailbox: &Mailbox) -> StoredAnswer {
    let location = Some(format!("/v1/mailboxes/{}", mailbox.id));
    StoredAnswer { status: 201, location, body: mailbox.address.clone().into_bytes() }
}

async fn connect(
    world: &World,
    actor: &Actor,
    address: &str,
    claim: Option<&IdempotencyClaim>,
) -> Result<Outcome<Mailbox>, StoreError> {
    world.store.create_mailbox(actor, &new_mailbox(address, Ownership::Shared(None)), claim, answer).await
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_have_one_effect_and_one_answer() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let claim = claim(&owner, "same key", 1);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (store, claim) = (world.store.clone(), claim.clone());
        tasks.spawn(async move {
            let new = new_mailbox("support@acme.example", Ownership::Shared(None));
            // A client tries again while the first request still runs.
            loop {
                match store.create_mailbox(&owner, &new, Some(&claim), answer).await {
                    Err(StoreError::KeyInProgress) => tokio::task::yield_now().await,
                    other => return other.unwrap(),
                }
            }
        });
    }
    let (mut done, mut replayed) = (Vec::new(), Vec::new());
    while let Some(outcome) = tasks.join_next().await {
        match outcome.unwrap() {
            Outcome::Done(mailbox) => done.push(answer(&mailbox)),
            Outcome::Replayed(answer) => replayed.push(answer),
        }
    }
    assert_eq!((done.len(), replayed.len()), (1, 19));
    assert!(replayed.iter().all(|answer| *answer == done[0]), "{done:?} {replayed:?}");
    assert_eq!(world.count("SELECT count(*) FROM mailboxes"), 1);
    assert_eq!(world.count("SELECT count(*) FROM events WHERE type = 'mailbox.updated'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_request_and_its_user() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let other = world.user("acme", "anna", postroom_domain::access::Role::Administrator).await;
    let first = connect(&world, &owner, "a@acme.example", Some(&claim(&owner, "k", 1))).await.unwrap();
    assert!(matches!(first, Outcome::Done(_)));
    let reused = connect(&world, &owner, "b@acme.example", Some(&claim(&owner, "k", 2))).await;
    assert!(matches!(reused, Err(StoreError::KeyReused)), "{reused:?}");
    let theirs = connect(&world, &other, "b@acme.example", Some(&claim(&other, "k", 2))).await.unwrap();
    assert!(matches!(theirs, Outcome::Done(_)), "another user's key is another key");
    assert_eq!(world.count("SELECT count(*) FROM mailboxes"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_not_kept() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let key = claim(&owner, "k", 1);
    connect(&world, &owner, "a@acme.example", None).await.unwrap();
    let taken = connect(&world, &owner, "a@acme.example", Some(&key)).await;
    assert!(matches!(taken, Err(StoreError::Taken("address"))), "{taken:?}");
    world.execute("UPDATE mailboxes SET active = false");
    let now = connect(&world, &owner, "a@acme.example", Some(&key)).await.unwrap();
    assert!(matches!(now, Outcome::Done(_)), "the same key is carried out once it can be");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_for_a_day() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let key = claim(&owner, "k", 1);
    connect(&world, &owner, "a@acme.example", Some(&key)).await.unwrap();
    world.execute("UPDATE idempotency_keys SET created_at = now() - interval '23 hours 59 minutes'");
    let again = connect(&world, &owner, "a@acme.example", Some(&key)).await.unwrap();
    assert!(matches!(again, Outcome::Replayed(_)), "{again:?}");
    assert_eq!(world.store.upkeep(chrono::Utc::now()).await.unwrap().idempotency_keys, 0);

    world.execute("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'");
    let anew = connect(&world, &owner, "b@acme.example", Some(&claim(&owner, "k", 2))).await.unwrap();
    assert!(matches!(anew, Outcome::Done(_)), "an old key is as good as new, also before it is purged");
    world.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'");
    assert_eq!(world.store.upkeep(chrono::Utc::now()).await.unwrap().idempotency_keys, 1);
}
