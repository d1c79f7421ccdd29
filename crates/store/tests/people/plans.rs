//! How PostgreSQL answers what pages ask all the time: by walking an index, with the policies on, in a large workspace.
//!
//! The plans are those of the very statements that the store sends, taken from the server's log.

use crate::{
    explained::Explained,
    world::{World, cluster, master_key},
};
use postroom_domain::access::{Actor, Role};
use postroom_store::{Sort, StatusFilter, StreamQuery, ThreadPosition, View};
use postroom_testkit::large;
use uuid::Uuid;

const CONVERSATIONS: u32 = 30_000;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_stream_is_an_index_walk() {
    let world = World::new();
    let olga = world.bare_workspace("large").await;
    large::fill(cluster(), &world.database, "large", CONVERSATIONS).unwrap();
    let member: Uuid = "a0000007-0000-7000-8000-000000000007".parse().unwrap();
    let member = Actor::new(olga.workspace_id, member.into(), Role::TeamMember);
    let mut explained = Explained::of(&world.database);
    // Connections made from now on explain what they do.
    let store = world.with_key(master_key('A'));
    let mut walks = 0;
    for (actor, view) in [(olga, View::All), (olga, View::Mine), (member, View::Mine)] {
        for status in [StatusFilter::Open, StatusFilter::Closed, StatusFilter::All] {
            for sort in [Sort::Newest, Sort::Oldest] {
                let mut query = StreamQuery { view, status, sort, after: None, limit: 25 };
                let first = store.stream(&actor, &query).await.unwrap();
                assert_eq!((first.items.len(), first.more), (25, true));
                query.after = first.items.last().map(postroom_store::Card::position);
                let second = store.stream(&actor, &query).await.unwrap();
                assert_eq!(second.items.len(), 25);
                let plans = explained.plans_on("conversations", 2);
                assert_eq!(plans.len(), 2, "{view:?} {status:?} {sort:?}: {plans:#?}");
                for plan in plans {
                    let index = match (view, status) {
                        (View::All, StatusFilter::All) => "stream_all on",
                        (View::All, _) => "stream_all_status on",
                        (View::Mine, StatusFilter::All) => "stream_mine on",
                        (View::Mine, _) => "stream_mine_status on",
                    };
                    assert!(plan.contains(index), "another index than {index}: {plan}");
                    // The users of a workspace are so few that they are read whole.
                    for bad in ["Seq Scan on con", "Sort", "Bitmap"] {
                        assert!(!plan.contains(bad), "{bad} in {view:?} {status:?} {sort:?}: {plan}");
                    }
                    walks += 1;
                }
            }
        }
    }
    assert_eq!(walks, 36);
    // The badge counts what an index holds, without a look at the conversations.
    let counts = store.counts(&olga).await.unwrap();
    assert_eq!(counts.all.unwrap().open, i64::from(CONVERSATIONS) * 2 / 3);
    for plan in explained.plans_on("conversations", 4) {
        assert!(plan.contains("Index Only Scan"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_found_by_its_number_and_who_may_know_by_keys() {
    let world = World::new();
    let olga = world.bare_workspace("large").await;
    large::fill(cluster(), &world.database, "large", CONVERSATIONS).unwrap();
    let events = i64::from(CONVERSATIONS);
    // Each conversation has changed, and in the end some mails came in and some contacts were edited.
    world.execute(&format!(
        "INSERT INTO events (workspace_id, number, type, conversation_id, owner_before, owner_after)
         SELECT workspace_id, number, 'conversation.updated', id, owner_id, owner_id FROM conversations;
         UPDATE events e SET type = 'message.created', subject_id = c.last_message_id FROM conversations c
         WHERE e.conversation_id = c.id AND e.number > {events} - 20;
         UPDATE events e SET type = 'contact.updated', subject_id = c.primary_contact_id FROM conversations c
         WHERE e.conversation_id = c.id AND e.number > {events} - 10;
         UPDATE workspace_counters SET event_no = {events} WHERE workspace_id = '{}'",
        olga.workspace_id
    ));
    world.execute("VACUUM ANALYZE events");
    let (mut of_events, mut of_others) = (Explained::of(&world.database), Explained::of(&world.database));
    let store = world.with_key(master_key('A'));
    let page = store.events(&olga, events - 100, 100).await.unwrap();
    assert_eq!((page.events.len(), page.next_after, page.latest), (100, events, events));
    // By number and the earliest; cards, messages, and who takes part with the contacts.
    for plan in of_events.plans_on("events", 2).into_iter().chain(of_others.plans_on("conversations", 4)) {
        for bad in ["Seq Scan on ev", "Seq Scan on conv", "Seq Scan on mess", "Seq Scan on thr"] {
            assert!(!plan.contains(bad), "{bad}: {plan}");
        }
    }
}

/// Each mailbox's waiting threads are walked for themselves, whatever else is in the table; no one else's are looked at.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_walked_mailbox_by_mailbox() {
    let world = World::new();
    let olga = world.bare_workspace("large").await;
    large::fill(cluster(), &world.database, "large", CONVERSATIONS).unwrap();
    // As many threads again wait in a mailbox beside the first one.
    world.execute(
        "INSERT INTO mailboxes SELECT (jsonb_populate_record(m, '{\"id\": \"b0000002-0000-7000-8000-000000000002\", \"address\": \"second@large.example\"}')).*
         FROM mailboxes m;
         INSERT INTO threads (workspace_id, id, mailbox_id, subject_key, first_message_at, last_message_at)
         SELECT workspace_id, md5(id::text)::uuid, 'b0000002-0000-7000-8000-000000000002', '', last_message_at, last_message_at
         FROM threads;
         INSERT INTO messages
         SELECT (jsonb_populate_record(m, jsonb_build_object('id', md5(m.id::text), 'thread_id', md5(m.thread_id::text),
                'rfc_message_id', 'w' || m.rfc_message_id))).* FROM messages m",
    );
    world.execute("VACUUM ANALYZE");
    let mut explained = Explained::of(&world.database);
    let store = world.with_key(master_key('A'));
    let member: Uuid = "a0000007-0000-7000-8000-000000000007".parse().unwrap();
    let member = Actor::new(olga.workspace_id, member.into(), Role::TeamMember);
    assert!(store.waiting_threads(&member, None, 25).await.unwrap().items.is_empty());
    let first = store.waiting_threads(&olga, None, 25).await.unwrap();
    assert_eq!((first.items.len(), first.more), (25, true));
    let last = first.items.last().unwrap();
    let after = ThreadPosition { last_message_at: last.last_message_at, id: last.id };
    let second = store.waiting_threads(&olga, Some(after), 25).await.unwrap();
    assert!(second.items.iter().all(|one| one.last_message_at <= last.last_message_at));
    let plans = explained.plans_on("threads", 3);
    assert_eq!(plans.len(), 3);
    for plan in plans {
        assert!(plan.contains("threads_waiting"), "{plan}");
        for bad in ["Seq Scan on threads", "Seq Scan on messages", "Rows Removed by Filter"] {
            assert!(!plan.contains(bad), "{bad}: {plan}");
        }
    }
}
