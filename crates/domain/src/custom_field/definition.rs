//! What a field is: its key, label, type, options.

use super::{Entity, FieldType};
use crate::{
    fault::{Fault, FieldFault},
    field_text::one_line,
    ids::CustomFieldId,
};

/// So many fields an entity may have at once.
pub const MAX_DEFINITIONS: usize = 100;
/// Longest key, label and option, in characters.
const MAX_KEY: usize = 63;
const MAX_LABEL: usize = 200;
const MAX_OPTION: usize = 200;
/// So many options may be offered.
const MAX_OPTIONS: usize = 200;

/// The definition of a custom field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its id.
    pub id: CustomFieldId,
    /// What it is defined for.
    pub entity: Entity,
    /// Its name for programs.
    pub key: String,
    /// Its name for people.
    pub label: String,
    /// What its values are.
    pub field_type: FieldType,
    /// What may be chosen from.
    pub options: Vec<String>,
    /// Whether it must have a value: a thing can't be made without one, and it can't be cleared. Things that were there
    /// before the field was required, and contacts that mail made, may lack it until somebody fills it in.
    pub required: bool,
}

/// A field to be defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDefinition {
    /// For what.
    pub entity: Entity,
    /// Its name for programs: small letters, digits and `_`, a letter first.
    pub key: String,
    /// Its name for people: one line.
    pub label: String,
    /// What its values are.
    pub field_type: FieldType,
    /// What may be chosen from; only for those that have options, and needed there.
    pub options: Vec<String>,
    /// Whether it must have a value.
    pub required: bool,
}

/// What is changed of a definition; `None` leaves it. Entity, key and type never change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionChange {
    /// Its name for people.
    pub label: Option<String>,
    /// What may be chosen from. A value that was chosen before and is offered no more stays, and is shown; it can't be
    /// chosen anew.
    pub options: Option<Vec<String>>,
    /// Whether it must have a value.
    pub required: Option<bool>,
}

impl NewDefinition {
    /// The definition under this id.
    ///
    /// # Errors
    /// Every field that is not as it must be.
    pub fn define(self, id: CustomFieldId) -> Result<Definition, Vec<FieldFault>> {
        let mut faults = Vec::new();
        if !is_key(&self.key) {
            let detail = format!(
                "A key has 1 to {MAX_KEY} small letters a to z, digits and underscores, and begins with a letter."
            );
            faults.push(FieldFault::at(&["key"], Fault::InvalidValue, detail));
        }
        let label = label(&self.label).map_err(|fault| faults.push(fault)).unwrap_or_default();
        let options = options(self.field_type, self.options)
            .map_err(|mut wrong| faults.append(&mut wrong))
            .unwrap_or_default();
        if !faults.is_empty() {
            return Err(faults);
        }
        let Self { entity, key, field_type, required, .. } = self;
        Ok(Definition { id, entity, key, label, field_type, options, required })
    }
}

impl Definition {
    /// The definition after a change; equal to this one where it changes nothing.
    ///
    /// # Errors
    /// Every field that is not as it must be.
    pub fn change(&self, change: DefinitionChange) -> Result<Self, Vec<FieldFault>> {
        let mut changed = self.clone();
        let mut faults = Vec::new();
        if let Some(text) = change.label {
            match label(&text) {
                Ok(label) => changed.label = label,
                Err(fault) => faults.push(fault),
            }
        }
        if let Some(list) = change.options {
            match options(self.field_type, list) {
                Ok(options) => changed.options = options,
                Err(mut wrong) => faults.append(&mut wrong),
            }
        }
        changed.required = change.required.unwrap_or(self.required);
        if faults.is_empty() { Ok(changed) } else { Err(faults) }
    }
}

/// Whether a text can be a field's name for programs: 1 to 63 small letters, digits and `_`, a letter first.
#[must_use]
pub fn is_key(text: &str) -> bool {
    text.len() <= MAX_KEY
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn label(text: &str) -> Result<String, FieldFault> {
    one_line(text, MAX_LABEL).map_err(|(fault, detail)| FieldFault::at(&["label"], fault, detail))
}

fn options(field_type: FieldType, list: Vec<String>) -> Result<Vec<String>, Vec<FieldFault>> {
    let whole = |fault, detail: String| Err(vec![FieldFault::at(&["options"], fault, detail)]);
    if !field_type.has_options() {
        return match list.as_slice() {
            [] => Ok(list),
            _ => whole(Fault::InvalidValue, "Only select and multi_select have options.".to_owned()),
        };
    }
    if list.is_empty() {
        return whole(Fault::Required, "At least one option is needed.".to_owned());
    }
    if list.len() > MAX_OPTIONS {
        return whole(Fault::TooLong, format!("At most {MAX_OPTIONS} options."));
    }
    let (mut options, mut faults): (Vec<String>, _) = (Vec::with_capacity(list.len()), Vec::new());
    for (index, text) in list.iter().enumerate() {
        let place = index.to_string();
        let mut wrong = |fault, detail: String| {
            faults.push(FieldFault::at(&["options", &place], fault, detail));
        };
        match one_line(text, MAX_OPTION) {
            Ok(option) if options.contains(&option) => {
                wrong(Fault::InvalidValue, "This option is there twice.".to_owned());
            }
            Ok(option) => options.push(option),
            Err((fault, detail)) => wrong(fault, detail),
        }
    }
    if faults.is_empty() { Ok(options) } else { Err(faults) }
}
