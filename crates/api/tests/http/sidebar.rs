//! The sidebar is edited: contacts with their fields and addresses (SDB-1 to SDB-5).

use crate::world::{World, mail};
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Value, json};
use uuid::Uuid;

/// Defines a custom field past the server; its id.
pub(crate) fn define(
    world: &World,
    entity: &str,
    (key, kind): (&str, &str),
    options: &[&str],
    required: bool,
) -> Uuid {
    let id = Uuid::now_v7();
    world.execute(&format!(
        "INSERT INTO custom_field_definitions (workspace_id, id, entity, key, label, type, options, required, position)
         SELECT id, '{id}', '{entity}', '{key}', '{key}', '{kind}', '{}', {required}, 1 FROM workspaces WHERE slug = 'acme'",
        json!(options)
    ));
    id
}

/// A new contact with this address.
pub(crate) fn contact(user: &SignedIn, address: &str) -> Value {
    let body = json!({"emails": [{"address": address}]});
    user.post("/v1/contacts", &body).unwrap().expect(201).unwrap()
}

pub(crate) fn path_of(things: &str, thing: &Value) -> String {
    format!("/v1/{things}/{}", thing["id"].as_str().unwrap())
}

/// The wrong fields of a refusal: `pointer code`, sorted.
pub(crate) fn wrong(user: &SignedIn, method: &str, path: &str, body: &Value) -> Vec<String> {
    let problem = user.send(method, path, &[], Some(body)).unwrap().expect(422).unwrap();
    assert_eq!(problem["code"], "validation_failed");
    let one = |error: &Value| {
        assert!(error["detail"].as_str().unwrap().ends_with('.'), "{error}");
        format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
    };
    let mut wrong: Vec<String> = problem["errors"].as_array().unwrap().iter().map(one).collect();
    wrong.sort();
    wrong
}

/// The number of the last event.
pub(crate) fn latest(user: &SignedIn) -> i64 {
    user.get("/v1/events?after=0&limit=1").unwrap().expect(200).unwrap()["latest"].as_i64().unwrap()
}

/// The types of what happened behind a number, as this user may know it.
pub(crate) fn happened(user: &SignedIn, after: i64) -> Vec<String> {
    let page = user.get(&format!("/v1/events?after={after}&limit=100")).unwrap().expect(200).unwrap();
    let events = page["data"].as_array().unwrap();
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// SDB-2, SDB-5: every field, in any script and as it was written.
#[test]
fn every_field_of_a_contact_is_edited_and_kept_as_written() {
    let world = World::new();
    let olga = world.olga();
    let made = olga
        .post("/v1/contacts", &json!({"emails": [{"address": "Bob@Customer.example"}], "first_name": "Bob"}))
        .unwrap();
    let location = made.header("location").to_owned();
    let bob = made.expect(201).unwrap();
    assert_eq!(location, path_of("contacts", &bob));
    assert_eq!((&bob["name"], &bob["version"]), (&json!("Bob"), &json!(1)));
    assert_eq!(bob["owner"]["id"], olga.id(), "the maker's own");
    assert_eq!(
        (&bob["emails"][0]["address"], &bob["emails"][0]["primary"]),
        (&json!("bob@customer.example"), &json!(true))
    );

    let fields = json!({
        // Decomposed, right to left, an emoji of three parts.
        "first_name": "Zoe\u{308}", "last_name": "כהן \u{200f}محمد", "title": "👩‍🚀 Chief", "phone": "٠٤٠ ١٢٣٤٥٦",
        "website": "https://customer.example/bob?x=1", "time_zone": "Asia/Tokyo", "description": "First line\nsecond\tline",
        "address": {"street": "1 Harbour Street", "city": "Malmö", "region": null, "postal_code": "20457", "country": "日本"},
    });
    let after = latest(&olga);
    let changed = olga.patch(&location, &fields).unwrap().expect(200).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    assert_eq!(changed["version"], 2);
    assert_ne!(changed["updated_at"], bob["updated_at"]);
    assert_eq!(olga.get(&location).unwrap().expect(200).unwrap(), changed);
    assert_eq!(happened(&olga, after), ["contact.updated"]);

    // What is there already, what is left out, surrounding white space: no change, no event, no version.
    let same = olga.patch(&location, &json!({"first_name": " Zoe\u{308} ", "address": {"city": "Malmö"}}));
    assert_eq!(same.unwrap().expect(200).unwrap(), changed);
    assert_eq!(olga.patch(&location, &json!({})).unwrap().expect(200).unwrap(), changed);
    assert_eq!(happened(&olga, after).len(), 1);

    // Null clears: one field, a part of the address, all of it.
    let part = json!({"phone": null, "address": {"street": null, "country": "Sweden"}});
    let cleared = olga.patch(&location, &part).unwrap().expect(200).unwrap();
    assert_eq!((&cleared["phone"], &cleared["title"]), (&Value::Null, &fields["title"]));
    let address =
        json!({"street": null, "city": "Malmö", "region": null, "postal_code": "20457", "country": "Sweden"});
    assert_eq!(cleared["address"], address);
    let cleared = olga.patch(&location, &json!({"address": null})).unwrap().expect(200).unwrap();
    assert!(cleared["address"].as_object().unwrap().values().all(Value::is_null));
    let names = json!({"first_name": null, "last_name": null});
    let nameless = olga.patch(&location, &names).unwrap().expect(200).unwrap();
    assert_eq!(nameless["name"], "bob@customer.example");
}

/// SDB-2: every wrong field is named, and nothing is saved.
#[test]
fn what_is_wrong_is_named_and_nothing_is_saved() {
    let world = World::new();
    let olga = world.olga();
    let before = contact(&olga, "bob@customer.example");
    let path = path_of("contacts", &before);
    let long = |length: usize| "x".repeat(length);
    let body = json!({
        "first_name": long(201), "last_name": "a\nb", "phone": "call me", "title": "  ", "website": "javascript:alert(1)",
        "time_zone": "Mars/Olympus", "description": "\u{1b}[0m", "owner_id": "x", "custom_fields": [], "nickname": "B",
        "address": {"city": 7, "planet": "Earth", "street": long(501)},
    });
    let expected = [
        "/address/city invalid_type",
        "/address/planet unknown_field",
        "/address/street too_long",
        "/custom_fields invalid_type",
        "/description invalid_character",
        "/first_name too_long",
        "/last_name invalid_character",
        "/nickname unknown_field",
        "/owner_id invalid_id",
        "/phone invalid_value",
        "/time_zone invalid_time_zone",
        "/title required",
        "/website invalid_value",
    ];
    assert_eq!(wrong(&olga, "PATCH", &path, &body), expected);
    // The other fields are right: none of them is saved.
    for (field, value, code) in [
        ("owner_id", json!("01890000-0000-7000-8000-000000000000"), "invalid_value"),
        ("owner_id", Value::Null, "required"),
        ("custom_fields", Value::Null, "required"),
        ("description", json!(long(10_001)), "too_long"),
        ("website", json!("https://evil@customer.example"), "invalid_value"),
        ("phone", json!("1".repeat(51)), "too_long"),
        ("address", json!("Hamburg"), "invalid_type"),
        ("id", before["id"].clone(), "read_only"),
        ("name", json!("Bob"), "read_only"),
        ("emails", json!([]), "read_only"),
        ("company", Value::Null, "read_only"),
        ("deals", json!([]), "read_only"),
        ("owner", json!({}), "read_only"),
        ("avatar_url", Value::Null, "read_only"),
        ("custom_field_definitions", json!([]), "read_only"),
        ("created_at", json!("x"), "read_only"),
        ("updated_at", json!("x"), "read_only"),
        ("version", json!(9), "read_only"),
    ] {
        let mut body = json!({"first_name": "Changed"});
        body[field] = value;
        assert_eq!(wrong(&olga, "PATCH", &path, &body), [format!("/{field} {code}")]);
    }
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap(), before);
    let emails =
        json!({"emails": [{"address": "x"}, {"address": "a@b.example", "primary": 1}], "first_name": 1});
    assert_eq!(
        wrong(&olga, "POST", "/v1/contacts", &emails),
        ["/emails/0/address invalid_email", "/emails/1/primary invalid_type", "/first_name invalid_type"]
    );
    for (emails, code) in [
        (json!([]), "/emails required"),
        (Value::Null, "/emails required"),
        (json!([{"address": "a@b.example"}, {"address": "A@b.example"}]), "/emails/1/address invalid_value"),
    ] {
        assert_eq!(wrong(&olga, "POST", "/v1/contacts", &json!({"emails": emails})), [code]);
    }
    assert_eq!(olga.all("/v1/contacts").unwrap().len(), 1);
}

/// SDB-2, SDB-6: custom fields of every type; a removed definition's value is kept.
#[test]
fn custom_fields_are_merged_by_key_and_judged_by_type() {
    let world = World::new();
    let olga = world.olga();
    let options = ["Basic", "Pro"];
    let cases = [
        ("a_text", "text", json!(7), "invalid_type", json!("x")),
        ("b_long", "long_text", json!("\u{0}"), "invalid_character", json!("x\ny")),
        ("c_number", "number", json!("many"), "invalid_type", json!(1.5)),
        ("d_date", "date", json!("2026-02-30"), "invalid_value", json!("2026-02-28")),
        ("e_boolean", "boolean", json!("yes"), "invalid_type", json!(true)),
        ("f_select", "select", json!("Gold"), "invalid_value", json!("Pro")),
        ("g_multi", "multi_select", json!(["Pro", "Gold"]), "invalid_value", json!(["Basic", "Pro"])),
        ("h_url", "url", json!("ftp://x.example"), "invalid_value", json!("https://x.example/")),
        ("i_email", "email", json!("x"), "invalid_email", json!("x@y.example")),
        ("j_phone", "phone", json!("none"), "invalid_value", json!("+49 40 1")),
    ];
    let mut ids = Vec::new();
    for (key, kind, ..) in &cases {
        let options = if kind.contains("select") { &options[..] } else { &[] };
        ids.push(define(&world, "contact", (key, kind), options, false));
    }
    let bob = contact(&olga, "bob@customer.example");
    let path = path_of("contacts", &bob);
    let all = |which: fn(&(&'static str, &'static str, Value, &'static str, Value)) -> Value| json!({"custom_fields": cases.iter().map(|case| (case.0.to_owned(), which(case))).collect::<serde_json::Map<_, _>>()});
    assert_eq!(
        bob["custom_fields"],
        all(|_| Value::Null)["custom_fields"],
        "all of them, also the empty ones"
    );
    let mut bad = all(|case| case.2.clone());
    bad["custom_fields"]["unknown"] = json!(1);
    let mut expected: Vec<String> =
        cases.iter().map(|(key, _, _, code, _)| format!("/custom_fields/{key} {code}")).collect();
    expected.push("/custom_fields/unknown unknown_field".to_owned());
    assert_eq!(wrong(&olga, "PATCH", &path, &bad), expected);
    // An owner who isn't active is told together with them.
    bad["owner_id"] = json!("01890000-0000-7000-8000-000000000000");
    expected.push("/owner_id invalid_value".to_owned());
    assert_eq!(wrong(&olga, "PATCH", &path, &bad), expected);

    let good = olga.patch(&path, &all(|case| case.4.clone())).unwrap().expect(200).unwrap();
    assert_eq!(good["custom_fields"], all(|case| case.4.clone())["custom_fields"]);
    let one = olga.patch(&path, &json!({"custom_fields": {"a_text": null}})).unwrap().expect(200).unwrap();
    assert_eq!(
        (&one["custom_fields"]["a_text"], &one["custom_fields"]["c_number"]),
        (&Value::Null, &json!(1.5))
    );

    // Removed, its value stays where it is and isn't shown; a new definition of the same key begins empty.
    world.execute(&format!("UPDATE custom_field_definitions SET removed_at = now() WHERE id = '{}'", ids[2]));
    assert_eq!(
        wrong(&olga, "PATCH", &path, &json!({"custom_fields": {"c_number": 2}})),
        ["/custom_fields/c_number unknown_field"]
    );
    let again = olga.patch(&path, &json!({"custom_fields": {"a_text": "new"}})).unwrap().expect(200).unwrap();
    assert_eq!(again["custom_fields"].get("c_number"), None);
    define(&world, "contact", ("c_number", "number"), &[], false);
    let shown = olga.get(&path).unwrap().expect(200).unwrap();
    assert_eq!(shown["custom_fields"]["c_number"], Value::Null);
    world.execute(&format!("UPDATE custom_field_definitions SET removed_at = now() WHERE key = 'c_number'; UPDATE custom_field_definitions SET removed_at = NULL WHERE id = '{}'", ids[2]));
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["custom_fields"]["c_number"], 1.5);

    // What is required must be there from the beginning, and can't be cleared; who lacks it may be edited all the same.
    define(&world, "contact", ("plan", "select"), &options, true);
    let body = json!({"emails": [{"address": "new@customer.example"}]});
    assert_eq!(wrong(&olga, "POST", "/v1/contacts", &body), ["/custom_fields/plan required"]);
    let edited = olga.patch(&path, &json!({"title": "Chief"})).unwrap().expect(200).unwrap();
    assert_eq!(edited["custom_fields"]["plan"], Value::Null);
    olga.patch(&path, &json!({"custom_fields": {"plan": "Pro"}})).unwrap().expect(200).unwrap();
    assert_eq!(
        wrong(&olga, "PATCH", &path, &json!({"custom_fields": {"plan": null}})),
        ["/custom_fields/plan required"]
    );
}

/// SDB-4: the second one's stale save is refused with the present state, before its body is judged.
#[test]
fn of_two_who_edit_at_once_one_is_refused_with_what_is_there() {
    let world = World::new();
    let olga = world.olga();
    let bob = contact(&olga, "bob@customer.example");
    let path = path_of("contacts", &bob);
    let tag = olga.get(&path).unwrap().header("etag").to_owned();
    let save = |tag: &str, body: Value| olga.send("PATCH", &path, &[("if-match", tag)], Some(&body)).unwrap();
    let first = save(&tag, json!({"title": "First"})).expect(200).unwrap();
    let stale = save(&tag, json!({"title": "Second"})).expect(412).unwrap();
    assert_eq!((&stale["code"], &stale["current"]), (&json!("stale_version"), &first));
    assert_eq!(save(&tag, json!({"nonsense": 1})).problem(412).unwrap(), "stale_version");
    assert_eq!(save("\"2\"", json!({"nonsense": 1})).status, 422);
    // A read is answered by the whole tag.
    let fresh = olga.get(&path).unwrap().header("etag").to_owned();
    assert_eq!(olga.send("GET", &path, &[("if-none-match", &fresh)], None).unwrap().status, 304);
    assert_eq!(olga.send("GET", &path, &[("if-none-match", &tag)], None).unwrap().status, 200);

    // Really at once: exactly one of all who started from the same version.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let editors: Vec<_> = (0..6)
            .map(|n| {
                let (olga, path) = (&olga, &path);
                scope.spawn(move || {
                    let body = json!({"title": format!("Editor {n}")});
                    olga.send("PATCH", path, &[("if-match", "\"2\"")], Some(&body)).unwrap().status
                })
            })
            .collect();
        editors.into_iter().map(|editor| editor.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["version"], 3);
}

/// A request that is sent twice makes one contact, and answers the same.
#[test]
fn a_contact_is_made_once_however_often_it_is_asked_for() {
    let world = World::new();
    let olga = world.olga();
    let body = json!({"emails": [{"address": "bob@customer.example"}]});
    let first = olga.post_once("/v1/contacts", "k1", &body).unwrap();
    let again = olga.post_once("/v1/contacts", "k1", &body).unwrap();
    assert_eq!((again.header("idempotent-replayed"), first.header("idempotent-replayed")), ("true", ""));
    assert_eq!(
        (again.header("location"), again.header("etag")),
        (first.header("location"), first.header("etag"))
    );
    let path = first.header("location").to_owned();
    assert_eq!(again.expect(201).unwrap(), first.expect(201).unwrap());
    let other = json!({"emails": [{"address": "ann@customer.example"}]});
    let reused = olga.post_once("/v1/contacts", "k1", &other).unwrap();
    assert_eq!(reused.problem(422).unwrap(), "idempotency_key_reused");
    let email = json!({"address": "bob@home.example"});
    for _ in 0..2 {
        let contact = olga.post_once(&format!("{path}/emails"), "k2", &email).unwrap().expect(201).unwrap();
        assert_eq!((contact["emails"].as_array().unwrap().len(), &contact["version"]), (2, &json!(2)));
    }
    assert_eq!(olga.all("/v1/contacts").unwrap().len(), 1);
}

/// SDB-3, ACC-4, MAIL-15: an address is one contact's, who is named only to who sees them; none of ours is a contact's.
#[test]
fn an_address_is_one_contacts_and_exactly_one_is_primary() {
    let world = World::new();
    world.support();
    let (olga, tom) = (world.olga(), world.tom());
    let bob = contact(&olga, "bob@customer.example");
    olga.patch(&path_of("contacts", &bob), &json!({"first_name": "Bob", "last_name": "Fisher"})).unwrap();
    let ann = contact(&tom, "ann@customer.example");
    let emails = format!("{}/emails", path_of("contacts", &ann));
    let taken = json!({"address": "BOB@customer.example"});
    for (user, named) in [(&olga, true), (&tom, false)] {
        let problem = user.post(&emails, &taken).unwrap().expect(422).unwrap();
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/address"), &json!("taken")));
        let detail = error["detail"].as_str().unwrap();
        assert_eq!(
            detail.contains("Bob Fisher") && detail.contains(bob["id"].as_str().unwrap()),
            named,
            "{detail}"
        );
    }
    let body = json!({"emails": [{"address": "new@customer.example"}, {"address": "bob@customer.example"}]});
    assert_eq!(wrong(&tom, "POST", "/v1/contacts", &body), ["/emails/1/address taken"]);
    for ours in ["olga@acme.example", "support@acme.example"] {
        assert_eq!(
            wrong(&tom, "POST", &emails, &json!({"address": ours})),
            ["/address invalid_value"],
            "{ours}"
        );
    }
    assert_eq!(wrong(&tom, "POST", &emails, &json!({"address": "ann@customer.example"})), ["/address taken"]);

    let after = latest(&olga);
    let home = json!({"address": "ann@home.example", "primary": true});
    let two = tom.post(&emails, &home).unwrap().expect(201).unwrap();
    let list = |contact: &Value| -> Vec<(String, bool)> {
        let one = |email: &Value| {
            (email["address"].as_str().unwrap().to_owned(), email["primary"].as_bool().unwrap())
        };
        contact["emails"].as_array().unwrap().iter().map(one).collect()
    };
    let of = |address: &str, primary| (address.to_owned(), primary);
    assert_eq!(list(&two), [of("ann@home.example", true), of("ann@customer.example", false)]);
    assert_eq!(two["version"], 2);
    let path = |contact: &Value, index: usize| {
        format!("{emails}/{}", contact["emails"][index]["id"].as_str().unwrap())
    };
    let (primary, other) = (path(&two, 0), path(&two, 1));
    assert_eq!(tom.delete(&primary).unwrap().problem(409).unwrap(), "primary_email");
    assert_eq!(wrong(&tom, "PATCH", &primary, &json!({"primary": false})), ["/primary invalid_value"]);
    assert_eq!(
        tom.patch(&other, &json!({"primary": false})).unwrap().expect(200).unwrap(),
        two,
        "it is so already"
    );
    assert_eq!(wrong(&tom, "PATCH", &other, &json!({"address": "bob@customer.example"})), ["/address taken"]);
    assert_eq!(
        wrong(&tom, "PATCH", &other, &json!({"address": "tom@acme.example"})),
        ["/address invalid_value"]
    );
    let stale = tom.send("PATCH", &other, &[("if-match", "\"1\"")], Some(&json!({"primary": true}))).unwrap();
    assert_eq!(stale.expect(412).unwrap()["current"], two);
    let moved = json!({"address": "ann@office.example", "primary": true});
    let moved =
        tom.send("PATCH", &other, &[("if-match", "\"2\"")], Some(&moved)).unwrap().expect(200).unwrap();
    assert_eq!(list(&moved), [of("ann@office.example", true), of("ann@home.example", false)]);
    let one = tom.delete(&primary).unwrap().expect(200).unwrap();
    assert_eq!((list(&one), &one["version"]), (vec![of("ann@office.example", true)], &json!(4)));
    assert_eq!(tom.delete(&other).unwrap().problem(409).unwrap(), "primary_email", "the only one stays");
    assert_eq!(happened(&olga, after), ["contact.updated"; 3]);

    // Another contact's address is none of this one's: 404, before version and body.
    let foreign = format!("{emails}/{}", bob["emails"][0]["id"].as_str().unwrap());
    for path in [&primary, &foreign, &format!("{emails}/x")] {
        let asked =
            tom.send("PATCH", path, &[("if-match", "\"99\"")], Some(&json!({"nonsense": 1}))).unwrap();
        assert_eq!(asked.problem(404).unwrap(), "not_found");
        assert_eq!(tom.delete(path).unwrap().status, 404);
    }
    // What was given up is free for others.
    contact(&tom, "ann@home.example");
}

/// CNV-3, CNV-8: who owns the conversation and who owns the contact are two things; the card shows the contact as they are,
/// and pages learn of it.
#[test]
fn owners_of_contact_and_conversation_are_two_things_and_cards_show_the_contact_as_they_are() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let (olga, tom) = (world.olga(), world.tom());
    let card = || olga.all("/v1/conversations").unwrap().remove(0);
    let path = path_of("conversations", &card());
    let contact = path_of("contacts", &card()["primary_contact"]);
    let owners = || {
        let contact = olga.get(&contact).unwrap().expect(200).unwrap();
        let name = |thing: &Value| thing["owner"]["name"].as_str().unwrap().to_owned();
        (name(&card()), name(&contact))
    };
    let both = |conversation: &str, contact: &str| (conversation.to_owned(), contact.to_owned());
    assert_eq!(owners(), both("Olga", "Olga"));
    olga.patch(&path, &json!({"owner_id": tom.id()})).unwrap().expect(200).unwrap();
    assert_eq!(owners(), both("Tom", "Olga"));
    // Tom sees the contact by his conversation, and may edit them; giving it away he doesn't any more.
    let last = json!({"last_name": "Fisher", "owner_id": tom.id()});
    tom.patch(&contact, &last).unwrap().expect(200).unwrap();
    olga.patch(&path, &json!({"owner_id": olga.id()})).unwrap().expect(200).unwrap();
    assert_eq!(owners(), both("Olga", "Tom"));
    let given = tom.patch(&contact, &json!({"owner_id": olga.id()})).unwrap().expect(200).unwrap();
    assert_eq!(given["owner"]["name"], "Olga", "the answer is whole");
    assert_eq!(tom.get(&contact).unwrap().status, 404, "and the next is not");
    assert_eq!(owners(), both("Olga", "Olga"));

    let (before, after) = (card(), latest(&olga));
    olga.patch(&contact, &json!({"first_name": "Robert"})).unwrap().expect(200).unwrap();
    let email = json!({"address": "robert@customer.example", "primary": true});
    olga.post(&format!("{contact}/emails"), &email).unwrap().expect(201).unwrap();
    let shown = card();
    assert_eq!(shown["primary_contact"]["name"], "Robert Fisher");
    assert_eq!(shown["primary_contact"]["email"], "robert@customer.example");
    assert_eq!(
        (&shown["version"], &shown["last_activity_at"]),
        (&before["version"], &before["last_activity_at"]),
        "CNV-6"
    );
    let events = olga.get(&format!("/v1/events?after={after}")).unwrap().expect(200).unwrap();
    let told = events["data"].as_array().unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!((&told[1]["type"], &told[1]["data"]), (&json!("contact.updated"), &shown["primary_contact"]));
    assert_eq!(happened(&tom, after).len(), 0);
    // The message's author is shown under the contact's present name as well.
    let messages = olga.get(&format!("{path}/messages")).unwrap().expect(200).unwrap();
    assert_eq!(messages["data"][0]["author"]["name"], "Robert Fisher");
}

/// SDB-3: an address that several ask for at once is one contact's; nobody waits for who waits for them.
#[test]
fn an_address_that_many_want_at_once_is_one_contacts() {
    let world = World::new();
    let olga = world.olga();
    for round in 0..3 {
        let [a, b] = ["a", "b"].map(|name| json!({"address": format!("{name}{round}@customer.example")}));
        let all: Vec<(u16, Value)> = std::thread::scope(|scope| {
            let ask = |body: Value| {
                let olga = &olga;
                scope.spawn(move || {
                    let answer = olga.post("/v1/contacts", &body).unwrap();
                    (answer.status, answer.body)
                })
            };
            let both = [&[&a, &b], &[&b, &a], &[&a, &b], &[&b, &a]];
            let asked = both.map(|emails| ask(json!({"emails": emails})));
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(all.iter().filter(|(status, _)| *status == 201).count(), 1, "{all:?}");
        for (status, body) in all.iter().filter(|(status, _)| *status != 201) {
            let codes: Vec<&Value> =
                body["errors"].as_array().unwrap().iter().map(|error| &error["code"]).collect();
            assert_eq!((*status, codes), (422, vec![&json!("taken"), &json!("taken")]), "{body}");
        }
    }
    assert_eq!(olga.all("/v1/contacts").unwrap().len(), 3, "nothing of those who were too late stays");
}
