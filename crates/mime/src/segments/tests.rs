use super::*;
use SegmentKind::{Forwarded, New, Quote, Signature};

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

#[test]
fn leaves_prose_alone() {
    for text in [
        "As Kant wrote:\nsapere aude\n",
        "List:\n-- one\n-- two\n",
        "From: here\nTo: there\n",
        "a > b\n",
        "I sent from my old address.\nBye\n",
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
