//! A store over a database of its own, a workspace with people and mailboxes, and mails to put into it.

use chrono::{DateTime, Duration, Utc};
use postroom_domain::{
    access::{Actor, Role},
    address::{EmailAddress, NamedAddress},
    ids::{FolderId, MailboxId, UserId},
    message::RfcMessageId,
    reply::{Segment, SegmentKind, Written},
    subject::{is_reply_subject, subject_key},
    threading::Headers,
};
use postroom_store::{
    Card, FolderRole, FolderStart, IncomingMail, IncomingSource, Ingested, MailboxLease, MasterKey,
    NewCredentials, NewMailbox, NewUser, NewWorkspace, Outcome, Ownership, PoolSettings, ReplyDraft,
    Security, SentCopy, Server, Sort, StatusFilter, Step, Store, StoreError, StoreSettings, StoredAnswer,
    StreamQuery, Track, View,
};
use postroom_testkit::{postgres::Cluster, process::temporary_directory};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::time::Duration as StdDuration;

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) cluster: &'static Cluster,
    pub(crate) database: String,
    pub(crate) owner: Actor,
    pub(crate) member: Actor,
}

/// A mailbox that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) lease: MailboxLease,
    pub(crate) folder: FolderId,
    pub(crate) id: MailboxId,
}

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn named(text: &str) -> NamedAddress {
    NamedAddress::bare(address(text))
}

impl World {
    pub(crate) async fn new() -> Self {
        let cluster = Cluster::shared().unwrap();
        let database = tokio::task::spawn_blocking(|| cluster.migrated_database().unwrap()).await.unwrap();
        let store = open(cluster, &database);
        let made = store
            .create_workspace(&NewWorkspace {
                slug: "acme".into(),
                name: "Acme".into(),
                owner_email: address("olga@acme.test"),
                owner_name: "Olga".into(),
                owner_password_hash: "-".into(),
            })
            .await
            .unwrap();
        store.enable_conversations("acme").await.unwrap();
        let member = store
            .create_user(&NewUser {
                workspace: "acme".into(),
                email: address("tom@acme.test"),
                name: "Tom".into(),
                role: Role::TeamMember,
                password_hash: "-".into(),
            })
            .await
            .unwrap();
        let actor = |user_id: UserId, role| Actor::new(made.id, user_id, role);
        Self {
            owner: actor(made.owner_id, Role::Owner),
            member: actor(member, Role::TeamMember),
            store,
            cluster,
            database,
        }
    }

    /// Another process on the same database.
    pub(crate) fn another(&self) -> Store {
        open(self.cluster, &self.database)
    }

    /// Waits until so many processes listen to what others say.
    pub(crate) async fn listened(&self, processes: i64) {
        const LISTENING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name = 'postroom listener' AND query LIKE '%LISTEN%' AND state = 'idle'";
        while self.count(LISTENING).await != processes {
            tokio::time::sleep(StdDuration::from_millis(10)).await;
        }
    }

    /// Connects a shared mailbox and begins to read its inbox.
    pub(crate) async fn mailbox(&self, at: &str) -> Reader {
        self.mailbox_of(at, Ownership::Shared(None), FolderRole::Inbox).await
    }

    pub(crate) async fn mailbox_of(&self, at: &str, ownership: Ownership, role: FolderRole) -> Reader {
        let server =
            Server { host: "127.0.0.1".into(), port: 143, security: Security::None, username: at.into() };
        let new = NewMailbox {
            address: address(at),
            display_name: String::new(),
            ownership,
            conversation_starts_on: None,
            imap: server.clone(),
            smtp: server,
            credentials: NewCredentials::Passwords { imap: "secret".into(), smtp: "secret".into() },
            authserv_id: None,
            sent_copy: SentCopy::Auto,
            backfill_days: 30,
            folders: Vec::new(),
        };
        let answer = |_: &_| StoredAnswer { status: 201, location: None, body: vec![] };
        let Outcome::Done(mailbox) =
            self.store.create_mailbox(&self.owner, &new, None, answer).await.unwrap()
        else {
            panic!("a new mailbox is no replay")
        };
        let leases = self.store.claim_mailboxes(100, StdDuration::from_secs(600)).await.unwrap();
        let lease = leases.into_iter().find(|lease| lease.mailbox_id == mailbox.id).unwrap();
        let folder = self.begin(&lease, role).await;
        Reader { lease, folder, id: mailbox.id }
    }

    async fn begin(&self, lease: &MailboxLease, role: FolderRole) -> FolderId {
        let start = FolderStart {
            name: format!("{role:?}"),
            label: format!("{role:?}"),
            role,
            uid_validity: 1,
            live_uid: 1,
            backfill_uid: 1,
            backfill_total: 0,
        };
        self.store.begin_folder(lease, start).await.unwrap().id
    }

    /// The next step of the reader's folder.
    pub(crate) async fn step(&self, reader: &Reader) -> Step {
        let folders = self.store.folders(&reader.lease).await.unwrap();
        let at = folders.iter().find(|folder| folder.id == reader.folder).unwrap().live_uid;
        Step { folder_id: reader.folder, track: Track::Live, uid: at, expected: at }
    }

    pub(crate) async fn deliver(&self, reader: &Reader, mail: IncomingMail) -> Ingested {
        let step = self.step(reader).await;
        self.store.ingest(&reader.lease, &step, mail).await.unwrap()
    }

    pub(crate) async fn stream(&self, actor: &Actor, view: View, status: StatusFilter) -> Vec<Card> {
        let query = StreamQuery { view, status, sort: Sort::Newest, after: None, limit: 100 };
        self.store.stream(actor, &query).await.unwrap().items
    }

    pub(crate) async fn all(&self) -> Vec<Card> {
        self.stream(&self.owner, View::All, StatusFilter::All).await
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let (cluster, database) = (self.cluster, self.database.clone());
        tokio::task::spawn_blocking(move || cluster.count(&database, sql, &[]).unwrap()).await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: String) {
        let (cluster, database) = (self.cluster, self.database.clone());
        tokio::task::spawn_blocking(move || cluster.execute(&database, &sql).unwrap()).await.unwrap();
    }

    pub(crate) async fn reply(
        &self,
        actor: &Actor,
        card: &Card,
    ) -> Result<postroom_store::Message, StoreError> {
        match self.store.reply(actor, card.id, draft("Dear customer"), None, no_answer).await? {
            Outcome::Done(message) => Ok(message),
            Outcome::Replayed(_) => panic!("nothing to replay without a key"),
        }
    }
}

fn open(cluster: &Cluster, database: &str) -> Store {
    let blobs = temporary_directory("blobs").unwrap();
    Store::open(&StoreSettings {
        database: PoolSettings::new(SecretString::from(cluster.url(database))),
        blobs: url::Url::from_directory_path(&blobs).unwrap(),
        master_key: MasterKey::from_base64(&SecretString::from(
            "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
        ))
        .unwrap(),
    })
    .unwrap()
}

pub(crate) fn no_answer(_: &postroom_store::Message) -> StoredAnswer {
    StoredAnswer { status: 201, location: None, body: vec![] }
}

pub(crate) fn written(text: &str) -> Written {
    Written { text: text.into(), html: format!("<p>{text}</p>") }
}

pub(crate) fn draft(text: &str) -> ReplyDraft {
    ReplyDraft {
        to: None,
        cc: None,
        bcc: vec![],
        body: written(text),
        preview: text.into(),
        signature: None,
        include_quote: true,
        attachment_ids: vec![],
        last_seen_message_id: None,
        force: false,
        request: serde_json::json!({ "text": text }),
    }
}

pub(crate) fn at(second: i64) -> DateTime<Utc> {
    Utc::now() - Duration::days(1) + Duration::seconds(second)
}

/// A mail that nobody has seen, received so many seconds after this time yesterday.
pub(crate) fn mail(from: &str, to: &str, id: &str, second: i64) -> IncomingMail {
    IncomingMail {
        source: IncomingSource::Received { authenticated: false },
        imported: false,
        headers: Headers {
            message_id: RfcMessageId::parse(id).unwrap(),
            in_reply_to: vec![],
            references: vec![],
            subject_key: "offer".into(),
            looks_like_reply: false,
        },
        content_digest: Sha256::digest(format!("{from} {id}")).into(),
        from: Some(named(from)),
        reply_to: vec![],
        to: vec![named(to)],
        cc: vec![],
        bcc: vec![],
        subject: "Offer".into(),
        sent_at: None,
        received_at: at(second),
        text: format!("text of {id}"),
        html: None,
        segments: vec![Segment { kind: SegmentKind::New, text: format!("text of {id}"), html: None }],
        preview: format!("text of {id}"),
        automatic: false,
        bounce: None,
        intake: None,
        attachments: vec![],
        raw_sha256: None,
        notices: vec![],
    }
}

/// Mails as other tests describe them.
pub(crate) trait Shape {
    fn answering(self, ids: &[&str]) -> Self;
    fn subject(self, subject: &str) -> Self;
    fn sent(self) -> Self;
}

impl Shape for IncomingMail {
    fn answering(mut self, ids: &[&str]) -> Self {
        self.headers.references = ids.iter().map(|id| RfcMessageId::parse(id).unwrap()).collect();
        self.headers.in_reply_to = self.headers.references.last().cloned().into_iter().collect();
        self
    }

    fn subject(mut self, subject: &str) -> Self {
        self.headers.subject_key = subject_key(subject);
        self.headers.looks_like_reply = is_reply_subject(subject);
        self.subject = subject.into();
        self
    }

    fn sent(mut self) -> Self {
        self.source = IncomingSource::SentFolder;
        self
    }
}
