//! Sign-in, the rotation of refresh tokens, and who a session's request comes from.

use crate::world::{World, email, master_key};
use aws_lc_rs::signature::Ed25519KeyPair;
use chrono::{DateTime, TimeDelta, Utc};
use postroom_domain::{
    access::{Actor, Role},
    ids::SessionId,
};
use postroom_store::{FeatureState, NewSession, RefreshIn, Rotation, SigningKey, StoreError};
use secrecy::ExposeSecret;

async fn session(world: &World, actor: &Actor, first_token: u8) -> SessionId {
    let now = Utc::now();
    let new = NewSession {
        workspace_id: actor.workspace_id,
        user_id: actor.user_id,
        password_hash: if actor.role == Role::Owner { "hash of the owner" } else { "hash" },
        refresh_in: RefreshIn::Body,
        refresh_digest: [first_token; 32],
        expires_at: now + TimeDelta::days(90),
        refresh_expires_at: now + TimeDelta::days(30),
    };
    world.store.begin_session(&new).await.unwrap().unwrap()
}

async fn rotate(world: &World, old: u8, new: u8, now: DateTime<Utc>) -> Rotation {
    world.store.rotate_refresh_token(&[old; 32], &[new; 32], now, now + TimeDelta::days(30)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_found_in_its_workspace_or_where_only_one_knows_the_address() {
    let world = World::new();
    let [acme, _] = [world.bare_workspace("acme").await, world.bare_workspace("other").await];
    let find = async |address: &str, slug| world.store.find_sign_in(&email(address), slug).await.unwrap();
    let found = find("Owner@Acme.example", None).await.unwrap();
    assert_eq!((found.workspace_id, found.user_id), (acme.workspace_id, acme.user_id));
    assert_eq!((found.password_hash.as_deref(), found.active), (Some("hash of the owner"), true));
    assert!(find("owner@acme.example", Some("acme")).await.is_some());
    assert!(find("owner@acme.example", Some("other")).await.is_none());
    assert!(find("owner@acme.example", Some("nowhere")).await.is_none());
    assert!(find("nobody@acme.example", None).await.is_none());

    let user = postroom_store::NewUser {
        workspace: "other".into(),
        email: email("owner@acme.example"),
        name: "The same".into(),
        role: Role::Manager,
        password_hash: "hash elsewhere".into(),
    };
    world.store.create_user(&user).await.unwrap();
    assert!(find("owner@acme.example", None).await.is_none(), "two know it: the workspace must be named");
    let named = find("owner@acme.example", Some("other")).await.unwrap();
    assert_eq!(named.password_hash.as_deref(), Some("hash elsewhere"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once_and_a_moment_longer() {
    let world = World::new();
    let owner = world.bare_workspace("acme").await;
    let id = session(&world, &owner, 1).await;
    let now = Utc::now();
    let renewed = |rotation| matches!(rotation, Rotation::Renewed(session) if session.id == id);
    assert!(renewed(rotate(&world, 1, 2, now).await));
    // A second tab, or a lost answer.
    assert!(renewed(rotate(&world, 1, 3, now + TimeDelta::seconds(29)).await));
    assert!(renewed(rotate(&world, 2, 4, now + TimeDelta::seconds(40)).await), "both successors are good");
    assert!(renewed(rotate(&world, 3, 5, now + TimeDelta::seconds(41)).await));

    assert!(
        matches!(rotate(&world, 1, 6, now + TimeDelta::seconds(42)).await, Rotation::Reused(session) if session.id == id)
    );
    for token in [1, 2, 3, 4, 5, 6] {
        let rotation = rotate(&world, token, 9, now + TimeDelta::seconds(43)).await;
        assert_eq!(rotation, Rotation::Refused, "the family has ended: {token}");
    }
    let caller =
        world.store.caller(owner.workspace_id, id, Utc::now() + TimeDelta::seconds(50)).await.unwrap();
    assert_eq!(caller, None, "and the session with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_refresh_at_once_all_go_on() {
    let world = World::new();
    let owner = world.bare_workspace("acme").await;
    session(&world, &owner, 1).await;
    let now = Utc::now();
    let mut tabs = tokio::task::JoinSet::new();
    for tab in 10..20 {
        let store = world.store.clone();
        tabs.spawn(async move {
            store.rotate_refresh_token(&[1; 32], &[tab; 32], now, now + TimeDelta::days(30)).await.unwrap()
        });
    }
    while let Some(rotation) = tabs.join_next().await {
        assert!(matches!(rotation.unwrap(), Rotation::Renewed(_)));
    }
    for tab in 10..20 {
        assert!(matches!(rotate(&world, tab, tab + 100, now).await, Rotation::Renewed(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_expired_and_ended_are_refused_alike() {
    let world = World::new();
    let owner = world.bare_workspace("acme").await;
    let id = session(&world, &owner, 1).await;
    let now = Utc::now();
    assert_eq!(rotate(&world, 77, 78, now).await, Rotation::Refused);
    assert_eq!(
        rotate(&world, 1, 2, now + TimeDelta::days(31)).await,
        Rotation::Refused,
        "the token has expired"
    );
    assert!(matches!(rotate(&world, 1, 2, now).await, Rotation::Renewed(_)));
    assert!(world.store.session_of_refresh_token(&[2; 32], now).await.unwrap().is_some());
    world.store.end_session(owner.workspace_id, id, now).await.unwrap();
    assert_eq!(rotate(&world, 2, 3, now).await, Rotation::Refused, "the session has ended");
    assert!(world.store.session_of_refresh_token(&[2; 32], now).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_read_afresh() {
    let world = World::new();
    let owner = world.bare_workspace("acme").await;
    let tim = world.user("acme", "tim", Role::TeamMember).await;
    let stranger = world.bare_workspace("other").await;
    let id = session(&world, &tim, 1).await;
    let caller = async || world.store.caller(owner.workspace_id, id, Utc::now()).await.unwrap();

    let first = caller().await.unwrap();
    assert_eq!((first.actor, first.credential), (tim, id.into()));
    assert_eq!((first.name.as_str(), first.conversations), ("tim", FeatureState::Disabled));
    world.store.enable_conversations("acme").await.unwrap();
    assert_eq!(caller().await.unwrap().conversations, FeatureState::Enabled, "from the next request on");
    world.execute("UPDATE users SET role = 'manager' WHERE name = 'tim'");
    assert_eq!(caller().await.unwrap().actor.role, Role::Manager);
    let elsewhere = world.store.caller(stranger.workspace_id, id, Utc::now()).await.unwrap();
    assert_eq!(elsewhere, None, "a session belongs to one workspace");
    let expired = world.store.caller(owner.workspace_id, id, Utc::now() + TimeDelta::days(91)).await.unwrap();
    assert_eq!(expired, None);
    world.execute("UPDATE users SET active = false WHERE name = 'tim'");
    assert_eq!(caller().await, None, "deactivated");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_forgotten_a_month_after_their_end() {
    let world = World::new();
    let owner = world.bare_workspace("acme").await;
    let [ended, lives] = [session(&world, &owner, 1).await, session(&world, &owner, 2).await];
    let now = Utc::now();
    world.store.end_session(owner.workspace_id, ended, now).await.unwrap();
    assert_eq!(world.store.upkeep(now + TimeDelta::days(29)).await.unwrap().sessions, 0);
    assert_eq!(world.store.upkeep(now + TimeDelta::days(31)).await.unwrap().sessions, 1);
    assert!(world.store.caller(owner.workspace_id, lives, now).await.unwrap().is_some());
    assert_eq!(world.count("SELECT count(*) FROM refresh_tokens"), 1, "its tokens are gone with it");
    assert_eq!(world.store.upkeep(now + TimeDelta::days(121)).await.unwrap().sessions, 1, "expired");
}

fn signing_key(kid: &str) -> SigningKey {
    let pair = Ed25519KeyPair::generate().unwrap();
    let private_key = pair.to_pkcs8v1().unwrap().as_ref().to_vec().into();
    SigningKey { kid: kid.into(), private_key }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_agree_on_one_signing_key() {
    let world = World::new();
    assert!(world.store.signing_keys().await.unwrap().is_empty());
    let mut servers = tokio::task::JoinSet::new();
    for server in 0..8 {
        let store = world.store.clone();
        servers.spawn(
            async move { store.ensure_signing_key(&signing_key(&format!("k{server}"))).await.unwrap() },
        );
    }
    let mut seen = std::collections::HashSet::new();
    while let Some(keys) = servers.join_next().await {
        let keys = keys.unwrap();
        assert_eq!(keys.len(), 1);
        seen.insert((keys[0].kid.clone(), keys[0].private_key.expose_secret().to_vec()));
    }
    assert_eq!(seen.len(), 1, "all have the same");
    let other_key = world.with_key(master_key('B'));
    assert!(
        matches!(other_key.signing_keys().await, Err(StoreError::Secret)),
        "another master key opens nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_checks_for_a_while() {
    let world = World::new();
    world.store.ensure_signing_key(&signing_key("old")).await.unwrap();
    world.execute("UPDATE signing_keys SET retired_at = now()");
    let keys = world.store.ensure_signing_key(&signing_key("new")).await.unwrap();
    let kids = |keys: Vec<SigningKey>| keys.into_iter().map(|key| key.kid).collect::<Vec<_>>();
    assert_eq!(kids(keys), ["new", "old"]);
    assert_eq!(kids(world.store.signing_keys().await.unwrap()), ["new", "old"]);
    world.execute("UPDATE signing_keys SET retired_at = now() - interval '61 minutes' WHERE kid = 'old'");
    assert_eq!(kids(world.store.signing_keys().await.unwrap()), ["new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_published_before_it_signs_and_no_key_comes_back() {
    let world = World::new();
    let kids = async || {
        let keys = world.store.signing_keys().await.unwrap();
        keys.into_iter().map(|key| key.kid).collect::<Vec<_>>()
    };
    let [first, second, third] = ["first", "second", "third"].map(signing_key);
    let now = Utc::now();
    world.store.ensure_signing_key(&first).await.unwrap();
    assert!(world.store.sign_with(&second, now + TimeDelta::minutes(2)).await.unwrap());
    assert_eq!(kids().await, ["first", "second"], "the first one signs, the second one is known");
    let earlier = "UPDATE signing_keys SET created_at = created_at - interval '3 minutes', retired_at = retired_at - interval '3 minutes'";
    world.execute(earlier);
    assert_eq!(kids().await, ["second", "first"], "the first one checks on");
    assert!(!world.store.sign_with(&first, now).await.unwrap(), "what was replaced stays so");
    assert!(world.store.sign_with(&third, now).await.unwrap());
    assert_eq!(kids().await, ["third", "second", "first"]);
    // One that is replaced before its time has come never signs.
    let [soon, at_once] = ["soon", "at once"].map(signing_key);
    assert!(world.store.sign_with(&soon, now + TimeDelta::minutes(2)).await.unwrap());
    assert!(world.store.sign_with(&at_once, Utc::now()).await.unwrap());
    assert_eq!(kids().await[..2], ["at once", "soon"]);
    world.execute(earlier);
    assert_eq!(kids().await[..2], ["at once", "soon"]);
    // Two at once: one signs in the end.
    let [a, b] = ["a", "b"].map(signing_key);
    let (one, two) = tokio::join!(world.store.sign_with(&a, now), world.store.sign_with(&b, now));
    assert!(one.unwrap() && two.unwrap());
    assert_eq!(world.count("SELECT count(*) FROM signing_keys WHERE retired_at IS NULL"), 1);
    let later = Utc::now() + TimeDelta::minutes(61);
    assert_eq!(world.store.upkeep(later).await.unwrap().keys, 6, "private halves are forgotten");
    assert_eq!(world.count("SELECT count(*) FROM signing_keys WHERE length(private_key) > 0"), 1);
    assert!(!world.store.sign_with(&first, now).await.unwrap(), "and their names stay taken");
}
