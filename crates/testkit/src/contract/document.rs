//! The OpenAPI document as a table of operations.

use serde_json::Value;

/// The methods that an item of the document may have.
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// An OpenAPI document.
#[derive(Debug, Clone)]
pub struct Document {
    text: Value,
    operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its `operationId`.
    pub id: String,
    /// In capitals.
    pub method: String,
    /// As in the document: `/v1/conversations/{id}`.
    pub path: String,
    /// What the document says of it.
    pub says: Value,
}

impl Document {
    /// Takes a document apart.
    #[must_use]
    pub fn new(text: Value) -> Self {
        let mut operations = Vec::new();
        for (path, item) in text["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                if let Some(says) = item.get(method) {
                    operations.push(Operation {
                        id: says["operationId"].as_str().unwrap_or_default().to_owned(),
                        method: method.to_uppercase(),
                        path: path.clone(),
                        says: says.clone(),
                    });
                }
            }
        }
        Self { text, operations }
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> &Value {
        &self.text
    }

    /// Every operation, in the order of the addresses.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation with this `operationId`.
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// The operation at an address, `HEAD` being `GET`. An address of its own (`…/counts`) hides a pattern that fits it as
    /// well (`…/{id}`).
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        let method = if method == "HEAD" { "GET" } else { method };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let fitting = self.operations.iter().filter(|operation| fits(&operation.path, path));
        let own = fitting.clone().any(|operation| operation.path == path);
        fitting
            .filter(|operation| !own || operation.path == path)
            .find(|operation| operation.method.eq_ignore_ascii_case(method))
    }

    /// Follows a `$ref`, where there is one.
    #[must_use]
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let to = value.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
        to.and_then(|pointer| self.text.pointer(pointer)).unwrap_or(value)
    }
}

impl Operation {
    /// What the document says of an answer with this status.
    #[must_use]
    pub fn response<'a>(&'a self, document: &'a Document, status: u16) -> Option<&'a Value> {
        self.says["responses"].get(status.to_string()).map(|response| document.resolve(response))
    }

    /// The statuses that are documented.
    pub fn statuses(&self) -> impl Iterator<Item = u16> {
        let responses = self.says["responses"].as_object().into_iter().flatten();
        responses.filter_map(|(status, _)| status.parse().ok())
    }

    /// The schema of its JSON body, where it takes one.
    #[must_use]
    pub fn body_schema(&self) -> Option<&Value> {
        self.says.pointer("/requestBody/content/application~1json/schema")
    }

    /// Its parameters in a place: `path`, `query`, `header`.
    pub fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        let all = self.says["parameters"].as_array().into_iter().flatten();
        all.filter(move |parameter| parameter["in"] == place)
    }

    /// Whether it takes a parameter of this name there.
    #[must_use]
    pub fn has_parameter(&self, place: &str, name: &str) -> bool {
        self.parameters(place).any(|parameter| parameter["name"] == name)
    }

    /// Whether it answers only those who have signed in.
    #[must_use]
    pub fn needs_sign_in(&self) -> bool {
        let ways = self.says["security"].as_array().into_iter().flatten();
        !ways.into_iter().any(|way| way.as_object().is_some_and(serde_json::Map::is_empty))
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given => {}
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
            _ => return false,
        }
    }
}

/// A media type without its parameters.
pub(crate) fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}
