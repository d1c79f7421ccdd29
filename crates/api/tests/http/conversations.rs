//! The stream, a conversation, its messages, replies.

use crate::world::{World, answering, mail};
use postroom_testkit::{
    client::{Caller, SignedIn},
    contract::document::{Document, Operation},
};
use serde_json::{Value, json};
use std::collections::HashSet;

#[test]
fn walking_the_stream_gives_each_conversation_once() {
    let world = World::new();
    let support = world.support();
    for number in 0..7 {
        world.deliver(&support, mail("bob@customer.example", number));
    }
    let olga = world.olga();
    for sort in ["newest", "oldest"] {
        let mut seen = Vec::new();
        let mut path = format!("/v1/conversations?limit=3&sort={sort}");
        loop {
            let answer = olga.get(&path).unwrap();
            let link = answer.header("link").to_owned();
            let page = answer.expect(200).unwrap();
            seen.extend(page["data"].as_array().unwrap().iter().map(|card| card["number"].as_i64().unwrap()));
            let Some(cursor) = page["next_cursor"].as_str() else {
                assert_eq!(link, "");
                break;
            };
            path = format!("/v1/conversations?limit=3&sort={sort}&cursor={cursor}");
            assert_eq!(link, format!("<{}{path}>; rel=\"next\"", world.base));
        }
        let mut expected: Vec<i64> = (1..=7).collect();
        if sort == "newest" {
            expected.reverse();
        }
        assert_eq!(seen, expected, "{sort}");
    }
    let cursor = olga.get("/v1/conversations?limit=3").unwrap().expect(200).unwrap()["next_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    for other in ["status=closed&", "sort=oldest&", "view=mine&"] {
        let answer = olga.get(&format!("/v1/conversations?{other}cursor={cursor}")).unwrap();
        assert_eq!(answer.problem(400).unwrap(), "invalid_cursor", "{other}");
    }
    let tom = world.tom().get(&format!("/v1/conversations?view=mine&cursor={cursor}")).unwrap();
    assert_eq!(tom.problem(400).unwrap(), "invalid_cursor");
    for wrong in ["limit=0", "limit=101", "limit=x", "status=opened", "veiw=all", "limit=1&limit=2"] {
        assert_eq!(
            olga.get(&format!("/v1/conversations?{wrong}")).unwrap().problem(422).unwrap(),
            "validation_failed",
            "{wrong}"
        );
    }
}

#[test]
fn a_conversation_is_refused_in_the_documented_order() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}", card["id"].as_str().unwrap());
    let tag = olga.get(&path).unwrap().header("etag").to_owned();
    let patch =
        |tag: &str, body: Value| olga.send("PATCH", &path, &[("if-match", tag)], Some(&body)).unwrap();
    assert_eq!(
        patch("\"99\"", json!({"nonsense": 1})).problem(412).unwrap(),
        "stale_version",
        "before the body"
    );
    assert_eq!(patch(&tag, json!({"nonsense": 1})).problem(422).unwrap(), "validation_failed");
    let closed = patch(&tag, json!({"status": "closed"}));
    assert_ne!(closed.header("etag"), tag);
    let closed = closed.expect(200).unwrap();
    assert_eq!((&closed["status"], &closed["version"]), (&json!("closed"), &json!(2)));
    assert_eq!(patch(&tag, json!({"status": "open"})).expect(412).unwrap()["current"], closed);
    let same = patch("\"2\"", json!({"status": "closed"})).expect(200).unwrap();
    assert_eq!(same, closed, "CNV-4: what it has already changes nothing");
    let owner = json!({"owner_id": card["id"]});
    assert_eq!(patch("*", owner).expect(422).unwrap()["errors"][0]["pointer"], "/owner_id");
    for wrong in [json!({"status": null}), json!({"status": 1}), json!([]), json!({"status": "Open"})] {
        assert_eq!(patch("*", wrong).status, 422);
    }
}

#[test]
fn opening_clears_unread_for_all_and_can_be_undone() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    assert_eq!(card["unread"], true);
    let path = format!("/v1/conversations/{}", card["id"].as_str().unwrap());
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["unread"], true, "reading doesn't open it");
    let seen = format!("{path}/seen");
    let foreign = json!({"message_id": card["id"]});
    assert_eq!(
        olga.put(&seen, &foreign).unwrap().expect(422).unwrap()["errors"][0]["pointer"],
        "/message_id"
    );
    for method in ["PUT", "DELETE"] {
        let stale = olga.send(method, &seen, &[("if-match", "\"99\"")], None).unwrap();
        let stale = stale.expect(412).unwrap();
        assert_eq!((&stale["code"], &stale["current"]["unread"]), (&json!("stale_version"), &json!(true)));
    }
    let present = olga.get(&path).unwrap().header("etag").to_owned();
    assert_eq!(olga.send("PUT", &seen, &[("if-match", &present)], None).unwrap().status, 204);
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["unread"], false);
    world.deliver(&support, answering(mail("bob@customer.example", 2), 1));
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["unseen_replies"], 1);
    assert_eq!(olga.delete(&seen).unwrap().status, 204);
    let counts = olga.get("/v1/conversations/counts").unwrap().expect(200).unwrap();
    assert_eq!(counts["all"], json!({"open": 1, "unread": 1}));
}

#[test]
fn the_same_reply_sent_twice_is_one() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}", card["id"].as_str().unwrap());
    let replies = format!("{path}/replies");
    let body = json!({"text": "On its way.", "last_seen_message_id": card["last_message"]["id"]});
    let bob = json!({"kind": "contact", "id": card["primary_contact"]["id"], "name": card["primary_contact"]["name"],
        "email": "bob@customer.example", "avatar_url": null});
    assert_eq!(olga.get(&path).unwrap().expect(200).unwrap()["participants"], json!([bob]));
    let unknown = json!({"text": "On its way.", "last_seen_message_id": card["id"]});
    let refused = olga.post(&replies, &unknown).unwrap().expect(422).unwrap();
    assert_eq!(refused["errors"][0]["pointer"], "/last_seen_message_id");
    let first = olga.post_once(&replies, "key", &body).unwrap();
    let location = first.header("location").to_owned();
    assert_eq!(first.header("etag"), olga.get(&location).unwrap().header("etag"), "the tag is the message's");
    let again = olga.post_once(&replies, "key", &body).unwrap();
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((again.header("location"), &again.bytes), (location.as_str(), &first.bytes));
    assert_eq!(again.header("etag"), first.header("etag"));
    let first = first.expect(201).unwrap();
    assert_eq!(first["delivery"]["state"], "queued");
    assert_eq!(first["to"][0]["address"], "bob@customer.example");
    let other = olga.post_once(&replies, "key", &json!({"text": "Other"})).unwrap();
    assert_eq!(other.problem(422).unwrap(), "idempotency_key_reused");
    // The same key with something else that would be right.
    let mailbox = olga.get(&path).unwrap().expect(200).unwrap()["mailbox"]["id"].clone();
    let letter = json!({"mailbox_id": mailbox, "subject": "Hi", "to": ["bob@customer.example"], "text": "On its way."});
    let elsewhere = olga.post_once("/v1/messages", "key", &letter).unwrap();
    assert_eq!(elsewhere.problem(422).unwrap(), "idempotency_key_reused");
    assert_eq!(olga.post_once("/v1/messages", "another key", &letter).unwrap().status, 201);
    assert_eq!(olga.all(&format!("{path}/messages")).unwrap().len(), 2, "one mail and one reply");

    world.deliver(&support, answering(mail("bob@customer.example", 100_000), 1));
    let moved = olga.post(&replies, &json!({"text": "x", "last_seen_message_id": first["id"]})).unwrap();
    let moved = moved.expect(409).unwrap();
    let newest = olga.get(&path).unwrap().expect(200).unwrap()["last_message"]["id"].clone();
    assert_eq!((&moved["code"], &moved["latest_message_id"]), (&json!("conversation_moved_on"), &newest));
    let forced = json!({"text": "x", "last_seen_message_id": first["id"], "force": true});
    assert_eq!(olga.post(&replies, &forced).unwrap().status, 201);
}

#[test]
fn a_reply_that_can_not_be_sent_names_the_field() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let replies = format!("/v1/conversations/{}/replies", card["id"].as_str().unwrap());
    for (body, expected) in [
        (json!({}), "/text"),
        (json!({"text": " \n"}), "/text"),
        (json!({"html": "<p> </p><script>x</script>"}), "/html"),
        (json!({"text": "a", "html": "b"}), "/html"),
        (json!({"text": "a", "to": [], "cc": []}), "/to"),
        (json!({"text": "a", "to": ["bob"]}), "/to/0"),
        (json!({"text": "a", "to": [{"name": "a\r\nBcc: x@y.z", "address": "b@c.de"}]}), "/to/0/name"),
        (json!({"text": "a", "cc": [{"address": 1}]}), "/cc/0/address"),
        (json!({"text": "a", "attachment_ids": [card["id"]]}), "/attachment_ids/0"),
        (json!({"text": "a", "force": "yes"}), "/force"),
        (json!({"text": "a", "inculde_quote": true}), "/inculde_quote"),
    ] {
        let refused = olga.post(&replies, &body).unwrap().expect(422).unwrap();
        assert_eq!(refused["errors"][0]["pointer"], expected, "{body} → {refused}");
    }
    for key in ["", "ü", &"k".repeat(256)] {
        let headers = [("idempotency-key", key)];
        let answer = olga.send("POST", &replies, &headers, Some(&json!({"text": "a"}))).unwrap();
        assert_eq!(answer.problem(400).unwrap(), "malformed_request", "{key:?}");
    }
}

#[test]
fn messages_are_paged_from_the_newest_end_and_files_load_by_their_links() {
    let world = World::new();
    let support = world.support();
    let mut first = mail("bob@customer.example", 1);
    first.attachments = vec![
        world.file("page.html", "text/html", b"<script>alert(1)</script>"),
        world.file("dot.png", "image/png", b"\x89PNG dot"),
    ];
    world.deliver(&support, first);
    for number in 2..=5 {
        world.deliver(&support, answering(mail("bob@customer.example", number), 1));
    }
    let olga = world.olga();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}/messages", card["id"].as_str().unwrap());
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut cursor = String::new();
    let mut messages = Vec::new();
    loop {
        let page = olga.get(&format!("{path}?limit=2{cursor}")).unwrap().expect(200).unwrap();
        let data = page["data"].as_array().unwrap().clone();
        pages.push(
            data.iter().map(|one| one["preview"].as_str().unwrap().replace("Text number ", "")).collect(),
        );
        messages.extend(data);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(pages, [vec!["4", "5"], vec!["2", "3"], vec!["1"]]);
    let ids: HashSet<&str> = messages.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5);

    let files = messages.last().unwrap()["attachments"].as_array().unwrap().clone();
    for (file, media_type, how) in
        [(&files[0], "application/octet-stream", "attachment"), (&files[1], "image/png", "inline")]
    {
        let link = file["url"].as_str().unwrap().strip_prefix(&world.base).unwrap().to_owned();
        let loaded = world.anonymous().get(&link).unwrap();
        assert_eq!((loaded.status, loaded.header("content-type")), (200, media_type));
        assert!(loaded.header("content-disposition").starts_with(how));
        assert!(loaded.header("content-security-policy").contains("sandbox"));
        assert_eq!(loaded.header("x-content-type-options"), "nosniff");
        assert_eq!(loaded.header("cross-origin-resource-policy"), "cross-origin");
        let bare = link.split('?').next().unwrap();
        assert_eq!(world.anonymous().get(bare).unwrap().status, 401);
        assert_eq!(olga.get(bare).unwrap().bytes, loaded.bytes);
        assert_eq!(world.tom().get(bare).unwrap().status, 404);
        let forged = link.replace("expires=1", "expires=2");
        assert_eq!(world.anonymous().get(&forged).unwrap().status, 404);
    }
}

#[test]
fn a_merged_conversation_says_where_it_goes_on_by_its_messages_too() {
    let world = World::new();
    let support = world.support();
    // The mail between the two comes last: an answer to the first, and answered by the second.
    world.deliver(&support, mail("bob@customer.example", 1));
    world.deliver(&support, answering(mail("bob@customer.example", 3), 2));
    let olga = world.olga();
    let before = olga.all("/v1/conversations?sort=oldest").unwrap();
    assert_eq!(before.len(), 2);
    world.deliver(&support, answering(mail("bob@customer.example", 2), 1));
    let left = olga.all("/v1/conversations").unwrap().remove(0);
    let merged = before.iter().find(|card| card["id"] != left["id"]).unwrap();
    let (id, message) = (merged["id"].as_str().unwrap(), merged["last_message"]["id"].as_str().unwrap());
    // Every operation that says so, also before it judges what is sent.
    let document = Document::new(serde_json::from_str(&postroom_api::openapi::openapi()).unwrap());
    let say = |operation: &&Operation| {
        operation.says["x-problems"].as_array().is_some_and(|all| all.contains(&json!("conversation_merged")))
    };
    let operations: Vec<&Operation> = document.operations().iter().filter(say).collect();
    assert!(operations.len() > 9);
    for operation in operations {
        let path = operation.path.replace("{id}", id).replace("{message_id}", message);
        let body = (operation.method != "GET").then(|| json!({"nonsense": 1}));
        let ask = |who: &SignedIn| who.send(&operation.method, &path, &[], body.as_ref()).unwrap();
        let gone = ask(&olga).expect(410).unwrap();
        assert_eq!((&gone["code"], &gone["merged_into"]), (&json!("conversation_merged"), &left["id"]));
        assert_eq!(ask(&world.tom()).status, 404);
    }
}

#[test]
fn a_reading_answer_says_which_event_it_includes() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let number = |path: &str| -> i64 {
        let answer = olga.get(path).unwrap();
        answer.header("postroom-event").parse().unwrap_or_else(|_| panic!("{path} has no event number"))
    };
    let before = number("/v1/conversations");
    assert!(before > 0);
    let id = olga.all("/v1/conversations").unwrap()[0]["id"].as_str().unwrap().to_owned();
    for path in [&format!("/v1/conversations/{id}"), "/v1/conversations/counts", "/v1/me", "/v1/workspace"] {
        assert_eq!(number(path), before, "{path}");
    }
    let closed = olga.patch(&format!("/v1/conversations/{id}"), &json!({"status": "closed"})).unwrap();
    assert_eq!(closed.header("postroom-event"), "", "a writing answer includes more than one moment");
    closed.expect(200).unwrap();
    assert_eq!(number("/v1/conversations"), before + 1);
}
