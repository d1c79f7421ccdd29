//! Files: uploaded, used once, shown in place; and what a mail would be before it leaves.

use crate::world::{World, answering, mail};
use postroom_testkit::client::{Answer, Caller, SignedIn};
use serde_json::{Value, json};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

/// One part of a form.
struct Part<'a> {
    name: &'a str,
    filename: Option<&'a str>,
    content_type: Option<&'a str>,
    content: &'a [u8],
}

fn file<'a>(filename: &'a str, content_type: &'a str, content: &'a [u8]) -> Part<'a> {
    Part { name: "file", filename: Some(filename), content_type: Some(content_type), content }
}

fn form(parts: &[Part<'_>], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let filename = part.filename.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let content_type =
            part.content_type.map(|name| format!("Content-Type: {name}\r\n")).unwrap_or_default();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"{filename}\r\n{content_type}\r\n",
            part.name
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

fn send(caller: &SignedIn, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let authorization = caller.authorization().unwrap();
    let mut all = vec![("authorization", authorization.as_str())];
    all.extend_from_slice(headers);
    caller.line().send("POST", "/v1/attachments", &all, body).unwrap()
}

const FORM: &str = "multipart/form-data; boundary=xx-yy";

fn upload(caller: &SignedIn, part: Part<'_>) -> Value {
    send(caller, &[("content-type", FORM)], form(&[part], "xx-yy")).expect(201).unwrap()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn conversation(world: &World, caller: &SignedIn) -> String {
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let card = caller.all("/v1/conversations").unwrap().remove(0);
    format!("/v1/conversations/{}", text(&card, "/id"))
}

#[test]
fn a_file_is_its_uploaders_until_a_mail_takes_it() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let path = conversation(&world, &olga);
    let first = send(
        &olga,
        &[("content-type", FORM)],
        form(&[file("offer.pdf", "application/pdf", b"%PDF-1.7 x")], "xx-yy"),
    );
    let location = first.header("location").to_owned();
    let tag = first.header("etag").to_owned();
    let made = first.expect(201).unwrap();
    let id = text(&made, "/id").to_owned();
    assert_eq!(location, format!("/v1/attachments/{id}"));
    assert_eq!(
        (text(&made, "/filename"), text(&made, "/content_type"), &made["size"]),
        ("offer.pdf", "application/pdf", &json!(10))
    );
    assert_eq!((&made["message_id"], made["expires_at"].is_string()), (&Value::Null, true));
    let shown = olga.get(&location).unwrap();
    assert_eq!(shown.header("etag"), tag);
    assert_eq!(shown.expect(200).unwrap(), made);
    assert_eq!(olga.send("GET", &location, &[("if-none-match", &tag)], None).unwrap().status, 304);
    let content = format!("{location}/content");
    assert_eq!(olga.get(&content).unwrap().bytes, b"%PDF-1.7 x");
    assert_eq!(world.anonymous().get(text(&made, "/url")).unwrap().bytes, b"%PDF-1.7 x");
    for path in [&location, &content] {
        assert_eq!(tom.get(path).unwrap().problem(404).unwrap(), "not_found", "nobody else's");
        assert_eq!(world.anonymous().get(path).unwrap().status, 401);
    }
    let replies = format!("{path}/replies");
    let theirs = upload(&tom, file("x.txt", "text/plain", b"x"));
    for (ids, wrong) in [
        (json!([id, id]), "/attachment_ids/1"),
        (json!([id, theirs["id"]]), "/attachment_ids/1"),
        (json!([made["id"], "00000000-0000-7000-8000-000000000000"]), "/attachment_ids/1"),
        (json!(["x"]), "/attachment_ids/0"),
    ] {
        for path in [&replies, &format!("{replies}/preview")] {
            let refused = olga.post(path, &json!({"text": "Here", "attachment_ids": ids})).unwrap();
            let refused = refused.expect(422).unwrap();
            assert_eq!(text(&refused, "/errors/0/pointer"), wrong, "{refused}");
            assert_eq!(text(&refused, "/errors/0/code"), "invalid_id");
        }
    }
    let body = json!({"text": "Here", "attachment_ids": [id]});
    let reply = olga.post(&replies, &body).unwrap().expect(201).unwrap();
    assert_eq!(reply["attachments"][0]["id"], made["id"]);
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["has_attachments"], true);
    let used = olga.get(&location).unwrap().expect(200).unwrap();
    assert_eq!((&used["message_id"], &used["expires_at"]), (&reply["id"], &Value::Null));
    assert_eq!(olga.post(&replies, &body).unwrap().status, 422, "a file goes into one mail");
    // Taken back: it can be used again, and the card has no file any more.
    let cancel = format!("/v1/messages/{}/cancel", text(&reply, "/id"));
    assert_eq!(olga.post(&cancel, &json!({})).unwrap().expect(200).unwrap(), body);
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["has_attachments"], false);
    assert!(olga.get(&location).unwrap().expect(200).unwrap()["expires_at"].is_string());
    assert_eq!(olga.post(&replies, &body).unwrap().status, 201);
}

#[test]
fn the_same_upload_sent_twice_is_one_file() {
    let world = World::new();
    let olga = world.olga();
    let once = |boundary: &str, part| {
        let content_type = format!("multipart/form-data; boundary={boundary}");
        send(&olga, &[("content-type", &content_type), ("idempotency-key", "k")], form(&[part], boundary))
    };
    let first = once("aa", file("a.txt", "text/plain", b"one"));
    let again = once("bb", file("a.txt", "text/plain", b"one"));
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(first.body["id"], again.body["id"]);
    for other in [
        file("b.txt", "text/plain", b"one"),
        file("a.txt", "text/plain", b"two"),
        file("a.txt", "text/csv", b"one"),
    ] {
        assert_eq!(once("aa", other).problem(422).unwrap(), "idempotency_key_reused");
    }
    let bad = send(
        &olga,
        &[("content-type", FORM), ("idempotency-key", "")],
        form(&[file("a", "a/b", b"x")], "xx-yy"),
    );
    assert_eq!(bad.problem(400).unwrap(), "malformed_request");
}

#[test]
fn an_upload_that_is_none_is_refused_by_its_fault() {
    let world = World::new();
    let olga = world.olga();
    let other = |name: &'static str| Part { name, filename: None, content_type: None, content: b"x" };
    for (parts, pointer, code) in [
        (vec![], "/file", "required"),
        (vec![other("flie")], "/flie", "unknown_field"),
        (vec![other("a/b~")], "/a~1b~0", "unknown_field"),
        (vec![file("a", "a/b", b"x"), other("note")], "/note", "unknown_field"),
        (vec![file("a", "a/b", b"x"), file("b", "a/b", b"y")], "/file", "too_long"),
    ] {
        let refused = send(&olga, &[("content-type", FORM)], form(&parts, "xx-yy")).expect(422).unwrap();
        assert_eq!((text(&refused, "/errors/0/pointer"), text(&refused, "/errors/0/code")), (pointer, code));
    }
    for (content_type, status, code) in [
        ("application/json", 415, "unsupported_media_type"),
        ("multipart/mixed; boundary=xx-yy", 415, "unsupported_media_type"),
        ("multipart/form-data", 400, "malformed_request"),
        ("multipart/form-data; boundary=other", 400, "malformed_request"),
    ] {
        let answer = send(&olga, &[("content-type", content_type)], form(&[file("a", "a/b", b"x")], "xx-yy"));
        assert_eq!(answer.problem(status).unwrap(), code, "{content_type}");
    }
    let mut cut = form(&[file("a", "a/b", b"x")], "xx-yy");
    cut.truncate(cut.len() - 12);
    assert_eq!(send(&olga, &[("content-type", FORM)], cut).problem(400).unwrap(), "malformed_request");
    let endless_header = format!("--xx-yy\r\nX: {}\r\n", "x".repeat(100_000));
    let answer = send(&olga, &[("content-type", FORM)], endless_header.into_bytes());
    assert_eq!(answer.problem(400).unwrap(), "malformed_request");
    assert_eq!(
        world
            .anonymous()
            .line()
            .send("POST", "/v1/attachments", &[("content-type", FORM)], vec![])
            .unwrap()
            .status,
        401
    );
}

#[test]
fn the_largest_file_is_taken_and_a_larger_one_told() {
    let world = World::new();
    let olga = world.olga();
    let most = vec![7_u8; 25 * 1024 * 1024];
    let made = upload(&olga, file("most.bin", "application/octet-stream", &most));
    assert_eq!(made["size"], most.len());
    assert!(olga.get(&format!("/v1/attachments/{}/content", text(&made, "/id"))).unwrap().bytes == most);
    let more = vec![7_u8; 25 * 1024 * 1024 + 1];
    let answer = send(&olga, &[("content-type", FORM)], form(&[file("more.bin", "a/b", &more)], "xx-yy"));
    assert_eq!(answer.problem(413).unwrap(), "body_too_large");
    // Two files that a mail can't carry together.
    let path = conversation(&world, &olga);
    let small = upload(&olga, file("small.bin", "a/b", b"x"));
    let both = json!({"text": "x", "attachment_ids": [made["id"], small["id"]]});
    let refused = olga.post(&format!("{path}/replies"), &both).unwrap().expect(422).unwrap();
    assert_eq!(
        (text(&refused, "/errors/0/pointer"), text(&refused, "/errors/0/code")),
        ("/attachment_ids", "too_large")
    );
}

#[test]
fn names_and_types_are_made_harmless() {
    let world = World::new();
    let olga = world.olga();
    for (given, name) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\fakepath\\\\a.txt", "a.txt"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ("Gr\u{fc}\u{df}e \u{200b}\u{645}.txt", "Grüße م.txt"),
        ("e\u{301}.txt", "e\u{301}.txt"),
    ] {
        assert_eq!(text(&upload(&olga, file(given, "text/plain", b"x")), "/filename"), name, "{given:?}");
    }
    assert_eq!(upload(&olga, file("..", "text/plain", b"x"))["filename"], Value::Null);
    assert_eq!(
        text(&upload(&olga, file("a.png", "image/png", b"<script>")), "/content_type"),
        "application/octet-stream"
    );
    let page = upload(&olga, file("a.html", "text/html; charset=utf-8", b"<script>alert(1)</script>"));
    assert_eq!(text(&page, "/content_type"), "text/html");
    let shown = world.anonymous().get(text(&page, "/url")).unwrap();
    assert_eq!(shown.header("content-type"), "application/octet-stream", "never a page");
    assert!(shown.header("content-disposition").starts_with("attachment"));
}

#[test]
fn pictures_stand_in_place() {
    let world = World::new();
    let olga = world.olga();
    let path = conversation(&world, &olga);
    let picture = upload(&olga, file("dot.png", "image/png", PNG));
    let id = text(&picture, "/id");
    let body =
        json!({"html": format!("<p>Look: <img src=\"cid:{id}\" alt=\"a dot\"></p>"), "attachment_ids": [id]});
    let preview = olga.post(&format!("{path}/replies/preview"), &body).unwrap().expect(200).unwrap();
    let reply = olga.post(&format!("{path}/replies"), &body).unwrap().expect(201).unwrap();
    for shown in [&preview, &reply] {
        assert_eq!(shown["attachments"][0]["inline"], true);
        let url = text(shown, "/attachments/0/url").to_owned();
        assert!(text(shown, "/html").replace("&amp;", "&").contains(&format!("src=\"{url}\"")), "{shown}");
        assert_eq!(world.anonymous().get(&url).unwrap().bytes, PNG);
    }
    assert_eq!(
        olga.get(&path).unwrap().expect(200).unwrap()["has_attachments"],
        false,
        "it is no attachment"
    );
}

#[test]
fn a_preview_is_what_is_sent() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}", text(&card, "/id"));
    olga.patch("/v1/me", &json!({"signature_html": "<b>Olga</b>"})).unwrap().expect(200).unwrap();
    let before = world.run(world.store.claim_deliveries(1, std::time::Duration::from_secs(1))).unwrap().len();
    for body in [
        json!({"text": "Hello"}),
        json!({"text": "Hello", "include_signature": false, "include_quote": false}),
        json!({"html": "<p>Hi <script>x</script></p>", "cc": ["eve@rival.example"], "bcc": ["blind@customer.example"]}),
    ] {
        let preview = olga.post(&format!("{path}/replies/preview"), &body).unwrap().expect(200).unwrap();
        assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["message_count"], 1, "nothing is sent");
        let reply = olga.post(&format!("{path}/replies"), &body).unwrap().expect(201).unwrap();
        for field in ["from", "to", "cc", "bcc", "subject", "text", "html", "segments", "attachments"] {
            assert_eq!(preview[field], reply[field], "{field} of {body}");
        }
        let cancel = format!("/v1/messages/{}/cancel", text(&reply, "/id"));
        olga.post(&cancel, &json!({})).unwrap().expect(200).unwrap();
    }
    assert_eq!(before, 0);
    let refused =
        olga.post(&format!("{path}/replies/preview"), &json!({"text": "x", "to": [], "cc": []})).unwrap();
    assert_eq!(refused.problem(422).unwrap(), "validation_failed");
    assert_eq!(
        world.tom().post(&format!("{path}/replies/preview"), &json!({"nonsense": 1})).unwrap().status,
        404
    );
}

#[test]
fn a_preview_warns() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}", text(&card, "/id"));
    let codes = |body: &Value| -> Vec<(String, Value)> {
        let preview = olga.post(&format!("{path}/replies/preview"), body).unwrap().expect(200).unwrap();
        let warnings = preview["warnings"].as_array().unwrap().clone();
        warnings.iter().map(|one| (text(one, "/code").to_owned(), one["addresses"].clone())).collect()
    };
    assert_eq!(codes(&json!({"text": "Hello"})), []);
    let risky = json!({"text": "Anbei das Angebot.", "cc": ["eve@rival.example", "noreply@customer.example", "tom@acme.example"]});
    assert_eq!(
        codes(&risky),
        [
            ("new_recipient".to_owned(), json!(["eve@rival.example", "noreply@customer.example"])),
            ("other_company".to_owned(), json!(["eve@rival.example"])),
            ("no_reply_address".to_owned(), json!(["noreply@customer.example"])),
            ("missing_attachment".to_owned(), json!([])),
        ]
    );
    let first = text(&card, "/last_message/id").to_owned();
    world.deliver(&support, answering(mail("bob@customer.example", 2), 1));
    let behind = json!({"text": "Hello", "last_seen_message_id": first});
    assert_eq!(codes(&behind), [("conversation_moved_on".to_owned(), json!([]))]);

    // A new mail: nobody could have taken part.
    let mailbox = olga.all("/v1/mailboxes").unwrap().remove(0);
    let new = json!({"mailbox_id": mailbox["id"], "subject": "Re:", "text": "Hello",
        "to": ["bob@customer.example"], "cc": ["eve@rival.example"]});
    let preview = olga.post("/v1/messages/preview", &new).unwrap().expect(200).unwrap();
    let warnings: Vec<&str> =
        preview["warnings"].as_array().unwrap().iter().map(|one| text(one, "/code")).collect();
    assert_eq!(warnings, ["other_company", "empty_subject"]);
    assert_eq!(text(&preview, "/from/address"), "support@acme.example");
    assert_eq!(olga.get("/v1/messages/preview").unwrap().problem(405).unwrap(), "method_not_allowed");
    assert!(olga.all("/v1/messages").unwrap().is_empty(), "nothing was written");
}

#[test]
fn unused_files_go_after_a_day_and_what_nothing_names_with_them() {
    let world = World::new();
    let olga = world.olga();
    let path = conversation(&world, &olga);
    let kept = upload(&olga, file("kept.txt", "text/plain", b"kept"));
    let gone = upload(&olga, file("gone.txt", "text/plain", b"gone"));
    let twice = upload(&olga, file("twice.txt", "text/plain", b"kept"));
    let body = json!({"text": "x", "attachment_ids": [kept["id"]]});
    olga.post(&format!("{path}/replies"), &body).unwrap().expect(201).unwrap();
    let upkeep = || world.run(world.store.upkeep(chrono::Utc::now())).unwrap();
    assert_eq!((upkeep().uploads, upkeep().blobs), (0, 0), "not within a day");
    world.execute("UPDATE attachments SET unused_since = unused_since - interval '25 hours'");
    let done = upkeep();
    assert_eq!((done.uploads, done.blobs), (2, 0), "their content was touched today");
    for one in [&gone, &twice] {
        assert_eq!(olga.get(&format!("/v1/attachments/{}", text(one, "/id"))).unwrap().status, 404);
    }
    world.execute("UPDATE blobs SET touched_at = touched_at - interval '25 hours'");
    assert_eq!(upkeep().blobs, 1);
    let content = format!("/v1/attachments/{}/content", text(&kept, "/id"));
    assert_eq!(olga.get(&content).unwrap().bytes, b"kept", "a mail has it");
    // The same file comes again: it is written anew.
    let again = upload(&olga, file("gone.txt", "text/plain", b"gone"));
    assert_eq!(olga.get(&format!("/v1/attachments/{}/content", text(&again, "/id"))).unwrap().bytes, b"gone");
}
