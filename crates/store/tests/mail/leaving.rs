//! ACC-5: who leaves takes nothing with them, whatever others do at the same moment.

use crate::world::{Shape, World, address, mail};
use postroom_domain::{
    access::{Actor, Role},
    ids::UserId,
    user::{UserEdit, UserStatus},
};
use postroom_store::{ConversationPatch, NewUser, StatusFilter, StoreError, View};
use tokio::task::JoinSet;

const ROUNDS: i64 = 12;
/// What belongs to somebody who is not active.
const LEFT_BEHIND: &str =
    "SELECT (SELECT count(*) FROM conversations c JOIN users u ON u.id = c.owner_id AND NOT u.active)
    + (SELECT count(*) FROM contacts c JOIN users u ON u.id = c.owner_id AND NOT u.active)";

async fn colleague(world: &World, name: &str) -> Actor {
    let new = NewUser {
        workspace: "acme".into(),
        email: address(&format!("{name}@acme.test")),
        name: name.into(),
        role: Role::Manager,
        password_hash: "-".into(),
    };
    let id = world.store.create_user(&new).await.unwrap();
    Actor::new(world.owner.workspace_id, id, Role::Manager)
}

fn to(owner: UserId) -> ConversationPatch {
    ConversationPatch { owner_id: Some(owner), ..ConversationPatch::default() }
}

fn leave(reassign_to: Option<UserId>) -> UserEdit {
    UserEdit { active: Some(false), reassign_to, ..UserEdit::default() }
}

/// Others give the leaver conversations, and new ones are born that would be theirs, while they leave.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_becomes_somebodys_who_has_left() {
    let world = World::new().await;
    let support = world.mailbox("support@acme.test").await;
    let mut refused = 0;
    for round in 0..ROUNDS {
        let leaver = colleague(&world, &format!("leaver{round}")).await;
        let heir = colleague(&world, &format!("heir{round}")).await;
        world.execute(format!("UPDATE mailboxes SET default_owner_id = '{}'", leaver.user_id)).await;
        for n in 0..4 {
            let id = format!("{round}.{n}@customer.test");
            // It answers a mail that was never seen: a conversation at once.
            let mail = mail(&format!("c{round}.{n}@customer.test"), "support@acme.test", &id, round * 10 + n);
            let unseen = format!("{round}.{n}.unseen@customer.test");
            world.deliver(&support, mail.answering(&[&unseen])).await;
        }
        let cards = world.stream(&leaver, View::Mine, StatusFilter::All).await;
        assert_eq!(cards.len(), 4, "the default owner's");
        world
            .store
            .edit_conversation(&world.owner, cards[0].id, None, to(world.member.user_id))
            .await
            .unwrap();

        let mut giving = JoinSet::new();
        for card in world.all().await.into_iter().take(6) {
            let (store, owner, leaver) = (world.store.clone(), world.owner, leaver.user_id);
            giving.spawn(async move {
                store.edit_conversation(&owner, card.id, None, to(leaver)).await.map(drop)
            });
        }
        let (store, owner) = (world.store.clone(), world.owner);
        let leaving = tokio::spawn(async move {
            store.change_user(&owner, leaver.user_id, None, leave(Some(heir.user_id))).await
        });
        let late = mail(
            "late@customer.test",
            "support@acme.test",
            &format!("{round}.late@customer.test"),
            round * 10 + 9,
        )
        .answering(&[&format!("{round}.late.unseen@customer.test")]);
        world.deliver(&support, late).await;
        let left = leaving.await.unwrap().unwrap();
        assert_eq!(left.status, UserStatus::Deactivated);
        while let Some(given) = giving.join_next().await {
            match given.unwrap() {
                Ok(()) => {}
                Err(StoreError::Refused(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(world.count(LEFT_BEHIND).await, 0, "round {round}");
    }
    println!("{refused} gifts came too late");
}

/// What can't be handed over is not begun: nothing of it is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_that_fails_changes_nothing() {
    let world = World::new().await;
    let support = world.mailbox("support@acme.test").await;
    world.execute(format!("UPDATE mailboxes SET default_owner_id = '{}'", world.member.user_id)).await;
    let first = mail("ann@customer.test", "support@acme.test", "1@customer.test", 1);
    world.deliver(&support, first.answering(&["unseen@customer.test"])).await;
    let before = world.stream(&world.member, View::Mine, StatusFilter::All).await;
    let gone = colleague(&world, "gone").await;
    world.store.change_user(&world.owner, gone.user_id, None, leave(None)).await.unwrap();
    let refused =
        world.store.change_user(&world.owner, world.member.user_id, None, leave(Some(gone.user_id))).await;
    assert!(matches!(refused, Err(StoreError::Fields(_))), "{refused:?}");
    // The very last step fails: the log can't be written.
    world
        .execute("ALTER TABLE events ADD CONSTRAINT broken CHECK (type <> 'view.reset') NOT VALID".to_owned())
        .await;
    let failed = world.store.change_user(&world.owner, world.member.user_id, None, leave(None)).await;
    assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
    assert_eq!(world.stream(&world.member, View::Mine, StatusFilter::All).await, before);
    let user = world.store.user(&world.owner, world.member.user_id).await.unwrap();
    assert_eq!((user.status, user.version), (UserStatus::Active, 1));
    world.execute("ALTER TABLE events DROP CONSTRAINT broken".to_owned()).await;
    world.store.change_user(&world.owner, world.member.user_id, None, leave(None)).await.unwrap();
    assert_eq!(world.count(LEFT_BEHIND).await, 0);
}
