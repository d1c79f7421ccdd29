//! API keys: what programs come with (ACC-4, ACC-5).

use crate::follow::{SOON, World as _, quick};
use crate::world::{World, mail};
use postroom_api::limits::LimitSettings;
use postroom_domain::access::Role;
use postroom_testkit::{
    client::{Caller, Line, SignedIn},
    postgres::Cluster,
    process::wait_for,
    stream::EventStream,
};
use serde_json::{Value, json};

const KEYS: &str = "/v1/api-keys";

/// A program with a key.
struct Program {
    line: Line,
    key: Value,
}

impl Program {
    /// With a new key of somebody's.
    fn of(world: &World, user: &impl Caller, scope: &str) -> Self {
        let made = user.post(KEYS, &json!({"name": "Robot", "scope": scope})).unwrap();
        Self { line: Line::to(&world.base), key: made.expect(201).unwrap() }
    }

    fn path(&self) -> String {
        format!("{KEYS}/{}", self.key["id"].as_str().unwrap())
    }

    fn token(&self) -> &str {
        self.key["token"].as_str().unwrap()
    }

    fn is_dead(&self) {
        assert_eq!(self.get("/v1/me").unwrap().problem(401).unwrap(), "not_authenticated");
    }
}

impl Caller for Program {
    fn line(&self) -> &Line {
        &self.line
    }

    fn authorization(&self) -> Option<String> {
        Some(format!("Bearer {}", self.token()))
    }
}

fn texts(world: &World, sql: &str) -> Vec<String> {
    Cluster::shared().unwrap().texts(&world.database, sql).unwrap()
}

/// ACC-4: the secret is shown once, and nothing of it that could be used is kept.
#[test]
fn the_token_is_shown_once_and_not_kept() {
    let world = World::new();
    let olga = world.olga();
    let request =
        json!({"name": "  Nightly export ", "scope": "read", "expires_at": "2999-01-01T01:00:00+01:00"});
    let first = olga.post_once(KEYS, "the same", &request).unwrap();
    let location = first.header("location").to_owned();
    assert_eq!(first.header("cache-control"), "no-store");
    let first = first.expect(201).unwrap();
    assert_eq!(
        (&first["name"], &first["expires_at"]),
        (&json!("Nightly export"), &json!("2999-01-01T00:00:00.000Z"))
    );
    let token = first["token"].as_str().unwrap();
    assert!(token.starts_with("pr_") && token.ends_with(first["hint"].as_str().unwrap()), "{first}");
    let shown = olga.get(&location).unwrap().expect(200).unwrap();
    assert_eq!(shown.get("token"), None);
    assert_eq!(olga.all(KEYS).unwrap(), [shown]);
    // The same request again is another key: its token could not be given again.
    let second = olga.post_once(KEYS, "the same", &request).unwrap().expect(201).unwrap();
    assert_ne!((&first["id"], token), (&second["id"], second["token"].as_str().unwrap()));
    let dump = "SELECT concat(to_jsonb(k), d.digest, a.after) FROM api_keys k JOIN api_key_digests d ON d.key_id = k.id
        JOIN audit a ON a.object_id = k.id UNION ALL SELECT convert_from(body, 'UTF8') FROM idempotency_keys";
    let kept = texts(&world, dump);
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|row| !row.contains(&token[30..60])), "{kept:?}");
}

#[test]
fn what_a_key_is_to_be_is_told_field_by_field() {
    let world = World::new();
    let olga = world.olga();
    let pointers = |body: Value| -> Vec<String> {
        let refused = olga.post(KEYS, &body).unwrap().expect(422).unwrap();
        let errors = refused["errors"].as_array().unwrap().iter();
        errors
            .map(|error| {
                format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
            })
            .collect()
    };
    assert_eq!(
        pointers(json!({"name": " ", "scope": "all", "expires_at": "tomorrow", "user_id": 1})),
        ["/name required", "/scope invalid_value", "/expires_at invalid_value", "/user_id unknown_field"]
    );
    assert_eq!(pointers(json!({"name": "x".repeat(201)})), ["/name too_long", "/scope required"]);
    let past = json!({"name": "Old", "scope": "read", "expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(pointers(past), ["/expires_at out_of_range"]);
    assert_eq!(olga.all(KEYS).unwrap().len(), 0);
}

/// ACC-4: a key acts as its user, limited by its scope; and no key makes a larger one.
#[test]
fn a_key_acts_as_its_user_within_its_scope() {
    let world = World::new();
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let (olga, tom) = (world.olga(), world.tom());
    let id = olga.all("/v1/conversations").unwrap()[0]["id"].as_str().unwrap().to_owned();
    let conversation = format!("/v1/conversations/{id}");
    let close = json!({"status": "closed"});
    let [read, write, admin] = ["read", "write", "admin"].map(|scope| Program::of(&world, &olga, scope));
    let of_tom = Program::of(&world, &tom, "admin");
    for program in [&read, &write, &admin] {
        assert_eq!(program.get("/v1/me").unwrap().expect(200).unwrap()["id"], olga.id());
        assert_eq!(program.get(&conversation).unwrap().status, 200);
    }
    assert_eq!(
        of_tom.get(&conversation).unwrap().problem(404).unwrap(),
        "not_found",
        "its user doesn't see it"
    );
    let view_all = of_tom.get("/v1/conversations?view=all").unwrap();
    assert_eq!(view_all.problem(403).unwrap(), "view_not_allowed");

    assert_eq!(read.patch(&conversation, &close).unwrap().problem(403).unwrap(), "scope_not_allowed");
    assert_eq!(write.patch(&conversation, &close).unwrap().status, 200);
    for program in [&read, &write] {
        for scope in ["read", "write", "admin"] {
            let refused = program.post(KEYS, &json!({"name": "More", "scope": scope})).unwrap();
            assert_eq!(refused.problem(403).unwrap(), "scope_not_allowed", "{scope}");
        }
        // Before what else is wrong, and whosever it is.
        assert_eq!(
            program.post(KEYS, &json!({"nonsense": 1})).unwrap().problem(403).unwrap(),
            "scope_not_allowed"
        );
        assert_eq!(program.delete(&program.path()).unwrap().problem(403).unwrap(), "scope_not_allowed");
    }
    assert_eq!(Program::of(&world, &admin, "admin").get("/v1/me").unwrap().status, 200);
    let mailbox = json!({"kind": "shared", "address": 1});
    for (program, refusal) in [(&write, "scope_not_allowed"), (&of_tom, "role_not_allowed")] {
        assert_eq!(program.post("/v1/mailboxes", &mailbox).unwrap().problem(403).unwrap(), refusal);
    }
    assert_eq!(admin.post("/v1/mailboxes", &mailbox).unwrap().status, 422);
    // A program manages with the whole scope alone: it sees its user's keys with a smaller one.
    let names = |program: &Program| program.all(KEYS).unwrap().len();
    assert_eq!((names(&read), names(&write), names(&of_tom)), (4, 4, 1));
    assert_eq!(names(&admin), 5, "with everybody's");
    assert_eq!(read.get(&of_tom.path()).unwrap().status, 404);

    let refused = admin.send("POST", "/v1/auth/logout", &[], None).unwrap();
    assert_eq!(refused.problem(403).unwrap(), "api_key_not_allowed");
    assert_eq!(olga.get("/v1/me").unwrap().status, 200);
}

/// ACC-2: everybody manages their own keys, owner and administrators everybody's.
#[test]
fn keys_are_their_users_and_the_administrators_to_see_and_revoke() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let (max, ada) = (world.colleague("max", Role::Manager), world.colleague("ada", Role::Administrator));
    let owners: [&SignedIn; 4] = [&olga, &tom, &max, &ada];
    let programs = owners.map(|user| Program::of(&world, user, "write"));
    for (user, sees) in [(&olga, 4), (&ada, 4), (&max, 1), (&tom, 1)] {
        let listed = user.all(KEYS).unwrap();
        assert_eq!(listed.len(), sees);
        for program in &programs {
            let own = program.key["user"]["id"] == user.id();
            let expected = if own || sees == 4 { 200 } else { 404 };
            assert_eq!(user.get(&program.path()).unwrap().status, expected);
        }
    }
    let newest_first: Vec<Value> = olga.all(KEYS).unwrap();
    let pages: Vec<Value> = {
        let first = olga.get(&format!("{KEYS}?limit=3")).unwrap().expect(200).unwrap();
        let next = first["next_cursor"].as_str().unwrap();
        let second = olga.get(&format!("{KEYS}?limit=3&cursor={next}")).unwrap().expect(200).unwrap();
        assert_eq!(
            ada.get(&format!("{KEYS}?limit=3&cursor={next}")).unwrap().problem(400).unwrap(),
            "invalid_cursor"
        );
        assert_eq!(second["next_cursor"], Value::Null);
        [first, second].iter().flat_map(|page| page["data"].as_array().unwrap().clone()).collect()
    };
    assert_eq!(pages, newest_first);
    assert_eq!(pages[0]["user"]["name"], "ada");
    let of_tom = olga.all(&format!("{KEYS}?user_id={}", tom.id())).unwrap();
    assert_eq!(of_tom.len(), 1);
    assert_eq!(max.all(&format!("{KEYS}?user_id={}", tom.id())).unwrap().len(), 0);

    let [_, tom_s, max_s, _] = &programs;
    assert_eq!(max.delete(&tom_s.path()).unwrap().problem(404).unwrap(), "not_found");
    tom_s.get("/v1/me").unwrap().expect(200).unwrap();
    let stale =
        ada.send("DELETE", &tom_s.path(), &[("if-match", "\"2\"")], None).unwrap().expect(412).unwrap();
    assert_eq!(stale["current"]["id"], tom_s.key["id"]);
    assert_eq!(ada.send("DELETE", &tom_s.path(), &[("if-match", "\"1\"")], None).unwrap().status, 204);
    tom_s.is_dead();
    for user in [&ada, &tom] {
        assert_eq!(user.get(&tom_s.path()).unwrap().status, 404);
        assert_eq!(user.delete(&tom_s.path()).unwrap().problem(404).unwrap(), "not_found", "once");
    }
    assert_eq!(max.delete(&max_s.path()).unwrap().status, 204);
    max_s.is_dead();
    let revoked =
        "SELECT u.name || ' ' || (a.before ->> 'name') || ' ' || (a.address IS NOT NULL) FROM audit a
        JOIN users u ON u.id = a.actor_user_id WHERE a.action = 'api_key.revoked' ORDER BY a.id";
    assert_eq!(texts(&world, revoked), ["ada Robot true", "max Robot true"]);
}

/// ACC-5: a deactivated user's keys are worth nothing at once; so is a key that has expired.
#[test]
fn a_key_ends_with_its_time_and_its_user() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let expiring = Program::of(&world, &olga, "read");
    expiring.get("/v1/me").unwrap().expect(200).unwrap();
    world.execute("UPDATE api_key_digests SET expires_at = now() - interval '1 second'");
    expiring.is_dead();
    assert_eq!(olga.all(KEYS).unwrap().len(), 1, "it is there until it is revoked");
    let of_tom = Program::of(&world, &tom, "write");
    of_tom.get("/v1/me").unwrap().expect(200).unwrap();
    let tom = format!("/v1/users/{}", tom.id());
    for active in [false, true] {
        assert_eq!(olga.patch(&tom, &json!({"active": active})).unwrap().status, 200);
        of_tom.is_dead();
    }
    assert_eq!(olga.all(KEYS).unwrap().len(), 1, "they don't come back with their user");
    for forged in ["pr_", "pr_AAAA", &format!("pr_{}", "A".repeat(64))] {
        let authorization = format!("Bearer {forged}");
        let refused =
            world.anonymous().send("GET", "/v1/me", &[("authorization", &authorization)], None).unwrap();
        assert_eq!(refused.problem(401).unwrap(), "not_authenticated");
    }
}

/// ACC-5: who got hold of a key that ends can't keep what it allowed by making another.
#[test]
fn no_key_outlives_the_one_that_made_it() {
    let world = World::new();
    let olga = world.olga();
    let end = "2999-01-01T00:00:00.000Z";
    let key = olga.post(KEYS, &json!({"name": "K", "scope": "admin", "expires_at": end})).unwrap();
    let maker = Program { line: Line::to(&world.base), key: key.expect(201).unwrap() };
    let made =
        |end: Value| maker.post(KEYS, &json!({"name": "K", "scope": "admin", "expires_at": end})).unwrap();
    for (asked, given) in [
        (Value::Null, end),
        (json!(end), end),
        (json!("2998-01-01T00:00:00.000Z"), "2998-01-01T00:00:00.000Z"),
    ] {
        let child = made(asked).expect(201).unwrap();
        assert_eq!(child["expires_at"], given);
    }
    let later = made(json!("2999-01-01T00:00:00.001Z")).expect(422).unwrap();
    assert_eq!(later["errors"][0]["pointer"], "/expires_at");
    assert_eq!(olga.all(KEYS).unwrap().len(), 4, "nothing was made");
}

/// The audit trail names the key, and its last use is known, though nobody waited for that to be written.
#[test]
fn what_a_key_did_is_known() {
    let world = World::new();
    let olga = world.olga();
    let program = Program::of(&world, &olga, "admin");
    assert_eq!(olga.get(&program.path()).unwrap().expect(200).unwrap()["last_used_at"], Value::Null);
    for _ in 0..3 {
        program.get("/v1/me").unwrap().expect(200).unwrap();
    }
    let used = || olga.get(&program.path()).unwrap().expect(200).unwrap()["last_used_at"].clone();
    wait_for("the last use", SOON, || Ok(!used().is_null())).unwrap();
    let first = used();
    program.get("/v1/me").unwrap().expect(200).unwrap();
    assert_eq!(used(), first, "written once a minute");
    world.execute("UPDATE api_keys SET last_used_at = last_used_at - interval '1 hour'");
    program.get("/v1/me").unwrap().expect(200).unwrap();
    wait_for("the next use", SOON, || Ok(used().as_str() >= first.as_str())).unwrap();

    let child = Program::of(&world, &program, "read");
    let by = format!(
        "SELECT count(*) FROM audit WHERE object_id = '{}' AND api_key_id = '{}' AND actor_user_id = '{}'",
        child.key["id"].as_str().unwrap(),
        program.key["id"].as_str().unwrap(),
        olga.id()
    );
    assert_eq!(Cluster::shared().unwrap().count(&world.database, &by, &[]).unwrap(), 1);
}

/// A stream that a key follows ends with it.
#[test]
fn a_key_follows_the_stream_until_it_is_revoked() {
    let world = World::live(quick());
    let olga = world.olga();
    let program = Program::of(&world, &olga, "write");
    let authorization = program.authorization().unwrap();
    let by_header =
        EventStream::open(&world.base, "/v1/events/stream", &[("authorization", &authorization)]).unwrap();
    let ticket = program.send("POST", "/v1/events/ticket", &[], None).unwrap().expect(200).unwrap();
    let by_ticket = format!("/v1/events/stream?ticket={}", ticket["ticket"].as_str().unwrap());
    let with_ticket = EventStream::open(&world.base, &by_ticket, &[]).unwrap();
    assert_eq!((by_header.status(), with_ticket.status()), (200, 200));
    assert_eq!(olga.delete(&program.path()).unwrap().status, 204);
    for stream in [by_header, with_ticket] {
        let end = std::iter::from_fn(|| stream.next_event(SOON).unwrap()).find(|event| event.event == "end");
        assert_eq!(end.unwrap().data["reason"], "key_revoked");
    }
    assert_eq!(EventStream::open(&world.base, &by_ticket, &[]).unwrap().status(), 401);
}

/// A key counts for its user, as the user's own page does; a forged one for the address that it comes from.
#[test]
fn a_key_counts_for_its_user() {
    let world = World::with(LimitSettings { per_second: 1, burst: 20, ..LimitSettings::OFF });
    let (olga, tom) = (world.olga(), world.tom());
    let (first, second) = (Program::of(&world, &olga, "read"), Program::of(&world, &olga, "read"));
    let left = |program: &Program| -> u32 {
        let answer = program.get("/v1/me").unwrap();
        let header = answer.header("ratelimit");
        header.split(';').find_map(|part| part.strip_prefix("r=")).unwrap().parse().unwrap()
    };
    // Looked up once, each is known.
    let _ = (left(&first), left(&second));
    let before = left(&first);
    assert!(left(&second) <= before, "they have one allowance");
    assert!((0..40).any(|_| first.get("/v1/me").unwrap().status == 429));
    assert_eq!(second.get("/v1/me").unwrap().problem(429).unwrap(), "rate_limited");
    assert_eq!(olga.get("/v1/me").unwrap().status, 429);
    assert_eq!(tom.get("/v1/me").unwrap().status, 200, "nobody else's is used up");
}
