//! People to add to a reply (RPL-2), as far as the caller sees them (ACC-2, ACC-3).

use crate::{
    sidebar::{contact, wrong},
    world::{World, mail},
};
use postroom_domain::access::Role;
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Value, json};

const PEOPLE: &str = "/v1/recipients";

/// The addresses that are found, best first.
fn found(user: &SignedIn, q: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
    let page = user.get(&format!("{PEOPLE}?{query}")).unwrap().expect(200).unwrap();
    assert_eq!(page["next_cursor"], Value::Null);
    addresses(&page)
}

fn addresses(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap().to_owned()).collect()
}

fn customer(user: &SignedIn, first: &str, last: &str, emails: &[&str]) -> Value {
    let emails: Vec<Value> = emails.iter().map(|address| json!({"address": address})).collect();
    let body = json!({"first_name": first, "last_name": last, "emails": emails});
    user.post("/v1/contacts", &body).unwrap().expect(201).unwrap()
}

#[test]
fn customers_and_colleagues_are_found_by_what_is_known_of_their_names() {
    let world = World::new();
    let olga = world.olga();
    world.colleague("bobby", Role::Manager);
    let bob = customer(&olga, "Bob", "Fischer", &["bob@customer.example", "sales@customer.example"]);
    let both = ["bob@customer.example", "sales@customer.example"];
    customer(&olga, "Eve", "Müller", &["eve@elsewhere.example"]);
    assert_eq!(found(&olga, "Bob Fischer"), both, "each of their addresses, the primary one first");
    for typed in ["fischer", "FISCHER b", "fisher", "fishcer"] {
        assert_eq!(found(&olga, typed)[..2], both, "{typed}");
    }
    assert_eq!(found(&olga, "sales@")[0], "sales@customer.example", "the one that is typed first");
    for typed in ["mueller", "Muller", "müler"] {
        assert_eq!(found(&olga, typed), ["eve@elsewhere.example"], "{typed}");
    }
    let people = olga.get(&format!("{PEOPLE}?q=bob")).unwrap().expect(200).unwrap();
    assert_eq!(addresses(&people), ["bob@customer.example", "sales@customer.example", "bobby@acme.example"]);
    let first = json!({"kind": "contact", "id": bob["id"], "name": "Bob Fischer", "email": "bob@customer.example", "avatar_url": null});
    assert_eq!(people["data"][0], first);
    assert_eq!((&people["data"][2]["kind"], &people["data"][2]["name"]), (&json!("user"), &json!("bobby")));
    assert_eq!(found(&olga, "boby")[..1], ["bobby@acme.example"]);
    assert_eq!(found(&olga, "zzzzzz"), [""; 0]);
    assert_eq!(found(&olga, "%_\\'\""), [""; 0]);
    assert_eq!(
        addresses(&olga.get(&format!("{PEOPLE}?q=bob&limit=1")).unwrap().body),
        ["bob@customer.example"]
    );
    let query = format!("{PEOPLE}?q={}&limit=51&cursor=x", "x".repeat(201));
    assert_eq!(
        wrong(&olga, "GET", &query, &json!(null)),
        ["/cursor unknown_field", "/limit out_of_range", "/q too_long"]
    );
}

/// ACC-2, ACC-3: whom somebody doesn't see they don't find; who has left is nobody to write to.
#[test]
fn nobody_is_found_who_is_not_theirs() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let max = world.colleague("maximilian", Role::Manager);
    contact(&olga, "hidden@customer.example");
    contact(&tom, "own@customer.example");
    let customers = ["hidden@customer.example", "own@customer.example"];
    let mut all = found(&olga, "customer.example");
    all.sort();
    assert_eq!(all, customers);
    assert_eq!(found(&tom, "customer.example"), ["own@customer.example"]);
    assert_eq!(found(&tom, "hidden"), [""; 0]);
    assert_eq!(found(&tom, "maximilian"), ["maximilian@acme.example"]);
    let leaves = json!({"active": false});
    assert_eq!(olga.patch(&format!("/v1/users/{}", max.id()), &leaves).unwrap().status, 200);
    assert_eq!(found(&tom, "maximilian"), [""; 0]);
    let globex = world.neighbour("globex");
    assert_ne!(globex.workspace_id.to_string(), "");
    assert_eq!(found(&olga, "otto"), [""; 0], "another workspace's");
}

/// Before anything is typed: with whom the caller has written lately.
#[test]
fn without_a_word_the_latest_are_there() {
    let world = World::new();
    let support = world.support();
    for (number, name) in [(1, "ann"), (2, "bob"), (3, "ann")] {
        world.deliver(&support, mail(&format!("{name}@customer.example"), number));
    }
    contact(&world.olga(), "never@customer.example");
    let latest = ["ann@customer.example", "bob@customer.example"];
    for path in [PEOPLE.to_owned(), format!("{PEOPLE}?q=%20")] {
        assert_eq!(addresses(&world.olga().get(&path).unwrap().expect(200).unwrap()), latest);
    }
    assert_eq!(addresses(&world.tom().get(PEOPLE).unwrap().expect(200).unwrap()), [""; 0]);
}
