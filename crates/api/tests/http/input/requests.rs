//! What is wrong beside the body: queries, ids, conditions, keys.

use super::desk::{Desk, pointers};
use postroom_testkit::{client::SignedIn, postgres::Cluster};
use sha2::{Digest as _, Sha256};

/// Values that a query may stumble over, as they stand in an address.
const QUERIES: [&str; 9] = [
    "",
    "x",
    "-1",
    "99999999999999999999",
    "1.5",
    "%00",
    "%F0%9F%91%A9",
    "%d7%a9%d7%9c%d7%95%d7%9d",
    "x%27%20OR%201%3D1",
];

/// Every parameter of the query, and one that isn't there: it is taken, or it is told which one is wrong.
pub(crate) fn query_faults(desk: &Desk<'_>) -> Vec<String> {
    let judges = desk.operation.statuses().any(|status| status == 422);
    if desk.operation.method != "GET" || !judges {
        return Vec::new();
    }
    let target = desk.target();
    let path = desk.path(&target);
    let path = path.split('?').next().unwrap_or_default();
    let mut faults = Vec::new();
    let names = desk.operation.parameters("query").filter_map(|parameter| parameter["name"].as_str());
    for name in names.chain(["nonsense"]) {
        for value in QUERIES {
            let answer = desk.send(&format!("{path}?{name}={value}"), &[], ("", Vec::new()));
            let named = pointers(&answer).contains(&format!("/{name}").as_str());
            let right = match answer.status {
                200 => name != "nonsense",
                422 => named,
                400 => name == "cursor" && answer.body["code"] == "invalid_cursor",
                // A link with a wrong signature is one that never was.
                404 => desk.operation.id == "get_attachment_content",
                403 => answer.body["code"] == "link_expired",
                _ => false,
            };
            if !right {
                faults.push(desk.fault(&format!("?{name}={value}"), &answer));
            }
        }
        let twice = desk.send(&format!("{path}?{name}=1&{name}=2"), &[], ("", Vec::new()));
        if twice.status >= 500 {
            faults.push(desk.fault(&format!("{name} twice"), &twice));
        }
    }
    faults
}

/// What is no id is the id of nothing.
pub(crate) fn id_faults(desk: &Desk<'_>) -> Vec<String> {
    if !desk.operation.path.contains('{') {
        return Vec::new();
    }
    let target = desk.target();
    let body = desk.right(&target);
    let mut faults = Vec::new();
    for id in
        ["x", "0", "%00", "%FF", "%D7%A9", "a%2Fb", "01890000-0000-7000-8000-00000000000g", &"9".repeat(2000)]
    {
        let mut path = desk.operation.path.clone();
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, id);
        }
        let answer = desk.send(&path, &[], (body.0, body.1.clone()));
        if answer.status != 404 {
            faults.push(desk.fault(&format!("the id {id:.40}"), &answer));
        }
    }
    faults
}

/// An answer with a tag is 304 for who has it, whatever else they have, and not for others.
pub(crate) fn tag_faults(desk: &Desk<'_>) -> Vec<String> {
    if desk.operation.method != "GET" || !desk.operation.has_parameter("header", "If-None-Match") {
        return Vec::new();
    }
    let target = desk.target();
    let path = desk.path(&target);
    let ask = |tag: &str| desk.send(&path, &[("if-none-match", tag)], ("", Vec::new()));
    let tag = ask("\"other\"").header("etag").to_owned();
    let mut faults = Vec::new();
    for (sent, wanted) in [
        (tag.clone(), 304),
        (format!("W/{tag}"), 304),
        (format!("\"a\", {tag}"), 304),
        ("*".to_owned(), 304),
        ("\"1\"".to_owned(), 200),
        ("nonsense".to_owned(), 200),
    ] {
        let answer = ask(&sent);
        if answer.status != wanted {
            faults.push(desk.fault(&format!("If-None-Match: {sent} instead of {wanted}"), &answer));
        }
    }
    faults
}

/// Who means another version is told how it is now, and nothing happens.
pub(crate) fn version_faults(desk: &Desk<'_>) -> Vec<String> {
    if !desk.operation.has_parameter("header", "If-Match") {
        return Vec::new();
    }
    let target = desk.target();
    let path = desk.path(&target);
    let body = desk.right(&target);
    let mut faults = Vec::new();
    for stale in ["\"999999\"", "\"999999-abc\""] {
        let answer = desk.send(&path, &[("if-match", stale)], (body.0, body.1.clone()));
        if answer.status != 412 || !answer.body["current"].is_object() {
            faults.push(desk.fault(&format!("If-Match: {stale}"), &answer));
        }
    }
    if !desk.unchanged(&target) {
        faults.push(format!("{}: a stale edit has changed something", desk.operation.id));
    }
    faults
}

/// RPL-7, everywhere: while the first one runs, afterwards, and with another request under the same key.
pub(crate) fn repetition_faults(desk: &Desk<'_>) -> Vec<String> {
    if !desk.operation.has_parameter("header", "Idempotency-Key") {
        return Vec::new();
    }
    let target = desk.target();
    let path = desk.path(&target);
    let (content_type, body) = desk.right(&target);
    let key = format!("key of {}", desk.operation.id);
    let send =
        |key: &str, body: &[u8]| desk.send(&path, &[("idempotency-key", key)], (content_type, body.to_vec()));
    let mut faults = Vec::new();
    let held = Cluster::shared()
        .unwrap()
        .hold_lock(&desk.site.world.database, lock_number(&desk.site.seats[0].user, &key))
        .unwrap();
    let early = send(&key, &body);
    if early.status != 409 || early.body["code"] != "idempotency_in_progress" {
        faults.push(desk.fault("while the first request runs", &early));
    }
    drop(held);
    for broken in ["", "é", &"k".repeat(256)] {
        let answer = send(broken, &body);
        if answer.status != 400 || answer.body["code"] != "malformed_request" {
            faults.push(desk.fault(&format!("the key {broken:.20?}"), &answer));
        }
    }
    // The lock ends with its connection, a moment later.
    let mut first = send(&key, &body);
    while first.status == 409 && first.body["code"] == "idempotency_in_progress" {
        first = send(&key, &body);
    }
    let again = send(&key, &body);
    let same = (again.status, again.header("location"), &again.bytes)
        == (first.status, first.header("location"), &first.bytes);
    let told =
        again.header("idempotent-replayed") == "true" && first.header("idempotent-replayed").is_empty();
    if first.status != desk.expected || !same || !told {
        faults.push(desk.fault("the second time", &again));
    }
    let mut other = body.clone();
    match other.windows(6).position(|text| text == b"GIF89a") {
        // Another file; what stands around it is no part of the request.
        Some(content) => other[content + 4] = b'7',
        None => other.extend_from_slice(if content_type.is_empty() { b"{}" } else { b" " }),
    }
    let content_type = if content_type.is_empty() { "application/json" } else { content_type };
    let reused = desk.send(&path, &[("idempotency-key", &key)], (content_type, other));
    if reused.status != 422 || reused.body["code"] != "idempotency_key_reused" {
        faults.push(desk.fault("another request under the same key", &reused));
    }
    faults
}

/// The lock that a request with this key holds while it is carried out (`idempotency.rs` of the store).
pub(crate) fn lock_number(me: &SignedIn, key: &str) -> i64 {
    let workspace = me.session()["user"]["workspace"]["id"].as_str().unwrap();
    let bytes = |id: &str| id.parse::<uuid::Uuid>().unwrap().into_bytes();
    let digest = Sha256::new()
        .chain_update("postroom idempotency")
        .chain_update(bytes(workspace))
        .chain_update(bytes(me.id()))
        .chain_update(key)
        .finalize();
    digest.iter().take(8).fold(0, |number, &byte| (number << 8) | i64::from(byte))
}
