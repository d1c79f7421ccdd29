//! Threads that wait for a reply, and conversations begun by hand (CNV-1).

use crate::world::{Reader, World, answering, mail};
use postroom_domain::{access::Role, conversation::StartsOn};
use postroom_store::Ownership;
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Value, json};

/// A shared mailbox in which a first mail waits for its answer.
fn shared(world: &World) -> Reader {
    world.mailbox("support@acme.example", Ownership::Shared(None), StartsOn::Reply)
}

fn waiting(who: &SignedIn) -> Vec<Value> {
    who.all("/v1/threads?state=waiting").unwrap()
}

fn subjects(who: &SignedIn) -> Vec<String> {
    waiting(who).iter().map(|thread| text(&thread["subject"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn path_of(thread: &Value) -> String {
    format!("/v1/threads/{}", text(&thread["id"]))
}

/// Writes a new mail through a mailbox that the caller may send from.
fn write(by: &SignedIn, to: &str, subject: &str) -> Value {
    let mailbox = by.all("/v1/mailboxes").unwrap().remove(0);
    let body = json!({"mailbox_id": mailbox["id"], "to": [to], "subject": subject, "text": "Hello there"});
    by.post("/v1/messages", &body).unwrap().expect(201).unwrap()
}

/// ACC-4: a thread that waits is its author's, and, in shared mailboxes, theirs who see all; a personal mailbox's is its
/// user's alone. Everybody else gets what never was.
#[test]
fn who_sees_what_waits() {
    let world = World::new();
    let support = shared(&world);
    let (olga, tom) = (world.olga(), world.tom());
    let (mia, tess) = (world.colleague("mia", Role::Manager), world.colleague("tess", Role::TeamMember));
    world.deliver(&support, mail("bob@customer.example", 1));
    let written = write(&tom, "ann@customer.example", "From Tom");
    let toms = Ownership::Personal(tom.id().parse::<uuid::Uuid>().unwrap().into());
    let own = world.mailbox("tom@mail.example", toms, StartsOn::Reply);
    world.deliver(&own, mail("eve@customer.example", 2));

    assert_eq!(subjects(&olga), ["From Tom", "Order 1"]);
    assert_eq!(subjects(&mia), ["From Tom", "Order 1"]);
    assert_eq!(subjects(&tom), ["From Tom", "Order 2"]);
    assert!(subjects(&tess).is_empty());
    let of_tom = waiting(&tom);
    let of_olga = waiting(&olga);
    let not_there = |who: &SignedIn, method: &str, path: &str| {
        // With what would be refused: it must not be judged before.
        let body = (method == "POST").then(|| json!({"nonsense": 1}));
        let answer = who.send(method, path, &[("idempotency-key", "")], body.as_ref()).unwrap();
        let mut body = answer.expect(404).unwrap();
        body["request_id"] = Value::Null;
        body
    };
    for (who, thread) in [
        (&tess, &of_tom[0]),
        (&tess, &of_olga[1]),
        (&tom, &of_olga[1]),
        (&olga, &of_tom[1]),
        (&mia, &of_tom[1]),
    ] {
        for (method, more) in [("GET", ""), ("POST", "/conversation")] {
            let never = format!("/v1/threads/01890000-0000-7000-8000-000000000000{more}");
            let hidden = not_there(who, method, &format!("{}{more}", path_of(thread)));
            assert_eq!(hidden, not_there(who, method, &never));
            assert_eq!(hidden, not_there(who, method, &format!("/v1/threads/x{more}")));
        }
    }

    let thread = &of_tom[0];
    assert_eq!(tom.get(&path_of(thread)).unwrap().expect(200).unwrap(), *thread);
    assert_eq!((&thread["author"]["kind"], &thread["author"]["id"]), (&json!("user"), &json!(tom.id())));
    assert_eq!(thread["recipients"], json!([{"name": null, "address": "ann@customer.example"}]));
    assert_eq!(thread["mailbox"]["address"], "support@acme.example");
    assert_eq!((&thread["first_message_id"], &thread["id"]), (&written["id"], &written["thread_id"]));
    assert_eq!((&thread["message_count"], &thread["conversation_id"]), (&json!(1), &Value::Null));
    assert_eq!(thread["preview"], "Hello there");
    assert_eq!(of_olga[1]["author"]["email"], "bob@customer.example");
}

/// Made by hand, it is a conversation with owner and primary contact as ever (CNV-2, CNV-3), and what comes later joins it.
#[test]
fn a_thread_becomes_a_conversation_by_hand() {
    let world = World::new();
    let support = shared(&world);
    let (olga, tom) = (world.olga(), world.tom());
    world.deliver(&support, mail("bob@customer.example", 1));
    write(&tom, "ann@customer.example", "From Tom");
    let thread = waiting(&tom).remove(0);
    let before = olga.get("/v1/events?after=0&limit=100").unwrap().expect(200).unwrap()["latest"].clone();
    let begin = format!("{}/conversation", path_of(&thread));
    let made = olga.post_once(&begin, "k", &json!({})).unwrap();
    let location = made.header("location").to_owned();
    let made = made.expect(201).unwrap();
    assert_eq!(location, format!("/v1/conversations/{}", text(&made["id"])));
    assert_eq!(
        (&made["owner"]["name"], &made["status"], &made["unread"]),
        (&json!("Tom"), &json!("open"), &json!(true))
    );
    assert_eq!(made["primary_contact"]["email"], "ann@customer.example");
    assert_eq!(
        (&made["number"], &made["subject"], &made["message_count"]),
        (&json!(1), &json!("From Tom"), &json!(1))
    );
    assert_eq!(tom.get(&location).unwrap().expect(200).unwrap()["id"], made["id"]);
    assert!(subjects(&tom).is_empty(), "it waits no more");
    let shown = tom.get(&path_of(&thread)).unwrap().expect(200).unwrap();
    assert_eq!(shown["conversation_id"], made["id"]);

    let again = olga.post_once(&begin, "k", &json!({})).unwrap();
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    let known = olga.post(&begin, &json!({})).unwrap();
    assert_eq!(known.header("location"), "");
    assert_eq!(known.expect(200).unwrap()["id"], made["id"], "once is enough");

    let events = olga.get(&format!("/v1/events?after={before}")).unwrap().expect(200).unwrap();
    let created: Vec<_> = events["data"].as_array().unwrap().iter().collect();
    assert_eq!(created.len(), 1, "{events}");
    assert_eq!(
        (&created[0]["type"], &created[0]["actor"]["name"]),
        (&json!("conversation.created"), &json!("Olga"))
    );

    // A customer's first mail, made a conversation, is the mailbox's: here the workspace owner's.
    let inbound = waiting(&olga).remove(0);
    let made =
        olga.post(&format!("{}/conversation", path_of(&inbound)), &json!({})).unwrap().expect(201).unwrap();
    assert_eq!((&made["owner"]["name"], &made["unseen_replies"]), (&json!("Olga"), &json!(1)));
    assert_eq!(made["primary_contact"]["email"], "bob@customer.example");
    world.deliver(&support, answering(mail("bob@customer.example", 2), 1));
    let path = format!("/v1/conversations/{}", text(&made["id"]));
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["message_count"], 2);
    assert!(waiting(&olga).is_empty());
    // It is its conversation's now, and exists for those who see that.
    assert_eq!(tom.get(&path_of(&inbound)).unwrap().status, 404);
}

#[test]
fn who_begins_it_at_once_begins_one() {
    let world = World::new();
    let support = shared(&world);
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let begin = format!("{}/conversation", path_of(&waiting(&olga)[0]));
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let ask = || {
            let answer = olga.post(&begin, &json!({})).unwrap();
            (answer.status, answer.body["id"].clone())
        };
        let asking: Vec<_> = (0..6).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, id)| [200, 201].contains(status) && *id == answers[0].1));
    assert_eq!(olga.all("/v1/conversations").unwrap().len(), 1);
}

/// CNV-3: there must be somebody to have it with.
#[test]
fn a_thread_among_ourselves_is_no_conversation() {
    let world = World::new();
    shared(&world);
    let (olga, tom) = (world.olga(), world.tom());
    write(&tom, "olga@acme.example", "Lunch?");
    let begin = format!("{}/conversation", path_of(&waiting(&tom)[0]));
    assert_eq!(olga.post(&begin, &json!({})).unwrap().problem(409).unwrap(), "no_external_party");
    assert_eq!(tom.post(&begin, &json!({"x": 1})).unwrap().problem(422).unwrap(), "validation_failed");
    assert_eq!(subjects(&tom), ["Lunch?"]);
}

/// Walked with cursors over several mailboxes while others work, each thread that nobody touched comes exactly once, and
/// one that is empty never.
#[test]
fn walking_what_waits_gives_each_thread_once() {
    let world = World::new();
    let support = shared(&world);
    let sales = world.mailbox("sales@acme.example", Ownership::Shared(None), StartsOn::Reply);
    let olga = world.olga();
    for number in 1..=30 {
        let mut one = mail("bob@customer.example", number);
        // Three of each time.
        one.received_at = chrono::DateTime::from_timestamp(1_790_000_000 + number / 3, 0).unwrap();
        world.deliver(if number % 2 == 0 { &support } else { &sales }, one);
    }
    let taken_back = write(&olga, "ann@customer.example", "Never mind");
    let cancel = format!("/v1/messages/{}/cancel", text(&taken_back["id"]));
    assert_eq!(olga.post(&cancel, &json!({})).unwrap().status, 200);
    let mut seen = Vec::new();
    let mut asked = "/v1/threads?limit=7".to_owned();
    loop {
        let page = olga.get(&asked).unwrap().expect(200).unwrap();
        seen.extend(page["data"].as_array().unwrap().iter().map(|thread| text(&thread["subject"])));
        if page["next_cursor"].is_null() {
            break;
        }
        asked = format!("/v1/threads?limit=7&cursor={}", text(&page["next_cursor"]));
        // A new one, and one that is answered.
        let number = 100 + i64::try_from(seen.len()).unwrap();
        world.deliver(&support, mail("ann@customer.example", number));
        let answered = seen.first().unwrap().trim_start_matches("Order ").parse().unwrap();
        world.deliver(&sales, answering(mail("bob@customer.example", number + 100), answered));
    }
    let mut expected: Vec<String> = (1..=30).map(|number| format!("Order {number}")).collect();
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    for wrong in ["state=open", "state=", "limit=0", "x=1"] {
        assert_eq!(
            olga.get(&format!("/v1/threads?{wrong}")).unwrap().problem(422).unwrap(),
            "validation_failed"
        );
    }
    assert_eq!(olga.get("/v1/threads?cursor=x").unwrap().problem(400).unwrap(), "invalid_cursor");
}
