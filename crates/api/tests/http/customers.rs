//! Companies and deals: made, edited, looked up, associated, and who sees them (ACC-2, SDB-2, SDB-3, SDB-5).

use crate::{
    sidebar::{contact, define, happened, latest, path_of, wrong},
    world::{PASSWORD, World, mail},
};
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Value, json};

fn make(user: &SignedIn, things: &str, body: &Value) -> Value {
    let made = user.post(&format!("/v1/{things}"), body).unwrap();
    let location = made.header("location").to_owned();
    let thing = made.expect(201).unwrap();
    assert_eq!(location, path_of(things, &thing));
    thing
}

fn named(user: &SignedIn, things: &str, name: &str) -> Value {
    make(user, things, &json!({"name": name}))
}

/// The names that are found, best first.
fn found(user: &SignedIn, things: &str, q: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
    let all = user.all(&format!("/v1/{things}?{query}")).unwrap();
    all.iter().map(|thing| thing["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_field_of_a_company_is_edited() {
    let world = World::new();
    let olga = world.olga();
    define(&world, "company", ("region", "select"), &["EMEA", "APAC"], false);
    let company = named(&olga, "companies", " Customer Ltd. ");
    assert_eq!((&company["name"], &company["version"]), (&json!("Customer Ltd."), &json!(1)));
    assert_eq!(company["custom_fields"], json!({"region": null}));
    let path = path_of("companies", &company);
    let fields = json!({
        "name": "شركة العميل", "domain": "customer.example", "phone": "+49 40 1", "website": "https://customer.example",
        "industry": "Logistics", "size": "50-200", "description": "Two\nlines", "custom_fields": {"region": "EMEA"},
        "address": {"street": null, "city": "Hamburg", "region": null, "postal_code": null, "country": null},
    });
    let after = latest(&olga);
    let changed = olga.patch(&path, &fields).unwrap().expect(200).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap(), changed);
    assert_eq!(olga.patch(&path, &fields).unwrap().expect(200).unwrap(), changed, "no change, no version");
    assert_eq!(happened(&olga, after), ["company.updated"]);
    let body = json!({"name": null, "domain": "https://customer.example", "website": "x", "size": "x".repeat(101), "owner_id": 1, "id": 1});
    let expected = [
        "/domain invalid_value",
        "/id read_only",
        "/name required",
        "/owner_id unknown_field",
        "/size too_long",
        "/website invalid_value",
    ];
    assert_eq!(wrong(&olga, "PATCH", &path, &body), expected);
    assert_eq!(
        wrong(&olga, "PATCH", &path, &json!({"custom_fields": {"region": "MARS"}})),
        ["/custom_fields/region invalid_value"]
    );
    assert_eq!(wrong(&olga, "POST", "/v1/companies", &json!({"domain": "x.example"})), ["/name required"]);
    let stale = olga.send("PATCH", &path, &[("if-match", "\"1\"")], Some(&json!({"name": "x"}))).unwrap();
    assert_eq!(stale.expect(412).unwrap()["current"], changed);
    let cleared =
        olga.patch(&path, &json!({"domain": null, "address": {"city": null}})).unwrap().expect(200).unwrap();
    assert_eq!((&cleared["domain"], &cleared["address"]["city"]), (&Value::Null, &Value::Null));
}

#[test]
fn every_field_of_a_deal_is_edited_and_money_is_exact() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let deal = named(&olga, "deals", "Fifty seats");
    assert_eq!(
        (&deal["status"], &deal["owner"]["id"], &deal["amount"]),
        (&json!("open"), &json!(olga.id()), &Value::Null)
    );
    let path = path_of("deals", &deal);
    let fields = json!({
        "name": "Sixty seats", "amount": {"amount": "1250.50", "currency": "EUR"}, "stage": "Offer sent", "status": "won",
        "expected_close_on": "2027-01-31",
    });
    let changed = olga.patch(&path, &fields).unwrap().expect(200).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    for (amount, currency, shown) in [
        ("7", "JPY", "7"),
        ("0.005", "KWD", "0.005"),
        ("-3", "EUR", "-3.00"),
        ("90071992547409.93", "USD", "90071992547409.93"),
    ] {
        let body = json!({"amount": {"amount": amount, "currency": currency}});
        let deal = olga.patch(&path, &body).unwrap().expect(200).unwrap();
        assert_eq!(deal["amount"], json!({"amount": shown, "currency": currency}));
    }
    for (amount, expected) in [
        (json!({"amount": "1.001", "currency": "EUR"}), "/amount/amount invalid_value"),
        (json!({"amount": "1.5", "currency": "JPY"}), "/amount/amount invalid_value"),
        (json!({"amount": 5, "currency": "EUR"}), "/amount/amount invalid_type"),
        (json!({"amount": "99999999999999999999", "currency": "EUR"}), "/amount/amount out_of_range"),
        (json!({"amount": "5", "currency": "Eur"}), "/amount/currency invalid_value"),
        (json!({"amount": "5"}), "/amount/currency required"),
        (json!("5 EUR"), "/amount invalid_type"),
    ] {
        assert_eq!(wrong(&olga, "PATCH", &path, &json!({"amount": amount, "stage": "x"})), [expected]);
    }
    let body = json!({"status": "lost?", "expected_close_on": "2027-02-29", "owner_id": null, "name": ""});
    let expected =
        ["/expected_close_on invalid_value", "/name required", "/owner_id required", "/status invalid_value"];
    assert_eq!(wrong(&olga, "PATCH", &path, &body), expected);
    let cleared = json!({"amount": null, "stage": null, "expected_close_on": null, "owner_id": tom.id()});
    let cleared = olga.patch(&path, &cleared).unwrap().expect(200).unwrap();
    assert_eq!(
        (&cleared["amount"], &cleared["stage"], &cleared["owner"]["name"]),
        (&Value::Null, &Value::Null, &json!("Tom"))
    );
    assert_eq!(tom.get(&path).unwrap().status, 200);
}

/// SDB-3: names are found with typing errors, in any script, by every role.
#[test]
fn names_are_looked_up_with_typing_errors_in_any_script() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    for name in [
        "Customer Ltd.",
        "Müller & Söhne",
        "Яндекс Маркет",
        "株式会社東芝",
        "שלום תעשיות",
        "Ελληνικά Ναυπηγεία",
    ] {
        named(&olga, "companies", name);
        named(&olga, "deals", &format!("{name} 2027"));
    }
    make(&olga, "companies", &json!({"name": "Hidden Name", "domain": "zebrafish.example"}));
    for (q, name) in [
        ("custmer", "Customer Ltd."),
        ("CUSTOMER", "Customer Ltd."),
        ("mueller", "Müller & Söhne"),
        ("muller sohne", "Müller & Söhne"),
        ("яндкес", "Яндекс Маркет"),
        ("東芝", "株式会社東芝"),
        ("שלום", "שלום תעשיות"),
        ("ελληνικα", "Ελληνικά Ναυπηγεία"),
    ] {
        assert_eq!(found(&tom, "companies", q).first().map(String::as_str), Some(name), "{q}");
        assert_eq!(found(&tom, "deals", q).first(), Some(&format!("{name} 2027")), "{q}");
    }
    assert_eq!(found(&tom, "companies", "zebrafsh"), ["Hidden Name"], "by domain");
    assert_eq!(found(&tom, "companies", "nothing like it"), [""; 0]);
    // Renamed, it is found by the new name alone.
    let company = named(&olga, "companies", "Quartzite");
    olga.patch(&path_of("companies", &company), &json!({"name": "Feldspar"})).unwrap().expect(200).unwrap();
    assert_eq!(found(&olga, "companies", "quartzite"), [""; 0]);
    assert_eq!(found(&olga, "companies", "feldspar"), ["Feldspar"]);

    for (first, last, q) in
        [("Zoë", "Fischer", "zoe fisher"), ("Иван", "Петров", "петорв"), ("小明", "王", "王")]
    {
        let body = json!({"emails": [{"address": format!("{}@customer.example", q.len())}], "first_name": first, "last_name": last});
        make(&olga, "contacts", &body);
        assert_eq!(found(&olga, "contacts", q), [format!("{first} {last}")], "{q}");
        assert_eq!(found(&tom, "contacts", q), [""; 0], "not theirs: {q}");
    }
    let by_address = found(&olga, "contacts", "10@customer");
    assert_eq!(by_address.first().map(String::as_str), Some("Zoë Fischer"), "{by_address:?}");
    for wrong in ["q=a%0Ab", &format!("q={}", "x".repeat(201)), "owner_id=x", "qq=1"] {
        assert_eq!(olga.get(&format!("/v1/contacts?{wrong}")).unwrap().status, 422, "{wrong}");
    }
}

/// Lists are walked by cursors, each element once, the newest or the best first; a cursor is good for its list alone.
#[test]
fn lists_are_walked_by_cursors() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let mut made = Vec::new();
    for number in 0..7 {
        let owner = if number % 2 == 0 { &olga } else { &tom };
        let body = json!({"emails": [{"address": format!("walker{number}@customer.example")}], "last_name": "Walker"});
        made.push(make(owner, "contacts", &body)["id"].clone());
        named(owner, "deals", &format!("Walk {number}"));
    }
    made.reverse();
    let walk = |user: &SignedIn, query: &str| -> Vec<Value> {
        let (mut ids, mut path) = (Vec::new(), format!("/v1/contacts?limit=2{query}"));
        loop {
            let page = user.get(&path).unwrap().expect(200).unwrap();
            ids.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].clone()));
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/contacts?limit=2{query}&cursor={cursor}"),
                None => return ids,
            }
        }
    };
    let toms: Vec<Value> = made.iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(walk(&olga, ""), made);
    assert_eq!(walk(&olga, "&q="), made, "a field that was emptied");
    assert_eq!(walk(&olga, "&q=walker"), made, "equally good: the newest first");
    assert_eq!(walk(&olga, &format!("&owner_id={}", tom.id())), toms);
    assert_eq!(walk(&tom, ""), toms, "only what they see");
    assert_eq!(walk(&tom, &format!("&owner_id={}", olga.id())), [Value::Null; 0]);
    let deals = olga.all(&format!("/v1/deals?owner_id={}", tom.id())).unwrap();
    assert_eq!(deals.len(), 3);
    assert_eq!(tom.all("/v1/deals").unwrap(), deals);
    let first = olga.get("/v1/contacts?limit=2").unwrap().expect(200).unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    for path in ["/v1/contacts?q=walker&", "/v1/deals?", &format!("/v1/contacts?owner_id={}&", tom.id())] {
        let answer = olga.get(&format!("{path}cursor={cursor}")).unwrap();
        assert_eq!(answer.problem(400).unwrap(), "invalid_cursor", "{path}");
    }
    assert_eq!(tom.get(&format!("/v1/contacts?cursor={cursor}")).unwrap().status, 400);
}

/// SDB-3: company and deals are associated and taken off; asked for twice, it happens once.
#[test]
fn associations_are_made_once_however_often_they_are_asked_for() {
    let world = World::new();
    let olga = world.olga();
    let bob = contact(&olga, "bob@customer.example");
    let path = path_of("contacts", &bob);
    let (first, second) = (named(&olga, "companies", "First"), named(&olga, "companies", "Second"));
    let deal = named(&olga, "deals", "Fifty seats");
    let set = |company: &Value| json!({"company_id": company["id"]});
    let (company, deals) =
        (format!("{path}/company"), format!("{path}/deals/{}", deal["id"].as_str().unwrap()));
    let after = latest(&olga);
    let steps: [(&str, &str, Option<Value>, i64, &str, usize); 9] = [
        ("PUT", &company, Some(set(&first)), 2, "First", 0),
        ("PUT", &company, Some(set(&first)), 2, "First", 0),
        ("PUT", &company, Some(set(&second)), 3, "Second", 0),
        ("PUT", &deals, None, 4, "Second", 1),
        ("PUT", &deals, None, 4, "Second", 1),
        ("DELETE", &company, None, 5, "", 1),
        ("DELETE", &company, None, 5, "", 1),
        ("DELETE", &deals, None, 6, "", 0),
        ("DELETE", &deals, None, 6, "", 0),
    ];
    for (method, path, body, version, company, deals) in steps {
        let contact = olga.send(method, path, &[], body.as_ref()).unwrap().expect(200).unwrap();
        let name = contact["company"]["name"].as_str().unwrap_or_default();
        let shown = (contact["version"].as_i64().unwrap(), name, contact["deals"].as_array().unwrap().len());
        assert_eq!(shown, (version, company, deals), "{method} {path}");
    }
    assert_eq!(happened(&olga, after), ["contact.updated"; 5]);
    let nothing = "01890000-0000-7000-8000-000000000000";
    assert_eq!(wrong(&olga, "PUT", &company, &json!({"company_id": nothing})), ["/company_id invalid_id"]);
    assert_eq!(olga.put(&format!("{path}/deals/{nothing}"), &json!({})).unwrap().status, 404);
    assert_eq!(
        olga.delete(&format!("{path}/deals/{nothing}")).unwrap().status,
        200,
        "there is nothing to take off"
    );
    for (method, path) in [("PUT", &company), ("DELETE", &company), ("PUT", &deals), ("DELETE", &deals)] {
        let body = json!({"nonsense": 1});
        let stale = olga.send(method, path, &[("if-match", "\"1\"")], Some(&body)).unwrap();
        assert_eq!(stale.expect(412).unwrap()["current"]["version"], 6, "{method} {path}");
        assert_eq!(olga.send(method, path, &[], Some(&body)).unwrap().status, 422, "{method} {path}");
    }
    // Whole in the sidebar: what is edited there is shown there, and the tag says that something is new.
    olga.put(&company, &set(&first)).unwrap().expect(200).unwrap();
    let tag = olga.get(&path).unwrap().header("etag").to_owned();
    let renamed =
        olga.patch(&path_of("companies", &first), &json!({"name": "Renamed"})).unwrap().expect(200).unwrap();
    let shown = olga.send("GET", &path, &[("if-none-match", &tag)], None).unwrap().expect(200).unwrap();
    assert_eq!((&shown["company"], &shown["version"]), (&renamed, &json!(7)));
}

/// ACC-2, ACC-3: what a team member sees of contacts, companies and deals, and what they find.
#[test]
fn a_team_member_sees_what_belongs_to_their_contacts_and_looks_up_the_rest() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let (olga, tom) = (world.olga(), world.tom());
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let bob = path_of("contacts", &card["primary_contact"]);
    let company = make(&olga, "companies", &json!({"name": "Customer Ltd.", "phone": "+49 40 1"}));
    let deal =
        make(&olga, "deals", &json!({"name": "Fifty seats", "amount": {"amount": "5", "currency": "EUR"}}));
    olga.put(&format!("{bob}/company"), &json!({"company_id": company["id"]})).unwrap().expect(200).unwrap();
    olga.put(&format!("{bob}/deals/{}", deal["id"].as_str().unwrap()), &json!({}))
        .unwrap()
        .expect(200)
        .unwrap();
    let things = [bob.clone(), path_of("companies", &company), path_of("deals", &deal)];
    let patch = json!({"description": "x"});
    for (path, never) in things.iter().zip(["contacts", "companies", "deals"]) {
        let strip = |mut answer: postroom_testkit::client::Answer| {
            answer.body["request_id"] = Value::Null;
            (answer.status, answer.body)
        };
        let never = format!("/v1/{never}/01890000-0000-7000-8000-000000000000");
        for method in ["GET", "PATCH"] {
            let ask = |path: &str| {
                let body = (method == "PATCH").then(|| json!({"nonsense": 1}));
                strip(tom.send(method, path, &[("if-match", "\"99\"")], body.as_ref()).unwrap())
            };
            assert_eq!(ask(path), ask(&never), "{method} {path}");
            assert_eq!(ask(path).0, 404);
        }
        assert_eq!(tom.patch(path, &patch).unwrap().status, 404);
    }
    assert_eq!(
        tom.put(&format!("{bob}/company"), &json!({"company_id": company["id"]})).unwrap().status,
        404
    );
    // Looked up, each is known by name and nothing that matters.
    let seen = tom.get("/v1/companies?q=customer").unwrap().expect(200).unwrap();
    assert_eq!((&seen["data"][0]["id"], seen["data"][0].get("phone")), (&company["id"], None));
    let seen = tom.get("/v1/deals?q=fifty").unwrap().expect(200).unwrap();
    assert_eq!((&seen["data"][0]["id"], seen["data"][0].get("amount")), (&deal["id"], None));
    for things in ["contacts", "companies", "deals"] {
        assert_eq!(tom.all(&format!("/v1/{things}")).unwrap().len(), 0, "{things}");
        assert_eq!(olga.all(&format!("/v1/{things}")).unwrap().len(), 1, "{things}");
    }

    // With the conversation comes the contact, and with the contact what belongs to them.
    olga.patch(&path_of("conversations", &card), &json!({"owner_id": tom.id()}))
        .unwrap()
        .expect(200)
        .unwrap();
    let after = latest(&tom);
    for (path, body) in things.iter().zip([patch.clone(), patch, json!({"stage": "Offer"})]) {
        assert_eq!(tom.get(path).unwrap().status, 200, "{path}");
        assert_eq!(tom.patch(path, &body).unwrap().status, 200, "{path}");
    }
    assert_eq!(happened(&tom, after), ["contact.updated", "company.updated", "deal.updated"]);
    for things in ["contacts", "companies", "deals"] {
        assert_eq!(tom.all(&format!("/v1/{things}")).unwrap().len(), 1, "{things}");
    }
    olga.patch(&path_of("conversations", &card), &json!({"owner_id": olga.id()}))
        .unwrap()
        .expect(200)
        .unwrap();
    assert!(things.iter().all(|path| tom.get(path).unwrap().status == 404));

    // What they make they see; what they find they may associate to their own contact, and then see as well.
    let after = latest(&tom);
    let (own_company, own_deal) = (named(&tom, "companies", "Mine"), named(&tom, "deals", "Mine"));
    for (things, thing) in [("companies", &own_company), ("deals", &own_deal)] {
        assert_eq!(&tom.get(&path_of(things, thing)).unwrap().expect(200).unwrap(), thing);
        assert_eq!(tom.patch(&path_of(things, thing), &json!({"name": "My own"})).unwrap().status, 200);
    }
    assert_eq!(happened(&tom, after), ["company.updated", "deal.updated", "company.updated", "deal.updated"]);
    let ann = path_of("contacts", &contact(&tom, "ann@customer.example"));
    let whole = tom
        .put(&format!("{ann}/company"), &json!({"company_id": company["id"]}))
        .unwrap()
        .expect(200)
        .unwrap();
    assert_eq!(whole["company"]["phone"], "+49 40 1");
    assert_eq!(tom.get(&things[1]).unwrap().status, 200);
    let of_company =
        tom.all(&format!("/v1/contacts?company_id={}", company["id"].as_str().unwrap())).unwrap();
    assert_eq!(of_company.len(), 1, "the colleague of theirs stays unseen");
}

/// ACC-3: another workspace's ids are those of nothing.
#[test]
fn another_workspaces_things_are_not_there() {
    let world = World::new();
    world.neighbour("globex");
    let olga = world.olga();
    let otto = world.anonymous().sign_in("globex", "otto@globex.example", PASSWORD).unwrap();
    let (bob, company, deal) = (
        contact(&olga, "bob@customer.example"),
        named(&olga, "companies", "Customer"),
        named(&olga, "deals", "Deal"),
    );
    for (things, thing) in [("contacts", &bob), ("companies", &company), ("deals", &deal)] {
        assert_eq!(otto.get(&path_of(things, thing)).unwrap().status, 404);
        assert_eq!(otto.patch(&path_of(things, thing), &json!({})).unwrap().status, 404);
        assert_eq!(otto.all(&format!("/v1/{things}")).unwrap().len(), 0);
        assert_eq!(found(&otto, things, "customer"), [""; 0]);
    }
    // The same address is another contact there.
    let hers = contact(&otto, "bob@customer.example");
    let path = path_of("contacts", &hers);
    let emails = format!("{path}/emails/{}", bob["emails"][0]["id"].as_str().unwrap());
    assert_eq!(otto.patch(&emails, &json!({"primary": true})).unwrap().status, 404);
    assert_eq!(
        wrong(&otto, "PUT", &format!("{path}/company"), &json!({"company_id": company["id"]})),
        ["/company_id invalid_id"]
    );
    assert_eq!(
        otto.put(&format!("{path}/deals/{}", deal["id"].as_str().unwrap()), &json!({})).unwrap().status,
        404
    );
    assert_eq!(wrong(&otto, "PATCH", &path, &json!({"owner_id": olga.id()})), ["/owner_id invalid_value"]);
}
