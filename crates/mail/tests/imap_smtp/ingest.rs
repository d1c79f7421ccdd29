//! The reading worker with Dovecot and PostgreSQL.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use postroom_store::Security;
use postroom_testkit::mail::{Delivery, MailServers, PASSWORD};
use postroom_testkit::process;

use super::site::Site;
use super::{mail, servers};

const MESSAGES: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1";
const IMPORTED: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1 AND imported";
const OUTBOUND: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1 AND direction = 'outbound'";
const READING: &str = "SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND state = 'reading' \
                       AND last_error IS NULL AND last_synced_at IS NOT NULL";
const LEASED: &str = "SELECT count(*) FROM mailbox_queue WHERE workspace_id = $1 AND lease_token IS NOT NULL";

fn seed(servers: &MailServers, address: &str, ids: impl Iterator<Item = String>) {
    let mails: Vec<Delivery> =
        ids.map(|id| Delivery::new("ann@example.com", address, mail(&id, "seeded"))).collect();
    servers.seed(&mails).expect("LMTP takes them");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_is_old_news_and_what_comes_is_new() {
    let site = Site::new().await;
    let address = "team.first@example.test";
    let mailbox = servers().mailbox(address);
    let old = Utc::now() - TimeDelta::days(40);
    mailbox.append("INBOX", &mail("too-old@x", "before the window"), Some(old)).unwrap();
    seed(servers(), address, (0..60).map(|n| format!("old-{n}@x")));
    mailbox.append("Sent", &mail("sent-by-hand@example.test", "sent by hand"), None).unwrap();
    site.mailbox(address).await;
    let worker = site.read(|settings| settings.backfill_messages = 7);
    site.until(MESSAGES, 61).await;
    site.until(READING, 1).await;
    assert_eq!(site.count(IMPORTED), 61);
    assert_eq!(site.count(OUTBOUND), 1);
    assert_eq!(
        site.count(
            "SELECT count(*) FROM folders WHERE workspace_id = $1 AND backfill_uid = backfill_end \
             AND backfill_done = backfill_total AND backfill_total IN (1, 60)"
        ),
        2
    );

    servers().deliver("bob@example.com", address, &mail("new@x", "new")).unwrap();
    site.until(MESSAGES, 62).await;
    assert_eq!(site.count(IMPORTED), 61);
    mailbox.append("Sent", &mail("sent-later@example.test", "sent later"), None).unwrap();
    site.until(OUTBOUND, 2).await;
    // Each raw mail is kept, and its own parts of the row tell when the server received it.
    assert_eq!(site.count("SELECT count(*) FROM messages WHERE workspace_id = $1 AND raw_sha256 IS NULL"), 0);
    worker.stop().await;
    assert_eq!(site.count(LEASED), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_worker_goes_on_where_the_first_one_was_killed() {
    let site = Site::new().await;
    let address = "team.killed@example.test";
    seed(servers(), address, (0..120).map(|n| format!("k-{n}@x")));
    site.mailbox(address).await;
    for round in 1..=3 {
        let worker = site.read(|settings| {
            settings.lease.lasts = Duration::from_secs(1);
            settings.lease.renewed_every = Duration::from_millis(300);
        });
        let wanted = format!("{MESSAGES} HAVING count(*) >= {}", round * 30);
        site.until(&format!("SELECT count(*) FROM ({wanted}) enough"), 1).await;
        worker.kill();
    }
    let worker = site.read(|_| {});
    site.until(MESSAGES, 120).await;
    site.until(READING, 1).await;
    assert_eq!(
        site.count("SELECT count(DISTINCT rfc_message_id) FROM messages WHERE workspace_id = $1"),
        120
    );
    assert_eq!(site.count("SELECT count(*) FROM intake WHERE workspace_id = $1"), 0);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_uidvalidity_brings_nothing_twice() {
    let site = Site::new().await;
    let address = "team.validity@example.test";
    seed(servers(), address, (0..10).map(|n| format!("v-{n}@x")));
    site.mailbox(address).await;
    let worker = site.read(|_| {});
    site.until(MESSAGES, 10).await;
    worker.stop().await;
    site.execute("UPDATE folders SET uid_validity = uid_validity - 1, live_uid = 1000");
    seed(servers(), address, (10..12).map(|n| format!("v-{n}@x")));
    let worker = site.read(|_| {});
    site.until(MESSAGES, 12).await;
    site.until(READING, 1).await;
    assert_eq!(site.count(IMPORTED), 12);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_five_times_and_then_only_when_it_changes() {
    let site = Site::new().await;
    let imap = (servers().ports().imaps, Security::Tls);
    let smtp = (servers().ports().smtps, Security::Tls);
    let right = site.mailbox_at("team.right@example.test", imap, smtp, PASSWORD).await;
    site.mailbox_at("team.wrong@example.test", imap, smtp, "not it").await;
    let worker = site.read(|_| {});
    let refused = "SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND state = 'refused' \
                   AND login_refusals = 5 AND last_error = 'refused login'";
    site.until(refused, 1).await;
    site.until(READING, 1).await;
    // Given back for later, not held and not tried.
    site.until(LEASED, 1).await;
    assert_eq!(site.count(refused), 1);
    // As changing the credentials does.
    site.execute(&format!(
        "UPDATE mailboxes m SET imap_secret = imap_secret, login_refusals = 4, credentials_version = 2 \
         WHERE id <> '{right}'; UPDATE mailbox_queue SET due_at = now() WHERE mailbox_id <> '{right}'"
    ));
    site.until(
        "SELECT login_refusals::bigint FROM mailboxes WHERE workspace_id = $1 AND state = 'refused'",
        5,
    )
    .await;
    worker.stop().await;
    assert_eq!(site.count(LEASED), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_waited_for_and_seen() {
    let own = MailServers::start(&process::temporary_directory("mail").unwrap()).unwrap();
    let site = Site::new().await;
    let address = "team@example.test";
    let imap = (own.ports().imaps, Security::Tls);
    site.mailbox_at(address, imap, (own.ports().smtps, Security::Tls), PASSWORD).await;
    seed(&own, address, std::iter::once("before@x".to_owned()));
    let (ca, addresses) = (own.ca_file().to_owned(), address);
    let worker = site.read(move |settings| {
        settings.network = super::network_with(Some(&ca), settings.network.timeouts());
    });
    site.until(MESSAGES, 1).await;
    own.kill_imap().unwrap();
    let failing = "SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND state = 'failing' \
                   AND last_error IN ('unreachable', 'connection lost')";
    site.until(failing, 1).await;
    own.start_imap().unwrap();
    seed(&own, addresses, std::iter::once("after@x".to_owned()));
    site.until(MESSAGES, 2).await;
    site.until(READING, 1).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_without_the_paid_feature() {
    let site = Site::new().await;
    let address = "team.feature@example.test";
    site.mailbox(address).await;
    let worker = site.read(|settings| {
        settings.lease.renewed_every = Duration::from_millis(200);
    });
    site.until(READING, 1).await;
    site.execute("UPDATE workspaces SET conversations_feature = 'disabled'");
    seed(servers(), address, std::iter::once("unread@x".to_owned()));
    site.until(LEASED, 0).await;
    assert_eq!(site.count("SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND state = 'reading'"), 1);
    let before = site.count(MESSAGES);
    site.execute("UPDATE workspaces SET conversations_feature = 'enabled'");
    site.execute("UPDATE mailbox_queue SET due_at = now()");
    site.until(MESSAGES, 1).await;
    assert!(before <= 1);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_kept_by_its_header() {
    let site = Site::new().await;
    let address = "team.large@example.test";
    let mut large = mail("large@x", "a large one");
    large.extend(b"0123456789abcdef\r\n".repeat(2_000));
    let mails = [
        Delivery::new("ann@example.com", address, mail("small-1@x", "small")),
        Delivery::new("ann@example.com", address, large),
        Delivery::new("ann@example.com", address, mail("small-2@x", "small")),
    ];
    servers().seed(&mails).unwrap();
    site.mailbox(address).await;
    let worker = site.read(|settings| settings.largest_message = 10_000);
    site.until(MESSAGES, 3).await;
    let noticed = "SELECT count(*) FROM message_bodies b JOIN messages m ON m.id = b.message_id \
                   WHERE b.workspace_id = $1 AND m.subject = 'a large one' AND b.notices::text LIKE '%only its header%'";
    assert_eq!(site.count(noticed), 1);
    worker.stop().await;
}
