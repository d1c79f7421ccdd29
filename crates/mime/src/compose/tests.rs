use super::*;
use crate::parse;
use postroom_domain::address::EmailAddress;

fn someone(name: Option<&str>, address: &str) -> NamedAddress {
    NamedAddress { name: name.map(str::to_owned), address: EmailAddress::parse(address).unwrap() }
}

fn mail() -> Outgoing {
    Outgoing {
        message_id: "1@example.com".into(),
        in_reply_to: Some("0@example.org".into()),
        references: vec!["c.token@example.com".into(), "0@example.org".into()],
        date: DateTime::from_timestamp(1_709_283_600, 0).unwrap(),
        from: someone(Some("Jürgen Müller, Sales"), "juergen@example.com"),
        to: vec![someone(Some("Ann \"A.\" Lee"), "ann@example.org"), someone(None, "bob@例子.example")],
        cc: vec![],
        subject: "Grüße".into(),
        text: "Hallo Ann,\nschöne Grüße\n".into(),
        html: "<p>Hallo Ann,<br>schöne <b>Grüße</b> <img src=\"cid:logo@x\"></p>".into(),
        attachments: vec![
            OutgoingAttachment {
                filename: "Preisliste für Ann.pdf".into(),
                content_type: "application/pdf".into(),
                content: (0..=255).collect(),
                content_id: None,
            },
            OutgoingAttachment {
                filename: "logo.png".into(),
                content_type: "image/png".into(),
                content: b"png".to_vec(),
                content_id: Some("logo@x".into()),
            },
        ],
    }
}

/// RFC 5322, 2.1.1 and RFC 2045, 2.7: what every server on the way can carry.
fn assert_well_formed(raw: &[u8]) {
    let text = std::str::from_utf8(raw).unwrap();
    assert!(text.is_ascii());
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "bare line ends");
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    for line in head.split("\r\n") {
        assert!(line.len() <= 78 || !line.trim().contains(' '), "{line}");
    }
}

#[test]
fn renders_a_whole_mail() {
    let raw = compose(&mail()).unwrap();
    assert_well_formed(&raw);
    let parsed = parse(&raw);
    assert_eq!(parsed.message_id.as_deref(), Some("1@example.com"));
    assert_eq!(parsed.in_reply_to, ["0@example.org"]);
    assert_eq!(parsed.references, ["c.token@example.com", "0@example.org"]);
    assert_eq!(parsed.date, Some(mail().date));
    assert_eq!(parsed.subject.as_deref(), Some("Grüße"));
    assert_eq!(parsed.from[0].parsed(), Some(mail().from));
    assert_eq!(parsed.to[0].parsed().as_ref(), mail().to.first());
    assert_eq!(parsed.to[1].address, "bob@xn--fsqu00a.example");
    assert_eq!(parsed.text.trim(), mail().text.trim());
    assert!(parsed.html.unwrap().contains("<b>Grüße</b>"));
    let files: Vec<_> = parsed
        .attachments
        .iter()
        .map(|a| (a.filename.as_deref().unwrap(), a.inline, a.contents.clone()))
        .collect();
    assert_eq!(
        files,
        [("logo.png", true, b"png".to_vec()), ("Preisliste für Ann.pdf", false, (0..=255).collect())]
    );
    assert!(parsed.notices.is_empty(), "{:?}", parsed.notices);
    assert!(!parsed.automatic && parsed.bounce.is_none());
}

#[test]
fn says_the_same_thing_the_same_way() {
    assert_eq!(compose(&mail()).unwrap(), compose(&mail()).unwrap());
}

#[test]
fn keeps_to_the_simplest_structure() {
    let structure = |mail: &Outgoing| {
        let raw = String::from_utf8(compose(mail).unwrap()).unwrap();
        let types = raw.lines().filter_map(|line| line.strip_prefix("Content-Type: "));
        types.map(|line| line.split(';').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut simple = mail();
    simple.attachments.clear();
    assert_eq!(structure(&simple), ["multipart/alternative", "text/plain", "text/html"]);
    simple.html.clear();
    assert_eq!(structure(&simple), ["text/plain"]);
    assert_eq!(
        structure(&mail()),
        [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            "image/png",
            "application/pdf"
        ]
    );
}

#[test]
fn remote_pictures_of_users_load_at_the_recipient() {
    let mut with_logo = mail();
    with_logo.html = crate::sanitise("<img src=\"https://example.com/logo.png\"><script>alert(1)</script>");
    assert!(with_logo.html.contains("data-remote-src"));
    let raw = String::from_utf8(compose(&with_logo).unwrap()).unwrap();
    assert!(raw.contains("<img src=\"https://example.com/logo.png\">") && !raw.contains("script"), "{raw}");
}

#[test]
fn refuses_what_cannot_be_written() {
    let mut bad = mail();
    bad.to = vec![someone(None, "jürgen@example.com")];
    assert_eq!(compose(&bad), Err(ComposeError::LocalPartNotAscii("jürgen@example.com".into())));
    for id in ["", "a b@c", "a>\r\nBcc: x@y", "ä@b"] {
        let mut bad = mail();
        bad.references = vec![id.into()];
        assert!(matches!(compose(&bad), Err(ComposeError::Id(_))), "{id:?}");
    }
}

#[test]
fn shortens_endless_references() {
    let mut long = mail();
    long.references = (0..500).map(|n| format!("{n}@example.com")).collect();
    let parsed = parse(&compose(&long).unwrap());
    assert_eq!(parsed.references.len(), MAX_REFERENCES);
    assert_eq!(parsed.references.first().unwrap(), "0@example.com");
    assert_eq!(parsed.references.last().unwrap(), "499@example.com");
}

fn type_of(declared: &str) -> String {
    let mut with_file = mail();
    with_file.attachments.truncate(1);
    with_file.attachments[0].content_type = declared.into();
    let raw = compose(&with_file).unwrap();
    assert_well_formed(&raw);
    parse(&raw).attachments[0].content_type.clone()
}

#[test]
fn composite_types_become_plain_files() {
    for declared in ["message/rfc822", "multipart/mixed; boundary=x", "nonsense", "a/b\r\nBcc: x@y", ""] {
        assert_eq!(type_of(declared), "application/octet-stream", "{declared:?}");
    }
    assert_eq!(type_of("Image/PNG"), "image/png");
}
