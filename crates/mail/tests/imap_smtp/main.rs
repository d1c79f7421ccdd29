//! The protocols against real servers (Dovecot and exim), and against servers that misbehave.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod deliver;
mod deliver_faults;
mod deliver_files;
mod faulty;
mod imap_faults;
mod imap_folders;
mod imap_reading;
mod ingest;
mod ingest_faults;
mod ingest_folders;
mod ingest_servers;
mod odd_server;
mod site;
mod smtp_delivery;
mod smtp_faults;
mod tokens;

use std::path::Path;
use std::time::Duration;

use postroom_mail::net::{Endpoint, Network, Security, Timeouts, client_config};
use postroom_mail::{Login, Secret};
use postroom_testkit::mail::{MailServers, PASSWORD};

/// The mail servers that all tests share; each test has addresses of its own.
fn servers() -> &'static MailServers {
    MailServers::shared().expect("Dovecot and exim start")
}

/// A network that trusts the test servers' authority and allows loopback.
fn network() -> Network {
    network_with(Some(servers().ca_file()), Timeouts::default())
}

fn network_with(ca_file: Option<&Path>, timeouts: Timeouts) -> Network {
    let tls = client_config(ca_file).expect("the CA file is good");
    Network::new(tls, "127.0.0.0/8".parse().expect("a network"), timeouts)
}

/// For servers that misbehave: no TLS, short time-outs.
fn hasty_network() -> Network {
    let short = Timeouts { connect: Duration::from_secs(2), io: Duration::from_millis(500) };
    network_with(Some(servers().ca_file()), short)
}

fn at(port: u16, security: Security) -> Endpoint {
    Endpoint { host: "localhost".to_owned(), port, security }
}

fn login(address: &str) -> Login {
    Login { username: address.to_owned(), secret: Secret::Password(PASSWORD.into()) }
}

/// A small mail with a subject.
fn mail(message_id: &str, subject: &str) -> Vec<u8> {
    format!(
        "Message-ID: <{message_id}>\r\nFrom: Ann <ann@example.com>\r\nTo: team@example.test\r\n\
         Date: Sat, 7 Feb 2026 12:00:00 +0100\r\nSubject: {subject}\r\n\r\nHello,\r\n.\r\n..dots\r\nThis is {message_id}.\r\n\r\nAnn\r\n"
    )
    .into_bytes()
}
