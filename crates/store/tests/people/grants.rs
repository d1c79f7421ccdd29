//! Access tokens that workers share: one asks the provider, the others wait, and what comes too late changes nothing.

use crate::world::{World, email, new_mailbox};
use postroom_domain::{access::Actor, ids::MailboxId};
use postroom_store::{
    AccessToken, AskFault, Asking, Credentials, GrantPatch, MailboxPatch, MailboxState, NewCredentials,
    NewGrant, NewMailbox, Outcome, Ownership, PendingSignIn, SIGN_IN_NEEDED, Standing, StoredAnswer, Tokens,
};
use secrecy::ExposeSecret;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

fn grant(access: &str, lasts: u64) -> NewGrant {
    NewGrant {
        provider: "google".into(),
        access_token: access.into(),
        lasts: Duration::from_secs(lasts),
        refresh_token: "refresh 1".into(),
    }
}

async fn connect(world: &World, owner: &Actor, lasts: u64) -> MailboxId {
    let new = NewMailbox {
        address: email("a@mail.example"),
        credentials: NewCredentials::Grant(grant("access 1", lasts)),
        ..new_mailbox("a@mail.example", Ownership::Shared(None))
    };
    let answer = |_: &_| StoredAnswer { status: 201, location: None, body: Vec::new() };
    match world.store.create_mailbox(owner, &new, None, answer).await.unwrap() {
        Outcome::Done(mailbox) => mailbox.id,
        Outcome::Replayed(_) => panic!("replayed without a key"),
    }
}

async fn standing(world: &World, owner: &Actor, id: MailboxId) -> Standing {
    world.store.access_token(owner.workspace_id, id, LEASE).await.unwrap()
}

fn asking(standing: Standing) -> Asking {
    match standing {
        Standing::Ask(asking) => asking,
        other => panic!("{other:?}"),
    }
}

fn ready(standing: Standing) -> AccessToken {
    match standing {
        Standing::Ready(token) => token,
        other => panic!("{other:?}"),
    }
}

fn tokens(access: &str) -> Tokens {
    Tokens {
        access_token: access.into(),
        lasts: Duration::from_secs(3600),
        refresh_token: Some("refresh 2".into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_asks_and_the_others_wait() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let id = connect(&world, &owner, 3600).await;
    let connection = world.store.mailbox_connection(owner.workspace_id, id).await.unwrap();
    assert!(matches!(&connection.credentials, Credentials::Provider(name) if name == "google"));
    let token = ready(standing(&world, &owner, id).await);
    assert_eq!(token.token.expose_secret(), "access 1");
    // Refused before its time: whoever comes first is to get another one.
    world.store.token_refused(owner.workspace_id, id, &token).await.unwrap();
    let first = asking(standing(&world, &owner, id).await);
    assert_eq!((first.refresh_token.expose_secret(), first.failures), ("refresh 1", 0));
    assert!(first.meanwhile.is_none());
    assert!(matches!(standing(&world, &owner, id).await, Standing::Wait));
    world.store.keep_tokens(&first, &tokens("access 2")).await.unwrap();
    let token = ready(standing(&world, &owner, id).await);
    assert_eq!(token.token.expose_secret(), "access 2");
    // Whoever still held the first one has it refused now: the second stays.
    let old = AccessToken { number: token.number - 1, ..token.clone() };
    world.store.token_refused(owner.workspace_id, id, &old).await.unwrap();
    assert_eq!(ready(standing(&world, &owner, id).await).number, token.number);

    // One who asks and is never heard of again is not waited for.
    world.store.token_refused(owner.workspace_id, id, &token).await.unwrap();
    let lost = asking(standing(&world, &owner, id).await);
    assert_eq!(lost.refresh_token.expose_secret(), "refresh 2");
    world.execute("UPDATE mailbox_grants SET asking_until = now() - interval '1 second'");
    let next = asking(standing(&world, &owner, id).await);
    world.store.keep_tokens(&lost, &tokens("too late")).await.unwrap();
    assert!(matches!(standing(&world, &owner, id).await, Standing::Wait), "the other one's turn");
    world.store.keep_tokens(&next, &tokens("access 3")).await.unwrap();
    assert_eq!(ready(standing(&world, &owner, id).await).token.expose_secret(), "access 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_left_alone_and_a_good_token_is_used_meanwhile() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let id = connect(&world, &owner, 3600).await;
    world.execute("UPDATE mailbox_grants SET renew_at = now()");
    let early = asking(standing(&world, &owner, id).await);
    assert!(early.meanwhile.is_some(), "it is good for five more minutes");
    ready(standing(&world, &owner, id).await);
    world.store.asked_in_vain(&early, AskFault::Registration, Duration::from_secs(60)).await.unwrap();
    ready(standing(&world, &owner, id).await);
    world.execute("UPDATE mailbox_grants SET expires_at = now()");
    let later = standing(&world, &owner, id).await;
    assert!(matches!(later, Standing::Later(AskFault::Registration)), "{later:?}");
    world.execute("UPDATE mailbox_grants SET retry_at = now()");
    assert_eq!(asking(standing(&world, &owner, id).await).failures, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_grant_stops_everything_until_there_is_another() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let id = connect(&world, &owner, 0).await;
    let last = asking(standing(&world, &owner, id).await);
    world.store.grant_ended(&last).await.unwrap();
    assert!(matches!(standing(&world, &owner, id).await, Standing::Revoked));
    let mailbox = world.store.mailbox(&owner, id).await.unwrap();
    assert_eq!((mailbox.state, mailbox.last_error.as_deref()), (MailboxState::Refused, Some(SIGN_IN_NEEDED)));
    assert!(world.store.mailbox_connection(owner.workspace_id, id).await.unwrap().revoked);

    let patch = MailboxPatch {
        grant: Some(GrantPatch { grant: grant("access 9", 3600), imap: mailbox.imap, smtp: mailbox.smtp }),
        ..MailboxPatch::default()
    };
    let healed = world.store.update_mailbox(&owner, id, None, &patch).await.unwrap();
    assert_eq!((healed.state, healed.last_error), (MailboxState::New, None));
    // What was asked with the old grant counts for nothing.
    world.store.grant_ended(&last).await.unwrap();
    world.store.keep_tokens(&last, &tokens("too late")).await.unwrap();
    assert_eq!(ready(standing(&world, &owner, id).await).token.expose_secret(), "access 9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_opens_for_who_began_it_and_in_time() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let other = world.workspace("globex").await;
    let (now, minute) = (chrono::Utc::now(), chrono::TimeDelta::minutes(1));
    let begun = PendingSignIn { provider: "google".into(), verifier: "verifier".into() };
    let state = world.store.sign_in_state(&owner, &begun, now + minute).unwrap();
    let opened = world.store.pending_sign_in(&owner, &state, now).unwrap();
    assert_eq!((opened.provider.as_str(), opened.verifier.expose_secret()), ("google", "verifier"));
    assert!(world.store.pending_sign_in(&other, &state, now).is_none());
    assert!(world.store.pending_sign_in(&owner, &state, now + minute).is_none());
    assert!(world.store.pending_sign_in(&owner, &format!("{state}A"), now).is_none());
    assert!(!state.contains("verifier"));
}
