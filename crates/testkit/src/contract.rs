//! Every answer is held against the OpenAPI document that the server serves: its status is documented, its media type,
//! its headers and its body are what the document says, and it has no field that the document doesn't know.
//!
//! What was reached is noted, for the step that compares it with the document ([`coverage`]).

#![expect(clippy::indexing_slicing, reason = "a member that a JSON value doesn't have reads as null")]

pub mod breaking;
pub mod coverage;
pub mod document;
mod fields;
mod headers;
mod notes;
mod schemas;

use crate::{client::Answer, error::Result};
use document::{Document, Operation, essence};
use schemas::Schemas;
use serde_json::Value;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// The media type of every problem (RFC 9457).
const PROBLEM: &str = "application/problem+json";

static OFF: AtomicBool = AtomicBool::new(false);
static SERVED: Mutex<Option<&'static Contract>> = Mutex::new(None);

/// From now on nothing is checked or noted in this process: for programs that are no tests.
pub fn check_nothing() {
    OFF.store(true, Ordering::Relaxed);
}

/// What a request was, and what was answered.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query, without the server.
    pub path: &'a str,
    /// The request's body.
    pub body: &'a [u8],
    /// The answer.
    pub answer: &'a Answer,
}

/// The document, with its schemas made ready.
#[derive(Debug)]
pub struct Contract {
    document: Document,
    schemas: Schemas,
}

impl Contract {
    /// The contract of a document.
    #[must_use]
    pub fn new(document: Value) -> Self {
        let document = Document::new(document);
        Self { schemas: Schemas::of(&document), document }
    }

    /// What the servers of this process serve; asked for once. Nothing where nothing is checked.
    ///
    /// # Errors
    /// Those of asking.
    pub(crate) fn served(ask: impl FnOnce() -> Result<Answer>) -> Result<Option<&'static Self>> {
        if OFF.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut served = SERVED.lock().unwrap_or_else(PoisonError::into_inner);
        if served.is_none() {
            let document = ask()?.expect(200)?;
            *served = Some(Box::leak(Box::new(Self::new(document))));
        }
        Ok(*served)
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Holds an exchange against the document and notes what was reached.
    ///
    /// # Panics
    /// Where they differ: an error could be taken for one of the network.
    #[expect(clippy::panic, reason = "it fails the test that asked")]
    #[track_caller]
    pub(crate) fn hold(&self, exchange: &Exchange<'_>) {
        let faults = self.faults(exchange);
        if !faults.is_empty() {
            let Exchange { method, path, answer, .. } = exchange;
            let body = String::from_utf8_lossy(answer.bytes.get(..3000).unwrap_or(&answer.bytes));
            let faults = faults.join("\n  ");
            panic!("{method} {path} → {}: not what the document says:\n  {faults}\n{body}", answer.status);
        }
        if let Some(operation) = self.document.find(exchange.method, exchange.path)
            && exchange.method != "HEAD"
        {
            notes::note(&operation.id, exchange.answer.status);
        }
    }

    /// Everything in which an exchange differs from the document.
    #[must_use]
    pub fn faults(&self, exchange: &Exchange<'_>) -> Vec<String> {
        match self.document.find(exchange.method, exchange.path) {
            Some(operation) => self.faults_of(operation, exchange),
            // Pages for people are no part of the API; everything else that isn't there is a problem.
            None if exchange.path.starts_with("/docs") || exchange.method == "OPTIONS" => Vec::new(),
            // So are those of the operator's page, which is all that there is outside of the document.
            None if !exchange.path.starts_with("/v1") && matches!(exchange.answer.status, 200 | 304) => {
                Vec::new()
            }
            None => self.problem_faults(exchange.answer, None),
        }
    }

    /// The examples of requests and answers that the document's own schemas refuse. How many there are comes first.
    #[must_use]
    pub fn example_faults(&self) -> (usize, Vec<String>) {
        let (mut seen, mut faults) = (0, Vec::new());
        for operation in self.document.operations() {
            let answers = operation.says["responses"].as_object().into_iter().flat_map(|all| all.values());
            for body in answers.chain([&operation.says["requestBody"]]) {
                let media = &self.document.resolve(body)["content"]["application/json"];
                if let Some(example) = media.get("example") {
                    seen += 1;
                    let wrong = self.schemas.faults(&media["schema"], example).into_iter();
                    faults.extend(wrong.map(|fault| format!("{}: {fault}", operation.id)));
                }
            }
        }
        (seen, faults)
    }

    /// Holds a message of the live stream against the schema of events.
    ///
    /// # Panics
    /// Where they differ.
    #[expect(clippy::panic, reason = "it fails the test that reads the stream")]
    pub(crate) fn hold_event(&self, data: &Value) {
        let schema = serde_json::json!({"$ref": "#/components/schemas/Event"});
        let faults = self.schemas.faults(&schema, data);
        if !faults.is_empty() {
            panic!(
                "an event on the stream is not what the document says:\n  {}\n{data:#}",
                faults.join("\n  ")
            );
        }
    }

    fn faults_of(&self, operation: &Operation, exchange: &Exchange<'_>) -> Vec<String> {
        let answer = exchange.answer;
        let Some(response) = operation.response(&self.document, answer.status) else {
            return vec![format!("status {} of {} is not documented", answer.status, operation.id)];
        };
        let mut faults = headers::faults(response, answer);
        if exchange.method != "HEAD" {
            faults.extend(self.body_faults(response, answer));
        }
        if (200..300).contains(&answer.status) {
            faults.extend(self.request_faults(operation, exchange));
        }
        faults
    }

    fn body_faults(&self, response: &Value, answer: &Answer) -> Vec<String> {
        let Some(content) = response.get("content").and_then(Value::as_object) else {
            let empty = answer.bytes.is_empty();
            return if empty { Vec::new() } else { vec!["a body, where none is documented".to_owned()] };
        };
        let sent = essence(answer.header("content-type"));
        let Some(media) = content.get(sent).or_else(|| content.get("*/*")) else {
            return vec![format!(
                "content type {sent:?} instead of {:?}",
                content.keys().collect::<Vec<_>>()
            )];
        };
        if sent == PROBLEM {
            return self.problem_faults(answer, Some(media));
        }
        match media.get("schema") {
            Some(schema) if sent.ends_with("json") => self.schemas.faults(schema, &answer.body),
            _ => Vec::new(),
        }
    }

    /// A problem has one shape everywhere, says what the answer's head says, and has one of the documented codes.
    fn problem_faults(&self, answer: &Answer, media: Option<&Value>) -> Vec<String> {
        let sent = essence(answer.header("content-type"));
        if sent != PROBLEM {
            return vec![format!("content type {sent:?} instead of {PROBLEM}")];
        }
        let problem = &answer.body;
        let mut faults =
            self.schemas.faults(&serde_json::json!({"$ref": "#/components/schemas/Problem"}), problem);
        if problem["status"] != answer.status {
            faults.push("the problem has another status than the answer".to_owned());
        }
        if problem["request_id"] != answer.header("x-request-id") {
            faults.push("the problem has another request id than the answer".to_owned());
        }
        let code = problem["code"].as_str().unwrap_or_default();
        if media.is_some_and(|media| media.pointer(&format!("/examples/{code}")).is_none()) {
            faults.push(format!("the code {code:?} is not documented for this status"));
        }
        faults
    }

    /// What is accepted is what the document allows: fields, values and the names of the query.
    fn request_faults(&self, operation: &Operation, exchange: &Exchange<'_>) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(schema) = operation.body_schema()
            && let Ok(body) = serde_json::from_slice(exchange.body)
        {
            let accepted = self.schemas.faults(schema, &body).into_iter();
            faults.extend(accepted.map(|fault| format!("accepted, though the document refuses it: {fault}")));
        }
        let query = exchange.path.split_once('?').map(|(_, query)| query).unwrap_or_default();
        for name in query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty())
        {
            // Those that judge their query at all can refuse it.
            if !operation.has_parameter("query", name) && operation.statuses().any(|status| status == 422) {
                faults.push(format!("the query parameter {name:?} was accepted, but is not documented"));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests;
