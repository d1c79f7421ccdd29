//! Sessions: beginning, going on, ending.

use crate::world::{PAGE, PASSWORD, World, address};
use postroom_api::limits::LimitSettings;
use postroom_testkit::client::{Answer, Caller};
use serde_json::{Value, json};

fn login(world: &World, body: &Value) -> Answer {
    world.anonymous().post("/v1/auth/login", body).unwrap()
}

fn refresh(world: &World, token: &Value) -> Answer {
    world.anonymous().post("/v1/auth/refresh", &json!({"refresh_token": token})).unwrap()
}

fn me(world: &World, access_token: &Value) -> u16 {
    let authorization = format!("Bearer {}", access_token.as_str().unwrap());
    world.anonymous().send("GET", "/v1/me", &[("authorization", &authorization)], None).unwrap().status
}

#[test]
fn whatever_is_wrong_the_answer_is_the_same() {
    let world = World::new();
    let right =
        login(&world, &json!({"email": "olga@acme.example", "password": PASSWORD})).expect(200).unwrap();
    assert_eq!(right["user"]["role"], "owner");
    assert_eq!(right["expires_in"], 900);
    let mut bodies = [
        json!({"workspace": "acme", "email": "olga@acme.example", "password": "wrong"}),
        json!({"workspace": "acme", "email": "nobody@acme.example", "password": PASSWORD}),
        json!({"workspace": "other", "email": "olga@acme.example", "password": PASSWORD}),
    ]
    .map(|body| login(&world, &body).expect(401).unwrap());
    for body in &mut bodies {
        assert_eq!(body["code"], "invalid_credentials");
        body["request_id"] = Value::Null;
    }
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2], "{bodies:?}");
}

#[test]
fn a_refresh_token_changes_at_each_use_and_a_lost_answer_is_forgiven() {
    let world = World::new();
    let first = world.olga().session().clone();
    let second = refresh(&world, &first["refresh_token"]).expect(200).unwrap();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let again = refresh(&world, &first["refresh_token"]).expect(200).unwrap();
    assert!(refresh(&world, &second["refresh_token"]).status == 200, "the other tab's is good as well");
    assert!(refresh(&world, &again["refresh_token"]).status == 200);
    assert_eq!(refresh(&world, &json!("prr_nothing")).problem(401).unwrap(), "invalid_refresh_token");
    assert_eq!(world.anonymous().post("/v1/auth/refresh", &json!({})).unwrap().status, 401);
}

#[test]
fn signing_out_ends_every_token_of_the_session_and_no_other() {
    let world = World::new();
    let (here, there) = (world.olga(), world.olga());
    assert_eq!(here.send("POST", "/v1/auth/logout", &[], None).unwrap().status, 204);
    assert_eq!(here.get("/v1/me").unwrap().problem(401).unwrap(), "not_authenticated");
    assert_eq!(
        refresh(&world, &here.session()["refresh_token"]).problem(401).unwrap(),
        "invalid_refresh_token"
    );
    assert_eq!(there.get("/v1/me").unwrap().status, 200);
    let by_refresh_token = json!({"refresh_token": there.session()["refresh_token"]});
    assert_eq!(world.anonymous().post("/v1/auth/logout", &by_refresh_token).unwrap().status, 204);
    assert_eq!(me(&world, &there.session()["access_token"]), 401);
}

#[test]
fn a_page_that_slept_signs_out_with_its_refresh_token() {
    let world = World::new();
    let stale = ("authorization", "Bearer no.longer.good");
    let logout = |headers: &[(&str, &str)], body: Option<&Value>| {
        world.anonymous().send("POST", "/v1/auth/logout", headers, body).unwrap()
    };
    let olga = world.olga();
    let token = json!({"refresh_token": olga.session()["refresh_token"]});
    assert_eq!(logout(&[stale], Some(&token)).status, 204);
    assert_eq!(me(&world, &olga.session()["access_token"]), 401);
    assert_eq!(logout(&[stale], Some(&token)).problem(401).unwrap(), "not_authenticated");
    assert_eq!(logout(&[stale], None).problem(401).unwrap(), "not_authenticated");

    let in_cookie = json!({"email": "olga@acme.example", "password": PASSWORD, "refresh": "cookie"});
    let answer = login(&world, &in_cookie);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let access_token = answer.expect(200).unwrap()["access_token"].clone();
    let cookie = ("cookie", cookie.as_str());
    let evil = logout(&[stale, cookie, ("origin", "https://evil.example")], None);
    assert_eq!(evil.problem(403).unwrap(), "origin_not_allowed");
    assert_eq!(me(&world, &access_token), 200);
    assert_eq!(logout(&[stale, cookie, ("origin", PAGE)], None).status, 204);
    assert_eq!(me(&world, &access_token), 401);
}

#[test]
fn the_cookie_counts_only_from_a_known_page() {
    let world = World::new();
    let body = json!({"email": "olga@acme.example", "password": PASSWORD, "refresh": "cookie"});
    let answer = login(&world, &body);
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/v1/auth"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(answer.expect(200).unwrap()["refresh_token"], Value::Null);
    let pair = cookie.split(';').next().unwrap().to_owned();
    let send = |origin: Option<&str>| {
        let mut headers = vec![("cookie", pair.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        world.anonymous().send("POST", "/v1/auth/refresh", &headers, None).unwrap()
    };
    for origin in [None, Some("https://evil.example"), Some("null")] {
        assert_eq!(send(origin).problem(403).unwrap(), "origin_not_allowed", "{origin:?}");
    }
    let renewed = send(Some(PAGE));
    assert!(renewed.header("set-cookie").starts_with("postroom_refresh=prr_"));
    assert_eq!(renewed.header("access-control-allow-credentials"), "true");
    assert_eq!(renewed.status, 200);
}

#[test]
fn guessing_is_slowed_down() {
    let world = World::with(LimitSettings { sign_in_per_account: 3, ..LimitSettings::OFF });
    let wrong = json!({"email": "olga@acme.example", "password": "wrong"});
    let named = json!({"workspace": "acme", "email": "olga@acme.example", "password": "wrong"});
    for body in [&wrong, &named, &wrong] {
        assert_eq!(login(&world, body).status, 401, "one account, with its workspace and without");
    }
    let refused = login(&world, &json!({"email": "Olga@Acme.example", "password": PASSWORD}));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(refused.problem(429).unwrap(), "rate_limited");
    assert_eq!(login(&world, &json!({"email": "tom@acme.example", "password": PASSWORD})).status, 200);
}

#[test]
fn a_profile_is_changed_by_its_version_and_made_harmless() {
    let world = World::new();
    let olga = world.olga();
    let read = olga.get("/v1/me").unwrap();
    let tag = read.header("etag").to_owned();
    let unchanged = olga.send("GET", "/v1/me", &[("if-none-match", &tag)], None).unwrap();
    assert_eq!((unchanged.status, unchanged.bytes.len()), (304, 0));
    let patch =
        json!({"signature_html": "<p>Olga</p><script>alert(1)</script>", "time_zone": "Europe/Berlin"});
    let saved =
        olga.send("PATCH", "/v1/me", &[("if-match", &tag)], Some(&patch)).unwrap().expect(200).unwrap();
    assert_eq!(saved["signature_html"], "<p>Olga</p>");
    let stale = olga.send("PATCH", "/v1/me", &[("if-match", &tag)], Some(&json!({"name": "O"}))).unwrap();
    let stale = stale.expect(412).unwrap();
    assert_eq!((&stale["code"], &stale["current"]), (&json!("stale_version"), &saved));
    let wrong = json!({"name": null, "time_zone": "Mars/Base", "role": "owner"});
    let refused = olga.patch("/v1/me", &wrong).unwrap().expect(422).unwrap();
    let pointers: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/name", "/time_zone", "/role"]);
}

#[test]
fn an_address_that_several_workspaces_know_signs_in_where_it_says() {
    let world = World::new();
    world.run(async {
        let password_hash = postroom_api::password::hash("another password".into()).await.unwrap();
        let new = postroom_store::NewWorkspace {
            slug: "other".into(),
            name: "Other".into(),
            owner_email: address("olga@acme.example"),
            owner_name: "Olga elsewhere".into(),
            owner_password_hash: password_hash,
        };
        world.store.create_workspace(&new).await.unwrap();
    });
    let sign_in = |workspace: Option<&str>, password: &str| {
        let answer = login(
            &world,
            &json!({"workspace": workspace, "email": "olga@acme.example", "password": password}),
        );
        (answer.status, answer.body["user"]["name"].clone())
    };
    assert_eq!(sign_in(None, PASSWORD).0, 401, "which one is meant?");
    assert_eq!(sign_in(Some("acme"), PASSWORD), (200, json!("Olga")));
    assert_eq!(sign_in(Some("other"), "another password"), (200, json!("Olga elsewhere")));
    assert_eq!(sign_in(Some("other"), PASSWORD).0, 401);

    // Nobody of the other workspace reaches into this one, by whatever id.
    let other = world.anonymous().sign_in("other", "olga@acme.example", "another password").unwrap();
    let tom = world.tom();
    for (method, path) in
        [("GET", format!("/v1/users/{}", tom.id())), ("PATCH", format!("/v1/users/{}", tom.id()))]
    {
        let body = (method == "PATCH").then(|| json!({"active": false}));
        assert_eq!(other.send(method, &path, &[], body.as_ref()).unwrap().problem(404).unwrap(), "not_found");
    }
    assert_eq!(tom.get("/v1/me").unwrap().status, 200);
}
