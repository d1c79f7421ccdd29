//! A mail is sent or taken back, never both and never neither (RPL-5); sent again only to those who missed it (SND-3).

use crate::world::{Shape, World, address, draft, mail, named, no_answer};
use postroom_domain::{
    access::{Actor, Role},
    delivery::DeliveryState,
    ids::MessageId,
};
use postroom_store::{
    Card, DeliveryLease, DeliveryPhase, Message, NewMailDraft, NewUser, NewWorkspace, Outcome,
    RecipientOutcome, ReplyDraft, StoreError, WrittenQuery,
};
use std::time::Duration;

async fn world() -> (World, Card) {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    world.execute("UPDATE workspaces SET undo_send_seconds = 0".into()).await;
    (world, card)
}

async fn reply(world: &World, card: &Card, draft: ReplyDraft) -> Message {
    match world.store.reply(&world.owner, card.id, draft, None, no_answer).await.unwrap() {
        Outcome::Done(message) => message,
        Outcome::Replayed(_) => panic!("nothing to replay"),
    }
}

async fn claim(world: &World) -> Vec<DeliveryLease> {
    world.store.claim_deliveries(10, Duration::from_secs(60)).await.unwrap()
}

fn refused() -> RecipientOutcome {
    RecipientOutcome::Refused { code: Some(550), text: "no such user".into() }
}

/// One attempt with these outcomes.
async fn attempt(world: &World, outcomes: &[(&str, RecipientOutcome)]) -> DeliveryState {
    let lease = claim(world).await.remove(0);
    let store = &world.store;
    store.begin_attempt(&lease).await.unwrap();
    store.begin_data(&lease).await.unwrap();
    let outcomes = outcomes.iter().map(|(to, outcome)| (address(to), outcome.clone())).collect();
    let state = store.finish_attempt(&lease, outcomes, chrono::Duration::milliseconds(1), 0.0).await.unwrap();
    if state == DeliveryState::Sending {
        let lost = claim(world).await.remove(0);
        return store.resolve_lost(&lost, false).await.unwrap();
    }
    for copy in claim(world).await {
        store.copy_filed(&copy).await.unwrap();
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_was_never_written() {
    let (world, card) = world().await;
    let before = world.store.conversation(&world.owner, card.id).await.unwrap();
    let wrong = ReplyDraft {
        to: Some(vec![named("wrong@rival.test")]),
        bcc: vec![named("blind@rival.test")],
        ..draft("To the wrong one")
    };
    let message = reply(&world, &card, wrong).await;
    assert_eq!(world.all().await[0].last_message.id, message.id);
    let request = world.store.cancel_message(&world.owner, message.id).await.unwrap();
    assert_eq!(request["text"], "To the wrong one");
    let mut after = world.store.conversation(&world.owner, card.id).await.unwrap();
    // It was activity, and opened the conversation: that stays (RPL-5).
    after.card.last_activity_at = before.card.last_activity_at;
    after.card.updated_at = before.card.updated_at;
    after.card.unread = before.card.unread;
    after.card.unseen_replies = before.card.unseen_replies;
    assert_eq!(after, before, "the card, who takes part and who is answered by default");
    assert!(matches!(world.store.message(&world.owner, message.id).await, Err(StoreError::NotFound)));
    let again = world.store.cancel_message(&world.owner, message.id).await;
    assert!(matches!(again, Err(StoreError::NotFound)), "{again:?}");
    for table in ["outbox", "outbox_queue", "delivery_recipients"] {
        let sql: &'static str = Box::leak(format!("SELECT count(*) FROM {table}").into_boxed_str());
        assert_eq!(world.count(sql).await, 0, "{table}");
    }
    assert_eq!(world.count("SELECT count(*) FROM events WHERE type = 'message.removed'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'message.taken_back'").await, 1);
    assert!(claim(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_known_before_stays_known() {
    let (world, card) = world().await;
    let with = |to: &str, bcc: Option<&str>| ReplyDraft {
        to: Some(vec![named(to)]),
        cc: Some(vec![]),
        bcc: bcc.map(named).into_iter().collect(),
        ..draft("x")
    };
    reply(&world, &card, with("ann@customer.test", Some("blind@customer.test"))).await;
    let second = reply(&world, &card, with("blind@customer.test", None)).await;
    let third = reply(&world, &card, with("zoe@customer.test", None)).await;
    let fourth = reply(&world, &card, with("zoe@customer.test", None)).await;
    let people = async || {
        let detail = world.store.conversation(&world.owner, card.id).await.unwrap();
        detail.participants.into_iter().map(|one| one.email).collect::<Vec<_>>()
    };
    assert_eq!(people().await, ["ann@customer.test", "blind@customer.test", "zoe@customer.test"]);
    world.store.cancel_message(&world.owner, second.id).await.unwrap();
    assert_eq!(people().await, ["ann@customer.test", "zoe@customer.test"], "in blind copy again (RPL-2)");
    assert_eq!(world.count("SELECT count(*) FROM thread_parties WHERE hidden").await, 1);
    world.store.cancel_message(&world.owner, third.id).await.unwrap();
    assert_eq!(people().await, ["ann@customer.test", "zoe@customer.test"], "the fourth names her still");
    world.store.cancel_message(&world.owner, fourth.id).await.unwrap();
    assert_eq!(people().await, ["ann@customer.test"], "nobody names her any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_mail_that_is_taken_back_leaves_no_thread() {
    let (world, _) = world().await;
    let mailbox = world.mailbox("two@acme.test").await;
    let new = NewMailDraft {
        mailbox_id: mailbox.id,
        to: vec![named("zoe@customer.test")],
        cc: vec![],
        bcc: vec![],
        subject: "Hello".into(),
        body: crate::world::written("Hello"),
        preview: "Hello".into(),
        signature: None,
        attachment_ids: vec![],
        request: serde_json::json!({"subject": "Hello"}),
    };
    let threads = world.count("SELECT count(*) FROM threads").await;
    let outcome = world.store.new_mail(&world.owner, new, None, no_answer).await.unwrap();
    let Outcome::Done(message) = outcome else { panic!("nothing to replay") };
    assert!(
        matches!(world.store.cancel_message(&world.member, message.id).await, Err(StoreError::NotFound)),
        "ACC-4"
    );
    world.store.cancel_message(&world.owner, message.id).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM threads").await, threads);
}

/// Workers that claim and a writer who takes back, all at once, many times: one of the two has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sent_or_taken_back_never_both_never_neither() {
    let (world, card) = world().await;
    let mut outcomes = [0, 0];
    for round in 0..30 {
        let message = reply(&world, &card, draft(&format!("round {round}"))).await;
        let claims = (0..4).map(|_| world.store.claim_deliveries(10, Duration::from_secs(60)));
        let cancels = (0..3).map(|_| world.store.cancel_message(&world.owner, message.id));
        let (claims, cancels) = match round % 2 {
            0 => {
                tokio::join!(futures_util::future::join_all(claims), futures_util::future::join_all(cancels))
            }
            _ => {
                let (b, a) = tokio::join!(
                    futures_util::future::join_all(cancels),
                    futures_util::future::join_all(claims)
                );
                (a, b)
            }
        };
        let claimed: Vec<DeliveryLease> = claims.into_iter().flat_map(Result::unwrap).collect();
        let cancelled = cancels.iter().filter(|one| one.is_ok()).count();
        for error in cancels.iter().filter_map(|one| one.as_ref().err()) {
            assert!(matches!(error, StoreError::AlreadySending | StoreError::NotFound), "{error:?}");
        }
        assert_eq!(claimed.len() + cancelled, 1, "{claimed:?} {cancels:?}");
        outcomes[cancelled] += 1;
        for lease in claimed {
            world.store.begin_attempt(&lease).await.unwrap();
            world.store.begin_data(&lease).await.unwrap();
            let late = world.store.cancel_message(&world.owner, message.id).await;
            assert!(matches!(late, Err(StoreError::AlreadySending)), "{late:?}");
            let sent = vec![(address("ann@customer.test"), RecipientOutcome::Sent { code: 250 })];
            world.store.finish_attempt(&lease, sent, chrono::Duration::seconds(1), 0.0).await.unwrap();
            for copy in claim(&world).await {
                world.store.copy_filed(&copy).await.unwrap();
            }
            let late = world.store.cancel_message(&world.owner, message.id).await;
            assert!(matches!(late, Err(StoreError::AlreadySending)), "{late:?}");
        }
    }
    println!("claimed {} times, taken back {} times", outcomes[0], outcomes[1]);
    let count = world.all().await[0].message_count;
    assert_eq!(usize::try_from(count).unwrap(), 1 + outcomes[0], "the card counts what is there");
}

/// The worker died with its lease: what it wakes up to is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_workers_mail_can_be_taken_back() {
    let (world, card) = world().await;
    let message = reply(&world, &card, draft("x")).await;
    let lease = claim(&world).await.remove(0);
    world.store.begin_attempt(&lease).await.unwrap();
    let early = world.store.cancel_message(&world.owner, message.id).await;
    assert!(matches!(early, Err(StoreError::AlreadySending)), "{early:?}");
    world.execute("UPDATE outbox_queue SET leased_until = now() - interval '1 second'".into()).await;
    world.store.cancel_message(&world.owner, message.id).await.unwrap();
    assert!(matches!(world.store.begin_data(&lease).await, Err(StoreError::LeaseLost)));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_author_takes_a_mail_back() {
    let (world, card) = world().await;
    let mia = manager(&world).await;
    let message = reply(&world, &card, draft("x")).await;
    let answer = world.store.cancel_message(&mia, message.id).await;
    assert!(matches!(answer, Err(StoreError::NotAuthor)), "{answer:?}");
    let answer = world.store.cancel_message(&world.member, message.id).await;
    assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
    let elsewhere = other_workspace(&world).await;
    assert!(matches!(world.store.cancel_message(&elsewhere, message.id).await, Err(StoreError::NotFound)));
    assert!(matches!(
        world.store.retry_message(&elsewhere, message.id, true).await,
        Err(StoreError::NotFound)
    ));
    assert!(matches!(world.store.raw_message(&elsewhere, message.id).await, Err(StoreError::NotFound)));
    let inbound = card.last_message.id;
    assert!(matches!(world.store.cancel_message(&world.owner, inbound).await, Err(StoreError::NotFound)));
    assert!(matches!(
        world.store.retry_message(&world.owner, inbound, true).await,
        Err(StoreError::NotFound)
    ));
}

async fn other_workspace(world: &World) -> Actor {
    let new = NewWorkspace {
        slug: "other".into(),
        name: "Other".into(),
        owner_email: address("zed@other.test"),
        owner_name: "Zed".into(),
        owner_password_hash: "-".into(),
    };
    let made = world.store.create_workspace(&new).await.unwrap();
    world.store.enable_conversations("other").await.unwrap();
    Actor::new(made.id, made.owner_id, Role::Owner)
}

async fn manager(world: &World) -> Actor {
    let new = NewUser {
        workspace: "acme".into(),
        email: address("mia@acme.test"),
        name: "Mia".into(),
        role: Role::Manager,
        password_hash: "-".into(),
    };
    let user = world.store.create_user(&new).await.unwrap();
    Actor::new(world.owner.workspace_id, user, Role::Manager)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_missed_it_gets_it_again() {
    let (world, card) = world().await;
    let both = ReplyDraft {
        to: Some(vec![named("ann@customer.test"), named("bob@customer.test")]),
        cc: Some(vec![]),
        ..draft("x")
    };
    let message = reply(&world, &card, both).await;
    let retry = async |accept| world.store.retry_message(&world.owner, message.id, accept).await;
    assert!(matches!(retry(false).await, Err(StoreError::NothingToRetry)), "it waits for its first attempt");
    let sent = RecipientOutcome::Sent { code: 250 };
    let state =
        attempt(&world, &[("ann@customer.test", sent.clone()), ("bob@customer.test", refused())]).await;
    assert_eq!(state, DeliveryState::Partial);
    let back = retry(false).await.unwrap();
    assert_eq!(back.delivery.unwrap().state, "queued");
    assert!(matches!(retry(false).await, Err(StoreError::NothingToRetry)), "it is due already");
    let cancelled = world.store.cancel_message(&world.owner, message.id).await;
    assert!(matches!(cancelled, Err(StoreError::AlreadySending)), "Ann has it: {cancelled:?}");
    let lease = claim(&world).await.remove(0);
    assert!(matches!(retry(false).await, Err(StoreError::AlreadySending)));
    let job = world.store.delivery(&lease).await.unwrap();
    assert_eq!((job.phase, job.pending), (DeliveryPhase::Send, vec![address("bob@customer.test")]));
    world.store.postpone_delivery(&lease, chrono::Utc::now()).await.unwrap();
    let state = attempt(&world, &[("bob@customer.test", sent)]).await;
    assert_eq!(state, DeliveryState::Sent);
    assert!(matches!(retry(true).await, Err(StoreError::NothingToRetry)));
    assert!(claim(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_arrived_is_sent_again_only_where_that_is_accepted() {
    let (world, card) = world().await;
    let message = reply(&world, &card, draft("x")).await;
    let lost = RecipientOutcome::Unknown { text: "lost".into() };
    assert_eq!(attempt(&world, &[("ann@customer.test", lost)]).await, DeliveryState::Unknown);
    let retry = async |accept| world.store.retry_message(&world.owner, message.id, accept).await;
    assert!(matches!(retry(false).await, Err(StoreError::MayDuplicate)));
    assert!(claim(&world).await.is_empty(), "nothing is sent without a word");
    retry(true).await.unwrap();
    let cancelled = world.store.cancel_message(&world.owner, message.id).await;
    assert!(matches!(cancelled, Err(StoreError::AlreadySending)), "it may have arrived: {cancelled:?}");
    let lease = claim(&world).await.remove(0);
    assert_eq!(world.store.delivery(&lease).await.unwrap().phase, DeliveryPhase::Send);
}

/// Many who press the button at once: one more attempt, not many.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_asked_for_by_many_is_one() {
    let (world, card) = world().await;
    let message = reply(&world, &card, draft("x")).await;
    assert_eq!(attempt(&world, &[("ann@customer.test", refused())]).await, DeliveryState::Failed);
    let all = (0..8).map(|_| world.store.retry_message(&world.owner, message.id, false));
    let all = futures_util::future::join_all(all).await;
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1, "{all:?}");
    assert_eq!(claim(&world).await.len(), 1);
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'message.sent_again'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_lists_their_own_mails() {
    let (world, card) = world().await;
    let mut written: Vec<MessageId> = Vec::new();
    for number in 0..3 {
        written.insert(0, reply(&world, &card, draft(&format!("{number}"))).await.id);
    }
    let lease = claim(&world).await;
    assert_eq!(lease.len(), 3);
    for one in lease {
        world.store.postpone_delivery(&one, chrono::Utc::now()).await.unwrap();
    }
    let list = async |actor: &Actor, states: Vec<DeliveryState>, limit| {
        let mut before = None;
        let mut all = Vec::new();
        loop {
            let query = WrittenQuery { states: states.clone(), before, limit };
            let page = world.store.written_messages(actor, &query).await.unwrap();
            before = page.items.last().map(Message::position);
            all.extend(page.items.into_iter().map(|one| one.id));
            if !page.more {
                return all;
            }
        }
    };
    assert_eq!(list(&world.owner, vec![], 2).await, written);
    assert_eq!(list(&world.owner, vec![DeliveryState::Queued], 1).await, written);
    assert!(list(&world.owner, vec![DeliveryState::Failed, DeliveryState::Unknown], 2).await.is_empty());
    assert!(list(&world.member, vec![], 2).await.is_empty(), "others' are not listed");
    // A team member who gave the conversation away doesn't see it any more (ACC-3).
    world.execute(format!("UPDATE conversations SET owner_id = '{}'", world.member.user_id)).await;
    let theirs = world.store.reply(&world.member, card.id, draft("mine"), None, no_answer).await.unwrap();
    let Outcome::Done(theirs) = theirs else { panic!("nothing to replay") };
    assert_eq!(list(&world.member, vec![], 2).await, [theirs.id]);
    world.execute(format!("UPDATE conversations SET owner_id = '{}'", world.owner.user_id)).await;
    assert!(list(&world.member, vec![], 2).await.is_empty());
}
