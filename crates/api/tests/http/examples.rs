//! The document's own examples.

use postroom_testkit::contract::Contract;

#[test]
fn every_example_is_what_its_schema_says() {
    let document = serde_json::from_str(&postroom_api::openapi::openapi()).unwrap();
    let (seen, faults) = Contract::new(document).example_faults();
    assert!(seen > 50, "{seen}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
