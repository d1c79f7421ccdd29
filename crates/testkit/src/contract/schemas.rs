//! The document's schemas, each made ready at its first use.

use super::{document::Document, fields};
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How many faults of one body are told.
const TOLD: usize = 20;

#[derive(Debug)]
pub(super) struct Schemas {
    components: Value,
    ready: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Schemas {
    pub(super) fn of(document: &Document) -> Self {
        Self { components: document.text()["components"].clone(), ready: Mutex::default() }
    }

    /// In what a value differs from a schema (JSON Schema 2020-12, formats checked), and fields that it doesn't know.
    pub(super) fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let validator = match self.ready(schema) {
            Ok(validator) => validator,
            Err(fault) => return vec![fault],
        };
        let errors = validator.iter_errors(value).take(TOLD);
        let mut faults: Vec<String> =
            errors.map(|error| format!("{}: {error}", pointer(error.instance_path().as_str()))).collect();
        let unknown = fields::unknown(&self.components, schema, value);
        faults.extend(unknown.into_iter().take(TOLD).map(|at| format!("{at}: no such field is documented")));
        faults
    }

    fn ready(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = ready.get(&key) {
            return Ok(validator.clone());
        }
        let whole = json!({"allOf": [schema], "components": self.components});
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .with_format("date-time", is_our_time)
            .build(&whole)
            .map_err(|error| format!("the document's schema can't be used: {error}"))?;
        let validator = Arc::new(validator);
        ready.insert(key, validator.clone());
        Ok(validator)
    }
}

/// Times are RFC 3339 in UTC with milliseconds: `2026-11-28T17:59:21.123Z`.
fn is_our_time(text: &str) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
    text.len() == pattern.len()
        && text.chars().zip(pattern.chars()).all(|(is, wanted)| match wanted {
            'd' => is.is_ascii_digit(),
            wanted => is == wanted,
        })
}

fn pointer(text: &str) -> &str {
    if text.is_empty() { "the whole" } else { text }
}
