//! The live page (STR-5): what everybody may know of what happened, and nothing else.

use crate::{
    live::{SOON, kinds, live, log, owner_is, status_is},
    world::{Shape, World, mail, named, no_answer, written},
};
use postroom_domain::{
    access::{Actor, Role},
    conversation::Status,
    ids::{MailboxId, MessageId},
};
use postroom_store::{Change, NewMailDraft, Outcome, Ownership, PresenceState, StoreError};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_told_of_what_they_see_now_and_that_the_rest_went() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let start = world.latest().await;
    let id = world.conversation(&inbox, "ann@customer.test", 1).await;
    assert_eq!(
        kinds(&world.since(&world.owner, start).await),
        ["message.created", "conversation.created"],
        "the owner learns of both"
    );
    assert_eq!(world.since(&world.member, start).await, [], "a member of neither (ACC-3)");

    let born = world.latest().await;
    world.edit(&world.owner, id, owner_is(world.member.user_id)).await;
    let given = world.since(&world.member, born).await;
    assert_eq!(kinds(&given), ["conversation.updated"], "who gets it learns of one that they never had");
    let Change::ConversationUpdated(card) = &given[0].change else { panic!("a card") };
    assert_eq!((card.id, card.owner.id), (id, world.member.user_id));
    assert_eq!(given[0].actor.as_ref().unwrap().id, world.owner.user_id);
    assert_eq!(
        kinds(&world.since(&world.member, start).await),
        ["message.created", "conversation.created", "conversation.updated"],
        "and, from the beginning, of all that made it"
    );

    let theirs = world.latest().await;
    world.edit(&world.member, id, owner_is(world.owner.user_id)).await;
    world.edit(&world.owner, id, status_is(Status::Closed)).await;
    let taken = world.since(&world.member, theirs).await;
    assert_eq!(kinds(&taken), ["conversation.removed"], "CNV-8: and of nothing that came later");
    assert_eq!((taken[0].conversation_id, &taken[0].actor), (Some(id), &None), "the id alone");
    assert_eq!(
        kinds(&world.since(&world.member, start).await),
        ["conversation.removed"],
        "nor of what it was before"
    );
    let all = world.since(&world.owner, theirs).await;
    assert_eq!(kinds(&all), ["conversation.updated", "conversation.updated"]);
    for event in &all {
        let (Change::ConversationUpdated(card), 1) = (&event.change, all.len() - 1) else { panic!("cards") };
        assert_eq!(card.status, Status::Closed, "the card as it is now, also of what happened before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_learns_of_nothing() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.conversation(&inbox, "ann@customer.test", 1).await;
    let other = postroom_store::NewWorkspace {
        slug: "other".into(),
        name: "Other".into(),
        owner_email: crate::world::address("eve@other.test"),
        owner_name: "Eve".into(),
        owner_password_hash: "-".into(),
    };
    let made = world.store.create_workspace(&other).await.unwrap();
    let eve = Actor::new(made.id, made.owner_id, Role::Owner);
    assert_eq!(world.since(&eve, 0).await, []);
    let beyond = world.store.events(&eve, 1, 10).await;
    assert!(matches!(beyond, Err(StoreError::Invalid { field: "after", .. })), "their log is their own");
    let live = live(&world.store, SOON);
    let none = live.appear(&eve, world.all().await[0].id, PresenceState::Viewing).await;
    assert!(matches!(none, Err(StoreError::NotFound)));
}

async fn new_mail(world: &World, actor: &Actor, mailbox: MailboxId, to: &str) -> MessageId {
    let new = NewMailDraft {
        mailbox_id: mailbox,
        to: vec![named(to)],
        cc: vec![],
        bcc: vec![],
        subject: "Offer".into(),
        body: written("Good morning"),
        preview: "Good morning".into(),
        signature: None,
        attachment_ids: vec![],
        request: serde_json::json!({}),
    };
    let Outcome::Done(message) = world.store.new_mail(actor, new, None, no_answer).await.unwrap() else {
        panic!("no replay")
    };
    message.id
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_is_no_conversation_yet_is_its_authors_and_the_mailboxs() {
    let world = World::new().await;
    let manager = world.colleague("mia", Role::Manager).await;
    let other = world.colleague("tim", Role::TeamMember).await;
    let shared = world.mailbox("one@acme.test").await;
    let own = Ownership::Personal(world.member.user_id);
    let personal = world.mailbox_of("tom@acme.test", own, postroom_store::FolderRole::Inbox).await;
    let everybody = [world.owner, manager, world.member, other];
    for (mailbox, author, seers) in [
        // ACC-4: a shared mailbox's is its author's, and that of who sees all.
        (&shared, world.member, vec![world.owner, manager, world.member]),
        // A personal one's is nobody else's.
        (&personal, world.member, vec![world.member]),
    ] {
        let before = world.latest().await;
        let id = new_mail(&world, &author, mailbox.id, "ann@customer.test").await;
        let told_those_who_see_it = async |before| {
            for actor in everybody {
                let told = world.since(&actor, before).await;
                assert_eq!(told.len(), usize::from(seers.contains(&actor)), "{actor:?} {told:?}");
            }
        };
        told_those_who_see_it(before).await;
        // Who was told that it is there is told that it is gone.
        let before = world.latest().await;
        world.store.cancel_message(&author, id).await.unwrap();
        told_those_who_see_it(before).await;
    }
    // What comes into a personal mailbox and is no conversation is its user's alone.
    let before = world.latest().await;
    let mut letter = mail("ann@customer.test", "tom@acme.test", "cold@c", 9);
    letter.automatic = true;
    world.deliver(&personal, letter).await;
    for actor in everybody {
        let told = world.since(&actor, before).await;
        assert_eq!(told.len(), usize::from(actor == world.member), "{actor:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_mailbox_learn_those_who_see_it() {
    let world = World::new().await;
    let manager = world.colleague("mia", Role::Manager).await;
    let before = world.latest().await;
    world.mailbox("one@acme.test").await;
    assert_eq!(kinds(&world.since(&world.member, before).await), ["mailbox.updated"]);
    let between = world.latest().await;
    let own = Ownership::Personal(world.member.user_id);
    world.mailbox_of("tom@acme.test", own, postroom_store::FolderRole::Inbox).await;
    assert_eq!(kinds(&world.since(&world.member, between).await), ["mailbox.updated"], "their own");
    assert_eq!(kinds(&world.since(&world.owner, between).await), ["mailbox.updated"], "an administrator");
    assert_eq!(kinds(&world.since(&manager, between).await), [""; 0], "nobody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_customer_learn_those_who_work_with_them() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let [tom, tim, ida] = [
        world.member,
        world.colleague("tim", Role::TeamMember).await,
        world.colleague("ida", Role::TeamMember).await,
    ];
    // Tom has Ann's conversation, in which Ben gets a copy; Tim owns Ann as a contact; Ida has nothing.
    let id = world.conversation(&inbox, "ann@customer.test", 1).await;
    world.edit(&world.owner, id, owner_is(tom.user_id)).await;
    let mut copied = mail("ann@customer.test", "one@acme.test", "2@c", 2).answering(&["1@c"]);
    copied.cc = vec![named("ben@customer.test")];
    world.deliver(&inbox, copied).await;
    world.deliver(&inbox, mail("ben@customer.test", "one@acme.test", "3@c", 3).answering(&["2@c"])).await;
    let find = |address: &str| format!("(SELECT contact_id FROM contact_emails WHERE address = '{address}')");
    let (ann, ben) = (find("ann@customer.test"), find("ben@customer.test"));
    let ws = world.owner.workspace_id;
    world
        .execute(format!(
            "UPDATE contacts SET owner_id = '{}' WHERE id = {ann};
             INSERT INTO companies (workspace_id, id, name) VALUES ('{ws}', '00000000-0000-7000-8000-00000000000c', 'C');
             INSERT INTO deals (workspace_id, id, name, owner_id) VALUES ('{ws}', '00000000-0000-7000-8000-00000000000d', 'D', '{}');
             UPDATE contacts SET company_id = '00000000-0000-7000-8000-00000000000c' WHERE id = {ann};
             INSERT INTO contact_deals (workspace_id, contact_id, deal_id) SELECT '{ws}', {ben}, '00000000-0000-7000-8000-00000000000d'",
            tim.user_id, ida.user_id
        ))
        .await;
    for (kind, subject, told) in [
        ("contact.updated", ann.as_str(), [true, true, false]),
        ("contact.updated", ben.as_str(), [true, false, false]),
        ("company.updated", "'00000000-0000-7000-8000-00000000000c'", [true, true, false]),
        ("deal.updated", "'00000000-0000-7000-8000-00000000000d'", [true, false, true]),
        ("contact.updated", "'00000000-0000-7000-8000-0000000000ff'", [false, false, false]),
    ] {
        let before = world.latest().await;
        log(&world, kind, subject).await;
        for (actor, told) in [tom, tim, ida].iter().zip(told) {
            assert_eq!(world.since(actor, before).await.len(), usize::from(told), "{kind} {subject}");
        }
    }
    let before = world.latest().await;
    log(&world, "view.reset", &format!("'{}'", tim.user_id)).await;
    log(&world, "view.reset", &format!("'{ws}'")).await;
    assert_eq!(world.since(&tim, before).await.len(), 2, "one's own, and everybody's");
    assert_eq!(world.since(&tom, before).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_joins_another_goes_from_its_owners_page() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let first = world.conversation(&inbox, "ann@customer.test", 1).await;
    // A later mail answers one that has not come yet: the two meet when it does.
    let apart = mail("ann@customer.test", "one@acme.test", "3@c", 3).answering(&["2@c"]);
    world.deliver(&inbox, apart).await;
    let second = world.all().await.iter().find(|card| card.id != first).unwrap().id;
    world.edit(&world.owner, second, owner_is(world.member.user_id)).await;
    let before = world.latest().await;
    let between = mail("ann@customer.test", "one@acme.test", "2@c", 2).answering(&["1@c"]);
    world.deliver(&inbox, between).await;
    assert_eq!(world.all().await.len(), 1, "they are one");
    let told = world.since(&world.member, before).await;
    assert_eq!(kinds(&told), ["conversation.removed"]);
    assert_eq!(told[0].conversation_id, Some(second));
    let told = world.since(&world.owner, before).await;
    assert_eq!(kinds(&told), ["message.created", "conversation.updated", "conversation.removed"]);
    assert_eq!(told[1].conversation_id, Some(first));
    // Read from the beginning, what is gone is never shown.
    let ids: Vec<_> = world
        .since(&world.owner, 0)
        .await
        .iter()
        .filter(|event| {
            matches!(event.change, Change::ConversationCreated(_) | Change::ConversationUpdated(_))
        })
        .filter_map(|event| event.conversation_id)
        .collect();
    assert!(ids.iter().all(|id| *id == first), "{ids:?}");
}
