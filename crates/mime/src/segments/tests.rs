use super::*;
use SegmentKind::{Forwarded, New, Quote, Signature};
use proptest::prelude::*;

fn kinds_of(segments: &[Segment]) -> Vec<(SegmentKind, &str)> {
    segments.iter().map(|segment| (segment.kind, segment.text.trim())).collect()
}

fn check(text: &str, expected: &[(SegmentKind, &str)]) {
    let segments = of_text(text, false);
    assert_eq!(kinds_of(&segments), expected, "{text}");
    assert_eq!(segments.iter().map(|segment| segment.text.as_str()).collect::<String>(), text);
}

#[test]
fn splits_text() {
    check(
        "Hello\n\nOn Mon, 1 Jan 2024 10:00, Ann wrote:\n> old\n> text\n",
        &[(New, "Hello"), (Quote, "On Mon, 1 Jan 2024 10:00, Ann wrote:\n> old\n> text")],
    );
    check(
        "Hello\n\n-----Original Message-----\nFrom: Ann\n\nold",
        &[(New, "Hello"), (Quote, "-----Original Message-----\nFrom: Ann\n\nold")],
    );
    check(
        "Hello\n________________________________\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: x\n\nold\n",
        &[
            (New, "Hello"),
            (Quote, "________________________________\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: x\n\nold"),
        ],
    );
    check(
        "Hello\n-- \nBob\n\nOn Mon, 1 Jan 2024 10:00, Ann wrote:\n> old\n",
        &[
            (New, "Hello"),
            (Signature, "-- \nBob".trim()),
            (Quote, "On Mon, 1 Jan 2024 10:00, Ann wrote:\n> old"),
        ],
    );
    check(
        "FYI\n\n---------- Forwarded message ---------\nFrom: Ann\nHello\n",
        &[(New, "FYI"), (Forwarded, "---------- Forwarded message ---------\nFrom: Ann\nHello")],
    );
    check("Hello\n\nSent from my iPhone\n", &[(New, "Hello"), (Signature, "Sent from my iPhone")]);
}

#[test]
fn keeps_interleaved_answers_new() {
    check(
        "On Monday Ann wrote:\n> one?\nyes\n> two?\nno\n",
        &[(Quote, "On Monday Ann wrote:\n> one?"), (New, "yes"), (Quote, "> two?"), (New, "no")],
    );
}

/// Gmail puts answers that are written between into the element that holds the quoted mail.
#[test]
fn keeps_answers_within_a_quote_container_new() {
    check_html(
        "<div>See below.</div><div class=gmail_quote><div class=gmail_attr>On Monday Ann wrote:<br></div>\
         <blockquote class=gmail_quote>one?</blockquote><div>yes</div><blockquote class=gmail_quote>two?<div \
         class=gmail_quote>On Sunday Bob wrote:<blockquote class=gmail_quote>zero</blockquote></div></blockquote>\
         <div>no</div></div>",
        &[
            (New, "See below."),
            (Quote, "On Monday Ann wrote:\none?"),
            (New, "yes"),
            (Quote, "two?\nOn Sunday Bob wrote:\nzero"),
            (New, "no"),
        ],
    );
    // The same element, made by the button for quotations, introduced by nothing.
    check_html(
        "Kant says<blockquote class=gmail_quote>sapere aude</blockquote>",
        &[(New, "Kant says\nsapere aude")],
    );
    check_html(
        "Hi<p>On Jan 1, 2024, at 10:00, Ann wrote:</p><blockquote class=gmail_quote>old</blockquote>",
        &[(New, "Hi"), (Quote, "On Jan 1, 2024, at 10:00, Ann wrote:\n\nold")],
    );
}

#[test]
fn an_introduction_may_follow_the_answer_in_its_line() {
    check(
        "Thanks! On Wed, Jan 3, 2024 at 10:00 AM, Ann <ann@example.com> wrote:\n> old\n",
        &[(New, "Thanks!"), (Quote, "On Wed, Jan 3, 2024 at 10:00 AM, Ann <ann@example.com> wrote:\n> old")],
    );
}

#[test]
fn a_header_may_stand_in_one_line() {
    let header = "From: Ann <ann@example.com> Sent: Monday, January 1, 2024 10:00 To: Bob Subject: x";
    check_html(
        &format!("Reply<div><hr><b>{}</b></div><div>old</div>", header.replace('<', "&lt;")),
        &[(New, "Reply"), (Quote, &format!("{header}\nold"))],
    );
}

#[test]
fn leaves_prose_alone() {
    for text in [
        "As Kant wrote:\nsapere aude\n",
        "List:\n-- one\n-- two\n",
        "From: here\nTo: there\n",
        "a > b\n",
        "I sent from my old address.\nBye\n",
        "Outlook for the next quarter is good.\n",
        "Hi\nOn Monday at 10:30 she said:\ncome back\n",
    ] {
        check(text, &[(New, text.trim())]);
    }
    check("", &[]);
}

fn check_html(html: &str, expected: &[(SegmentKind, &str)]) {
    let (text, segments) = of_html(&html::clean(html).tree, None, false);
    assert_eq!(kinds_of(&segments), expected, "{html}");
    assert_eq!(segments.iter().map(|segment| segment.text.as_str()).collect::<String>(), text);
    // Each piece of the HTML is whole for itself, and together they say what the whole says.
    let whole: String = segments.iter().flat_map(|segment| segment.html.clone()).collect();
    let letters =
        |html: &str| html::render(&html::clean(html).tree, Links::Hidden).text.replace(['\n', ' '], "");
    assert_eq!(letters(&whole), letters(html));
    for segment in &segments {
        let html = segment.html.as_deref().unwrap();
        assert_eq!(crate::sanitise(html), html);
        assert_eq!(letters(html), segment.text.replace(['\n', ' '], ""), "{html}");
    }
}

#[test]
fn splits_html() {
    check_html(
        "<div>Hello</div><div class=gmail_quote><div class=gmail_attr>On Monday Ann wrote:<br></div>\
         <blockquote class=gmail_quote>old</blockquote></div>",
        &[(New, "Hello"), (Quote, "On Monday Ann wrote:\nold")],
    );
    check_html(
        "<p>Hello<p>On Jan 1, 2024, at 10:00, Ann wrote:<blockquote type=cite>old</blockquote><p>more",
        &[(New, "Hello"), (Quote, "On Jan 1, 2024, at 10:00, Ann wrote:\n\nold"), (New, "more")],
    );
    check_html(
        "<div><p>Hello</p><div><hr><div id=divRplyFwdMsg><b>From:</b> Ann</div></div></div><p>old</p>",
        &[(New, "Hello"), (Quote, "From: Ann\n\nold")],
    );
    check_html(
        "<div>Hello<div class=gmail_signature>Bob</div><div class=gmail_quote>---------- Forwarded message ----------\
         <br>From: Ann<br>old</div></div>",
        &[
            (New, "Hello"),
            (Signature, "Bob"),
            (Forwarded, "---------- Forwarded message ----------\nFrom: Ann\nold"),
        ],
    );
    check_html("<blockquote>a saying</blockquote>is what I mean", &[(New, "a saying\nis what I mean")]);
    check_html(
        "<pre>Hello\n\nOn 1 Jan 2024 10:00, Ann wrote:\n> old\n</pre>",
        &[(New, "Hello"), (Quote, "On 1 Jan 2024 10:00, Ann wrote:\n> old")],
    );
}

#[test]
fn an_answer_inside_the_signature_is_new() {
    check_html("<div id=Signature>Hello<br>Bob</div>", &[(New, "Hello\nBob")]);
}

#[test]
fn text_and_html_agree() {
    let tree = html::clean("<p>Hello Ann<div class=gmail_quote>Dear Bob, how are you?<br>Ann</div>").tree;
    let plain = "Hello Ann\n\nDear Bob, how are you?\nAnn\n";
    let (text, segments) = of_html(&tree, Some(plain.to_owned()), false);
    assert_eq!(text, plain);
    assert_eq!(kinds_of(&segments), [(New, "Hello Ann"), (Quote, "Dear Bob, how are you?\nAnn")]);
    assert!(segments.iter().all(|segment| segment.html.is_some()));
    assert_eq!(visible_text(&segments), "Hello Ann");
}

#[test]
fn pieces_that_only_one_form_has_are_kept() {
    let tree = html::clean("<p>Hello<p>Bye").tree;
    let (_, segments) = of_html(&tree, Some("Hello\n-- \nBob\n".to_owned()), false);
    assert_eq!(kinds_of(&segments), [(New, "Hello"), (Signature, "-- \nBob".trim())]);
    assert_eq!(segments[0].html.as_deref(), Some("<p>Hello</p><p>Bye</p>"));
}

#[test]
fn work_grows_with_the_number_of_lines() {
    for piece in [
        "-- \n",
        "> x\n",
        "On Monday\n",
        "From: x\n",
        "-----\n",
        "Sent from my iPhone\n",
        "x\n",
        "a\n-- \nb\n> c\n",
        "On 1 Jan 2024 10:00 Ann <a@example.com>\n",
        "Date: x\nx\nx\n",
        "\n",
        "-- \n\n\n\n\n\n",
        "x On 1 Jan 2024 a@example.com wrote:\n",
        "On 1 Jan 2024 Ann\n\n<\na@example.com\n",
    ] {
        let hostile = format!("Hello\n{}", piece.repeat(200_000 / piece.len()));
        let looks = line::work::of(|| drop(of_text(&hostile, false)));
        let lines = hostile.lines().count();
        assert!(looks <= 24 * lines, "{looks} looks at {lines} lines of {piece:?}");
    }
}

#[test]
fn only_the_beginning_of_a_long_text_is_searched() {
    let tail = "> quoted\n".repeat(10);
    let long = format!("{}{tail}", "hello\n".repeat(lines::MAX_LINES));
    assert!(is_too_long(&long) && !is_too_long(&long[..6 * lines::MAX_LINES]));
    let segments = of_text(&long, false);
    assert_eq!(segments.len(), 1);
    assert_eq!((segments[0].kind, &segments[0].text), (SegmentKind::New, &long));
    // An earlier mail without marks goes on to the end.
    let long = format!("Hi\n\n-----Original Message-----\n{long}");
    let kinds: Vec<SegmentKind> = of_text(&long, false).iter().map(|segment| segment.kind).collect();
    assert_eq!(kinds, [SegmentKind::New, SegmentKind::Quote]);
}

/// Lines that begin, go on or end something, and lines that don't.
const PIECES: [&str; 24] = [
    "Hello\n",
    "\n",
    "\n\n",
    " ",
    "> old\n",
    ">> older\n",
    "-- \n",
    "---\n",
    "____\n",
    "Sent from my iPhone\n",
    "On Mon, 1 Jan 2024 10:00, Ann <ann@example.com> wrote:\n",
    "Hi! On Mon, 1 Jan 2024, ann@example.com wrote:\n",
    "On Mon, 1 Jan 2024 Ann\n\n<\nann@example.com\n> wrote:\n",
    "As Kant wrote:\n",
    "Am 1.1.2024 schrieb\n",
    "-----Original Message-----\n",
    "---------- Forwarded message ---------\n",
    "From: Ann <ann@example.com>\n",
    "Date: Mon, 1 Jan 2024 10:00\n",
    "To: bob@example.com\n",
    "Subject: x\n",
    "(https://example.com/\n",
    "<http\n",
    "é\r\n",
];

fn bodies() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(&PIECES[..]);
    proptest::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(5), failure_persistence: None, ..Default::default() })]

    #[test]
    fn pieces_of_a_text_are_the_whole_text(text in bodies(), is_forward in any::<bool>()) {
        let segments = of_text(&text, is_forward);
        prop_assert_eq!(segments.iter().map(|segment| segment.text.as_str()).collect::<String>(), text);
        // Neighbours differ: else they would be one.
        prop_assert!(segments.windows(2).all(|pair| pair[0].kind != pair[1].kind));
    }

    #[test]
    fn twice_the_text_is_at_most_twice_the_work(text in bodies()) {
        let work = |times: usize| {
            let text = text.repeat(times);
            line::work::of(|| drop(of_text(&text, false)))
        };
        // A few lines are looked at more closely, wherever they stand.
        prop_assert!(work(64) <= 2 * work(32) + 512, "{} {}", work(32), work(64));
    }

    #[test]
    fn what_is_new_below_marked_quotes_stays_new(answers in proptest::collection::vec("[a-z]{3,12}", 1..8)) {
        let text: String = answers.iter().map(|answer| format!("> question\n> again\n\n{answer}\n\n")).collect();
        let text = format!("On Mon, 1 Jan 2024 10:00, Ann <ann@example.com> wrote:\n{text}");
        let visible = visible_text(&of_text(&text, false));
        prop_assert_eq!(visible.split_whitespace().collect::<Vec<_>>(), answers);
    }
}
