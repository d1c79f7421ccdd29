//! A lost database: everybody is told when to come back, the process goes on, and nothing is lost.

use postroom_testkit::{
    client::{Anonymous, Caller},
    letter::Letter,
    proxy::{Protocol, Proxy},
    server::Person,
};

use crate::world::{WORKSPACE, World, eventually};

#[test]
fn a_lost_database_comes_back_and_nothing_is_lost() {
    let mut world = World::new("lostdb");
    let (support, ann) = (world.ours("support"), world.theirs("ann"));
    let olga = world.olga();
    let ports = world.mail.ports();
    world.shared_mailbox_at(&olga, &support, (ports.imaps, "tls"), (ports.smtp, "starttls"), "first_inbound");
    // The same installation, its database behind a proxy that can fail.
    drop(world.take_server());
    let proxy = Proxy::start(Protocol::Opaque, world.cluster.port()).unwrap();
    let url = world.cluster.url_at(proxy.port(), &world.database);
    let server = world.installation.set("POSTROOM_DATABASE_URL", &url).serve().unwrap();
    let anybody = Anonymous::at(server.base());
    let olga = Person::new("", &world.ours("olga"));
    let olga = anybody.sign_in(WORKSPACE, &olga.email, &olga.password).unwrap();

    proxy.refuse(true);
    proxy.cut();
    world.send(&Letter::new(&ann, &support, "Written while the database was away", "Hello"));
    let problem = olga.get("/v1/conversations").unwrap();
    assert_eq!(
        (problem.status, problem.body["code"].as_str()),
        (503, Some("unavailable")),
        "{:#}",
        problem.body
    );
    assert_eq!(anybody.get("/readyz").unwrap().status, 503);
    assert_eq!(anybody.get("/healthz").unwrap().status, 200);

    proxy.refuse(false);
    let cards = eventually("the mail is in the stream", || {
        let answer = olga.get("/v1/conversations")?;
        if answer.status == 503 {
            return Ok(None);
        }
        let cards = answer.expect(200)?["data"].as_array().cloned().unwrap_or_default();
        Ok((!cards.is_empty()).then_some(cards))
    });
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0]["subject"], "Written while the database was away");
}

#[test]
fn what_fails_inside_is_told_without_the_inside_and_the_rest_goes_on() {
    let world = World::new("inside");
    let olga = world.olga();
    let rename = |from: &str, to: &str| {
        world.cluster.execute(&world.database, &format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
    };
    rename("mailboxes", "hidden");
    let broken = olga.get("/v1/mailboxes").unwrap();
    let text = String::from_utf8_lossy(&broken.bytes).into_owned();
    assert!(!text.contains("mailboxes") && !text.contains("relation"), "{text}");
    assert_eq!(broken.problem(500).unwrap(), "internal");
    assert_eq!(olga.get("/v1/me").unwrap().status, 200);
    rename("hidden", "mailboxes");
    assert_eq!(olga.get("/v1/mailboxes").unwrap().status, 200);
}

/// Without a mail server of its own nothing is promised that would never arrive.
#[test]
fn who_sends_no_mail_promises_none() {
    let world = World::new("nomail");
    let ask = |email: &str| {
        let body = serde_json::json!({"email": email});
        Anonymous::at(&world.base).post("/v1/auth/password-reset", &body).unwrap().problem(409).unwrap()
    };
    assert_eq!(ask(&world.ours("olga")), "mail_not_configured");
    assert_eq!(ask("nobody@nowhere.test"), "mail_not_configured");
}
