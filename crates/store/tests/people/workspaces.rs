//! Workspaces, their paid feature, and their users.

use crate::world::{World, email, new_workspace};
use chrono::Utc;
use postroom_domain::{
    access::{Actor, Role},
    user::UserStatus,
};
use postroom_store::{FeatureRequest, FeatureState, MePatch, NewUser, Outcome, StoreError, StoredAnswer};

#[tokio::test(flavor = "multi_thread")]
async fn a_slug_is_used_once_and_has_its_form() {
    let world = World::new();
    world.bare_workspace("acme").await;
    let again = world.store.create_workspace(&new_workspace("acme")).await;
    assert!(matches!(again, Err(StoreError::Taken("slug"))), "{again:?}");
    assert_eq!(world.count("SELECT count(*) FROM users"), 1, "nothing of the second one is left");
    for slug in ["", "-a", "A", "a b", "ä", &"a".repeat(64)] {
        let mut new = new_workspace("x");
        new.slug = slug.to_owned();
        let refused = world.store.create_workspace(&new).await;
        assert!(matches!(refused, Err(StoreError::Invalid { field: "slug", .. })), "{slug}: {refused:?}");
    }
    let mut nameless = new_workspace("x");
    nameless.owner_name = "  ".into();
    let refused = world.store.create_workspace(&nameless).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "owner_name", .. })), "{refused:?}");
}

async fn ask(world: &World, actor: &Actor, note: Option<&str>) -> FeatureRequest {
    let answer = |_: &FeatureRequest| StoredAnswer { status: 201, location: None, body: Vec::new() };
    match world.store.request_feature(actor, note, None, answer).await.unwrap() {
        Outcome::Done(request) => request,
        Outcome::Replayed(_) => panic!("replayed without a key"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_twice_is_one_request() {
    let world = World::new();
    let owner = world.bare_workspace("acme").await;
    let tim = world.user("acme", "tim", Role::TeamMember).await;
    let before = world.store.feature_request(&owner).await.unwrap();
    assert_eq!((before.state, before.asked), (FeatureState::Disabled, None));
    let first = ask(&world, &tim, Some("please")).await;
    let asked = first.asked.clone().unwrap();
    assert_eq!(first.state, FeatureState::Requested);
    assert_eq!(
        (asked.user_id, asked.user_name.as_str(), asked.note.as_deref()),
        (tim.user_id, "tim", Some("please"))
    );
    let second = ask(&world, &owner, Some("me too")).await;
    assert_eq!(second, first, "who, when and why stay the first one's");
    assert_eq!(world.count("SELECT count(*) FROM events WHERE type = 'workspace.updated'"), 1);

    assert!(world.store.enable_conversations("acme").await.unwrap());
    assert!(!world.store.enable_conversations("acme").await.unwrap(), "it was enabled already");
    let late = ask(&world, &tim, None).await;
    assert_eq!((late.state, late.asked), (FeatureState::Enabled, first.asked));
    assert_eq!(world.store.workspace(&tim).await.unwrap().conversations, FeatureState::Enabled);
    assert!(matches!(world.store.enable_conversations("nowhere").await, Err(StoreError::NotFound)));

    // Switched off, the wish is answered: who asks again is the first.
    assert!(world.store.disable_conversations("acme").await.unwrap());
    assert!(!world.store.disable_conversations("acme").await.unwrap(), "it was disabled already");
    let before = world.store.feature_request(&owner).await.unwrap();
    assert_eq!((before.state, before.asked), (FeatureState::Disabled, None));
    assert_eq!(ask(&world, &owner, Some("again")).await.asked.unwrap().user_id, owner.user_id);
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'workspace.feature_switched'"), 2);
    assert_eq!(world.count("SELECT count(*) FROM audit WHERE action = 'workspace.feature_requested'"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_owner_and_an_address_is_used_once() {
    let world = World::new();
    world.bare_workspace("acme").await;
    let new = |address: &str, role| NewUser {
        workspace: "acme".into(),
        email: email(address),
        name: "N".into(),
        role,
        password_hash: "h".into(),
    };
    let second_owner = world.store.create_user(&new("o@acme.example", Role::Owner)).await;
    assert!(matches!(second_owner, Err(StoreError::Invalid { field: "role", .. })), "{second_owner:?}");
    let same_address = world.store.create_user(&new("OWNER@acme.example", Role::Manager)).await;
    assert!(matches!(same_address, Err(StoreError::Taken("email"))), "{same_address:?}");
    let mut elsewhere = new("o@acme.example", Role::Manager);
    elsewhere.workspace = "nowhere".into();
    assert!(matches!(world.store.create_user(&elsewhere).await, Err(StoreError::NotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_come_by_name_each_once() {
    let world = World::new();
    let owner = world.bare_workspace("acme").await;
    for (name, role) in [("carl", Role::Manager), ("anna", Role::TeamMember), ("bert", Role::Administrator)] {
        world.user("acme", name, role).await;
    }
    world.user("acme", "gone", Role::Manager).await;
    world.execute("UPDATE users SET active = false WHERE name = 'gone'");
    // Two of one name: the id decides.
    world.execute("UPDATE users SET name = 'anna' WHERE name = 'carl'");
    let (mut names, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = world.store.users(&owner, Some(UserStatus::Active), after.as_ref(), 2).await.unwrap();
        pages += 1;
        after = page.items.last().map(|user| (user.name.clone(), user.id));
        names.extend(page.items.into_iter().map(|user| (user.name, user.role)));
        if !page.more {
            break;
        }
    }
    let by_name: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((by_name, pages), (vec!["Olga Owner", "anna", "anna", "bert"], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_edited_by_version() {
    let world = World::new();
    let owner = world.bare_workspace("acme").await;
    let me = world.store.me(&owner).await.unwrap();
    assert_eq!(
        (me.user.version, me.user.name.as_str(), me.workspace.slug.as_str()),
        (1, "Olga Owner", "acme")
    );
    let patch = MePatch { signature_html: Some("<p>Olga</p>".into()), ..MePatch::default() };
    let edited = world.store.update_me(&owner, Some(1), &patch).await.unwrap();
    assert_eq!((edited.user.version, edited.user.signature_html.as_str()), (2, "<p>Olga</p>"));
    assert!(edited.user.updated_at > me.user.updated_at && edited.user.name == "Olga Owner");

    let same = world.store.update_me(&owner, None, &patch).await.unwrap();
    assert_eq!(same.user.version, 2, "what changes nothing is no edit");
    let stale = world
        .store
        .update_me(&owner, Some(1), &MePatch { name: Some("X".into()), ..MePatch::default() })
        .await;
    assert!(matches!(stale, Err(StoreError::StaleVersion)), "{stale:?}");
    assert_eq!(world.count("SELECT count(*) FROM events WHERE type = 'user.updated'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_the_schema_is_not_ready() {
    let world = World::new();
    world.store.ready().await.unwrap();
    let skew = (world.store.database_time().await.unwrap() - Utc::now()).num_seconds().abs();
    assert!(skew <= 1, "{skew}");
    world.execute("DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)");
    assert!(matches!(world.store.ready().await, Err(StoreError::SchemaOutdated(_))));
    world.execute("DROP TABLE __diesel_schema_migrations");
    assert!(matches!(world.store.ready().await, Err(StoreError::SchemaOutdated(_))));
}
