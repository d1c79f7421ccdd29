//! Loops are cut (MAIL-13), and nothing else is.

use crate::world::{Shape, World, at, mail};
use chrono::Duration;
use postroom_domain::incoming::IncomingMail;
use postroom_store::{BlobHash, Change, Ingested, IntakeReason};
use std::time::Instant;

/// The n-th answer of a program that answers everything.
fn vacation(from: &str, number: i64) -> IncomingMail {
    let mut mail = mail(from, "help@acme.test", &format!("away{number}.{from}"), number).answering(&["m1@c"]);
    mail.automatic = true;
    mail
}

async fn intake_count(world: &World) -> i64 {
    world.count("SELECT count(*) FROM intake WHERE reason = 'loop'").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_war_of_vacation_responders_ends() {
    let world = World::new().await;
    let (inbox, other) = (world.mailbox("help@acme.test").await, world.mailbox("other@acme.test").await);
    world.deliver(&inbox, mail("ann@customer.test", "help@acme.test", "m1@c", 0).answering(&["x@c"])).await;
    let before = world.all().await.remove(0);
    let started = Instant::now();
    let mut cut = 0;
    for number in 0..400 {
        for from in ["ann@customer.test", "bob@customer.test"] {
            let ingested = world.deliver(&inbox, vacation(from, number)).await;
            let is_cut = ingested == Ingested::Listed(IntakeReason::Loop);
            assert_eq!(is_cut, number >= 20, "{number} {ingested:?}");
            cut += i64::from(is_cut);
        }
    }
    println!("800 automatic answers in {:?}", started.elapsed());
    assert_eq!((cut, intake_count(&world).await), (760, 760));
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 41);
    let after = world.all().await.remove(0);
    assert_eq!((after.status, after.unseen_replies), (before.status, before.unseen_replies));
    assert_eq!(after.last_activity_at, before.last_activity_at);
    // The mailbox goes on, for the same sender too; so does every other mailbox.
    let person = mail("ann@customer.test", "help@acme.test", "m2@c", 401).answering(&["m1@c"]);
    assert!(matches!(world.deliver(&inbox, person).await, Ingested::Stored { .. }));
    let elsewhere = world.deliver(&other, vacation("ann@customer.test", 401)).await;
    assert!(matches!(elsewhere, Ingested::Stored { .. }), "{elsewhere:?}");
    // One event for each loop, however long it goes on.
    let told = world.store.events(&world.owner, 0, 100).await.unwrap();
    assert!(told.latest < 100, "{}", told.latest);
    let told = told.events.into_iter().filter(|event| event.change == Change::MailboxLoop(inbox.id)).count();
    assert_eq!(told, 2);
    // It is one row for each, and none when it is over.
    assert_eq!(world.count("SELECT count(*) FROM mail_bursts").await, 5);
    world.store.upkeep(chrono::Utc::now() + Duration::hours(2)).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM mail_bursts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_is_taken_in_once_more() {
    let world = World::new().await;
    let inbox = world.mailbox("help@acme.test").await;
    let raw: BlobHash = world.store.put_raw_mail(world.owner.workspace_id, "x".into()).await.unwrap();
    for number in 0..21 {
        let mut same = mail("ann@customer.test", "help@acme.test", &format!("m{number}@c"), number);
        same.segments.iter_mut().for_each(|segment| segment.text = "The  pump\nis broken".into());
        same.raw_sha256 = Some(raw);
        world.deliver(&inbox, same).await;
    }
    let entry = world.store.intake(&world.owner, inbox.id, None, 10).await.unwrap().items.remove(0);
    assert_eq!((entry.reason, entry.message_id), (IntakeReason::Loop, None));
    assert!(entry.has_raw && entry.detail.contains("More than 20"), "{entry:?}");
    let again = mail("ann@customer.test", "help@acme.test", "m20@c", 20);
    let (entry, taken) = world.store.replay_intake(&world.owner, inbox.id, entry.id, &again).await.unwrap();
    let Ingested::Stored { message_id, .. } = taken else { panic!("{taken:?}") };
    assert_eq!(entry.message_id, Some(message_id));
    assert_eq!(intake_count(&world).await, 1);
}

/// A busy customer, and one who writes the same over and over, but not so often.
#[tokio::test(flavor = "multi_thread")]
async fn people_are_not_cut_off() {
    let world = World::new().await;
    let inbox = world.mailbox("help@acme.test").await;
    for number in 0..60 {
        let busy = mail("ann@customer.test", "help@acme.test", &format!("m{number}@c"), number);
        assert!(matches!(world.deliver(&inbox, busy).await, Ingested::Stored { .. }), "{number}");
        let mut patient = mail("bob@customer.test", "help@acme.test", &format!("p{number}@c"), 0);
        patient.received_at = at(31 * number);
        patient.segments.iter_mut().for_each(|segment| segment.text = "Any news?".into());
        assert!(matches!(world.deliver(&inbox, patient).await, Ingested::Stored { .. }), "{number}");
    }
    assert_eq!(intake_count(&world).await, 0);
}

/// A second reading adds nothing, also when the first is long forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_read_again_lists_a_loop_once() {
    let world = World::new().await;
    let inbox = world.mailbox("help@acme.test").await;
    for round in 0..2 {
        for number in 0..30 {
            let mut old = vacation("ann@customer.test", number);
            old.imported = true;
            let raw = format!("mail {number}");
            old.raw_sha256 =
                Some(world.store.put_raw_mail(world.owner.workspace_id, raw.into()).await.unwrap());
            let ingested = world.deliver(&inbox, old).await;
            let expected = match (number >= 20, round) {
                (true, 0) => ingested == Ingested::Listed(IntakeReason::Loop),
                (true, _) => ingested == Ingested::ListedBefore(IntakeReason::Loop),
                (false, 0) => matches!(ingested, Ingested::Stored { .. }),
                (false, _) => matches!(ingested, Ingested::Known(_)),
            };
            assert!(expected, "{round} {number} {ingested:?}");
        }
        world.store.upkeep(chrono::Utc::now() + Duration::hours(2)).await.unwrap();
    }
    assert_eq!(intake_count(&world).await, 10);
}
