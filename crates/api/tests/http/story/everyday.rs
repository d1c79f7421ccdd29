//! The stream, a conversation's window, and the live page.

use super::{Begun, Story, text};
use crate::{
    follow::{SOON, follow},
    world::answering,
};
use bytes::Bytes;
use postroom_domain::{
    ids::WorkspaceId,
    reply::{Segment, SegmentKind},
};
use postroom_store::RecipientOutcome;
use postroom_testkit::client::SignedIn;
use serde_json::json;

const ORDER: &str = "Where is my grinder? I have been waiting for a week.";
const BOB: (&str, &str) = ("Bob Fisher", "bob@customer.example");

impl Story {
    /// Customers write; the first conversation is Bob's.
    pub(super) fn everyday(&mut self) -> Begun {
        let olga = self.olga.clone();
        let mut order = self.letter(BOB, "Order 1234", ORDER);
        order.html = Some(format!("<p>{ORDER}</p>"));
        order.segments[0].html.clone_from(&order.html);
        order.attachments = vec![self.world.file("order.txt", "text/plain", b"1 grinder, 249.00 EUR\n")];
        order.raw_sha256 = Some(self.raw());
        self.comes(order);
        for (from, subject, text) in [
            (("Dana Woods", "dana@woods.example"), "Opening hours", "Are you open on Saturday?"),
            (("Lina Berg", "lina@berg.example"), "The grinder is loud", "Is that how it should be?"),
            (("Carla Ruiz", "carla@ruiz.example"), "Invoice 77", "Could you send it again?"),
        ] {
            let letter = self.letter(from, subject, text);
            self.comes(letter);
        }
        let (path, contact, first) = self.conversation("Order 1234");
        self.replied(&path);
        let (invoice, _, _) = self.conversation("Invoice 77");
        let done = Some(json!({"owner_id": self.tom.id(), "status": "closed"}));
        self.does(&olga, ("PATCH", &invoice), done);
        let (loud, _, _) = self.conversation("The grinder is loud");
        self.does(&olga, ("PATCH", &loud), Some(json!({"owner_id": self.tom.id()})));
        self.show("count_conversations", &olga, ("GET", "/v1/conversations/counts"), None);
        self.show("list_conversations", &olga, ("GET", "/v1/conversations?status=all"), None);
        let (_, _, message) = self.conversation("Order 1234");
        self.window(&olga, &path, &message);
        self.live(&olga, &path);
        Begun { path, contact, first, message }
    }

    /// The path of the conversation with this subject, that of its customer, and its last message's id.
    fn conversation(&mut self, subject: &str) -> (String, String, String) {
        let olga = self.olga.clone();
        let all = self.does(&olga, ("GET", "/v1/conversations?status=all"), None);
        let cards = all["data"].as_array().unwrap();
        let card = cards.iter().find(|card| card["subject"] == subject).unwrap();
        let path = |of: &str, pointer: &str| format!("/v1/{of}/{}", text(card, pointer));
        let contact = path("contacts", "/primary_contact/id");
        (path("conversations", "/id"), contact, text(card, "/last_message/id"))
    }

    /// Olga answers Bob, and he answers her.
    fn replied(&mut self, path: &str) {
        let olga = self.olga.clone();
        let reply = "It left our house on Monday and should be with you tomorrow.";
        self.does(&olga, ("POST", &format!("{path}/replies")), Some(json!({"text": reply})));
        self.attempt(BOB.1, RecipientOutcome::Sent { code: 250 });
        let thanks = "Thank you! Could I have the invoice, too?";
        let mut answer = self.letter(BOB, "Re: Order 1234", thanks);
        let quote = format!("\n\nOlga Owens wrote:\n> {reply}\n");
        answer.text = format!("{thanks}{quote}");
        answer.segments.push(Segment { kind: SegmentKind::Quote, text: quote, html: None });
        self.comes(answering(answer, 1));
    }

    /// Bob's mail, byte by byte.
    fn raw(&self) -> [u8; 32] {
        let raw =
            b"From: Bob Fisher <bob@customer.example>\r\nTo: support@acme.example\r\nSubject: Order 1234\r\n\
            Message-ID: <1@customer.example>\r\n\r\nWhere is my grinder? I have been waiting for a week.\r\n";
        let workspace = WorkspaceId(text(self.olga.session(), "/user/workspace/id").parse().unwrap());
        self.world.run(self.world.store.put_raw_mail(workspace, Bytes::from_static(raw))).unwrap()
    }

    fn window(&mut self, olga: &SignedIn, path: &str, message: &str) {
        self.show("get_conversation", olga, ("GET", path), None);
        self.show("list_conversation_messages", olga, ("GET", &format!("{path}/messages")), None);
        let one = format!("{path}/messages/{message}");
        self.show("get_conversation_message", olga, ("GET", &one), None);
        let seen = json!({"message_id": message});
        self.show("mark_conversation_seen", olga, ("PUT", &format!("{path}/seen")), Some(seen));
        let viewing = json!({"state": "viewing"});
        self.show("set_presence", olga, ("PUT", &format!("{path}/presence")), Some(viewing));
        self.show("list_presence", olga, ("GET", &format!("{path}/presence")), None);
        self.show("update_conversation", olga, ("PATCH", path), Some(json!({"status": "closed"})));
        self.show("mark_conversation_unread", olga, ("DELETE", &format!("{path}/seen")), None);
    }

    /// What happened, and what happens.
    fn live(&mut self, olga: &SignedIn, path: &str) {
        self.show("create_event_ticket", olga, ("POST", "/v1/events/ticket"), None);
        let now = self.tell(None, olga, ("GET", "/v1/conversations/counts"), &[], None);
        let after: i64 = now.header("postroom-event").parse().unwrap();
        self.does(olga, ("PATCH", path), Some(json!({"status": "open"})));
        self.show("list_events", olga, ("GET", &format!("/v1/events?after={after}")), None);
        let asked = format!("/v1/events/stream?after={after}");
        let stream = follow(&self.world.base, olga, &format!("?after={after}"));
        let mut told = String::new();
        for message in
            [stream.wait_for("heartbeat", SOON).unwrap(), stream.next_event(SOON).unwrap().unwrap()]
        {
            let (id, data) = (message.id.unwrap(), self.recorder.replaced(&message.data));
            told.push_str(&format!("id: {id}\nevent: {}\ndata: {data}\n\n", message.event));
        }
        let answer = json!({"status": 200, "body": told,
            "headers": {"content-type": "text/event-stream", "postroom-event": stream.header("postroom-event")}});
        let request = json!({"method": "GET", "path": asked, "headers": {}, "body": null});
        self.recorder.keep("operations/follow_events", json!({"request": request, "answer": answer}));
    }
}
