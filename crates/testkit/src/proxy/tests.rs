use std::{net::TcpStream, time::Duration};

use super::{Fault, Moment, Protocol, Proxy};
use crate::{
    mail::{Delivery, MailServers, Mailbox, delivery},
    postgres::Cluster,
};

const SECONDS: Duration = Duration::from_secs(20);
const FROM: &str = "carol@customer.test";

fn send(proxy: &Proxy, to: &str) -> crate::Result<()> {
    let raw = format!("From: {FROM}\r\nTo: {to}\r\nSubject: x\r\n\r\n.dot\r\n").into_bytes();
    delivery::by_smtp(proxy.port(), &[Delivery::new(FROM, to, raw)])
}

#[test]
fn a_mail_whose_answer_is_cut_off_has_arrived_and_one_cut_before_has_not() {
    let servers = MailServers::shared().unwrap();
    let proxy = Proxy::start(Protocol::Smtp, servers.ports().smtp_plain).unwrap();
    let inbox = |to: &str| servers.mailbox(to);

    proxy.next(Fault::CutAfter);
    send(&proxy, "after@team.test").unwrap_err();
    assert_eq!(proxy.wait_for(Fault::CutAfter, SECONDS).unwrap().mails, 1);
    inbox("after@team.test").wait_for("INBOX", 1, SECONDS).unwrap();

    proxy.next(Fault::CutBefore);
    send(&proxy, "before@team.test").unwrap_err();
    send(&proxy, "before@team.test").unwrap();
    assert_eq!(
        proxy.moments(),
        [Moment { fault: Fault::CutBefore, mails: 0 }, Moment { fault: Fault::Pass, mails: 1 }]
    );
    inbox("before@team.test").wait_for("INBOX", 1, SECONDS).unwrap();
    assert_eq!(inbox("before@team.test").count("INBOX").unwrap(), 1);
}

#[test]
fn a_held_answer_is_there_while_the_sender_still_waits() {
    let servers = MailServers::shared().unwrap();
    let proxy = Proxy::start(Protocol::Smtp, servers.ports().smtp_plain).unwrap();
    proxy.next(Fault::Hold);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| send(&proxy, "held@team.test"));
        assert_eq!(proxy.wait_for(Fault::Hold, SECONDS).unwrap().mails, 1);
        servers.mailbox("held@team.test").wait_for("INBOX", 1, SECONDS).unwrap();
        assert!(!sender.is_finished(), "the mail is there, its sender doesn't know yet");
        proxy.release();
        sender.join().unwrap().unwrap();
    });
}

#[test]
fn a_fetch_is_counted_held_and_cut() {
    let servers = MailServers::shared().unwrap();
    let to = "fetch@team.test";
    // A body that looks like the end of the answer must not be taken for it.
    let raw = format!(
        "From: {FROM}\r\nTo: {to}\r\nSubject: x\r\n\r\na3 OK Fetch completed.\r\n* 1 FETCH {{9}}\r\n"
    );
    let mails: Vec<_> = (0..3).map(|_| Delivery::new(FROM, to, raw.clone())).collect();
    servers.seed(&mails).unwrap();
    let proxy = Proxy::start(Protocol::Imap, servers.ports().imap).unwrap();
    let mailbox = Mailbox::new(to, proxy.port());
    assert_eq!(mailbox.messages("INBOX").unwrap().len(), 3);
    assert_eq!(proxy.moments(), [Moment { fault: Fault::Pass, mails: 3 }]);
    proxy.next(Fault::CutAfter);
    mailbox.messages("INBOX").unwrap_err();
    proxy.next(Fault::Hold);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| mailbox.messages("INBOX"));
        assert_eq!(proxy.wait_for(Fault::Hold, SECONDS).unwrap().mails, 3);
        proxy.release();
        assert_eq!(reader.join().unwrap().unwrap().len(), 3);
    });
}

#[test]
fn a_database_behind_a_proxy_can_be_cut_off_and_given_back() {
    let cluster = Cluster::shared().unwrap();
    let proxy = Proxy::start(Protocol::Opaque, cluster.port()).unwrap();
    let url = cluster.url_at(proxy.port(), "postgres");
    crate::runtime::block_on(async {
        let connect = || tokio_postgres::connect(&url, tokio_postgres::NoTls);
        let (client, connection) = connect().await.unwrap();
        let connection = tokio::spawn(connection);
        client.simple_query("SELECT 1").await.unwrap();
        proxy.freeze(true);
        let asked = tokio::time::timeout(Duration::from_millis(200), client.simple_query("SELECT 1")).await;
        assert!(asked.is_err(), "nothing comes through");
        proxy.freeze(false);
        client.simple_query("SELECT 1").await.unwrap();
        proxy.refuse(true);
        proxy.cut();
        client.simple_query("SELECT 1").await.unwrap_err();
        assert!(connection.await.unwrap().is_err() || client.is_closed());
        assert!(connect().await.is_err());
        proxy.refuse(false);
        assert!(connect().await.is_ok());
    })
    .unwrap();
    let port = proxy.port();
    drop(proxy);
    crate::process::wait_for("the port is closed", SECONDS, || {
        Ok(TcpStream::connect(("127.0.0.1", port)).is_err())
    })
    .unwrap();
}
