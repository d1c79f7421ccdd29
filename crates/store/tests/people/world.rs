//! A database of the test's own, with workspaces and users in it.

use base64::{Engine, engine::general_purpose::STANDARD};
use postroom_domain::{
    access::{Actor, Role},
    address::EmailAddress,
    ids::{UserId, WorkspaceId},
};
use postroom_store::{
    MasterKey, NewCredentials, NewMailbox, NewUser, NewWorkspace, Ownership, PoolSettings, Security,
    SentCopy, Server, Store, StoreSettings,
};
use postroom_testkit::postgres::Cluster;
use std::path::{Path, PathBuf};
use uuid::Uuid;

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) database: String,
    pub(crate) directory: PathBuf,
}

pub(crate) fn cluster() -> &'static Cluster {
    Cluster::shared().unwrap()
}

/// A master key of 32 equal letters.
pub(crate) fn master_key(letter: char) -> MasterKey {
    let text = STANDARD.encode(letter.to_string().repeat(32));
    MasterKey::from_base64(&text.into()).unwrap()
}

pub(crate) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let database = cluster().migrated_database().unwrap();
        let directory = std::env::temp_dir().join(format!("postroom-store-{}", Uuid::new_v4()));
        let store = open(&database, &directory, master_key('A'));
        Self { store, database, directory }
    }

    /// The same database by another process's eyes.
    pub(crate) fn with_key(&self, key: MasterKey) -> Store {
        open(&self.database, &self.directory, key)
    }

    /// A workspace with its owner, its feature enabled.
    pub(crate) async fn workspace(&self, slug: &str) -> Actor {
        let owner = self.bare_workspace(slug).await;
        assert!(self.store.enable_conversations(slug).await.unwrap());
        owner
    }

    /// A workspace with its owner, without the feature.
    pub(crate) async fn bare_workspace(&self, slug: &str) -> Actor {
        let made = self.store.create_workspace(&new_workspace(slug)).await.unwrap();
        Actor::new(made.id, made.owner_id, Role::Owner)
    }

    pub(crate) async fn user(&self, slug: &str, name: &str, role: Role) -> Actor {
        let new = NewUser {
            workspace: slug.into(),
            email: email(&format!("{name}@{slug}.example")),
            name: name.into(),
            role,
            password_hash: "hash".into(),
        };
        let user_id: UserId = self.store.create_user(&new).await.unwrap();
        let workspace_id: WorkspaceId = self.store.workspace_id(slug).await.unwrap();
        Actor::new(workspace_id, user_id, role)
    }

    pub(crate) fn execute(&self, sql: &str) {
        cluster().execute(&self.database, sql).unwrap();
    }

    pub(crate) fn count(&self, sql: &str) -> i64 {
        cluster().count(&self.database, sql, &[]).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A directory that stays behind is the machine's to clean.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn open(database: &str, directory: &Path, master_key: MasterKey) -> Store {
    let mut pool = PoolSettings::new(cluster().url(database).into());
    pool.size = 8;
    let blobs = url::Url::from_directory_path(directory).unwrap();
    Store::open(&StoreSettings { database: pool, blobs, master_key }).unwrap()
}

pub(crate) fn new_workspace(slug: &str) -> NewWorkspace {
    NewWorkspace {
        slug: slug.into(),
        name: slug.to_uppercase(),
        owner_email: email(&format!("owner@{slug}.example")),
        owner_name: "Olga Owner".into(),
        owner_password_hash: "hash of the owner".into(),
    }
}

pub(crate) fn new_mailbox(address: &str, ownership: Ownership) -> NewMailbox {
    let server = |port| Server {
        host: "mail.example".into(),
        port,
        security: Security::Tls,
        username: address.into(),
    };
    NewMailbox {
        address: email(address),
        display_name: "Support".into(),
        ownership,
        conversation_starts_on: None,
        imap: server(993),
        smtp: server(465),
        credentials: NewCredentials::Passwords { imap: "imap password".into(), smtp: "smtp password".into() },
        authserv_id: None,
        sent_copy: SentCopy::Auto,
        backfill_days: 30,
        folders: Vec::new(),
    }
}
