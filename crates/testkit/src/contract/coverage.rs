//! Whether the tests have reached every operation and every documented status.

use super::{document::Document, notes};
use crate::error::{Result, Tried};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// Statuses that every operation can answer with for reasons that have nothing to do with it: each is provoked once, by
/// a real fault.
const SHARED: [u16; 3] = [429, 500, 503];

/// An operation and one of its documented statuses.
pub type Case = (String, u16);

/// The outcome of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Cases that were reached, of those that are asked for.
    pub reached: usize,
    /// Documented, not reached, and no exception.
    pub missing: Vec<Case>,
    /// Exceptions that were reached: they are to be taken off the list.
    pub needless: Vec<Case>,
    /// Exceptions that the document doesn't have (any more).
    pub unknown: Vec<Case>,
    /// Shared statuses that no operation has answered with.
    pub never: Vec<u16>,
}

impl Coverage {
    /// Compares what was reached with a document. `exceptions` is a list of cases that aren't asked for.
    #[must_use]
    pub fn of(document: &Document, reached: &BTreeSet<Case>, exceptions: &BTreeSet<Case>) -> Self {
        let cases = document.operations().iter().flat_map(|operation| {
            operation.statuses().map(|status| (operation.id.clone(), status)).collect::<Vec<_>>()
        });
        let (shared, own): (BTreeSet<Case>, BTreeSet<Case>) =
            cases.partition(|(_, status)| SHARED.contains(status));
        let of = |cases: Vec<&Case>| cases.into_iter().cloned().collect::<Vec<_>>();
        let known: BTreeSet<u16> = shared.iter().map(|(_, status)| *status).collect();
        Self {
            reached: own.intersection(reached).count(),
            missing: of(own
                .iter()
                .filter(|case| !reached.contains(*case) && !exceptions.contains(*case))
                .collect()),
            needless: of(exceptions.intersection(reached).collect()),
            unknown: of(exceptions.iter().filter(|case| !own.contains(*case)).collect()),
            never: known.into_iter().filter(|status| !reached.iter().any(|case| case.1 == *status)).collect(),
        }
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.missing.is_empty()
            && self.needless.is_empty()
            && self.unknown.is_empty()
            && self.never.is_empty()
    }

    /// What is to be done, for people.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!("{} documented answers were reached.\n", self.reached);
        for (title, cases) in [
            ("No test reaches these answers", &self.missing),
            ("These are reached: take them off the list of exceptions", &self.needless),
            ("The list of exceptions names what the document doesn't have", &self.unknown),
        ] {
            if cases.is_empty() {
                continue;
            }
            let mut by_operation = BTreeMap::<&str, Vec<String>>::new();
            for (operation, status) in cases {
                by_operation.entry(operation).or_default().push(status.to_string());
            }
            text.push_str(&format!("{title}:\n"));
            for (operation, statuses) in by_operation {
                text.push_str(&format!("  {operation}: {}\n", statuses.join(", ")));
            }
        }
        for status in &self.never {
            text.push_str(&format!("No test provokes {status} anywhere.\n"));
        }
        text
    }
}

/// What the tests since the last `make test` began have noted.
///
/// # Errors
/// [`crate::Error::Io`] where the notes can't be read: no test has run.
pub fn noted() -> Result<BTreeSet<Case>> {
    let directory = notes::directory();
    let mut noted = BTreeSet::new();
    for entry in fs::read_dir(&directory).tried(format!("reading {}", directory.display()))? {
        let file = entry.tried("listing the notes")?.path();
        let text = fs::read_to_string(&file).tried(format!("reading {}", file.display()))?;
        noted.extend(text.lines().filter_map(case));
    }
    Ok(noted)
}

/// The cases of a list: `operation status` on each line, then the reason; `#` begins a comment.
#[must_use]
pub fn exceptions(list: &str) -> BTreeSet<Case> {
    list.lines().filter(|line| !line.starts_with('#')).filter_map(case).collect()
}

fn case(line: &str) -> Option<Case> {
    let mut words = line.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}
