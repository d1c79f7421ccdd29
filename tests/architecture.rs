//! Which crate may use which, and what no crate may use.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

/// Crate, and the crates of this workspace that it may use. The reasons stand in ARCHITECTURE.md.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("postroom-domain", &[]),
    ("postroom-mime", &["postroom-domain"]),
    ("postroom-store", &["postroom-domain"]),
    ("postroom-mail", &["postroom-domain", "postroom-mime", "postroom-store"]),
    ("postroom-api", &["postroom-domain", "postroom-mime", "postroom-store"]),
    ("postroom", &["postroom-domain", "postroom-mime", "postroom-store", "postroom-mail", "postroom-api"]),
    ("postroom-testkit", &["postroom-domain", "postroom-mime", "postroom-store"]),
    ("postroom-tests", &["postroom-domain", "postroom-mime", "postroom-testkit"]),
    ("postroom-bench", &["postroom-testkit"]),
];

/// What the domain may use from outside: data, no input or output, no clock, no randomness. `url` says what a web address is.
const DOMAIN_MAY_USE: [&str; 6] = ["serde", "serde_json", "uuid", "chrono", "thiserror", "url"];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--manifest-path"])
        .arg(postroom_testkit::checkout().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Names of what a package uses; `kind` is `null` for ordinary use, else "dev" or "build".
fn used_by(package: &Value, kinds: &[Value]) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().unwrap();
    let of_kind = dependencies.iter().filter(|dependency| kinds.contains(&dependency["kind"]));
    of_kind.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn crates_use_each_other_only_as_the_architecture_allows() {
    let packages = packages();
    let table: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, table.keys().copied().collect(), "every crate stands in the table, and no other");

    let mut arrows = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let ordinary = used_by(package, &[Value::Null, "build".into()]);
        let for_tests = used_by(package, &["dev".into()]);
        for other in &names {
            let allowed = table[name].contains(other);
            // Any crate may be tested with the kit.
            let allowed_in_tests = allowed || *other == "postroom-testkit" || *other == name;
            if ordinary.contains(*other) && !allowed || for_tests.contains(*other) && !allowed_in_tests {
                arrows.push(format!("{name} -> {other}"));
            }
        }
    }
    assert!(arrows.is_empty(), "not in the table of ARCHITECTURE.md: {arrows:?}");
}

#[test]
fn the_domain_uses_plain_data_alone() {
    let packages = packages();
    let domain = packages.iter().find(|package| package["name"] == "postroom-domain").unwrap();
    let used = used_by(domain, &[Value::Null, "build".into()]);
    let more: Vec<_> = used.iter().filter(|name| !DOMAIN_MAY_USE.contains(&name.as_str())).collect();
    assert!(more.is_empty(), "the domain uses {more:?}");
}
