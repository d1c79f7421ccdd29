//! Custom fields are defined, ordered, changed and removed (SDB-6).

use crate::{
    sidebar::{contact, happened, latest, path_of, wrong},
    world::World,
};
use postroom_testkit::{
    client::{Caller, SignedIn},
    postgres::Cluster,
};
use serde_json::{Value, json};

const FIELDS: &str = "/v1/custom-fields";

/// A new field of contacts.
#[expect(clippy::needless_pass_by_value, reason = "it is written in place")]
fn define(user: &SignedIn, key: &str, more: Value) -> Value {
    let mut body = json!({"entity": "contact", "key": key, "label": key.to_uppercase(), "type": "text"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    user.post(FIELDS, &body).unwrap().expect(201).unwrap()
}

/// The keys of contacts' fields in their order, which is numbered without gaps.
fn order(user: &SignedIn) -> Vec<String> {
    let fields = user.all(&format!("{FIELDS}?entity=contact")).unwrap();
    let places: Vec<u64> = fields.iter().map(|field| field["position"].as_u64().unwrap()).collect();
    assert_eq!(places, (1..=fields.len() as u64).collect::<Vec<_>>());
    fields.iter().map(|field| field["key"].as_str().unwrap().to_owned()).collect()
}

fn texts(world: &World, sql: &str) -> Vec<String> {
    Cluster::shared().unwrap().texts(&world.database, sql).unwrap()
}

/// SDB-6: what is defined is there for every role and with every contact, and nobody's page has to be told to look.
#[test]
fn a_field_is_defined_once_and_everybody_has_it() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let bob = path_of("contacts", &contact(&tom, "bob@customer.example"));
    let tag = tom.get(&bob).unwrap().header("etag").to_owned();
    let after = latest(&tom);
    let plan = json!({"entity": "contact", "key": "plan", "label": " Plan ", "type": "select", "options": ["Basic", "Pro "]});
    let first = olga.post_once(FIELDS, "once", &plan).unwrap();
    let location = first.header("location").to_owned();
    let first = first.expect(201).unwrap();
    assert_eq!(olga.post_once(FIELDS, "once", &plan).unwrap().expect(201).unwrap(), first);
    assert_eq!(
        (&first["label"], &first["options"], &first["required"], &first["position"], &first["version"]),
        (&json!("Plan"), &json!(["Basic", "Pro"]), &json!(false), &json!(1), &json!(1))
    );
    assert_eq!(location, path_of("custom-fields", &first));
    assert_eq!(tom.get(&location).unwrap().expect(200).unwrap(), first);
    assert_eq!(happened(&tom, after), ["workspace.updated"]);
    let changed = tom.send("GET", &bob, &[("if-none-match", &tag)], None).unwrap().expect(200).unwrap();
    assert_eq!(changed["custom_fields"], json!({"plan": null}));
    assert_eq!(changed["custom_field_definitions"][0]["options"], json!(["Basic", "Pro"]));
    let told = texts(
        &world,
        "SELECT action || ' ' || (after ->> 'key') FROM audit WHERE object_kind = 'custom_field'",
    );
    assert_eq!(told, ["custom_field.defined plan"]);

    define(&olga, "size", json!({"entity": "company"}));
    define(&olga, "tier", json!({"entity": "deal"}));
    let all: Vec<Value> = tom.all(FIELDS).unwrap();
    let names: Vec<&str> = all.iter().map(|field| field["entity"].as_str().unwrap()).collect();
    assert_eq!(names, ["company", "contact", "deal"]);
    let page = tom.get(&format!("{FIELDS}?limit=2")).unwrap().expect(200).unwrap();
    let next =
        tom.get(&format!("{FIELDS}?limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).unwrap();
    assert_eq!(next.expect(200).unwrap()["data"], json!([all[2]]));
    assert_eq!(
        wrong(&tom, "GET", &format!("{FIELDS}?entity=thing"), &json!(null)),
        ["/entity invalid_value"]
    );
}

#[test]
fn what_a_field_must_be_is_told_field_by_field() {
    let world = World::new();
    let olga = world.olga();
    define(&olga, "plan", json!({}));
    let refused = |body: &Value| wrong(&olga, "POST", FIELDS, body);
    let all = json!({"entity": "thing", "key": "Plan!", "label": "a\nb", "type": 1, "options": "x", "position": 0, "version": 1});
    assert_eq!(
        refused(&all),
        [
            "/entity invalid_value",
            "/key invalid_value",
            "/label invalid_character",
            "/options invalid_type",
            "/position out_of_range",
            "/type invalid_type",
            "/version unknown_field"
        ]
    );
    let field = |kind: &str, options: Value| json!({"entity": "contact", "key": "new", "label": "New", "type": kind, "options": options});
    assert_eq!(refused(&field("select", json!([]))), ["/options required"]);
    assert_eq!(refused(&field("date", json!(["x"]))), ["/options invalid_value"]);
    assert_eq!(refused(&field("select", json!(["a", "a "]))), ["/options/1 invalid_value"]);
    let again = json!({"entity": "contact", "key": "plan", "label": "Plan", "type": "text"});
    assert_eq!(refused(&again), ["/key taken"]);
    define(&olga, "plan", json!({"entity": "deal"}));
    assert_eq!(order(&olga), ["plan"]);
    world.execute(
        "INSERT INTO custom_field_definitions (workspace_id, id, entity, key, label, type, position)
         SELECT id, gen_random_uuid(), 'contact', 'f' || n, 'F', 'text', n FROM workspaces, generate_series(2, 100) AS n",
    );
    assert_eq!(
        refused(&json!({"entity": "contact", "key": "more", "label": "M", "type": "text"})),
        ["/entity invalid_value"]
    );
}

/// The order is dense and stable, whoever puts what where at the same time.
#[test]
fn fields_are_put_in_order_by_many_at_once() {
    let world = World::new();
    let olga = world.olga();
    for key in ["a", "b", "c"] {
        define(&olga, key, json!({}));
    }
    let first = define(&olga, "d", json!({"position": 1}));
    define(&olga, "e", json!({"position": 99}));
    assert_eq!(order(&olga), ["d", "a", "b", "c", "e"]);
    let path = path_of("custom-fields", &first);
    let moved = olga.patch(&path, &json!({"position": 3})).unwrap().expect(200).unwrap();
    assert_eq!((&moved["position"], &moved["version"]), (&json!(3), &json!(2)));
    assert_eq!(order(&olga), ["a", "b", "d", "c", "e"]);
    let after = latest(&olga);
    assert_eq!(olga.patch(&path, &json!({"position": 3, "label": "D"})).unwrap().expect(200).unwrap(), moved);
    assert_eq!(happened(&olga, after), [""; 0], "no change, no event");

    let ids: Vec<String> =
        olga.all(FIELDS).unwrap().iter().map(|field| path_of("custom-fields", field)).collect();
    std::thread::scope(|scope| {
        for (number, path) in ids.iter().enumerate() {
            let olga = &olga;
            scope.spawn(move || {
                olga.patch(path, &json!({"position": 5 - number})).unwrap().expect(200).unwrap();
                define(olga, &format!("new{number}"), json!({"position": number + 1}));
            });
        }
    });
    let mut keys = order(&olga);
    keys.sort();
    assert_eq!(keys, ["a", "b", "c", "d", "e", "new0", "new1", "new2", "new3", "new4"]);
}

/// A version decides whose edit is late; key, entity and type are what they are.
#[test]
fn a_field_is_changed_by_its_version() {
    let world = World::new();
    let olga = world.olga();
    let field = define(&olga, "plan", json!({"type": "select", "options": ["Basic"]}));
    let path = path_of("custom-fields", &field);
    let patch = json!({"label": "Tariff", "options": ["Basic", "Pro"], "required": true});
    let saved =
        olga.send("PATCH", &path, &[("if-match", "\"1\"")], Some(&patch)).unwrap().expect(200).unwrap();
    assert_eq!(
        (&saved["label"], &saved["required"], &saved["version"]),
        (&json!("Tariff"), &json!(true), &json!(2))
    );
    for (method, body) in [("PATCH", Some(&patch)), ("DELETE", None)] {
        let stale = olga.send(method, &path, &[("if-match", "\"1\"")], body).unwrap().expect(412).unwrap();
        assert_eq!(stale["current"], saved);
    }
    let fixed = json!({"entity": "deal", "key": "x", "type": "text", "id": 1, "label": null, "options": [], "nonsense": 1});
    assert_eq!(
        wrong(&olga, "PATCH", &path, &fixed),
        [
            "/entity read_only",
            "/id read_only",
            "/key read_only",
            "/label required",
            "/nonsense unknown_field",
            "/type read_only"
        ]
    );
    assert_eq!(wrong(&olga, "PATCH", &path, &json!({"options": []})), ["/options required"]);
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap(), saved);
}

/// What is removed keeps its values, which nobody sees; its key defined anew is another field.
#[test]
fn what_is_removed_does_not_come_back() {
    let world = World::new();
    let olga = world.olga();
    let bob = path_of("contacts", &contact(&olga, "bob@customer.example"));
    let [plan, city] = ["plan", "city"].map(|key| define(&olga, key, json!({})));
    olga.patch(&bob, &json!({"custom_fields": {"plan": "Pro", "city": "Bonn"}}))
        .unwrap()
        .expect(200)
        .unwrap();
    let path = path_of("custom-fields", &plan);
    let after = latest(&olga);
    assert_eq!(olga.delete(&path).unwrap().status, 204);
    assert_eq!(happened(&olga, after), ["workspace.updated"]);
    assert_eq!(order(&olga), ["city"], "places are closed up");
    for method in ["GET", "PATCH", "DELETE"] {
        let body = (method == "PATCH").then(|| json!({"label": "X"}));
        assert_eq!(olga.send(method, &path, &[], body.as_ref()).unwrap().problem(404).unwrap(), "not_found");
    }
    let shown = || olga.get(&bob).unwrap().expect(200).unwrap()["custom_fields"].clone();
    assert_eq!(shown(), json!({"city": "Bonn"}));
    let anew = define(&olga, "plan", json!({"position": 1}));
    assert_ne!(anew["id"], plan["id"]);
    assert_eq!(shown(), json!({"plan": null, "city": "Bonn"}));
    olga.patch(&bob, &json!({"custom_fields": {"plan": "Basic"}})).unwrap().expect(200).unwrap();
    let id = plan["id"].as_str().unwrap();
    let kept = format!("SELECT custom_fields ->> '{id}' FROM contacts WHERE custom_fields ? '{id}'");
    assert_eq!(texts(&world, &kept), ["Pro"], "kept, whatever is saved beside it");
    assert_eq!(city["position"], 2);
}

/// An option that is offered no more stays where it was chosen, and can't be chosen anew.
#[test]
fn a_value_outlives_its_option() {
    let world = World::new();
    let olga = world.olga();
    let [bob, eve] =
        ["bob", "eve"].map(|name| path_of("contacts", &contact(&olga, &format!("{name}@customer.example"))));
    let field = define(&olga, "plan", json!({"type": "select", "options": ["Basic", "Pro"]}));
    let choose = |who: &str, plan: &str| olga.patch(who, &json!({"custom_fields": {"plan": plan}})).unwrap();
    choose(&bob, "Basic").expect(200).unwrap();
    olga.patch(&path_of("custom-fields", &field), &json!({"options": ["Pro", "Team"]}))
        .unwrap()
        .expect(200)
        .unwrap();
    assert_eq!(olga.get(&bob).unwrap().expect(200).unwrap()["custom_fields"]["plan"], "Basic");
    choose(&bob, "Basic").expect(200).unwrap();
    assert_eq!(choose(&eve, "Basic").problem(422).unwrap(), "validation_failed");
    choose(&bob, "Team").expect(200).unwrap();
    assert_eq!(choose(&bob, "Basic").problem(422).unwrap(), "validation_failed");
}
