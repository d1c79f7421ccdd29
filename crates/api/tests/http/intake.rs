//! The intake list (MAIL-12): nothing that was read is dropped silently, and all of it can be taken in once more.

use crate::world::{Reader, World, address, mail};
use bytes::Bytes;
use chrono::Utc;
use postroom_domain::{access::Role, conversation::StartsOn};
use postroom_store::{IntakeReason, Ownership, PassedMessage, Step, Track};
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Value, json};

const NOTHING: &str = "01890000-0000-7000-8000-000000000000";

/// A customer's mail with a file.
const RAW: &str = "From: Bob <bob@customer.example>\r\nTo: support@acme.example\r\nSubject: The lost one\r\n\
    Message-ID: <lost@customer.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nHello again\r\n--b\r\nContent-Type: text/csv\r\n\
    Content-Disposition: attachment; filename=list.csv\r\n\r\na,b\r\n--b--\r\n";

/// The next message of the inbox is passed; gives nothing, as a worker gets nothing.
pub(crate) fn pass(world: &World, reader: &Reader, reason: IntakeReason, raw: Option<&'static str>) {
    world.run(async {
        let folder = world.store.folders(&reader.lease).await.unwrap().remove(0);
        let (uid, track) = (folder.live_uid, Track::Live);
        let step = Step { folder_id: folder.id, track, uid, expected: uid };
        let raw_sha256 = match raw {
            Some(raw) => {
                let raw = Bytes::from_static(raw.as_bytes());
                Some(world.store.put_raw_mail(reader.lease.workspace_id, raw).await.unwrap())
            }
            None => None,
        };
        let passed = PassedMessage {
            reason,
            detail: "This message could not be stored.".into(),
            from: raw.map(|_| address("bob@customer.example")),
            raw_sha256,
            received_at: Utc::now(),
        };
        world.store.pass_message(&reader.lease, &step, passed).await.unwrap();
    });
}

fn path_of(reader: &Reader) -> String {
    format!("/v1/mailboxes/{}/intake", reader.lease.mailbox_id)
}

fn replay(by: &SignedIn, list: &str, entry: &Value) -> Value {
    let path = format!("{list}/{}/replay", entry["id"].as_str().unwrap());
    by.post(&path, &json!({})).unwrap().expect(200).unwrap()
}

#[test]
fn what_failed_is_listed_and_taken_in_once_more() {
    let world = World::new();
    let support = world.support();
    let olga = world.olga();
    pass(&world, &support, IntakeReason::Failed, Some(RAW));
    let list = path_of(&support);
    let entry = olga.all(&list).unwrap().remove(0);
    assert_eq!((&entry["reason"], &entry["from"]), (&json!("failed"), &json!("bob@customer.example")));
    assert_eq!(
        (&entry["has_raw"], &entry["message_id"], &entry["replayed_at"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    let raw = olga.get(&format!("{list}/{}/raw", entry["id"].as_str().unwrap())).unwrap();
    assert_eq!((raw.status, raw.bytes.as_slice()), (200, RAW.as_bytes()));
    assert_eq!(raw.header("content-type"), "message/rfc822");
    assert!(raw.header("content-disposition").starts_with("attachment"));

    let done = replay(&olga, &list, &entry);
    assert_eq!(done["outcome"], "stored");
    assert!(done["entry"]["replayed_at"].is_string());
    let conversation = format!("/v1/conversations/{}", done["conversation_id"].as_str().unwrap());
    let messages = olga.all(&format!("{conversation}/messages")).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (&messages[0]["subject"], &messages[0]["id"]),
        (&json!("The lost one"), &done["entry"]["message_id"])
    );
    let file = olga.get(messages[0]["attachments"][0]["url"].as_str().unwrap()).unwrap();
    assert_eq!(file.bytes, b"a,b");
    assert_eq!(olga.get(&conversation).unwrap().expect(200).unwrap()["unread"], true, "it is news");

    let again = replay(&olga, &list, &entry);
    assert_eq!((&again["outcome"], &again["conversation_id"]), (&json!("known"), &Value::Null));
    assert_eq!(again["entry"]["message_id"], messages[0]["id"]);
    assert_eq!(olga.all(&format!("{conversation}/messages")).unwrap().len(), 1, "nothing is there twice");
    assert_eq!(olga.all(&list).unwrap().len(), 1, "and it is listed once");
}

#[test]
fn an_ignored_sender_is_taken_in_when_they_are_ignored_no_more() {
    let world = World::new();
    let support = world.support();
    let olga = world.olga();
    let ignore = "INSERT INTO ignored_addresses SELECT id, 'bob@customer.example', 'ignored' FROM workspaces";
    world.execute(ignore);
    let raw =
        world.run(world.store.put_raw_mail(support.lease.workspace_id, Bytes::from_static(RAW.as_bytes())));
    let mut ignored = mail("bob@customer.example", 1);
    ignored.raw_sha256 = Some(raw.unwrap());
    world.deliver(&support, ignored);
    let list = path_of(&support);
    let entry = olga.all(&list).unwrap().remove(0);
    assert_eq!(
        (&entry["reason"], &entry["from"]),
        (&json!("ignored_sender"), &json!("bob@customer.example"))
    );
    assert_eq!(replay(&olga, &list, &entry)["outcome"], "ignored");
    assert!(olga.all("/v1/conversations").unwrap().is_empty());
    world.execute("DELETE FROM ignored_addresses");
    assert_eq!(replay(&olga, &list, &entry)["outcome"], "stored");
    assert_eq!(olga.all("/v1/conversations").unwrap().len(), 1);
}

#[test]
fn what_was_never_had_can_not_be_taken_in() {
    let world = World::new();
    let support = world.support();
    let olga = world.olga();
    pass(&world, &support, IntakeReason::Failed, None);
    let list = path_of(&support);
    let entry = olga.all(&list).unwrap().remove(0);
    assert_eq!((&entry["has_raw"], &entry["from"]), (&json!(false), &Value::Null));
    let of_entry = format!("{list}/{}", entry["id"].as_str().unwrap());
    assert_eq!(olga.get(&format!("{of_entry}/raw")).unwrap().problem(409).unwrap(), "nothing_kept");
    let refused = olga.post(&format!("{of_entry}/replay"), &json!({})).unwrap();
    assert_eq!(refused.problem(409).unwrap(), "nothing_kept");
}

/// ACC-4: the list is for those who manage the mailbox; a personal one's mail is its user's alone to read.
#[test]
fn who_sees_the_list_and_who_its_mail() {
    let world = World::new();
    let support = world.support();
    let (olga, tom) = (world.olga(), world.tom());
    let mia = world.colleague("mia", Role::Manager);
    let toms = Ownership::Personal(tom.id().parse::<uuid::Uuid>().unwrap().into());
    let own = world.mailbox("tom@mail.example", toms, StartsOn::Reply);
    for reader in [&support, &own] {
        pass(&world, reader, IntakeReason::Failed, Some(RAW));
    }
    let (shared, personal) = (path_of(&support), path_of(&own));
    let entry = |list: &str, by: &SignedIn| by.all(list).unwrap().remove(0);
    let (in_shared, in_personal) = (entry(&shared, &olga), entry(&personal, &tom));
    assert_eq!(in_personal["from"], "bob@customer.example");
    assert_eq!(
        entry(&personal, &olga)["from"],
        Value::Null,
        "an administrator manages it, and reads none of it"
    );
    let of =
        |list: &str, entry: &Value, what: &str| format!("{list}/{}/{what}", entry["id"].as_str().unwrap());
    let raw = of(&personal, &in_personal, "raw");
    assert_eq!(olga.get(&raw).unwrap().problem(403).unwrap(), "role_not_allowed");
    assert_eq!(tom.get(&raw).unwrap().status, 200);

    // With what would be refused: it must not be judged before.
    let ask = |who: &SignedIn, method: &str, path: &str| {
        let body = (method == "POST").then(|| json!({"nonsense": 1}));
        let mut answer = who.send(method, &format!("{path}?nonsense=1"), &[], body.as_ref()).unwrap();
        answer.body["request_id"] = Value::Null;
        (answer.status, answer.body)
    };
    for (method, path) in [
        ("GET", shared.clone()),
        ("GET", of(&shared, &in_shared, "raw")),
        ("POST", of(&shared, &in_shared, "replay")),
    ] {
        for who in [&tom, &mia] {
            let (status, refused) = ask(who, method, &path);
            assert_eq!((status, &refused["code"]), (403, &json!("role_not_allowed")), "{method} {path}");
        }
    }
    let never = format!("/v1/mailboxes/{NOTHING}/intake");
    for (method, what) in [("GET", "raw"), ("POST", "replay")] {
        let not_there = ask(&mia, method, &of(&never, &in_shared, what));
        assert_eq!(not_there.0, 404);
        assert_eq!(ask(&mia, method, &of(&personal, &in_personal, what)), not_there);
        // An entry of another mailbox, and none at all.
        assert_eq!(ask(&olga, method, &of(&shared, &in_personal, what)), not_there);
        assert_eq!(ask(&olga, method, &format!("{shared}/{NOTHING}/{what}")), not_there);
        assert_eq!(ask(&olga, method, &format!("{shared}/x/{what}")), not_there);
    }
    assert_eq!(ask(&mia, "GET", &personal), ask(&mia, "GET", &never));
    let refused = tom.post(&of(&personal, &in_personal, "replay"), &json!({"x": 1})).unwrap();
    assert_eq!(refused.problem(422).unwrap(), "validation_failed");
    assert_eq!(tom.get(&format!("{personal}?x=1")).unwrap().problem(422).unwrap(), "validation_failed");
}

#[test]
fn the_list_is_paged_from_its_newest_entry_on() {
    let world = World::new();
    let support = world.support();
    let olga = world.olga();
    let list = path_of(&support);
    // An automatic mail is a message, and listed all the same.
    let mut automatic = mail("robot@customer.example", 1);
    automatic.automatic = true;
    world.deliver(&support, automatic);
    for _ in 0..4 {
        pass(&world, &support, IntakeReason::Unparseable, None);
    }
    let (mut reasons, mut ids) = (Vec::new(), Vec::new());
    let mut asked = format!("{list}?limit=2");
    loop {
        let page = olga.get(&asked).unwrap().expect(200).unwrap();
        for entry in page["data"].as_array().unwrap() {
            reasons.push(entry["reason"].as_str().unwrap().to_owned());
            ids.push(entry["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        asked = format!("{list}?limit=2&cursor={next}");
        // What comes meanwhile stands before them all.
        pass(&world, &support, IntakeReason::Failed, None);
    }
    assert_eq!(reasons, ["unparseable", "unparseable", "unparseable", "unparseable", "automatic"]);
    assert!(ids.is_sorted_by(|one, next| one > next));
    let first = olga.get(&format!("{list}?limit=1")).unwrap().expect(200).unwrap();
    assert_eq!(first["data"][0]["reason"], "failed");
    let cursor = first["next_cursor"].as_str().unwrap();
    let other = path_of(&world.mailbox("second@acme.example", Ownership::Shared(None), StartsOn::Reply));
    let elsewhere = olga.get(&format!("{other}?cursor={cursor}")).unwrap();
    assert_eq!(elsewhere.problem(400).unwrap(), "invalid_cursor", "a cursor is its list's");
}
