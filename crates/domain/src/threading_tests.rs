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

fn claim(number: usize, holds: bool) -> Claim {
    Claim { thread: thread(number), hold: if holds { Hold::Fast } else { Hold::None } }
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
    let known = Known { own: Some(claim(7, true)), ..Known::default() };
    let placement = place(&headers("x", &[], &[]), &known);
    assert_eq!((placement.thread, placement.rule), (Some(thread(7)), ThreadingRule::LateParent));
    assert_eq!(placement.connects, []);
    // Named by somebody who has nothing to do with it: it begins a thread, linked to theirs.
    let placement = place(&headers("x", &[], &[]), &Known { own: Some(claim(7, false)), ..Known::default() });
    assert_eq!((placement.thread, placement.connects), (None, vec![thread(7)]));

    let known = Known { named: [(id("a"), thread(1)), (id("b"), thread(2))].into(), ..known };
    let placement = place(&headers("x", &["a"], &["b", "a"]), &known);
    assert_eq!((placement.thread, placement.connects), (Some(thread(1)), vec![thread(2), thread(7)]));
}

#[test]
fn who_has_nothing_to_do_with_a_mail_cannot_claim_it() {
    let set = |names: &[&str]| names.iter().map(|name| address(name)).collect::<BTreeSet<_>>();
    assert!(may_claim(true, &set(&["ann"]), &set(&["mallory"])));
    assert!(may_claim(false, &set(&["ann", "bob"]), &set(&["bob"])));
    assert!(!may_claim(false, &set(&["ann"]), &set(&["mallory"])));
    assert!(!may_claim(false, &set(&["ann"]), &set(&[])));
    assert!(may_claim(false, &set(&[]), &set(&[])), "nobody is concerned");
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

/// Mails, which others each of them names, and an order of their delivery.
fn exchange() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<usize>)> {
    (2usize..14).prop_flat_map(|size| {
        let named = proptest::collection::vec(proptest::collection::vec(0..size, 0..3), size);
        (named, Just((0..size).collect::<Vec<_>>()).prop_shuffle())
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

    /// Two people write to each other, naming any of their mails, also several, also later ones: in whatever order the mails
    /// come, those that hang together are one thread, and no others.
    #[test]
    fn any_order_ends_with_the_same_threads((named, order) in exchange()) {
        let mut book = ThreadBook::default();
        for &mail in &order {
            let names: Vec<String> = named[mail].iter().map(|other| format!("m{other}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (from, to) = if mail % 2 == 0 { ("ann", "bob") } else { ("bob", "ann") };
            book.deliver(mail, &headers(&format!("m{mail}"), &[], &names), Some(&address(from)), &[address(to)]);
        }
        // What hangs together: the least number that is reached.
        let mut root: Vec<usize> = (0..named.len()).collect();
        for _ in 0..named.len() {
            for (mail, names) in named.iter().enumerate() {
                for &other in names {
                    let least = root[mail].min(root[other]);
                    root[mail] = least;
                    root[other] = least;
                }
            }
        }
        let mut expected: std::collections::BTreeMap<usize, Vec<usize>> = std::collections::BTreeMap::new();
        for (mail, root) in root.into_iter().enumerate() {
            expected.entry(root).or_default().push(mail);
        }
        let expected: Vec<Vec<usize>> = expected.into_values().collect();
        prop_assert_eq!(book.threads(), expected);
    }

    /// Ann and Zoe write to us, name what they have written before, and know nothing of each other. An outsider names whatever
    /// mails of theirs they like, also before they come: no order brings a mail of Ann's and one of Zoe's into one thread.
    #[test]
    fn no_order_lets_an_outsider_weld((named, order) in exchange()) {
        let mut book = ThreadBook::default();
        let writer = |mail: usize| ["ann", "zoe", "mallory"][mail % 3];
        for &mail in &order {
            let place = |mail: usize| order.iter().position(|one| *one == mail);
            let is_earlier = |other: usize| writer(other) == writer(mail) && place(other) < place(mail);
            let may_name = |other: &&usize| writer(mail) == "mallory" || is_earlier(**other);
            let names: Vec<String> = named[mail].iter().filter(may_name).map(|other| format!("m{other}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            // The team itself is no external party: nobody is addressed who counts.
            book.deliver(mail, &headers(&format!("m{mail}"), &[], &names), Some(&address(writer(mail))), &[]);
        }
        for thread in book.threads() {
            let writers: BTreeSet<&str> = thread.iter().map(|&mail| writer(mail)).collect();
            prop_assert!(!(writers.contains("ann") && writers.contains("zoe")), "{:?}", book.threads());
        }
    }
}
