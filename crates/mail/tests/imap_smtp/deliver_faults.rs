//! The sending worker when answers are lost: what may have arrived is never sent again by itself (SND-3).

use std::time::Duration;

use postroom_domain::ids::MailboxId;
use postroom_store::Security;
use postroom_testkit::mail::PASSWORD;
use postroom_testkit::proxy::{Fault, Protocol, Proxy};

use super::servers;
use super::site::Site;

const WAIT: Duration = Duration::from_secs(20);
const QUEUED_ROWS: &str = "SELECT count(*) FROM outbox_queue WHERE workspace_id = $1";

fn in_state(state: &str) -> String {
    format!("SELECT count(*) FROM outbox WHERE workspace_id = $1 AND state = '{state}'")
}

/// A mailbox that sends through a proxy which can read along.
async fn proxied(site: &Site, address: &str) -> (MailboxId, Proxy) {
    let proxy = Proxy::start(Protocol::Smtp, servers().ports().smtp_plain).unwrap();
    let imap = (servers().ports().imaps, Security::Tls);
    let mailbox = site.mailbox_at(address, imap, (proxy.port(), Security::None), PASSWORD).await;
    (mailbox, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_before_the_body_is_tried_again_and_arrives_once() {
    let site = Site::new().await;
    let (mailbox, proxy) = proxied(&site, "team.before@example.test").await;
    proxy.next(Fault::CutBefore);
    let sender = site.send(|_| {});
    site.write(mailbox, "twice tried", &["before@example.test"], &[]).await;
    proxy.wait_for(Fault::CutBefore, WAIT).unwrap();
    site.until(&in_state("sent"), 1).await;
    site.until(QUEUED_ROWS, 0).await;
    assert_eq!(site.count("SELECT attempts::bigint FROM outbox WHERE workspace_id = $1"), 2);
    assert_eq!(servers().mailbox("before@example.test").wait_for("INBOX", 1, WAIT).unwrap().len(), 1);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leaves_the_message_unknown_and_unsent_again() {
    let site = Site::new().await;
    let (mailbox, proxy) = proxied(&site, "team.after@example.test").await;
    proxy.next(Fault::CutAfter);
    let sender = site.send(|_| {});
    site.write(mailbox, "who knows", &["after@example.test"], &[]).await;
    site.until(&in_state("unknown"), 1).await;
    site.until(QUEUED_ROWS, 0).await;
    assert_eq!(site.count("SELECT attempts::bigint FROM outbox WHERE workspace_id = $1"), 1);
    assert_eq!(servers().mailbox("after@example.test").wait_for("INBOX", 1, WAIT).unwrap().len(), 1);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sent_folder_is_the_witness() {
    let site = Site::new().await;
    let address = "team.witness@example.test";
    let (mailbox, proxy) = proxied(&site, address).await;
    proxy.next(Fault::CutAfter);
    let sender = site.send(|settings| settings.search_for = Duration::from_secs(60));
    site.write(mailbox, "witnessed", &["witness@example.test"], &[]).await;
    let lost = "SELECT count(*) FROM outbox WHERE workspace_id = $1 AND data_started_at IS NOT NULL";
    site.until(lost, 1).await;
    // The server files its own copy, as some do with all that is sent through them.
    let sent = servers().mailbox("witness@example.test").wait_for("INBOX", 1, WAIT).unwrap();
    servers().mailbox(address).append("Sent", &sent[0], None).unwrap();
    site.until(&in_state("sent"), 1).await;
    site.until(QUEUED_ROWS, 0).await;
    assert_eq!(servers().mailbox(address).count("Sent").unwrap(), 1);
    assert_eq!(servers().mailbox("witness@example.test").count("INBOX").unwrap(), 1);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_server_answers_it_is_never_sent_again() {
    let site = Site::new().await;
    let (mailbox, proxy) = proxied(&site, "team.held@example.test").await;
    proxy.next(Fault::Hold);
    let quick = |settings: &mut postroom_mail::deliver::DeliverSettings| {
        settings.lease.lasts = Duration::from_secs(1);
        settings.lease.renewed_every = Duration::from_millis(300);
    };
    let killed = site.send(quick);
    site.write(mailbox, "held", &["held@example.test"], &[]).await;
    let moment = proxy.wait_for(Fault::Hold, WAIT).unwrap();
    assert_eq!(moment.mails, 1);
    killed.kill();
    let sender = site.send(quick);
    site.until(&in_state("unknown"), 1).await;
    proxy.release();
    site.until(QUEUED_ROWS, 0).await;
    assert_eq!(servers().mailbox("held@example.test").wait_for("INBOX", 1, WAIT).unwrap().len(), 1);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proper_stop_waits_for_the_answer() {
    let site = Site::new().await;
    let (mailbox, proxy) = proxied(&site, "team.stop@example.test").await;
    proxy.next(Fault::Hold);
    let sender = site.send(|_| {});
    site.write(mailbox, "stopping", &["stop@example.test"], &[]).await;
    proxy.wait_for(Fault::Hold, WAIT).unwrap();
    let (_, ()) = tokio::join!(sender.stop(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.release();
    });
    assert_eq!(site.count(&in_state("sent")), 1);
    // The copy is the next worker's business.
    let sender = site.send(|_| {});
    site.until(QUEUED_ROWS, 0).await;
    assert_eq!(servers().mailbox("team.stop@example.test").count("Sent").unwrap(), 1);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_connections_is_waited_for() {
    let site = Site::new().await;
    let (mailbox, proxy) = proxied(&site, "team.away@example.test").await;
    proxy.refuse(true);
    let sender = site.send(|_| {});
    site.write(mailbox, "away", &["away@example.test"], &[]).await;
    let put_off =
        "SELECT count(*) FROM delivery_recipients WHERE workspace_id = $1 AND error = 'connection lost'";
    site.until(put_off, 1).await;
    proxy.refuse(false);
    site.until(&in_state("sent"), 1).await;
    assert_eq!(servers().mailbox("away@example.test").wait_for("INBOX", 1, WAIT).unwrap().len(), 1);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_server_holds_up_no_other_mailbox() {
    let site = Site::new().await;
    let (hanging, proxy) = proxied(&site, "team.frozen@example.test").await;
    let healthy = site.mailbox("team.flowing@example.test").await;
    proxy.freeze(true);
    for n in 0..10 {
        site.write(hanging, &format!("stuck {n}"), &["stuck@example.test"], &[]).await;
    }
    site.write(healthy, "flowing", &["flowing@example.test"], &[]).await;
    let sender = site.send(|settings| settings.at_once = 4);
    site.until(&in_state("sent"), 1).await;
    proxy.freeze(false);
    site.until(&in_state("sent"), 11).await;
    assert_eq!(servers().mailbox("stuck@example.test").wait_for("INBOX", 10, WAIT).unwrap().len(), 10);
    sender.stop().await;
}
