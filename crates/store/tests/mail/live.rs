//! The live page (STR-5): what everybody may know of what happened, and that nobody misses any of it.

use crate::world::{Reader, Shape, World, draft, mail, named, no_answer, written};
use chrono::{TimeDelta, Utc};
use futures_util::future::poll_fn;
use postroom_domain::{
    access::{Actor, Role},
    conversation::Status,
    ids::{ConversationId, MailboxId, MessageId, UserId},
};
use postroom_store::{
    Change, ConversationPatch, Credential, EndReason, Event, Follower, Live, LiveSettings, MePatch,
    NewMailDraft, NewSession, NewUser, Next, Outcome, Ownership, PresenceState, RefreshIn, Store, StoreError,
};
use std::time::Duration;

/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody looks by themselves: only what is said is heard.
const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(20);

fn live(store: &Store, beat: Duration) -> Live {
    let live = store.live(LiveSettings { beat, presence: Duration::from_secs(30) });
    live.start();
    live
}

fn owner_is(owner: UserId) -> ConversationPatch {
    ConversationPatch { owner_id: Some(owner), ..ConversationPatch::default() }
}

fn status_is(status: Status) -> ConversationPatch {
    ConversationPatch { status: Some(status), ..ConversationPatch::default() }
}

impl World {
    async fn session(&self, actor: &Actor) -> Credential {
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

    async fn follow(&self, live: &Live, actor: &Actor, after: Option<i64>) -> Follower {
        live.follow(actor, self.session(actor).await, after).await.unwrap()
    }

    async fn colleague(&self, name: &str, role: Role) -> Actor {
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
    async fn conversation(&self, inbox: &Reader, from: &str, number: i64) -> ConversationId {
        let unseen = format!("unseen-{number}@c");
        let letter = mail(from, "one@acme.test", &format!("{number}@c"), number).answering(&[&unseen]);
        self.deliver(inbox, letter).await;
        let cards = self.all().await;
        cards.iter().find(|card| card.last_message.preview == format!("text of {number}@c")).unwrap().id
    }

    async fn edit(&self, actor: &Actor, id: ConversationId, patch: ConversationPatch) {
        self.store.edit_conversation(actor, id, None, patch).await.unwrap();
    }

    /// Everything that the actor may know of what happened behind a number.
    async fn since(&self, actor: &Actor, after: i64) -> Vec<Event> {
        since(&self.store, actor, after, 100).await
    }

    async fn latest(&self) -> i64 {
        self.store.events(&self.owner, 0, 1).await.unwrap().latest
    }

    async fn rename(&self, actor: &Actor, name: &str) {
        let patch = MePatch { name: Some(name.into()), ..MePatch::default() };
        self.store.update_me(actor, None, &patch).await.unwrap();
    }
}

async fn since(store: &Store, actor: &Actor, mut after: i64, limit: u16) -> Vec<Event> {
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
async fn until(follower: &mut Follower, number: i64) -> Vec<Event> {
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

fn kinds(events: &[Event]) -> Vec<&'static str> {
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
async fn a_member_is_told_of_what_they_see_now_and_that_the_rest_went() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let start = world.latest().await;
    let id = world.conversation(&inbox, "ann@customer.test", 1).await;
    assert_eq!(
        kinds(&world.since(&world.owner, start).await),
        ["message.created", "conversation.created"],
        "the owner learns of both"
    );
    assert_eq!(world.since(&world.member, start).await, [], "a member of neither (ACC-3)");

    let born = world.latest().await;
    world.edit(&world.owner, id, owner_is(world.member.user_id)).await;
    let given = world.since(&world.member, born).await;
    assert_eq!(kinds(&given), ["conversation.updated"], "who gets it learns of one that they never had");
    let Change::ConversationUpdated(card) = &given[0].change else { panic!("a card") };
    assert_eq!((card.id, card.owner.id), (id, world.member.user_id));
    assert_eq!(given[0].actor.as_ref().unwrap().id, world.owner.user_id);
    assert_eq!(
        kinds(&world.since(&world.member, start).await),
        ["message.created", "conversation.created", "conversation.updated"],
        "and, from the beginning, of all that made it"
    );

    let theirs = world.latest().await;
    world.edit(&world.member, id, owner_is(world.owner.user_id)).await;
    world.edit(&world.owner, id, status_is(Status::Closed)).await;
    let taken = world.since(&world.member, theirs).await;
    assert_eq!(kinds(&taken), ["conversation.removed"], "CNV-8: and of nothing that came later");
    assert_eq!((taken[0].conversation_id, &taken[0].actor), (Some(id), &None), "the id alone");
    assert_eq!(
        kinds(&world.since(&world.member, start).await),
        ["conversation.removed"],
        "nor of what it was before"
    );
    let all = world.since(&world.owner, theirs).await;
    assert_eq!(kinds(&all), ["conversation.updated", "conversation.updated"]);
    for event in &all {
        let (Change::ConversationUpdated(card), 1) = (&event.change, all.len() - 1) else { panic!("cards") };
        assert_eq!(card.status, Status::Closed, "the card as it is now, also of what happened before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_learns_of_nothing() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.conversation(&inbox, "ann@customer.test", 1).await;
    let other = postroom_store::NewWorkspace {
        slug: "other".into(),
        name: "Other".into(),
        owner_email: crate::world::address("eve@other.test"),
        owner_name: "Eve".into(),
        owner_password_hash: "-".into(),
    };
    let made = world.store.create_workspace(&other).await.unwrap();
    let eve = Actor::new(made.id, made.owner_id, Role::Owner);
    assert_eq!(world.since(&eve, 0).await, []);
    let beyond = world.store.events(&eve, 1, 10).await;
    assert!(matches!(beyond, Err(StoreError::Invalid { field: "after", .. })), "their log is their own");
    let live = live(&world.store, SOON);
    let none = live.appear(&eve, world.all().await[0].id, PresenceState::Viewing).await;
    assert!(matches!(none, Err(StoreError::NotFound)));
}

async fn new_mail(world: &World, actor: &Actor, mailbox: MailboxId, to: &str) -> MessageId {
    let new = NewMailDraft {
        mailbox_id: mailbox,
        to: vec![named(to)],
        cc: vec![],
        bcc: vec![],
        subject: "Offer".into(),
        body: written("Good morning"),
        preview: "Good morning".into(),
        signature: None,
        attachment_ids: vec![],
        request: serde_json::json!({}),
    };
    let Outcome::Done(message) = world.store.new_mail(actor, new, None, no_answer).await.unwrap() else {
        panic!("no replay")
    };
    message.id
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_is_no_conversation_yet_is_its_authors_and_the_mailboxs() {
    let world = World::new().await;
    let manager = world.colleague("mia", Role::Manager).await;
    let other = world.colleague("tim", Role::TeamMember).await;
    let shared = world.mailbox("one@acme.test").await;
    let own = Ownership::Personal(world.member.user_id);
    let personal = world.mailbox_of("tom@acme.test", own, postroom_store::FolderRole::Inbox).await;
    let everybody = [world.owner, manager, world.member, other];
    for (mailbox, author, seers) in [
        // ACC-4: a shared mailbox's is its author's, and that of who sees all.
        (&shared, world.member, vec![world.owner, manager, world.member]),
        // A personal one's is nobody else's.
        (&personal, world.member, vec![world.member]),
    ] {
        let before = world.latest().await;
        let id = new_mail(&world, &author, mailbox.id, "ann@customer.test").await;
        let told_those_who_see_it = async |before| {
            for actor in everybody {
                let told = world.since(&actor, before).await;
                assert_eq!(told.len(), usize::from(seers.contains(&actor)), "{actor:?} {told:?}");
            }
        };
        told_those_who_see_it(before).await;
        // Who was told that it is there is told that it is gone.
        let before = world.latest().await;
        world.store.cancel_message(&author, id).await.unwrap();
        told_those_who_see_it(before).await;
    }
    // What comes into a personal mailbox and is no conversation is its user's alone.
    let before = world.latest().await;
    let mut letter = mail("ann@customer.test", "tom@acme.test", "cold@c", 9);
    letter.automatic = true;
    world.deliver(&personal, letter).await;
    for actor in everybody {
        let told = world.since(&actor, before).await;
        assert_eq!(told.len(), usize::from(actor == world.member), "{actor:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_mailbox_learn_those_who_see_it() {
    let world = World::new().await;
    let manager = world.colleague("mia", Role::Manager).await;
    let before = world.latest().await;
    world.mailbox("one@acme.test").await;
    assert_eq!(kinds(&world.since(&world.member, before).await), ["mailbox.updated"]);
    let between = world.latest().await;
    let own = Ownership::Personal(world.member.user_id);
    world.mailbox_of("tom@acme.test", own, postroom_store::FolderRole::Inbox).await;
    assert_eq!(kinds(&world.since(&world.member, between).await), ["mailbox.updated"], "their own");
    assert_eq!(kinds(&world.since(&world.owner, between).await), ["mailbox.updated"], "an administrator");
    assert_eq!(kinds(&world.since(&manager, between).await), [""; 0], "nobody else");
}

/// Events of things whose own use cases are elsewhere: as they stand in the log.
async fn log(world: &World, kind: &str, subject: &str) {
    let sql = format!(
        "WITH n AS (UPDATE workspace_counters SET event_no = event_no + 1 WHERE workspace_id = '{ws}' RETURNING event_no)
         INSERT INTO events (workspace_id, number, type, subject_id) SELECT '{ws}', event_no, '{kind}', {subject} FROM n",
        ws = world.owner.workspace_id
    );
    world.execute(sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_customer_learn_those_who_work_with_them() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let [tom, tim, ida] = [
        world.member,
        world.colleague("tim", Role::TeamMember).await,
        world.colleague("ida", Role::TeamMember).await,
    ];
    // Tom has Ann's conversation, in which Ben gets a copy; Tim owns Ann as a contact; Ida has nothing.
    let id = world.conversation(&inbox, "ann@customer.test", 1).await;
    world.edit(&world.owner, id, owner_is(tom.user_id)).await;
    let mut copied = mail("ann@customer.test", "one@acme.test", "2@c", 2).answering(&["1@c"]);
    copied.cc = vec![named("ben@customer.test")];
    world.deliver(&inbox, copied).await;
    world.deliver(&inbox, mail("ben@customer.test", "one@acme.test", "3@c", 3).answering(&["2@c"])).await;
    let find = |address: &str| format!("(SELECT contact_id FROM contact_emails WHERE address = '{address}')");
    let (ann, ben) = (find("ann@customer.test"), find("ben@customer.test"));
    let ws = world.owner.workspace_id;
    world
        .execute(format!(
            "UPDATE contacts SET owner_id = '{}' WHERE id = {ann};
             INSERT INTO companies (workspace_id, id, name) VALUES ('{ws}', '00000000-0000-7000-8000-00000000000c', 'C');
             INSERT INTO deals (workspace_id, id, name, owner_id) VALUES ('{ws}', '00000000-0000-7000-8000-00000000000d', 'D', '{}');
             UPDATE contacts SET company_id = '00000000-0000-7000-8000-00000000000c' WHERE id = {ann};
             INSERT INTO contact_deals (workspace_id, contact_id, deal_id) SELECT '{ws}', {ben}, '00000000-0000-7000-8000-00000000000d'",
            tim.user_id, ida.user_id
        ))
        .await;
    for (kind, subject, told) in [
        ("contact.updated", ann.as_str(), [true, true, false]),
        ("contact.updated", ben.as_str(), [true, false, false]),
        ("company.updated", "'00000000-0000-7000-8000-00000000000c'", [true, true, false]),
        ("deal.updated", "'00000000-0000-7000-8000-00000000000d'", [true, false, true]),
        ("contact.updated", "'00000000-0000-7000-8000-0000000000ff'", [false, false, false]),
    ] {
        let before = world.latest().await;
        log(&world, kind, subject).await;
        for (actor, told) in [tom, tim, ida].iter().zip(told) {
            assert_eq!(world.since(actor, before).await.len(), usize::from(told), "{kind} {subject}");
        }
    }
    let before = world.latest().await;
    log(&world, "view.reset", &format!("'{}'", tim.user_id)).await;
    log(&world, "view.reset", &format!("'{ws}'")).await;
    assert_eq!(world.since(&tim, before).await.len(), 2, "one's own, and everybody's");
    assert_eq!(world.since(&tom, before).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_joins_another_goes_from_its_owners_page() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let first = world.conversation(&inbox, "ann@customer.test", 1).await;
    // A later mail answers one that has not come yet: the two meet when it does.
    let apart = mail("ann@customer.test", "one@acme.test", "3@c", 3).answering(&["2@c"]);
    world.deliver(&inbox, apart).await;
    let second = world.all().await.iter().find(|card| card.id != first).unwrap().id;
    world.edit(&world.owner, second, owner_is(world.member.user_id)).await;
    let before = world.latest().await;
    let between = mail("ann@customer.test", "one@acme.test", "2@c", 2).answering(&["1@c"]);
    world.deliver(&inbox, between).await;
    assert_eq!(world.all().await.len(), 1, "they are one");
    let told = world.since(&world.member, before).await;
    assert_eq!(kinds(&told), ["conversation.removed"]);
    assert_eq!(told[0].conversation_id, Some(second));
    let told = world.since(&world.owner, before).await;
    assert_eq!(kinds(&told), ["message.created", "conversation.updated", "conversation.removed"]);
    assert_eq!(told[1].conversation_id, Some(first));
    // Read from the beginning, what is gone is never shown.
    let ids: Vec<_> = world
        .since(&world.owner, 0)
        .await
        .iter()
        .filter(|event| {
            matches!(event.change, Change::ConversationCreated(_) | Change::ConversationUpdated(_))
        })
        .filter_map(|event| event.conversation_id)
        .collect();
    assert!(ids.iter().all(|id| *id == first), "{ids:?}");
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
    let live = elsewhere.live(LiveSettings { beat: SOON, presence: Duration::from_secs(30) });
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
