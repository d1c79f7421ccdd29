//! The whole way, once: a new mail to a customer, their answer, a conversation, a reply, and what follows.

use std::time::SystemTime;

use postroom_testkit::{
    client::{Caller, SignedIn},
    letter::{Letter, Received},
};
use serde_json::{Value, json};

use crate::world::{World, eventually, text};

/// The cards of a stream.
fn stream(caller: &SignedIn, query: &str) -> Vec<Value> {
    caller.all(&format!("/v1/conversations?{query}")).unwrap()
}

fn conversation(caller: &SignedIn, id: &str) -> Value {
    caller.get(&format!("/v1/conversations/{id}")).unwrap().expect(200).unwrap()
}

fn messages(caller: &SignedIn, id: &str) -> Vec<Value> {
    caller.all(&format!("/v1/conversations/{id}/messages")).unwrap()
}

/// Waits until a message that was written here has left.
fn wait_until_sent(caller: &SignedIn, message: &Value) {
    let path = format!("/v1/messages/{}", text(message, "/id"));
    eventually("the mail is sent", || {
        let message = caller.get(&path)?.expect(200)?;
        let state = text(&message, "/delivery/state");
        assert!(["queued", "sending", "sent"].contains(&state.as_str()), "{message:#}");
        Ok((state == "sent").then_some(()))
    });
}

/// IMAP's INTERNALDATE, a message's place in time (CNV-10), knows whole seconds: what is to be later than something
/// else must not fall into the same one.
fn a_second_later() {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    eventually("the next second", || Ok((now() > before).then_some(())));
}

/// What every mail that leaves must have (SND-5).
fn assert_well_formed(mail: &Received) {
    for header in ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version"] {
        assert_eq!(mail.headers(header).len(), 1, "{header} stands once");
    }
    for header in ["Bcc", "Auto-Submitted"] {
        assert!(mail.headers(header).is_empty(), "no {header}");
    }
    assert!(
        mail.parts().contains(&"text/plain".to_owned()) && mail.parts().contains(&"text/html".to_owned())
    );
    for line in mail.raw().split(|byte| *byte == b'\n') {
        assert!(line.len() <= 999, "a line has at most 998 bytes");
        assert!(line.is_ascii(), "everything is encoded");
    }
}

#[test]
fn the_whole_way() {
    let world = World::new("journey");
    let olga = world.olga();
    let mia = world.user("Mia Manager", "manager");
    let tom = world.user("Tom Turner", "team_member");
    let tess = world.user("Tess Thorne", "team_member");
    let support = world.ours("support");
    let mailbox = world.shared_mailbox(&olga, &support);
    let carol = format!("Carol Cliente <{}>", world.theirs("carol"));

    // Another conversation, so that "on top" means something.
    let other =
        Letter::new(&format!("Ben <{}>", world.theirs("ben")), &support, "Re: your offer", "Yes please");
    let other = Letter { in_reply_to: Some("never-seen@elsewhere.test".into()), ..other };
    world.send(&other);
    let other = eventually("the other conversation", || Ok(stream(&mia, "view=all").into_iter().next()));

    // A user writes a new mail (RPL-8): no conversation yet.
    let new_mail = json!({
        "mailbox_id": mailbox["id"], "to": [{"name": "Carol Cliente", "address": world.theirs("carol")}],
        "subject": "Your new grinder", "text": "Hello Carol,\n\nit is on its way.",
    });
    let written = tom.post("/v1/messages", &new_mail).unwrap().expect(201).unwrap();
    assert_eq!(written["conversation_id"], Value::Null);
    assert_eq!(written["direction"], "outbound");
    wait_until_sent(&tom, &written);
    let first = world.inbox(&world.theirs("carol"), 1).remove(0);
    assert_well_formed(&first);
    assert_eq!(first.header("Subject"), "Your new grinder");
    assert_eq!(first.header("From").replace('"', ""), format!("Tom Turner <{support}>"));
    assert!(first.part("text/plain").unwrap().contains("it is on its way."));
    assert_eq!(stream(&mia, "view=all&status=all").len(), 1, "only the other one: nobody has replied yet");

    // The customer replies: a conversation (CNV-1, CNV-2, CNV-7).
    a_second_later();
    world.send(&Letter::answering(
        &first,
        &carol,
        "Wonderful, thanks!\n\nOn some day Tom wrote:\n> it is on its way.",
    ));
    let card = eventually("the conversation", || {
        Ok(stream(&mia, "view=all").into_iter().find(|card| card["subject"] == "Your new grinder"))
    });
    let id = text(&card, "/id");
    assert_eq!(stream(&mia, "view=all")[0]["id"], card["id"], "it is on top");
    assert_eq!(card["status"], "open");
    assert_eq!(card["unread"], true);
    assert_eq!(card["unseen_replies"], 1);
    assert_eq!(card["message_count"], 2);
    assert_eq!(card["owner"]["id"], tom.id());
    assert_eq!(card["primary_contact"]["name"], "Carol Cliente");
    assert_eq!(card["last_message"]["preview"], "Wonderful, thanks!");
    assert_eq!(card["last_message"]["direction"], "inbound");
    assert_ne!(card["number"], other["number"]);
    assert_eq!(stream(&tom, "view=mine").len(), 1);

    // Who may not see it: it doesn't exist for them (ACC-3).
    assert_invisible(&tess, &id);

    // Someone opens it: read for all (CNV-7).
    mia.put(&format!("/v1/conversations/{id}/seen"), &json!({})).unwrap().expect(204).unwrap();
    assert_eq!(conversation(&tom, &id)["unread"], false);
    assert_eq!(conversation(&tom, &id)["unseen_replies"], 0);

    replies_with_signature(&world, &tom, &id, &first);
    reads_its_own_mail_back(&world, &tom, &id, &support);

    // Closed, and reopened by the customer's next mail (CNV-4, CNV-5).
    let path = format!("/v1/conversations/{id}");
    let closed = tom.patch(&path, &json!({"status": "closed"})).unwrap().expect(200).unwrap();
    assert_eq!(closed["status"], "closed");
    assert_eq!(stream(&mia, "view=all").len(), 1, "only the other one is open");
    world.send(&Letter {
        in_reply_to: Some("another-unknown@elsewhere.test".into()),
        ..Letter::new(
            &format!("Ben <{}>", world.theirs("ben")),
            &support,
            "Re: one more thing",
            "And the invoice?",
        )
    });
    eventually("something newer", || Ok((stream(&mia, "view=all").len() == 2).then_some(())));
    a_second_later();
    let reply = world.inbox(&world.theirs("carol"), 2).remove(1);
    world.send(&Letter::answering(&reply, &carol, "It arrived. But which beans?"));
    eventually("it is open again", || {
        let card = conversation(&mia, &id);
        Ok((card["status"] == "open" && card["message_count"] == 5).then_some(()))
    });
    assert_eq!(stream(&mia, "view=all")[0]["id"], card["id"], "on top again");

    // Another owner for the conversation; the contact's owner stays (CNV-8).
    let contact = format!("/v1/contacts/{}", text(&card, "/primary_contact/id"));
    let before = mia.get(&contact).unwrap().expect(200).unwrap();
    assert_eq!(before["owner"]["id"], tom.id());
    let given = mia.patch(&path, &json!({"owner_id": tess.id()})).unwrap().expect(200).unwrap();
    assert_eq!(given["owner"]["id"], tess.id());
    let after = mia.get(&contact).unwrap().expect(200).unwrap();
    assert_eq!(after["owner"]["id"], tom.id(), "the contact's owner is unchanged");
    assert_eq!(conversation(&tess, &id)["owner"]["id"], tess.id());
    assert_invisible(&tom, &id);
}

/// A conversation that there is answers like one that never was.
fn assert_invisible(caller: &SignedIn, id: &str) {
    let body = |id: &str| {
        let answer = caller.get(&format!("/v1/conversations/{id}")).unwrap();
        assert!(answer.header("content-type").starts_with("application/problem+json"));
        let mut body = answer.expect(404).unwrap();
        body.as_object_mut().unwrap().remove("request_id");
        body
    };
    assert_eq!(body(id), body("01990000-0000-7000-8000-000000000000"));
    assert!(stream(caller, "view=mine&status=all").iter().all(|card| card["id"] != id));
    assert_eq!(caller.get("/v1/conversations?view=all").unwrap().problem(403).unwrap(), "view_not_allowed");
}

/// The owner replies, twice with the same key: one reply, one mail (RPL-1 to RPL-3, RPL-7).
fn replies_with_signature(world: &World, tom: &SignedIn, id: &str, first: &Received) {
    let me = json!({"signature_html": "<p>Tom Turner<br>Acme Support</p>", "signature_enabled": true});
    tom.patch("/v1/me", &me).unwrap().expect(200).unwrap();
    let asked = text(messages(tom, id).last().unwrap(), "/id");
    let path = format!("/v1/conversations/{id}/replies");
    let boss = world.ours("boss");
    let reply = json!({
        "text": "It should be with you on Friday.", "include_signature": true,
        "bcc": [{"address": boss}], "last_seen_message_id": asked,
    });
    let one = tom.post_once(&path, "reply-1", &reply).unwrap().expect(201).unwrap();
    let again = tom.post_once(&path, "reply-1", &reply).unwrap();
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.expect(201).unwrap()["id"], one["id"]);
    assert_eq!(conversation(tom, id)["message_count"], 3, "it shows at once");
    wait_until_sent(tom, &one);

    let mails = world.inbox(&world.theirs("carol"), 2);
    assert_eq!(mails.len(), 2, "exactly one more");
    let mail = &mails[1];
    assert_well_formed(mail);
    let shown = messages(tom, id);
    let asked = shown.iter().find(|message| message["direction"] == "inbound").unwrap();
    assert_eq!(asked["side"], "external");
    assert_eq!(mail.header("Subject"), "Re: Your new grinder");
    assert_eq!(mail.message_ids("In-Reply-To").len(), 1);
    let references = mail.message_ids("References");
    assert!(references.contains(&first.message_id()), "{references:?}");
    assert_eq!(references.last(), mail.message_ids("In-Reply-To").first());
    let body = mail.part("text/plain").unwrap();
    let at = |words: &str| body.find(words).unwrap_or_else(|| panic!("{words:?} isn't in {body:?}"));
    assert!(at("with you on Friday") < at("Acme Support") && at("Acme Support") < at("> Wonderful, thanks!"));

    let copies = world.inbox(&boss, 1);
    assert_eq!(copies[0].message_id(), mail.message_id());
    assert!(!String::from_utf8_lossy(copies[0].raw()).contains("\nBcc:"));
}

/// The copies in the Sent folder change nothing; what a user sent from their own mail program does (SND-4, WIN-2).
fn reads_its_own_mail_back(world: &World, tom: &SignedIn, id: &str, support: &str) {
    let sent = world.mail.mailbox(support).wait_for("Sent", 2, crate::world::SOON).unwrap();
    assert_eq!(sent.len(), 2, "one copy of each");
    let theirs: Vec<String> =
        world.inbox(&world.theirs("carol"), 2).iter().map(Received::message_id).collect();
    let ours: Vec<String> = sent.into_iter().map(|raw| Received::new(raw).message_id()).collect();
    assert_eq!(theirs, ours);

    // A folder is read in its order: when this one is there, the copies before it have been read.
    let question = world.inbox(&world.theirs("carol"), 2).remove(1);
    let own =
        Letter::answering(&question, &format!("Acme Support <{support}>"), "One more thing: keep the box.");
    let own = Letter { to: vec![world.theirs("carol")], ..own };
    world.mail.mailbox(support).append("Sent", &own.raw().unwrap(), None).unwrap();
    let shown = eventually("the mail program's mail", || {
        let shown = messages(tom, id);
        Ok(shown.iter().any(|message| message["preview"] == "One more thing: keep the box.").then_some(shown))
    });
    let sides: Vec<_> = shown.iter().map(|message| text(message, "/side")).collect();
    assert_eq!(
        sides,
        ["internal", "external", "internal", "internal"],
        "no message stands twice: {shown:#?}"
    );
    assert_eq!(conversation(tom, id)["message_count"], 4);
}
