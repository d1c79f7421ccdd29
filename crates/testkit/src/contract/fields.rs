//! Fields that no schema knows. The document lets answers gain fields, so that clients bear new ones; for the server
//! itself a field that isn't documented is a fault.

use serde_json::{Map, Value};

/// JSON pointers to the fields of a value that no part of its schema names.
pub(super) fn unknown(components: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Walk { components, found: &mut found }.look(&[schema], value, "");
    found
}

struct Walk<'a, 'b> {
    components: &'a Value,
    found: &'b mut Vec<String>,
}

impl<'a> Walk<'a, '_> {
    fn look(&mut self, schemas: &[&'a Value], value: &Value, at: &str) {
        let mut parts = Vec::new();
        schemas.iter().for_each(|schema| self.take_apart(schema, &mut parts));
        match value {
            Value::Object(fields) => self.look_at_fields(&parts, fields, at),
            Value::Array(elements) => {
                let items: Vec<&Value> = parts.iter().filter_map(|part| part.get("items")).collect();
                for (index, element) in elements.iter().enumerate() {
                    self.look(&items, element, &format!("{at}/{index}"));
                }
            }
            _ => {}
        }
    }

    fn look_at_fields(&mut self, parts: &[&'a Value], fields: &Map<String, Value>, at: &str) {
        let open: Vec<&Value> = parts.iter().filter_map(|part| rest(part)).collect();
        let free = open.iter().any(|rest| **rest == true)
            || !parts.iter().any(|part| part["properties"].is_object());
        for (name, value) in fields {
            let mut named: Vec<&Value> =
                parts.iter().filter_map(|part| part["properties"].get(name)).collect();
            if named.is_empty() {
                named.extend(open.iter().filter(|rest| rest.is_object()));
                if named.is_empty() && !free {
                    self.found.push(format!("{at}/{name}"));
                }
            }
            self.look(&named, value, &format!("{at}/{name}"));
        }
    }

    /// The schemas that a schema is composed of.
    fn take_apart(&self, schema: &'a Value, parts: &mut Vec<&'a Value>) {
        let to = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/components"));
        if let Some(target) = to.and_then(|pointer| self.components.pointer(pointer)) {
            self.take_apart(target, parts);
        }
        for of in ["allOf", "oneOf", "anyOf"] {
            schema[of].as_array().into_iter().flatten().for_each(|part| self.take_apart(part, parts));
        }
        parts.push(schema);
    }
}

/// What a schema says of fields that it doesn't name; nothing where it leaves them to others.
fn rest(schema: &Value) -> Option<&Value> {
    schema.get("additionalProperties").filter(|rest| **rest != false)
}
