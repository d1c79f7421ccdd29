//! The forms that a schema leaves to a value: each with all that must hold of it at once.

use super::{below, resolved};
use serde_json::Value;
use std::collections::BTreeSet;

/// One form of a value: what `allOf` joins, without what `oneOf` and `anyOf` leave open.
#[derive(Debug, Clone)]
pub(super) struct Form<'a> {
    /// Where it stands.
    pub(super) pointer: String,
    parts: Vec<(String, &'a Value)>,
}

impl<'a> Form<'a> {
    /// All forms of a schema.
    pub(super) fn of(document: &'a Value, pointer: &str, schema: &'a Value) -> Vec<Self> {
        let (pointer, schema) = resolved(document, pointer, schema);
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let at = below(&pointer, choice);
                let forms = choices
                    .iter()
                    .zip(0..)
                    .flat_map(|(one, index)| Self::of(document, &below(&at, &index.to_string()), one));
                return forms.collect();
            }
        }
        let mut parts = vec![(pointer.clone(), schema)];
        let at = below(&pointer, "allOf");
        for (one, index) in schema["allOf"].as_array().into_iter().flatten().zip(0..) {
            // What is joined has one form each: a choice within would need all combinations.
            let form = Self::of(document, &below(&at, &index.to_string()), one).into_iter().next();
            parts.extend(form.into_iter().flat_map(|form| form.parts));
        }
        vec![Self { pointer, parts }]
    }

    /// Its types; empty where it has any.
    pub(super) fn types(&self) -> BTreeSet<&'a str> {
        let mut types = BTreeSet::new();
        for (_, part) in &self.parts {
            match &part["type"] {
                Value::String(one) => drop(types.insert(one.as_str())),
                Value::Array(some) => types.extend(some.iter().filter_map(Value::as_str)),
                _ => {}
            }
        }
        types
    }

    /// Whether it is nothing but `null`.
    pub(super) fn is_null(&self) -> bool {
        self.types() == BTreeSet::from(["null"])
    }

    /// What it says under a keyword, and where that stands.
    pub(super) fn keyword(&self, name: &str) -> Option<(String, &'a Value)> {
        self.parts.iter().find_map(|(pointer, part)| Some((below(pointer, name), part.get(name)?)))
    }

    /// Its fields, each with its place.
    pub(super) fn fields(&self) -> Vec<(&'a str, String, &'a Value)> {
        let mut fields = Vec::new();
        for (pointer, part) in &self.parts {
            for (name, schema) in part["properties"].as_object().into_iter().flatten() {
                fields.push((name.as_str(), below(&below(pointer, "properties"), name), schema));
            }
        }
        fields
    }

    /// The fields that it always has.
    pub(super) fn required(&self) -> BTreeSet<&'a str> {
        let lists = self.parts.iter().filter_map(|(_, part)| part["required"].as_array());
        lists.flatten().filter_map(Value::as_str).collect()
    }
}
