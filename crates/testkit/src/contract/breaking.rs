//! What of a document breaks programs that were written for an earlier one (docs/versioning.md).
//!
//! What is asked and what is answered are held to opposite rules: a request that was right stays right, and an answer stays
//! one that its reader understands. New operations, fields, statuses and values in answers break nothing.

mod form;
mod schema;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Request,
    Answer,
}

/// What became of a thing of the earlier document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// An operation, parameter, field, status, header, media type, value or form is not there any more.
    Removed,
    /// An operation's `operationId` is another one: generated clients name their functions by it.
    Renamed,
    /// What could be left out of a request can't be any more.
    Required,
    /// What was accepted in a request may be refused now.
    Narrowed,
    /// What an answer always had, it may not have now; or it may have what it never had.
    Widened,
    /// Another type or format.
    Retyped,
    /// A way to sign in is not accepted here any more.
    Locked,
}

impl Change {
    /// What to do instead.
    const fn instead(self) -> &'static str {
        match self {
            Self::Removed => "keep it, marked `deprecated`, beside what replaces it",
            Self::Renamed => "keep the operationId",
            Self::Required => "leave it optional, with a default",
            Self::Narrowed => "go on accepting what was accepted",
            Self::Widened => "go on answering as before; say what is new in a new field",
            Self::Retyped => "keep it as it is; add a new field beside it",
            Self::Locked => "go on accepting it",
        }
    }
}

/// Something of the earlier document that programs can't rely on any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breaking {
    /// Where it stands in the earlier document, or in the later one where it is new there: a JSON pointer.
    pub pointer: String,
    /// What became of it.
    pub change: Change,
    /// What exactly.
    pub detail: String,
}

impl fmt::Display for Breaking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.pointer, self.detail, self.change.instead())
    }
}

/// Everything in which a document breaks what an earlier one promised.
#[must_use]
pub fn breaking(earlier: &Value, later: &Value) -> BTreeSet<Breaking> {
    let mut comparison = Comparison { earlier, later, seen: BTreeSet::new(), found: BTreeSet::new() };
    comparison.paths();
    comparison.found
}

/// What breaks and is no exception, and exceptions that are none. An exception is a line `POINTER reason`; `#` begins a comment.
#[must_use]
pub fn unexcused(found: &BTreeSet<Breaking>, exceptions: &str) -> Vec<String> {
    let lines = exceptions.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut excused = BTreeMap::new();
    let mut faults = Vec::new();
    for line in lines {
        match line.split_once(' ') {
            Some((pointer, reason)) if !reason.trim().is_empty() => {
                // As it is told: with a colon.
                excused.insert(pointer.trim_end_matches(':'), false);
            }
            _ => faults.push(format!("the exception {line} has no reason")),
        }
    }
    for breaking in found {
        match excused.get_mut(breaking.pointer.as_str()) {
            Some(used) => *used = true,
            None => faults.push(breaking.to_string()),
        }
    }
    let idle = excused.iter().filter(|(_, used)| !**used);
    faults.extend(idle.map(|(pointer, _)| format!("{pointer} breaks nothing: take it off the exceptions")));
    faults
}

/// A JSON pointer to a member.
pub(crate) fn below(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

pub(crate) struct Comparison<'a> {
    earlier: &'a Value,
    later: &'a Value,
    /// Pairs of schemas that have been compared: they may hold themselves.
    seen: BTreeSet<(String, String, Way)>,
    found: BTreeSet<Breaking>,
}

impl<'a> Comparison<'a> {
    fn tell(&mut self, pointer: &str, change: Change, detail: impl Into<String>) {
        self.found.insert(Breaking { pointer: pointer.to_owned(), change, detail: detail.into() });
    }

    fn paths(&mut self) {
        for (path, methods) in members(&self.earlier["paths"]) {
            for (method, earlier) in
                members(methods).filter(|(_, operation)| operation["responses"].is_object())
            {
                let pointer = below(&below("/paths", path), method);
                match self.later["paths"][path.as_str()].get(method) {
                    None => self.tell(&pointer, Change::Removed, "the operation is gone"),
                    Some(later) => self.operation(&pointer, earlier, later),
                }
            }
        }
    }

    fn operation(&mut self, pointer: &str, earlier: &'a Value, later: &'a Value) {
        if earlier["operationId"] != later["operationId"] {
            let detail = format!("it was {}, and is {}", earlier["operationId"], later["operationId"]);
            self.tell(&below(pointer, "operationId"), Change::Renamed, detail);
        }
        for way in earlier["security"].as_array().into_iter().flatten() {
            if !later["security"].as_array().is_some_and(|ways| ways.contains(way)) {
                let name = members(way).next().map_or("nobody's", |(name, _)| name);
                self.tell(&below(pointer, "security"), Change::Locked, format!("{name} was accepted"));
            }
        }
        self.parameters(&below(pointer, "parameters"), earlier, later);
        self.body(&below(pointer, "requestBody"), &earlier["requestBody"], &later["requestBody"]);
        for (status, answer) in members(&earlier["responses"]) {
            let at = below(&below(pointer, "responses"), status);
            match later["responses"].get(status) {
                None => self.tell(&at, Change::Removed, format!("{status} is gone")),
                Some(now) => self.answer(&at, answer, now),
            }
        }
    }

    fn parameters(&mut self, pointer: &str, earlier: &'a Value, later: &'a Value) {
        let (before, now) = (parameters(earlier), parameters(later));
        for (key, parameter) in &before {
            let at = below(pointer, &key.1);
            match now.get(key) {
                None => self.tell(&at, Change::Removed, format!("the parameter in {} is gone", key.0)),
                Some(new) => {
                    if new["required"] == true && parameter["required"] != true {
                        self.tell(&at, Change::Required, "the parameter is required now");
                    }
                    let at = below(&at, "schema");
                    self.schema(&at, &parameter["schema"], &new["schema"], Way::Request);
                }
            }
        }
        for (key, _) in now.iter().filter(|(key, new)| new["required"] == true && !before.contains_key(*key))
        {
            self.tell(&below(pointer, &key.1), Change::Required, "a new parameter is required");
        }
    }

    fn body(&mut self, pointer: &str, earlier: &'a Value, later: &'a Value) {
        if later["required"] == true && earlier["required"] != true {
            self.tell(pointer, Change::Required, "a body is required now");
        }
        self.content(pointer, earlier, later, Way::Request);
    }

    fn answer(&mut self, pointer: &str, earlier: &'a Value, later: &'a Value) {
        let (from, earlier) = resolved(self.earlier, pointer, earlier);
        let (_, later) = resolved(self.later, pointer, later);
        for (name, _) in members(&earlier["headers"]) {
            if later["headers"].get(name).is_none() {
                self.tell(&below(&below(&from, "headers"), name), Change::Removed, "the header is gone");
            }
        }
        self.content(&from, earlier, later, Way::Answer);
    }

    fn content(&mut self, pointer: &str, earlier: &'a Value, later: &'a Value, way: Way) {
        for (media, was) in members(&earlier["content"]) {
            let at = below(&below(pointer, "content"), media);
            match later["content"].get(media) {
                None => self.tell(&at, Change::Removed, "the media type is gone"),
                Some(now) => self.schema(&below(&at, "schema"), &was["schema"], &now["schema"], way),
            }
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// An operation's parameters by place and name.
fn parameters(operation: &Value) -> BTreeMap<(String, String), &Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.map(|parameter| ((text(&parameter["in"]), text(&parameter["name"])), parameter)).collect()
}

/// What a reference leads to, and where that stands; anything else is itself.
pub(crate) fn resolved<'v>(document: &'v Value, pointer: &str, value: &'v Value) -> (String, &'v Value) {
    let target = value["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
    match target.and_then(|target| Some((target, document.pointer(target)?))) {
        Some((target, found)) => resolved(document, target, found),
        None => (pointer.to_owned(), value),
    }
}
