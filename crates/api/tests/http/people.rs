//! The people of a workspace: asked to join, given another role, leaving and coming back (ACC-2, ACC-5).

use crate::follow::{SOON, World as _, follow, quick};
use crate::world::{PASSWORD, World, address, mail};
use postroom_domain::access::Role;
use postroom_testkit::{
    client::{Answer, Caller, SignedIn},
    large,
    postgres::Cluster,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn count(world: &World, sql: &str) -> i64 {
    Cluster::shared().unwrap().count(&world.database, sql, &[]).unwrap()
}

/// The audit trail's actions on a thing, in order.
fn audited(world: &World, object: &str) -> Vec<String> {
    let sql = format!("SELECT action FROM audit WHERE object_id = '{object}' ORDER BY id");
    Cluster::shared().unwrap().texts(&world.database, &sql).unwrap()
}

fn path(user: &str) -> String {
    format!("/v1/users/{user}")
}

fn pointers(answer: Answer) -> Vec<String> {
    let problem = answer.expect(422).unwrap();
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| format!("{} {}", text(&error["pointer"]), text(&error["code"]))).collect()
}

fn invite(by: &SignedIn, name: &str, role: &str) -> Value {
    let body = json!({"email": format!("{name}@acme.example"), "name": name, "role": role});
    by.post("/v1/users", &body).unwrap().expect(201).unwrap()
}

/// A fresh link's token, as the operator gets it.
fn token(world: &World, name: &str) -> String {
    let email = address(&format!("{name}@acme.example"));
    world.run(world.store.invitation_token("acme", &email)).unwrap().expose_secret().to_owned()
}

fn names(caller: &SignedIn, query: &str) -> Vec<String> {
    let users = caller.all(&format!("/v1/users?{query}")).unwrap();
    users.iter().map(|user| text(&user["name"]).to_owned()).collect()
}

#[test]
fn who_is_invited_joins_once_and_is_nobodys_choice_before() {
    let world = World::live(quick());
    let (olga, tom) = (world.olga(), world.tom());
    let pages = [follow(&world.base, &olga, ""), follow(&world.base, &tom, "")];
    pages.iter().for_each(|page| drop(page.wait_for("heartbeat", SOON).unwrap()));
    let body = json!({"email": "Ben@acme.example", "name": "ben", "role": "manager"});
    let made = olga.post_once("/v1/users", "k1", &body).unwrap();
    let location = made.header("location").to_owned();
    let ben = made.expect(201).unwrap();
    let again = olga.post_once("/v1/users", "k1", &body).unwrap();
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &ben));
    assert_eq!(location, path(text(&ben["id"])));
    assert_eq!((&ben["status"], &ben["active"]), (&json!("invited"), &json!(false)));
    assert_eq!(count(&world, "SELECT count(*) FROM system_mails"), 1, "one mail waits");
    assert_eq!(count(&world, "SELECT count(*) FROM system_mail_queue"), 1);
    assert_eq!(pointers(olga.post("/v1/users", &body).unwrap()), ["/email taken"]);

    // Nobody but who manages users knows of them.
    assert_eq!(pages[0].wait_for("user.updated", SOON).unwrap().data["data"]["name"], "ben");
    assert_eq!(tom.get(&location).unwrap().problem(404).unwrap(), "not_found");
    assert_eq!(olga.get(&location).unwrap().expect(200).unwrap(), ben);
    assert_eq!(names(&olga, ""), ["Olga", "Tom"], "nobody can choose them as an owner");
    assert_eq!(names(&olga, "status=invited"), ["ben"]);
    assert_eq!(names(&olga, "status=all"), ["Olga", "Tom", "ben"]);
    let shared = world.support();
    world.deliver(&shared, mail("bob@customer.example", 1));
    let conversation = olga.all("/v1/conversations").unwrap().remove(0);
    let give = olga
        .patch(&format!("/v1/conversations/{}", text(&conversation["id"])), &json!({"owner_id": ben["id"]}));
    assert_eq!(pointers(give.unwrap()), ["/owner_id invalid_value"]);

    let token = token(&world, "ben");
    assert_eq!(
        count(&world, "SELECT count(*) FROM system_mails"),
        0,
        "a new link: the mail with the old one is gone"
    );
    let anybody = world.anonymous();
    let link = format!("/v1/auth/invitations/{token}");
    let shown = anybody.get(&link).unwrap().expect(200).unwrap();
    assert_eq!((&shown["email"], &shown["role"]), (&json!("ben@acme.example"), &json!("manager")));
    assert_eq!(shown["workspace"], json!({"slug": "acme", "name": "Acme"}));
    let accept = format!("{link}/accept");
    assert_eq!(
        pointers(anybody.post(&accept, &json!({"password": "short"})).unwrap()),
        ["/password too_short"]
    );
    // Two at once: one succeeds.
    let chosen = json!({"name": "Ben Frost", "password": "blue barley field"});
    let mut answers: Vec<Answer> = std::thread::scope(|scope| {
        let tries: Vec<_> =
            (0..4).map(|_| scope.spawn(|| world.anonymous().post(&accept, &chosen).unwrap())).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 404, 404, 404]);
    let session = answers.remove(0).body;
    assert_eq!(
        (&session["user"]["name"], &session["user"]["role"]),
        (&json!("Ben Frost"), &json!("manager"))
    );
    let bearer = format!("Bearer {}", text(&session["access_token"]));
    assert_eq!(anybody.send("GET", "/v1/me", &[("authorization", &bearer)], None).unwrap().status, 200);
    assert!(anybody.sign_in("acme", "ben@acme.example", "blue barley field").is_ok());
    assert_eq!(pages[1].wait_for("user.updated", SOON).unwrap().data["data"]["name"], "Ben Frost");
    assert_eq!(names(&tom, ""), ["Ben Frost", "Olga", "Tom"]);
    assert_eq!(anybody.get(&link).unwrap().problem(404).unwrap(), "not_found", "used");
    let resend = format!("{location}/invitation");
    assert_eq!(olga.post(&resend, &json!({})).unwrap().problem(409).unwrap(), "not_invited");
    let seen = audited(&world, text(&ben["id"]));
    assert_eq!(seen, ["user.invited", "user.invitation_resent", "user.invitation_accepted"]);
}

#[test]
fn a_link_that_is_expired_replaced_or_taken_back_is_like_one_that_never_was() {
    let world = World::new();
    let olga = world.olga();
    let anybody = world.anonymous();
    let accept = |token: &str| {
        let link = format!("/v1/auth/invitations/{token}");
        let mut shown = anybody.get(&link).unwrap();
        let body = json!({"password": PASSWORD});
        let accepted = anybody.post(&format!("{link}/accept"), &body).unwrap();
        assert_eq!(shown.status, accepted.status);
        shown.body["request_id"] = Value::Null;
        (shown.status, shown.body)
    };
    let ben = invite(&olga, "ben", "team_member");
    let never = accept("pri_nothing");
    assert_eq!((never.0, &never.1["code"]), (404, &json!("not_found")));
    let replaced = token(&world, "ben");
    let resend = format!("{}/invitation", path(text(&ben["id"])));
    assert_eq!(olga.post(&resend, &json!({})).unwrap().expect(200).unwrap()["status"], "invited");
    assert_eq!(accept(&replaced), never);
    let expired = token(&world, "ben");
    world.execute("UPDATE account_links SET expires_at = now()");
    assert_eq!(accept(&expired), never);
    let taken_back = token(&world, "ben");
    let gone = olga.patch(&path(text(&ben["id"])), &json!({"active": false})).unwrap().expect(200).unwrap();
    assert_eq!(gone["status"], "deactivated");
    assert_eq!(accept(&taken_back), never);
    // Who never accepted can't come back, but can be asked again.
    let back = olga.patch(&path(text(&ben["id"])), &json!({"active": true})).unwrap();
    assert_eq!(pointers(back), ["/active not_allowed"]);
    assert_eq!(olga.post(&resend, &json!({})).unwrap().expect(200).unwrap()["status"], "invited");
    // A reset's link is no invitation.
    world.execute("UPDATE account_links SET purpose = 'password_reset'");
    assert_eq!(count(&world, "SELECT count(*) FROM account_links"), 1);
}

#[test]
fn only_who_manages_users_does_and_the_owner_stays() {
    let world = World::new();
    let olga = world.olga();
    let (tom, mia) = (world.tom(), world.colleague("mia", Role::Manager));
    let adam = world.colleague("adam", Role::Administrator);
    let broken = json!({"nonsense": 1});
    for caller in [&tom, &mia] {
        for status in ["invited", "deactivated", "all"] {
            let refused = caller.get(&format!("/v1/users?status={status}&limit=x")).unwrap();
            assert_eq!(refused.problem(403).unwrap(), "role_not_allowed");
        }
        assert_eq!(caller.post("/v1/users", &broken).unwrap().problem(403).unwrap(), "role_not_allowed");
        let stale = [("if-match", "\"99\"")];
        let refused = caller.send("PATCH", &path(adam.id()), &stale, Some(&broken)).unwrap();
        assert_eq!(refused.problem(403).unwrap(), "role_not_allowed");
        let refused = caller.post(&format!("{}/invitation", path(adam.id())), &broken).unwrap();
        assert_eq!(refused.problem(403).unwrap(), "role_not_allowed");
    }
    // Each of these stands in the audit trail.
    let refused = |who: &SignedIn| {
        let sql = format!(
            "SELECT count(*) FROM audit WHERE action = 'access.refused' AND actor_user_id = '{}' AND request_id IS NOT NULL
             AND after->>'operation' LIKE '% /v1/users%' AND after->>'code' = 'role_not_allowed'",
            who.id()
        );
        count(&world, &sql)
    };
    assert_eq!((refused(&tom), refused(&mia), refused(&adam)), (6, 6, 0));
    let nothing = "01890000-0000-7000-8000-000000000000";
    for caller in [&olga, &tom] {
        assert_eq!(caller.patch(&path(nothing), &broken).unwrap().problem(404).unwrap(), "not_found");
        assert_eq!(caller.get(&path(nothing)).unwrap().problem(404).unwrap(), "not_found");
    }
    for (by, whom, edit, expected) in [
        (
            &adam,
            olga.id(),
            json!({"role": "manager", "active": false}),
            vec!["/role not_allowed", "/active not_allowed"],
        ),
        (&olga, tom.id(), json!({"role": "owner"}), vec!["/role not_allowed"]),
        (&olga, olga.id(), json!({"active": false}), vec!["/active not_allowed"]),
        (&adam, adam.id(), json!({"role": "manager"}), vec!["/role not_allowed"]),
        (&adam, adam.id(), json!({"active": false}), vec!["/active not_allowed"]),
        (&adam, tom.id(), json!({"reassign_to": mia.id()}), vec!["/reassign_to not_allowed"]),
        (
            &adam,
            tom.id(),
            json!({"active": false, "reassign_to": tom.id()}),
            vec!["/reassign_to not_allowed"],
        ),
        (&adam, tom.id(), json!({"active": false, "reassign_to": nothing}), vec!["/reassign_to invalid_id"]),
        (&adam, tom.id(), json!({"role": null, "name": "x"}), vec!["/role required", "/name unknown_field"]),
    ] {
        assert_eq!(pointers(by.patch(&path(whom), &edit).unwrap()), expected, "{edit}");
    }
    let owner = json!({"email": "x@acme.example", "name": "x", "role": "owner"});
    assert_eq!(pointers(olga.post("/v1/users", &owner).unwrap()), ["/role not_allowed"]);

    // A role is changed by its version; what is so already is no change.
    let before = adam.get(&path(tom.id())).unwrap();
    let tag = before.header("etag").to_owned();
    let same = adam.send(
        "PATCH",
        &path(tom.id()),
        &[("if-match", &tag)],
        Some(&json!({"role": "team_member", "active": true})),
    );
    assert_eq!(same.unwrap().expect(200).unwrap(), before.body);
    let promote = json!({"role": "manager"});
    let promoted = adam.send("PATCH", &path(tom.id()), &[("if-match", &tag)], Some(&promote)).unwrap();
    assert_eq!(promoted.expect(200).unwrap()["role"], "manager");
    let stale =
        adam.send("PATCH", &path(tom.id()), &[("if-match", &tag)], Some(&json!({"role": "team_member"})));
    let stale = stale.unwrap().expect(412).unwrap();
    assert_eq!((&stale["code"], &stale["current"]["role"]), (&json!("stale_version"), &json!("manager")));
    assert_eq!(tom.get("/v1/conversations?view=all").unwrap().status, 200, "from the next request on");
    assert_eq!(audited(&world, tom.id()), ["user.created", "user.role_changed"]);
}

#[test]
fn another_role_ends_the_live_stream_and_loads_the_page_anew() {
    let world = World::live(quick());
    let (olga, tom) = (world.olga(), world.tom());
    let page = follow(&world.base, &tom, "");
    page.wait_for("heartbeat", SOON).unwrap();
    let n: i64 = olga.get("/v1/users").unwrap().header("postroom-event").parse().unwrap();
    olga.patch(&path(tom.id()), &json!({"role": "manager"})).unwrap().expect(200).unwrap();
    assert_eq!(page.wait_for("end", SOON).unwrap().data, json!({"reason": "role_changed"}));
    let missed = tom.get(&format!("/v1/events?after={n}")).unwrap().expect(200).unwrap();
    let types: Vec<&str> =
        missed["data"].as_array().unwrap().iter().map(|event| text(&event["type"])).collect();
    assert_eq!(types, ["user.updated", "view.reset"]);
}

/// ACC-5: everything or nothing, in one event; sessions end at once.
#[test]
fn a_leaver_is_out_at_once_and_everything_they_own_changes_hands_in_one_step() {
    let world = World::live(quick());
    let (olga, mia) = (world.olga(), world.colleague("mia", Role::Manager));
    large::fill(Cluster::shared().unwrap(), &world.database, "acme", 20_000).unwrap();
    let tom = world.tom();
    world.execute(&format!("UPDATE conversations SET owner_id = '{}' WHERE number % 20 = 1", tom.id()));
    world.execute(&format!("UPDATE contacts SET owner_id = '{}' WHERE first_name LIKE '%7'", tom.id()));
    world.execute(&format!("UPDATE mailboxes SET default_owner_id = '{}'", tom.id()));
    let owned = |table: &str, user: &str| {
        count(&world, &format!("SELECT count(*) FROM {table} WHERE owner_id = '{user}'"))
    };
    assert_eq!((owned("conversations", tom.id()), owned("contacts", tom.id())), (1000, 200));
    let pages = [follow(&world.base, &tom, ""), follow(&world.base, &mia, "")];
    pages.iter().for_each(|page| drop(page.wait_for("heartbeat", SOON).unwrap()));
    let n: i64 = olga.get("/v1/users").unwrap().header("postroom-event").parse().unwrap();

    let leave = json!({"active": false, "reassign_to": mia.id()});
    let gone = olga.patch(&path(tom.id()), &leave).unwrap().expect(200).unwrap();
    assert_eq!((&gone["status"], &gone["active"]), (&json!("deactivated"), &json!(false)));
    assert_eq!(tom.get("/v1/me").unwrap().problem(401).unwrap(), "not_authenticated");
    let refresh = json!({"refresh_token": tom.session()["refresh_token"]});
    let refused = world.anonymous().post("/v1/auth/refresh", &refresh).unwrap();
    assert_eq!(refused.problem(401).unwrap(), "invalid_refresh_token");
    assert!(world.anonymous().sign_in("acme", "tom@acme.example", PASSWORD).is_err());
    assert_eq!(pages[0].wait_for("end", SOON).unwrap().data, json!({"reason": "deactivated"}));
    pages[1].wait_for("view.reset", SOON).unwrap();
    let told = olga.get(&format!("/v1/events?after={n}")).unwrap().expect(200).unwrap();
    let told = told["data"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["type"]), (1, &json!("view.reset")), "one event for everything");
    assert_eq!((owned("conversations", tom.id()), owned("contacts", tom.id())), (0, 0));
    assert_eq!(owned("contacts", mia.id()), 200);
    assert!(owned("conversations", mia.id()) >= 1000);
    let default = format!("SELECT count(*) FROM mailboxes WHERE default_owner_id = '{}'", mia.id());
    assert_eq!(count(&world, &default), 1);
    assert_eq!(mia.get("/v1/conversations/counts").unwrap().expect(200).unwrap()["mine"]["open"], json!(667));
    let after = "SELECT after::text FROM audit WHERE action = 'user.deactivated'";
    let after = Cluster::shared().unwrap().texts(&world.database, after).unwrap().remove(0);
    let after: Value = serde_json::from_str(&after).unwrap();
    assert_eq!(
        (&after["handed_over"]["conversations"], &after["handed_over"]["to"]),
        (&json!(1000), &json!(mia.id()))
    );

    // They come back with nothing but their sign-in.
    assert_eq!(names(&olga, "status=deactivated"), ["Tom"]);
    let back = olga.patch(&path(tom.id()), &json!({"active": true})).unwrap().expect(200).unwrap();
    assert_eq!(back["status"], "active");
    assert_eq!(tom.get("/v1/me").unwrap().status, 401, "what has ended stays so");
    assert_eq!(world.tom().get("/v1/conversations").unwrap().expect(200).unwrap()["data"], json!([]));
}

#[test]
fn without_a_name_the_owner_gets_it_and_their_own_mailbox_is_read_no_more() {
    let world = World::new();
    let (olga, tom) = (world.olga(), world.tom());
    let server = json!({"host": "mail.example.com", "port": 993, "password": "x"});
    let own = json!({"address": "tom@acme.example", "kind": "personal", "imap": server, "smtp": server});
    tom.post("/v1/mailboxes", &own).unwrap().expect(201).unwrap();
    let shared = world.support();
    world.deliver(&shared, mail("bob@customer.example", 1));
    let conversation =
        format!("/v1/conversations/{}", text(&olga.all("/v1/conversations").unwrap()[0]["id"]));
    olga.patch(&conversation, &json!({"owner_id": tom.id()})).unwrap().expect(200).unwrap();
    let stale = tom.get(&conversation).unwrap().header("etag").to_owned();
    let queued = "SELECT count(*) FROM mailbox_queue";
    assert_eq!(count(&world, queued), 2);
    olga.patch(&path(tom.id()), &json!({"active": false})).unwrap().expect(200).unwrap();
    assert_eq!(count(&world, queued), 1);
    let handed = olga.get(&conversation).unwrap().expect(200).unwrap();
    assert_eq!(handed["owner"]["id"], olga.id());
    let close =
        olga.send("PATCH", &conversation, &[("if-match", &stale)], Some(&json!({"status": "closed"})));
    assert_eq!(close.unwrap().problem(412).unwrap(), "stale_version");
    // New mail of the same customer is nobody's who has left.
    world.deliver(&shared, mail("bob@customer.example", 2));
    assert!(olga.all("/v1/conversations").unwrap().iter().all(|card| card["owner"]["id"] == olga.id()));
    olga.patch(&path(tom.id()), &json!({"active": true})).unwrap().expect(200).unwrap();
    assert_eq!(count(&world, queued), 2, "read again");
}

#[test]
fn the_workspace_is_changed_by_who_may_and_by_its_version() {
    let world = World::live(quick());
    let (olga, mia) = (world.olga(), world.colleague("mia", Role::Manager));
    let refused = mia.patch("/v1/workspace", &json!({"nonsense": 1})).unwrap();
    assert_eq!(refused.problem(403).unwrap(), "role_not_allowed");
    let read = olga.get("/v1/workspace").unwrap();
    let tag = read.header("etag").to_owned();
    let n: i64 = read.header("postroom-event").parse().unwrap();
    let patch =
        json!({"name": "Acme & Sons", "conversation_starts_on": "first_inbound", "undo_send_seconds": 0});
    let saved = olga.send("PATCH", "/v1/workspace", &[("if-match", &tag)], Some(&patch)).unwrap();
    let saved = saved.expect(200).unwrap();
    for (field, value) in patch.as_object().unwrap() {
        assert_eq!(&saved[field], value);
    }
    let again = olga.patch("/v1/workspace", &patch).unwrap().expect(200).unwrap();
    assert_eq!(again["version"], saved["version"], "what changes nothing is no edit");
    let stale =
        olga.send("PATCH", "/v1/workspace", &[("if-match", &tag)], Some(&json!({"name": "X"}))).unwrap();
    assert_eq!(stale.expect(412).unwrap()["current"], saved);
    let wrong = json!({"name": "", "undo_send_seconds": 61, "conversation_starts_on": "now", "slug": "x"});
    let wrong = pointers(olga.patch("/v1/workspace", &wrong).unwrap());
    assert_eq!(
        wrong,
        [
            "/name required",
            "/conversation_starts_on invalid_value",
            "/undo_send_seconds out_of_range",
            "/slug unknown_field"
        ]
    );
    let told = mia.get(&format!("/v1/events?after={n}")).unwrap().expect(200).unwrap();
    assert_eq!(told["data"].as_array().unwrap().len(), 1);
    assert_eq!(told["data"][0]["type"], "workspace.updated");
    assert_eq!(audited(&world, text(&saved["id"])), ["workspace.feature_switched", "workspace.updated"]);
    assert_eq!(olga.get("/v1/me").unwrap().expect(200).unwrap()["workspace"]["name"], "Acme & Sons");
}
