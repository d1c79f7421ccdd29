use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::time::Duration;

fn key() -> String {
    STANDARD.encode([7; 32])
}

fn mistakes(given: &[(&str, &str)]) -> Vec<String> {
    Config::read(Values::of(given)).unwrap_err().0
}

fn config(more: &[(&str, &str)]) -> Config {
    let key = key();
    let needed = [("database_url", "postgres://postroom@localhost/postroom"), ("master_key", key.as_str())];
    Config::read(Values::of(&[&needed, more].concat())).unwrap()
}

#[test]
fn database_and_master_key_are_enough() {
    let config = config(&[]);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert!(config.store.blobs.path().ends_with("/.local/data/blobs/"), "{}", config.store.blobs);
    assert_eq!(config.store.database.size, 16);
    assert_eq!(config.http.limits, LimitSettings::default());
    assert_eq!(config.ingest.lease, LeaseTimes::default());
    assert_eq!(config.http.live, LiveTimes::default());
    assert!(config.http.cors_origins.is_empty() && !config.http.cross_site_cookie);
}

#[test]
fn defaults_of_the_workers_are_those_of_the_table() {
    let network = Network::new(client_config(None).unwrap(), AllowNets::default(), Timeouts::default());
    let (ingest, deliver) = (IngestSettings::new(network.clone()), DeliverSettings::new(network));
    let read = config(&[]);
    assert_eq!(read.ingest.network.timeouts(), ingest.network.timeouts());
    assert_eq!((read.ingest.lease, read.ingest.mailboxes), (ingest.lease, ingest.mailboxes));
    assert_eq!((read.ingest.poll_every, read.ingest.sent_every), (ingest.poll_every, ingest.sent_every));
    assert_eq!(read.ingest.first_pause, ingest.first_pause);
    assert_eq!((read.deliver.lease, read.deliver.at_once), (deliver.lease, deliver.at_once));
    assert_eq!(
        (read.deliver.first_retry, read.deliver.search_for),
        (deliver.first_retry, deliver.search_for)
    );
    assert_eq!(read.deliver.copy_wait, deliver.copy_wait);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let told = mistakes(&[
        ("database_url", "mysql://x"),
        ("master_key", "c2hvcnQ="),
        ("listen", "nowhere"),
        ("cors_origins", "https://good.example, https://bad.example/"),
        ("cookie_samesite", "strict"),
        ("mail_allow_nets", "10.0.0.0/8, everywhere"),
        ("mail_ca_file", "/no/such/file"),
        ("lease", "soon"),
        ("log", "postroom=loud"),
        ("databse_url", "postgres://typing/error"),
    ]);
    let names: Vec<&str> = told.iter().map(|mistake| mistake.split(':').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "POSTROOM_DATABSE_URL",
            "POSTROOM_DATABASE_URL",
            "POSTROOM_MASTER_KEY",
            "POSTROOM_LISTEN",
            "POSTROOM_CORS_ORIGINS",
            "POSTROOM_COOKIE_SAMESITE",
            "POSTROOM_MAIL_ALLOW_NETS",
            "POSTROOM_MAIL_CA_FILE",
            "POSTROOM_LEASE",
            "POSTROOM_LOG",
        ]
    );
}

#[test]
fn durations_have_bounds() {
    assert_eq!(
        mistakes(&[
            ("database_url", "postgres://postroom@localhost/postroom"),
            ("master_key", &key()),
            ("statement_timeout", "0s"),
            ("lease", "999ms"),
            ("ingest_poll", "30m"),
            ("ingest_sent_poll", "soon"),
            ("deliver_search", "1day"),
        ]),
        [
            "POSTROOM_STATEMENT_TIMEOUT: this is less than 100ms",
            "POSTROOM_LEASE: this is less than 1s",
            "POSTROOM_INGEST_POLL: this is more than 29m",
            "POSTROOM_INGEST_SENT_POLL: this is no duration such as 500ms, 15s or 5m",
            "POSTROOM_DELIVER_SEARCH: this is more than 1h",
        ]
    );
    let edge = config(&[("lease", "1s"), ("ingest_poll", "29m")]);
    assert_eq!(
        (edge.ingest.lease.lasts, edge.ingest.poll_every),
        (Duration::from_secs(1), Duration::from_secs(29 * 60))
    );
    assert!(edge.ingest.lease.renewed_every * 3 <= edge.ingest.lease.lasts);
}

/// A text that were no duration would be no bound.
#[test]
fn bounds_are_durations() {
    for setting in table::GROUPS.iter().flat_map(|group| group.settings) {
        if let Some((least, most)) = setting.bounds {
            let [least, most] = [least, most].map(|text| humantime::parse_duration(text).unwrap());
            assert!(Duration::ZERO < least && least < most, "{}", setting.name);
        }
    }
}

#[test]
fn what_must_be_given_is_missed_by_name() {
    assert_eq!(
        mistakes(&[("database_url", "  ")]),
        ["POSTROOM_DATABASE_URL: must be given", "POSTROOM_MASTER_KEY: must be given"]
    );
}

#[test]
fn secrets_are_in_no_message_and_no_debug_print() {
    let secret = STANDARD.encode([42; 31]);
    let told = mistakes(&[("database_url", "mysql://u:hunter2@h/d"), ("master_key", &secret)]);
    assert!(
        told.iter().all(|mistake| !mistake.contains("hunter2") && !mistake.contains(&secret)),
        "{told:?}"
    );
    let printed = format!("{:?}", config(&[("database_url", "postgres://u:hunter2@h/d")]));
    assert!(!printed.contains("hunter2") && !printed.contains(&key()), "{printed}");
}

#[test]
fn origins_are_taken_as_browsers_send_them() {
    let origins =
        config(&[("cors_origins", "https://app.example.com,http://localhost:5173")]).http.cors_origins;
    assert_eq!(origins, ["https://app.example.com", "http://localhost:5173"]);
}

#[test]
fn a_public_url_has_no_slash_at_its_end() {
    let url = config(&[("public_url", "https://mail.example.com/")]).http.public_url;
    assert_eq!(url.as_deref(), Some("https://mail.example.com"));
}

#[test]
fn mail_of_our_own_takes_a_server_a_sender_and_a_page() {
    assert!(config(&[]).system_mail.is_none());
    let url = ("system_smtp_url", "smtps://post:swordfish@mail.acme.example");
    let told = mistakes(&[("database_url", "postgres://localhost/p"), ("master_key", &key()), url]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("POSTROOM_SYSTEM_FROM") && told[1].starts_with("POSTROOM_APP_URL"));
    let wrong =
        [("system_smtp_url", "mail.acme.example:swordfish"), ("system_from", "nobody"), ("app_url", "acme")];
    let told = mistakes(&[
        ("database_url", "postgres://localhost/p"),
        ("master_key", &key()),
        wrong[0],
        wrong[1],
        wrong[2],
    ]);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(!told.iter().any(|line| line.contains("swordfish")), "{told:?}");
    for (text, name) in [("Acme <post@acme.example>", Some("Acme")), ("post@acme.example", None)] {
        let read = config(&[url, ("system_from", text), ("app_url", "https://app.acme.example/")]);
        let mail = read.system_mail.unwrap();
        assert_eq!((mail.from.name.as_deref(), mail.from.address.as_str()), (name, "post@acme.example"));
        assert_eq!(mail.app_url, "https://app.acme.example");
        assert!(!format!("{mail:?}").contains("swordfish"));
    }
}
