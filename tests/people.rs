//! Mail of Postroom's own, over the built program and real mail servers: it leaves on its own, and nothing is lost whatever
//! is dead or killed.

use postroom_testkit::{
    client::{Anonymous, Caller, SignedIn},
    letter::Received,
    mail::{MailServers, PASSWORD},
    proxy::{Protocol, Proxy},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::world::{SOON, WORKSPACE, World, text};

const PAGE: &str = "https://app.acme.test";

/// With mail of its own through this port, STARTTLS and a sign-in.
fn world(name: &str, port: u16) -> World {
    World::with(name, |installation| {
        let url = format!("smtp://postroom%40{name}.test:{PASSWORD}@127.0.0.1:{port}");
        installation.set("POSTROOM_SYSTEM_SMTP_URL", &url);
        installation.set("POSTROOM_SYSTEM_FROM", &format!("Acme Postroom <postroom@{name}.test>"));
        installation.set("POSTROOM_APP_URL", &format!("{PAGE}/"));
    })
}

fn invite(by: &SignedIn, email: &str, name: &str) -> Value {
    let body = json!({"email": email, "name": name, "role": "manager"});
    by.post("/v1/users", &body).unwrap().expect(201).unwrap()
}

/// The token of the one link in a mail, which must lead to this part of the page.
fn token(mail: &Received, part: &str) -> String {
    let body = mail.part("text/plain").unwrap();
    let links: Vec<&str> = body.split_whitespace().filter(|word| word.starts_with("http")).collect();
    let [link] = links.as_slice() else { panic!("one link: {body}") };
    link.strip_prefix(&format!("{PAGE}/{part}/")).unwrap_or_else(|| panic!("another link: {link}")).to_owned()
}

#[test]
fn who_is_invited_follows_the_link_in_their_mail_and_who_forgets_gets_another() {
    let mut world = world("invited", MailServers::shared().unwrap().ports().smtp);
    let olga = world.olga();
    let ben = world.ours("ben");
    invite(&olga, &ben, "Ben Frost, \"the second\"");
    let mail = world.inbox(&ben, 1).remove(0);
    assert_eq!(mail.header("Subject"), "You are invited to Acme Inc.");
    assert_eq!(mail.header("From").replace('"', ""), format!("Acme Postroom <{}>", world.ours("postroom")));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(mail.header("To").contains(&ben));
    let invitation = token(&mail, "invitations");
    let anybody = Anonymous::at(&world.base);
    let link = format!("/v1/auth/invitations/{invitation}");
    let shown = anybody.get(&link).unwrap().expect(200).unwrap();
    assert_eq!((&shown["email"], &shown["workspace"]["slug"]), (&json!(ben), &json!(WORKSPACE)));
    let chosen = json!({"name": "Ben", "password": "first barley field"});
    let session = anybody.post(&format!("{link}/accept"), &chosen).unwrap().expect(200).unwrap();
    assert_eq!(session["user"]["name"], "Ben");

    // Nobody gets a mail who has no account; Ben does.
    for email in [world.ours("nobody"), ben.clone()] {
        assert_eq!(anybody.post("/v1/auth/password-reset", &json!({"email": email})).unwrap().status, 202);
    }
    let mail = world.inbox(&ben, 2).remove(1);
    assert_eq!(mail.header("Subject"), "A new password for Acme Inc.");
    let reset = token(&mail, "password-reset");
    let link = format!("/v1/auth/password-reset/{reset}");
    let password = json!({"password": "second barley field"});
    assert_eq!(anybody.post(&link, &password).unwrap().status, 204);
    assert_eq!(anybody.post(&link, &password).unwrap().status, 404);
    assert!(anybody.sign_in(WORKSPACE, &ben, "first barley field").is_err());
    anybody.sign_in(WORKSPACE, &ben, "second barley field").unwrap();
    assert_eq!(world.mail.mailbox(&world.ours("nobody")).count("INBOX").unwrap(), 0);

    // Neither the log nor the database knows the tokens.
    let log = world.take_server().log();
    assert!(log.contains("a mail of our own is sent"), "{log}");
    for secret in [&invitation, &reset] {
        assert!(!log.contains(secret.as_str()), "a token stands in the log");
    }
    let kept = "SELECT count(*) FROM system_mails";
    assert_eq!(
        world.cluster.count(&world.database, kept, &[]).unwrap(),
        0,
        "nothing is kept of what has left"
    );
}

#[test]
fn a_dead_mail_server_holds_nobody_up_and_loses_nothing() {
    let proxy = Proxy::start(Protocol::Opaque, MailServers::shared().unwrap().ports().smtp).unwrap();
    proxy.refuse(true);
    let mut world = world("deadmail", proxy.port());
    let olga = world.olga();
    let names = ["ann", "ben", "cleo"];
    let begun = Instant::now();
    for name in names {
        invite(&olga, &world.ours(name), name);
    }
    assert!(begun.elapsed() < SOON / 2, "no request waits for the mail server");
    let waiting = |world: &World| {
        let sql = "SELECT count(*) FROM system_mails WHERE attempts > 0";
        world.cluster.count(&world.database, sql, &[]).unwrap()
    };
    crate::world::eventually("each was tried in vain", || Ok((waiting(&world) == 3).then_some(())));
    // Killed while they wait, and asked again by one of them: her first mail must never come.
    let cleo = olga.all("/v1/users?status=invited").unwrap();
    let cleo = cleo.iter().find(|user| user["name"] == "cleo").unwrap();
    olga.post(&format!("/v1/users/{}/invitation", text(cleo, "/id")), &json!({}))
        .unwrap()
        .expect(200)
        .unwrap();
    let mut server = world.take_server();
    server.kill9().unwrap();
    server.start().unwrap();
    proxy.refuse(false);
    let anybody = Anonymous::at(server.base());
    for name in names {
        let mail = world.inbox(&world.ours(name), 1).remove(0);
        let link = format!("/v1/auth/invitations/{}", token(&mail, "invitations"));
        let shown = anybody.get(&link).unwrap().expect(200).unwrap();
        assert_eq!(shown["email"], json!(world.ours(name)), "the link in the mail is good");
    }
    crate::world::eventually("the queue is empty", || {
        let sql = "SELECT count(*) FROM system_mail_queue";
        Ok((world.cluster.count(&world.database, sql, &[])? == 0).then_some(()))
    });
    for name in names {
        assert_eq!(world.mail.mailbox(&world.ours(name)).count("INBOX").unwrap(), 1, "{name} gets one mail");
    }
    server.terminate().unwrap();
}

#[test]
fn a_server_that_is_silent_does_not_keep_the_process_from_stopping() {
    let proxy = Proxy::start(Protocol::Opaque, MailServers::shared().unwrap().ports().smtp).unwrap();
    proxy.freeze(true);
    let mut world = world("silentmail", proxy.port());
    let olga = world.olga();
    invite(&olga, &world.ours("ann"), "ann");
    crate::world::eventually("a worker has it", || {
        let sql = "SELECT count(*) FROM system_mail_queue WHERE lease_token IS NOT NULL";
        Ok((world.cluster.count(&world.database, sql, &[])? == 1).then_some(()))
    });
    let mut server = world.take_server();
    let begun = Instant::now();
    server.terminate().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    proxy.freeze(false);
    server.start().unwrap();
    assert_eq!(world.inbox(&world.ours("ann"), 1).len(), 1);
}
