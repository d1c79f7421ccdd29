//! That each fault is found.

use super::{
    Contract, Exchange,
    coverage::{Coverage, exceptions},
};
use crate::client::Answer;
use serde_json::{Value, json};
use ureq::http::{HeaderMap, HeaderValue};

fn contract() -> Contract {
    let card = json!({"type": "object", "required": ["id", "seen_at"], "properties": {
        "id": {"type": "string", "format": "uuid"}, "seen_at": {"type": ["string", "null"], "format": "date-time"}}});
    let named = json!({"allOf": [{"$ref": "#/components/schemas/Card"},
        {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}]});
    let problem = json!({"type": "object", "required": ["code"], "additionalProperties": true, "properties": {
        "code": {"type": "string"}, "status": {"type": "integer"}}});
    let body = |schema: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}});
    Contract::new(json!({
        "paths": {
            "/v1/things/{id}": {
                "get": {"operationId": "show", "security": [{"token": []}], "parameters": [{"in": "query", "name": "view"}],
                    "responses": {
                        "200": {"content": body("Named"), "headers": {"ETag": {"schema": {"type": "string"}}}},
                        "304": {},
                        "422": {},
                        "404": {"$ref": "#/components/responses/NotFound"}}},
                "put": {"operationId": "change", "security": [{}], "requestBody": {"content": body("Wish")},
                    "responses": {"204": {}}}
            },
            "/v1/things/counts": {"get": {"operationId": "count", "responses": {"200": {"content": body("Card")}, "503": {}}}}
        },
        "components": {
            "schemas": {"Card": card, "Named": named, "Problem": problem, "Wish": {"type": "object",
                "additionalProperties": false, "properties": {"name": {"type": "string", "maxLength": 3}}}},
            "responses": {"NotFound": {"content": {"application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"}, "examples": {"not_found": {}}}}}}
        }
    }))
}

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &Value) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_static(value));
    }
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Answer { asked: String::new(), status, headers: map, bytes, body: body.clone() }
}

fn faults(method: &str, path: &str, body: &str, answer: &Answer) -> Vec<String> {
    contract().faults(&Exchange { method, path, body: body.as_bytes(), answer })
}

#[track_caller]
fn assert_faults(found: &[String], wanted: &[&str]) {
    assert_eq!(found.len(), wanted.len(), "{found:?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.contains(wanted), "{found:?} instead of {wanted}");
    }
}

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const TAG: (&str, &str) = ("etag", "\"1\"");
const ID: &str = "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11";

#[test]
fn an_answer_as_documented_has_no_faults() {
    let right = json!({"id": ID, "seen_at": "2026-11-28T17:59:21.123Z", "name": "x"});
    assert_faults(&faults("GET", "/v1/things/1?view=all", "", &answer(200, &[JSON, TAG], &right)), &[]);
    assert_faults(&faults("HEAD", "/v1/things/1", "", &answer(200, &[JSON, TAG], &Value::Null)), &[]);
    assert_faults(&faults("GET", "/v1/things/1", "", &answer(304, &[], &Value::Null)), &[]);
    assert_faults(
        &faults("PUT", "/v1/things/1", "{\"name\": \"abc\"}", &answer(204, &[], &Value::Null)),
        &[],
    );
    let counts = json!({"id": ID, "seen_at": null});
    assert_faults(&faults("GET", "/v1/things/counts", "", &answer(200, &[JSON], &counts)), &[]);
}

#[test]
fn every_kind_of_fault_is_found() {
    let wrong = json!({"id": 1, "seen_at": "2026-11-28T17:59:21+01:00", "surname": "x"});
    let found = faults("GET", "/v1/things/1?sort=up", "", &answer(200, &[JSON, ("location", "/")], &wrong));
    let wanted =
        ["ETag is missing", "Location is not documented", "/id", "/seen_at", "name", "/surname", "\"sort\""];
    assert_faults(&found, &wanted);
    let text = ("content-type", "text/plain");
    assert_faults(
        &faults("GET", "/v1/things/1", "", &answer(200, &[text, TAG], &json!({}))),
        &["text/plain"],
    );
    assert_faults(&faults("GET", "/v1/things/1", "", &answer(403, &[], &json!({}))), &["403"]);
    assert_faults(&faults("GET", "/v1/things/1", "", &answer(304, &[], &json!({}))), &["a body"]);
    let accepted = faults("PUT", "/v1/things/1", "{\"name\": \"abcd\"}", &answer(204, &[], &Value::Null));
    assert_faults(&accepted, &["accepted"]);
}

#[test]
fn a_problem_says_what_its_head_says_and_has_a_documented_code() {
    let problem = ("content-type", "application/problem+json");
    let right = json!({"code": "not_found", "status": 404, "request_id": "r"});
    assert_faults(
        &faults("GET", "/v1/things/1", "", &answer(404, &[problem, ("x-request-id", "r")], &right)),
        &[],
    );
    assert_faults(
        &faults("GET", "/nowhere", "", &answer(404, &[problem, ("x-request-id", "r")], &right)),
        &[],
    );
    assert_faults(&faults("GET", "/nowhere", "", &answer(404, &[], &Value::Null)), &["content type"]);
    let wrong = json!({"code": "gone", "status": 410, "request_id": "q"});
    let found = faults("GET", "/v1/things/1", "", &answer(404, &[problem, ("x-request-id", "r")], &wrong));
    assert_faults(&found, &["another status", "another request id", "\"gone\""]);
}

#[test]
fn what_is_not_reached_and_what_is_excused_needlessly_is_told() {
    let contract = contract();
    let reached =
        exceptions("# a comment\nshow 200\nshow 304\nchange 204\nshow 404\nshow 422\ncount 200\ncount 503");
    assert!(Coverage::of(contract.document(), &reached, &exceptions("")).complete());
    let few = exceptions("show 200\nchange 204");
    let found =
        Coverage::of(contract.document(), &few, &exceptions("show 404 why\nchange 204 why\ngone 200"));
    let case = |operation: &str, status| (operation.to_owned(), status);
    assert_eq!(found.missing, [case("count", 200), case("show", 304), case("show", 422)]);
    assert_eq!(found.needless, [case("change", 204)]);
    assert_eq!(found.unknown, [case("gone", 200)]);
    assert_eq!((found.reached, found.never.as_slice()), (2, [503].as_slice()));
    assert!(!found.complete() && found.report().contains("show: 304, 422"));
}
