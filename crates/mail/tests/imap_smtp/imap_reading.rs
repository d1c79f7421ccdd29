//! Reading from Dovecot.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use chrono::{TimeZone, Utc};
use postroom_mail::imap::{Content, Session, Waited, batches};
use postroom_mail::net::{Network, Security, Timeouts, client_config};
use postroom_mail::{CertificateFault, Login, Secret, ServerError};
use postroom_testkit::mail::Delivery;

use super::{at, login, mail, network, servers};

const TIME: Duration = Duration::from_secs(20);

fn open(address: &str) -> Session {
    let endpoint = at(servers().ports().imaps, Security::Tls);
    Session::open(&network(), &endpoint, &login(address), TIME).expect("Dovecot lets us in")
}

fn refused(network: &Network, port: u16, security: Security, login: &Login) -> ServerError {
    Session::open(network, &at(port, security), login, TIME).expect_err("must be refused")
}

#[test]
fn every_kind_of_security_gets_in() {
    let ports = servers().ports();
    for (port, security) in
        [(ports.imaps, Security::Tls), (ports.imap, Security::StartTls), (ports.imap, Security::None)]
    {
        let session = Session::open(&network(), &at(port, security), &login("kinds@example.test"), TIME);
        session.unwrap_or_else(|error| panic!("{security:?}: {error}")).close();
    }
}

#[test]
fn a_refusal_says_what_is_wrong_and_nothing_else() {
    let ports = servers().ports();
    let right = login("refused@example.test");
    let wrong = Login { secret: Secret::Password("not it".into()), ..right.clone() };
    assert_eq!(refused(&network(), ports.imaps, Security::Tls, &wrong), ServerError::LoginRefused);

    let nowhere =
        Network::new(client_config(None).unwrap(), "127.0.0.0/8".parse().unwrap(), Timeouts::default());
    let untrusted = refused(&nowhere, ports.imaps, Security::Tls, &right);
    assert_eq!(untrusted, ServerError::Certificate(CertificateFault::UnknownIssuer));
    assert_eq!(untrusted.to_string(), "certificate not valid: unknown issuer");
    assert_eq!(
        refused(&nowhere, ports.imap, Security::StartTls, &right),
        ServerError::Certificate(CertificateFault::UnknownIssuer)
    );

    let closed = Network::new(client_config(None).unwrap(), "".parse().unwrap(), Timeouts::default());
    assert_eq!(refused(&closed, ports.imaps, Security::Tls, &right), ServerError::AddressNotAllowed);

    assert_eq!(refused(&network(), 1, Security::Tls, &right), ServerError::Unreachable);
    // TLS spoken to a port that answers in plain text.
    assert_eq!(refused(&network(), ports.imap, Security::Tls, &right), ServerError::Tls);
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let mut endpoint = at(servers().ports().imaps, Security::Tls);
    endpoint.host = "127.0.0.2".to_owned();
    let error = Session::open(&network(), &endpoint, &login("other@example.test"), TIME).unwrap_err();
    // Dovecot listens on 127.0.0.1 only, so that 127.0.0.2 is either refused or presents a certificate for 127.0.0.1.
    assert!(
        matches!(error, ServerError::Unreachable | ServerError::Certificate(CertificateFault::OtherName)),
        "{error}"
    );
    assert!(client_config(Some(Path::new("/nowhere"))).is_err());
}

#[test]
fn messages_come_whole_in_order_and_stay_unread() {
    let address = "whole@example.test";
    let raw: Vec<Vec<u8>> = (0..25).map(|n| mail(&format!("m{n}@x"), &format!("number {n}"))).collect();
    let mails: Vec<Delivery> =
        raw.iter().map(|raw| Delivery::new("ann@example.com", address, raw.clone())).collect();
    servers().seed(&mails).unwrap();

    let mut session = open(address);
    let opened = session.examine("INBOX").unwrap();
    assert_eq!(opened.exists, 25);
    let uids = session.uids_from(1).unwrap();
    assert_eq!(uids.len(), 25);
    assert_eq!(opened.uid_next, uids.last().unwrap() + 1);
    assert!(session.uids_from(opened.uid_next).unwrap().is_empty());

    let listed = session.list(&uids).unwrap();
    let parts = batches(&listed, 2_000, 10);
    assert!(parts.len() > 3, "the batches are bounded by bytes: {}", parts.len());
    let mut fetched = Vec::new();
    for part in parts {
        fetched.extend(session.fetch(part, 1024 * 1024).unwrap());
    }
    assert_eq!(fetched.iter().map(|message| message.uid).collect::<Vec<_>>(), uids);
    for message in &fetched {
        let Content::Whole(bytes) = &message.content else { panic!("not whole") };
        // LMTP puts its trace in front and leaves the rest as it was.
        assert!(raw.iter().any(|raw| bytes.ends_with(raw)), "{}", String::from_utf8_lossy(bytes));
        let age = Utc::now() - message.internal_date.expect("Dovecot dates its mail");
        assert!(age.num_minutes().abs() < 5, "{age}");
    }
    let Content::HeaderOnly(header) = session.fetch_header(uids[3]).unwrap().unwrap().content else {
        panic!("not a header")
    };
    assert!(header.ends_with(b"\r\n\r\n") && !header.windows(5).any(|w| w == b"Hello"));
    assert_eq!(session.fetch_header(opened.uid_next + 7).unwrap(), None);
    session.close();

    let mut other = raw_client(address);
    other.examine("INBOX").unwrap();
    assert_eq!(other.search("UNSEEN").unwrap().len(), 25);
}

/// Another mail program, straight over the `imap` crate.
fn raw_client(address: &str) -> imap::Session<std::net::TcpStream> {
    let socket = std::net::TcpStream::connect(("127.0.0.1", servers().ports().imap)).unwrap();
    let mut client = imap::Client::new(socket);
    client.read_greeting().unwrap();
    client.login(address, postroom_testkit::mail::PASSWORD).map_err(|(error, _)| error).unwrap()
}

#[test]
fn only_the_window_is_searched_for() {
    let address = "window@example.test";
    let mailbox = servers().mailbox(address);
    for (day, id) in [(1, "old@x"), (10, "in@x"), (20, "new@x")] {
        let received = Utc.with_ymd_and_hms(2026, 2, day, 12, 0, 0).unwrap();
        mailbox.append("INBOX", &mail(id, "dated"), Some(received)).unwrap();
    }
    let mut session = open(address);
    let opened = session.examine("INBOX").unwrap();
    let since = Utc.with_ymd_and_hms(2026, 2, 10, 0, 0, 0).unwrap().date_naive();
    let all = session.uids_from(1).unwrap();
    assert_eq!(session.uids_between(1, opened.uid_next, since).unwrap(), all[1..]);
    assert_eq!(session.uids_between(all[1] + 1, opened.uid_next, since).unwrap(), all[2..]);
    assert_eq!(session.uids_between(all[1], all[2], since).unwrap(), all[1..2]);
    assert!(session.uids_between(5, 5, since).unwrap().is_empty());
}

#[test]
fn folders_are_found_opened_by_their_wire_names_and_refused_when_missing() {
    let address = "folders@example.test";
    servers().mailbox(address).create_folder("Entw&APw-rfe").unwrap();
    let mut session = open(address);
    let folders = session.discover().unwrap();
    assert_eq!(folders.sent.as_deref(), Some("Sent"));
    assert!(folders.all.iter().any(|folder| folder.is_called("Entwürfe")), "{folders:?}");
    session.examine("Entw&APw-rfe").unwrap();
    assert_eq!(session.examine("No such folder"), Err(ServerError::FolderRefused));
    // The session goes on.
    session.examine("INBOX").unwrap();
}

#[test]
fn what_was_sent_is_filed_once_and_found_by_its_id() {
    let address = "filed@example.test";
    let mut session = open(address);
    let raw = mail("filed.1@example.test", "to be filed");
    assert!(!session.holds_message("Sent", "filed.1@example.test").unwrap());
    let date = Utc.with_ymd_and_hms(2026, 3, 1, 8, 30, 0).unwrap();
    session.file("Sent", &raw, date).unwrap();
    assert!(session.holds_message("Sent", "filed.1@example.test").unwrap());
    assert!(!session.holds_message("Sent", "filed.2@example.test").unwrap());
    assert_eq!(servers().mailbox(address).messages("Sent").unwrap(), std::slice::from_ref(&raw));

    session.examine("Sent").unwrap();
    let listed = session.list(&[1]).unwrap();
    assert_eq!(session.fetch(&listed, 10_000).unwrap()[0].internal_date, Some(date));
    assert_eq!(session.file("Nowhere", &raw, date), Err(ServerError::Refused));
    session.examine("INBOX").unwrap();

    let mut other = raw_client(address);
    other.examine("Sent").unwrap();
    assert_eq!(other.search("SEEN").unwrap().len(), 1);
}

#[test]
fn idling_ends_with_news_with_silence_and_from_outside() {
    let address = "idle@example.test";
    let mut session = open(address);
    let opened = session.examine("INBOX").unwrap();
    assert!(session.can_idle());
    assert_eq!(session.wait(Duration::from_millis(200)), Ok(Waited::Silence));

    let begun = Instant::now();
    let sender = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        servers().seed(&[Delivery::new("ann@example.com", address, mail("idle@x", "news"))]).unwrap();
    });
    assert_eq!(session.wait(Duration::from_secs(15)), Ok(Waited::News));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    sender.join().unwrap();
    assert_eq!(session.uids_from(opened.uid_next).unwrap().len(), 1);

    let interrupter = session.interrupter().unwrap();
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        interrupter.interrupt();
    });
    let begun = Instant::now();
    assert_eq!(session.wait(Duration::from_secs(15)), Err(ServerError::ConnectionLost));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    stopper.join().unwrap();
}
