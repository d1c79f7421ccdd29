//! The live page (STR-5): nobody misses any of what happened.

use crate::world::{Reader, Shape, World, draft, mail, no_answer};
use chrono::{TimeDelta, Utc};
use futures_util::future::poll_fn;
use postroom_domain::{
    access::{Actor, Role},
    conversation::Status,
    ids::{ConversationId, UserId},
};
use postroom_store::{
    Change, ConversationPatch, Credential, EndReason, Event, Follower, Live, LiveSettings, MePatch,
    NewSession, NewUser, Next, PresenceState, RefreshIn, Store, StoreError,
};
use std::time::Duration;

/// No test waits this long unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody looks by themselves: only what is said is heard.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);
pub(crate) const SOON: Duration = Duration::from_millis(20);

pub(crate) fn live(store: &Store, beat: Duration) -> Live {
    let live = store.live(LiveSettings { beat, per_user: 500, ..LiveSettings::default() });
    live.start();
    live
}

pub(crate) fn owner_is(owner: UserId) -> ConversationPatch {
    ConversationPatch { owner_id: Some(owner), ..ConversationPatch::default() }
}

pub(crate) fn status_is(status: Status) -> ConversationPatch {
    ConversationPatch { status: Some(status), ..ConversationPatch::default() }
}

impl World {
    pub(crate) async fn session(&self, actor: &Actor) -> Credential {
        let new = NewSession {
            workspace_id: actor.workspace_id,
            user_id: actor.user_id,
            password_hash: "-",
            refresh_in: RefreshIn::Body,
            refresh_digest: rand::random(),
            expires_at: Utc::now() + TimeDelta::days(1),
            refresh_expires_at: Utc::now() + TimeDelta::days(1),
        };
        Credential::Session(self.store.begin_session(&new).await.unwrap().unwrap())
    }

    pub(crate) async fn follow(&self, live: &Live, actor: &Actor, after: Option<i64>) -> Follower {
        live.follow(actor, self.session(actor).await, after).await.unwrap()
    }

    pub(crate) async fn colleague(&self, name: &str, role: Role) -> Actor {
        let new = NewUser {
            workspace: "acme".into(),
            email: crate::world::address(&format!("{name}@acme.test")),
            name: name.into(),
            role,
            password_hash: "-".into(),
        };
        let id = self.store.create_user(&new).await.unwrap();
        Actor::new(self.owner.workspace_id, id, role)
    }

    /// A conversation that belongs to the owner.
    pub(crate) async fn conversation(&self, inbox: &Reader, from: &str, number: i64) -> ConversationId {
        let unseen = format!("unseen-{number}@c");
        let letter = mail(from, "one@acme.test", &format!("{number}@c"), number).answering(&[&unseen]);
        self.deliver(inbox, letter).await;
        let cards = self.all().await;
        cards.iter().find(|card| card.last_message.preview == format!("text of {number}@c")).unwrap().id
    }

    pub(crate) async fn edit(&self, actor: &Actor, id: ConversationId, patch: ConversationPatch) {
        self.store.edit_conversation(actor, id, None, patch).await.unwrap();
    }

    /// Everything that the actor may know of what happened behind a number.
    pub(crate) async fn since(&self, actor: &Actor, after: i64) -> Vec<Event> {
        since(&self.store, actor, after, 100).await
    }

    pub(crate) async fn latest(&self) -> i64 {
        self.store.events(&self.owner, 0, 1).await.unwrap().latest
    }

    pub(crate) async fn rename(&self, actor: &Actor, name: &str) {
        let patch = MePatch { name: Some(name.into()), ..MePatch::default() };
        self.store.update_me(actor, None, &patch).await.unwrap();
    }
}

pub(crate) async fn since(store: &Store, actor: &Actor, mut after: i64, limit: u16) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let page = store.events(actor, after, limit).await.unwrap();
        assert!(page.events.len() <= usize::from(limit));
        events.extend(page.events);
        if page.next_after == page.latest {
            return events;
        }
        assert!(page.next_after > after, "the log is walked to its end");
        after = page.next_after;
    }
}

/// What comes until the follower has been told everything up to a number.
pub(crate) async fn until(follower: &mut Follower, number: i64) -> Vec<Event> {
    let mut all = Vec::new();
    while follower.position() < number {
        match tokio::time::timeout(PATIENCE, follower.next()).await.expect("something happens") {
            Next::News { events, position, .. } => {
                assert_eq!(position, follower.position());
                all.extend(events);
            }
            Next::End(reason) => panic!("it ends: {reason:?}"),
        }
    }
    all
}

async fn end_of(follower: &mut Follower) -> EndReason {
    loop {
        match tokio::time::timeout(PATIENCE, follower.next()).await.expect("it ends") {
            Next::End(reason) => return reason,
            Next::News { .. } => {}
        }
    }
}

/// Events of things whose own use cases are elsewhere: as they stand in the log.
pub(crate) async fn log(world: &World, kind: &str, subject: &str) {
    let sql = format!(
        "WITH n AS (UPDATE workspace_counters SET event_no = event_no + 1 WHERE workspace_id = '{ws}' RETURNING event_no)
         INSERT INTO events (workspace_id, number, type, subject_id) SELECT '{ws}', event_no, '{kind}', {subject} FROM n",
        ws = world.owner.workspace_id
    );
    world.execute(sql).await;
}

pub(crate) fn kinds(events: &[Event]) -> Vec<&'static str> {
    let kind = |event: &Event| match event.change {
        Change::ConversationCreated(_) => "conversation.created",
        Change::ConversationUpdated(_) => "conversation.updated",
        Change::ConversationRemoved(_) => "conversation.removed",
        Change::MessageCreated(_) => "message.created",
        Change::MessageUpdated(_) => "message.updated",
        Change::MessageRemoved(_) => "message.removed",
        Change::ContactUpdated(_) => "contact.updated",
        Change::CompanyUpdated(_) => "company.updated",
        Change::DealUpdated(_) => "deal.updated",
        Change::MailboxUpdated(_) => "mailbox.updated",
        Change::MailboxLoop(_) => "mailbox.loop",
        Change::UserUpdated(_) => "user.updated",
        Change::WorkspaceUpdated => "workspace.updated",
        Change::ViewReset => "view.reset",
    };
    events.iter().map(kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_reads_of_any_length_tell_the_same() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    for number in 0..5 {
        let id = world.conversation(&inbox, &format!("c{number}@customer.test"), number).await;
        if number % 2 == 0 {
            world.edit(&world.owner, id, owner_is(world.member.user_id)).await;
        }
    }
    for actor in [world.owner, world.member] {
        let whole = world.since(&actor, 0).await;
        assert!(whole.len() > 3);
        for limit in [1, 2, 3] {
            assert_eq!(since(&world.store, &actor, 0, limit).await, whole, "{limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_kept_for_thirty_days() {
    let world = World::new().await;
    for number in 0..4 {
        world.rename(&world.owner, &format!("Olga {number}")).await;
    }
    let latest = world.latest().await;
    // An old event behind a young one stays: what is kept has no gaps.
    world
        .execute(format!(
            "UPDATE events SET at = now() - interval '31 days' WHERE number <= {} OR number = {}",
            latest - 3,
            latest - 1
        ))
        .await;
    assert_eq!(world.store.upkeep(Utc::now()).await.unwrap().events as i64, latest - 3);
    assert_eq!(world.count("SELECT count(*) FROM events").await, 3);
    assert_eq!(world.since(&world.owner, latest - 3).await.len(), 3, "the earliest position that is left");
    for after in [0, latest - 4] {
        let expired = world.store.events(&world.owner, after, 10).await;
        assert!(matches!(expired, Err(StoreError::EventsExpired { oldest }) if oldest == latest - 3));
    }
    // When all have gone, who has seen them all has missed nothing.
    world.execute("UPDATE events SET at = now() - interval '31 days'".into()).await;
    world.store.upkeep(Utc::now()).await.unwrap();
    assert_eq!(world.since(&world.owner, latest).await, []);
    let live = live(&world.store, NEVER);
    let session = world.session(&world.owner).await;
    let expired = live.follow(&world.owner, session, Some(latest - 1)).await;
    assert!(matches!(expired, Err(StoreError::EventsExpired { .. })), "before the stream starts");
    let ahead = live.follow(&world.owner, session, Some(latest + 1)).await;
    assert!(matches!(ahead, Err(StoreError::Invalid { field: "after", .. })));
    let mut follower = live.follow(&world.owner, session, Some(latest)).await.unwrap();
    world.rename(&world.owner, "Olga at last").await;
    assert_eq!(kinds(&until(&mut follower, latest + 1).await), ["user.updated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_by_one_process_is_told_by_another_at_once() {
    let world = World::new().await;
    let elsewhere = world.another();
    let live = live(&elsewhere, NEVER);
    world.listened(1).await;
    let start = world.latest().await;
    let mut follower = world.follow(&live, &world.owner, None).await;
    for number in 1..=20 {
        world.rename(&world.owner, &format!("Olga {number}")).await;
        // Nobody looks by themselves: each of these was said.
        let events = until(&mut follower, start + number).await;
        assert_eq!(events.iter().map(|event| event.number).collect::<Vec<_>>(), [start + number]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_listener_misses_nothing() {
    let world = World::new().await;
    let elsewhere = world.another();
    let live = live(&elsewhere, NEVER);
    let start = world.latest().await;
    let mut follower = world.follow(&live, &world.owner, None).await;
    let mut numbers = Vec::new();
    for round in 0..3 {
        world.listened(1).await;
        world.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'postroom listener'".into()).await;
        // Written while nobody listens: nothing is said again, and nobody looks.
        for number in 0..5 {
            world.rename(&world.owner, &format!("Olga {round} {number}")).await;
        }
        let events = until(&mut follower, start + 5 * (round + 1)).await;
        numbers.extend(events.iter().map(|event| event.number));
    }
    assert_eq!(numbers, (start + 1..=start + 15).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_hears_nothing_looks_for_itself() {
    let world = World::new().await;
    let elsewhere = world.another();
    let live = elsewhere.live(LiveSettings { beat: SOON, ..LiveSettings::default() });
    live.start();
    let start = world.latest().await;
    let mut follower = world.follow(&live, &world.owner, None).await;
    // Past every process: nobody says a word.
    for number in 1..=5 {
        log(&world, "user.updated", &format!("'{}'", world.owner.user_id)).await;
        assert_eq!(until(&mut follower, start + number).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_or_comes_late_gets_everything_once_and_in_order() {
    let world = World::new().await;
    let live = live(&world.store, NEVER);
    let start = world.latest().await;
    let mut slow = world.follow(&live, &world.owner, None).await;
    let mut quick = world.follow(&live, &world.owner, None).await;
    let mut seen = Vec::new();
    for number in 1..=150 {
        world.rename(&world.owner, &format!("Olga {number}")).await;
        if number % 50 == 0 {
            seen.extend(until(&mut quick, start + number).await);
        }
    }
    let mut late = world.follow(&live, &world.owner, Some(start + 7)).await;
    let numbers = |events: Vec<Event>| events.iter().map(|event| event.number).collect::<Vec<_>>();
    assert_eq!(numbers(seen), (start + 1..=start + 150).collect::<Vec<_>>());
    assert_eq!(numbers(until(&mut slow, start + 150).await), (start + 1..=start + 150).collect::<Vec<_>>());
    assert_eq!(numbers(until(&mut late, start + 150).await), (start + 8..=start + 150).collect::<Vec<_>>());
    assert_eq!(live.followers(), 3);
    drop((slow, quick, late));
    assert_eq!(live.followers(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_followers_use_up_no_connections() {
    let world = World::new().await;
    let live = live(&world.store, SOON);
    let start = world.latest().await;
    let session = world.session(&world.owner).await;
    let member = world.session(&world.member).await;
    let mut all = Vec::new();
    for number in 0..1000 {
        let (actor, session) =
            if number % 2 == 0 { (&world.owner, session) } else { (&world.member, member) };
        all.push(live.follow(actor, session, None).await.unwrap());
    }
    let everybody: Vec<_> = all
        .into_iter()
        .map(|mut follower| tokio::spawn(async move { until(&mut follower, start + 3).await.len() }))
        .collect();
    for number in 0..3 {
        world.rename(&world.owner, &format!("Olga {number}")).await;
    }
    for one in everybody {
        assert_eq!(one.await.unwrap(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_go_on_is_told_so_and_nothing_else() {
    let world = World::new().await;
    let live = live(&world.store, SOON);
    let start = world.latest().await;

    let session = world.session(&world.member).await;
    let Credential::Session(id) = session else { panic!("a session was begun") };
    let mut signed_out = live.follow(&world.member, session, None).await.unwrap();
    let mut stays = world.follow(&live, &world.member, None).await;
    world.store.end_session(world.member.workspace_id, id, Utc::now()).await.unwrap();
    assert_eq!(end_of(&mut signed_out).await, EndReason::SignedOut);

    world.rename(&world.member, "Tom still").await;
    assert_eq!(until(&mut stays, start + 1).await.len(), 1, "another session goes on");
    let set = |sql: &str| format!("UPDATE users SET {sql} WHERE id = '{}'", world.member.user_id);
    world.execute(set("role = 'manager'")).await;
    log(&world, "user.updated", &format!("'{}'", world.member.user_id)).await;
    assert_eq!(stays.next().await, Next::End(EndReason::RoleChanged), "before what happened by then");

    let now = Actor { role: Role::Manager, ..world.member };
    let mut stays = world.follow(&live, &now, None).await;
    world.execute(set("active = false")).await;
    log(&world, "user.updated", &format!("'{}'", world.member.user_id)).await;
    assert_eq!(end_of(&mut stays).await, EndReason::Deactivated);

    let mut owner = world.follow(&live, &world.owner, None).await;
    world.execute("UPDATE workspaces SET conversations_feature = 'disabled'".into()).await;
    log(&world, "workspace.updated", "NULL").await;
    assert_eq!(end_of(&mut owner).await, EndReason::FeatureDisabled);
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_told_to_those_who_see_the_conversation_wherever_they_are() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let theirs = world.conversation(&inbox, "ann@customer.test", 1).await;
    let other = world.conversation(&inbox, "ben@customer.test", 2).await;
    world.edit(&world.owner, theirs, owner_is(world.member.user_id)).await;
    let elsewhere = world.another();
    let (here, there) = (live(&world.store, NEVER), live(&elsewhere, NEVER));
    world.listened(2).await;
    let mut follower = world.follow(&there, &world.member, None).await;
    // The one that the member doesn't see comes first; of it nothing is ever told.
    here.appear(&world.owner, other, PresenceState::Writing).await.unwrap();
    here.appear(&world.owner, theirs, PresenceState::Writing).await.unwrap();
    let Next::News { events, presences, .. } = tokio::time::timeout(PATIENCE, follower.next()).await.unwrap()
    else {
        panic!("presence")
    };
    assert_eq!((events.len(), presences.len()), (0, 1));
    assert_eq!((presences[0].conversation_id, presences[0].state), (theirs, PresenceState::Writing));
    assert_eq!(presences[0].user.id, world.owner.user_id);
    for server in [&here, &there] {
        let present = server.present(&world.member, theirs).await.unwrap();
        assert_eq!(present.iter().map(|one| one.user.id).collect::<Vec<_>>(), [world.owner.user_id]);
        assert!(matches!(server.present(&world.member, other).await, Err(StoreError::NotFound)));
    }
    let hidden = here.appear(&world.member, other, PresenceState::Viewing).await;
    assert!(matches!(hidden, Err(StoreError::NotFound)));
    assert_eq!(here.present(&world.owner, other).await.unwrap().len(), 1, "who was refused is not there");
    assert_eq!(world.latest().await, world.count("SELECT count(*) FROM events").await, "nothing is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_written_twice_at_once_is_told_in_the_order_of_the_commits() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let id = world.conversation(&inbox, "ann@customer.test", 1).await;
    let live = live(&world.store, NEVER);
    let start = world.latest().await;
    let mut follower = world.follow(&live, &world.owner, None).await;
    let replies = (0..8).map(|number| {
        world.store.reply(&world.owner, id, draft(&format!("answer {number}")), None, no_answer)
    });
    for reply in futures_util::future::join_all(replies).await {
        reply.unwrap();
    }
    let told = until(&mut follower, start + 16).await;
    assert_eq!(
        told.iter().map(|event| event.number).collect::<Vec<_>>(),
        (start + 1..=start + 16).collect::<Vec<_>>()
    );
    assert_eq!(kinds(&told).iter().filter(|kind| **kind == "message.created").count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_send_no_word_each() {
    let world = World::new().await;
    let url = world.cluster.url(&world.database);
    let (client, mut connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let (said, mut words) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let tokio_postgres::AsyncMessage::Notification(word) = message {
                let _ = said.send(word.payload().to_owned());
            }
        }
    });
    client.batch_execute("LISTEN postroom_live").await.unwrap();
    let begun = std::time::Instant::now();
    for number in 0..100 {
        world.rename(&world.owner, &format!("Olga {number}")).await;
    }
    let most = begun.elapsed().as_millis() / 50 + 2;
    // A word of another one, said last: what was said before it has been heard by then.
    client.batch_execute("SELECT pg_sleep(0.1); NOTIFY postroom_live, 'the end'").await.unwrap();
    let mut heard = Vec::new();
    while heard.last().is_none_or(|word: &String| word != "the end") {
        heard.push(tokio::time::timeout(PATIENCE, words.recv()).await.unwrap().unwrap());
    }
    let heard = u128::try_from(heard.len() - 1).unwrap();
    assert!((1..=most).contains(&heard), "{heard} words for 100 changes, at most {most}");
}
