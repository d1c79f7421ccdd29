//! Who connects and sees mailboxes (ACC-4), their secrets, and their leases.

use crate::world::{World, master_key, new_mailbox};
use chrono::{TimeDelta, Utc};
use postroom_domain::{
    access::{Actor, Role},
    ids::MailboxId,
};
use postroom_store::{
    Credentials, Mailbox, MailboxConnection, MailboxHealth, MailboxLease, MailboxPatch, MailboxState,
    Outcome, Ownership, ServerPatch, StoreError, StoredAnswer,
};
use secrecy::ExposeSecret;
use std::{collections::HashSet, time::Duration};

const LEASE: Duration = Duration::from_secs(15);

async fn connect(
    world: &World,
    actor: &Actor,
    address: &str,
    ownership: Ownership,
) -> Result<Mailbox, StoreError> {
    let answer = |_: &Mailbox| StoredAnswer { status: 201, location: None, body: Vec::new() };
    match world.store.create_mailbox(actor, &new_mailbox(address, ownership), None, answer).await? {
        Outcome::Done(mailbox) => Ok(mailbox),
        Outcome::Replayed(_) => panic!("replayed without a key"),
    }
}

async fn listed(world: &World, actor: &Actor) -> Vec<String> {
    let page = world.store.mailboxes(actor, None, 100).await.unwrap();
    assert!(!page.more);
    page.items.into_iter().map(|mailbox| mailbox.address).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_connects_their_own_administrators_all() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let [admin, manager, tim] = [
        world.user("acme", "admin", Role::Administrator).await,
        world.user("acme", "manager", Role::Manager).await,
        world.user("acme", "tim", Role::TeamMember).await,
    ];
    for (actor, name) in [(owner, "o"), (admin, "a"), (manager, "m"), (tim, "t")] {
        let address = format!("{name}@mail.example");
        let mine = connect(&world, &actor, &address, Ownership::Personal(actor.user_id)).await.unwrap();
        assert_eq!((mine.address, mine.state), (address, MailboxState::New));
    }
    let refused = |outcome: Result<Mailbox, StoreError>| matches!(outcome, Err(StoreError::RoleNotAllowed));
    for actor in [manager, tim] {
        assert!(refused(connect(&world, &actor, "x@mail.example", Ownership::Personal(admin.user_id)).await));
        assert!(refused(connect(&world, &actor, "x@mail.example", Ownership::Shared(None)).await));
    }
    connect(&world, &admin, "shared@mail.example", Ownership::Shared(Some(tim.user_id))).await.unwrap();

    let everything =
        ["a@mail.example", "m@mail.example", "o@mail.example", "shared@mail.example", "t@mail.example"];
    assert_eq!(listed(&world, &owner).await, everything);
    assert_eq!(listed(&world, &admin).await, everything);
    assert_eq!(listed(&world, &manager).await, ["m@mail.example", "shared@mail.example"]);
    assert_eq!(listed(&world, &tim).await, ["shared@mail.example", "t@mail.example"]);
    let theirs = world.store.mailboxes(&admin, None, 1).await.unwrap().items.remove(0);
    assert!(world.store.mailbox(&admin, theirs.id).await.is_ok());
    let hidden = world.store.mailbox(&manager, theirs.id).await;
    assert!(matches!(hidden, Err(StoreError::NotFound)), "{hidden:?}");
    let never = world.store.mailbox(&manager, MailboxId(uuid::Uuid::new_v4())).await;
    assert!(matches!(never, Err(StoreError::NotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_connected_says_why() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let stranger = world.workspace("other").await;
    let nobody = connect(&world, &owner, "a@mail.example", Ownership::Personal(stranger.user_id)).await;
    assert!(matches!(nobody, Err(StoreError::Invalid { field: "user_id", .. })), "{nobody:?}");
    let nobody = connect(&world, &owner, "a@mail.example", Ownership::Shared(Some(stranger.user_id))).await;
    assert!(matches!(nobody, Err(StoreError::Invalid { field: "default_owner_id", .. })), "{nobody:?}");
    connect(&world, &owner, "a@mail.example", Ownership::Shared(None)).await.unwrap();
    let taken = connect(&world, &owner, "A@mail.example", Ownership::Shared(None)).await;
    assert!(matches!(taken, Err(StoreError::Taken("address"))), "{taken:?}");
    connect(&world, &stranger, "a@mail.example", Ownership::Shared(None)).await.unwrap();

    let poor = world.bare_workspace("poor").await;
    let disabled = connect(&world, &poor, "b@mail.example", Ownership::Shared(None)).await;
    assert!(matches!(disabled, Err(StoreError::FeatureNotEnabled)), "{disabled:?}");
    assert!(matches!(world.store.mailboxes(&poor, None, 10).await, Err(StoreError::FeatureNotEnabled)));
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_stored_sealed_and_opened_for_the_worker() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let mailbox = connect(&world, &owner, "a@mail.example", Ownership::Shared(None)).await.unwrap();
    let connection = world.store.mailbox_connection(owner.workspace_id, mailbox.id).await.unwrap();
    assert_eq!(passwords(&connection), ["imap password", "smtp password"]);
    assert_eq!((connection.imap.port, connection.smtp.port, connection.reads), (993, 465, true));
    let plain =
        "SELECT count(*) FROM mailboxes WHERE position('password'::bytea in imap_secret || smtp_secret) > 0";
    assert_eq!(world.count(plain), 0);
    let other_key = world.with_key(master_key('B'));
    let unopened = other_key.mailbox_connection(owner.workspace_id, mailbox.id).await;
    assert!(matches!(unopened, Err(StoreError::Secret)), "{unopened:?}");
    let (count, troubles) = other_key.mailbox_troubles().await.unwrap();
    assert!(count == 1 && !troubles[0].secrets_open, "{troubles:?}");

    world.execute("UPDATE mailboxes SET imap_secret = smtp_secret");
    let moved = world.store.mailbox_connection(owner.workspace_id, mailbox.id).await;
    assert!(matches!(moved, Err(StoreError::Secret)), "a secret opens only in its own column: {moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_have_the_same_mailbox() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    for number in 0..12 {
        connect(&world, &owner, &format!("m{number}@mail.example"), Ownership::Shared(None)).await.unwrap();
    }
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = world.store.clone();
        workers.spawn(async move {
            let mut claimed = Vec::new();
            for _ in 0..6 {
                claimed.extend(store.claim_mailboxes(3, LEASE).await.unwrap());
            }
            claimed
        });
    }
    let mut claimed: Vec<MailboxLease> = Vec::new();
    while let Some(leases) = workers.join_next().await {
        claimed.extend(leases.unwrap());
    }
    let different: HashSet<_> = claimed.iter().map(|lease| lease.mailbox_id).collect();
    assert_eq!((claimed.len(), different.len()), (12, 12), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_given_back_or_lost() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    connect(&world, &owner, "a@mail.example", Ownership::Shared(None)).await.unwrap();
    let claim = async || world.store.claim_mailboxes(10, LEASE).await.unwrap();
    let first = claim().await.remove(0);
    assert!(claim().await.is_empty(), "it is held");
    world.store.renew_mailbox_lease(&first, LEASE).await.unwrap();
    world.store.release_mailbox(&first, Utc::now() + TimeDelta::minutes(1)).await.unwrap();
    assert!(claim().await.is_empty(), "it is not due");
    let lost = |outcome: Result<(), StoreError>| matches!(outcome, Err(StoreError::LeaseLost));
    assert!(lost(world.store.renew_mailbox_lease(&first, LEASE).await), "given back is given back");

    world.execute("UPDATE mailbox_queue SET due_at = now()");
    let second = claim().await.remove(0);
    // The holder is killed; its lease ends.
    world.execute("UPDATE mailbox_queue SET leased_until = now() - interval '1 second'");
    let third = claim().await.remove(0);
    assert_ne!(second.token, third.token);
    assert!(lost(world.store.renew_mailbox_lease(&second, LEASE).await));
    world.store.release_mailbox(&second, Utc::now()).await.unwrap();
    assert!(claim().await.is_empty(), "who has lost it can't give it back for its holder");
    let health =
        MailboxHealth { state: MailboxState::Reading, last_error: None, synced_at: None, login_refusals: 0 };
    assert!(lost(world.store.record_mailbox_health(&second, &health).await));
    world.store.record_mailbox_health(&third, &health).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_feature_nothing_is_read() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let mailbox = connect(&world, &owner, "a@mail.example", Ownership::Shared(None)).await.unwrap();
    let lease = world.store.claim_mailboxes(10, LEASE).await.unwrap().remove(0);
    world.execute("UPDATE workspaces SET conversations_feature = 'disabled'");
    let renewed = world.store.renew_mailbox_lease(&lease, LEASE).await;
    assert!(matches!(renewed, Err(StoreError::LeaseLost)), "reading ends: {renewed:?}");
    assert!(!world.store.mailbox_connection(owner.workspace_id, mailbox.id).await.unwrap().reads);
    world.execute("UPDATE mailbox_queue SET leased_until = now() - interval '1 second', due_at = now() + interval '1 hour'");
    assert!(world.store.claim_mailboxes(10, LEASE).await.unwrap().is_empty());
    world.store.enable_conversations("acme").await.unwrap();
    assert_eq!(
        world.store.claim_mailboxes(10, LEASE).await.unwrap().len(),
        1,
        "due at once when it is enabled"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_people_see_of_it_is_an_event() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let mailbox = connect(&world, &owner, "a@mail.example", Ownership::Shared(None)).await.unwrap();
    let lease = world.store.claim_mailboxes(10, LEASE).await.unwrap().remove(0);
    let events = || world.count("SELECT count(*) FROM events WHERE type = 'mailbox.updated'");
    let record = async |state, error: Option<&str>, synced_at| {
        let last_error = error.map(str::to_owned);
        let health = MailboxHealth { state, last_error, synced_at, login_refusals: 0 };
        world.store.record_mailbox_health(&lease, &health).await.unwrap();
    };
    assert_eq!(events(), 1, "connected");
    let now = Utc::now();
    record(MailboxState::Reading, None, Some(now)).await;
    assert_eq!(events(), 2);
    record(MailboxState::Reading, None, Some(now + TimeDelta::seconds(1))).await;
    assert_eq!(events(), 2, "it goes on well");
    record(MailboxState::Failing, Some("the server can't be reached"), None).await;
    record(MailboxState::Failing, Some("the server can't be reached"), None).await;
    assert_eq!(events(), 3);
    let seen = world.store.mailbox(&owner, mailbox.id).await.unwrap();
    assert_eq!(
        (seen.state, seen.last_error.as_deref()),
        (MailboxState::Failing, Some("the server can't be reached"))
    );
    assert!(seen.last_synced_at > Some(now), "when it last had everything stays known");
    let (_, troubles) = world.store.mailbox_troubles().await.unwrap();
    assert_eq!((troubles[0].workspace.as_str(), troubles[0].secrets_open), ("acme", true));
}

/// Whoever reads with the old credentials loses the mailbox at once, and with it the right to say how that went.
#[tokio::test(flavor = "multi_thread")]
async fn new_credentials_take_the_mailbox_from_its_reader() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let mailbox = connect(&world, &owner, "a@mail.example", Ownership::Shared(None)).await.unwrap();
    let lease = world.store.claim_mailboxes(10, LEASE).await.unwrap().remove(0);
    let refused = MailboxHealth {
        state: MailboxState::Refused,
        last_error: Some("refused login".into()),
        synced_at: None,
        login_refusals: 5,
    };
    world.store.record_mailbox_health(&lease, &refused).await.unwrap();
    let unused = MailboxPatch { display_name: Some("Us".into()), ..MailboxPatch::default() };
    world.store.update_mailbox(&owner, mailbox.id, None, &unused).await.unwrap();
    world.store.renew_mailbox_lease(&lease, LEASE).await.unwrap();

    let password = ServerPatch { password: Some("new password".into()), ..ServerPatch::default() };
    let patch = MailboxPatch { imap: password, ..MailboxPatch::default() };
    let changed = world.store.update_mailbox(&owner, mailbox.id, None, &patch).await.unwrap();
    assert_eq!((changed.state, changed.last_error, changed.version), (MailboxState::New, None, 3));
    let late = world.store.record_mailbox_health(&lease, &refused).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    let next = world.store.claim_mailboxes(10, LEASE).await.unwrap().remove(0);
    assert_ne!(next.token, lease.token, "due at once");
    let connection = world.store.mailbox_connection(owner.workspace_id, mailbox.id).await.unwrap();
    assert_eq!(passwords(&connection), ["new password", "smtp password"], "the other one stays");
    assert_eq!((connection.login_refusals, connection.credentials_version), (0, 2));
    let told = "SELECT count(*) FROM audit WHERE action = 'mailbox.updated' AND after ? 'password_changed'";
    assert_eq!(world.count(told), 1);
    let leaked = "SELECT count(*) FROM audit WHERE position('new password' IN coalesce(after::text, '')) > 0";
    assert_eq!(world.count(leaked), 0);

    world.store.remove_mailbox(&owner, mailbox.id, Some(3)).await.unwrap();
    let renewed = world.store.renew_mailbox_lease(&next, LEASE).await;
    assert!(matches!(renewed, Err(StoreError::LeaseLost)), "reading ends: {renewed:?}");
    assert!(world.store.claim_mailboxes(10, LEASE).await.unwrap().is_empty());
    let again = connect(&world, &owner, "a@mail.example", Ownership::Shared(None)).await.unwrap();
    assert_ne!(again.id, mailbox.id, "its address is free");
}

fn passwords(connection: &MailboxConnection) -> [String; 2] {
    match &connection.credentials {
        Credentials::Passwords { imap, smtp } => [imap, smtp].map(|one| one.expose_secret().to_owned()),
        Credentials::Provider(provider) => panic!("it signs in through {provider}"),
    }
}
