//! What is another in every run, replaced by what is always the same: ids, moments, tokens, cursors, tags, signatures,
//! addresses of servers. The same thing has the same placeholder throughout a story, and is as valid as it was.

use crate::client::Answer;
use chrono::{DateTime, SubsecRound as _, TimeDelta, TimeZone as _, Utc};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// Where the story's server is.
const SERVER: &str = "https://postroom.example.com";
/// Fields whose texts are made anew in every run.
const SECRETS: [&str; 7] = ["access_token", "refresh_token", "token", "ticket", "next_cursor", "kid", "x"];
/// So is a `state` of this length; shorter ones are names, such as a message's.
const STATE: usize = 40;
/// Field and text where a few characters of something secret are shown.
const HINT: (&str, &str) = ("hint", "0000");
/// `#` is a hexadecimal digit, `9` a decimal one.
const ID: &str = "########-####-####-####-############";
/// An id in an address that is signed.
const WORKSPACE: &str = "workspace=################################";
const MOMENT: &str = "9999-99-99T99:99:99.999Z";
const EXPIRY: &str = "expires=9999999999";
const EXPIRES: &str = "expires=1772452800";
/// Before parts of addresses that are made anew in every run.
const SIGNATURES: [&str; 2] = ["signature=", "code_challenge="];
/// `On Mon, 2 Mar 2026 at 09:00, Bob Fisher wrote:`.
const ATTRIBUTION: &str = "On ";
const ATTRIBUTED: &str = "Mon, 2 Mar 2026 at 09:00";
/// Moments that lie ahead are told in whole steps of so many seconds behind the step that names them: a server that is
/// slow by less tells the same.
const AHEAD: i64 = 10;

#[derive(Debug)]
pub(super) struct Placeholders {
    /// When each step began.
    steps: Vec<DateTime<Utc>>,
    ids: HashMap<String, String>,
    /// As they were placed first: what lay ahead then may lie behind by now.
    moments: HashMap<String, String>,
    secrets: Vec<(String, String)>,
}

impl Placeholders {
    pub(super) fn since(begun: DateTime<Utc>) -> Self {
        Self {
            steps: vec![begun.trunc_subsecs(3)],
            ids: HashMap::new(),
            moments: HashMap::new(),
            secrets: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, begun: DateTime<Utc>) {
        self.steps.push(begun.trunc_subsecs(3));
    }

    /// Notes what an answer tells for the first time.
    pub(super) fn learn(&mut self, base: &str, answer: &Answer) {
        self.secret(base, SERVER.to_owned());
        let tag =
            answer.header("etag").trim_matches('"').split_once('-').map(|(_, digest)| digest.to_owned());
        if let Some(digest) = tag {
            let number = self.secrets.len();
            self.secret(&digest, format!("{number:0width$x}", width = digest.len()));
        }
        self.learn_fields(&answer.body);
    }

    fn learn_fields(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.learn_fields(value)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if is_secret(name, text) => {
                            self.hide(name, text);
                        }
                        other => self.learn_fields(other),
                    }
                }
            }
            _ => {}
        }
    }

    /// Gives a text a placeholder from now on.
    pub(super) fn hide(&mut self, name: &str, text: &str) {
        let placeholder = self.stand_in(name, text);
        self.secret(text, placeholder);
    }

    /// A text of the same form: what stands before the last `_` stays, the rest is as long as it was.
    fn stand_in(&self, name: &str, text: &str) -> String {
        let kept = text.find('_').filter(|at| *at < 5).map_or(0, |at| at + 1);
        let (kept, rest) = text.split_at(kept);
        let number = self.secrets.len();
        let filled = format!("{name}{number}").replace('_', "");
        let filled: String = filled.chars().chain(std::iter::repeat('0')).take(rest.len().min(43)).collect();
        format!("{kept}{filled}")
    }

    fn secret(&mut self, text: &str, placeholder: String) {
        if !self.secrets.iter().any(|(known, _)| known == text) {
            self.secrets.push((text.to_owned(), placeholder));
        }
    }

    pub(super) fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.value(value)).collect(),
            Value::Object(fields) => Value::Object(
                fields.iter().map(|(name, value)| (name.clone(), self.field(name, value))).collect(),
            ),
            other => other.clone(),
        }
    }

    fn field(&mut self, name: &str, value: &Value) -> Value {
        let (hint, shown) = HINT;
        if name == hint && value.is_string() { shown.into() } else { self.value(value) }
    }

    fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (secret, placeholder) in &self.secrets {
            text = text.replace(secret, placeholder);
        }
        let text = replace(&text, ID, |id| self.id(id));
        let text = replace(&text, WORKSPACE, |workspace| self.workspace(workspace));
        let text = replace(&text, MOMENT, |moment| self.moment(moment));
        let text = replace(&text, EXPIRY, |_| EXPIRES.to_owned());
        let text = attributed(&text);
        SIGNATURES.into_iter().fold(text, |text, name| unsigned(&text, name))
    }

    fn id(&mut self, id: &str) -> String {
        let number = self.ids.len() + 1;
        self.ids
            .entry(id.to_owned())
            .or_insert_with(|| format!("0198c7e0-0000-7000-8000-{number:012x}"))
            .clone()
    }

    fn workspace(&mut self, text: &str) -> String {
        let (name, id) = text.split_at(text.find('=').map_or(0, |at| at + 1));
        let id = Uuid::try_parse(id).map(|id| self.id(&id.to_string())).unwrap_or_default();
        format!("{name}{}", id.replace('-', ""))
    }

    fn moment(&mut self, text: &str) -> String {
        if let Some(known) = self.moments.get(text) {
            return known.clone();
        }
        let placed = self.placed(text);
        self.moments.insert(text.to_owned(), placed.clone());
        placed
    }

    /// Minutes of one morning, one for each step. What was before the story was at its beginning.
    fn placed(&self, text: &str) -> String {
        let Ok(moment) = text.parse::<DateTime<Utc>>() else { return text.to_owned() };
        let place = |step: usize| -> Option<DateTime<Utc>> {
            let morning = Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).single()?;
            morning.checked_add_signed(TimeDelta::minutes(i64::try_from(step).ok()?))
        };
        let step = self.steps.iter().rposition(|begun| *begun <= moment).unwrap_or(0);
        let ahead = self
            .steps
            .get(step)
            .filter(|_| moment > Utc::now())
            .map_or(0, |begun| moment.signed_duration_since(*begun).num_seconds() / AHEAD * AHEAD);
        let placed = place(step).and_then(|placed| placed.checked_add_signed(TimeDelta::seconds(ahead)));
        placed.map_or_else(
            || text.to_owned(),
            |placed| placed.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        )
    }
}

fn is_secret(name: &str, text: &str) -> bool {
    SECRETS.contains(&name) && text.len() > 8 || name == "state" && text.len() >= STATE
}

/// The line above a quoted mail says when it came, in its reader's time zone: always the same.
fn attributed(text: &str) -> String {
    let mut parts = text.split(ATTRIBUTION);
    let mut same = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(" at ").filter(|at| *at < MOMENT.len()).map(|at| at + " at 00:00".len());
        let rest = end.and_then(|end| part.get(end..)).filter(|rest| rest.starts_with(", "));
        same.push_str(ATTRIBUTION);
        same.push_str(rest.map_or("", |_| ATTRIBUTED));
        same.push_str(rest.unwrap_or(part));
    }
    same
}

/// Replaces all that has the form of a pattern.
fn replace(text: &str, pattern: &str, mut with: impl FnMut(&str) -> String) -> String {
    let fits = |piece: &str| {
        piece.bytes().zip(pattern.bytes()).all(|(byte, form)| match form {
            b'9' => byte.is_ascii_digit(),
            b'#' => byte.is_ascii_hexdigit(),
            form => byte == form,
        })
    };
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..pattern.len()) {
            Some(piece) if fits(piece) => {
                replaced.push_str(&with(piece));
                rest = rest.get(pattern.len()..).unwrap_or_default();
            }
            _ => {
                replaced.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    replaced
}

/// With other signatures behind a name, as long as they were.
fn unsigned(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let mut unsigned = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end =
            part.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(part.len());
        let (signature, rest) = part.split_at(end);
        unsigned.push_str(name);
        unsigned.extend(std::iter::repeat_n('0', signature.len()));
        unsigned.push_str(rest);
    }
    unsigned
}
