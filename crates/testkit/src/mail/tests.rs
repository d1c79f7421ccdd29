use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use super::{Delivery, MailServers};
use crate::{error::Error, process};

const SECONDS: Duration = Duration::from_secs(20);

fn mail(from: &str, to: &str, subject: &str) -> Vec<u8> {
    format!("From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@customer.test>\r\n\r\nHello\r\n.\r\nbye\r\n")
        .into_bytes()
}

#[test]
fn a_mail_sent_by_smtp_is_read_by_imap_with_its_bytes() {
    let servers = MailServers::shared().unwrap();
    let (from, to) = ("carol@customer.test", "one-mail@team.test");
    let raw = mail(from, to, "bytes");
    servers.deliver(from, to, &raw).unwrap();
    let read = servers.mailbox(to).wait_for("INBOX", 1, SECONDS).unwrap();
    assert_eq!(read.len(), 1);
    assert!(read[0].ends_with(&raw), "{}", String::from_utf8_lossy(&read[0]));
    assert!(read[0].starts_with(b"Return-Path: <carol@customer.test>"), "delivered as a mail server does");
}

#[test]
fn refused_and_deferred_recipients() {
    let servers = MailServers::shared().unwrap();
    for (to, code) in [("nobody-here@team.test", "550"), ("busy-today@team.test", "451")] {
        match servers.deliver("carol@customer.test", to, b"Subject: x\r\n\r\n") {
            Err(Error::Refused { answer, .. }) => assert!(answer.contains(code), "{answer}"),
            other => panic!("{to}: {other:?}"),
        }
    }
}

#[test]
fn the_sent_folder_takes_what_a_mail_program_files_there() {
    let servers = MailServers::shared().unwrap();
    let mailbox = servers.mailbox("files@team.test");
    let at = chrono::DateTime::from_timestamp(1_700_000_000, 0);
    mailbox.append("Sent", &mail("files@team.test", "carol@customer.test", "filed"), at).unwrap();
    assert_eq!((mailbox.count("Sent").unwrap(), mailbox.count("INBOX").unwrap()), (1, 0));
}

#[test]
fn hundreds_of_mails_arrive_quickly_by_either_way() {
    let servers = MailServers::shared().unwrap();
    for (to, fast) in [("many-smtp@team.test", false), ("many-lmtp@team.test", true)] {
        let mails: Vec<Delivery> = (0..200)
            .map(|n| {
                let from = format!("c{n}@customer.test");
                let raw = mail(&from, to, &format!("m{n}-{fast}"));
                Delivery::new(&from, to, raw)
            })
            .collect();
        let begin = Instant::now();
        if fast {
            servers.seed(&mails).unwrap();
        } else {
            servers.deliver_all(&mails).unwrap();
        }
        let accepted = begin.elapsed();
        let there = servers.mailbox(to).wait_for("INBOX", 200, SECONDS).unwrap();
        println!("{to}: accepted after {accepted:?}, all there after {:?}", begin.elapsed());
        assert_eq!(there.len(), 200);
    }
}

#[test]
fn killed_servers_come_back_on_their_ports_with_their_mail() {
    let dir = process::temporary_directory("mailkill").unwrap();
    let servers = MailServers::start(&dir).unwrap();
    let (from, to) = ("carol@customer.test", "kept@team.test");
    servers.deliver(from, to, &mail(from, to, "kept")).unwrap();
    servers.mailbox(to).wait_for("INBOX", 1, SECONDS).unwrap();
    let mut open = TcpStream::connect(("127.0.0.1", servers.ports().imap)).unwrap();
    let mut greeting = String::new();
    let mut reader = BufReader::new(open.try_clone().unwrap());
    reader.read_line(&mut greeting).unwrap();
    assert!(greeting.starts_with("* OK"), "{greeting}");

    servers.kill_imap().unwrap();
    servers.kill_smtp().unwrap();
    let lost =
        open.write_all(b"a NOOP\r\n").is_err() || reader.read_line(&mut String::new()).unwrap_or(0) == 0;
    assert!(lost, "the open connection went with the server");
    assert!(servers.mailbox(to).count("INBOX").is_err());
    assert!(servers.deliver(from, to, &mail(from, to, "no")).is_err());

    servers.start_imap().unwrap();
    servers.start_smtp().unwrap();
    assert_eq!(servers.mailbox(to).count("INBOX").unwrap(), 1);
    servers.deliver(from, to, &mail(from, to, "again")).unwrap();
    servers.mailbox(to).wait_for("INBOX", 2, SECONDS).unwrap();
}
