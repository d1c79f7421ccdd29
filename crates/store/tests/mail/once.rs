//! Each mail is stored once, and no thread is split, whatever happens at the same time.

use crate::world::{Reader, Shape, World, mail};
use postroom_store::{FolderRole, Ingested, Ownership, StoreError, View};
use std::collections::HashSet;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_mail_in_two_mailboxes_is_one_message() {
    let world = World::new().await;
    let (one, two) = (world.mailbox("one@acme.test").await, world.mailbox("two@acme.test").await);
    let first = world.deliver(&one, mail("ann@customer.test", "one@acme.test", "a@customer.test", 1)).await;
    let second = world.deliver(&two, mail("ann@customer.test", "one@acme.test", "a@customer.test", 1)).await;
    let Ingested::Stored { message_id, .. } = first else { panic!("{first:?}") };
    assert_eq!(second, Ingested::Known(message_id));
    let mut other = mail("ann@customer.test", "one@acme.test", "a@customer.test", 2);
    other.content_digest = [7; 32];
    let variant = world.deliver(&two, other).await;
    assert!(matches!(variant, Ingested::Stored { conversation_id: None, .. }), "{variant:?}");
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE variant_of IS NOT NULL").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM intake WHERE reason = 'variant'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_position_or_lease_stores_nothing() {
    let world = World::new().await;
    let reader = world.mailbox("one@acme.test").await;
    let step = world.step(&reader).await;
    world.deliver(&reader, mail("ann@customer.test", "one@acme.test", "a@customer.test", 1)).await;
    let again = world
        .store
        .ingest(&reader.lease, &step, mail("ann@customer.test", "one@acme.test", "b@customer.test", 2))
        .await;
    assert!(matches!(again, Err(StoreError::LeaseLost)), "{again:?}");
    let next = world.step(&reader).await;
    assert_eq!(next.uid, step.uid + 1);
    world.execute("UPDATE mailbox_queue SET leased_until = now() - interval '1 second'".into()).await;
    let late = world
        .store
        .ingest(&reader.lease, &next, mail("ann@customer.test", "one@acme.test", "b@customer.test", 2))
        .await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM message_refs").await, 1);
}

/// Parent and child, or the very same mail, read from two mailboxes at the same moment, many times over.
#[tokio::test(flavor = "multi_thread")]
async fn two_readers_at_once_split_no_thread() {
    let world = World::new().await;
    let (one, two) = (world.mailbox("one@acme.test").await, world.mailbox("two@acme.test").await);
    for round in 0..40 {
        let parent = format!("p{round}@customer.test");
        let child = format!("c{round}@customer.test");
        let mine =
            mail("ann@customer.test", "one@acme.test", &parent, round).subject(&format!("Offer {round}"));
        // A long exchange names many mails.
        let line = if round % 2 == 0 { 0 } else { 20 };
        let before: Vec<String> = (0..line).map(|n| format!("b{round}-{n}@customer.test")).collect();
        let named: Vec<&str> = before.iter().chain([&parent]).map(String::as_str).collect();
        let reply = mail("bob@customer.test", "one@acme.test", &child, round + 1)
            .subject(&format!("Re: Offer {round}"))
            .answering(&named);
        let (first, second) = (world.step(&one).await, world.step(&two).await);
        let (a, b) = tokio::join!(
            world.store.ingest(&one.lease, &first, mine.clone()),
            world.store.ingest(&two.lease, &second, reply.clone()),
        );
        a.unwrap();
        b.unwrap();
        let (first, second) = (world.step(&one).await, world.step(&two).await);
        let (a, b) = tokio::join!(
            world.store.ingest(&one.lease, &first, reply),
            world.store.ingest(&two.lease, &second, mine)
        );
        assert!(matches!((a.unwrap(), b.unwrap()), (Ingested::Known(_), Ingested::Known(_))));
    }
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 80);
    assert_eq!(world.count("SELECT count(DISTINCT thread_id) FROM messages").await, 40);
    assert_eq!(world.count("SELECT count(*) FROM conversations").await, 40);
    assert_eq!(world.count("SELECT count(DISTINCT number) FROM conversations").await, 40);
    // Gapless and complete: a message and a conversation each, and a change of the conversation or none.
    assert_eq!(world.count("SELECT count(*) - max(number) FROM events").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM events WHERE type = 'conversation.created'").await, 40);
}

/// The middle of a line of mails comes last: the two ends were threads of their own until then.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_parent_makes_two_threads_one() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let sent =
        world.mailbox_of("tom@acme.test", Ownership::Personal(world.member.user_id), FolderRole::Sent).await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1)).await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m3@c", 3).answering(&["m2@c"])).await;
    assert_eq!(world.count("SELECT count(DISTINCT thread_id) FROM messages").await, 2);
    let before = world.all().await;
    assert_eq!(before.len(), 1, "the answer to a mail that we never saw is a conversation");
    world
        .deliver(&sent, mail("tom@acme.test", "ann@customer.test", "m2@c", 2).answering(&["m1@c"]).sent())
        .await;
    assert_eq!(world.count("SELECT count(DISTINCT thread_id) FROM messages").await, 1);
    let after = world.all().await;
    assert_eq!(after.iter().map(|card| card.id).collect::<Vec<_>>(), [before[0].id]);
    assert_eq!((after[0].message_count, after[0].last_message.preview.as_str()), (3, "text of m3@c"));
}

/// Two conversations turn out to be one: the older stays, the younger's address tells where it went.
#[tokio::test(flavor = "multi_thread")]
async fn two_conversations_become_one() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let sent =
        world.mailbox_of("tom@acme.test", Ownership::Personal(world.member.user_id), FolderRole::Sent).await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["m0@c"])).await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m3@c", 3).answering(&["m2@c"])).await;
    let cards = world.all().await;
    let (younger, older) = (&cards[0], &cards[1]);
    assert_eq!((older.number, younger.number), (1, 2));
    world
        .deliver(&sent, mail("tom@acme.test", "ann@customer.test", "m2@c", 2).answering(&["m1@c"]).sent())
        .await;
    let left = world.all().await;
    assert_eq!(left.iter().map(|card| card.id).collect::<Vec<_>>(), [older.id]);
    assert_eq!((left[0].message_count, left[0].unseen_replies), (3, 2));
    let gone = world.store.conversation(&world.owner, younger.id).await;
    assert!(matches!(gone, Err(StoreError::Merged(into)) if into == older.id), "{gone:?}");
    let hidden = world.store.conversation(&world.member, younger.id).await;
    assert!(matches!(hidden, Err(StoreError::NotFound)), "{hidden:?}");
}

/// An outsider who knows two Message-IDs sends the mail between them: nothing is welded together.
#[tokio::test(flavor = "multi_thread")]
async fn an_outsider_welds_nothing_together() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["m0@c"])).await;
    world.deliver(&inbox, mail("zoe@other.test", "one@acme.test", "m3@c", 3).answering(&["m2@c"])).await;
    world.deliver(&inbox, mail("mallory@evil.test", "one@acme.test", "m2@c", 4).answering(&["m1@c"])).await;
    let cards = world.all().await;
    assert_eq!(cards.len(), 2);
    let numbers: HashSet<i64> = cards.iter().map(|card| card.number).collect();
    assert_eq!(numbers, HashSet::from([1, 2]));
    assert_eq!(world.count("SELECT count(*) FROM threads WHERE related_to IS NOT NULL").await, 1);
    // The stranger is shown, and is nobody's default recipient.
    let hit = cards.iter().find(|card| card.number == 1).unwrap();
    let detail = world.store.conversation(&world.owner, hit.id).await.unwrap();
    assert_eq!(
        detail.reply_defaults.to.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(),
        ["ann@customer.test"]
    );
    assert!(detail.reply_defaults.cc.is_empty());
    assert!(detail.participants.iter().all(|one| one.email != "mallory@evil.test"));
    let page = world.store.conversation_messages(&world.owner, hit.id, None, 10).await.unwrap();
    assert_eq!(
        page.items.iter().map(|message| message.threading.sender_known).collect::<Vec<_>>(),
        [true, false]
    );
    assert!(world.stream(&world.member, View::Mine, postroom_store::StatusFilter::All).await.is_empty());
}

/// Customers and users write into one conversation at the same moment: everybody's message is there, counted and numbered.
#[tokio::test(flavor = "multi_thread")]
async fn all_write_at_once() {
    let world = World::new().await;
    let (one, two) = (world.mailbox("one@acme.test").await, world.mailbox("two@acme.test").await);
    world.deliver(&one, mail("ann@customer.test", "one@acme.test", "m0@c", 0).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    let incoming = async |reader: &Reader, name: &str| {
        for n in 0..15 {
            let id = format!("{name}{n}@c");
            world
                .deliver(reader, mail("ann@customer.test", "one@acme.test", &id, n).answering(&["m0@c"]))
                .await;
        }
    };
    let replies = async || {
        for _ in 0..15 {
            world.reply(&world.owner, &card).await.unwrap();
        }
    };
    let started = std::time::Instant::now();
    tokio::join!(incoming(&one, "a"), incoming(&two, "b"), replies(), replies());
    // A deadlock would be found by the server after a second, and retried: it must not come to that.
    let deadlocks =
        world.count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await;
    assert_eq!(deadlocks, 0, "after {:?}", started.elapsed());
    let card = world.all().await.remove(0);
    assert_eq!(card.message_count, 61);
    assert_eq!(world.count("SELECT count(*) FROM outbox_queue").await, 30);
    assert_eq!(world.count("SELECT count(*) - max(number) FROM events").await, 0);
}
