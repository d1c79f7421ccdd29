//! An example for every answer, composed from what the document says already: the examples of the fields, the first of
//! the possible values, and for the rest the table in `examples.json`. So none can be forgotten, and none can have another shape
//! than its schema.

use super::operations;
use serde_json::{Map, Value, json};
use utoipa::openapi::{Content, OpenApi, RefOr};

/// References deeper than this are a circle.
const DEPTH: usize = 20;

/// Gives every answer that has a body and no example one, and each request as well.
pub(super) fn add(document: &mut OpenApi) {
    // Nothing in the document can fail to be written as JSON.
    let whole = serde_json::to_value(&*document).unwrap_or_default();
    let none = Value::Null;
    let schemas = whole.pointer("/components/schemas").unwrap_or(&none);
    let composer = Composer { schemas, values: values() };
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    response
                        .content
                        .iter_mut()
                        .for_each(|(kind, content)| composer.illustrate(kind, content));
                }
            }
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                body.content.iter_mut().for_each(|(kind, content)| composer.illustrate(kind, content));
            }
        }
    }
}

struct Composer<'a> {
    schemas: &'a Value,
    values: Map<String, Value>,
}

impl Composer<'_> {
    fn illustrate(&self, kind: &str, content: &mut RefOr<Content>) {
        let RefOr::T(content) = content else { return };
        if kind != "application/json" || content.example.is_some() || !content.examples.is_empty() {
            return;
        }
        let schema = content.schema.as_ref().and_then(|schema| serde_json::to_value(schema).ok());
        content.example = schema.map(|schema| self.example(&schema, "", "", 0));
    }

    /// An example of a schema that is the value of `owner`'s field `name`.
    fn example(&self, schema: &Value, owner: &str, name: &str, depth: usize) -> Value {
        let own = self.values.get(&format!("{owner}.{name}")).cloned();
        if let Some(value) = own.or_else(|| schema.get("example").cloned()) {
            return value;
        }
        if depth > DEPTH {
            return Value::Null;
        }
        if let Some(target) = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/components/schemas/"))
        {
            // A text or number that is a type of its own may still be told apart by where it stands.
            let none = Value::Null;
            let schema = self.schemas.get(target).unwrap_or(&none);
            let named = self.values.get(name).filter(|_| schema.get("properties").is_none());
            return named.cloned().unwrap_or_else(|| self.example(schema, target, name, depth + 1));
        }
        for choice in ["oneOf", "anyOf"] {
            let possible = schema[choice].as_array().into_iter().flatten();
            if let Some(first) = possible.into_iter().find(|one| one["type"] != "null") {
                return self.example(first, owner, name, depth + 1);
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts = parts.iter().map(|part| self.example(part, owner, name, depth + 1));
            let fields = parts.filter_map(|part| part.as_object().cloned()).flatten();
            return Value::Object(fields.collect());
        }
        if let Some(fields) = schema["properties"].as_object() {
            let field = |(key, of): (&String, &Value)| (key.clone(), self.example(of, owner, key, depth + 1));
            return Value::Object(fields.iter().map(field).collect());
        }
        if let Some(value) = self.values.get(name) {
            return value.clone();
        }
        self.by_type(schema, owner, name, depth)
    }

    fn by_type(&self, schema: &Value, owner: &str, name: &str, depth: usize) -> Value {
        let first = |values: &Value| values.as_array().and_then(|values| values.first()).cloned();
        if let Some(value) = first(&schema["enum"]) {
            return value;
        }
        let kind = first(&schema["type"]).unwrap_or_else(|| schema["type"].clone());
        match kind.as_str() {
            Some("array") => json!([self.example(&schema["items"], owner, name, depth + 1)]),
            Some("boolean") => json!(false),
            Some("integer" | "number") => json!(1),
            Some("object") => json!({}),
            // What may be absent and has no example is.
            Some("string") if schema["type"].is_array() => Value::Null,
            Some("string") if schema["format"] == "uuid" => json!("0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11"),
            Some("string") => json!("text"),
            _ => Value::Null,
        }
    }
}

/// What the schemas leave open: by `Schema.field`, or by the field's name wherever it stands.
fn values() -> Map<String, Value> {
    // A test reads it as well: it is JSON.
    serde_json::from_str(include_str!("examples.json")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_read() {
        assert!(super::values().len() > 50);
    }
}
