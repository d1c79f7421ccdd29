//! Who may ask for what, over every operation of the document.

use crate::world::{World, mail};
use postroom_api::limits::LimitSettings;
use postroom_testkit::client::Caller;
use serde_json::{Value, json};

/// Every operation: method, address with an id that nothing has, and what the document says of it.
fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(&postroom_api::openapi::openapi()).unwrap();
    let nothing = "01890000-0000-7000-8000-000000000000";
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut address = path.clone();
            while let (Some(from), Some(to)) = (address.find('{'), address.find('}')) {
                address.replace_range(from..=to, nothing);
            }
            all.push((method.to_uppercase(), address, operation.clone()));
        }
    }
    assert!(all.len() > 25);
    all
}

fn needs_sign_in(operation: &Value) -> bool {
    !operation["security"].as_array().unwrap().contains(&json!({}))
}

#[test]
fn without_sign_in_every_operation_is_401_but_the_public_ones() {
    let world = World::new();
    let anonymous = world.anonymous();
    for (method, path, operation) in operations() {
        // A wrong body and a wrong query are not told before.
        let asked = format!("{path}?nonsense=1");
        let body = (method != "GET").then(|| json!({"nonsense": 1}));
        let answer = anonymous.send(&method, &asked, &[], body.as_ref()).unwrap();
        if needs_sign_in(&operation) {
            assert_eq!(answer.problem(401).unwrap(), "not_authenticated", "{method} {path}");
        }
        let broken = [("authorization", "Bearer nothing")];
        let answer = anonymous.send(&method, &asked, &broken, body.as_ref()).unwrap();
        if needs_sign_in(&operation) {
            assert_eq!(answer.problem(401).unwrap(), "not_authenticated", "{method} {path}");
        }
    }
}

#[test]
fn without_the_paid_feature_its_operations_name_where_to_ask() {
    let world = World::with(LimitSettings::OFF);
    let olga = world.olga();
    let mut gated = 0;
    for (method, path, operation) in operations() {
        let refusal = operation["responses"]["403"]["$ref"].as_str().unwrap_or_default();
        if !refusal.contains("FeatureNotEnabled") {
            continue;
        }
        let body = (method != "GET").then(|| json!({"nonsense": 1}));
        let refused = olga.send(&method, &path, &[], body.as_ref()).unwrap().expect(403).unwrap();
        assert_eq!(refused["code"], "feature_not_enabled", "{method} {path}");
        gated += 1;
        assert_eq!(refused["request_access"], "/v1/workspace/feature-requests");
    }
    assert!(gated > 10);
    let ask = json!({"feature": "conversations", "message": "please"});
    let tom = world.tom();
    assert_eq!(
        tom.post("/v1/workspace/feature-requests", &ask).unwrap().expect(201).unwrap()["state"],
        "requested"
    );
    let again = olga.post("/v1/workspace/feature-requests", &ask).unwrap().expect(201).unwrap();
    assert_eq!(again["requested_by"]["name"], "Tom", "asking twice is one request");
    let wishes = "/v1/workspace/feature-requests";
    assert_eq!(tom.get(&format!("{wishes}?limit=1")).unwrap().expect(200).unwrap()["data"][0], again);
    assert_eq!(tom.get(&format!("{wishes}?cursor=x")).unwrap().problem(400).unwrap(), "invalid_cursor");
    world.enable();
    assert_eq!(olga.get("/v1/conversations").unwrap().status, 200, "from the next request on");
}

#[test]
fn what_a_team_member_may_not_see_is_not_there() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let (olga, tom) = (world.olga(), world.tom());
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let (id, contact) = (card["id"].as_str().unwrap(), card["primary_contact"]["id"].as_str().unwrap());
    let message = card["last_message"]["id"].as_str().unwrap();
    let nothing = "01890000-0000-7000-8000-000000000000";
    let addresses = |id: &str, contact: &str, message: &str| {
        [
            ("GET", format!("/v1/conversations/{id}")),
            ("PATCH", format!("/v1/conversations/{id}")),
            ("PUT", format!("/v1/conversations/{id}/seen")),
            ("DELETE", format!("/v1/conversations/{id}/seen")),
            ("GET", format!("/v1/conversations/{id}/messages")),
            ("GET", format!("/v1/conversations/{id}/messages/{message}")),
            ("POST", format!("/v1/conversations/{id}/replies")),
            ("GET", format!("/v1/messages/{message}")),
            ("GET", format!("/v1/contacts/{contact}")),
        ]
    };
    let foreign = addresses(id, contact, message);
    let missing = addresses(nothing, nothing, nothing);
    let malformed = addresses("x", "x", "x");
    for ((asked, never), no_id) in foreign.iter().zip(&missing).zip(&malformed) {
        // With a body that would be refused: it must not be judged before.
        let ask = |(method, path): &(&str, String)| {
            let body = (*method != "GET").then(|| json!({"nonsense": 1}));
            let mut answer = tom
                .send(method, path, &[("if-match", "\"99\"")], body.as_ref())
                .unwrap()
                .expect(404)
                .unwrap();
            answer["request_id"] = Value::Null;
            answer
        };
        assert_eq!(ask(asked), ask(never), "{asked:?}");
        assert_eq!(ask(asked), ask(no_id), "{asked:?}");
        if asked.0 == "GET" {
            assert_eq!(olga.get(&asked.1).unwrap().status, 200, "it is there: {asked:?}");
        }
    }
    assert_eq!(tom.get("/v1/conversations?view=all").unwrap().problem(403).unwrap(), "view_not_allowed");
    for wrong in ["limit=x", "cursor=x", "nonsense=1"] {
        let refused = tom.get(&format!("/v1/conversations?{wrong}&view=all")).unwrap();
        assert_eq!(refused.problem(403).unwrap(), "view_not_allowed", "before {wrong}");
    }
    assert_eq!(tom.all("/v1/conversations").unwrap().len(), 0);
    assert_eq!(tom.get("/v1/conversations/counts").unwrap().expect(200).unwrap()["all"], Value::Null);
    let shared = json!({"address": "x@acme.example", "kind": "shared",
        "imap": {"host": "h.example", "port": 993, "password": "x"}, "smtp": {"host": "h.example", "port": 587, "password": "x"}});
    let broken = json!({"kind": "shared", "address": 1, "nonsense": 1});
    for body in [&shared, &broken] {
        assert_eq!(tom.post("/v1/mailboxes", body).unwrap().problem(403).unwrap(), "role_not_allowed");
    }
    assert_eq!(olga.post("/v1/mailboxes", &broken).unwrap().status, 422);

    // Handed over, it is theirs, and the contact with it.
    let patch = json!({"owner_id": tom.id()});
    assert_eq!(olga.patch(&format!("/v1/conversations/{id}"), &patch).unwrap().status, 200);
    for (method, path) in &foreign {
        if *method == "GET" {
            assert_eq!(tom.get(path).unwrap().status, 200, "{path}");
        }
    }
    // Given away, the answer is whole, and the next one is 404.
    let back = json!({"owner_id": olga.id()});
    let path = format!("/v1/conversations/{id}");
    assert_eq!(tom.patch(&path, &back).unwrap().expect(200).unwrap()["owner"]["name"], "Olga");
    assert_eq!(tom.get(&path).unwrap().status, 404);
}
