//! Each field of a body gets, one after another, what it can't take, and what it might stumble over.

use super::desk::{Desk, pointers};
use crate::matrix::document;
use postroom_testkit::contract::document::Document;
use serde_json::{Value, json};

/// Texts that a field takes or refuses, and never stumbles over. What it takes comes back as it was sent.
const TEXTS: [&str; 8] = [
    "مرحبا بالعالم",
    "שלום \u{202e}עולם",
    "你好，世界",
    "e\u{301}\u{323}",
    "zero\u{200b}width\u{feff}",
    "👩‍👩‍👧‍👦 🇩🇪",
    "<b>'; DROP TABLE users; --",
    "%s %n ${x} {{x}}",
];
/// Those that no field takes.
const NEVER: [&str; 3] = ["a\u{0}b", "a\u{7}b", "a\u{1b}[31mb"];
/// Longer than any text may be whose length the document doesn't tell.
const LONG: usize = 600_000;

/// A field somewhere in a body.
struct Field {
    /// JSON pointer.
    at: String,
    schema: Value,
}

/// What becomes of a value.
#[derive(PartialEq)]
enum Wanted {
    /// 422, and the field is named.
    Refused,
    /// That, or it is taken.
    Either,
    /// That, or it is taken and comes back as sent.
    Kept,
}

pub(crate) fn faults(desk: &Desk<'_>) -> Vec<String> {
    if desk.operation.method == "GET" || !desk.has_json() {
        return Vec::new();
    }
    let document = document();
    let schema = desk.operation.body_schema().cloned().unwrap_or_default();
    let mut target = desk.target();
    let mut fields = Vec::new();
    collect(&document, &schema, &desk.body(&target), "", &mut fields);
    let mut faults = Vec::new();
    for field in &fields {
        for (value, wanted) in values(&document, field) {
            let body = replaced(&desk.body(&target), &field.at, value.clone());
            let answer =
                desk.send(&desk.path(&target), &[], ("application/json", body.to_string().into_bytes()));
            let short: String = value.to_string().chars().take(60).collect();
            let what = format!("{} = {short}", field.at);
            let refused = answer.status == 422 && names(&pointers(&answer), &field.at);
            let taken = answer.status < 300;
            let other = other_reason(desk, answer.status, &answer.body);
            if !(refused || taken && wanted != Wanted::Refused || other) {
                faults.push(desk.fault(&what, &answer));
            }
            let back = answer.body.pointer(&field.at).filter(|_| taken && wanted == Wanted::Kept);
            if back.is_some_and(|back| !repeats(back, &value) && comes_back(&field.at)) {
                faults.push(desk.fault(&format!("{what}, and something else came back"), &answer));
            }
            if taken {
                target = desk.target();
            }
        }
    }
    if !desk.unchanged(&target) {
        faults.push(format!("{}: a wrong field has changed something", desk.operation.id));
    }
    faults
}

/// Refused for what isn't about the field: signing in with another password, asking for a link with no mail server.
fn other_reason(desk: &Desk<'_>, status: u16, body: &Value) -> bool {
    let code = body["code"].as_str().unwrap_or_default();
    let credentials = ["invalid_credentials", "invalid_refresh_token"].contains(&code);
    status == desk.expected && status >= 400 || status == 401 && credentials
}

/// Whether a text stands in what came back: below a reply's stands what it answers. What isn't a text says nothing.
fn repeats(back: &Value, sent: &Value) -> bool {
    let (Some(back), Some(sent)) = (back.as_str(), sent.as_str()) else { return true };
    back.contains(sent)
}

/// Whether an answer repeats the field as text: HTML is made harmless, addresses and hosts are in small letters.
fn comes_back(at: &str) -> bool {
    !["html", "address", "email", "host"].iter().any(|end| at.ends_with(end))
}

/// Whether one of the pointers is the field's or something's within it. Which of `text` and `html` is there too many is
/// told at either.
fn names(pointers: &[&str], at: &str) -> bool {
    let within = |pointer: &&str| *pointer == at || pointer.starts_with(&format!("{at}/"));
    pointers.iter().any(within)
        || ["/text", "/html"].contains(&at)
            && pointers.iter().any(|pointer| ["/text", "/html"].contains(pointer))
}

/// The fields of a schema, down to where the right body has something.
fn collect(document: &Document, schema: &Value, body: &Value, at: &str, fields: &mut Vec<Field>) {
    let schema = plain(document, schema);
    if let Some(properties) = schema["properties"].as_object().filter(|_| body.is_object()) {
        for (name, property) in properties {
            let at = format!("{at}/{name}");
            collect(document, property, body.get(name).unwrap_or(&Value::Null), &at, fields);
            fields.push(Field { at, schema: property.clone() });
        }
    }
    if let (Some(items), Some(first)) = (schema.get("items"), body.get(0)) {
        let at = format!("{at}/0");
        collect(document, items, first, &at, fields);
        fields.push(Field { at, schema: items.clone() });
    }
}

/// A schema without references and without `null`; of several the one that has fields, else the first.
fn plain(document: &Document, schema: &Value) -> Value {
    let schema = document.resolve(schema);
    let several = ["oneOf", "anyOf", "allOf"].iter().find_map(|of| schema[of].as_array());
    let Some(several) = several else { return schema.clone() };
    let parts: Vec<Value> = several.iter().map(|part| plain(document, part)).collect();
    let with_fields = parts.iter().find(|part| part["properties"].is_object());
    with_fields.or_else(|| parts.iter().find(|part| part["type"] != "null")).cloned().unwrap_or_default()
}

fn is(schema: &Value, name: &str) -> bool {
    schema["type"] == name || schema["type"].as_array().is_some_and(|names| names.contains(&name.into()))
}

/// What is sent for a field, with what is to become of it.
fn values(document: &Document, field: &Field) -> Vec<(Value, Wanted)> {
    let schema = document.resolve(&field.schema);
    let several = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    // A text or an object, for instance: only what is none of them is of the wrong type.
    let alternatives: Vec<Value> = several
        .into_iter()
        .flatten()
        .map(|part| plain(document, part))
        .filter(|part| part["type"] != "null")
        .collect();
    let schema = plain(document, schema);
    let all = if alternatives.len() > 1 { alternatives } else { vec![schema.clone()] };
    let takes = |name: &str| {
        all.iter().any(|one| is(one, name) || one.get("type").is_none() && one["enum"].is_null())
    };
    // Of a secret every character counts, and it is nowhere shown; HTML is made harmless.
    let any = schema["format"] == "password" || field.at.ends_with("html");
    let text = || if any { Wanted::Either } else { Wanted::Refused };
    let mut values = vec![(Value::Null, Wanted::Either)];
    for (name, value) in [
        ("boolean", json!(true)),
        ("object", json!({"nonsense": 1})),
        ("array", json!([[]])),
        ("string", json!("nonsense \u{1F}")),
    ] {
        // An object has no unknown field, a list no list; a text no control character.
        match name {
            "boolean" if takes("boolean") => {}
            "string" => values.push((value, text())),
            _ => values.push((value, Wanted::Refused)),
        }
    }
    for number in [json!(1e308), json!(-1), json!(u64::MAX), json!(1.5)] {
        let wanted = if takes("number") { Wanted::Either } else { Wanted::Refused };
        values.push((number, wanted));
    }
    let mut deep = json!(1);
    (0..100).for_each(|_| deep = json!([deep.take()]));
    values.push((deep, Wanted::Refused));
    if takes("string") {
        let free = schema["enum"].is_null() && schema["format"].is_null();
        let longest = schema["maxLength"].as_u64().and_then(|max| usize::try_from(max).ok()).unwrap_or(LONG);
        values.push((json!("x".repeat(longest + 1)), Wanted::Refused));
        values.push((json!(""), Wanted::Either));
        values.extend(NEVER.map(|never| (json!(never), text())));
        values.extend(TEXTS.map(|some| (json!(some), if free { Wanted::Kept } else { text() })));
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        let most = usize::try_from(most).unwrap_or_default();
        values.push((json!(vec!["x@y.example"; most + 1]), Wanted::Refused));
    }
    values
}

/// A body with another value at a pointer.
fn replaced(body: &Value, at: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = at.rsplit_once('/').unwrap();
    let place = match body.pointer_mut(parent) {
        Some(place) if !place.is_null() => place,
        _ => return body,
    };
    match place {
        Value::Array(elements) => elements[0] = value,
        place => place[name] = value,
    }
    body
}
