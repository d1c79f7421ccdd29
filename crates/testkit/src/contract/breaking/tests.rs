//! Each way to break a document is found and named; what breaks nothing is not.

use super::*;
use serde_json::json;

fn document() -> Value {
    let answer = |schema: &str| {
        json!({"description": "", "headers": {"ETag": {}},
               "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}}})
    };
    json!({
        "paths": {"/things/{id}": {
            "get": {
                "operationId": "get_thing",
                "security": [{"token": []}, {"key": []}],
                "parameters": [
                    {"in": "path", "name": "id", "required": true, "schema": {"type": "string", "format": "uuid"}},
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 100, "minimum": 1}},
                ],
                "responses": {"200": answer("Thing"), "404": {"$ref": "#/components/responses/NotFound"}},
            },
            "put": {
                "operationId": "set_thing",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Asked"}}}},
                "responses": {"200": answer("Thing")},
            },
        }},
        "components": {
            "responses": {"NotFound": {"description": "", "content": {"application/problem+json": {"schema": {"type": "object"}}}}},
            "schemas": {
                "Thing": {
                    "type": "object",
                    "required": ["name", "state", "parts"],
                    "properties": {
                        "name": {"type": "string"},
                        "state": {"type": "string", "enum": ["new", "old"]},
                        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                        "owner": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Owner"}]},
                    },
                },
                "Owner": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}}},
                "Asked": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": ["string", "null"], "maxLength": 100},
                        "state": {"type": "string", "enum": ["new", "old"]},
                        "colour": {"type": "string"},
                    },
                },
            },
        },
    })
}

const GET: &str = "/paths/~1things~1{id}/get";
const PUT: &str = "/paths/~1things~1{id}/put";
const THING: &str = "/components/schemas/Thing";
const ASKED: &str = "/components/schemas/Asked";

/// What a change of the document breaks.
fn told(change: impl FnOnce(&mut Value)) -> Vec<(String, Change)> {
    let mut later = document();
    change(&mut later);
    breaking(&document(), &later).into_iter().map(|found| (found.pointer, found.change)).collect()
}

/// Sets what is at a place; it must exist, except for its last step.
fn set(document: &mut Value, pointer: &str, to: Value) {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[member.replace("~1", "/")] = to;
}

fn remove(document: &mut Value, pointer: &str) {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    assert!(parent.remove(&member.replace("~1", "/")).is_some(), "{pointer}");
}

#[test]
fn what_is_removed() {
    for (pointer, at) in [
        (PUT.to_owned(), PUT.to_owned()),
        (format!("{GET}/responses/404"), format!("{GET}/responses/404")),
        (format!("{GET}/responses/200/headers/ETag"), format!("{GET}/responses/200/headers/ETag")),
        (
            format!("{GET}/responses/200/content/application~1json"),
            format!("{GET}/responses/200/content/application~1json"),
        ),
        (format!("{THING}/properties/owner"), format!("{THING}/properties/owner")),
        (format!("{ASKED}/properties/colour"), format!("{ASKED}/properties/colour")),
    ] {
        assert_eq!(told(|document| remove(document, &pointer)), [(at, Change::Removed)], "{pointer}");
    }
    let without = |document: &mut Value| {
        drop(document.pointer_mut(&format!("{GET}/parameters")).unwrap().as_array_mut().unwrap().pop());
    };
    assert_eq!(told(without), [(format!("{GET}/parameters/limit"), Change::Removed)]);
    for of in [THING, ASKED] {
        let at = format!("{of}/properties/state/enum");
        assert_eq!(told(|document| set(document, &at, json!(["new"]))), [(at.clone(), Change::Removed)]);
    }
}

#[test]
fn what_is_asked_for_anew() {
    let parameter = json!({"in": "query", "name": "since", "required": true, "schema": {}});
    let more = |document: &mut Value| {
        document.pointer_mut(&format!("{GET}/parameters")).unwrap().as_array_mut().unwrap().push(parameter);
    };
    assert_eq!(told(more), [(format!("{GET}/parameters/since"), Change::Required)]);
    let at = format!("{GET}/parameters/1/required");
    assert_eq!(
        told(|document| set(document, &at, json!(true))),
        [(format!("{GET}/parameters/limit"), Change::Required)]
    );
    let at = format!("{PUT}/requestBody/required");
    assert_eq!(
        told(|document| set(document, &at, json!(true))),
        [(format!("{PUT}/requestBody"), Change::Required)]
    );
    let at = format!("{ASKED}/required");
    let found = told(|document| set(document, &at, json!(["name", "colour"])));
    assert_eq!(found, [(format!("{ASKED}/properties/colour"), Change::Required)]);
    let found = told(|document| {
        set(document, &format!("{ASKED}/properties/size"), json!({}));
        set(document, &at, json!(["name", "size"]));
    });
    assert_eq!(found, [(format!("{ASKED}/properties/size"), Change::Required)]);
}

#[test]
fn what_is_accepted_less() {
    for (pointer, to, at) in [
        (
            format!("{ASKED}/properties/name/maxLength"),
            json!(50),
            format!("{ASKED}/properties/name/maxLength"),
        ),
        (
            format!("{ASKED}/properties/name/minLength"),
            json!(1),
            format!("{ASKED}/properties/name/minLength"),
        ),
        (format!("{ASKED}/properties/name/pattern"), json!("^a"), format!("{ASKED}/properties/name/pattern")),
        (format!("{ASKED}/properties/name/type"), json!("string"), format!("{ASKED}/properties/name")),
        (
            format!("{ASKED}/properties/colour/enum"),
            json!(["red"]),
            format!("{ASKED}/properties/colour/enum"),
        ),
        (format!("{ASKED}/additionalProperties"), json!(false), format!("{ASKED}/additionalProperties")),
        (
            format!("{GET}/parameters/1/schema/maximum"),
            json!(50),
            format!("{GET}/parameters/limit/schema/maximum"),
        ),
    ] {
        assert_eq!(told(|document| set(document, &pointer, to)), [(at, Change::Narrowed)], "{pointer}");
    }
}

#[test]
fn what_answers_promise_less() {
    let at = format!("{THING}/required");
    let found = told(|document| set(document, &at, json!(["name", "state"])));
    assert_eq!(found, [(format!("{THING}/properties/parts"), Change::Widened)]);
    let found =
        told(|document| set(document, &format!("{THING}/properties/name/type"), json!(["string", "null"])));
    assert_eq!(found, [(format!("{THING}/properties/name"), Change::Widened)]);
    let at = format!("{THING}/properties/state/enum");
    assert_eq!(told(|document| remove(document, &at)), [(at.clone(), Change::Widened)]);
}

#[test]
fn what_becomes_something_else() {
    for of in [THING, ASKED] {
        let at = format!("{of}/properties/state");
        let found = told(|document| set(document, &at, json!({"type": "integer", "enum": ["new", "old"]})));
        assert_eq!(found, [(at.clone(), Change::Retyped)]);
    }
    let at = "/components/schemas/Owner/properties/id/format";
    assert_eq!(told(|document| set(document, at, json!("uri"))), [(at.to_owned(), Change::Retyped)]);
    let at = format!("{GET}/operationId");
    assert_eq!(told(|document| set(document, &at, json!("thing"))), [(at.clone(), Change::Renamed)]);
    let at = format!("{GET}/security");
    assert_eq!(told(|document| set(document, &at, json!([{"token": []}]))), [(at.clone(), Change::Locked)]);
}

#[test]
fn what_is_new_or_more_generous_breaks_nothing() {
    let found = told(|document| {
        set(document, "/paths/~1others", json!({"get": {"operationId": "list", "responses": {"200": {}}}}));
        set(document, &format!("{GET}/responses/410"), json!({"description": ""}));
        set(document, &format!("{THING}/properties/size"), json!({"type": "integer"}));
        set(document, &format!("{THING}/properties/state/enum"), json!(["new", "old", "gone"]));
        set(document, &format!("{THING}/required"), json!(["name", "state", "parts", "owner", "size"]));
        set(document, &format!("{ASKED}/properties/size"), json!({"type": "integer"}));
        set(document, &format!("{ASKED}/properties/name/maxLength"), json!(200));
        set(document, &format!("{ASKED}/properties/state/enum"), json!(["new", "old", "gone"]));
        set(document, &format!("{ASKED}/required"), json!([]));
    });
    assert_eq!(found, []);
}

#[test]
fn what_breaks_is_told_with_what_to_do_unless_it_is_an_exception_with_a_reason() {
    let mut later = document();
    remove(&mut later, &format!("{THING}/properties/owner"));
    let found = breaking(&document(), &later);
    let place = format!("{THING}/properties/owner");
    let told = format!("{place}: the field is gone (keep it, marked `deprecated`, beside what replaces it)");
    assert_eq!(unexcused(&found, "# none\n"), std::slice::from_ref(&told));
    assert!(unexcused(&found, &format!("{place} nobody could read it")).is_empty());
    assert!(unexcused(&found, &format!("{place}: nobody could read it")).is_empty());
    assert_eq!(unexcused(&found, &place), [format!("the exception {place} has no reason"), told]);
    let idle = unexcused(&BTreeSet::new(), &format!("{place} once"));
    assert_eq!(idle, [format!("{place} breaks nothing: take it off the exceptions")]);
}
