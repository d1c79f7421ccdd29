//! The reading worker and mail servers as they are: restarted, silent, slow, with other UIDs, badly certified. Each test
//! counts what was lost and what came twice.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use postroom_mail::ingest::IngestSettings;
use postroom_store::Security;
use postroom_testkit::mail::{Delivery, Flaw, FlawedCertificate, MailServers, PASSWORD};
use postroom_testkit::process;
use postroom_testkit::proxy::{Pace, Protocol, Proxy};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::odd_server::{Fault, OddServer, Quirks};
use super::site::{Site, impatient_settings};
use super::{mail, network_with, servers};

const MESSAGES: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1";
const DIFFERENT: &str = "SELECT count(DISTINCT rfc_message_id) FROM messages WHERE workspace_id = $1";
const IMPORTED: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1 AND imported";
const LISTED: &str = "SELECT count(*) FROM intake WHERE workspace_id = $1";

fn seed(servers: &MailServers, address: &str, ids: impl Iterator<Item = String>) {
    let mails: Vec<Delivery> =
        ids.map(|id| Delivery::new("ann@example.com", address, mail(&id, "seeded"))).collect();
    servers.seed(&mails).expect("LMTP takes them");
}

/// So many messages, each once, and nothing in the intake list.
async fn each_once(site: &Site, messages: i64) {
    site.until(MESSAGES, messages).await;
    assert_eq!((site.count(DIFFERENT), site.count(LISTED)), (messages, 0));
}

/// Counts 1 once there are so many messages.
fn at_least(messages: i64) -> String {
    format!("SELECT count(*) FROM ({MESSAGES} HAVING count(*) >= {messages}) enough")
}

/// What the mailbox's owner is told.
async fn told(site: &Site, address: &str, last_error: &str) {
    let told = format!(
        "SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND address = '{address}' \
         AND state IN ('failing', 'refused') AND last_error = '{last_error}'"
    );
    site.until(&told, 1).await;
}

fn impatient(settings: &mut IngestSettings) {
    let impatient = impatient_settings();
    settings.network = impatient.network;
    settings.command_time = impatient.command_time;
    settings.poll_every = Duration::from_millis(300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_while_it_is_read_loses_and_doubles_nothing() {
    let own = MailServers::start(&process::temporary_directory("mail").unwrap()).unwrap();
    let site = Site::new().await;
    let address = "team@example.test";
    seed(&own, address, (0..300).map(|n| format!("r-{n}@x")));
    let imap = (own.ports().imaps, Security::Tls);
    site.mailbox_at(address, imap, (own.ports().smtps, Security::Tls), PASSWORD).await;
    let ca = own.ca_file().to_owned();
    let worker = site.read(move |settings| {
        settings.network = network_with(Some(&ca), settings.network.timeouts());
    });
    site.until(&at_least(50), 1).await;
    own.kill_imap().unwrap();
    own.start_imap().unwrap();
    site.until(&at_least(150), 1).await;
    // Properly: it says BYE.
    own.stop_imap().unwrap();
    own.start_imap().unwrap();
    seed(&own, address, std::iter::once("r-300@x".to_owned()));
    each_once(&site, 301).await;
    worker.stop().await;
}

/// No answer and no end of the connection, while it waits for news and while it fetches: others go on, the owner is told,
/// and afterwards nothing is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_half_open_is_given_up_and_replaced() {
    let site = Site::new().await;
    let (address, beside) = ("team.halfopen@example.test", "team.halfopen-beside@example.test");
    let proxy = Proxy::start(Protocol::Imap, servers().ports().imap).unwrap();
    let smtp = (servers().ports().smtps, Security::Tls);
    seed(servers(), address, std::iter::once("h-0@x".to_owned()));
    site.mailbox_at(address, (proxy.port(), Security::None), smtp, PASSWORD).await;
    site.mailbox(beside).await;
    let worker = site.read(impatient);
    each_once(&site, 1).await;
    let reading = "SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND state = 'reading' \
                   AND last_synced_at IS NOT NULL";
    site.until(reading, 2).await;

    proxy.freeze(true);
    seed(servers(), address, (1..40).map(|n| format!("h-{n}@x")));
    servers().deliver("ann@example.com", beside, &mail("beside@x", "beside")).unwrap();
    each_once(&site, 2).await;
    told(&site, address, "timed out").await;
    proxy.freeze(false);
    // Its next fetch stands still, too.
    site.until(&at_least(4), 1).await;
    proxy.freeze(true);
    seed(servers(), address, std::iter::once("h-40@x".to_owned()));
    told(&site, address, "timed out").await;
    proxy.freeze(false);
    each_once(&site, 42).await;
    worker.stop().await;
}

/// Byte by byte; and a message for which a slow line needs longer than any other command may take.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_read_at_its_pace_and_holds_up_nobody() {
    let site = Site::new().await;
    let (address, beside) = ("team.slow@example.test", "team.slow-beside@example.test");
    let proxy = Proxy::start(Protocol::Imap, servers().ports().imap).unwrap();
    proxy.slow(Some(Pace { bytes: 1, pause: Duration::from_millis(1) }));
    let smtp = (servers().ports().smtps, Security::Tls);
    seed(servers(), address, (0..3).map(|n| format!("s-{n}@x")));
    servers().deliver("ann@example.com", beside, &mail("beside@x", "beside")).unwrap();
    site.mailbox_at(address, (proxy.port(), Security::None), smtp, PASSWORD).await;
    let worker = site.read(|settings| settings.command_time = Duration::from_secs(8));
    site.mailbox(beside).await;
    site.until(&format!("{MESSAGES} AND rfc_message_id = 'beside@x'"), 1).await;
    each_once(&site, 4).await;
    worker.stop().await;

    let mut large = mail("large@x", "a large one");
    large.extend(b"0123456789abcdef\r\n".repeat(16_000));
    servers().mailbox(address).append("INBOX", &large, None).unwrap();
    proxy.slow(Some(Pace { bytes: 256, pause: Duration::from_millis(2) }));
    let begun = Instant::now();
    let worker = site.read(|settings| settings.command_time = Duration::from_secs(1));
    each_once(&site, 5).await;
    assert!(begun.elapsed() > Duration::from_secs(1), "it was not slow: {:?}", begun.elapsed());
    worker.stop().await;
}

/// MAIL-3, CNV-10: what is known stays as it is, what came meanwhile is read and announced to nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_numbers_its_mail_anew_is_read_anew() {
    let dir = process::temporary_directory("mail").unwrap();
    let own = MailServers::start(&dir).unwrap();
    let site = Site::new().await;
    let address = "team@example.test";
    seed(&own, address, (0..10).map(|n| format!("v-{n}@x")));
    let imap = (own.ports().imaps, Security::Tls);
    site.mailbox_at(address, imap, (own.ports().smtps, Security::Tls), PASSWORD).await;
    site.execute("UPDATE mailboxes SET conversation_starts_on = 'first_inbound'");
    let ca = own.ca_file().to_owned();
    let worker = site.read(move |settings| {
        settings.network = network_with(Some(&ca), settings.network.timeouts());
    });
    each_once(&site, 10).await;
    own.deliver("ann@example.com", address, &mail("v-10@x", "new")).unwrap();
    each_once(&site, 11).await;
    let unread = "SELECT count(*) FROM conversations WHERE workspace_id = $1 AND unread";
    let before = (site.count(IMPORTED), site.count(unread));
    assert_eq!(before.0, 10);

    own.kill_imap().unwrap();
    let validity = "SELECT max(uid_validity) FROM folders WHERE workspace_id = $1 AND role = 'inbox'";
    let old = site.count(validity);
    let maildir = own.maildir(address);
    for entry in std::fs::read_dir(&maildir).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("dovecot") {
            std::fs::remove_file(path).unwrap();
        }
    }
    // UIDVALIDITY is the second at which Dovecot numbers anew.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    own.start_imap().unwrap();
    seed(&own, address, (11..13).map(|n| format!("v-{n}@x")));
    each_once(&site, 13).await;
    site.until("SELECT count(*) FROM folders WHERE workspace_id = $1 AND role = 'inbox' AND backfill_uid = backfill_end", 1).await;
    assert_ne!(site.count(validity), old, "Dovecot has numbered anew");
    assert_eq!((site.count(IMPORTED), site.count(unread)), (12, before.1));
    // And what comes now is new.
    own.deliver("ann@example.com", address, &mail("v-13@x", "new again")).unwrap();
    each_once(&site, 14).await;
    assert_eq!(site.count(IMPORTED), 12);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_and_goodbyes_in_the_middle_of_a_batch_cost_no_message() {
    let (server, port) = OddServer::start(
        &[
            (1, Fault::None),
            (2, Fault::Noise),
            (3, Fault::Understated),
            (4, Fault::Bye),
            (5, Fault::Noise),
            (6, Fault::None),
        ],
        Quirks { without_idle: true, ..Quirks::default() },
    );
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.noise@example.test", (port, Security::None), smtp, "any").await;
    let worker = site.read(impatient);
    each_once(&site, 6).await;
    // It announces nothing: it is asked.
    server.add(7);
    each_once(&site, 7).await;
    worker.stop().await;
}

/// MAIL-2, with the product's own limits.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_60_mib_is_kept_by_its_header() {
    let site = Site::new().await;
    let address = "team.huge@example.test";
    let mut huge = mail("huge@x", "a huge one");
    huge.extend(b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n".repeat(1024 * 1024));
    assert!(huge.len() > 60 * 1024 * 1024);
    let mailbox = servers().mailbox(address);
    mailbox.append("INBOX", &mail("small@x", "a small one"), None).unwrap();
    mailbox.append("INBOX", &huge, None).unwrap();
    mailbox.append("INBOX", &mail("another@x", "another small one"), None).unwrap();
    site.mailbox(address).await;
    let worker = site.read(|_| {});
    site.until(MESSAGES, 3).await;
    assert_eq!(site.count(DIFFERENT), 3);
    let noticed = "SELECT count(*) FROM message_bodies b JOIN messages m ON m.id = b.message_id \
                   WHERE b.workspace_id = $1 AND m.subject = 'a huge one' AND b.notices::text LIKE '%only its header%'";
    assert_eq!(site.count(noticed), 1);
    worker.stop().await;
}

/// A TLS server that presents this certificate and comes no further; gives its port.
fn presents(certificate: &FlawedCertificate) -> u16 {
    let chain = vec![CertificateDer::from_pem_slice(certificate.server.as_bytes()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
            while tls.is_handshaking() && tls.complete_io(&mut socket).is_ok() {}
            let _ = rustls::Stream::new(&mut tls, &mut socket).write_all(b"* OK ready\r\n");
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_certificate_or_password_is_told_and_others_go_on() {
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    let mut authorities = std::fs::read_to_string(servers().ca_file()).unwrap();
    for (flaw, name) in [(Flaw::Expired, "expired"), (Flaw::OtherName, "other"), (Flaw::SelfSigned, "self")] {
        let certificate = FlawedCertificate::with(flaw).unwrap();
        let imap = (presents(&certificate), Security::Tls);
        site.mailbox_at(&format!("team.{name}@example.test"), imap, smtp, PASSWORD).await;
        authorities.push_str(&certificate.ca);
    }
    let imap = (servers().ports().imaps, Security::Tls);
    site.mailbox_at("team.password@example.test", imap, smtp, "not it").await;
    let well = "team.certified@example.test";
    servers().deliver("ann@example.com", well, &mail("certified@x", "well")).unwrap();
    site.mailbox(well).await;
    let ca = process::temporary_directory("ca").unwrap().join("ca.pem");
    std::fs::write(&ca, authorities).unwrap();
    let worker = site.read(|settings| {
        settings.network = network_with(Some(&ca), settings.network.timeouts());
    });
    for (name, error) in [
        ("expired", "certificate not valid: expired"),
        ("other", "certificate not valid: issued for another name"),
        ("self", "certificate not valid: unknown issuer"),
        ("password", "refused login"),
    ] {
        told(&site, &format!("team.{name}@example.test"), error).await;
    }
    each_once(&site, 1).await;
    worker.stop().await;
}
