//! Mailboxes over the built program and real mail servers: tried, given other credentials, removed; and the paid feature's
//! switch, by which reading begins and ends.

use std::time::{Duration, Instant};

use postroom_testkit::{
    client::{Anonymous, Caller, SignedIn},
    letter::Letter,
    mail::PASSWORD,
    server::Person,
    stream::EventStream,
};
use serde_json::{Value, json};

use crate::world::{SOON, WORKSPACE, World, eventually, text};

/// An added or enabled mailbox is read within this time.
const READ_WITHIN: Duration = Duration::from_secs(5);

fn conversations(caller: &SignedIn) -> Vec<Value> {
    caller.all("/v1/conversations?view=all&status=all").unwrap()
}

fn connect(world: &World, by: &SignedIn, address: &str, password: &str) -> String {
    let ports = world.mail.ports();
    let account = |port, security| json!({"host": "127.0.0.1", "port": port, "security": security, "username": address, "password": password});
    let body = json!({
        "address": address, "kind": "shared", "conversation_starts_on": "first_inbound",
        "imap": account(ports.imaps, "tls"), "smtp": account(ports.smtp, "starttls"),
    });
    let mailbox = by.post("/v1/mailboxes", &body).unwrap().expect(201).unwrap();
    format!("/v1/mailboxes/{}", text(&mailbox, "/id"))
}

fn wait_for_state(by: &SignedIn, path: &str, state: &str) {
    eventually(state, || Ok((text(&by.get(path)?.expect(200)?, "/state") == state).then_some(())));
}

/// MAIL-14: what is wrong is said from the fixed list, never in a server's words.
#[test]
fn trying_a_mailbox_says_what_is_wrong_at_which_end() {
    let world = World::new("tried");
    let olga = world.olga();
    let ports = world.mail.ports();
    let path = connect(&world, &olga, &world.ours("support"), PASSWORD);
    let test = format!("{path}/test");
    let try_with = |settings: &Value| olga.post(&test, settings).unwrap().expect(200).unwrap();
    let well = json!({"ok": true, "fault": null, "detail": null});
    assert_eq!(try_with(&json!({})), json!({"imap": well, "smtp": well}));
    let wrong = |fault: &str, detail: &str| json!({"ok": false, "fault": fault, "detail": detail});
    let refused = try_with(&json!({"imap": {"password": "wrong"}, "smtp": {"password": "wrong"}}));
    let login_refused = wrong("login_refused", "refused login");
    assert_eq!(refused, json!({"imap": login_refused, "smtp": login_refused}));
    let at = |port: u16, security: &str| json!({"port": port, "security": security, "password": PASSWORD});
    for (imap, fault, detail) in [
        (at(1, "tls"), "unreachable", "unreachable"),
        (at(ports.smtp, "none"), "not_a_mail_server", "not a mail server of this kind"),
        (at(ports.imap, "tls"), "tls_failed", "TLS could not be negotiated"),
        (
            json!({"host": "no-such-host.invalid", "password": "x"}),
            "name_not_found",
            "the server's name was not found",
        ),
        (json!({"host": "10.1.2.3", "password": "x"}), "address_not_allowed", "address not allowed"),
        (
            json!({"host": "192.0.2.1", "port": 993, "password": "x"}),
            "address_not_allowed",
            "address not allowed",
        ),
    ] {
        let tried = try_with(&json!({"imap": imap}));
        assert_eq!(tried, json!({"imap": wrong(fault, detail), "smtp": well}), "{imap}");
    }
    let moved = olga.post(&test, &json!({"imap": {"host": "localhost"}})).unwrap().expect(422).unwrap();
    assert_eq!(moved["errors"][0]["pointer"], "/imap/password", "a stored password goes nowhere else");

    // A server that says nothing costs no more than its time.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let begun = Instant::now();
    let hung = try_with(&json!({"imap": at(port, "none"), "smtp": at(port, "tls")}));
    assert_eq!((&hung["imap"]["fault"], &hung["smtp"]["fault"]), (&json!("timed_out"), &json!("timed_out")));
    assert!(begun.elapsed() < Duration::from_secs(25));
    let stored = olga.get(&path).unwrap().expect(200).unwrap();
    assert_eq!(
        (&stored["version"], &stored["imap"]["port"]),
        (&json!(1), &json!(ports.imaps)),
        "nothing was saved"
    );
}

/// Who tries passwords locks accounts: so often, and no more.
#[test]
fn mail_servers_are_not_tried_without_end() {
    let world = World::new("triedoften");
    let olga = world.olga();
    let path = connect(&world, &olga, &world.ours("support"), PASSWORD);
    let refused = (0..25)
        .map(|_| {
            let settings =
                json!({"imap": {"port": 1, "password": "x"}, "smtp": {"port": 1, "password": "x"}});
            olga.post(&format!("{path}/test"), &settings).unwrap()
        })
        .find(|answer| answer.status != 200)
        .unwrap();
    assert_eq!(refused.header("ratelimit-policy"), "\"mailbox_tests\";q=20;w=60");
    assert_eq!(refused.problem(429).unwrap(), "rate_limited");
}

/// The stop after refused logins ends with new credentials, and reading begins at once.
#[test]
fn new_credentials_are_used_at_once() {
    let world = World::with("renewed", |installation| {
        installation.set("POSTROOM_INGEST_RETRY", "10ms");
    });
    let (olga, support) = (world.olga(), world.ours("support"));
    world.send(&Letter::new(&world.theirs("ann"), &support, "Are you there?", "Hello"));
    let path = connect(&world, &olga, &support, "not the password");
    wait_for_state(&olga, &path, "refused");
    assert!(conversations(&olga).is_empty());
    let begun = Instant::now();
    olga.patch(&path, &json!({"imap": {"password": PASSWORD}})).unwrap().expect(200).unwrap();
    wait_for_state(&olga, &path, "reading");
    eventually("the mail", || Ok((conversations(&olga).len() == 1).then_some(())));
    assert!(begun.elapsed() < READ_WITHIN, "{:?}", begun.elapsed());
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["last_error"], Value::Null);

    // Removed, it is read no more, and its mail stays. Another one, asked to read later, shows that time has passed.
    olga.delete(&path).unwrap().expect(204).unwrap();
    let other = world.ours("sales");
    connect(&world, &olga, &other, PASSWORD);
    world.send(&Letter::new(&world.theirs("ann"), &support, "To nobody", "Hello"));
    world.send(&Letter::new(&world.theirs("ann"), &other, "To sales", "Hello"));
    eventually("the other's mail", || Ok((conversations(&olga).len() == 2).then_some(())));
    let subjects: Vec<_> = conversations(&olga).iter().map(|card| text(card, "/subject")).collect();
    assert_eq!(subjects, ["To sales", "Are you there?"]);
}

/// ACC-1: asked for by anybody, switched by the operator; without it nothing is read or answered, and with it mail comes
/// within seconds.
#[test]
fn the_paid_feature_is_a_switch() {
    let world = World::new("switched");
    let (olga, support) = (world.olga(), world.ours("support"));
    let path = connect(&world, &olga, &support, PASSWORD);
    wait_for_state(&olga, &path, "reading");
    world.send(&Letter::new(&world.theirs("ann"), &support, "One", "Hello"));
    eventually("the first mail", || Ok((conversations(&olga).len() == 1).then_some(())));
    let follow = |after: &str| {
        let authorization = olga.authorization().unwrap();
        let path = format!("/v1/events/stream?after={after}");
        EventStream::open(&world.base, &path, &[("authorization", &authorization)]).unwrap()
    };
    let page = follow("0");

    let said = world.installation.run(&["workspace", "disable", WORKSPACE, "conversations"]).unwrap();
    assert_eq!(said, format!("conversations: is disabled now for {WORKSPACE}\n"));
    for gated in ["/v1/conversations", "/v1/mailboxes", "/v1/threads", "/v1/events?after=0", path.as_str()] {
        assert_eq!(olga.get(gated).unwrap().problem(403).unwrap(), "feature_not_enabled", "{gated}");
    }
    let end = page.wait_for("end", SOON).unwrap();
    assert_eq!(end.data, json!({"reason": "feature_disabled"}));
    let said = world.installation.run(&["workspace", "disable", WORKSPACE, "conversations"]).unwrap();
    assert_eq!(said, format!("conversations: was disabled already for {WORKSPACE}\n"));

    // Mail that comes now is in its mailbox, and stays there, while that of another workspace is read.
    world.send(&Letter::new(&world.theirs("ann"), &support, "Two", "Hello"));
    world.inbox(&support, 2);
    let count = |sql: &str| world.cluster.count(&world.database, sql, &[]).unwrap();
    let leased = "SELECT count(*) FROM mailbox_queue WHERE leased_until > now()";
    eventually("nobody reads", || Ok((count(leased) == 0).then_some(())));
    let beth = Person::new("Beth Boss", &world.ours("beth"));
    world.installation.make_workspace("beta", "Beta", &beth).unwrap();
    let beth = Anonymous::at(&world.base).sign_in("beta", &beth.email, &beth.password).unwrap();
    let other = world.ours("beta");
    connect(&world, &beth, &other, PASSWORD);
    world.send(&Letter::new(&world.theirs("ann"), &other, "To the other workspace", "Hello"));
    eventually("the other's mail", || Ok((conversations(&beth).len() == 1).then_some(())));
    assert_eq!((count(leased), count("SELECT count(*) FROM messages")), (1, 2), "the other's alone");

    let wish = json!({"feature": "conversations", "message": "We miss it."});
    let asked = olga.post("/v1/workspace/feature-requests", &wish).unwrap().expect(201).unwrap();
    assert_eq!(
        (&asked["state"], &asked["requested_by"]["name"]),
        (&json!("requested"), &json!("Olga Owner"))
    );
    let begun = Instant::now();
    world.installation.run(&["workspace", "enable", WORKSPACE, "conversations"]).unwrap();
    eventually("the second mail", || Ok((conversations(&olga).len() == 2).then_some(())));
    assert!(begun.elapsed() < READ_WITHIN, "{:?}", begun.elapsed());
    // A page that was away learns that all it has is old.
    let events = olga.get("/v1/events?after=0&limit=100").unwrap().expect(200).unwrap();
    let kinds: Vec<_> = events["data"].as_array().unwrap().iter().map(|event| text(event, "/type")).collect();
    assert!(kinds.contains(&"view.reset".to_owned()), "{kinds:?}");
}
