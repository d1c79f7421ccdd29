//! What is wrong with a request, tried on every operation of the document: no answer is 5xx, a refusal names the very
//! field, and nothing has changed then.

mod bodies;
mod desk;
pub(crate) mod requests;
mod values;

use crate::matrix::{document, site::Site, table};
use desk::Desk;
use postroom_testkit::contract::document::Document;

/// One right request for each operation that somebody can make it with, the workspace's owner being the one.
fn desks<'a>(site: &'a Site, document: &'a Document) -> Vec<Desk<'a>> {
    let mut desks: Vec<Desk<'a>> = Vec::new();
    for row in table::rows() {
        if row.head || desks.iter().any(|desk| desk.operation.id == row.operation) {
            continue;
        }
        let operation = document.operation(row.operation).unwrap();
        desks.extend(Desk::of(site, row, operation));
    }
    desks
}

fn try_all(what: &str, work: impl Fn(&Desk<'_>) -> Vec<String> + Sync) {
    let (site, document) = (Site::new(), document());
    let desks = desks(&site, &document);
    assert!(desks.len() > 40, "{}", desks.len());
    let faults = Site::each(&desks, work);
    assert!(faults.is_empty(), "{what}: {} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_wrong_body_is_told_and_changes_nothing() {
    try_all("bodies", bodies::faults);
}

#[test]
fn a_wrong_field_is_named_and_changes_nothing() {
    try_all("fields", values::faults);
}

#[test]
fn a_wrong_query_and_a_wrong_id_are_told() {
    try_all("queries and ids", |desk| [requests::query_faults(desk), requests::id_faults(desk)].concat());
}

#[test]
fn what_the_client_has_is_not_sent_again_and_a_stale_version_is_told() {
    try_all("conditions", |desk| [requests::tag_faults(desk), requests::version_faults(desk)].concat());
}

#[test]
fn the_same_request_sent_twice_is_carried_out_once() {
    try_all("idempotency", requests::repetition_faults);
}
