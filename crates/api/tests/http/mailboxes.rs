//! Mailboxes are changed and removed by those who manage them (ACC-2, ACC-4).

use crate::world::{World, mail};
use postroom_domain::access::Role;
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Value, json};

/// Connects a mailbox; nothing listens there.
fn connect(by: &SignedIn, address: &str, more: &Value) -> Value {
    let mut body = json!({
        "address": address,
        "imap": {"host": "imap.example", "port": 993, "password": "first imap"},
        "smtp": {"host": "smtp.example", "port": 465, "password": "first smtp"},
    });
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    by.post("/v1/mailboxes", &body).unwrap().expect(201).unwrap()
}

fn path_of(mailbox: &Value) -> String {
    format!("/v1/mailboxes/{}", mailbox["id"].as_str().unwrap())
}

/// What is wrong with the fields, by their pointers.
fn faults(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = answer["errors"].as_array().unwrap();
    errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect()
}

#[test]
fn what_is_given_changes_and_the_rest_stays() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let made = connect(&olga, "help@acme.example", &json!({"kind": "shared", "display_name": "Help"}));
    let path = path_of(&made);
    let patch = json!({
        "display_name": "Acme Help", "default_owner_id": tom.id(), "conversation_starts_on": "first_inbound",
        "imap": {"username": "help", "password": "second imap"}, "authserv_id": "mx.acme.example",
        "sent_copy": "server",
    });
    let answer = olga.patch(&path, &patch).unwrap();
    let tag = answer.header("etag").to_owned();
    let changed = answer.expect(200).unwrap();
    let mut expected = made.clone();
    for field in ["display_name", "default_owner_id", "conversation_starts_on", "authserv_id", "sent_copy"] {
        expected[field] = patch[field].clone();
    }
    expected["imap"]["username"] = json!("help");
    expected["version"] = json!(2);
    expected["updated_at"] = changed["updated_at"].clone();
    assert_eq!(changed, expected);
    assert_eq!(olga.get(&path).unwrap().header("etag"), tag);
    assert!(!changed.to_string().contains("second"), "no password is shown");

    let same =
        olga.patch(&path, &json!({"display_name": "Acme Help", "imap": {}})).unwrap().expect(200).unwrap();
    assert_eq!(same["version"], 2, "what is there already is no change");
    let cleared = json!({"display_name": null, "default_owner_id": null, "conversation_starts_on": null, "authserv_id": null});
    let cleared = olga.patch(&path, &cleared).unwrap().expect(200).unwrap();
    assert_eq!((&cleared["display_name"], &cleared["authserv_id"]), (&json!(""), &Value::Null));
    assert_eq!((&cleared["default_owner_id"], &cleared["version"]), (&Value::Null, &json!(3)));

    let events = olga.get("/v1/events?after=0&limit=100").unwrap().expect(200).unwrap();
    let told = events["data"].as_array().unwrap().iter();
    let told = told.filter(|event| event["type"] == "mailbox.updated").count();
    assert_eq!(told, 3, "connected, changed, cleared: {events}");
}

#[test]
fn a_stale_change_is_refused_with_the_present_mailbox() {
    let world = World::new();
    let olga = world.olga();
    let mailbox = connect(&olga, "help@acme.example", &json!({"kind": "shared"}));
    let path = path_of(&mailbox);
    olga.patch(&path, &json!({"display_name": "One"})).unwrap().expect(200).unwrap();
    // The version is judged before the body.
    for (method, body) in
        [("PATCH", json!({"display_name": "Two"})), ("PATCH", json!({"x": 1})), ("DELETE", json!({"x": 1}))]
    {
        let stale =
            olga.send(method, &path, &[("if-match", "\"1\"")], Some(&body)).unwrap().expect(412).unwrap();
        assert_eq!(
            (&stale["code"], &stale["current"]["display_name"]),
            (&json!("stale_version"), &json!("One"))
        );
    }
    let stale = olga.send("DELETE", &path, &[("if-match", "\"1\"")], None).unwrap();
    assert_eq!(stale.problem(412).unwrap(), "stale_version");
    let current = [("if-match", "\"2\"")];
    olga.send("PATCH", &path, &current, Some(&json!({"display_name": "Two"}))).unwrap().expect(200).unwrap();
    olga.send("DELETE", &path, &[("if-match", "\"3\"")], None).unwrap().expect(204).unwrap();
}

/// A stored password must not be sent to a server that whoever manages the mailbox has just made up.
#[test]
fn a_password_goes_to_no_other_server_than_its_own() {
    let world = World::new();
    let olga = world.olga();
    let mailbox = connect(&olga, "help@acme.example", &json!({"kind": "shared"}));
    let path = path_of(&mailbox);
    for elsewhere in [json!({"host": "evil.example"}), json!({"port": 143}), json!({"security": "none"})] {
        let patch = json!({"imap": elsewhere, "smtp": elsewhere});
        let refused = olga.patch(&path, &patch).unwrap().expect(422).unwrap();
        let needed = |pointer: &str| (pointer.to_owned(), "required".to_owned());
        assert_eq!(faults(&refused), [needed("/imap/password"), needed("/smtp/password")], "{elsewhere}");
    }
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap(), mailbox, "nothing was saved");
    let moved =
        json!({"imap": {"host": "new.example", "port": 143, "security": "starttls", "password": "x"}});
    let moved = olga.patch(&path, &moved).unwrap().expect(200).unwrap();
    assert_eq!(moved["imap"]["host"], "new.example");
    assert_eq!(moved["smtp"], mailbox["smtp"]);
    let same = json!({"smtp": {"host": "smtp.example", "port": 465}});
    olga.patch(&path, &same).unwrap().expect(200).unwrap();
}

#[test]
fn every_wrong_field_is_named() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let shared = path_of(&connect(&olga, "help@acme.example", &json!({"kind": "shared"})));
    let own = path_of(&connect(&tom, "tom@mail.example", &json!({"kind": "personal"})));
    let wrong = json!({
        "address": "other@acme.example", "kind": "personal", "user_id": tom.id(), "version": 3,
        "display_name": "a\nb", "default_owner_id": "x", "sent_copy": null, "authserv_id": "",
        "imap": {"host": "a b", "port": 0, "security": "ssl", "username": null, "password": "", "x": 1},
        "smtp": null, "nonsense": 1,
    });
    let refused = olga.patch(&shared, &wrong).unwrap().expect(422).unwrap();
    let mut told = faults(&refused);
    told.sort_unstable();
    let expected = [
        ("/address", "read_only"),
        ("/authserv_id", "required"),
        ("/default_owner_id", "invalid_id"),
        ("/display_name", "invalid_character"),
        ("/imap/host", "invalid_value"),
        ("/imap/password", "required"),
        ("/imap/port", "out_of_range"),
        ("/imap/security", "invalid_value"),
        ("/imap/username", "required"),
        ("/imap/x", "unknown_field"),
        ("/kind", "read_only"),
        ("/nonsense", "unknown_field"),
        ("/sent_copy", "required"),
        ("/smtp", "required"),
        ("/user_id", "read_only"),
        ("/version", "read_only"),
    ];
    assert_eq!(told, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    let owner = |path: &str, by: &SignedIn, id: &str| {
        let refused = by.patch(path, &json!({"default_owner_id": id})).unwrap().expect(422).unwrap();
        faults(&refused).remove(0)
    };
    let fault = ("/default_owner_id".to_owned(), "invalid_value".to_owned());
    assert_eq!(owner(&own, &tom, olga.id()), fault, "a personal one has none");
    assert_eq!(owner(&shared, &olga, "01890000-0000-7000-8000-000000000000"), fault, "nobody");
}

/// ACC-2, ACC-4: everybody manages their own, administrators all; what one may only send from is seen and not changed;
/// the rest is not there.
#[test]
fn who_may_change_and_remove() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let ada = world.colleague("ada", Role::Administrator);
    let mia = world.colleague("mia", Role::Manager);
    let shared = path_of(&connect(&olga, "help@acme.example", &json!({"kind": "shared"})));
    let toms = path_of(&connect(&tom, "tom@mail.example", &json!({"kind": "personal"})));
    let change = json!({"display_name": "Changed"});
    let (never, no_id) = ("/v1/mailboxes/01890000-0000-7000-8000-000000000000", "/v1/mailboxes/x");
    let ask = |who: &SignedIn, method: &str, path: &str| {
        // With a body that would be refused: it must not be judged before, nor the version.
        let body = json!({"nonsense": 1});
        let answer = who.send(method, path, &[("if-match", "\"99\"")], Some(&body)).unwrap();
        let (status, mut body) = (answer.status, answer.body);
        body["request_id"] = Value::Null;
        (status, body)
    };
    let test = |path: &str| format!("{path}/test");
    for who in [&mia, &tom] {
        let (status, refused) = ask(who, "POST", &test(&shared));
        assert_eq!((status, &refused["code"]), (403, &json!("role_not_allowed")));
    }
    assert_eq!(ask(&mia, "POST", &test(&toms)), ask(&mia, "POST", &test(never)));
    assert_eq!(ask(&tom, "POST", &test(&toms)).0, 422);
    assert_eq!(
        tom.post(&test(&toms), &json!({})).unwrap().expect(200).unwrap()["imap"]["fault"],
        "unreachable"
    );
    for method in ["PATCH", "DELETE"] {
        for who in [&mia, &tom] {
            let (status, refused) = ask(who, method, &shared);
            assert_eq!((status, &refused["code"]), (403, &json!("role_not_allowed")));
        }
        let not_there = ask(&mia, method, never);
        assert_eq!(not_there.0, 404);
        assert_eq!(ask(&mia, method, &toms), not_there);
        assert_eq!(ask(&mia, method, no_id), not_there);
        assert_eq!(ask(&ada, method, &toms).0, 412, "it is there for administrators");
    }
    for (who, path) in [(&olga, &shared), (&ada, &shared), (&ada, &toms), (&tom, &toms)] {
        assert_eq!(who.patch(path, &change).unwrap().status, 200);
    }
    assert_eq!(tom.delete(&toms).unwrap().status, 204);
    assert_eq!(ada.delete(&shared).unwrap().status, 204);
    for path in [&toms, &shared] {
        assert_eq!(olga.get(path).unwrap().status, 404);
        assert_eq!(olga.patch(path, &change).unwrap().status, 404);
        assert_eq!(olga.delete(path).unwrap().status, 404);
    }
    assert_eq!(olga.all("/v1/mailboxes").unwrap().len(), 0);
}

/// ACC-2: a team member connects their own alone; left out, `user_id` is the caller.
#[test]
fn a_personal_mailbox_is_its_users() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let own = connect(&tom, "tom@mail.example", &json!({"kind": "personal"}));
    assert_eq!(own["user_id"], tom.id());
    let body = json!({"address": "olga@mail.example", "kind": "personal", "user_id": olga.id(),
        "imap": {"host": "h.example", "port": 993, "password": "x"}, "smtp": {"host": "h.example", "port": 465, "password": "x"}});
    assert_eq!(tom.post("/v1/mailboxes", &body).unwrap().problem(403).unwrap(), "role_not_allowed");
    let for_tom = connect(&olga, "tom@second.example", &json!({"kind": "personal", "user_id": tom.id()}));
    assert_eq!(for_tom["user_id"], tom.id());
    assert_eq!(tom.get(&path_of(&for_tom)).unwrap().status, 200);
}

/// The conversation stays when its mailbox is gone; replies go through the writer's own mailbox, or can't be written.
#[test]
fn a_conversation_outlives_its_mailbox() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}", card["id"].as_str().unwrap());
    let queued =
        olga.post(&format!("{path}/replies"), &json!({"text": "Soon."})).unwrap().expect(201).unwrap();
    let before = olga.get(&path).unwrap().expect(200).unwrap();
    assert_eq!(
        (&before["can"]["reply"], &before["mailbox"]["address"]),
        (&json!(true), &json!("support@acme.example"))
    );

    let mailbox = olga.all("/v1/mailboxes").unwrap().remove(0);
    assert_eq!(olga.delete(&path_of(&mailbox)).unwrap().status, 204);
    let after = olga.get(&path).unwrap().expect(200).unwrap();
    assert_eq!((&after["can"]["reply"], &after["reply_defaults"]["from"]), (&json!(false), &Value::Null));
    let reply = json!({"text": "Hello"});
    let refused = olga.post(&format!("{path}/replies"), &reply).unwrap();
    assert_eq!(refused.problem(422).unwrap(), "no_sending_mailbox");
    let state = |message: &Value| {
        let path = format!("/v1/messages/{}", message["id"].as_str().unwrap());
        olga.get(&path).unwrap().expect(200).unwrap()["delivery"]["state"].clone()
    };
    assert_eq!(state(&queued), "queued", "what was accepted stays");

    connect(&olga, "olga@mail.example", &json!({"kind": "personal"}));
    let sent = olga.post(&format!("{path}/replies"), &reply).unwrap().expect(201).unwrap();
    assert_eq!(sent["from"]["address"], "olga@mail.example");
    let again = connect(&olga, "support@acme.example", &json!({"kind": "shared"}));
    assert_ne!(again["id"], mailbox["id"], "the address is free");
}

/// Asking for the paid feature with a key is asking once, and the second answer is the first one's (ACC-1).
#[test]
fn asking_for_the_feature_takes_an_idempotency_key() {
    let world = World::with(postroom_api::limits::LimitSettings::OFF);
    let tom = world.tom();
    let path = "/v1/workspace/feature-requests";
    let wish = json!({"feature": "conversations", "message": "please"});
    let first = tom.post_once(path, "k", &wish).unwrap();
    assert_eq!(first.header("location"), path);
    let first = first.expect(201).unwrap();
    world.enable();
    let again = tom.post_once(path, "k", &wish).unwrap();
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.expect(201).unwrap(), first, "as it was answered then");
    let other = json!({"feature": "conversations"});
    assert_eq!(tom.post_once(path, "k", &other).unwrap().problem(422).unwrap(), "idempotency_key_reused");
    assert_eq!(tom.post_once(path, "l", &wish).unwrap().expect(201).unwrap()["state"], "enabled");
}

#[test]
fn further_folders_are_named_each_once() {
    let world = World::new();
    let olga = world.olga();
    let named = json!({"kind": "shared", "folders": ["Offers", "INBOX/Orders"]});
    let made = connect(&olga, "help@acme.example", &named);
    let path = path_of(&made);
    assert_eq!(made["folders"], json!(["INBOX/Orders", "Offers"]));
    let missing = |name: &str| json!({"name": name, "role": "other", "found": false, "backfill": {"done": 0, "total": 0}});
    // Nothing listens there, so that none of them was found yet.
    assert_eq!(made["read_folders"], json!([missing("INBOX/Orders"), missing("Offers")]));

    let same = olga.patch(&path, &json!({"folders": ["INBOX/Orders", "Offers"]})).unwrap();
    assert_eq!(same.expect(200).unwrap()["version"], 1, "their order is no change");
    let changed =
        olga.patch(&path, &json!({"folders": ["Bestellungen/Größe"]})).unwrap().expect(200).unwrap();
    assert_eq!(changed["folders"], json!(["Bestellungen/Größe"]));
    let none = olga.patch(&path, &json!({"folders": []})).unwrap().expect(200).unwrap();
    assert_eq!((&none["folders"], &none["read_folders"]), (&json!([]), &json!([])));

    let many: Vec<String> = (0..21).map(|number| format!("F{number}")).collect();
    for (folders, pointer, code) in [
        (json!(["Orders", "Orders"]), "/folders", "invalid_value"),
        (json!(["Orders", "inbox"]), "/folders/1", "invalid_value"),
        (json!(["a\r\nx LOGOUT"]), "/folders/0", "invalid_character"),
        (json!([""]), "/folders/0", "required"),
        (json!(["x".repeat(256)]), "/folders/0", "too_long"),
        (json!(many), "/folders", "too_long"),
        (json!("Orders"), "/folders", "invalid_type"),
        (json!(null), "/folders", "required"),
    ] {
        let refused = olga.patch(&path, &json!({"folders": folders})).unwrap().expect(422).unwrap();
        assert_eq!(faults(&refused), [(pointer.to_owned(), code.to_owned())], "{folders}");
    }
    let refused = olga.patch(&path, &json!({"read_folders": []})).unwrap().expect(422).unwrap();
    assert_eq!(faults(&refused), [("/read_folders".to_owned(), "read_only".to_owned())]);
}

/// What a mailbox's provider says to the code that a browser came back with is told in our words.
#[test]
fn what_a_provider_answers_is_told() {
    let world = World::new();
    let olga = world.olga();
    let begun = olga.post("/v1/mail-providers/sign-in", &json!({"provider": "google"})).unwrap();
    let state = begun.expect(200).unwrap()["state"].clone();
    let made = olga
        .post(
            "/v1/mailboxes/oauth",
            &json!({"state": state, "code": "good", "address": "olga@provider.example", "kind": "personal"}),
        )
        .unwrap()
        .expect(201)
        .unwrap();
    assert_eq!(made["auth"], json!({"kind": "oauth", "provider": "google"}));
    assert_eq!(made["imap"]["host"], "mail.provider.example");
    let one = format!("/v1/mailboxes/{}/oauth", made["id"].as_str().unwrap());
    let both = |code: &str, state: &Value| {
        let mut wish = json!({"state": state, "code": code});
        let again = olga.put(&one, &wish).unwrap();
        (wish["address"], wish["kind"]) = (json!("new@provider.example"), json!("personal"));
        [again, olga.post("/v1/mailboxes/oauth", &wish).unwrap()]
    };
    for answer in both("registration", &state) {
        assert_eq!(answer.problem(502).unwrap(), "provider_refused");
    }
    for answer in both("down", &state) {
        assert_eq!(answer.problem(503).unwrap(), "unavailable");
    }
    for (code, state, pointer) in
        [("spent", &state, "/code"), ("moment", &state, "/code"), ("good", &json!("made up"), "/state")]
    {
        for answer in both(code, state) {
            let errors = answer.expect(422).unwrap()["errors"].clone();
            assert_eq!(errors[0]["pointer"], pointer, "{code}: {errors}");
        }
    }
    let before = olga.get("/v1/mailboxes").unwrap().expect(200).unwrap();
    assert_eq!(before["data"].as_array().unwrap().len(), 1, "nothing was saved of what was refused");
}
