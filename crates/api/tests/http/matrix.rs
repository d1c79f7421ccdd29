//! The authorisation matrix: every operation of the document, by who asks, and whose the thing is (ACC-1 to ACC-5).
//!
//! What is expected stands in [`table`], written by hand from the rules. How to add a row is in CONTRIBUTING.md.

pub(crate) mod check;
pub(crate) mod row;
pub(crate) mod site;
pub(crate) mod table;
pub(crate) mod things;

use check::Check;
use postroom_testkit::contract::document::Document;
use site::Site;
use std::{
    collections::BTreeSet,
    io::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
};

pub(crate) fn document() -> Document {
    Document::new(serde_json::from_str(&postroom_api::openapi::openapi()).unwrap())
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let document = document();
    let rows = table::rows();
    let with_row: BTreeSet<&str> = rows.iter().map(|row| row.operation).collect();
    let operations: BTreeSet<&str> =
        document.operations().iter().map(|operation| operation.id.as_str()).collect();
    let without: Vec<_> = operations.difference(&with_row).collect();
    assert!(
        without.is_empty(),
        "operations without a row in crates/api/tests/http/matrix/table.rs: {without:?}"
    );
    let gone: Vec<_> = with_row.difference(&operations).collect();
    assert!(gone.is_empty(), "rows without an operation: {gone:?}");
    for row in &rows {
        row.assert_fits(&document);
    }
}

#[test]
fn everybody_may_what_the_rules_say_and_nothing_else() {
    let document = document();
    let (site, rows) = (Site::new(), table::rows());
    let cells = AtomicUsize::new(0);
    let faults = Site::each(&rows, |row| {
        let Some(operation) = document.operation(row.operation) else { return Vec::new() };
        let mut check = Check::new(&site, row, operation);
        check.run();
        cells.fetch_add(check.cells, Ordering::Relaxed);
        check.faults
    });
    // Past the harness, which would keep it to itself.
    let size = format!("authorisation matrix: {} rows, {} cells\n", rows.len(), cells.into_inner());
    std::io::stderr().write_all(size.as_bytes()).unwrap();
    assert!(faults.is_empty(), "{} cells are not as the rules say:\n{}", faults.len(), faults.join("\n"));
}
