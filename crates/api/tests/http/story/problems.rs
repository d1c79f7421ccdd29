//! Everything that can go wrong, once each. What breaks something for good comes last.

use super::{Begun, Story, text};
use crate::{
    input::requests::lock_number,
    intake::pass,
    world::{PAGE, PASSWORD, answering},
};
use chrono::{TimeDelta, Utc};
use postroom_api::{
    keys::{Key, Purpose},
    limits::LimitSettings,
    links::Links,
};
use postroom_domain::{access::Role, ids::WorkspaceId};
use postroom_store::{IntakeReason, RecipientOutcome};
use postroom_testkit::{client::Caller as _, postgres::Cluster, recording::Sent};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// An id that nothing has.
const NOTHING: &str = "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11";
const LOST: &str = "From: bob@customer.example\r\nSubject: The lost one\r\nMessage-ID: <lost@customer.example>\r\n\r\nHello\r\n";

impl Story {
    pub(super) fn problems(&mut self, begun: &Begun) {
        self.intake();
        self.requests(begun);
        self.sign_in();
        self.permissions(begun);
        self.mails(begun);
        self.things(begun);
        self.merged();
        self.server(begun);
    }

    fn intake(&mut self) {
        let olga = self.olga.clone();
        let list = format!("/v1/mailboxes/{}/intake", self.support().lease.mailbox_id);
        self.recorder.step();
        pass(&self.world, self.support(), IntakeReason::Failed, Some(LOST));
        let entries = self.show("list_intake", &olga, ("GET", &list), None);
        let entry = format!("{list}/{}", text(&entries, "/data/0/id"));
        self.show("get_raw_intake", &olga, ("GET", &format!("{entry}/raw")), None);
        self.show("replay_intake", &olga, ("POST", &format!("{entry}/replay")), None);
        self.recorder.step();
        pass(&self.world, self.support(), IntakeReason::Failed, None);
        let entries = self.does(&olga, ("GET", &list), None);
        let entry = format!("{list}/{}", text(&entries, "/data/0/id"));
        self.refused("nothing_kept", &olga, ("GET", &format!("{entry}/raw")), None);
    }

    /// What can't be read, or not so.
    fn requests(&mut self, begun: &Begun) {
        let olga = self.olga.clone();
        let company = Some(json!({"name": "Customer Ltd."}));
        let companies = ("POST", "/v1/companies");
        self.refused_with("malformed_request", &olga, companies, &[("idempotency-key", "")], company.clone());
        let broken = Sent::Raw("application/json", b"{\"status\": ");
        let patch = ("PATCH", begun.path.as_str());
        self.sends(Some("problems/malformed_json"), &olga, patch, &[], broken).problem(400).unwrap();
        self.refused("invalid_cursor", &olga, ("GET", "/v1/conversations?cursor=broken"), None);
        self.refused("method_not_allowed", &olga, ("DELETE", &begun.path), None);
        let plain = Sent::Raw("text/plain", b"closed");
        self.sends(Some("problems/unsupported_media_type"), &olga, patch, &[], plain).problem(415).unwrap();
        let large = json!({"name": "x".repeat(1 << 20)});
        self.refused("body_too_large", &olga, companies, Some(large));
        let wrong = json!({"website": "no address", "time_zone": "Mars/Base", "titel": "Boss"});
        self.refused("validation_failed", &olga, ("PATCH", &begun.contact), Some(wrong));

        let key = "0f2b8d54-4a55-4e55-8b7a-2f1b0f6f7c33";
        let keyed = [("idempotency-key", key)];
        let lock = lock_number(&olga, key);
        let held = Cluster::shared().unwrap().hold_lock(&self.world.database, lock).unwrap();
        self.refused_with("idempotency_in_progress", &olga, companies, &keyed, company);
        drop(held);
        let used = [("idempotency-key", "5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11")];
        let other = Some(json!({"text": "Something else."}));
        let replies = format!("{}/replies", begun.path);
        self.refused_with("idempotency_key_reused", &olga, ("POST", &replies), &used, other);
    }

    fn sign_in(&mut self) {
        let anybody = self.world.anonymous();
        self.refused("not_authenticated", &anybody, ("GET", "/v1/me"), None);
        let mut who = json!({"workspace": "acme", "email": "olga@acme.example", "password": PASSWORD});
        self.refused("invalid_credentials", &anybody, ("POST", "/v1/auth/login"), Some(who.clone()));
        let token = json!({"refresh_token": "prr_mZ4XcJb2Qd0kq8hS1vVnUuYwT3eRr5oP6iLk7jHgF9A"});
        self.refused("invalid_refresh_token", &anybody, ("POST", "/v1/auth/refresh"), Some(token));
        (who["password"], who["refresh"]) = (json!("green barley field"), json!("cookie"));
        let session = self.tell(None, &anybody, ("POST", "/v1/auth/login"), &[("origin", PAGE)], Some(&who));
        let cookie = session.header("set-cookie").split(';').next().unwrap().to_owned();
        self.recorder.secret(cookie.split('=').nth(1).unwrap());
        let headers = [("cookie", cookie.as_str()), ("origin", "https://elsewhere.example")];
        self.refused_with("origin_not_allowed", &anybody, ("POST", "/v1/auth/refresh"), &headers, None);
    }

    fn permissions(&mut self, begun: &Begun) {
        let (olga, tom, anybody) = (self.olga.clone(), self.tom.clone(), self.world.anonymous());
        let named = Some(json!({"name": "Acme & Sons"}));
        self.refused("role_not_allowed", &tom, ("PATCH", "/v1/workspace"), named);
        self.refused("view_not_allowed", &tom, ("GET", "/v1/conversations?view=all"), None);
        self.refused("not_found", &olga, ("GET", &format!("/v1/conversations/{NOTHING}")), None);
        let mut key = |scope: &str| {
            let key =
                self.does(&olga, ("POST", "/v1/api-keys"), Some(json!({"name": scope, "scope": scope})));
            format!("Bearer {}", text(&key, "/token"))
        };
        let (reads, administers) = (key("read"), key("admin"));
        let key = [("authorization", reads.as_str())];
        let closed = Some(json!({"status": "closed"}));
        self.refused_with("scope_not_allowed", &anybody, ("PATCH", &begun.path), &key, closed);
        let key = [("authorization", administers.as_str())];
        let passwords = Some(json!({"current_password": "green barley field", "new_password": PASSWORD}));
        self.refused_with("api_key_not_allowed", &anybody, ("PUT", "/v1/me/password"), &key, passwords);
        let picture = "0".repeat(64);
        let secret = Key::derive(self.world.store.link_secret().expose_secret(), Purpose::Link);
        let workspace = WorkspaceId(text(olga.session(), "/user/workspace/id").parse().unwrap());
        let earlier = Utc::now() - TimeDelta::hours(3);
        let signed = Links::signed(&self.world.base, &secret, workspace, earlier);
        let signed: Value =
            serde_json::from_str(&signed.sign(&json!({"$picture": picture}).to_string())).unwrap();
        self.refused("link_expired", &anybody, ("GET", signed.as_str().unwrap()), None);
    }

    fn mails(&mut self, begun: &Begun) {
        let (olga, replies) = (self.olga.clone(), format!("{}/replies", begun.path));
        let reply = Some(json!({"text": "One moment, please."}));
        let written = self.does(&olga, ("POST", &replies), reply.clone());
        let path = format!("/v1/messages/{}", text(&written, "/id"));
        let mia = self.world.colleague("mia", Role::Manager);
        self.refused("not_author", &mia, ("POST", &format!("{path}/cancel")), None);
        let retry = format!("{path}/retry");
        self.refused("nothing_to_retry", &olga, ("POST", &retry), None);
        self.attempt(
            "bob@customer.example",
            RecipientOutcome::Unknown { text: "the connection was lost".into() },
        );
        let lease = self.claim();
        self.world.run(self.world.store.resolve_lost(&lease, false)).unwrap();
        self.refused("may_duplicate", &olga, ("POST", &retry), None);
        let written = self.does(&olga, ("POST", &replies), reply);
        self.claim();
        let cancel = format!("/v1/messages/{}/cancel", text(&written, "/id"));
        self.refused("already_sending", &olga, ("POST", &cancel), None);
        let bob = ("Bob Fisher", "bob@customer.example");
        let answer = self.letter(bob, "Re: Order 1234", "It has come, thank you.");
        self.comes(answering(answer, 1));
        let unseen = Some(json!({"text": "It comes on Friday.", "last_seen_message_id": begun.message}));
        self.refused("conversation_moved_on", &olga, ("POST", &replies), unseen);
    }

    fn things(&mut self, begun: &Begun) {
        let olga = self.olga.clone();
        let title = Some(json!({"title": "Director"}));
        self.refused_with("stale_version", &olga, ("PATCH", &begun.contact), &[("if-match", "\"1\"")], title);
        let contact = self.does(&olga, ("GET", &begun.contact), None);
        let primary = format!("{}/emails/{}", begun.contact, text(&contact, "/emails/0/id"));
        self.refused("primary_email", &olga, ("DELETE", &primary), None);
        let tom = format!("/v1/users/{}/invitation", self.tom.id());
        self.refused("not_invited", &olga, ("POST", &tom), None);
        let among = json!({"mailbox_id": self.support().lease.mailbox_id, "subject": "Lunch?",
            "to": ["tom@acme.example"], "text": "At noon?"});
        let among = self.does(&olga, ("POST", "/v1/messages"), Some(among));
        let begin = format!("/v1/threads/{}/conversation", text(&among, "/thread_id"));
        self.refused("no_external_party", &olga, ("POST", &begin), None);
    }

    /// Two conversations turn out to be one.
    fn merged(&mut self) {
        let (olga, dana) = (self.olga.clone(), ("Dana Woods", "dana@woods.example"));
        let first = self.letter(dana, "A question", "Does it fit?");
        let last = self.letter(dana, "A question", "And in red?");
        let between = self.letter(dana, "A question", "In green?");
        let number = self.letters;
        self.comes(first);
        self.comes(answering(last, number));
        let parted = self.does(&olga, ("GET", "/v1/conversations?limit=2"), None);
        self.comes(answering(between, number - 2));
        let left = self.does(&olga, ("GET", "/v1/conversations?limit=1"), None);
        let parted = parted["data"].as_array().unwrap();
        let gone = parted.iter().find(|card| card["id"] != left["data"][0]["id"]).unwrap();
        let gone = format!("/v1/conversations/{}", text(gone, "/id"));
        self.refused("conversation_merged", &olga, ("GET", &gone), None);
    }

    /// What is the server's own trouble, or becomes it.
    fn server(&mut self, begun: &Begun) {
        let olga = self.olga.clone();
        let mailless = olga.at(&self.world.without_mail());
        let ben = json!({"email": "carl@acme.example", "name": "Carl", "role": "team_member"});
        self.refused("mail_not_configured", &mailless, ("POST", "/v1/users"), Some(ben));
        let limits = LimitSettings { per_second: 1, burst: 1, ..LimitSettings::OFF };
        let limited = olga.at(&self.world.limited(limits));
        while limited.get("/v1/me").unwrap().status != 429 {}
        self.refused("rate_limited", &limited, ("GET", "/v1/me"), None);
        self.world.execute("DELETE FROM events WHERE number <= 20");
        self.refused("events_expired", &olga, ("GET", "/v1/events?after=3"), None);
        let support = format!("/v1/mailboxes/{}", self.support().lease.mailbox_id);
        self.does(&olga, ("DELETE", &support), None);
        let reply = Some(json!({"text": "Goodbye.", "force": true}));
        // Olga has one of her own.
        let mia = self.world.anonymous().sign_in("acme", "mia@acme.example", PASSWORD).unwrap();
        self.refused("no_sending_mailbox", &mia, ("POST", &format!("{}/replies", begun.path)), reply);

        self.world.execute("ALTER TABLE mailboxes RENAME TO hidden");
        self.refused("internal", &olga, ("GET", "/v1/mailboxes"), None);
        let cluster = Cluster::shared().unwrap();
        let database = &self.world.database;
        cluster.execute("postgres", &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false")).unwrap();
        let end =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
        cluster.execute("postgres", &end).unwrap();
        self.refused("unavailable", &olga, ("GET", "/v1/me"), None);
    }
}
