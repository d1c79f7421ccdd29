//! One installation of Postroom with a workspace in it, for one test.

use std::time::Duration;

use postroom_testkit::{
    Result,
    client::{Anonymous, Caller, SignedIn},
    letter::{Letter, Received},
    mail::{MailServers, PASSWORD},
    postgres::Cluster,
    process::{temporary_directory, wait_for},
    server::{Installation, Person, Server},
};
use serde_json::{Value, json};

/// The slug of the one workspace.
pub(crate) const WORKSPACE: &str = "acme";

/// Time for what should happen within moments, on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A database, a running server and the shared mail servers. Each world has domains of its own, so that tests
/// don't meet in a mailbox.
pub(crate) struct World {
    pub(crate) mail: &'static MailServers,
    pub(crate) cluster: &'static Cluster,
    pub(crate) database: String,
    pub(crate) installation: Installation,
    /// The address of its API.
    pub(crate) base: String,
    server: Option<Server>,
    name: String,
}

impl World {
    /// With a workspace whose owner is Olga, and Conversations enabled.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    /// The same, with further settings.
    pub(crate) fn with(name: &str, settings: impl FnOnce(&mut Installation)) -> Self {
        let cluster = Cluster::shared().unwrap();
        let mail = MailServers::shared().unwrap();
        let database = cluster.migrated_database().unwrap();
        let dir = temporary_directory(name).unwrap();
        let mut installation = Installation::new(&cluster.url(&database), &dir).unwrap();
        installation.set("POSTROOM_MAIL_CA_FILE", &mail.ca_file().display().to_string());
        for (name, value) in [
            ("POSTROOM_RATE_LIMIT", "0"),
            ("POSTROOM_RATE_LIMIT_BURST", "0"),
            ("POSTROOM_SIGN_IN_LIMIT_ACCOUNT", "0"),
            ("POSTROOM_SIGN_IN_LIMIT_ADDRESS", "0"),
            // Nothing that is waited for should take longer than it must.
            ("POSTROOM_INGEST_SENT_POLL", "1s"),
            ("POSTROOM_INGEST_RETRY", "200ms"),
            ("POSTROOM_DELIVER_RETRY", "500ms"),
            ("POSTROOM_DELIVER_COPY_WAIT", "100ms"),
            ("POSTROOM_LOG", "info,postroom_api::envelope=warn"),
            ("POSTROOM_LOG_FORMAT", "text"),
        ] {
            installation.set(name, value);
        }
        settings(&mut installation);
        let owner = Person::new("Olga Owner", &format!("olga@{name}.test"));
        installation.make_workspace(WORKSPACE, "Acme Inc.", &owner).unwrap();
        // There is no waiting for somebody to change their mind; the test of that sets its own time.
        cluster.execute(&database, "UPDATE workspaces SET undo_send_seconds = 0").unwrap();
        let server = installation.serve().unwrap();
        let base = server.base().to_owned();
        Self { mail, cluster, database, installation, base, server: Some(server), name: name.to_owned() }
    }

    /// The server, for tests that end it.
    pub(crate) fn take_server(&mut self) -> Server {
        self.server.take().unwrap()
    }

    /// An address of the team.
    pub(crate) fn ours(&self, local: &str) -> String {
        format!("{local}@{}.test", self.name)
    }

    /// An address of a customer.
    pub(crate) fn theirs(&self, local: &str) -> String {
        format!("{local}@customer-{}.test", self.name)
    }

    /// The workspace's owner, signed in.
    pub(crate) fn olga(&self) -> SignedIn {
        self.sign_in("olga")
    }

    /// Makes a user and signs them in. Their address is their first name in small letters.
    pub(crate) fn user(&self, name: &str, role: &str) -> SignedIn {
        let first = name.split(' ').next().unwrap().to_lowercase();
        let person = Person::new(name, &self.ours(&first));
        self.installation.make_user(WORKSPACE, &person, role).unwrap();
        self.sign_in(&first)
    }

    /// Signs in a user that there is.
    pub(crate) fn sign_in(&self, local: &str) -> SignedIn {
        let person = Person::new("", &self.ours(local));
        Anonymous::at(&self.base).sign_in(WORKSPACE, &person.email, &person.password).unwrap()
    }

    /// Connects a shared mailbox over IMAPS and SMTP with STARTTLS; gives what the API answers.
    pub(crate) fn shared_mailbox(&self, by: &SignedIn, address: &str) -> Value {
        let ports = self.mail.ports();
        self.shared_mailbox_at(by, address, (ports.imaps, "tls"), (ports.smtp, "starttls"), "reply")
    }

    /// The same with other ports and securities, and another begin of conversations (CNV-1).
    pub(crate) fn shared_mailbox_at(
        &self,
        by: &SignedIn,
        address: &str,
        imap: (u16, &str),
        smtp: (u16, &str),
        starts_on: &str,
    ) -> Value {
        let account = |(port, security): (u16, &str)| {
            let (host, username, password) = ("127.0.0.1", address, PASSWORD);
            json!({"host": host, "port": port, "security": security, "username": username, "password": password})
        };
        let body = json!({
            "address": address, "display_name": "Acme Support", "kind": "shared",
            "conversation_starts_on": starts_on,
            "imap": account(imap), "smtp": account(smtp),
        });
        let mailbox = by.post("/v1/mailboxes", &body).unwrap().expect(201).unwrap();
        let path = format!("/v1/mailboxes/{}", text(&mailbox, "/id"));
        eventually("the mailbox is read", || {
            let mailbox = by.get(&path)?.expect(200)?;
            Ok(mailbox["last_synced_at"].is_string().then_some(()))
        });
        mailbox
    }

    /// Sends a letter through the SMTP server.
    pub(crate) fn send(&self, letter: &Letter) {
        self.mail.deliver_all(&[letter.delivery().unwrap()]).unwrap();
    }

    /// The mails in somebody's inbox, when there are at least so many.
    pub(crate) fn inbox(&self, address: &str, at_least: usize) -> Vec<Received> {
        let mails = self.mail.mailbox(address).wait_for("INBOX", at_least, SOON).unwrap();
        mails.into_iter().map(Received::new).collect()
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> T {
    let mut found = None;
    let waited = wait_for(what, SOON, || {
        found = ask()?;
        Ok(found.is_some())
    });
    match (waited, found) {
        (Ok(()), Some(found)) => found,
        (Err(error), _) => panic!("{error}"),
        (Ok(()), None) => panic!("{what}: nothing was found"),
    }
}

/// The text at a JSON pointer; fails the test where there is none.
#[track_caller]
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer).and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => panic!("no text at {pointer} in {value:#}"),
    }
}
