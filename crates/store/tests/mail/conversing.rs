//! A conversation's life in the database: born, answered, closed, reopened, handed over, seen.

use crate::world::{Shape, World, draft, mail, named, no_answer, written};
use postroom_domain::{access::Role, conversation::Status, refusal::Refusal};
use postroom_store::{
    AuthorKind, BounceReport, BouncedRecipient, ConversationPatch, FolderRole, IdempotencyClaim, Ingested,
    NewMailDraft, Outcome, Ownership, ReplyDraft, Sort, StatusFilter, StoreError, StreamQuery, View,
};

fn patch() -> ConversationPatch {
    ConversationPatch::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_no_conversation_until_the_other_side_answers() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let new = NewMailDraft {
        mailbox_id: inbox.id,
        to: vec![named("ann@customer.test")],
        cc: vec![],
        bcc: vec![named("secret@customer.test")],
        subject: "Offer".into(),
        body: written("Good morning"),
        preview: "Good morning".into(),
        signature: Some(written("Tom")),
        attachment_ids: vec![],
        request: serde_json::json!({}),
    };
    let Outcome::Done(message) = world.store.new_mail(&world.member, new, None, no_answer).await.unwrap()
    else {
        panic!("no replay")
    };
    assert_eq!(message.conversation_id, None);
    assert!(world.all().await.is_empty());
    // An automatic answer is none; a colleague's word is none.
    let (issued, token) = issued_ids(&world).await;
    let mut automatic = mail("ann@customer.test", "one@acme.test", "auto@c", 90_000).answering(&[&issued]);
    automatic.automatic = true;
    world.deliver(&inbox, automatic).await;
    assert!(world.all().await.is_empty());
    // Her server has rewritten our Message-ID: the token still leads here.
    let answer =
        mail("ann@customer.test", "one@acme.test", "r1@c", 90_001).answering(&[&token, "rewritten@c"]);
    let Ingested::Stored { conversation_id: Some(id), .. } = world.deliver(&inbox, answer).await else {
        panic!("a conversation")
    };
    let card = &world.all().await[0];
    assert_eq!((card.id, card.status, card.unread, card.unseen_replies), (id, Status::Open, true, 1));
    assert_eq!(card.owner.id, world.member.user_id, "who wrote first owns it");
    assert_eq!(card.primary_contact.email.as_deref(), Some("ann@customer.test"));
    assert_eq!(card.last_message.sender.id, Some(card.primary_contact.id.0));
    assert_eq!(card.message_count, 3);
    let messages = world.store.conversation_messages(&world.member, id, None, 10).await.unwrap().items;
    let last = messages.last().unwrap();
    assert_eq!(last.threading.rule, "conversation_token");
    assert_eq!(last.author.kind, AuthorKind::Contact);
}

async fn issued_ids(world: &World) -> (String, String) {
    let read = |column: &'static str| {
        let (cluster, database) = (world.cluster, world.database.clone());
        async move {
            tokio::task::spawn_blocking(move || cluster.texts(&database, column).unwrap().remove(0))
                .await
                .unwrap()
        }
    };
    let id = read("SELECT rfc_message_id FROM messages WHERE issued").await;
    let token = read("SELECT refs[1] FROM message_bodies WHERE cardinality(refs) > 0").await;
    (id, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_what_is_not_theirs() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    assert_eq!(card.owner.id, world.owner.user_id);
    let member = &world.member;
    assert!(world.stream(member, View::Mine, StatusFilter::All).await.is_empty());
    let all = StreamQuery {
        view: View::All,
        status: StatusFilter::All,
        sort: Sort::Newest,
        after: None,
        limit: 10,
    };
    let refused = world.store.stream(member, &all).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refusal::ViewNotAllowed))), "{refused:?}");
    let not_found =
        |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
    not_found(world.store.conversation(member, card.id).await.map(drop));
    not_found(world.store.conversation_messages(member, card.id, None, 5).await.map(drop));
    not_found(world.store.message(member, card.last_message.id).await.map(drop));
    not_found(world.store.mark_seen(member, card.id, None, None).await);
    not_found(world.store.mark_unread(member, card.id, None).await);
    not_found(world.store.edit_conversation(member, card.id, None, patch()).await.map(drop));
    not_found(world.reply(member, &card).await.map(drop));
    // Handed over, it is theirs; handed on, it is gone.
    let mine = ConversationPatch { owner_id: Some(member.user_id), ..patch() };
    world.store.edit_conversation(&world.owner, card.id, None, mine).await.unwrap();
    assert_eq!(world.stream(member, View::Mine, StatusFilter::Open).await.len(), 1);
    let contact_owner =
        "SELECT count(*) FROM contacts c JOIN users u ON u.id = c.owner_id WHERE u.role = 'owner'";
    assert_eq!(world.count(contact_owner).await, 1, "the contact's owner stays (CNV-8)");
    let away = ConversationPatch { owner_id: Some(world.owner.user_id), ..patch() };
    let answer = world.store.edit_conversation(member, card.id, None, away).await.unwrap();
    assert_eq!(answer.card.owner.id, world.owner.user_id);
    not_found(world.store.conversation(member, card.id).await.map(drop));
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_until_somebody_writes() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    world.store.mark_seen(&world.owner, card.id, None, None).await.unwrap();
    let close = ConversationPatch { status: Some(Status::Closed), ..patch() };
    let closed =
        world.store.edit_conversation(&world.owner, card.id, Some(card.version), close).await.unwrap().card;
    assert_eq!((closed.status, closed.unread, closed.unseen_replies), (Status::Closed, false, 0));
    let events = world.count("SELECT max(number) FROM events").await;
    let again =
        world.store.edit_conversation(&world.owner, card.id, Some(closed.version), close).await.unwrap().card;
    assert_eq!(again, closed, "what it already was changes nothing");
    assert_eq!(world.count("SELECT max(number) FROM events").await, events);
    let stale = world.store.edit_conversation(&world.owner, card.id, Some(card.version), close).await;
    assert!(matches!(stale, Err(StoreError::StaleVersion)));
    let mut automatic = mail("ann@customer.test", "one@acme.test", "auto@c", 90_000).answering(&["m1@c"]);
    automatic.automatic = true;
    world.deliver(&inbox, automatic).await;
    let quiet = world.all().await.remove(0);
    assert_eq!((quiet.status, quiet.last_activity_at), (Status::Closed, closed.last_activity_at));
    world
        .deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m2@c", 90_001).answering(&["m1@c"]))
        .await;
    let open = world.all().await.remove(0);
    assert_eq!((open.status, open.unread, open.unseen_replies), (Status::Open, false, 1));
    assert!(open.last_activity_at > closed.last_activity_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_refused_where_the_conversation_has_moved_on() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    let seen = Some(card.last_message.id);
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m2@c", 2).answering(&["m1@c"])).await;
    let late = ReplyDraft { last_seen_message_id: seen, ..draft("Hello") };
    let refused = world.store.reply(&world.owner, card.id, late.clone(), None, no_answer).await;
    let newest = world.all().await[0].last_message.id;
    assert!(matches!(refused, Err(StoreError::MovedOn { newest: told }) if told == newest), "{refused:?}");
    let forced = ReplyDraft { force: true, ..late };
    world.store.reply(&world.owner, card.id, forced, None, no_answer).await.unwrap();
    let card = world.all().await.remove(0);
    assert_eq!(
        (card.message_count, card.unseen_replies),
        (3, 1),
        "the one that was not shown is still unseen"
    );
    assert_eq!(world.count("SELECT count(*) FROM outbox_queue").await, 1);
    let empty = world.store.reply(&world.owner, card.id, draft("  "), None, no_answer).await;
    assert!(matches!(empty, Err(StoreError::Refused(Refusal::EmptyBody))), "{empty:?}");
    let nobody = ReplyDraft { to: Some(vec![]), cc: Some(vec![]), ..draft("Hello") };
    let nobody = world.store.reply(&world.owner, card.id, nobody, None, no_answer).await;
    assert!(matches!(nobody, Err(StoreError::Refused(Refusal::NoRecipient))), "{nobody:?}");
    assert_eq!(world.all().await[0].message_count, 3);
}

/// CNV-7: what was seen stays seen, whoever says less; what a machine wrote is no unseen reply; an answer counts as having
/// seen what its writer says they saw, or all.
#[tokio::test(flavor = "multi_thread")]
async fn unseen_is_what_came_after_the_last_one_shown() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let mut ids = Vec::new();
    for (number, automatic) in [(1, false), (2, false), (3, true), (4, false)] {
        let mut one = mail("ann@customer.test", "one@acme.test", &format!("m{number}@c"), number)
            .answering(&[if number == 1 { "x@c" } else { "m1@c" }]);
        one.automatic = automatic;
        world.deliver(&inbox, one).await;
        ids.push(world.all().await[0].last_message.id);
    }
    let unseen = async || {
        let card = world.all().await.remove(0);
        (card.unread, card.unseen_replies)
    };
    let card = world.all().await.remove(0);
    assert_eq!(unseen().await, (true, 3));
    for (shown, left) in [(Some(ids[0]), 2), (Some(ids[1]), 1), (Some(ids[2]), 1), (Some(ids[0]), 1)] {
        world.store.mark_seen(&world.owner, card.id, None, shown).await.unwrap();
        assert_eq!(unseen().await, (false, left), "{shown:?}");
    }
    for (last_seen_message_id, left) in [(Some(ids[0]), 1), (Some(ids[3]), 0)] {
        let answer = ReplyDraft { last_seen_message_id, force: true, ..draft("Hello") };
        world.store.reply(&world.owner, card.id, answer, None, no_answer).await.unwrap();
        assert_eq!(unseen().await, (false, left));
    }
    world
        .deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m5@c", 90_000).answering(&["m1@c"]))
        .await;
    world.store.mark_unread(&world.owner, card.id, None).await.unwrap();
    assert_eq!(unseen().await, (true, 1));
    world.store.reply(&world.owner, card.id, draft("Hello"), None, no_answer).await.unwrap();
    assert_eq!(unseen().await, (false, 0), "whoever answers has seen it all, unless they say otherwise");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_times_the_same_request_is_one_reply() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    let claim = IdempotencyClaim { user: world.owner.user_id, key: "k".into(), fingerprint: [1; 32] };
    let tries = (0..20)
        .map(|_| world.store.reply(&world.owner, card.id, draft("Hello"), Some(claim.clone()), no_answer));
    let results = futures_util::future::join_all(tries).await;
    let done = results.iter().filter(|result| matches!(result, Ok(Outcome::Done(_)))).count();
    assert_eq!(done, 1);
    for result in &results {
        assert!(matches!(result, Ok(_) | Err(StoreError::KeyInProgress)), "{result:?}");
    }
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 1);
    let other = IdempotencyClaim { fingerprint: [2; 32], ..claim };
    let reused = world.store.reply(&world.owner, card.id, draft("Other"), Some(other), no_answer).await;
    assert!(matches!(reused, Err(StoreError::KeyReused)));
}

/// A mail that says it is from us, without proof, is not: no owner, no contact, no party.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_sender_is_nobody() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let forged = mail("tom@acme.test", "one@acme.test", "f@c", 1).answering(&["x@c"]);
    world.deliver(&inbox, forged).await;
    assert!(world.all().await.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM contacts").await, 0);
    assert_eq!(
        world
            .count("SELECT count(*) FROM messages WHERE direction = 'inbound' AND NOT sender_verified")
            .await,
        1
    );
    // In a user's own Sent folder it is theirs, whatever it says.
    let sent =
        world.mailbox_of("tom@acme.test", Ownership::Personal(world.member.user_id), FolderRole::Sent).await;
    world.deliver(&sent, mail("alias@elsewhere.test", "ann@customer.test", "s@c", 2).sent()).await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "r@c", 3).answering(&["s@c"])).await;
    let card = world.all().await.remove(0);
    assert_eq!(card.owner.id, world.member.user_id);
    assert_eq!(world.owner.role, Role::Owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_marks_the_mail_that_came_back() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    let message = world.reply(&world.owner, &card).await.unwrap();
    let issued = issued_ids(&world).await.0;
    let mut bounce = mail("mailer-daemon@customer.test", "one@acme.test", "b@c", 5);
    bounce.automatic = true;
    bounce.bounce = Some(BounceReport {
        original: postroom_domain::message::RfcMessageId::parse(&issued),
        recipients: vec![BouncedRecipient {
            address: crate::world::address("ann@customer.test"),
            status: Some("5.1.1".into()),
            reason: "No such mailbox".into(),
        }],
    });
    assert_eq!(world.deliver(&inbox, bounce).await, Ingested::Bounce { of: Some(message.id) });
    let message = world.store.message(&world.owner, message.id).await.unwrap();
    let delivery = message.delivery.unwrap();
    assert_eq!(
        (delivery.state.as_str(), delivery.error.as_deref()),
        ("bounced", Some("There is no such address. The report says: No such mailbox (5.1.1)"))
    );
    assert_eq!(world.all().await[0].message_count, 2, "a bounce is no message");
}

/// Mail servers cut the time of arrival to whole seconds: an answer within the same second must not stand first.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_never_stands_before_what_it_answers() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let first = mail("ann@customer.test", "one@acme.test", "m1@c", 10).subject("Offer");
    let answered_at = first.received_at;
    world.deliver(&inbox, first).await;
    let mut answer =
        mail("bob@customer.test", "one@acme.test", "m2@c", 0).subject("Re: Offer").answering(&["m1@c"]);
    answer.received_at = answered_at - chrono::Duration::milliseconds(400);
    world.deliver(&inbox, answer).await;
    let card = world.all().await.remove(0);
    assert_eq!(card.subject, "Offer");
    assert_eq!(card.last_message.preview, "text of m2@c");
    assert_eq!(card.primary_contact.email.as_deref(), Some("ann@customer.test"));
    assert_eq!(card.last_message.sender.name, "bob@customer.test", "nobody is shown without a name");
}

/// RPL-2: whoever stood in Bcc is not in Cc of the next mail, unless somebody has shown them since.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_who_was_in_bcc() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    let secret = ReplyDraft { bcc: vec![named("carol@other.test")], ..draft("Hello") };
    world.store.reply(&world.owner, card.id, secret, None, no_answer).await.unwrap();
    world
        .deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m2@c", 90_000).answering(&["m1@c"]))
        .await;
    let Outcome::Done(message) =
        world.store.reply(&world.owner, card.id, draft("Again"), None, no_answer).await.unwrap()
    else {
        panic!("no replay")
    };
    let addressed = message.to.iter().chain(&message.cc).chain(&message.bcc);
    assert_eq!(addressed.map(|one| one.address.as_str()).collect::<Vec<_>>(), ["ann@customer.test"]);
    // She was addressed, so she is known when she writes; and from then on she is seen.
    let hers = mail("carol@other.test", "one@acme.test", "m3@c", 90_001).answering(&["m2@c"]);
    let Ingested::Stored { message_id, .. } = world.deliver(&inbox, hers).await else { panic!("stored") };
    assert!(world.store.message(&world.owner, message_id).await.unwrap().threading.sender_known);
    let detail = world.store.conversation(&world.owner, card.id).await.unwrap();
    assert!(detail.participants.iter().any(|one| one.email == "carol@other.test"));
}

/// Access is judged before a replay: an answer that was once theirs is not given to those who may not see it any more.
#[tokio::test(flavor = "multi_thread")]
async fn no_replay_of_what_is_not_theirs_any_more() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world.deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 1).answering(&["x@c"])).await;
    let card = world.all().await.remove(0);
    let owned_by = |user| ConversationPatch { owner_id: Some(user), ..patch() };
    let member = world.member;
    world.store.edit_conversation(&world.owner, card.id, None, owned_by(member.user_id)).await.unwrap();
    let claim = IdempotencyClaim { user: member.user_id, key: "k".into(), fingerprint: [1; 32] };
    let send = || world.store.reply(&member, card.id, draft("Hello"), Some(claim.clone()), no_answer);
    assert!(matches!(send().await, Ok(Outcome::Done(_))));
    assert!(matches!(send().await, Ok(Outcome::Replayed(_))));
    world.store.edit_conversation(&member, card.id, None, owned_by(world.owner.user_id)).await.unwrap();
    assert!(matches!(send().await, Err(StoreError::NotFound)));
}

/// The mail server's clock is ahead of ours: a reply stands behind what it answers all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_stands_behind_what_it_answers() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    world
        .deliver(&inbox, mail("ann@customer.test", "one@acme.test", "m1@c", 86_430).answering(&["x@c"]))
        .await;
    let card = world.all().await.remove(0);
    let message = world.reply(&world.owner, &card).await.unwrap();
    let card = world.all().await.remove(0);
    assert_eq!(card.last_message.id, message.id);
    let again = ReplyDraft { last_seen_message_id: Some(message.id), ..draft("And") };
    world.store.reply(&world.owner, card.id, again, None, no_answer).await.unwrap();
    let strange = ReplyDraft { last_seen_message_id: Some(uuid::Uuid::nil().into()), ..draft("Hm") };
    let strange = world.store.reply(&world.owner, card.id, strange, None, no_answer).await;
    assert!(matches!(strange, Err(StoreError::Refused(Refusal::UnknownMessage))), "{strange:?}");
}

/// ACC-4: while a thread waits for its answer, its author sees what comes into it; a colleague does not.
#[tokio::test(flavor = "multi_thread")]
async fn an_author_sees_their_waiting_thread() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    let new = NewMailDraft {
        mailbox_id: inbox.id,
        to: vec![named("ann@customer.test")],
        cc: vec![],
        bcc: vec![],
        subject: "Offer".into(),
        body: written("Good morning"),
        preview: "Good morning".into(),
        signature: None,
        attachment_ids: vec![],
        request: serde_json::json!({}),
    };
    world.store.new_mail(&world.owner, new, None, no_answer).await.unwrap();
    let (issued, _) = issued_ids(&world).await;
    let mut away = mail("ann@customer.test", "one@acme.test", "away@c", 90_000).answering(&[&issued]);
    away.automatic = true;
    let Ingested::Stored { message_id, conversation_id: None } = world.deliver(&inbox, away).await else {
        panic!("no conversation")
    };
    assert!(world.store.message(&world.owner, message_id).await.is_ok());
    assert!(matches!(world.store.message(&world.member, message_id).await, Err(StoreError::NotFound)));
    assert_eq!(world.count("SELECT count(*) FROM intake WHERE reason = 'automatic'").await, 1);
}
