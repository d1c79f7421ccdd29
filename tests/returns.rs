//! What comes back by itself: automatic answers and reports about deliveries (MAIL-7, MAIL-8), the whole way from the mail
//! server to the page.

use crate::world::{World, eventually, text};
use postroom_testkit::{
    client::{Caller, SignedIn},
    letter::{Letter, Received},
};
use serde_json::{Value, json};

/// A conversation with Carol in which a reply of ours has left, and that reply as it arrived.
struct Desk {
    world: World,
    olga: SignedIn,
    help: String,
    carol: String,
    mailbox: String,
    conversation: String,
    reply: String,
    arrived: Received,
}

impl Desk {
    fn new(name: &str) -> Self {
        let world = World::new(name);
        let (olga, help, carol) = (world.olga(), world.ours("help"), world.theirs("carol"));
        let mailbox = text(&world.shared_mailbox(&olga, &help), "/id");
        let asked = Letter::new(&format!("Carol <{carol}>"), &help, "Re: pumps", "Which one?");
        world.send(&Letter { in_reply_to: Some("never-seen@elsewhere.test".into()), ..asked });
        let card =
            eventually("the conversation", || Ok(olga.all("/v1/conversations?view=all")?.into_iter().next()));
        let conversation = format!("/v1/conversations/{}", text(&card, "/id"));
        let written = json!({"text": "The blue one."});
        let reply = olga.post(&format!("{conversation}/replies"), &written).unwrap().expect(201).unwrap();
        let arrived = world.inbox(&carol, 1).remove(0);
        let reply = format!("/v1/messages/{}", text(&reply, "/id"));
        let desk = Self { world, olga, help, carol, mailbox, conversation, reply, arrived };
        eventually("it is sent", || {
            Ok((text(&desk.get(&desk.reply), "/delivery/state") == "sent").then_some(()))
        });
        desk
    }

    fn get(&self, path: &str) -> Value {
        self.olga.get(path).unwrap().expect(200).unwrap()
    }

    /// Puts a mail into our inbox, and waits until it was looked at, whatever became of it.
    fn receive(&self, raw: &str) {
        self.world
            .mail
            .mailbox(&self.help)
            .append("INBOX", raw.replace('\n', "\r\n").as_bytes(), None)
            .unwrap();
        // Mail is read in order: what comes after it, from somebody else, tells.
        let mark = Letter::new(&self.world.theirs("mark"), &self.help, "Mark", "Read so far.");
        self.world.mail.mailbox(&self.help).append("INBOX", &mark.raw().unwrap(), None).unwrap();
        let sql = format!("SELECT count(*) FROM messages WHERE rfc_message_id = '{}'", mark.message_id);
        eventually("the mailbox is read", || {
            Ok((self.world.cluster.count(&self.world.database, &sql, &[])? == 1).then_some(()))
        });
    }

    /// A report about our reply.
    fn report(&self, id: &str, action: &str, status: &str, diagnostic: &str) -> String {
        format!(
            "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.test>\nTo: <{help}>\nSubject: Delivery report\n\
             Message-ID: <{id}@mx.test>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\n\
             This is about your mail.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
             Final-Recipient: rfc822; {carol}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}\n\n\
             --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{ours}>\nSubject: Re: pumps\n\n--b--\n",
            help = self.help,
            carol = self.carol,
            ours = self.arrived.message_id(),
        )
    }

    fn intake(&self, reason: &str) -> Vec<Value> {
        let entries = self.olga.all(&format!("/v1/mailboxes/{}/intake", self.mailbox)).unwrap();
        entries.into_iter().filter(|entry| entry["reason"] == reason).collect()
    }

    /// What must not move: status, unread, unseen replies, place and version.
    fn standing(&self) -> [Value; 5] {
        let conversation = self.get(&self.conversation);
        ["status", "unread", "unseen_replies", "last_activity_at", "version"]
            .map(|field| conversation[field].clone())
    }
}

#[test]
fn an_out_of_office_answer_moves_nothing() {
    let desk = Desk::new("away");
    desk.olga.patch(&desk.conversation, &json!({"status": "closed"})).unwrap().expect(200).unwrap();
    let before = desk.standing();
    let away = Letter::answering(&desk.arrived, &format!("Carol <{}>", desk.carol), "I am away until May.");
    let away = Letter { headers: vec![("Auto-Submitted".into(), "auto-replied".into())], ..away };
    desk.receive(&String::from_utf8(away.raw().unwrap()).unwrap().replace("\r\n", "\n"));
    let messages = desk.olga.all(&format!("{}/messages", desk.conversation)).unwrap();
    let last = messages.iter().find(|message| message["automatic"] == true).expect("it stands in its thread");
    assert!(text(last, "/text").contains("away until May"));
    assert_eq!(desk.standing(), before);
    assert_eq!(desk.intake("automatic").len(), 1);
    // A person's answer is one.
    let person = Letter::answering(&desk.arrived, &format!("Carol <{}>", desk.carol), "I am back.");
    desk.receive(&String::from_utf8(person.raw().unwrap()).unwrap().replace("\r\n", "\n"));
    let conversation = desk.get(&desk.conversation);
    assert_eq!((&conversation["status"], &conversation["unseen_replies"]), (&json!("open"), &json!(1)));
}

#[test]
fn a_war_of_responders_is_cut_off_and_everybody_else_is_read() {
    const SENT: usize = 30;
    const THROUGH: usize = 20;
    let desk = Desk::new("war");
    let (before, start) = (desk.standing(), desk.get("/v1/events?after=0")["latest"].clone());
    for _ in 0..SENT {
        let away =
            Letter::answering(&desk.arrived, &format!("Carol <{}>", desk.carol), "I am away until May.");
        desk.world.send(&Letter { headers: vec![("Auto-Submitted".into(), "auto-replied".into())], ..away });
    }
    eventually("all that was sent is read", || {
        Ok((desk.intake("automatic").len() + desk.intake("loop").len() == SENT).then_some(()))
    });
    let cut = desk.intake("loop");
    assert_eq!(cut.len(), SENT - THROUGH);
    assert_eq!(desk.standing(), before);
    // Who isn't part of it is read as ever, though it goes on.
    let person = Letter::answering(&desk.arrived, &format!("Carol <{}>", desk.carol), "I am back.");
    desk.receive(&String::from_utf8(person.raw().unwrap()).unwrap().replace("\r\n", "\n"));
    let messages = desk.olga.all(&format!("{}/messages", desk.conversation)).unwrap();
    assert!(messages.iter().any(|message| text(message, "/text").contains("I am back")));
    let told = desk.get(&format!("/v1/events?after={start}&limit=100"));
    assert_eq!(told["next_after"], told["latest"], "that is all of it");
    let told = told["data"].as_array().unwrap().iter().filter(|event| event["type"] == "mailbox.loop");
    assert_eq!(
        told.map(|event| event["data"]["id"].clone()).collect::<Vec<_>>(),
        [json!(desk.mailbox)],
        "once"
    );
    // Nothing was lost: what was cut can be taken in.
    let replay = format!("/v1/mailboxes/{}/intake/{}/replay", desk.mailbox, text(&cut[0], "/id"));
    let replayed = desk.olga.send("POST", &replay, &[], None).unwrap().expect(200).unwrap();
    assert_eq!(replayed["outcome"], "stored");
    let messages = desk.olga.all(&format!("{}/messages", desk.conversation)).unwrap();
    assert!(messages.iter().any(|message| message["id"] == replayed["entry"]["message_id"]), "{replayed:#}");
}

#[test]
fn only_what_failed_for_good_came_back() {
    let desk = Desk::new("bounces");
    let before = desk.standing();
    let state = || text(&desk.get(&desk.reply), "/delivery/state");
    for (id, action, status) in
        [("late", "delayed", "4.4.1"), ("there", "delivered", "2.0.0"), ("passed", "relayed", "2.0.0")]
    {
        desk.receive(&desk.report(id, action, status, "250 fine"));
        assert_eq!((state(), desk.standing()), ("sent".to_owned(), before.clone()), "{action}");
    }
    desk.receive(&desk.report("failed", "failed", "5.1.1", "550 5.1.1 no such user"));
    let delivery = desk.get(&desk.reply)["delivery"].clone();
    assert_eq!(delivery["state"], "bounced");
    let bounced = &delivery["bounces"][0];
    assert_eq!(bounced["address"], *desk.carol, "{delivery:#}");
    let why = text(bounced, "/error");
    assert!(why.starts_with("There is no such address.") && why.contains("5.1.1"), "{why}");
    let told = |conversation: &[Value; 5]| (conversation[0].clone(), conversation[2].clone());
    assert_eq!(told(&desk.standing()), told(&before), "it is no message of the customer's");
    assert_eq!(desk.intake("bounce").len(), 1);
}

#[test]
fn a_report_in_plain_words_is_understood_and_a_strange_one_listed() {
    let desk = Desk::new("plain-bounces");
    let ours = desk.arrived.message_id();
    let plain = |id: &str, about: &str| {
        format!(
            "Return-Path: <>\nFrom: MAILER-DAEMON@mx.test\nTo: <{help}>\nSubject: failure notice\nMessage-ID: <{id}@mx.test>\n\n\
             Hi. This is the qmail-send program at mx.test.\nI'm afraid I wasn't able to deliver your message to the following \
             addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<{carol}>:\n\
             192.0.2.7 does not like recipient.\nRemote host said: 552 5.2.2 mailbox full\nGiving up on 192.0.2.7.\n\n\
             --- Below this line is a copy of the message.\n\nReturn-Path: <{help}>\nMessage-ID: <{about}>\nFrom: {help}\n\
             To: {carol}\nSubject: Re: pumps\n\nThe blue one.\n",
            help = desk.help,
            carol = desk.carol,
        )
    };
    desk.receive(&plain("strange", "never-ours@elsewhere.test"));
    assert_eq!(text(&desk.get(&desk.reply), "/delivery/state"), "sent");
    assert_eq!(desk.intake("unmatched_bounce").len(), 1);
    desk.receive(&plain("ours", &ours));
    let delivery = desk.get(&desk.reply)["delivery"].clone();
    assert_eq!(delivery["state"], "bounced", "{delivery:#}");
    assert!(text(&delivery["bounces"][0], "/error").starts_with("The mailbox is full."), "{delivery:#}");
    assert_eq!(desk.intake("bounce").len(), 1);
    assert_eq!(desk.get(&desk.conversation)["message_count"], 2);
}
