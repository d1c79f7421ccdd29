//! Where mails go that are made to go wrong (MAIL-9 to MAIL-16): each case with what must come of it.

use crate::world::{Reader, Shape, World, draft, mail, named, no_answer};
use postroom_domain::{ids::MessageId, incoming::IncomingMail, message::RfcMessageId};
use postroom_store::{Card, FolderRole, Ingested, Message, Outcome, Ownership, ReplyDraft};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

const HELP: &str = "help@acme.test";
const ANN: &str = "ann@customer.test";

async fn stored(world: &World, reader: &Reader, mail: IncomingMail) -> Message {
    let Ingested::Stored { message_id, .. } = world.deliver(reader, mail).await else { panic!("stored") };
    world.store.message(&world.owner, message_id).await.unwrap()
}

fn rule(message: &Message) -> (&str, bool) {
    (message.threading.rule.as_str(), message.threading.sender_known)
}

/// A conversation with Ann, whose last message is ours: its card, and the id and token that we gave our mail.
async fn answered(world: &World, inbox: &Reader) -> (Card, MessageId, String, String) {
    world.deliver(inbox, mail(ANN, HELP, "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    let reply = world.reply(&world.owner, &card).await.unwrap().id;
    let texts = async |sql: &'static str| {
        let (cluster, database) = (world.cluster, world.database.clone());
        let found = tokio::task::spawn_blocking(move || cluster.texts(&database, sql).unwrap());
        found.await.unwrap().remove(0)
    };
    let issued = texts("SELECT rfc_message_id FROM messages WHERE issued").await;
    let token =
        texts("SELECT refs[1] FROM message_bodies WHERE cardinality(refs) > 0 AND refs[1] LIKE 'c.%'").await;
    (card, reply, issued, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_counts_whatever_the_subject_and_a_subject_never_alone() {
    let world = World::new().await;
    let inbox = world.mailbox(HELP).await;
    let (card, ..) = answered(&world, &inbox).await;
    let deliver = async |mail: IncomingMail| stored(&world, &inbox, mail).await;
    // Another subject, also a forward's: the reference tells.
    let renamed =
        deliver(mail(ANN, HELP, "a@c", 90_000).subject("Fwd: Something else").answering(&["m1@c"])).await;
    assert_eq!((rule(&renamed), renamed.conversation_id), (("reference", true), Some(card.id)));
    // A program that gives no reference: the subject, from who takes part, as a reply.
    let bare = deliver(mail(ANN, HELP, "b@c", 90_001).subject("Re: Offer")).await;
    assert_eq!((rule(&bare), bare.conversation_id), (("subject_and_party", true), Some(card.id)));
    // The same person with the same subject, but nothing answered; with another subject; a stranger; another mailbox.
    let other = world.mailbox("other@acme.test").await;
    let anew = deliver(mail(ANN, HELP, "c@c", 90_002).subject("Offer")).await;
    let changed = deliver(mail(ANN, HELP, "d@c", 90_003).subject("Re: Other")).await;
    let stranger = deliver(mail("eve@else.test", HELP, "e@c", 90_004).subject("Re: Offer")).await;
    let elsewhere =
        stored(&world, &other, mail(ANN, "other@acme.test", "f@c", 90_005).subject("Re: Offer")).await;
    for one in [&anew, &changed, &stranger, &elsewhere] {
        assert_eq!((rule(one), one.conversation_id), (("new_thread", true), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_mail_is_known_under_the_id_that_a_server_gave_it() {
    let world = World::new().await;
    let inbox = world.mailbox(HELP).await;
    let (card, reply, issued, token) = answered(&world, &inbox).await;
    let sent = world.mailbox_of("tom@acme.test", Ownership::Shared(None), FolderRole::Sent).await;
    // Answered before its copy was seen: by the token.
    let early =
        stored(&world, &inbox, mail(ANN, HELP, "a1@c", 90_000).answering(&[&token, "made-up@relay"])).await;
    assert_eq!((rule(&early), early.conversation_id), (("conversation_token", true), Some(card.id)));
    assert_eq!(early.threading.matched.as_deref(), Some(token.as_str()));
    // The copy in Sent, filed by the server under the id that it gave, is the mail that we sent.
    let copy = mail(HELP, ANN, "other@relay", 90_001).answering(&[&token, "m1@c"]).sent();
    let lease = world.store.claim_deliveries(10, Duration::from_secs(60)).await.unwrap();
    let lease = match lease.as_slice() {
        [lease] => *lease,
        _ => {
            world.execute("UPDATE outbox_queue SET due_at = now() - interval '1 minute'".into()).await;
            world.store.claim_deliveries(10, Duration::from_secs(60)).await.unwrap().remove(0)
        }
    };
    let blob = world.store.put_raw_mail(world.owner.workspace_id, "raw".into()).await.unwrap();
    world.store.keep_rendered(&lease, blob, copy.content_digest, blob).await.unwrap();
    let count = world.all().await[0].message_count;
    assert_eq!(world.deliver(&sent, copy).await, Ingested::Known(reply));
    assert_eq!(world.all().await[0].message_count, count, "it is no second message");
    // From then on both ids are ours.
    for (n, id) in [(2, "other@relay"), (3, issued.as_str())] {
        let answer = mail(ANN, HELP, &format!("a{n}@c"), 90_000 + n).subject("No").answering(&[id]);
        let answer = stored(&world, &inbox, answer).await;
        assert_eq!((rule(&answer), answer.conversation_id), (("reference", true), Some(card.id)), "{id}");
    }
    // A token that was made up leads nowhere; one in another's Sent copy with other words is another mail.
    let forged = format!("c.{}@acme.test", "A".repeat(22));
    let forged =
        stored(&world, &inbox, mail("eve@else.test", HELP, "e@c", 90_010).answering(&[&forged])).await;
    assert_eq!(rule(&forged), ("new_thread", true));
    let written = mail(HELP, ANN, "by-hand@acme", 90_011).answering(&[&token, "m1@c"]).sent();
    let written = stored(&world, &sent, written).await;
    assert_eq!(written.conversation_id, Some(card.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn naming_a_mail_first_claims_nothing() {
    let world = World::new().await;
    let inbox = world.mailbox(HELP).await;
    // An outsider names mails that are still to come, of two people who know nothing of each other.
    let claim = mail("mallory@evil.test", HELP, "claim@evil", 1).answering(&["ann1@c", "zoe1@c"]);
    let claim = stored(&world, &inbox, claim).await;
    let ann = stored(&world, &inbox, mail(ANN, HELP, "ann1@c", 2).subject("Pumps")).await;
    let zoe = stored(&world, &inbox, mail("zoe@other.test", HELP, "zoe1@c", 3).subject("Valves")).await;
    // Theirs joins the first that comes, whose writer takes part; then nobody else's does.
    assert_eq!((rule(&ann), ann.thread_id), (("late_parent", true), claim.thread_id));
    let claim = world.store.message(&world.owner, claim.id).await.unwrap();
    assert!(!claim.threading.sender_known, "as if it had come after what it names");
    assert_eq!(rule(&zoe), ("new_thread", true));
    assert_ne!(zoe.thread_id, ann.thread_id);
    assert_eq!(
        world.count("SELECT count(*) FROM threads WHERE related_to IS NOT NULL").await,
        1,
        "they are linked"
    );
    // Who answers Ann is with Ann.
    let reply =
        stored(&world, &inbox, mail("ben@customer.test", HELP, "ben1@c", 4).answering(&["ann1@c"])).await;
    assert_eq!(reply.thread_id, ann.thread_id);
    // What really was answered joins: its people take part in what waited for it, or we wrote it.
    let waiting =
        stored(&world, &inbox, mail(ANN, HELP, "late2@c", 5).subject("B").answering(&["late1@acme"])).await;
    let sent = world.mailbox_of("tom@acme.test", Ownership::Shared(None), FolderRole::Sent).await;
    let ours =
        stored(&world, &sent, mail("tom@acme.test", "carl@customer.test", "late1@acme", 6).sent()).await;
    assert_eq!((ours.thread_id, rule(&ours).0), (waiting.thread_id, "late_parent"));
}

/// A customer forwards our mail to somebody, who answers: shown, with a warning, and nobody's default recipient before one
/// of us has written to them.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_it_was_forwarded_to_takes_part_when_one_of_us_says_so() {
    let world = World::new().await;
    let inbox = world.mailbox(HELP).await;
    let (card, _, issued, _) = answered(&world, &inbox).await;
    let mut forwarded = mail("fred@customer.test", HELP, "f1@c", 90_000).answering(&[&issued]);
    forwarded.reply_to = vec![named("elsewhere@evil.test")];
    let message = stored(&world, &inbox, forwarded).await;
    assert_eq!((rule(&message), message.conversation_id), (("reference", false), Some(card.id)));
    let detail = async || world.store.conversation(&world.owner, card.id).await.unwrap();
    let recipients = async || {
        let defaults = detail().await.reply_defaults;
        defaults
            .to
            .into_iter()
            .chain(defaults.cc)
            .map(|one| one.address.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(recipients().await, [ANN]);
    assert_eq!(detail().await.card.unseen_replies, 1, "somebody must look");
    let to_fred =
        ReplyDraft { to: Some(vec![named(ANN), named("fred@customer.test")]), force: true, ..draft("Hello") };
    let Outcome::Done(_) = world.store.reply(&world.owner, card.id, to_fred, None, no_answer).await.unwrap()
    else {
        panic!("no replay")
    };
    let again =
        stored(&world, &inbox, mail("fred@customer.test", HELP, "f2@c", 90_001).answering(&["f1@c"])).await;
    assert_eq!(rule(&again), ("reference", true));
    assert!(recipients().await.contains(&"fred@customer.test".to_owned()));
    // A Reply-To in another domain is nobody's default, known sender or not.
    let mut away = mail(ANN, HELP, "m9@c", 90_002).answering(&[&issued]);
    away.reply_to = vec![named("ann@evil.test")];
    stored(&world, &inbox, away).await;
    assert!(recipients().await.iter().all(|address| !address.ends_with("evil.test")));
}

#[tokio::test(flavor = "multi_thread")]
async fn references_may_be_circles_and_very_many() {
    let world = World::new().await;
    let inbox = world.mailbox(HELP).await;
    let circle = [("a@c", "c@c"), ("b@c", "a@c"), ("c@c", "b@c")];
    let mut threads = BTreeSet::new();
    for (number, (id, answers)) in (0..).zip(circle) {
        threads.insert(
            stored(&world, &inbox, mail(ANN, HELP, id, number).answering(&[answers, id])).await.thread_id,
        );
    }
    assert_eq!(threads.len(), 1);
    let mut long = mail(ANN, HELP, "long@c", 10);
    long.headers.references =
        (0..10_000).map(|number| RfcMessageId::parse(&format!("r{number}@c")).unwrap()).collect();
    long.headers.references.push(RfcMessageId::parse("b@c").unwrap());
    let started = Instant::now();
    let message = stored(&world, &inbox, long.clone()).await;
    println!("10,001 references in {:?}", started.elapsed());
    assert!(threads.contains(&message.thread_id));
    assert!(world.count("SELECT count(*) FROM message_refs").await < 60, "only the nearest are looked at");
    // The same id with other words: shown once, and listed.
    long.content_digest = [9; 32];
    let Ingested::Stored { message_id, conversation_id: None } = world.deliver(&inbox, long).await else {
        panic!("a variant is in no conversation")
    };
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE variant_of IS NOT NULL").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM intake WHERE reason = 'variant'").await, 1);
    assert_ne!(message_id, message.id);
    // Whoever takes a known id for a mail of theirs gets neither the id nor a part in the thread.
    let taken = stored(&world, &inbox, mail("mallory@evil.test", HELP, "long@c", 11).subject("Mine")).await;
    assert_eq!((taken.thread_id, taken.threading.sender_known), (message.thread_id, false));
    assert_eq!(world.count("SELECT count(*) FROM thread_parties WHERE address LIKE 'mallory%'").await, 0);
    let theirs = stored(&world, &inbox, mail("mallory@evil.test", HELP, "own@evil", 11).subject("Own")).await;
    let mut both = mail("mallory@evil.test", HELP, "long@c", 12).subject("Own").answering(&["own@evil"]);
    both.content_digest = [8; 32];
    assert_eq!(stored(&world, &inbox, both).await.thread_id, theirs.thread_id);
    let after = stored(&world, &inbox, mail(ANN, HELP, "after@c", 13).answering(&["long@c"])).await;
    assert_eq!(after.thread_id, message.thread_id);
}

/// A correspondence of three with both sides' mails, a mail that names two lines, and one that lacks its parent: in thirty
/// orders it ends with the same threads, conversations and counts.
#[tokio::test(flavor = "multi_thread")]
async fn any_order_of_delivery_ends_the_same() {
    let world = World::new().await;
    let inbox = world.mailbox(HELP).await;
    let sent = world.mailbox_of("tom@acme.test", Ownership::Shared(None), FolderRole::Sent).await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut ends: BTreeMap<(Vec<Vec<usize>>, Vec<i64>), usize> = BTreeMap::new();
    for round in 0..30 {
        let id = |name: &str| format!("{name}{round}@c");
        let ann = format!("ann{round}@customer.test");
        let bob = format!("bob{round}@customer.test");
        let answer = |from: &str, to: &str, own: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| id(name)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut mail = mail(from, to, &id(own), 1).subject(&format!("S {own} {round}")).answering(&names);
            mail.cc =
                [ann.as_str(), bob.as_str()].into_iter().filter(|one| *one != from).map(named).collect();
            mail
        };
        let mails = [
            (&inbox, answer(&ann, HELP, "a", &[])),
            (&sent, answer("tom@acme.test", &ann, "b", &["a"]).sent()),
            (&inbox, answer(&bob, HELP, "c", &["a", "b"])),
            (&inbox, answer(&ann, HELP, "d", &["lost"])),
            (&sent, answer("tom@acme.test", &bob, "e", &["lost", "d"]).sent()),
            (&inbox, answer(&bob, HELP, "f", &["e", "c"])),
            (&inbox, answer(&ann, HELP, "g", &[])),
            (&inbox, answer(&bob, HELP, "h", &["g"])),
            // Both answer what we wrote to them, each to us alone.
            (&sent, answer("tom@acme.test", HELP, "i", &[]).sent()),
            (&inbox, IncomingMail { cc: vec![], ..answer(&ann, HELP, "j", &["i"]) }),
            (&inbox, IncomingMail { cc: vec![], ..answer(&bob, HELP, "k", &["i"]) }),
        ];
        let mut order: Vec<usize> = (0..mails.len()).collect();
        order.shuffle(&mut random);
        let mut threads: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut made = Vec::new();
        for &number in &order {
            let (reader, mail) = &mails[number];
            let Ingested::Stored { message_id, .. } = world.deliver(reader, mail.clone()).await else {
                panic!()
            };
            made.push((number, message_id));
        }
        for (number, id) in made {
            let message = world.store.message(&world.owner, id).await.unwrap();
            threads.entry(message.thread_id).or_default().push(number);
        }
        let mut groups: Vec<Vec<usize>> = threads.into_values().collect();
        groups.iter_mut().for_each(|group| group.sort_unstable());
        groups.sort();
        let cards = world.all().await;
        let ours = cards.iter().filter(|card| {
            card.primary_contact.email.as_deref().is_some_and(|email| email == ann || email == bob)
        });
        let mut counts: Vec<i64> = ours.map(|card| i64::from(card.message_count)).collect();
        counts.sort_unstable();
        *ends.entry((groups, counts)).or_default() += 1;
    }
    let expected = (vec![vec![0, 1, 2, 3, 4, 5], vec![6, 7], vec![8, 9, 10]], vec![2, 3, 6]);
    assert_eq!(ends, BTreeMap::from([(expected, 30)]));
}
