//! Mailboxes that sign in through their provider, over the built program: connected, read, sent through, refreshed, ended,
//! and connected anew. The provider is the testkit's, the mail servers are Dovecot and one that knows tokens alone.

use std::time::Duration;

use postroom_testkit::{
    client::{Caller, SignedIn},
    letter::Letter,
    mail::PASSWORD,
    oauth::{CLIENT_ID, CLIENT_SECRET, OAuthServer},
    server::Installation,
    smtp::{Security, SmtpServer},
};
use serde_json::{Value, json};

use crate::world::{World, eventually, text};

/// A world with a provider in it.
struct Place {
    world: World,
    provider: &'static OAuthServer,
    smtp: SmtpServer,
    olga: SignedIn,
    support: String,
}

/// The operator's settings for the testkit's provider.
fn configure(installation: &mut Installation, provider: &OAuthServer, imaps: u16, smtp: u16) {
    for (name, value) in [
        ("CLIENT_ID", CLIENT_ID.to_owned()),
        ("CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("NAME", "Test Provider".to_owned()),
        ("AUTHORIZE_URL", provider.authorize_url()),
        ("TOKEN_URL", provider.token_url()),
        ("SCOPES", "mail offline".to_owned()),
        ("IMAP_URL", format!("imaps://localhost:{imaps}")),
        ("SMTP_URL", format!("smtp://localhost:{smtp}?tls=none")),
    ] {
        installation.set(&format!("POSTROOM_OAUTH_OTHER_{name}"), &value);
    }
    installation.set("POSTROOM_OAUTH_REDIRECT_URL", "https://app.example.com/oauth");
}

impl Place {
    fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    fn with(name: &str, settings: impl FnOnce(&mut Installation)) -> Self {
        let provider = OAuthServer::shared().unwrap();
        let smtp = SmtpServer::start_for_tokens(Security::Plain, provider).unwrap();
        let imaps = postroom_testkit::mail::MailServers::shared().unwrap().ports().imaps;
        let port = smtp.port();
        let world = World::with(name, |installation| {
            configure(installation, provider, imaps, port);
            settings(installation);
        });
        let (olga, support) = (world.olga(), world.ours("support"));
        Self { world, provider, smtp, olga, support }
    }

    /// Goes to the provider and comes back: the `state` and `code` of a request.
    fn signs_in(&self, by: &SignedIn, account: &str) -> Value {
        let wish = json!({"provider": "other", "address": account});
        let begun = by.post("/v1/mail-providers/sign-in", &wish).unwrap().expect(200).unwrap();
        let (code, state) = self.provider.sign_in(&text(&begun, "/authorization_url"), account).unwrap();
        assert_eq!(state, text(&begun, "/state"));
        json!({"state": state, "code": code})
    }

    /// Connects the shared mailbox; gives its path.
    fn connect(&self) -> String {
        let mut wish = self.signs_in(&self.olga, &self.support);
        wish["address"] = json!(self.support);
        wish["kind"] = json!("shared");
        wish["conversation_starts_on"] = json!("first_inbound");
        let mailbox = self.olga.post("/v1/mailboxes/oauth", &wish).unwrap().expect(201).unwrap();
        assert_eq!(mailbox["auth"], json!({"kind": "oauth", "provider": "other"}));
        assert_eq!(
            (&mailbox["imap"]["host"], &mailbox["imap"]["username"]),
            (&json!("localhost"), &json!(self.support))
        );
        format!("/v1/mailboxes/{}", text(&mailbox, "/id"))
    }

    /// Has the server that is read signed in to anew: a change of what is believed of it is read with a new connection.
    fn reconnect(&self, path: &str) {
        let change = json!({"authserv_id": "mx.test"});
        self.olga.patch(path, &change).unwrap().expect(200).unwrap();
    }

    fn shown(&self, path: &str) -> Value {
        self.olga.get(path).unwrap().expect(200).unwrap()
    }

    fn wait_for_state(&self, path: &str, state: &str) -> Value {
        eventually(state, || {
            let mailbox = self.olga.get(path)?.expect(200)?;
            Ok((text(&mailbox, "/state") == state).then_some(mailbox))
        })
    }

    fn receive(&self, subject: &str) -> String {
        self.world.send(&Letter::new(&self.world.theirs("ann"), &self.support, subject, "Hello"));
        let card = eventually(subject, || {
            let cards = self.olga.all("/v1/conversations?view=all")?;
            Ok(cards.into_iter().find(|card| card["subject"] == subject))
        });
        format!("/v1/conversations/{}", text(&card, "/id"))
    }

    /// Replies, and gives the message's path.
    fn reply(&self, conversation: &str) -> String {
        let reply = json!({"text": "Thank you.", "include_quote": false});
        let reply = self.olga.post(&format!("{conversation}/replies"), &reply).unwrap().expect(201).unwrap();
        format!("/v1/messages/{}", text(&reply, "/id"))
    }

    fn wait_until_sent(&self, message: &str) {
        eventually("the reply is sent", || {
            let message = self.olga.get(message)?.expect(200)?;
            Ok((text(&message, "/delivery/state") == "sent").then_some(()))
        });
    }

    fn count(&self, sql: &str) -> i64 {
        self.world.cluster.count(&self.world.database, sql, &[]).unwrap()
    }
}

#[test]
fn a_mailbox_reads_and_sends_through_its_provider_while_tokens_come_and_go() {
    let place = Place::new("oauth");
    let listed = place.shown("/v1/mail-providers");
    let first = &listed["data"][0];
    assert_eq!((&first["id"], &first["name"]), (&json!("other"), &json!("Test Provider")));
    // Tokens of seconds: each is renewed before the next use.
    place.provider.tokens_last(&place.support, Duration::from_secs(3));
    let path = place.connect();
    place.wait_for_state(&path, "reading");
    let conversation = place.receive("A question");
    place.wait_until_sent(&place.reply(&conversation));
    assert_eq!(place.smtp.taken().len(), 1);
    // The first token ends, and with it the connection to the server that is read.
    std::thread::sleep(Duration::from_secs(3));
    place.reconnect(&path);
    let conversation = place.receive("Another question");
    place.wait_until_sent(&place.reply(&conversation));
    assert_eq!(place.smtp.taken().len(), 2);
    assert!(place.provider.refreshes(&place.support) >= 1);
    assert_eq!(place.shown(&path)["last_error"], Value::Null);

    // Both servers can be tried, with the provider's token and nothing else.
    let tried = place.olga.post(&format!("{path}/test"), &json!({})).unwrap().expect(200).unwrap();
    assert_eq!((&tried["imap"]["ok"], &tried["smtp"]["ok"]), (&json!(true), &json!(true)), "{tried:#}");
    let elsewhere = json!({"imap": {"host": "127.0.0.1", "port": 1}});
    let refused = place.olga.post(&format!("{path}/test"), &elsewhere).unwrap().expect(422).unwrap();
    assert_eq!(refused["errors"][0]["pointer"], "/imap/password", "a token goes nowhere else");
    let refused = place.olga.patch(&path, &elsewhere).unwrap().expect(422).unwrap();
    assert_eq!(refused["errors"][0]["pointer"], "/imap/password");

    // No token is shown, logged or stored in the clear.
    let said = place.smtp.commands();
    let shown = said.iter().filter_map(|line| line.strip_prefix("AUTH XOAUTH2 ")).next_back().unwrap();
    assert!(place.shown(&path).get("access_token").is_none() && shown.len() > 20);
    let open = "SELECT count(*) FROM mailbox_grants WHERE get_byte(access_token, 0) <> 1 OR get_byte(refresh_token, 0) <> 1";
    assert_eq!(place.count(open), 0);
}

#[test]
fn ended_access_is_told_and_signing_in_again_heals_it() {
    // What is put off is put off for long, so that it is the healing that sends it.
    let place = Place::with("ended", |installation| {
        installation.set("POSTROOM_DELIVER_RETRY", "1h");
    });
    let path = place.connect();
    place.wait_for_state(&path, "reading");
    let conversation = place.receive("A question");
    // A token that a server refuses before its time is renewed once, and that does.
    place.provider.end_access_tokens(&place.support);
    place.wait_until_sent(&place.reply(&conversation));
    let refused = place.smtp.commands().iter().filter(|line| line.starts_with("AUTH ")).count();
    assert_eq!((refused, place.provider.refreshes(&place.support)), (2, 1), "refused, renewed, taken");

    // Taken back: told once, and nothing is tried any more.
    place.provider.revoke(&place.support);
    std::thread::sleep(Duration::from_secs(21)); // The open connection is kept for so long.
    let waiting = place.reply(&conversation);
    let mailbox = place.wait_for_state(&path, "refused");
    assert_eq!(mailbox["last_error"], "needs sign-in again");
    let shown = eventually("the message says why it waits", || {
        let message = place.olga.get(&waiting)?.expect(200)?;
        Ok(message["delivery"]["error"].as_str().map(str::to_owned))
    });
    assert!(shown.contains("needs sign-in again"), "{shown}");
    let tried = place.olga.post(&format!("{path}/test"), &json!({})).unwrap().expect(200).unwrap();
    assert_eq!(
        (&tried["imap"]["fault"], &tried["smtp"]["fault"]),
        (&json!("sign_in_needed"), &json!("sign_in_needed"))
    );
    let doctor = place.world.installation.run(&["doctor"]).unwrap_err().to_string();
    assert!(doctor.contains("needs sign-in again"), "{doctor}");

    // Signed in again: read at once, and what waited leaves.
    let again = place.signs_in(&place.olga, &place.support);
    let healed = place.olga.put(&format!("{path}/oauth"), &again).unwrap().expect(200).unwrap();
    assert_eq!((&healed["state"], &healed["last_error"]), (&json!("new"), &Value::Null));
    place.wait_for_state(&path, "reading");
    place.wait_until_sent(&waiting);
    assert_eq!(place.smtp.taken().len(), 2, "each reply once");
    let told = "SELECT count(*) FROM audit WHERE action = 'mailbox.updated' AND after ? 'signed_in_again'";
    assert_eq!(place.count(told), 1);

    // And back to passwords, which both are needed for.
    let ports = place.world.mail.ports();
    let half = json!({"imap": {"host": "127.0.0.1", "port": ports.imaps, "password": PASSWORD}});
    let refused = place.olga.patch(&path, &half).unwrap().expect(422).unwrap();
    assert_eq!(refused["errors"][0]["pointer"], "/smtp/password");
    let mut whole = half.clone();
    whole["smtp"] =
        json!({"host": "127.0.0.1", "port": ports.smtps, "security": "tls", "password": PASSWORD});
    let changed = place.olga.patch(&path, &whole).unwrap().expect(200).unwrap();
    assert_eq!(changed["auth"], json!({"kind": "password", "provider": null}));
    place.wait_for_state(&path, "reading");
    assert_eq!(place.count("SELECT count(*) FROM mailbox_grants"), 0);
}

#[test]
fn a_provider_that_is_down_is_waited_for_and_asked_once_at_a_time() {
    let place = Place::new("providerdown");
    let path = place.connect();
    place.wait_for_state(&path, "reading");
    let conversation = place.receive("A question");
    place.provider.fail_with(&place.support, Some(500));
    place.provider.end_access_tokens(&place.support);
    let waiting = place.reply(&conversation);
    eventually("the message says why it waits", || {
        let message = place.olga.get(&waiting)?.expect(200)?;
        let error = message["delivery"]["error"].as_str().map(str::to_owned);
        Ok(error.filter(|error| error.contains("sign-in provider is not available")))
    });
    place.reconnect(&path);
    let failing = place.wait_for_state(&path, "failing");
    assert_eq!(failing["last_error"], "the sign-in provider is not available at the moment");
    // It comes back, slowly: whoever needs the token waits for the one who asks.
    place.provider.takes(&place.support, Duration::from_millis(700));
    place.provider.fail_with(&place.support, None);
    place.wait_until_sent(&waiting);
    place.wait_for_state(&path, "reading");
    assert_eq!(place.provider.refreshes(&place.support), 1, "one for reading and sending");
    assert_eq!(place.smtp.taken().len(), 1);
}

#[test]
fn a_sign_in_is_good_for_who_began_it_and_once() {
    let place = Place::new("begun");
    let tom = place.world.user("Tom Turner", "team_member");
    let address = place.world.ours("tom");
    let create = |by: &SignedIn, signed_in: &Value| {
        let mut wish = signed_in.clone();
        (wish["address"], wish["kind"]) = (json!(address), json!("personal"));
        by.post("/v1/mailboxes/oauth", &wish).unwrap()
    };
    let pointer =
        |answer: postroom_testkit::client::Answer| text(&answer.expect(422).unwrap(), "/errors/0/pointer");
    // Somebody else's way to the provider, ended by whoever was made to follow it: it connects nothing.
    let olgas = place.signs_in(&place.olga, &address);
    assert_eq!(pointer(create(&tom, &olgas)), "/state");
    let mut toms = place.signs_in(&tom, &address);
    // A code of another sign-in does not fit the one that was begun (PKCE).
    let other = place.signs_in(&tom, &address);
    (toms["code"], toms["kept"]) = (other["code"].clone(), toms["code"].clone());
    let kept = toms["kept"].take();
    toms.as_object_mut().unwrap().remove("kept");
    assert_eq!(pointer(create(&tom, &toms)), "/code");
    toms["code"] = kept;
    create(&tom, &toms).expect(201).unwrap();
    assert_eq!(pointer(create(&tom, &toms)), "/code", "a code is good once");
    let unknown = json!({"provider": "nobody"});
    let refused = tom.post("/v1/mail-providers/sign-in", &unknown).unwrap();
    assert_eq!(pointer(refused), "/provider");
    // The same request again is answered again, though its code is spent.
    let mut again = place.signs_in(&place.olga, &place.support);
    (again["address"], again["kind"]) = (json!(place.support), json!("shared"));
    let first = place.olga.post_once("/v1/mailboxes/oauth", "key", &again).unwrap().expect(201).unwrap();
    let second = place.olga.post_once("/v1/mailboxes/oauth", "key", &again).unwrap();
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(second.expect(201).unwrap()["id"], first["id"]);
}
