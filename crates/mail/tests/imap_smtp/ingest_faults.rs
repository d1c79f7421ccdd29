//! The reading worker and servers that misbehave: no message stops its folder, no mailbox holds up another.

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use postroom_store::Security;

use super::odd_server::{Fault, OddServer, Quirks};
use super::site::{Site, impatient_settings};
use super::{mail, servers};

const MESSAGES: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1";

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_is_passed_after_three_failures_and_listed() {
    let (_, port) = OddServer::start(
        &[
            (1, Fault::None),
            (2, Fault::HangUp),
            (3, Fault::None),
            (4, Fault::Garbage),
            (5, Fault::Lies),
            (6, Fault::None),
        ],
        Quirks::default(),
    );
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.faulty@example.test", (port, Security::None), smtp, "any").await;
    let healthy = "team.healthy@example.test";
    servers().deliver("ann@example.com", healthy, &mail("healthy@x", "healthy")).unwrap();
    site.mailbox(healthy).await;
    let worker = site.read(|settings| {
        let impatient = impatient_settings();
        settings.network = impatient.network;
        settings.command_time = impatient.command_time;
        settings.largest_message = 100_000;
    });
    // 1, 3 and 6 as they are, 5 by its header; 2 and 4 are listed.
    site.until("SELECT count(*) FROM messages WHERE workspace_id = $1 AND rfc_message_id LIKE 'uid-%'", 4)
        .await;
    site.until(
        "SELECT count(*) FROM intake WHERE workspace_id = $1 AND reason = 'failed' AND uid IN (2, 4)",
        2,
    )
    .await;
    // Of 2 at least the header could be had.
    site.until(
        "SELECT count(*) FROM intake WHERE workspace_id = $1 AND raw_sha256 IS NOT NULL AND uid = 2",
        1,
    )
    .await;
    site.until("SELECT count(*) FROM folders WHERE workspace_id = $1 AND backfill_uid = 7", 1).await;
    site.until("SELECT count(*) FROM messages WHERE workspace_id = $1 AND rfc_message_id = 'healthy@x'", 1)
        .await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_handed_out_is_listed_and_what_cannot_be_listed_is_read() {
    let (_, port) = OddServer::start(
        &[
            (1, Fault::None),
            (2, Fault::Unlistable),
            (3, Fault::Withheld),
            (4, Fault::None),
            (5, Fault::Nil),
            (6, Fault::Vanishes),
            (7, Fault::None),
        ],
        Quirks::default(),
    );
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.withheld@example.test", (port, Security::None), smtp, "any").await;
    let worker = site.read(|settings| {
        let impatient = impatient_settings();
        settings.network = impatient.network;
        settings.command_time = impatient.command_time;
    });
    site.until("SELECT count(*) FROM folders WHERE workspace_id = $1 AND backfill_uid = 8", 1).await;
    assert_eq!(site.count(MESSAGES), 4);
    let listed = "SELECT count(*) FROM intake WHERE workspace_id = $1";
    assert_eq!(site.count(listed), 2);
    assert_eq!(site.count(&format!("{listed} AND reason = 'failed' AND uid IN (3, 5)")), 2);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_comes_while_idling_begins_is_read_at_once() {
    let (_, port) = OddServer::start(&[], Quirks { early_exists: true, ..Quirks::default() });
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.early@example.test", (port, Security::None), smtp, "any").await;
    let worker = site.read(|settings| {
        settings.network = impatient_settings().network;
        // No poll would find it within this test.
        settings.poll_every = Duration::from_secs(600);
        settings.settle = Duration::from_secs(600);
        settings.sent_every = Duration::from_secs(600);
        settings.command_time = Duration::from_secs(5);
    });
    site.until(MESSAGES, 3).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_server_holds_up_nobody_and_no_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let hanging = thread::spawn(move || {
        // Takes connections, greets, and says nothing any more.
        let mut held = Vec::new();
        for mut socket in listener.incoming().flatten().take(1) {
            socket.write_all(b"* OK\r\n").expect("greets");
            held.push(socket);
        }
        thread::sleep(Duration::from_secs(30));
    });
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.hanging@example.test", (port, Security::None), smtp, "any").await;
    let healthy = "team.beside@example.test";
    servers().deliver("ann@example.com", healthy, &mail("beside@x", "beside")).unwrap();
    site.mailbox(healthy).await;
    let worker = site.read(|_| {});
    site.until(MESSAGES, 1).await;
    // `stop` panics if it takes too long.
    worker.stop().await;
    drop(hanging);
}
