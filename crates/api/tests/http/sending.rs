//! Mails that were written: taken back, sent again, listed, read byte by byte.

use crate::world::{Reader, World, address, mail};
use postroom_domain::ids::{MessageId, WorkspaceId};
use postroom_store::{DeliveryLease, RecipientOutcome};
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Value, json};
use std::time::Duration;

struct Desk {
    world: World,
    support: Reader,
    olga: SignedIn,
    /// The path of a conversation with Bob.
    path: String,
}

fn desk() -> Desk {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}", card["id"].as_str().unwrap());
    Desk { world, support, olga, path }
}

impl Desk {
    fn reply(&self, body: &Value) -> Value {
        self.olga.post(&format!("{}/replies", self.path), body).unwrap().expect(201).unwrap()
    }

    /// Takes the undo time away, and claims as a worker does.
    fn claim(&self) -> DeliveryLease {
        self.world.execute("UPDATE outbox_queue SET due_at = now() - interval '1 second'");
        let claimed = self.world.run(self.world.store.claim_deliveries(10, Duration::from_secs(60)));
        claimed.unwrap().remove(0)
    }

    /// A worker's attempt that ends so for Bob.
    fn attempt(&self, outcome: RecipientOutcome) {
        let lease = self.claim();
        let outcomes = vec![(address("bob@customer.example"), outcome)];
        self.world.run(async {
            let store = &self.world.store;
            store.begin_attempt(&lease).await.unwrap();
            store.begin_data(&lease).await.unwrap();
            store.finish_attempt(&lease, outcomes, chrono::Duration::seconds(1), 0.0).await.unwrap();
        });
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn a_message_is_taken_back_while_nobody_has_it() {
    let desk = desk();
    let before = desk.olga.get(&desk.path).unwrap().expect(200).unwrap();
    desk.olga.patch(&desk.path, &json!({"status": "closed"})).unwrap().expect(200).unwrap();
    let body = json!({"text": "To whom? \u{202e}x", "to": ["wrong@rival.example"], "include_quote": false});
    let message = desk.reply(&body);
    assert!(message["delivery"]["can_cancel_until"].is_string());
    let number = desk.olga.get(&desk.path).unwrap().header("postroom-event").to_owned();
    let cancel = format!("/v1/messages/{}/cancel", text(&message, "/id"));
    assert_eq!(desk.world.tom().send("POST", &cancel, &[], None).unwrap().problem(404).unwrap(), "not_found");
    assert_eq!(
        desk.olga.post(&cancel, &json!({"why": 1})).unwrap().problem(422).unwrap(),
        "validation_failed"
    );
    let written = desk.olga.send("POST", &cancel, &[], None).unwrap().expect(200).unwrap();
    assert_eq!(written, body, "the editor gets what was written");
    assert_eq!(desk.olga.post(&cancel, &json!({})).unwrap().status, 404, "it is gone");
    assert_eq!(desk.olga.get(&format!("/v1/messages/{}", text(&message, "/id"))).unwrap().status, 404);
    let after = desk.olga.get(&desk.path).unwrap().expect(200).unwrap();
    assert_eq!(after["status"], "open", "RPL-5: the status is not turned back");
    for field in ["last_message", "message_count", "has_attachments", "participants", "reply_defaults"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(desk.olga.all(&format!("{}/messages", desk.path)).unwrap().len(), 1);
    let news = desk.olga.get(&format!("/v1/events?after={number}")).unwrap().expect(200).unwrap();
    let types: Vec<&str> = news["data"].as_array().unwrap().iter().map(|one| text(one, "/type")).collect();
    assert_eq!(types, ["message.removed", "conversation.updated"]);
    assert_eq!(text(&news, "/data/0/data/id"), text(&message, "/id"), "{news}");
}

#[test]
fn once_claimed_it_is_sent() {
    let desk = desk();
    let message = desk.reply(&json!({"text": "On its way."}));
    desk.claim();
    let cancel = format!("/v1/messages/{}/cancel", text(&message, "/id"));
    assert_eq!(desk.olga.post(&cancel, &json!({})).unwrap().problem(409).unwrap(), "already_sending");
    assert_eq!(
        desk.olga
            .post(&format!("/v1/messages/{}/retry", text(&message, "/id")), &json!({}))
            .unwrap()
            .problem(409)
            .unwrap(),
        "already_sending"
    );
}

#[test]
fn a_failed_message_is_sent_again() {
    let desk = desk();
    let message = desk.reply(&json!({"text": "On its way."}));
    let path = format!("/v1/messages/{}", text(&message, "/id"));
    let retry = |body: &Value| desk.olga.post(&format!("{path}/retry"), body).unwrap();
    assert_eq!(retry(&json!({})).problem(409).unwrap(), "nothing_to_retry", "it waits for its turn");
    desk.attempt(RecipientOutcome::Refused { code: Some(550), text: "5.1.1 no such user".into() });
    let failed = desk.olga.get(&path).unwrap().expect(200).unwrap();
    assert_eq!(failed["delivery"]["state"], "failed");
    assert!(text(&failed, "/delivery/recipients/0/error").contains("no such user"), "{failed}");
    assert_eq!(desk.world.tom().post(&format!("{path}/retry"), &json!({})).unwrap().status, 404);
    assert_eq!(retry(&json!({"accept_duplicate": "yes"})).problem(422).unwrap(), "validation_failed");
    let again = retry(&json!({})).expect(200).unwrap();
    assert_eq!((text(&again, "/delivery/state"), &again["id"]), ("queued", &message["id"]));
    desk.attempt(RecipientOutcome::Unknown { text: "lost".into() });
    let lease = desk.claim();
    desk.world.run(desk.world.store.resolve_lost(&lease, false)).unwrap();
    assert_eq!(retry(&json!({})).problem(409).unwrap(), "may_duplicate");
    let again = retry(&json!({"accept_duplicate": true})).expect(200).unwrap();
    assert_eq!(text(&again, "/delivery/state"), "queued");
    desk.attempt(RecipientOutcome::Sent { code: 250 });
    assert_eq!(retry(&json!({"accept_duplicate": true})).problem(409).unwrap(), "nothing_to_retry");
}

#[test]
fn ones_own_messages_are_listed_by_their_state() {
    let desk = desk();
    let written: Vec<Value> =
        (0..3).map(|number| desk.reply(&json!({"text": format!("{number}")}))).collect();
    let ids = |list: &[Value]| -> Vec<Value> { list.iter().map(|one| one["id"].clone()).collect() };
    let newest_first: Vec<Value> = ids(&written).into_iter().rev().collect();
    let all = desk.olga.all("/v1/messages?author=me").unwrap();
    assert_eq!(ids(&all), newest_first);
    assert_eq!(ids(&desk.olga.all("/v1/messages?author=me&state=failed,queued").unwrap()), newest_first);
    assert!(desk.olga.all("/v1/messages?state=failed").unwrap().is_empty());
    assert!(desk.world.tom().all("/v1/messages").unwrap().is_empty());
    let first = desk.olga.get("/v1/messages?state=queued&limit=2").unwrap();
    assert!(first.header("link").contains("state=queued&limit=2&cursor="), "{}", first.header("link"));
    let first = first.expect(200).unwrap();
    assert_eq!(ids(first["data"].as_array().unwrap()), newest_first[..2]);
    let cursor = text(&first, "/next_cursor");
    let rest = desk.olga.get(&format!("/v1/messages?state=queued&cursor={cursor}")).unwrap();
    assert_eq!(ids(rest.expect(200).unwrap()["data"].as_array().unwrap()), newest_first[2..]);
    let other = desk.olga.get(&format!("/v1/messages?cursor={cursor}")).unwrap();
    assert_eq!(other.problem(400).unwrap(), "invalid_cursor");
    for wrong in ["state=lost", "state=", "author=you", "status=queued"] {
        let answer = desk.olga.get(&format!("/v1/messages?{wrong}")).unwrap();
        assert_eq!(answer.problem(422).unwrap(), "validation_failed", "{wrong}");
    }
}

#[test]
fn a_message_is_read_byte_by_byte() {
    let desk = desk();
    let raw: Vec<u8> = (0..200_000u32).flat_map(|n| format!("{n} ").into_bytes()).collect();
    let workspace =
        WorkspaceId(desk.olga.session()["user"]["workspace"]["id"].as_str().unwrap().parse().unwrap());
    let hash = desk.world.run(desk.world.store.put_raw_mail(workspace, raw.clone().into())).unwrap();
    let mut second = mail("eve@customer.example", 2);
    second.raw_sha256 = Some(hash);
    desk.world.deliver(&desk.support, second);
    let card = desk.olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/messages/{}/raw", text(&card, "/last_message/id"));
    let answer = desk.olga.get(&path).unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (200, "message/rfc822"));
    assert!(answer.header("content-disposition").starts_with("attachment"));
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.bytes == raw, "byte by byte");
    assert_eq!(desk.world.tom().get(&path).unwrap().problem(404).unwrap(), "not_found");
    let queued = desk.reply(&json!({"text": "x"}));
    let path = format!("/v1/messages/{}/raw", text(&queued, "/id"));
    assert_eq!(desk.olga.get(&path).unwrap().status, 404, "not rendered yet");
    assert_eq!(
        desk.olga.get(&format!("/v1/messages/{}/raw", MessageId(uuid::Uuid::nil()))).unwrap().status,
        404
    );
}

#[test]
fn what_can_be_taken_back_is_quoted_nowhere() {
    let desk = desk();
    let first = desk.reply(&json!({"text": "Our lowest price is 7."}));
    let preview = desk.olga.post(&format!("{}/replies/preview", desk.path), &json!({"text": "Hello again."}));
    let preview = preview.unwrap().expect(200).unwrap();
    let second = desk.reply(&json!({"text": "Hello again."}));
    for mail in [&preview, &second] {
        for form in ["/text", "/html"] {
            assert!(!text(mail, form).contains("lowest price"), "{mail}");
            assert!(text(mail, form).contains("Text number 1"), "what stands before it is quoted: {mail}");
        }
    }
    let cancel = format!("/v1/messages/{}/cancel", text(&first, "/id"));
    desk.olga.post(&cancel, &json!({})).unwrap().expect(200).unwrap();
    // Once it has left, it is.
    desk.attempt(RecipientOutcome::Sent { code: 250 });
    let third = desk.reply(&json!({"text": "And a third time."}));
    assert!(text(&third, "/text").contains("> Hello again."), "{third}");
    assert!(text(&third, "/text").contains(">> Text number 1"), "{third}");
}

#[test]
fn a_mail_of_megabytes_does_not_come_back_with_every_answer() {
    let desk = desk();
    let mut log = mail("bob@customer.example", 7);
    log.text = "ä line of a log\n".repeat(200_000);
    log.html = Some(format!("<p>{}</p>", "ä line of a log<br>".repeat(200_000)));
    desk.world.deliver(&desk.support, log);
    let card = desk.olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}/replies", text(&card, "/id"));
    for path in [format!("{path}/preview"), path] {
        let answer = desk.olga.post(&path, &json!({"text": "Thank you for the log."})).unwrap();
        for form in ["/text", "/html"] {
            let whole = text(&answer.body, form);
            assert!((200_000..600_000).contains(&whole.len()), "{path} {form}: {}", whole.len());
            assert!(whole.contains("Thank you") && whole.contains("[…]"), "{path} {form}");
        }
    }
}
