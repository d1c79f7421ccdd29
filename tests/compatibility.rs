//! The document breaks nothing that the last released one promised (docs/versioning.md), but for what is listed with a reason.

use postroom_testkit::{
    checkout,
    contract::breaking::{breaking, unexcused},
};
use serde_json::Value;
use std::{fs, path::Path};

/// The version in a file's name, for sorting: `0.10.0.json` is later than `0.9.0.json`.
fn version(path: &Path) -> Option<Vec<u32>> {
    let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
    name.split('.').map(|part| part.parse().ok()).collect()
}

fn document(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn nothing_breaks_that_the_last_release_promised() {
    let openapi = checkout().join("openapi");
    let released = openapi.join("released");
    let files = fs::read_dir(&released).unwrap().map(|entry| entry.unwrap().path());
    let (last, path) = files.filter_map(|path| Some((version(&path)?, path))).max().unwrap();
    let exceptions = fs::read_to_string(released.join("exceptions.txt")).unwrap();
    let found = breaking(&document(&path), &document(&openapi.join("postroom.json")));
    let faults = unexcused(&found, &exceptions);
    assert!(
        faults.is_empty(),
        "openapi/postroom.json breaks what {last:?} promised. Do what stands in brackets, or, where it can't be \
         helped, write the pointer and the reason into openapi/released/exceptions.txt and CHANGELOG.md:\n{}",
        faults.join("\n")
    );
}
