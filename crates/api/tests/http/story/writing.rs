//! Answers and new mails: written, previewed, taken back, sent again.

use super::{Begun, Story, text};
use crate::world::address;
use postroom_store::RecipientOutcome;
use postroom_testkit::recording::Sent;
use serde_json::{Value, json};
use std::time::Duration;

/// A form with one file.
pub(super) const FORM: (&str, &[u8]) = (
    "multipart/form-data; boundary=xx-yy",
    b"--xx-yy\r\nContent-Disposition: form-data; name=\"file\"; filename=\"invoice.txt\"\r\n\
      Content-Type: text/plain\r\n\r\nInvoice 77: 249.00 EUR\r\n--xx-yy--\r\n",
);

impl Story {
    pub(super) fn writing(&mut self, begun: &Begun) {
        let olga = self.olga.clone();
        let upload = ("POST", "/v1/attachments");
        let form = Sent::Raw(FORM.0, FORM.1);
        let file = self.sends(Some("operations/upload_attachment"), &olga, upload, &[], form).body;
        let id = text(&file, "/id");
        self.show("get_attachment", &olga, ("GET", &format!("/v1/attachments/{id}")), None);
        let signed = text(&file, "/url");
        self.show("get_attachment_content", &self.world.anonymous(), ("GET", &signed), None);

        let replies = format!("{}/replies", begun.path);
        let reply = json!({"html": "<p>Here is the <b>invoice</b>.</p>", "last_seen_message_id": begun.message,
            "attachment_ids": [id]});
        self.show("preview_reply", &olga, ("POST", &format!("{replies}/preview")), Some(reply.clone()));
        let made = self.tell(
            Some("operations/create_reply"),
            &olga,
            ("POST", &replies),
            &[("idempotency-key", "5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11")],
            Some(&reply),
        );
        let made = made.expect(201).unwrap();
        let mine = ("GET", "/v1/messages?author=me&state=queued");
        self.show("list_messages", &olga, mine, None);
        let path = format!("/v1/messages/{}", text(&made, "/id"));
        self.show("get_message", &olga, ("GET", &path), None);
        self.show("cancel_message", &olga, ("POST", &format!("{path}/cancel")), None);
        let raw = format!("/v1/messages/{}/raw", begun.first);
        self.show("get_raw_message", &olga, ("GET", &raw), None);

        let again = self.does(&olga, ("POST", &replies), Some(json!({"text": "It is on its way."})));
        let path = format!("/v1/messages/{}", text(&again, "/id"));
        self.attempt(
            "bob@customer.example",
            RecipientOutcome::Refused { code: Some(550), text: "5.1.1 no such user".into() },
        );
        self.show("retry_message", &olga, ("POST", &format!("{path}/retry")), Some(json!({})));
        self.attempt("bob@customer.example", RecipientOutcome::Sent { code: 250 });
        self.new_mails();
    }

    /// What a worker does with what waits.
    pub(super) fn attempt(&mut self, to: &str, outcome: RecipientOutcome) {
        self.recorder.step();
        let lease = self.claim();
        let sent = matches!(outcome, RecipientOutcome::Sent { .. });
        let outcomes = vec![(address(to), outcome)];
        self.world.run(async {
            let store = &self.world.store;
            store.begin_attempt(&lease).await.unwrap();
            store.begin_data(&lease).await.unwrap();
            store.finish_attempt(&lease, outcomes, chrono::Duration::seconds(1), 0.0).await.unwrap();
        });
        if sent {
            self.world.run(self.world.store.copy_filed(&self.claim())).unwrap();
        }
    }

    /// Takes what waits, as a worker does.
    pub(super) fn claim(&self) -> postroom_store::DeliveryLease {
        self.world.execute("UPDATE outbox_queue SET due_at = now() - interval '1 second'");
        let claimed = self.world.run(self.world.store.claim_deliveries(10, Duration::from_secs(60)));
        claimed.unwrap().remove(0)
    }

    fn new_mails(&mut self) {
        let olga = self.olga.clone();
        let mailboxes = self.does(&olga, ("GET", "/v1/mailboxes"), None);
        let mailboxes = mailboxes["data"].as_array().unwrap();
        let sales = mailboxes.iter().find(|mailbox| mailbox["address"] == "sales@acme.example").unwrap();
        let letter: Value = json!({"mailbox_id": sales["id"], "subject": "Your order has left our house",
            "to": [{"name": "Dana Woods", "address": "dana@woods.example"}], "text": "It comes on Friday."});
        self.show("preview_message", &olga, ("POST", "/v1/messages/preview"), Some(letter.clone()));
        let written = self.show("create_message", &olga, ("POST", "/v1/messages"), Some(letter));
        let thread = format!("/v1/threads/{}", text(&written, "/thread_id"));
        self.show("list_threads", &olga, ("GET", "/v1/threads?state=waiting"), None);
        self.show("get_thread", &olga, ("GET", &thread), None);
        self.show("start_conversation", &olga, ("POST", &format!("{thread}/conversation")), None);
        self.attempt("dana@woods.example", RecipientOutcome::Sent { code: 250 });
        self.show("list_recipients", &olga, ("GET", "/v1/recipients?q=dan"), None);
    }
}
