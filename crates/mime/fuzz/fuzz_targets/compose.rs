//! Any mail that a user could write (SND-5): no field starts a header, and what arrives is what was written.
#![no_main]

use arbitrary::Arbitrary;
use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use postroom_domain::address::{EmailAddress, NamedAddress};
use postroom_mime::{Outgoing, OutgoingAttachment, compose, parse, release_remote_pictures};

#[derive(Debug, Arbitrary)]
struct Written {
    name: Option<String>,
    to: Vec<Option<String>>,
    subject: String,
    text: String,
    html: String,
    references: u8,
    files: Vec<File>,
    seconds: u32,
}

#[derive(Debug, Arbitrary)]
struct File {
    name: String,
    media_type: String,
    content: Vec<u8>,
    inline: bool,
}

fn person(name: Option<String>, number: usize) -> NamedAddress {
    let address = EmailAddress::parse(&format!("person{number}@example.com")).expect("an address");
    NamedAddress { name, address }
}

fuzz_target!(|written: Written| {
    let outgoing = Outgoing {
        message_id: "1@example.com".to_owned(),
        in_reply_to: None,
        references: (0..written.references).map(|number| format!("{number}@example.com")).collect(),
        date: DateTime::<Utc>::from_timestamp(i64::from(written.seconds), 0).expect("a time"),
        from: person(written.name, 0),
        to: written
            .to
            .into_iter()
            .take(20)
            .enumerate()
            .map(|(number, name)| person(name, number + 1))
            .collect(),
        cc: vec![],
        subject: written.subject,
        text: written.text,
        html: written.html,
        attachments: (written.files.into_iter().enumerate())
            .map(|(number, file)| OutgoingAttachment {
                filename: file.name,
                content_type: file.media_type,
                content: file.content,
                content_id: file.inline.then(|| format!("picture{number}@example.com")),
            })
            .collect(),
    };
    let raw = compose(&outgoing).expect("addresses and ids are good");
    let text = std::str::from_utf8(&raw).expect("ASCII is UTF-8");
    assert!(text.is_ascii(), "7-bit only");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "line ends are CRLF");
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "RFC 5322's limit");
    let (head, _) = text.split_once("\r\n\r\n").expect("a head");
    let known = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "References",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
    ];
    for line in head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split(':').next().unwrap_or_default();
        assert!(known.contains(&name), "{name} was never meant to be a header");
    }

    let read = parse(&raw);
    assert_eq!(read.date, Some(outgoing.date));
    assert_eq!(read.to.len(), outgoing.to.len());
    // Where there is HTML, its pictures stand with it, before the files.
    let has_html = !release_remote_pictures(&outgoing.html).is_empty();
    let (pictures, files): (Vec<_>, Vec<_>) =
        outgoing.attachments.iter().partition(|file| has_html && file.content_id.is_some());
    let sent: Vec<&[u8]> = pictures.into_iter().chain(files).map(|file| file.content.as_slice()).collect();
    let arrived: Vec<&[u8]> = read.attachments.iter().map(|file| file.contents.as_slice()).collect();
    assert_eq!(arrived, sent, "each file arrives as it was");
});
