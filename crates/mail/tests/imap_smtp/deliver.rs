//! The sending worker with exim, Dovecot and PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use postroom_store::Security;

use super::faulty::serve_all;
use super::servers;
use super::site::Site;

/// Messages in this state.
fn in_state(state: &str) -> String {
    format!("SELECT count(*) FROM outbox WHERE workspace_id = $1 AND state = '{state}'")
}

fn recipient_in_state(address: &str, state: &str) -> String {
    format!(
        "SELECT count(*) FROM delivery_recipients WHERE workspace_id = $1 AND address = '{address}' \
         AND state = '{state}'"
    )
}

const QUEUED_ROWS: &str = "SELECT count(*) FROM outbox_queue WHERE workspace_id = $1";
const WAIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_has_it_once_and_the_sent_folder_too() {
    let site = Site::new().await;
    let address = "team.sends@example.test";
    let mailbox = site.mailbox(address).await;
    let reader = site.read(|_| {});
    let sender = site.send(|_| {});
    site.write(mailbox, "Grüße to all", &["one@example.test", "two@example.test"], &["blind@example.test"])
        .await;
    site.until(&in_state("sent"), 1).await;
    site.until(QUEUED_ROWS, 0).await;
    for name in ["one@example.test", "two@example.test", "blind@example.test"] {
        let got = servers().mailbox(name).wait_for("INBOX", 1, WAIT).unwrap();
        assert_eq!(got.len(), 1);
        let text = String::from_utf8(got[0].clone()).expect("7-bit");
        assert!(text.contains("To: one@example.test, two@example.test\r\n"), "{text}");
        // Whoever got a blind copy stands in the trace of their own copy alone.
        assert!(!text.split("\r\nFrom:").nth(1).expect("a header").contains("blind@"), "{text}");
        let parsed = postroom_mime::parse(&got[0]);
        assert_eq!(parsed.subject.as_deref(), Some("Grüße to all"));
        assert!(parsed.text.starts_with("Hello,\n.\nOlga"), "{:?}", parsed.text);
    }
    let filed = servers().mailbox(address).wait_for("Sent", 1, WAIT).unwrap();
    assert_eq!(filed.len(), 1);
    // Reading the copy back changes nothing.
    site.until("SELECT count(*) FROM folders WHERE workspace_id = $1 AND role = 'sent' AND live_uid = 2", 1)
        .await;
    assert_eq!(site.count("SELECT count(*) FROM messages WHERE workspace_id = $1"), 1);
    assert_eq!(site.count("SELECT count(*) FROM intake WHERE workspace_id = $1"), 0);
    sender.stop().await;
    reader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_a_recipient_and_a_deferral_comes_again() {
    let site = Site::new().await;
    let mailbox = site.mailbox("team.partly@example.test").await;
    let sender = site.send(|_| {});
    let to = ["fine@example.test", "nobody-there@example.test", "busy-today@example.test"];
    site.write(mailbox, "for three", &to, &[]).await;
    site.until(&recipient_in_state("fine@example.test", "sent"), 1).await;
    site.until(&recipient_in_state("nobody-there@example.test", "failed"), 1).await;
    site.until("SELECT count(*) FROM outbox WHERE workspace_id = $1 AND attempts >= 3", 1).await;
    let answered = "SELECT count(*) FROM delivery_recipients WHERE workspace_id = $1 \
                    AND ((address LIKE 'nobody-%' AND code = 550) OR (address LIKE 'busy-%' AND code = 451)) \
                    AND error IS NOT NULL";
    assert_eq!(site.count(answered), 2);
    // Given up after a day.
    site.execute("UPDATE outbox SET first_attempt_at = first_attempt_at - interval '25 hours'");
    site.until(&in_state("partial"), 1).await;
    site.until(QUEUED_ROWS, 0).await;
    assert_eq!(servers().mailbox("fine@example.test").wait_for("INBOX", 1, WAIT).unwrap().len(), 1);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_keeps_the_message_and_spares_the_account() {
    let site = Site::new().await;
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let port = serve_all(move |peer| {
        peer.say("220 here\r\n");
        while let Some(line) = peer.hear_line() {
            if line.starts_with("AUTH") {
                counted.fetch_add(1, Ordering::SeqCst);
                peer.say("535 no\r\n");
            } else {
                peer.say("250-here\r\n250 AUTH PLAIN\r\n");
            }
        }
    });
    let imap = (servers().ports().imaps, Security::Tls);
    let address = "team.locked@example.test";
    let mailbox = site.mailbox_at(address, imap, (port, Security::None), "not it").await;
    let sender = site.send(|settings| settings.first_retry = Duration::from_millis(5));
    site.write(mailbox, "later", &["patient@example.test"], &[]).await;
    let put_off = "SELECT count(*) FROM delivery_recipients WHERE workspace_id = $1 AND state = 'queued' \
                   AND error = 'refused login' AND code IS NULL";
    site.until(put_off, 1).await;
    site.until("SELECT count(*) FROM outbox WHERE workspace_id = $1 AND attempts >= 7", 1).await;
    assert_eq!(tries.load(Ordering::SeqCst), 5);
    // Other credentials are tried.
    site.execute("UPDATE mailboxes SET credentials_version = credentials_version + 1");
    site.until("SELECT count(*) FROM outbox WHERE workspace_id = $1 AND attempts >= 9", 1).await;
    assert!(tries.load(Ordering::SeqCst) > 5);
    sender.stop().await;
    assert_eq!(
        site.count("SELECT count(*) FROM outbox_queue WHERE workspace_id = $1 AND lease_token IS NOT NULL"),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_each_leave_once_from_two_workers() {
    let site = Site::new().await;
    let address = "team.many@example.test";
    let mailbox = site.mailbox(address).await;
    for n in 0..40 {
        site.write(mailbox, &format!("mail {n}"), &["many@example.test"], &[]).await;
    }
    let workers = [site.send(|_| {}), site.send(|_| {})];
    site.until(&in_state("sent"), 40).await;
    site.until(QUEUED_ROWS, 0).await;
    let got = servers().mailbox("many@example.test").wait_for("INBOX", 40, WAIT).unwrap();
    assert_eq!(got.len(), 40);
    assert_eq!(servers().mailbox(address).wait_for("Sent", 40, WAIT).unwrap().len(), 40);
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(servers().mailbox(address).count("Sent").unwrap(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_inside_postroom_is_shown_and_everything_goes_on_after_it() {
    let site = Site::new().await;
    let address = "team.sealed@example.test";
    let mailbox = site.mailbox(address).await;
    servers().deliver("ann@example.com", address, &super::mail("sealed@x", "sealed")).unwrap();
    // As with another master key: what is sealed does not open. The last byte belongs to its seal.
    let spoil = "UPDATE mailboxes SET imap_secret = set_byte(imap_secret, length(imap_secret) - 1, \
                 get_byte(imap_secret, length(imap_secret) - 1) # 1)";
    site.execute(spoil);
    site.write(mailbox, "sealed", &["unsealed@example.test"], &[]).await;
    let (sender, reader) = (site.send(|_| {}), site.read(|_| {}));
    let put_off = "SELECT count(*) FROM delivery_recipients WHERE workspace_id = $1 AND state = 'queued' \
                   AND code IS NULL AND error = 'Postroom could not prepare the message for sending'";
    site.until(put_off, 1).await;
    let failing = "SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND state = 'failing' \
                   AND last_error = 'Postroom could not open the mailbox''s password'";
    site.until(failing, 1).await;
    site.execute(spoil);
    site.until(&in_state("sent"), 1).await;
    site.until("SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND state = 'reading'", 1).await;
    site.until("SELECT count(*) FROM messages WHERE workspace_id = $1 AND rfc_message_id = 'sealed@x'", 1)
        .await;
    sender.stop().await;
    reader.stop().await;
}
