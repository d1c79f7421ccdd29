//! The placing of messages: each rule once, and what must hold for every history.

use super::*;
use proptest::prelude::*;

fn id(name: &str) -> RfcMessageId {
    RfcMessageId::parse(name).unwrap()
}

fn address(name: &str) -> EmailAddress {
    EmailAddress::parse(&format!("{name}@example.com")).unwrap()
}

fn headers(own: &str, in_reply_to: &[&str], references: &[&str]) -> Headers {
    Headers {
        message_id: id(own),
        in_reply_to: in_reply_to.iter().map(|name| id(name)).collect(),
        references: references.iter().map(|name| id(name)).collect(),
        subject_key: "offer".into(),
        looks_like_reply: false,
    }
}

fn thread(number: usize) -> ThreadId {
    thread_id(number)
}

#[test]
fn the_nearest_known_id_wins() {
    let known = Known {
        named: [("a", 1), ("b", 2), ("c", 3)].map(|(name, n)| (id(name), thread(n))).into(),
        token: Some((id("c.token"), thread(4))),
        own: None,
        by_subject: Some(thread(5)),
    };
    let by_reply = place(&headers("x", &["b"], &["a", "c"]), &known);
    assert_eq!((by_reply.thread, by_reply.matched), (Some(thread(2)), Some(id("b"))));
    let by_last_reference = place(&headers("x", &["unknown"], &["a", "c", "unknown"]), &known);
    assert_eq!((by_last_reference.thread, by_last_reference.matched), (Some(thread(3)), Some(id("c"))));
    let by_token = place(&headers("x", &["unknown"], &[]), &known);
    assert_eq!((by_token.thread, by_token.rule), (Some(thread(4)), ThreadingRule::ConversationToken));
    let by_subject = place(&headers("x", &[], &[]), &Known { token: None, ..known });
    assert_eq!((by_subject.thread, by_subject.rule), (Some(thread(5)), ThreadingRule::SubjectAndParty));
}

#[test]
fn a_late_parent_joins_those_that_waited() {
    let known = Known { own: Some(thread(7)), ..Known::default() };
    let placement = place(&headers("x", &[], &[]), &known);
    assert_eq!((placement.thread, placement.rule), (Some(thread(7)), ThreadingRule::LateParent));
    assert_eq!(placement.connects, None);

    let known = Known { named: [(id("a"), thread(1))].into(), ..known };
    let placement = place(&headers("x", &["a"], &[]), &known);
    assert_eq!((placement.thread, placement.connects), (Some(thread(1)), Some(thread(7))));
}

#[test]
fn a_mail_never_answers_itself() {
    assert!(headers("x", &["x"], &["x", "x"]).named().is_empty());
    let long: Vec<String> = (0..200).map(|n| format!("r{n}")).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let all = headers("x", &[], &long);
    let named = all.named();
    assert_eq!((named.len(), named.first().map(|id| id.as_str())), (NAMED_AT_MOST, Some("r199")));
}

#[test]
fn never_by_subject_alone() {
    let now = DateTime::UNIX_EPOCH + Duration::days(100);
    let reply = Headers { looks_like_reply: true, ..headers("x", &[], &[]) };
    let candidate = SubjectCandidate { same_mailbox: true, sender_is_party: true, last_message_at: now };
    assert!(candidate.admits(&reply, now));
    assert!(candidate.admits(&reply, now + SUBJECT_WINDOW));
    assert!(!candidate.admits(&reply, now + SUBJECT_WINDOW + Duration::seconds(1)));
    assert!(!candidate.admits(&headers("x", &[], &[]), now));
    assert!(!candidate.admits(&Headers { subject_key: String::new(), ..reply.clone() }, now));
    assert!(!SubjectCandidate { sender_is_party: false, ..candidate.clone() }.admits(&reply, now));
    assert!(!SubjectCandidate { same_mailbox: false, ..candidate }.admits(&reply, now));
}

#[test]
fn an_outsider_cannot_weld_threads() {
    let set = |names: &[&str]| names.iter().map(|name| address(name)).collect::<BTreeSet<_>>();
    let (one, other) = (set(&["ann", "bob"]), set(&["ann", "eve"]));
    assert!(may_merge(true, None, &one, &other));
    assert!(may_merge(false, Some(&address("ann")), &one, &other));
    assert!(!may_merge(false, Some(&address("bob")), &one, &other));
    assert!(!may_merge(false, Some(&address("mallory")), &one, &other));
    assert!(!may_merge(true, None, &one, &set(&["zoe"])));
    assert!(may_merge(false, None, &set(&[]), &set(&[])), "nobody is concerned");
    assert!(!may_merge(false, None, &set(&[]), &one));
    assert!(!may_merge(false, Some(&address("mallory")), &set(&[]), &set(&[])));
}

/// A tree of mails: each but the first answers an earlier one, and names its whole line of ancestors.
fn family() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    (2usize..12).prop_flat_map(|size| {
        let parents: Vec<_> = (1..size).map(|child| 0..child).collect();
        (parents, Just((0..size).collect::<Vec<_>>()).prop_shuffle())
    })
}

proptest! {
    /// Whatever the order in which the mails of one exchange come, they are one thread in the end.
    #[test]
    fn an_exchange_is_one_thread_in_any_order((parents, order) in family()) {
        let mut book = ThreadBook::default();
        for &mail in &order {
            let mut line = Vec::new();
            let mut next = mail;
            while let Some(&parent) = next.checked_sub(1).and_then(|index| parents.get(index)) {
                line.push(format!("m{parent}"));
                next = parent;
            }
            line.reverse();
            let references: Vec<&str> = line.iter().map(String::as_str).collect();
            let in_reply_to: Vec<&str> = references.last().copied().into_iter().collect();
            // Two people write to each other in turns.
            let (from, to) = if mail % 2 == 0 { ("ann", "bob") } else { ("bob", "ann") };
            book.deliver(mail, &headers(&format!("m{mail}"), &in_reply_to, &references), Some(&address(from)), &[address(to)]);
        }
        prop_assert_eq!(book.threads().len(), 1);
    }

    /// Mails that name nothing in common never share a thread, whatever their subject.
    #[test]
    fn strangers_with_one_subject_stay_apart(count in 1usize..10, replies in proptest::collection::vec(any::<bool>(), 10)) {
        let mut book = ThreadBook::default();
        for (mail, looks_like_reply) in replies.into_iter().take(count).enumerate() {
            let mail_headers = Headers { looks_like_reply, ..headers(&format!("m{mail}"), &[], &[]) };
            book.deliver(mail, &mail_headers, Some(&address(&format!("stranger{mail}"))), &[]);
        }
        prop_assert_eq!(book.threads().len(), count);
    }
}
