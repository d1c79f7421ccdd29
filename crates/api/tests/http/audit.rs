//! The audit trail (ACC-2): who may read it, what stands in it, and walking it.

use crate::world::{World, mail};
use postroom_domain::access::Role;
use postroom_testkit::client::{Caller, Line, SignedIn};
use serde_json::{Value, json};

const TRAIL: &str = "/v1/audit";

/// The id of a request that was answered with this status, and the answer.
fn done(answer: postroom_testkit::client::Answer, status: u16) -> (String, Value) {
    let request = answer.header("x-request-id").to_owned();
    (request, answer.expect(status).unwrap())
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

/// The one entry with this action.
fn one<'a>(entries: &'a [Value], action: &str) -> &'a Value {
    let mut found = entries.iter().filter(|entry| entry["action"] == action);
    let entry = found.next().unwrap_or_else(|| panic!("no {action} in {:?}", actions(entries)));
    assert!(found.next().is_none(), "{action} more than once");
    entry
}

/// ACC-2: owner and administrator; a key of theirs only with the whole scope. The role comes before what is wrong with
/// the request.
#[test]
fn the_trail_is_for_owner_and_administrators() {
    let world = World::new();
    let olga = world.olga();
    let ada = world.colleague("ada", Role::Administrator);
    let others = [world.colleague("max", Role::Manager), world.tom()];
    for may in [&olga, &ada] {
        assert_eq!(may.get(TRAIL).unwrap().status, 200);
        assert_eq!(may.get("/v1/audit?nonsense=1").unwrap().status, 422);
    }
    for may_not in &others {
        for path in [TRAIL, "/v1/audit?nonsense=1", "/v1/audit?cursor=x"] {
            assert_eq!(may_not.get(path).unwrap().problem(403).unwrap(), "role_not_allowed", "{path}");
        }
    }
    let line = Line::to(&world.base);
    for (scope, status) in [("read", 403), ("write", 403), ("admin", 200)] {
        let key = olga.post("/v1/api-keys", &json!({"name": "Robot", "scope": scope})).unwrap();
        let key = key.expect(201).unwrap();
        let bearer = format!("Bearer {}", key["token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let answer = line.send("GET", TRAIL, &headers, vec![]).unwrap();
        assert_eq!(answer.status, status, "{scope}");
        if status == 403 {
            assert_eq!(answer.problem(403).unwrap(), "scope_not_allowed", "{scope}");
        }
        if scope == "admin" {
            let (headers, patch) = (
                [headers[0], ("content-type", "application/json")],
                json!({"time_zone": "Europe/Berlin"}).to_string(),
            );
            assert_eq!(line.send("PATCH", "/v1/me", &headers, patch.into_bytes()).unwrap().status, 200);
            let entries = olga.all("/v1/audit?action=user.profile_changed").unwrap();
            assert_eq!(one(&entries, "user.profile_changed")["api_key"], key["id"], "and names the key");
        }
    }
}

/// Every kind of change stands in it with who did it, with which request, and nothing of what was written.
#[test]
fn what_is_done_stands_in_the_trail() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let (olga, tom) = (world.olga(), world.tom());
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let path = format!("/v1/conversations/{}", card["id"].as_str().unwrap());
    let contact = format!("/v1/contacts/{}", card["primary_contact"]["id"].as_str().unwrap());
    let (edit, _) = done(olga.patch(&path, &json!({"owner_id": tom.id()})).unwrap(), 200);
    olga.patch(&path, &json!({"owner_id": tom.id()})).unwrap().expect(200).unwrap();
    let words = json!({"text": "The secret word is xylophone."});
    let (reply, message) = done(tom.post(&format!("{path}/replies"), &words).unwrap(), 201);
    let (unread, _) = done(tom.delete(&format!("{path}/seen")).unwrap(), 204);
    let profile = json!({"name": "Thomas Xylophone", "signature_html": "<p>xylophone</p>"});
    let (profile, _) = done(tom.patch("/v1/me", &profile).unwrap(), 200);
    let (phone, _) = done(tom.patch(&contact, &json!({"phone": "+49 xylophone"})).unwrap(), 200);
    let wish = json!({"feature": "conversations", "message": "xylophone"});
    let mailbox = json!({"address": "tom@acme.example", "kind": "personal",
        "imap": {"host": "127.0.0.1", "port": 143, "security": "none", "username": "u", "password": "xylophone"},
        "smtp": {"host": "127.0.0.1", "port": 25, "security": "none", "username": "u", "password": "xylophone"}});
    let (connected, mailbox) = done(tom.post("/v1/mailboxes", &mailbox).unwrap(), 201);
    let mailbox = format!("/v1/mailboxes/{}", mailbox["id"].as_str().unwrap());
    let (changed, _) = done(tom.patch(&mailbox, &json!({"display_name": "Tom"})).unwrap(), 200);
    let (removed, _) = done(tom.delete(&mailbox).unwrap(), 204);
    let back = format!("/v1/messages/{}/cancel", message["id"].as_str().unwrap());
    let (taken_back, _) = done(tom.send("POST", &back, &[], None).unwrap(), 200);
    let neighbour = world.neighbour("globex");
    let otto = world.anonymous().sign_in("globex", "otto@globex.example", crate::world::PASSWORD).unwrap();
    assert_eq!(otto.id(), neighbour.user_id.to_string());
    world.execute("UPDATE workspaces SET conversations_feature = 'disabled' WHERE slug = 'globex'");
    let (asked, _) = done(otto.post("/v1/workspace/feature-requests", &wish).unwrap(), 201);

    let entries = olga.all(TRAIL).unwrap();
    let expected = [
        (&edit, "conversation.updated", "conversation", &olga),
        (&reply, "message.written", "message", &tom),
        (&unread, "conversation.marked_unread", "conversation", &tom),
        (&profile, "user.profile_changed", "user", &tom),
        (&phone, "contact.updated", "contact", &tom),
        (&connected, "mailbox.created", "mailbox", &tom),
        (&changed, "mailbox.updated", "mailbox", &tom),
        (&removed, "mailbox.removed", "mailbox", &tom),
        (&taken_back, "message.taken_back", "message", &tom),
    ];
    for (request, action, kind, actor) in expected {
        let of_request: Vec<&Value> =
            entries.iter().filter(|entry| entry["request_id"] == **request).collect();
        let [entry] = of_request[..] else { panic!("{action}: {of_request:?}") };
        assert_eq!((&entry["action"], &entry["object"]["kind"]), (&json!(action), &json!(kind)));
        assert_eq!((&entry["actor"]["kind"], &entry["actor"]["id"]), (&json!("user"), &json!(actor.id())));
        assert_eq!((&entry["address"], &entry["api_key"]), (&json!("127.0.0.1"), &Value::Null));
    }
    let edit = one(&entries, "conversation.updated");
    assert_eq!(edit["object"]["id"], card["id"]);
    assert_eq!(edit["before"]["owner_id"], json!(olga.id()));
    assert_eq!(edit["after"]["owner_id"], json!(tom.id()));
    let fields = &one(&entries, "user.profile_changed")["after"]["fields"];
    assert_eq!(*fields, json!(["name", "signature_html"]));
    let made = one(&entries, "user.created");
    assert_eq!((&made["actor"], &made["request_id"]), (&Value::Null, &Value::Null), "by the operator");
    // Names of people are shown as they are now; otherwise nothing of what was written is here.
    let changes: Vec<_> = entries.iter().map(|entry| (&entry["before"], &entry["after"])).collect();
    assert!(!format!("{changes:?}").to_lowercase().contains("xylophone"), "{changes:?}");

    // Nothing of another workspace, whatever is asked for.
    let of_otto = otto.all(TRAIL).unwrap();
    let wished = one(&of_otto, "workspace.feature_requested");
    assert_eq!((&wished["request_id"], &wished["actor"]["id"]), (&json!(asked), &json!(otto.id())));
    assert!(entries.iter().all(|entry| entry["request_id"] != asked.as_str()));
    assert!(of_otto.iter().all(|entry| !entries.contains(entry)));
    for filter in [format!("actor_id={}", tom.id()), format!("object_id={}", card["id"].as_str().unwrap())] {
        assert!(!olga.all(&format!("{TRAIL}?{filter}")).unwrap().is_empty());
        assert!(otto.all(&format!("{TRAIL}?{filter}")).unwrap().is_empty(), "{filter}");
    }
}

fn rename(caller: &SignedIn, name: &str) {
    caller.patch("/v1/me", &json!({"name": name})).unwrap().expect(200).unwrap();
}

/// The newest first, each once, also while more is written; filters narrow it, and a cursor is good for its filters only.
#[test]
fn walking_the_trail() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    for number in 0..5 {
        rename(&tom, &format!("Tom {number}"));
        rename(&olga, &format!("Olga {number}"));
    }
    let whole = olga.all(TRAIL).unwrap();
    let ids: Vec<&str> = whole.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "the newest first");
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = olga.get(&format!("{TRAIL}?limit=3{cursor}")).unwrap();
        let link = page.header("link").to_owned();
        let page = page.expect(200).unwrap();
        walked.extend(page["data"].as_array().unwrap().clone());
        rename(&tom, &format!("Tom and {}", walked.len()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        assert!(link.contains(next));
        let elsewhere = olga.get(&format!("{TRAIL}?action=user.created&cursor={next}")).unwrap();
        assert_eq!(elsewhere.problem(400).unwrap(), "invalid_cursor");
        cursor = format!("&cursor={next}");
    }
    // By now the names of the actors are others: only what was done is compared.
    let seen: Vec<&str> = walked.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(seen, ids);

    let narrowed = |filter: &str| olga.all(&format!("{TRAIL}?{filter}")).unwrap();
    let of_tom = narrowed(&format!("actor_id={}", tom.id()));
    assert!(of_tom.len() > 5 && of_tom.iter().all(|entry| entry["actor"]["id"] == tom.id()));
    let both = narrowed(&format!("actor_id={}&action=user.profile_changed", olga.id()));
    assert_eq!(actions(&both), ["user.profile_changed"; 5]);
    let about_olga = narrowed(&format!("object_id={}&action=user.profile_changed", olga.id()));
    assert_eq!(about_olga, both);
    // `since` is the first moment that is in, `until` the first that is not.
    let moment = both[2]["at"].as_str().unwrap();
    let all = narrowed("action=user.profile_changed");
    let since = narrowed(&format!("action=user.profile_changed&since={moment}"));
    let until = narrowed(&format!("action=user.profile_changed&until={moment}"));
    assert_eq!(since.len() + until.len(), all.len());
    assert!(since.contains(&both[2]) && !until.contains(&both[2]) && !until.is_empty());
    assert!(narrowed("action=nobody.knows").is_empty());
    for wrong in ["since=yesterday", "until=1", "actor_id=x", "object_id=x", "limit=0", "action="] {
        let refused = olga.get(&format!("{TRAIL}?{wrong}")).unwrap().expect(422).unwrap();
        let name = wrong.split('=').next().unwrap();
        assert_eq!(refused["errors"][0]["pointer"], json!(format!("/{name}")), "{wrong}");
    }
}
