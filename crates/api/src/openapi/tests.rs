use super::*;
use std::collections::HashSet;

/// Every operation with its address.
fn each(document: &mut OpenApi, mut look: impl FnMut(&str, &mut utoipa::openapi::path::Operation)) {
    for (path, item) in &mut document.paths.paths {
        for (_, operation) in operations(item) {
            look(path, operation);
        }
    }
}

/// The committed file is what the code serves; `POSTROOM_BLESS=1` writes it anew.
#[test]
fn committed_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/postroom.json");
    if std::env::var_os("POSTROOM_BLESS").is_some() {
        std::fs::write(path, openapi()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == openapi(),
        "openapi/postroom.json is not current: run `postroom openapi > openapi/postroom.json`"
    );
}

#[test]
fn every_operation_is_described() {
    let known: HashSet<&str> = TAGS.iter().map(|(name, _)| *name).collect();
    let mut ids = HashSet::new();
    each(&mut document(), |path, operation| {
        let id = operation.operation_id.clone().unwrap_or_default();
        assert!(ids.insert(id.clone()), "{id} is there twice");
        assert!(operation.summary.as_ref().is_some_and(|text| !text.is_empty()), "{path} {id}: summary");
        assert!(
            operation.description.as_ref().is_some_and(|text| !text.is_empty()),
            "{path} {id}: description"
        );
        let tags = operation.tags.clone().unwrap_or_default();
        assert!(tags.len() == 1 && known.contains(tags[0].as_str()), "{path} {id}: tags {tags:?}");
        assert_eq!(shared::unknown_problem_names(operation), [""; 0], "{path} {id}");
        for parameter in operation.parameters.iter().flatten() {
            if let utoipa::openapi::RefOr::T(parameter) = parameter {
                assert!(parameter.description.is_some(), "{path} {id}: parameter {}", parameter.name);
            }
        }
    });
}

#[test]
fn every_reference_leads_somewhere() {
    let document: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
    let mut open = vec![&document];
    let mut seen = 0;
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Object(fields) => {
                if let Some(serde_json::Value::String(to)) = fields.get("$ref") {
                    let pointer = to.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{to}");
                    seen += 1;
                }
                open.extend(fields.values());
            }
            serde_json::Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
    assert!(seen > 0);
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn what_follows_from_an_operation_is_documented() {
    let document: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
    let unseen = &document["paths"]["/v1/conversations/{id}/seen"]["delete"]["responses"];
    for status in ["204", "400", "413", "415", "422"] {
        assert!(unseen[status].is_object(), "{status}");
    }
    assert!(document["paths"]["/v1/conversations/counts"]["get"]["responses"]["422"].is_object());
    for path in ["/v1/messages", "/v1/mailboxes", "/v1/conversations/{id}/replies"] {
        let made = &document["paths"][path]["post"]["responses"]["201"]["headers"];
        assert!(made["ETag"].is_object() && made["Idempotent-Replayed"].is_object(), "{path}");
    }
    let schemas = &document["components"]["schemas"];
    let wish = schemas["FeatureRequest"].as_object().unwrap();
    assert_eq!(wish["required"].as_array().unwrap().len(), wish["properties"].as_object().unwrap().len());
    assert!(!wish.contains_key("additionalProperties"), "an answer may gain fields");
    for name in ["ReplyRequest", "NamedAddressRequest", "MailServerRequest"] {
        assert_eq!(schemas[name]["additionalProperties"], false, "{name}");
    }
}

#[test]
fn the_route_table_knows_methods_by_address() {
    let table = RouteTable::of(&document());
    assert_eq!(table.methods("/healthz"), ["GET", "HEAD"]);
    assert_eq!(table.methods("/v1/conversations/counts"), ["GET", "HEAD"]);
    assert_eq!(table.methods("/v1/conversations/x"), ["GET", "HEAD", "PATCH"]);
    assert!(table.methods("/v1/conversations/{id}/x").is_empty());
    assert!(table.methods("/nowhere").is_empty());
}

#[test]
fn every_json_has_an_example() {
    let document: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().values();
            for body in answers.chain([&operation["requestBody"]]) {
                let content = &body["content"]["application/json"];
                assert!(content.is_null() || !content["example"].is_null(), "{method} {path}");
                seen += usize::from(!content.is_null());
            }
        }
    }
    assert!(seen > 40, "{seen}");
}
