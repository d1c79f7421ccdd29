//! A patch by keys, laid over values by definitions' ids.

use super::definition::Definition;
use crate::fault::{Fault, FieldFault};
use serde_json::{Map, Value};

/// When values are saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody makes the thing: what is required must be there.
    Creation,
    /// Somebody edits it: what is required can't be cleared. What is not mentioned is left, also where it is required
    /// and was never filled in; nobody must do that to save another field.
    Edit,
}

/// The values after a patch (SDB-2): a key's value is set, `null` clears it, what is not mentioned stays. `definitions`
/// are those of one entity that are not removed; values of others, in `stored`, stay untouched.
///
/// # Errors
/// Every field that is wrong, at `/custom_fields/{key}`; nothing is to be saved then.
pub fn merge(
    definitions: &[Definition],
    stored: &Map<String, Value>,
    patch: &Map<String, Value>,
    occasion: Occasion,
) -> Result<Map<String, Value>, Vec<FieldFault>> {
    let mut merged = stored.clone();
    let mut faults = Vec::new();
    let mut wrong = |key: &str, fault, detail: String| {
        faults.push(FieldFault::at(&["custom_fields", key], fault, detail));
    };
    for key in patch.keys() {
        if !definitions.iter().any(|definition| definition.key == *key) {
            wrong(key, Fault::UnknownField, "There is no such custom field.".to_owned());
        }
    }
    for definition in definitions {
        let id = definition.id.to_string();
        let Some(value) = patch.get(&definition.key) else {
            if definition.required && occasion == Occasion::Creation {
                wrong(&definition.key, Fault::Required, "This field is needed.".to_owned());
            }
            continue;
        };
        let present = stored.get(&id).unwrap_or(&Value::Null);
        match definition.accept(value, present) {
            Ok(Value::Null) => {
                // One that is empty already is not cleared by this.
                if definition.required && (occasion == Occasion::Creation || !present.is_null()) {
                    wrong(&definition.key, Fault::Required, "This field can't be empty.".to_owned());
                }
                merged.remove(&id);
            }
            Ok(value) => {
                merged.insert(id, value);
            }
            Err((fault, detail)) => wrong(&definition.key, fault, detail),
        }
    }
    if faults.is_empty() { Ok(merged) } else { Err(faults) }
}
