//! The Postman collection that is made from the OpenAPI document: a folder for each tag, in which every request takes what it
//! needs from earlier answers, so that all of it can be run from top to bottom.

#![expect(clippy::indexing_slicing, reason = "a member that a JSON value doesn't have reads as null")]

mod chain;
#[cfg(test)]
mod tests;

use crate::contract::document::{Document, Operation};
use serde_json::{Map, Value, json};

/// Tags whose things other folders need, and before which of them they come.
const BEFORE: [(&str, &str); 2] = [("Companies", "Contacts"), ("Deals", "Contacts")];
/// The operation after which nothing else works.
const LAST: &str = "logout";
/// The operation that never ends.
const ENDLESS: &str = "follow_events";

/// The collection of a document.
#[must_use]
pub fn collection(document: &Document) -> Value {
    let text = document.text();
    let mut folders: Vec<Value> = tags(text).iter().map(|tag| folder(document, tag)).collect();
    let end = document.operation(LAST).map(request);
    folders.push(json!({"name": "Signing out", "item": end.into_iter().collect::<Vec<_>>()}));
    let variable = |(key, value): (&str, &str)| json!({"key": key, "value": value});
    json!({
        "info": {
            "name": text["info"]["title"],
            "description": format!(
                "{}\n\nSet `base_url`, `workspace`, `email` and `password`, and send \"Sign in\" first: it stores the token. \
                 All of it can be run from top to bottom; `follow` set to `yes` opens the live stream, which doesn't end.",
                text["info"]["description"].as_str().unwrap_or_default()
            ),
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": chain::VARIABLES.map(variable),
        "item": folders,
    })
}

/// The document's tags in its order, but for those that others need.
fn tags(document: &Value) -> Vec<&str> {
    let all = document["tags"].as_array().into_iter().flatten();
    let mut tags: Vec<&str> = all.filter_map(|tag| tag["name"].as_str()).collect();
    for (first, then) in BEFORE {
        let place = |tags: &[&str], tag| tags.iter().position(|one| *one == tag);
        if let (Some(from), Some(to)) = (place(&tags, first), place(&tags, then))
            && from > to
        {
            let moved = tags.remove(from);
            tags.insert(to, moved);
        }
    }
    tags
}

fn folder(document: &Document, tag: &str) -> Value {
    let of_tag = |operation: &&Operation| operation.says["tags"][0] == tag && operation.id != LAST;
    let mut operations: Vec<&Operation> = document.operations().iter().filter(of_tag).collect();
    // Sorting is stable: what is alike stays in the document's order.
    operations.sort_by_key(|operation| rank(operation));
    json!({"name": tag, "item": operations.into_iter().map(request).collect::<Vec<_>>()})
}

/// What comes first in its folder: signing in, looking at what there is, making something, working on it, removing it.
fn rank(operation: &Operation) -> u8 {
    let of_one = operation.path.contains('{') && !operation.id.starts_with("list_");
    match operation.method.as_str() {
        _ if operation.id == "login" => 0,
        _ if operation.id == ENDLESS => 6,
        "GET" if !of_one => 1,
        "DELETE" => 5,
        "POST" if chain::saves(&operation.id).next().is_some() => 2,
        "GET" => 3,
        _ => 4,
    }
}

fn request(operation: &Operation) -> Value {
    let says = &operation.says;
    let (mut query, mut headers) = (Vec::new(), Vec::new());
    for parameter in says["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let known = chain::parameter(&operation.id, name);
        let used = parameter["required"] == true || name == "Idempotency-Key";
        let entry = json!({
            "key": name,
            "value": known.map_or_else(|| plain(example(parameter)), str::to_owned),
            "description": parameter["description"],
            "disabled": !used,
        });
        match parameter["in"].as_str() {
            Some("query") => query.push(entry),
            Some("header") => headers.push(entry),
            _ => {}
        }
    }
    let mut request = json!({
        "method": operation.method,
        "description": says["description"],
        "header": headers,
        "url": url(operation, &query),
    });
    // Where nobody need sign in, whatever token there is would only be in the way.
    if says["security"] == json!([{}]) {
        request["auth"] = json!({"type": "noauth"});
    }
    if let Some(body) = body(operation) {
        request["body"] = body;
        if operation.says["requestBody"]["content"].get("application/json").is_some()
            && let Some(headers) = request["header"].as_array_mut()
        {
            headers.push(json!({"key": "Content-Type", "value": "application/json"}));
        }
    }
    json!({"name": says["summary"], "id": operation.id, "request": request, "event": events(operation)})
}

fn url(operation: &Operation, query: &[Value]) -> Value {
    let mut variables = Vec::new();
    let mut path = Vec::new();
    let mut before = "";
    for step in operation.path.split('/').skip(1) {
        match step.strip_prefix('{').and_then(|step| step.strip_suffix('}')) {
            Some(name) => {
                variables
                    .push(json!({"key": name, "value": chain::path_variable(&operation.id, before, name)}));
                path.push(format!(":{name}"));
            }
            None => path.push(step.to_owned()),
        }
        before = step;
    }
    let used = query.iter().filter(|entry| entry["disabled"] == false);
    let used: Vec<String> =
        used.map(|entry| format!("{}={}", plain(&entry["key"]), plain(&entry["value"]))).collect();
    let mark = if used.is_empty() { "" } else { "?" };
    let raw = format!("{{{{base_url}}}}/{}{mark}{}", path.join("/"), used.join("&"));
    json!({"raw": raw, "host": ["{{base_url}}"], "path": path, "query": query, "variable": variables})
}

fn body(operation: &Operation) -> Option<Value> {
    let content = &operation.says["requestBody"]["content"];
    if content.get("multipart/form-data").is_some() {
        let file = if operation.id.ends_with("_avatar") { "picture.png" } else { "list.txt" };
        return Some(json!({"mode": "formdata", "formdata": [{"key": "file", "type": "file", "src": file}]}));
    }
    let mut example = content.get("application/json")?.get("example")?.clone();
    chain::fill(&operation.id, &mut example);
    let raw = format!("{example:#}");
    Some(json!({"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}))
}

/// What is done around a request: its status is held against the document, and what later requests need is kept.
fn events(operation: &Operation) -> Value {
    let script = |listen: &str, lines: Vec<String>| json!({"listen": listen, "script": {"type": "text/javascript", "exec": lines}});
    let statuses: Vec<String> = operation.statuses().map(|status| status.to_string()).collect();
    let mut lines = vec![
        "pm.test(`${pm.response.code} is documented`, () => {".to_owned(),
        format!("    pm.expect([{}]).to.include(pm.response.code);", statuses.join(", ")),
        "});".to_owned(),
    ];
    let saved: Vec<_> = chain::saves(&operation.id).collect();
    if !saved.is_empty() {
        lines.push("if (pm.response.code < 300) {".to_owned());
        lines.push("    const answer = pm.response.json();".to_owned());
        for (variable, expression) in saved {
            lines.push(format!("    pm.collectionVariables.set(\"{variable}\", {expression});"));
        }
        lines.push("}".to_owned());
    }
    let mut events = vec![script("test", lines)];
    if operation.id == ENDLESS {
        let skip = "if (pm.variables.get(\"follow\") !== \"yes\") pm.execution.skipRequest();";
        events.push(script("prerequest", vec![skip.to_owned()]));
    }
    Value::Array(events)
}

/// A parameter's example, or what it is without being given.
fn example(parameter: &Value) -> &Value {
    let schema = &parameter["schema"];
    let examples = [&parameter["example"], &schema["example"], &schema["default"]];
    examples.into_iter().find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Every value of an object, at any depth, with its name.
fn fields(value: &mut Value, change: &mut dyn FnMut(&str, &mut Value)) {
    match value {
        Value::Object(object) => {
            let object: &mut Map<String, Value> = object;
            for (name, field) in object {
                change(name, field);
                fields(field, change);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| fields(element, change)),
        _ => {}
    }
}
