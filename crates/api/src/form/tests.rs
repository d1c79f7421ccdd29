use super::*;
use postroom_domain::{
    address::{EmailAddress, NamedAddress},
    ids::UserId,
};
use serde_json::json;

#[derive(Debug)]
struct Sample {
    email: EmailAddress,
    to: Option<Vec<NamedAddress>>,
    title: Patch<String>,
    owner: Option<UserId>,
}

impl Request for Sample {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let email = form.required("email", email);
        let to = form.optional("to", list(2, named_address));
        let title = form.patched("title", line(5));
        let owner = form.changed("owner", id::<UserId>);
        Some(Self { email: email?, to: to?, title: title?, owner: owner? })
    }
}

/// The mistakes as `pointer code`, in the order in which they were found.
fn mistakes(value: Value) -> Vec<String> {
    let problem = read::<Sample>(value).unwrap_err();
    problem.errors().iter().map(|error| format!("{} {}", error.pointer, error.code.as_str())).collect()
}

#[test]
fn reads_what_is_right() {
    let sample: Sample = read(json!({
        "email": "Ann@Example.com",
        "to": ["bob@example.com", {"name": " Bob ", "address": "b@example.com"}, ],
        "title": null,
    }))
    .unwrap();
    assert_eq!(sample.email.as_str(), "ann@example.com");
    assert_eq!(sample.title, Patch::Null);
    assert!(sample.owner.is_none());
    assert_eq!(sample.to.unwrap()[1].name.as_deref(), Some("Bob"));
}

#[test]
fn tells_every_mistake_at_once() {
    assert_eq!(
        mistakes(json!({
            "email": 7,
            "to": ["x", {"address": "a@b.c", "nam/e~": 1}],
            "title": "abc\ndef",
            "owner": null,
            "emial": 1,
        })),
        [
            "/email invalid_type",
            "/to/0 invalid_email",
            "/to/1/nam~1e~0 unknown_field",
            "/title too_long",
            "/owner required",
            "/emial unknown_field",
        ]
    );
}

#[test]
fn refuses_each_kind_of_bad_value() {
    for (field, value, expected) in [
        ("email", json!(null), "/email required"),
        ("email", json!("no"), "/email invalid_email"),
        ("to", json!("a@b.c"), "/to invalid_type"),
        ("to", json!([1, 2, 3]), "/to too_long"),
        ("to", json!([[]]), "/to/0 invalid_type"),
        ("to", json!([{"name": "A\r\nBcc: x"}]), "/to/0/name invalid_character"),
        ("title", json!("\u{0}"), "/title invalid_character"),
        ("title", json!("a\u{2028}b"), "/title invalid_character"),
        ("title", json!("  "), "/title required"),
        ("title", json!(1), "/title invalid_type"),
        ("owner", json!("7"), "/owner invalid_id"),
        ("owner", json!({}), "/owner invalid_type"),
    ] {
        let mut body = json!({"email": "a@b.c"});
        body[field] = value.clone();
        assert_eq!(mistakes(body)[0], expected, "{field} = {value}");
    }
    assert_eq!(mistakes(json!([])), [" invalid_type"]);
}

#[test]
fn a_patch_tells_absent_from_null() {
    let body = json!({"email": "a@b.c"});
    assert_eq!(read::<Sample>(body).unwrap().title.change(), None);
    let body = json!({"email": "a@b.c", "title": null});
    assert_eq!(read::<Sample>(body).unwrap().title.change(), Some(None));
    let body = json!({"email": "a@b.c", "title": "x"});
    assert_eq!(read::<Sample>(body).unwrap().title.change(), Some(Some("x".to_owned())));
    assert_eq!(names_of::<Sample>(), ["email", "to", "title", "owner"]);
}

#[test]
fn a_flood_of_mistakes_is_told_in_part() {
    let mut fields = serde_json::Map::new();
    for number in 0..1000 {
        fields.insert(format!("{number}{}", "ü".repeat(500)), json!(1));
    }
    let told = mistakes(Value::Object(fields));
    assert_eq!(told.len(), 100);
    assert_eq!(told[0], "/email required");
    let longest = told.iter().map(|told| told.chars().count()).max().unwrap();
    assert_eq!(longest, "/ unknown_field".len() + 100);
}
