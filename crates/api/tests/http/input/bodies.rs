//! Bodies that are wrong as a whole.

use super::desk::Desk;
use std::time::{Duration, Instant};

const JSON: &str = "application/json";

pub(crate) fn faults(desk: &Desk<'_>) -> Vec<String> {
    let method = desk.operation.method.as_str();
    if method == "GET" {
        return Vec::new();
    }
    let target = desk.target();
    let path = desk.path(&target);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("{{\"text\": \"{}\"}}", "x".repeat(10_000_000));
    // A form is taken apart as it comes: what is no form has no right type, and its size is that of the file in it.
    let form = desk.operation.says.pointer("/requestBody/content/multipart~1form-data").is_some();
    let cases: Vec<(&str, &str, Vec<u8>, u16)> = if form {
        vec![
            ("no form", JSON, b"{}".to_vec(), 415),
            ("a broken form", "multipart/form-data; boundary=x", b"x".to_vec(), 400),
        ]
    } else {
        vec![
            ("half an object", JSON, b"{".to_vec(), 400),
            ("no UTF-8", JSON, b"{\"name\": \"\xff\"}".to_vec(), 400),
            ("a lone surrogate", JSON, b"{\"name\": \"\\ud800\"}".to_vec(), 400),
            ("10,000 levels", JSON, deep.into_bytes(), 400),
            ("10 MB", JSON, large.into_bytes(), 413),
            ("text", "text/plain", b"{}".to_vec(), 415),
            ("a list", JSON, b"[]".to_vec(), 422),
            ("a text", JSON, b"\"x\"".to_vec(), 422),
            ("null", JSON, b"null".to_vec(), 422),
            ("an unknown field", JSON, b"{\"nonsense\": 1}".to_vec(), 422),
        ]
    };
    let optional = desk.operation.says["requestBody"].is_object()
        && desk.operation.says["requestBody"]["required"] != true;
    let mut faults = Vec::new();
    for (what, content_type, body, wanted) in cases {
        // Where a body may be left out, `null` is none.
        if what == "null" && optional {
            continue;
        }
        let begun = Instant::now();
        let answer = desk.send(&path, &[], (content_type, body));
        if answer.status != wanted {
            faults.push(desk.fault(&format!("{what} instead of {wanted}"), &answer));
        }
        if begun.elapsed() > Duration::from_secs(10) {
            faults.push(desk.fault(&format!("{what} took {:?}", begun.elapsed()), &answer));
        }
    }
    if !desk.unchanged(&target) {
        faults.push(format!("{}: a wrong body has changed something", desk.operation.id));
    }
    faults
}
