//! Passwords: another one, a new one, and what is written down of signing in.

use crate::world::{PASSWORD, World};
use postroom_api::limits::LimitSettings;
use postroom_testkit::{
    client::{Anonymous, Answer, Caller, SignedIn},
    postgres::Cluster,
    process::wait_for,
};
use serde_json::{Value, json};
use std::time::Duration;

const NEW: &str = "a field of blue barley";

fn change(caller: &SignedIn, from: &str, to: &str) -> Answer {
    caller.put("/v1/me/password", &json!({"current_password": from, "new_password": to})).unwrap()
}

fn wrong(answer: Answer) -> (String, String) {
    let problem = answer.expect(422).unwrap();
    let error = &problem["errors"][0];
    (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned())
}

/// What the audit trail says of sessions.
fn actions(world: &World) -> Vec<String> {
    let sql = "SELECT action FROM audit WHERE action LIKE 'session.%' ORDER BY id";
    Cluster::shared().unwrap().texts(&world.database, sql).unwrap()
}

#[test]
fn another_password_takes_the_present_one_and_ends_the_other_sessions() {
    let world = World::new();
    let (here, there, tom) = (world.olga(), world.olga(), world.tom());
    assert_eq!(wrong(change(&here, "wrong", NEW)), ("/current_password".into(), "invalid_value".into()));
    assert_eq!(wrong(change(&here, PASSWORD, "too short")), ("/new_password".into(), "too_short".into()));
    assert_eq!(
        wrong(change(&here, PASSWORD, &"x".repeat(1025))),
        ("/new_password".into(), "too_long".into())
    );
    assert_eq!(there.get("/v1/me").unwrap().status, 200, "nothing has happened yet");
    assert_eq!(change(&here, PASSWORD, NEW).status, 204);
    assert_eq!(here.get("/v1/me").unwrap().status, 200);
    assert_eq!(there.get("/v1/me").unwrap().status, 401);
    assert_eq!(tom.get("/v1/me").unwrap().status, 200, "somebody else's business");
    let sign_in = |password| world.anonymous().sign_in("acme", "olga@acme.example", password);
    assert!(sign_in(PASSWORD).is_err() && sign_in(NEW).is_ok());
    // Two at once with the same present password: one succeeds.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..3)
            .map(|n| {
                let here = &here;
                scope.spawn(move || change(here, NEW, &format!("barley field number {n}")).status)
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
}

#[test]
fn guessing_the_present_password_is_slowed_down_like_sign_in() {
    let world = World::with(LimitSettings { sign_in_per_account: 3, ..LimitSettings::OFF });
    let olga = world.olga();
    for _ in 0..3 {
        assert_eq!(change(&olga, "wrong", NEW).status, 422);
    }
    assert_eq!(change(&olga, PASSWORD, NEW).problem(429).unwrap(), "rate_limited");
    let asks =
        |email: &str| world.anonymous().post("/v1/auth/password-reset", &json!({"email": email})).unwrap();
    for _ in 0..3 {
        assert_eq!(asks("tom@acme.example").status, 202);
        assert_eq!(asks("nobody@acme.example").status, 202);
    }
    assert_eq!(asks("tom@acme.example").problem(429).unwrap(), "rate_limited");
    assert_eq!(asks("nobody@acme.example").problem(429).unwrap(), "rate_limited");
}

/// What the worker does: the requests become links.
fn answered(world: &World) -> i64 {
    world.run(world.store.answer_password_reset_requests()).unwrap();
    count(world, "SELECT count(*) FROM system_mails WHERE purpose = 'password_reset'")
}

fn count(world: &World, sql: &str) -> i64 {
    Cluster::shared().unwrap().count(&world.database, sql, &[]).unwrap()
}

/// The token in the mail that waits, as its worker reads it.
pub(crate) fn mailed_token(world: &World) -> String {
    use secrecy::ExposeSecret as _;
    world.run(async {
        let leases = world.store.claim_system_mails(1, Duration::from_secs(60)).await.unwrap();
        let mail = world.store.system_mail(&leases[0]).await.unwrap().unwrap();
        world.store.finish_system_mail(&leases[0]).await.unwrap();
        mail.token.expose_secret().to_owned()
    })
}

#[test]
fn a_forgotten_password_is_replaced_once_by_who_has_the_link() {
    let world = World::new();
    let anybody = world.anonymous();
    let ask = |body: &Value| anybody.post("/v1/auth/password-reset", body).unwrap();
    for nobody in
        [json!({"email": "nobody@acme.example"}), json!({"email": "olga@acme.example", "workspace": "other"})]
    {
        let answer = ask(&nobody);
        assert_eq!((answer.status, answer.bytes.len()), (202, 0));
    }
    assert_eq!(answered(&world), 0, "nobody has such an account");
    assert_eq!(count(&world, "SELECT count(*) FROM password_reset_requests"), 0);
    let known = ask(&json!({"email": "Olga@acme.example"}));
    assert_eq!((known.status, known.bytes.len()), (202, 0), "as for the others");
    assert_eq!(answered(&world), 1);
    assert_eq!(ask(&json!({"email": "olga@acme.example", "workspace": "acme"})).status, 202);
    assert_eq!(answered(&world), 1, "asked again within a minute, one mail is enough");

    let session = world.olga();
    let link = format!("/v1/auth/password-reset/{}", mailed_token(&world));
    let choose = |password: &str| anybody.post(&link, &json!({"password": password})).unwrap();
    assert_eq!(wrong(choose("short")), ("/password".into(), "too_short".into()));
    let large = format!("{{\"password\": \"{}\"}}", "x".repeat(2_000_000));
    for (content_type, body, status) in
        [("application/json", "{", 400), ("application/json", large.as_str(), 413), ("text/plain", "{}", 415)]
    {
        let refused = anybody.line().send("POST", &link, &[("content-type", content_type)], body.into());
        assert_eq!(refused.unwrap().status, status, "and the link is still good");
    }
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4).map(|_| scope.spawn(|| choose(NEW).status)).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 3, "{statuses:?}");
    assert_eq!(session.get("/v1/me").unwrap().status, 401, "all sessions end");
    let sign_in = |password| world.anonymous().sign_in("acme", "olga@acme.example", password);
    assert!(sign_in(PASSWORD).is_err() && sign_in(NEW).is_ok());
    assert_eq!(choose(PASSWORD).problem(404).unwrap(), "not_found");

    // Expired, replaced by a newer one, and its user gone: all the same.
    let fresh = || {
        world.execute("UPDATE account_links SET created_at = now() - interval '1 hour'");
        ask(&json!({"email": "tom@acme.example"}));
        answered(&world);
        mailed_token(&world)
    };
    let choose = |token: &str| {
        let body = json!({"password": NEW});
        anybody.post(&format!("/v1/auth/password-reset/{token}"), &body).unwrap().status
    };
    let replaced = fresh();
    let expired = fresh();
    assert_eq!(choose(&replaced), 404);
    world.execute("UPDATE account_links SET expires_at = now()");
    assert_eq!(choose(&expired), 404);
    let of_a_leaver = fresh();
    let (olga, tom) = (sign_in(NEW).unwrap(), world.tom());
    olga.patch(&format!("/v1/users/{}", tom.id()), &json!({"active": false})).unwrap().expect(200).unwrap();
    assert_eq!(choose(&of_a_leaver), 404);
    ask(&json!({"email": "tom@acme.example"}));
    assert_eq!(answered(&world), 0, "who has left gets no mail");
}

#[test]
fn a_sign_in_that_was_checked_before_the_password_changed_begins_nothing() {
    let world = World::new();
    let olga = world.olga();
    // Sign-ins with the old password and its change at the same time: no session of the old one is left.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let body = json!({"workspace": "acme", "email": "olga@acme.example", "password": PASSWORD});
                let answer = Anonymous::at(&world.base).post("/v1/auth/login", &body).unwrap();
                assert!([200, 401].contains(&answer.status));
            });
        }
        scope.spawn(|| assert_eq!(change(&olga, PASSWORD, NEW).status, 204));
    });
    assert_eq!(count(&world, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"), 1);
}

#[test]
fn what_happens_at_the_door_is_written_down() {
    let world = World::new();
    let olga = world.olga();
    let wrong = json!({"email": "olga@acme.example", "password": "wrong"});
    world.anonymous().post("/v1/auth/login", &wrong).unwrap().expect(401).unwrap();
    wait_for("the refusal is written down", Duration::from_secs(20), || Ok(actions(&world).len() == 2))
        .unwrap();
    let refresh =
        |token: &Value| world.anonymous().post("/v1/auth/refresh", &json!({"refresh_token": token})).unwrap();
    let first = &olga.session()["refresh_token"];
    refresh(first).expect(200).unwrap();
    world.execute("UPDATE refresh_tokens SET used_at = used_at - interval '31 seconds'");
    assert_eq!(refresh(first).status, 401);
    assert_eq!(olga.get("/v1/me").unwrap().status, 401, "the whole family has ended");
    world.tom().send("POST", "/v1/auth/logout", &[], None).unwrap().expect(204).unwrap();
    assert_eq!(
        actions(&world),
        ["session.begun", "session.refused", "session.token_reused", "session.begun", "session.ended"]
    );
    let origin = "SELECT count(*) FROM audit WHERE action LIKE 'session.%'
        AND address IS NOT NULL AND request_id IS NOT NULL";
    assert_eq!(count(&world, origin), 5);
}
