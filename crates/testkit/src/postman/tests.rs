use super::*;
use crate::checkout;
use std::fs;

fn document() -> Document {
    let text = fs::read(checkout().join("openapi/postroom.json")).unwrap();
    Document::new(serde_json::from_slice(&text).unwrap())
}

/// Every request, in the order in which they are run.
fn requests(collection: &Value) -> Vec<&Value> {
    let folders = collection["item"].as_array().unwrap();
    folders.iter().flat_map(|folder| folder["item"].as_array().unwrap()).collect()
}

#[test]
fn the_committed_collection_is_what_the_document_makes() {
    let path = checkout().join("openapi/postman.json");
    let made = format!("{:#}\n", collection(&document()));
    if std::env::var_os("POSTROOM_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(made == committed, "openapi/postman.json is not current: `make openapi` writes it anew");
}

#[test]
fn every_operation_is_there_once_signing_in_first_and_signing_out_last() {
    let document = document();
    let collection = collection(&document);
    let mut found: Vec<&str> =
        requests(&collection).iter().map(|request| request["id"].as_str().unwrap()).collect();
    assert_eq!((found.first(), found.last()), (Some(&"login"), Some(&"logout")));
    let mut known: Vec<&str> = document.operations().iter().map(|operation| operation.id.as_str()).collect();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn what_a_request_takes_was_set_or_saved_before() {
    let collection = collection(&document());
    let mut known: Vec<&str> = collection["variable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["key"].as_str().unwrap())
        .collect();
    // Links that somebody is mailed are in no answer.
    known.push("link_token");
    for request in requests(&collection) {
        let text = request["request"].to_string();
        let used = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(name, _)| name);
        for name in used.filter(|name| !name.starts_with('$')) {
            assert!(known.contains(&name), "{}: nothing before it sets {name}", request["id"]);
        }
        known.extend(chain::saves(request["id"].as_str().unwrap()).map(|(variable, _)| variable));
    }
}

#[test]
fn every_answer_that_is_kept_is_an_operations() {
    let document = document();
    for (operation, ..) in chain::SAVES {
        assert!(document.operation(operation).is_some(), "{operation}");
    }
}
