//! Lists, conditions and refusals, the same for contacts, companies and deals.

use crate::{
    sidebar::{define, path_of, wrong},
    world::World,
};
use postroom_testkit::client::Caller;
use serde_json::json;

#[test]
fn lists_refuse_what_they_do_not_know_and_things_are_read_under_a_condition() {
    let world = World::new();
    let olga = world.olga();
    for list in ["/v1/contacts", "/v1/companies", "/v1/deals"] {
        assert_eq!(olga.get(&format!("{list}?cursor=x")).unwrap().problem(400).unwrap(), "invalid_cursor");
        for query in ["limit=0", "limit=101", "nonsense=1", "q=a&q=b"] {
            assert_eq!(olga.get(&format!("{list}?{query}")).unwrap().status, 422, "{list} {query}");
        }
    }
    for things in ["companies", "deals"] {
        let list = format!("/v1/{things}");
        assert_eq!(wrong(&olga, "POST", &list, &json!({"name": "\u{7}"})), ["/name invalid_character"]);
        let body = json!({"name": "Thing"});
        let first = olga.post_once(&list, things, &body).unwrap();
        let again = olga.post_once(&list, things, &body).unwrap();
        assert_eq!(again.header("idempotent-replayed"), "true");
        let thing = first.expect(201).unwrap();
        assert_eq!(again.expect(201).unwrap(), thing);
        let path = path_of(things, &thing);
        let tag = olga.get(&path).unwrap().header("etag").to_owned();
        assert_eq!(olga.send("GET", &path, &[("if-none-match", &tag)], None).unwrap().status, 304);
        let save = |name: &str| {
            olga.send("PATCH", &path, &[("if-match", &tag)], Some(&json!({"name": name}))).unwrap()
        };
        let saved = save("Other").expect(200).unwrap();
        assert_eq!(save("Third").expect(412).unwrap()["current"], saved);
    }
}

/// SDB-2: a form that is wrong hides no custom field that is wrong as well.
#[test]
fn wrong_fields_and_wrong_custom_fields_are_told_together() {
    let world = World::new();
    let olga = world.olga();
    for entity in ["contact", "company", "deal"] {
        define(&world, entity, ("since", "date"), &[], false);
    }
    let bad = json!({"since": "yesterday", "until": 1});
    let expected = ["/custom_fields/since invalid_value", "/custom_fields/until unknown_field"];
    let with = |first: &'static str| [&expected[..], &[first]].concat();
    let mut paths = Vec::new();
    for (things, body) in [
        ("contacts", json!({"emails": [{"address": "bob@customer.example"}]})),
        ("companies", json!({"name": "Customer Ltd."})),
        ("deals", json!({"name": "Fifty seats"})),
    ] {
        let list = format!("/v1/{things}");
        paths.push(path_of(things, &olga.post(&list, &body).unwrap().expect(201).unwrap()));
        let field = if things == "contacts" { "emails" } else { "name" };
        let missing = if things == "contacts" { "/emails required" } else { "/name required" };
        let body = json!({field: null, "custom_fields": bad});
        assert_eq!(wrong(&olga, "POST", &list, &body), with(missing), "{things}");
    }
    define(&world, "contact", ("plan", "text"), &[], true);
    let body = json!({"emails": 1});
    assert_eq!(
        wrong(&olga, "POST", "/v1/contacts", &body),
        ["/custom_fields/plan required", "/emails invalid_type"]
    );
    for path in &paths {
        let body = json!({"owner_id": 7, "name": 7, "nonsense": 1, "custom_fields": bad});
        let told = wrong(&olga, "PATCH", path, &body);
        assert!(expected.iter().all(|one| told.iter().any(|told| told == one)), "{told:?}");
        assert!(told.contains(&"/nonsense unknown_field".to_owned()), "{told:?}");
        // Which version comes first, and whether it is there.
        let stale = olga.send("PATCH", path, &[("if-match", "\"9\"")], Some(&body)).unwrap();
        assert_eq!(stale.problem(412).unwrap(), "stale_version");
        assert_eq!(world.tom().send("PATCH", path, &[], Some(&body)).unwrap().status, 404);
    }
}
