//! The outbox under workers that die, lose their lease, or come twice: no mail is sent twice by itself.

use crate::world::{Shape, World, address, draft, mail, named, no_answer};
use postroom_domain::{delivery::DeliveryState, message::RfcMessageId};
use postroom_store::{
    DeliveryLease, DeliveryPhase, FolderRole, Ingested, Ownership, RecipientOutcome, ReplyDraft, StoreError,
};
use std::time::Duration;

async fn world_with_reply() -> (World, DeliveryLease) {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    world.execute("UPDATE workspaces SET undo_send_seconds = 0".into()).await;
    world.reply(&world.owner, &card).await.unwrap();
    let lease = claim(&world).await;
    (world, lease)
}

async fn claim(world: &World) -> DeliveryLease {
    world.store.claim_deliveries(10, Duration::from_secs(60)).await.unwrap().remove(0)
}

/// The worker was killed: its lease lapses.
async fn lapse(world: &World) {
    world.execute("UPDATE outbox_queue SET leased_until = now() - interval '1 second'".into()).await;
}

fn retry() -> chrono::Duration {
    chrono::Duration::milliseconds(1)
}

fn sent() -> Vec<(postroom_domain::address::EmailAddress, RecipientOutcome)> {
    vec![(address("ann@customer.test"), RecipientOutcome::Sent { code: 250 })]
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_claim_a_mail_once() {
    let (world, lease) = world_with_reply().await;
    let store = &world.store;
    store.postpone_delivery(&lease, chrono::Utc::now()).await.unwrap();
    let claims = (0..16).map(|_| store.claim_deliveries(5, Duration::from_secs(60)));
    let claimed: usize =
        futures_util::future::join_all(claims).await.into_iter().map(|list| list.unwrap().len()).sum();
    assert_eq!(claimed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_takes_its_whole_way() {
    let (world, lease) = world_with_reply().await;
    let store = &world.store;
    let job = store.delivery(&lease).await.unwrap();
    assert_eq!(job.phase, DeliveryPhase::Send);
    assert_eq!(job.pending, [address("ann@customer.test")]);
    assert_eq!(job.mail.in_reply_to, RfcMessageId::parse("m1@c"));
    assert!(job.mail.text.starts_with("Dear customer\n\nOn "), "{}", job.mail.text);
    store.begin_attempt(&lease).await.unwrap();
    store.begin_data(&lease).await.unwrap();
    assert!(matches!(store.begin_data(&lease).await, Err(StoreError::LeaseLost)), "one body an attempt");
    assert_eq!(store.finish_attempt(&lease, sent(), retry(), 0.0).await.unwrap(), DeliveryState::Sent);
    let copy = claim(&world).await;
    assert_eq!(store.delivery(&copy).await.unwrap().phase, DeliveryPhase::FileCopy);
    store.copy_filed(&copy).await.unwrap();
    assert!(store.claim_deliveries(10, Duration::from_secs(60)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_body_it_is_sent_again() {
    let (world, lease) = world_with_reply().await;
    world.store.begin_attempt(&lease).await.unwrap();
    lapse(&world).await;
    let next = claim(&world).await;
    let job = world.store.delivery(&next).await.unwrap();
    assert_eq!((job.phase, job.pending.len()), (DeliveryPhase::Send, 1));
    assert!(
        matches!(world.store.begin_data(&lease).await, Err(StoreError::LeaseLost)),
        "the dead worker wakes up"
    );
    world.store.begin_attempt(&next).await.unwrap();
    world.store.begin_data(&next).await.unwrap();
    let late = world.store.finish_attempt(&lease, sent(), retry(), 0.0).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_body_it_is_never_sent_again() {
    let (world, lease) = world_with_reply().await;
    let store = &world.store;
    store.begin_attempt(&lease).await.unwrap();
    store.begin_data(&lease).await.unwrap();
    lapse(&world).await;
    let next = claim(&world).await;
    assert!(matches!(store.delivery(&next).await.unwrap().phase, DeliveryPhase::Lost { .. }));
    assert!(
        matches!(store.begin_attempt(&next).await, Err(StoreError::LeaseLost)),
        "no attempt before it is settled"
    );
    assert_eq!(store.resolve_lost(&next, false).await.unwrap(), DeliveryState::Unknown);
    assert!(store.claim_deliveries(10, Duration::from_secs(60)).await.unwrap().is_empty());
    // Its copy turns up in the Sent folder later: it was sent after all.
    let sent_folder =
        world.mailbox_of("olga@acme.test", Ownership::Personal(world.owner.user_id), FolderRole::Sent).await;
    let issued = world
        .cluster
        .texts(&world.database, "SELECT rfc_message_id FROM messages WHERE issued")
        .unwrap()
        .remove(0);
    let copy = mail("one@acme.test", "ann@customer.test", &issued, 9).sent();
    assert!(matches!(world.deliver(&sent_folder, copy).await, Ingested::Known(_)));
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE state = 'sent'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_is_tried_again_and_what_is_refused_is_not() {
    let (world, lease) = world_with_reply().await;
    let store = &world.store;
    store.begin_attempt(&lease).await.unwrap();
    let busy = RecipientOutcome::Deferred { code: Some(451), text: "try later".into() };
    let state =
        store.finish_attempt(&lease, vec![(address("ann@customer.test"), busy)], retry(), 0.0).await.unwrap();
    assert_eq!(state, DeliveryState::Queued);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let next = claim(&world).await;
    let job = store.delivery(&next).await.unwrap();
    assert_eq!((job.phase, job.attempts), (DeliveryPhase::Send, 1));
    store.begin_attempt(&next).await.unwrap();
    let refused = RecipientOutcome::Refused { code: Some(550), text: "no such user".into() };
    let state = store
        .finish_attempt(&next, vec![(address("ann@customer.test"), refused)], retry(), 0.0)
        .await
        .unwrap();
    assert_eq!(state, DeliveryState::Failed);
    assert!(store.claim_deliveries(10, Duration::from_secs(60)).await.unwrap().is_empty());
}

/// The first attempt reached one of two, and the server filed a copy; the second one's answer is lost. The copy in the Sent
/// folder is the first one's: it proves nothing about the other recipient.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_copy_proves_nothing() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let first = mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"]);
    world.deliver(&inbox, first).await;
    let card = world.all().await.remove(0);
    world.execute("UPDATE workspaces SET undo_send_seconds = 0".into()).await;
    let both = ReplyDraft {
        to: Some(vec![named("ann@customer.test"), named("bob@customer.test")]),
        cc: Some(vec![]),
        ..draft("Hello")
    };
    let store = &world.store;
    store.reply(&world.owner, card.id, both, None, no_answer).await.unwrap();
    let lease = claim(&world).await;
    store.begin_attempt(&lease).await.unwrap();
    store.begin_data(&lease).await.unwrap();
    let busy = RecipientOutcome::Deferred { code: Some(451), text: "try later".into() };
    let outcomes = vec![sent().remove(0), (address("bob@customer.test"), busy)];
    store.finish_attempt(&lease, outcomes, retry(), 0.0).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let next = claim(&world).await;
    assert_eq!(store.delivery(&next).await.unwrap().pending, [address("bob@customer.test")]);
    store.begin_attempt(&next).await.unwrap();
    store.begin_data(&next).await.unwrap();
    lapse(&world).await;
    let last = claim(&world).await;
    assert_eq!(store.resolve_lost(&last, true).await.unwrap(), DeliveryState::Unknown);
    assert_eq!(world.count("SELECT count(*) FROM delivery_recipients WHERE state = 'sent'").await, 1);
}
