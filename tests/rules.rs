//! `docs/rules.md` says which test tries to break which rule: each of them is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// All Rust files of the checkout's crates and tests.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open =
        vec![postroom_testkit::checkout().join("crates"), postroom_testkit::checkout().join("tests")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The names of the tests in a file: functions below a `#[test]` attribute, whatever else stands between, and those inside
/// of `proptest!`.
fn tests(path: &Path, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut expected = false;
    for line in text.lines().map(str::trim) {
        expected |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let function = line.split_once("fn ").filter(|(before, _)| before.is_empty() || *before == "async ");
        if let (true, Some((_, rest))) = (expected, function) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(!name.is_empty(), "{}: {line}", path.display());
            names.push(name);
            expected = false;
        }
    }
    names
}

/// The names in backticks of a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of rules in a text: `CNV-4`, `MAIL-10`.
fn rules(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let kinds = ["ACC", "CNV", "STR", "WIN", "RPL", "SDB", "MAIL", "SND"];
    words
        .filter(|word| {
            word.split_once('-').is_some_and(|(kind, number)| {
                kinds.contains(&kind) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            })
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_rule_has_tests_and_they_are_there() {
    let book = fs::read_to_string(postroom_testkit::checkout().join("docs/rules.md")).unwrap();
    let (mut there, mut named_in_code) = (BTreeSet::new(), BTreeSet::new());
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        there.extend(tests(&path, &text));
        named_in_code.extend(rules(&text));
    }
    let mut explained = BTreeSet::new();
    for row in book.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| rule")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, rule, promise, named, _] = cells.as_slice() else { panic!("not three cells: {row}") };
        assert!(explained.insert((*rule).to_owned()), "{rule} has two rows");
        assert!(!promise.is_empty() && quoted(named).next().is_some(), "{rule} has no test");
        for name in quoted(named) {
            assert!(there.contains(name), "{rule}: there is no test `{name}`");
        }
    }
    let missing: Vec<_> = named_in_code.difference(&explained).collect();
    assert!(missing.is_empty(), "named in the code, not in docs/rules.md: {missing:?}");
}
