//! A workspace with mailboxes, for the workers: its own database and blob store.

use std::time::Duration;

use postroom_domain::access::{Actor, Role};
use postroom_domain::address::{EmailAddress, NamedAddress};
use postroom_domain::ids::MailboxId;
use postroom_domain::reply::Written;
use postroom_mail::deliver::{self, DeliverSettings};
use postroom_mail::ingest::{self, IngestSettings};
use postroom_mail::net::{Network, Timeouts};
use postroom_store::{
    MasterKey, NewCredentials, NewMailDraft, NewMailbox, NewWorkspace, Outcome, Ownership, PoolSettings,
    Security, SentCopy, Server, Store, StoreSettings, StoredAnswer,
};
use postroom_testkit::mail::{PASSWORD, Ports};
use postroom_testkit::postgres::Cluster;
use postroom_testkit::process;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{network_with, servers};

pub(crate) struct Site {
    database: String,
    pub(crate) store: Store,
    pub(crate) owner: Actor,
}

/// A worker that runs until it is stopped.
pub(crate) struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Stops it properly; panics if it does not end in time.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .expect("ends in time")
            .expect("no panic");
    }

    /// Ends it as a kill does: no word to anybody.
    pub(crate) fn kill(self) {
        self.task.abort();
    }
}

impl Site {
    /// An empty workspace with Conversations.
    pub(crate) async fn new() -> Self {
        let cluster = Cluster::shared().expect("PostgreSQL starts");
        let database = cluster.migrated_database().expect("a database");
        let blobs = process::temporary_directory("blobs").expect("a directory");
        let settings = StoreSettings {
            database: PoolSettings::new(cluster.url(&database).into()),
            blobs: url::Url::from_directory_path(&blobs).expect("an absolute path"),
            master_key: MasterKey::from_base64(
                &"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned().into(),
            )
            .expect("a key"),
        };
        let store = Store::open(&settings).expect("the store opens");
        let workspace = NewWorkspace {
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            owner_email: EmailAddress::parse("owner@example.test").expect("an address"),
            owner_name: "Olga Owner".to_owned(),
            owner_password_hash: "x".to_owned(),
        };
        let created = store.create_workspace(&workspace).await.expect("a workspace");
        store.enable_conversations("acme").await.expect("enabled");
        let owner = Actor::new(created.id, created.owner_id, Role::Owner);
        Self { database, store, owner }
    }

    /// Connects a shared mailbox on the shared test servers.
    pub(crate) async fn mailbox(&self, address: &str) -> MailboxId {
        let Ports { imaps, smtps, .. } = servers().ports();
        self.mailbox_at(address, (imaps, Security::Tls), (smtps, Security::Tls), PASSWORD).await
    }

    pub(crate) async fn mailbox_at(
        &self,
        address: &str,
        imap: (u16, Security),
        smtp: (u16, Security),
        password: &str,
    ) -> MailboxId {
        let server = |(port, security)| Server {
            host: "localhost".to_owned(),
            port,
            security,
            username: address.to_owned(),
        };
        let new = NewMailbox {
            address: EmailAddress::parse(address).expect("an address"),
            display_name: "Team".to_owned(),
            ownership: Ownership::Shared(None),
            conversation_starts_on: None,
            imap: server(imap),
            smtp: server(smtp),
            credentials: NewCredentials::Passwords { imap: password.into(), smtp: password.into() },
            authserv_id: None,
            sent_copy: SentCopy::Auto,
            backfill_days: 30,
            folders: Vec::new(),
        };
        let answer = |_: &_| StoredAnswer { status: 201, location: None, body: Vec::new() };
        match self.store.create_mailbox(&self.owner, &new, None, answer).await.expect("a mailbox") {
            Outcome::Done(mailbox) => mailbox.id,
            Outcome::Replayed(_) => panic!("nothing to replay"),
        }
    }

    /// Starts a reading worker with waits that suit tests.
    pub(crate) fn read(&self, change: impl FnOnce(&mut IngestSettings)) -> Running {
        let mut settings = ingest_settings(super::network());
        change(&mut settings);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(ingest::run(self.store.clone(), settings, shutdown.clone()));
        Running { shutdown, task }
    }

    /// Starts a sending worker with waits that suit tests.
    pub(crate) fn send(&self, change: impl FnOnce(&mut DeliverSettings)) -> Running {
        let mut settings = deliver_settings(super::network());
        change(&mut settings);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(deliver::run(self.store.clone(), settings, shutdown.clone()));
        Running { shutdown, task }
    }

    /// Writes a new mail through a mailbox, due at once; gives its subject, by which it is known.
    pub(crate) async fn write(&self, mailbox_id: MailboxId, subject: &str, to: &[&str], bcc: &[&str]) {
        self.execute("UPDATE workspaces SET undo_send_seconds = 0");
        let named = |list: &[&str]| -> Vec<NamedAddress> {
            list.iter()
                .map(|text| NamedAddress::bare(EmailAddress::parse(text).expect("an address")))
                .collect()
        };
        let draft = NewMailDraft {
            mailbox_id,
            to: named(to),
            cc: Vec::new(),
            bcc: named(bcc),
            subject: subject.to_owned(),
            body: Written { text: "Hello,\n.\nOlga\n".to_owned(), html: "<p>Hello,</p>".to_owned() },
            preview: "Hello,".to_owned(),
            signature: None,
            attachment_ids: Vec::new(),
            request: serde_json::Value::Null,
        };
        let answer = |_: &_| StoredAnswer { status: 201, location: None, body: Vec::new() };
        self.store.new_mail(&self.owner, draft, None, answer).await.expect("accepted");
    }

    /// The one number that a query gives; `$1` stands for the workspace.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        let cluster = Cluster::shared().expect("PostgreSQL runs");
        let sql = sql.replace("$1", &format!("'{}'", self.owner.workspace_id));
        cluster.count(&self.database, &sql, &[]).expect("a number")
    }

    /// Waits until a query gives this number.
    pub(crate) async fn until(&self, sql: &str, wanted: i64) {
        let mut last = -1;
        for _ in 0..300 {
            last = self.count(sql);
            if last == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{sql}: {last} instead of {wanted}");
    }

    pub(crate) fn execute(&self, sql: &str) {
        Cluster::shared().expect("PostgreSQL runs").execute(&self.database, sql).expect("a statement");
    }
}

fn deliver_settings(network: Network) -> DeliverSettings {
    DeliverSettings {
        claim_every: Duration::from_millis(50),
        first_retry: Duration::from_millis(100),
        search_for: Duration::from_secs(1),
        search_every: Duration::from_millis(200),
        copy_wait: Duration::from_millis(100),
        copy_retry: Duration::from_millis(200),
        grace: Duration::from_secs(2),
        ..DeliverSettings::new(network)
    }
}

pub(crate) fn ingest_settings(network: Network) -> IngestSettings {
    IngestSettings {
        claim_every: Duration::from_millis(100),
        poll_every: Duration::from_secs(2),
        poll_without_idle: Duration::from_millis(100),
        settle: Duration::from_millis(100),
        sent_every: Duration::from_millis(500),
        settings_every: Duration::from_millis(200),
        synced_every: Duration::ZERO,
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(100),
        message_pause: Duration::from_millis(10),
        command_time: Duration::from_secs(10),
        ..IngestSettings::new(network)
    }
}

/// For mailboxes on servers that misbehave: short time-outs.
pub(crate) fn impatient_settings() -> IngestSettings {
    let short = Timeouts { connect: Duration::from_secs(2), io: Duration::from_millis(500) };
    let mut settings = ingest_settings(network_with(Some(servers().ca_file()), short));
    settings.command_time = Duration::from_secs(2);
    settings
}
