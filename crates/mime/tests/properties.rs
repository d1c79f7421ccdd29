//! What holds for every mail, whatever its bytes: tried with generated ones.

#![expect(clippy::unwrap_used, reason = "a test's own input is known to be right")]

use chrono::DateTime;
use postroom_domain::address::{EmailAddress, NamedAddress};
use postroom_mime::{
    Outgoing, OutgoingAttachment, ParsedMail, compose, parse, preview, sanitise, text_to_html,
};
use proptest::prelude::*;

/// Cases for each property: the same ones each time, so that a failure can be looked at again.
fn config() -> ProptestConfig {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(4);
    ProptestConfig { cases: 256, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

/// Pieces that mails and their HTML are made of, in any order: nearer to real breakage than random bytes.
fn fragments() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n"),
        Just("\r\n"),
        Just("\n\n"),
        Just(" "),
        Just("> "),
        Just(">"),
        Just("-- \n"),
        Just("--b\n"),
        Just("--b--\n"),
        Just("Content-Type: multipart/mixed; boundary=b\n"),
        Just("Content-Type: text/html\n\n"),
        Just("Content-Type: message/rfc822\n\n"),
        Just("Content-Transfer-Encoding: base64\n"),
        Just("Content-Transfer-Encoding: quoted-printable\n"),
        Just("From: a@example.com\n"),
        Just("Subject: =?utf-8?Q?a=C3"),
        Just("?="),
        Just("=?utf-8?B?w7w=?="),
        Just("On Mon, 1 Jan 2024 10:00, Ann <a@example.com> wrote:\n"),
        Just("-----Original Message-----\n"),
        Just("From: Ann\nSent: Monday\nTo: Bob\nSubject: x\n"),
        Just("Sent from my iPhone\n"),
        Just("Hello world\n"),
        Just("<div>"),
        Just("</div>"),
        Just("<p>"),
        Just("<b>"),
        Just("</b>"),
        Just("<table><tr><td>"),
        Just("</td>"),
        Just("<blockquote type=cite>"),
        Just("</blockquote>"),
        Just("<div class=gmail_quote>"),
        Just("<br>"),
        Just("<a href='https://example.com/?a=1&b=2'>"),
        Just("</a>"),
        Just("<img src=cid:x>"),
        Just("<li>"),
        Just("<img src=\"http://example.com/x.png\" onerror=alert(1)>"),
        Just("<script>alert(1)</script>"),
        Just("<style>"),
        Just("<svg>"),
        Just("<math><mi>"),
        Just("<!--"),
        Just("-->"),
        Just("<pre>"),
        Just("&lt;"),
        Just("&amp;nbsp;"),
        Just("&#106;avascript:"),
        Just("style=\"color:red\">"),
        Just("begin 644 x\n#0V%T\n`\nend\n"),
        Just("ü"),
        Just("\u{a0}"),
        Just("\u{0}"),
        Just("<font color=red>"),
        Just("<h1>"),
        Just("</p>"),
        Just("<ul>"),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn assert_whole(mail: &ParsedMail) {
    let joined: String = mail.segments.iter().map(|segment| segment.text.as_str()).collect();
    assert_eq!(joined, mail.text, "the segments together are the whole text");
    assert!(mail.preview.chars().count() <= 200);
    assert!(!mail.text.contains('\0') && !mail.html.as_deref().unwrap_or_default().contains('\0'));
    for html in mail.segments.iter().filter_map(|segment| segment.html.as_deref()).chain(mail.html.as_deref())
    {
        assert_harmless(html);
    }
    assert!(serde_json::to_string(mail).is_ok());
}

fn assert_harmless(html: &str) {
    let lower = html.to_lowercase();
    // Text has its `<` escaped: whatever follows one is a tag.
    for tag in
        ["<script", "<style", "<iframe", "<object", "<form", "<svg", "<math", "<meta", "<link", "<base"]
    {
        assert!(!lower.contains(tag), "{html}");
    }
    for piece in lower.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap_or_default();
        assert!(
            !tag.contains(" onerror") && !tag.contains(" src=\"http") && !tag.contains("=\"javascript:"),
            "{html}"
        );
    }
}

/// The text of sanitised HTML, in which every `<` begins a tag.
fn without_tags(html: &str) -> String {
    html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect()
}

/// Letters and digits, in their order.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_read(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
        assert_whole(&parse(&raw));
    }

    #[test]
    fn any_mail_is_read(mail in fragments()) {
        assert_whole(&parse(mail.as_bytes()));
    }

    #[test]
    fn any_html_body_is_split_whole(html in fragments(), plain in proptest::option::of(fragments())) {
        let alternative = plain.map_or(String::new(), |plain| format!("Content-Type: text/plain\n\n{plain}\n--frontier\n"));
        let raw = format!(
            "From: a@example.com\nContent-Type: multipart/alternative; boundary=frontier\n\n--frontier\n{alternative}\
             Content-Type: text/html; charset=utf-8\n\n{html}\n--frontier--\n"
        );
        let mail = parse(raw.as_bytes());
        assert_whole(&mail);
        if let Some(whole) = &mail.html {
            let joined: String = mail.segments.iter().filter_map(|segment| segment.html.as_deref()).collect();
            prop_assert_eq!(letters(&without_tags(&joined)), letters(&without_tags(whole)));
        }
    }

    #[test]
    fn sanitising_twice_is_sanitising_once(html in fragments()) {
        let once = sanitise(&html);
        assert_harmless(&once);
        prop_assert_eq!(sanitise(&once), once);
    }

    #[test]
    fn text_survives_html(text in "[a-zA-Z0-9 äß€<>&\"'\n]{0,200}") {
        let html = text_to_html(&text);
        prop_assert_eq!(sanitise(&html).matches("<br>").count(), html.matches("<br>").count());
        prop_assert_eq!(letters(&postroom_mime::html_to_text(&html)), letters(&text));
    }

    #[test]
    fn previews_are_short(text in "\\PC{0,400}") {
        let preview = preview(&text);
        prop_assert!(preview.chars().count() <= 200);
        prop_assert_eq!(preview.is_empty(), text.split_whitespace().next().is_none());
    }

    #[test]
    fn what_is_composed_is_read_back(mail in outgoing()) {
        let raw = compose(&mail).unwrap();
        assert_seven_bit(&raw);
        let read = parse(&raw);
        prop_assert_eq!(read.message_id.as_deref(), Some(mail.message_id.as_str()));
        prop_assert_eq!(read.references, mail.references);
        prop_assert_eq!(read.subject.unwrap_or_default(), on_one_line(&mail.subject));
        prop_assert_eq!(read.date, Some(mail.date));
        let named = |list: &[postroom_mime::ParsedAddress]| -> Vec<_> { list.iter().filter_map(|a| a.parsed()).collect() };
        prop_assert_eq!(named(&read.from), vec![with_plain_name(&mail.from)]);
        prop_assert_eq!(named(&read.to), mail.to.iter().map(with_plain_name).collect::<Vec<_>>());
        prop_assert_eq!(named(&read.cc), mail.cc.iter().map(with_plain_name).collect::<Vec<_>>());
        prop_assert!(read.bcc.is_empty());
        prop_assert_eq!(read.text.trim_end(), mail.text.trim_end());
        let files: Vec<_> = read.attachments.iter().map(|file| file.contents.clone()).collect();
        prop_assert_eq!(files, mail.attachments.iter().map(|file| file.content.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn no_field_can_add_a_header(hostile in "[a-z \r\n:<>\"@,;=?ü]{0,60}", subject in "(\r\n|\n|\r)Bcc: x@example.com\\PC{0,20}") {
        let mut mail = simple();
        mail.subject = format!("{hostile}{subject}");
        mail.from.name = Some(format!("{hostile}\r\nBcc: x@example.com"));
        mail.text = format!("{hostile}\r\n.\r\nBcc: x@example.com");
        mail.attachments = vec![OutgoingAttachment {
            filename: format!("{hostile}\"\r\nBcc: x@example.com"),
            content_type: format!("a/b\r\nBcc: x@example.com{hostile}"),
            content: hostile.clone().into_bytes(),
            content_id: None,
        }];
        let raw = compose(&mail).unwrap();
        assert_seven_bit(&raw);
        let head = String::from_utf8(raw.clone()).unwrap();
        let (head, _) = head.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        prop_assert_eq!(names, ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]);
        let read = parse(&raw);
        prop_assert!(read.bcc.is_empty());
        prop_assert_eq!(read.attachments.len(), 1);
    }
}

fn assert_seven_bit(raw: &[u8]) {
    assert!(raw.is_ascii());
    let text = std::str::from_utf8(raw).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
}

fn on_one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}

/// Names lose surplus white space and the quotes around them.
fn with_plain_name(person: &NamedAddress) -> NamedAddress {
    let name = person.name.as_deref().map(|name| name.split_whitespace().collect::<Vec<_>>().join(" "));
    NamedAddress { name: name.filter(|name| !name.is_empty()), address: person.address.clone() }
}

fn simple() -> Outgoing {
    let person = |address: &str| NamedAddress::bare(EmailAddress::parse(address).unwrap());
    Outgoing {
        message_id: "1@example.com".into(),
        in_reply_to: None,
        references: vec![],
        date: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        from: person("ann@example.com"),
        to: vec![person("bob@example.com")],
        cc: vec![],
        subject: String::new(),
        text: String::new(),
        html: String::new(),
        attachments: vec![],
    }
}

fn person() -> impl Strategy<Value = NamedAddress> {
    let address = "[a-z0-9._+-]{1,20}@[a-z0-9]{1,10}\\.(com|example|de)";
    let name = proptest::option::of("[a-zA-ZäÖßéЖ漢 .,()<>@;:\\\\-]{0,40}");
    (address, name)
        .prop_map(|(address, name)| NamedAddress { name, address: EmailAddress::parse(&address).unwrap() })
}

prop_compose! {
    fn outgoing()(
        subject in "[a-zA-ZäÖßéЖ漢😀 =?_:\t-]{0,150}",
        text in "[a-zA-Zäß漢😀=.>\t -]{0,120}(\n[a-zA-Zäß漢😀=.>-]{0,1200}){0,5}",
        from in person(),
        to in proptest::collection::vec(person(), 1..5),
        cc in proptest::collection::vec(person(), 0..3),
        references in proptest::collection::hash_set("[a-z0-9.-]{1,60}@[a-z]{1,20}", 0..20),
        seconds in 0_i64..4_000_000_000,
        content in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
    ) -> Outgoing {
        Outgoing {
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            html: text_to_html(&text),
            text,
            from,
            to,
            cc,
            references: references.into_iter().collect(),
            date: DateTime::from_timestamp(seconds, 0).unwrap(),
            attachments: content
                .into_iter()
                .map(|content| OutgoingAttachment {
                    filename: "a.bin".into(),
                    content_type: "application/octet-stream".into(),
                    content,
                    content_id: None,
                })
                .collect(),
            ..simple()
        }
    }
}
