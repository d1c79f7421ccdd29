//! Exchanges that are kept as examples of the API: recorded while a story is told to a real server, with placeholders for
//! what is another in every run, so that a second run writes the same.

#![expect(clippy::indexing_slicing, reason = "a member that a JSON value doesn't have reads as null")]

mod placeholders;

use crate::{
    client::{Answer, Line},
    contract::{Contract, Exchange},
    error::{Error, Result, Tried},
};
use chrono::Utc;
use placeholders::Placeholders;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// Headers of answers that an example shows: those that are part of the contract.
const SHOWN: [&str; 9] = [
    "content-type",
    "etag",
    "location",
    "link",
    "postroom-event",
    "idempotent-replayed",
    "retry-after",
    "allow",
    "content-disposition",
];
/// Headers of requests that an example doesn't show: who asks is told by the operation's `security`.
const UNSHOWN: [&str; 1] = ["authorization"];
/// A longer text is shown by its beginning.
const LONG: usize = 4000;
/// What happens in one step is told from what happens in the next by the clock.
const APART: Duration = Duration::from_millis(3);

/// A body as it is sent.
#[derive(Debug, Clone, Copy)]
pub enum Sent<'a> {
    /// None.
    Nothing,
    /// JSON.
    Json(&'a Value),
    /// Something else, with its content type.
    Raw(&'a str, &'a [u8]),
}

/// Records a story.
#[derive(Debug)]
pub struct Recorder {
    placeholders: Placeholders,
    files: BTreeMap<String, Value>,
}

impl Recorder {
    /// Nothing has been recorded yet; what happened before is the story's beginning.
    #[must_use]
    pub fn begin() -> Self {
        Self { placeholders: Placeholders::since(Utc::now()), files: BTreeMap::new() }
    }

    /// What happens from now on is a step of its own: its moments are the same one.
    pub fn step(&mut self) {
        thread::sleep(APART);
        self.placeholders.step(Utc::now());
        thread::sleep(APART);
    }

    /// Asks and records what was answered as `name`, such as `operations/get_me`; without a name only what it says of
    /// tokens and cursors is noted.
    ///
    /// # Errors
    /// Those of asking.
    pub fn ask(
        &mut self,
        name: Option<&str>,
        line: &Line,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        sent: Sent<'_>,
    ) -> Result<Answer> {
        self.step();
        let mut all = headers.to_vec();
        let body = match sent {
            Sent::Nothing => Vec::new(),
            Sent::Json(body) => {
                all.push(("content-type", "application/json"));
                body.to_string().into_bytes()
            }
            Sent::Raw(content_type, body) => {
                all.push(("content-type", content_type));
                body.to_vec()
            }
        };
        let answer = line.send(method, path, &all, body.clone())?;
        self.placeholders.learn(line.base(), &answer);
        // Also where it is not kept: what is named for the first time gets its placeholder.
        let recorded = self.recorded(line.base(), method, path, &all, &body, &answer);
        if let Some(name) = name {
            self.keep(name, recorded);
        }
        Ok(answer)
    }

    /// Keeps an exchange that was had otherwise.
    ///
    /// # Panics
    /// Where there is one of this name.
    pub fn keep(&mut self, name: &str, recorded: Value) {
        let before = self.files.insert(format!("{name}.json"), recorded);
        assert!(before.is_none(), "{name} is recorded twice");
    }

    /// A text that is made anew in every run.
    pub fn secret(&mut self, text: &str) {
        self.placeholders.hide("secret", text);
    }

    /// A value with placeholders.
    pub fn replaced(&mut self, value: &Value) -> Value {
        self.placeholders.value(value)
    }

    fn recorded(
        &mut self,
        base: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        answer: &Answer,
    ) -> Value {
        let path = path.strip_prefix(base).unwrap_or(path);
        let sent = headers.iter().filter(|(name, _)| !UNSHOWN.contains(name));
        let sent: Map<String, Value> = sent.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let shown = SHOWN.into_iter().filter(|name| answer.headers.contains_key(*name));
        let shown: Map<String, Value> =
            shown.map(|name| (name.to_owned(), json!(answer.header(name)))).collect();
        let is_json = answer.header("content-type").contains("json");
        let told = if is_json { answer.body.clone() } else { text(&answer.bytes) };
        let asked = serde_json::from_slice(body).unwrap_or_else(|_| text(body));
        self.placeholders.value(&json!({
            "request": {"method": method, "path": path, "headers": sent, "body": abridged(asked)},
            "answer": {"status": answer.status, "headers": shown, "body": told},
        }))
    }

    /// What was recorded, by file.
    #[must_use]
    pub fn files(self) -> BTreeMap<String, Value> {
        self.files
    }
}

/// Long texts of a body are only begun.
fn abridged(body: Value) -> Value {
    match body {
        Value::String(text) if text.len() > LONG => {
            let beginning: String = text.chars().take(40).collect();
            json!(format!("{beginning}… ({} characters)", text.chars().count()))
        }
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, abridged(value))).collect(),
        other => other,
    }
}

/// Bytes as text, or in base64 where they are none; null where there are none.
fn text(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    match std::str::from_utf8(bytes) {
        Ok("") => Value::Null,
        Ok(text) => json!(text),
        Err(_) => json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    }
}

/// In what the document and an example differ.
///
/// # Errors
/// [`Error::Failed`] where the example has no request and answer.
pub fn faults(contract: &Contract, recorded: &Value) -> Result<Vec<String>> {
    let broken = || Error::Failed { what: "reading an example".into(), output: recorded.to_string() };
    let (request, answer) = (&recorded["request"], &recorded["answer"]);
    let method = request["method"].as_str().ok_or_else(broken)?;
    let path = request["path"].as_str().ok_or_else(broken)?;
    let status =
        answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).ok_or_else(broken)?;
    let mut headers = HeaderMap::new();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::try_from(name).map_err(|_| broken())?;
        headers
            .insert(name, HeaderValue::try_from(value.as_str().unwrap_or_default()).map_err(|_| broken())?);
    }
    // A problem has the id that the answer's head has, which examples don't show.
    if let Some(id) = answer["body"]["request_id"].as_str() {
        headers.insert("x-request-id", HeaderValue::try_from(id).map_err(|_| broken())?);
    }
    let body = answer["body"].clone();
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let answer = Answer { asked: format!("{method} {path}"), status, headers, bytes, body };
    let sent = if request["body"].is_null() { Vec::new() } else { request["body"].to_string().into_bytes() };
    Ok(contract.faults(&Exchange { method, path, body: &sent, answer: &answer }))
}

/// Holds the files of a directory against what was recorded; where `POSTROOM_BLESS` is set, writes them.
///
/// # Errors
/// [`Error::Failed`] with what differs; those of reading and writing.
pub fn hold(directory: &Path, files: &BTreeMap<String, Value>) -> Result<()> {
    let bless = std::env::var_os("POSTROOM_BLESS").is_some();
    let mut differing = Vec::new();
    for (name, recorded) in files {
        let path = directory.join(name);
        let text = written(recorded);
        let there = fs::read_to_string(&path).unwrap_or_default();
        if there == text {
            continue;
        }
        if bless {
            let parent = path.parent().unwrap_or(directory);
            fs::create_dir_all(parent).tried(format!("making {}", parent.display()))?;
            fs::write(&path, text).tried(format!("writing {}", path.display()))?;
        } else {
            differing.push(format!("{name}:\n{}", difference(&there, &text)));
        }
    }
    for name in there(directory)?.into_iter().filter(|name| !files.contains_key(name)) {
        if bless {
            let path = directory.join(&name);
            fs::remove_file(&path).tried(format!("removing {}", path.display()))?;
        } else {
            differing.push(format!("{name} is recorded by nothing"));
        }
    }
    if differing.is_empty() {
        return Ok(());
    }
    let what = "comparing the examples with what is answered now (`make examples` records them anew)";
    Err(Error::Failed { what: what.into(), output: differing.join("\n") })
}

/// The lines that differ between the first and the last that do, `-` as it is kept and `+` as it is now.
fn difference(kept: &str, now: &str) -> String {
    let (kept, now): (Vec<_>, Vec<_>) = (kept.lines().collect(), now.lines().collect());
    let before = kept.iter().zip(&now).take_while(|(kept, now)| kept == now).count();
    let rest = kept.len().min(now.len()) - before;
    let pairs = kept.iter().rev().zip(now.iter().rev()).take(rest);
    let after = pairs.take_while(|(kept, now)| kept == now).count();
    let marked = |lines: &[&str], mark: &str| -> String {
        let lines = lines.get(before..lines.len() - after).unwrap_or_default();
        lines.iter().map(|line| format!("  {mark} {line}\n")).collect()
    };
    marked(&kept, "-") + &marked(&now, "+")
}

/// As it is read best: what was asked comes first.
fn written(recorded: &Value) -> String {
    let part = |name: &str, fields: &[&str]| {
        let fields: Vec<String> = fields
            .iter()
            .map(|field| {
                let value = serde_json::to_string_pretty(&recorded[name][field]).unwrap_or_default();
                format!("    \"{field}\": {}", value.replace('\n', "\n    "))
            })
            .collect();
        format!("  \"{name}\": {{\n{}\n  }}", fields.join(",\n"))
    };
    let request = part("request", &["method", "path", "headers", "body"]);
    let answer = part("answer", &["status", "headers", "body"]);
    format!("{{\n{request},\n{answer}\n}}\n")
}

/// The examples of a directory's directories.
fn there(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let kind = entry.file_name().to_string_lossy().into_owned();
        for file in fs::read_dir(entry.path()).into_iter().flatten() {
            let file = file.tried(format!("listing {}", entry.path().display()))?;
            names.push(format!("{kind}/{}", file.file_name().to_string_lossy()));
        }
    }
    Ok(names.into_iter().filter(|name| name.ends_with(".json")).collect())
}
