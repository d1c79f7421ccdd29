//! The headers of an answer, as far as the contract knows them.

use crate::client::Answer;
use serde_json::Value;

/// Headers that are part of the contract: an answer has them where the document names them, and nowhere else.
const TIED: [&str; 3] = ["ETag", "Location", "Postroom-Event"];
/// Those that depend on the case: where the document doesn't name them, they are not there.
const CASE: [&str; 3] = ["Link", "Idempotent-Replayed", "Retry-After"];

pub(super) fn faults(response: &Value, answer: &Answer) -> Vec<String> {
    let documented = |name: &str| response["headers"].get(name);
    let mut faults = Vec::new();
    if matches!(answer.status, 429 | 503) && !answer.headers.contains_key("Retry-After") {
        faults.push("the header Retry-After is missing".to_owned());
    }
    for name in TIED {
        let there = answer.headers.contains_key(name);
        if documented(name).is_some() && !there {
            faults.push(format!("the header {name} is missing"));
        }
    }
    for name in TIED.into_iter().chain(CASE) {
        // A refusal may say what it has seen, as far as it has looked.
        let seen = name == "Postroom-Event" && answer.status >= 400;
        if documented(name).is_none() && !seen && answer.headers.contains_key(name) {
            faults.push(format!("the header {name} is not documented for this status"));
        }
    }
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let value = answer.header(name);
        let number = header["schema"]["type"] == "integer";
        if answer.headers.contains_key(name) && number && value.parse::<i64>().is_err() {
            faults.push(format!("the header {name} is {value:?}, no integer"));
        }
    }
    faults
}
