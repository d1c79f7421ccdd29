//! Recipients, references and bodies of what we write.

use super::*;
use proptest::prelude::*;

fn named(name: &str) -> NamedAddress {
    NamedAddress::bare(EmailAddress::parse(name).unwrap())
}

fn sender(from: &str, reply_to: Option<&str>, known: bool) -> LastSender {
    LastSender { from: named(from), reply_to: reply_to.map(named), known }
}

#[test]
fn the_last_sender_is_answered_and_the_others_copied() {
    let parties = [named("ann@a.example"), named("bob@a.example")];
    let primary = named("ann@a.example");
    let defaults = default_recipients(Some(&sender("bob@a.example", None, true)), Some(&primary), &parties);
    assert_eq!(defaults.to, [named("bob@a.example")]);
    assert_eq!(defaults.cc, [named("ann@a.example")]);
    let at_desk = sender("bob@a.example", Some("desk@a.example"), true);
    let defaults = default_recipients(Some(&at_desk), Some(&primary), &parties);
    assert_eq!(defaults.to, [named("desk@a.example")]);
    assert_eq!(
        defaults.cc,
        [named("ann@a.example")],
        "who asked to be answered elsewhere gets no second copy"
    );
}

#[test]
fn nobody_hijacks_the_reply() {
    let parties = [named("ann@a.example")];
    let primary = named("ann@a.example");
    let elsewhere = sender("ann@a.example", Some("ann@evil.example"), true);
    assert_eq!(default_recipients(Some(&elsewhere), Some(&primary), &parties).to, [named("ann@a.example")]);
    let stranger = sender("mallory@evil.example", None, false);
    let defaults = default_recipients(Some(&stranger), Some(&primary), &parties);
    assert_eq!((defaults.to, defaults.cc), (vec![named("ann@a.example")], vec![]));
}

#[test]
fn a_mail_to_hundreds_is_answered_to_one() {
    let primary = named("p0@a.example");
    for (others, copies) in [(MOST_COPIES, MOST_COPIES), (MOST_COPIES + 1, 0)] {
        let parties: Vec<_> = (0..=others).map(|n| named(&format!("p{n}@a.example"))).collect();
        let defaults = default_recipients(None, Some(&primary), &parties);
        assert_eq!((defaults.to, defaults.cc.len()), (vec![primary.clone()], copies));
        assert_eq!(defaults.copies_left_out, others - copies);
    }
}

#[test]
fn nobody_gets_two_copies() {
    let recipients = Recipients::new(
        vec![named("a@x.example"), named("A@x.example")],
        vec![named("a@x.example"), named("b@x.example")],
        vec![named("b@x.example"), named("c@x.example")],
    )
    .unwrap();
    let envelope: Vec<_> = recipients.envelope().map(|one| one.address.as_str()).collect();
    assert_eq!(envelope, ["a@x.example", "b@x.example", "c@x.example"]);
    assert_eq!(Recipients::new(vec![], vec![], vec![]), Err(Refusal::NoRecipient));
}

#[test]
fn references_keep_both_ends() {
    let id = |n: usize| RfcMessageId::parse(&format!("m{n}@x.example")).unwrap();
    let token = token_reference(&"ab".repeat(16), "x.example").unwrap();
    assert_eq!(token_of(&token), Some("ab".repeat(16).as_str()));
    let mut chain: Vec<_> = (0..100).map(id).collect();
    chain.insert(0, token.clone());
    let line = references(Some(&token), Some((&id(100), &chain)));
    assert_eq!(line.len(), NEAREST_REFERENCES + 2);
    assert_eq!((&line[0], &line[1], line.last()), (&token, &id(0), Some(&id(100))));
    assert_eq!(references(None, None), []);
}

#[test]
fn the_signature_stands_between_text_and_quote() {
    let written = |text: &str| Written { text: text.into(), html: format!("<p>{text}</p>") };
    let quoted = Quoted {
        author: "Ann <script>\r\nLee".into(),
        at: DateTime::parse_from_rfc3339("2026-03-01T09:05:00+01:00").unwrap(),
        body: written("Hello\n> older"),
    };
    let body = compose_body(&written("Yes."), Some(&written("Bob")), Some(&quoted)).unwrap();
    assert_eq!(
        body.whole.text,
        "Yes.\n\n-- \nBob\n\nOn Sun, 1 Mar 2026 at 09:05, Ann <script> Lee wrote:\n> Hello\n>> older\n"
    );
    assert!(body.whole.html.contains("Ann &lt;script&gt; Lee wrote:"));
    let kinds: Vec<_> = body.segments.iter().map(|segment| segment.kind).collect();
    assert_eq!(kinds, [SegmentKind::New, SegmentKind::Signature, SegmentKind::Quote]);
    assert_eq!(compose_body(&written(" \n"), Some(&written("Bob")), None), Err(Refusal::EmptyBody));
}

proptest! {
    #[test]
    fn the_parts_are_the_whole(new in "\\PC{1,40}", signature in proptest::option::of("\\PC{0,20}"), quote in proptest::option::of("(\\PC{0,20}\n){0,4}")) {
        prop_assume!(!new.trim().is_empty());
        let written = |text: &str| Written { text: text.into(), html: escape(text) };
        let quoted = quote.as_deref().map(|text| Quoted {
            author: "Ann".into(),
            at: DateTime::parse_from_rfc3339("2026-03-01T09:05:00+01:00").unwrap(),
            body: written(text),
        });
        let body = compose_body(&written(&new), signature.as_deref().map(written).as_ref(), quoted.as_ref()).unwrap();
        prop_assert_eq!(body.segments.iter().map(|part| part.text.as_str()).collect::<String>(), body.whole.text);
        prop_assert_eq!(body.segments.iter().filter_map(|part| part.html.as_deref()).collect::<String>(), body.whole.html);
        prop_assert_eq!(body.segments[0].kind, SegmentKind::New);
    }
}
