use super::*;

fn attribute_of(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
    let mut out = vec![level];
    out.extend(id.to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out.extend(data);
    out.extend([0, 0]);
    out
}

fn property(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
    let mut out = [kind.to_le_bytes(), id.to_le_bytes()].concat();
    if id >= 0x8000 {
        out.extend([7; 16]);
        out.extend(1_u32.to_le_bytes());
        out.extend(6_u32.to_le_bytes());
        out.extend(b"a\0b\0\0\0\0\0");
    }
    if matches!(kind, 0x0d | 0x1e | 0x1f | 0x0102) {
        out.extend(1_u32.to_le_bytes());
        out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    }
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn properties(list: &[Vec<u8>]) -> Vec<u8> {
    [u32::try_from(list.len()).unwrap().to_le_bytes().to_vec(), list.concat()].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn stream(attributes: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE.to_le_bytes().to_vec(), vec![1, 0], attributes.concat()].concat()
}

fn a_file(title: &[u8], data: &[u8], list: &[Vec<u8>]) -> Vec<u8> {
    [
        attribute_of(2, ATTACHMENT_BEGINS, &[0; 14]),
        attribute_of(2, ATTACHMENT_TITLE, title),
        attribute_of(2, ATTACHMENT_DATA, data),
        attribute_of(2, ATTACHMENT_PROPERTIES, &properties(list)),
    ]
    .concat()
}

fn names(unpacked: &Unpacked) -> Vec<(&str, &[u8])> {
    unpacked
        .files
        .iter()
        .map(|file| (file.filename.as_deref().unwrap_or_default(), file.contents.as_slice()))
        .collect()
}

#[test]
fn unpacks_files_with_their_best_names() {
    let packed = stream(&[
        attribute_of(1, CODE_PAGE, &[0xe3, 0x04, 0, 0, 0, 0, 0, 0]),
        a_file(
            b"OFFER~1.PDF\0",
            b"%PDF-1",
            &[
                property(0x03, 0x0e20, &6_u32.to_le_bytes()),
                property(0x02, 0x8001, &[1, 0]),
                property(0x1f, LONG_NAME, &utf16("Öffer for Ann.pdf\0")),
                property(0x1e, CONTENT_ID, b"1@example.com\0"),
            ],
        ),
        a_file(b"\xcf\xf0\xe8.txt\0", b"abc", &[]),
    ]);
    let unpacked = unpack(&packed);
    assert_eq!(names(&unpacked), [("Öffer for Ann.pdf", &b"%PDF-1"[..]), ("При.txt", b"abc")]);
    assert_eq!(unpacked.files[0].content_type, "application/pdf");
    assert_eq!(unpacked.files[0].content_id.as_deref(), Some("1@example.com"));
    // Cut off anywhere, it still gives what came before.
    for length in 0..packed.len() {
        assert!(unpack(&packed[..length]).files.len() <= 2);
    }
    assert_eq!(names(&unpack(&packed[..packed.len() - 40]))[0].0, "Öffer for Ann.pdf");
}

#[test]
fn unpacks_the_files_of_an_attached_mail() {
    let inner = stream(&[attribute_of(1, BODY, b"inner\0"), a_file(b"in.txt\0", b"x", &[])]);
    let object = [vec![9; 16], inner].concat();
    let outer = stream(&[
        attribute_of(1, BODY, b"outer\0"),
        a_file(b"mail\0", b"", &[property(0x0d, DATA, &object)]),
    ]);
    let unpacked = unpack(&outer);
    assert_eq!(names(&unpacked), [("in.txt", &b"x"[..])]);
    assert!(matches!(unpacked.body, Some(BodyText::Plain(text)) if text == "outer"));
}

#[test]
fn a_mail_shows_what_is_packed_in_it() {
    let html = properties(&[
        property(0x03, TEXT_CODE_PAGE, &65001_u32.to_le_bytes()),
        property(0x1e, TEXT, b"plain\0"),
        property(0x0102, HTML, "<p>Grüße".as_bytes()),
    ]);
    let packed = stream(&[attribute_of(1, MESSAGE_PROPERTIES, &html), a_file(b"a.txt\0", b"abc", &[])]);
    let mail = |packed: &[u8], text: &str| {
        let mut raw = format!(
            "From: ann@example.com\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n{text}\n--b\n\
             Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: binary\n\n"
        )
        .into_bytes();
        raw.extend(packed);
        raw.extend(b"\n--b--\n");
        crate::parse(&raw)
    };
    let files = |mail: &crate::ParsedMail| -> Vec<String> {
        mail.attachments.iter().filter_map(|file| file.filename.clone()).collect()
    };
    let only_packed = mail(&packed, "");
    assert_eq!((only_packed.text.trim(), files(&only_packed)), ("Grüße", vec!["a.txt".to_owned()]));
    assert!(only_packed.html.is_some());
    let with_text = mail(&packed, "Hello");
    assert_eq!((with_text.text.trim(), files(&with_text)), ("Hello", vec!["a.txt".to_owned()]));
    // What can't be read is there as it came.
    let unreadable = mail(b"something else", "Hello");
    assert_eq!(files(&unreadable), ["winmail.dat"]);
}

#[test]
fn hostile_streams_cost_little() {
    let endless = properties(&[property(0x1003, 1, &u32::MAX.to_le_bytes())]);
    let many = [vec![0xff; 4], property(0x03, 1, &[0; 4]).repeat(100_000)].concat();
    for data in [endless, many] {
        let packed = stream(&[
            attribute_of(1, MESSAGE_PROPERTIES, &data),
            attribute_of(2, ATTACHMENT_PROPERTIES, &data),
        ]);
        assert!(unpack(&packed).files.is_empty());
    }
    let mut nested = stream(&[]);
    for _ in 0..20 {
        nested = stream(&[a_file(b"", b"", &[property(0x0d, DATA, &[vec![0; 16], nested].concat())])]);
    }
    assert!(unpack(&nested).files.len() <= 1);
    assert_eq!(unpack(&stream(&vec![a_file(b"x\0", b"", &[]); 5_000])).files.len(), MAX_FILES);
}
