//! The server on a free port of this process, over a database of its own, with people, a mailbox and mail in it.

use chrono::{Duration, Utc};
use futures_util::future::BoxFuture;
use postroom_api::{
    checks::{CheckAccounts, Checked, ServerFault},
    limits::LimitSettings,
    page::Page,
    password,
    providers::{GrantFault, ProviderInfo, SignInProviders},
    server::{self, ServeError, Settings, State},
    shapes::mailbox_test::ServerFaultName,
    sse::LiveTimes,
    tokens::{TokenKeys, generate_signing_key},
};
use postroom_domain::{
    access::{Actor, Role},
    address::{EmailAddress, NamedAddress},
    conversation::StartsOn,
    message::RfcMessageId,
    reply::{Segment, SegmentKind},
    threading::Headers,
};
use postroom_store::{
    Accounts, FolderRole, FolderStart, IncomingAttachment, IncomingMail, IncomingSource, Ingested, Live,
    MailboxLease, MasterKey, NewCredentials, NewGrant, NewMailbox, NewUser, NewWorkspace, Outcome, Ownership,
    PoolSettings, Security, SentCopy, Server, Step, Store, StoreSettings, StoredAnswer, Track,
};
use postroom_testkit::{
    client::{Anonymous, SignedIn},
    postgres::Cluster,
    process::temporary_directory,
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::{net::TcpListener, sync::Arc};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const PAGE: &str = "https://app.example.com";

pub(crate) struct World {
    runtime: Runtime,
    pub(crate) store: Store,
    pub(crate) base: String,
    pub(crate) database: String,
    pub(crate) live: Live,
    stop: CancellationToken,
    served: Option<JoinHandle<Result<(), ServeError>>>,
    owner: Actor,
}

/// A mailbox that is being read.
pub(crate) struct Reader {
    pub(crate) lease: MailboxLease,
    folder: FolderStart,
}

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

impl World {
    /// With Conversations enabled, without rate limits.
    pub(crate) fn new() -> Self {
        let world = Self::with(LimitSettings::OFF);
        world.enable();
        world
    }

    /// Workspace `acme` with Olga, its owner, and Tom, a team member; Conversations are not enabled.
    pub(crate) fn with(limits: LimitSettings) -> Self {
        Self::with_times(limits, LiveTimes::default())
    }

    /// The same with other times of the live stream.
    pub(crate) fn with_times(limits: LimitSettings, times: LiveTimes) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let cluster = Cluster::shared().unwrap();
        let database = cluster.migrated_database().unwrap();
        let stop = CancellationToken::new();
        let (store, owner, served) = runtime.block_on(async {
            let store = open(&database);
            let owner = people(&store).await;
            let serving = Serving { limits, live: times, ..Serving::default() };
            let served = serve(&store, serving, stop.clone()).await;
            (store, owner, served)
        });
        let Served { base, live, running } = served;
        Self { runtime, store, base, database, live, stop, served: Some(running), owner }
    }

    /// Another server over the same database: where it is reached, until the first one stops.
    pub(crate) fn another(&self, times: LiveTimes) -> String {
        self.serve(Serving { live: times, ..Serving::default() })
    }

    /// The same with a page.
    pub(crate) fn with_page(&self, page: Page) -> String {
        self.serve(Serving { page: Some(page), ..Serving::default() })
    }

    /// The same, but it sends no mail of its own.
    pub(crate) fn without_mail(&self) -> String {
        self.serve(Serving { sends_mail: false, ..Serving::default() })
    }

    /// The same, but it bears only so much.
    pub(crate) fn limited(&self, limits: LimitSettings) -> String {
        self.serve(Serving { limits, ..Serving::default() })
    }

    fn serve(&self, serving: Serving) -> String {
        self.run(async { serve(&open(&self.database), serving, self.stop.clone()).await.base })
    }

    /// Asks the server to stop and waits until it has.
    pub(crate) fn end(&mut self) {
        self.stop.cancel();
        let served = self.served.take().unwrap();
        self.run(served).unwrap().unwrap();
    }

    /// A further user with everybody's password.
    pub(crate) fn colleague(&self, name: &str, role: Role) -> SignedIn {
        self.run(async {
            let new = NewUser {
                workspace: "acme".into(),
                email: address(&format!("{name}@acme.example")),
                name: name.into(),
                role,
                password_hash: password::hash(PASSWORD.into()).await.unwrap(),
            };
            self.store.create_user(&new).await.unwrap();
        });
        self.anonymous().sign_in("acme", &format!("{name}@acme.example"), PASSWORD).unwrap()
    }

    /// Another workspace with Conversations and its owner, `otto@SLUG.example`, of whom nobody in `acme` knows.
    pub(crate) fn neighbour(&self, slug: &str) -> Actor {
        self.run(async {
            let new = NewWorkspace {
                slug: slug.into(),
                name: slug.into(),
                owner_email: address(&format!("otto@{slug}.example")),
                owner_name: "Otto".into(),
                owner_password_hash: password::hash(PASSWORD.into()).await.unwrap(),
            };
            let made = self.store.create_workspace(&new).await.unwrap();
            self.store.enable_conversations(slug).await.unwrap();
            Actor::new(made.id, made.owner_id, Role::Owner)
        })
    }

    /// Runs statements past the server.
    pub(crate) fn execute(&self, sql: &str) {
        Cluster::shared().unwrap().execute(&self.database, sql).unwrap();
    }

    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn enable(&self) {
        self.run(self.store.enable_conversations("acme")).unwrap();
    }

    pub(crate) fn anonymous(&self) -> Anonymous {
        Anonymous::at(&self.base)
    }

    pub(crate) fn olga(&self) -> SignedIn {
        self.anonymous().sign_in("acme", "olga@acme.example", PASSWORD).unwrap()
    }

    pub(crate) fn tom(&self) -> SignedIn {
        self.anonymous().sign_in("acme", "tom@acme.example", PASSWORD).unwrap()
    }

    /// Connects the shared mailbox and begins to read it. A customer's first mail makes a conversation.
    pub(crate) fn support(&self) -> Reader {
        self.mailbox("support@acme.example", Ownership::Shared(None), StartsOn::FirstInbound)
    }

    /// Connects a mailbox and begins to read it.
    pub(crate) fn mailbox(&self, its_address: &str, ownership: Ownership, starts_on: StartsOn) -> Reader {
        self.mailbox_of(&self.owner, its_address, ownership, starts_on)
    }

    /// The same in the workspace that this owner has.
    pub(crate) fn mailbox_of(
        &self,
        owner: &Actor,
        its_address: &str,
        ownership: Ownership,
        starts_on: StartsOn,
    ) -> Reader {
        let server = Server {
            host: "127.0.0.1".into(),
            port: 143,
            security: Security::None,
            username: "support".into(),
        };
        let new = NewMailbox {
            address: address(its_address),
            display_name: "Support".into(),
            ownership,
            conversation_starts_on: Some(starts_on),
            imap: server.clone(),
            smtp: server,
            credentials: NewCredentials::Passwords { imap: "secret".into(), smtp: "secret".into() },
            authserv_id: None,
            sent_copy: SentCopy::Auto,
            backfill_days: 30,
            folders: Vec::new(),
        };
        let none = |_: &_| StoredAnswer { status: 201, location: None, body: vec![] };
        self.run(async {
            let Outcome::Done(mailbox) = self.store.create_mailbox(owner, &new, None, none).await.unwrap()
            else {
                panic!("a new mailbox is no replay")
            };
            // All that wait, so that none is missed, for as long as a test may take.
            let hour = std::time::Duration::from_secs(3600);
            let leases = self.store.claim_mailboxes(1000, hour).await.unwrap();
            let lease = leases.into_iter().find(|lease| lease.mailbox_id == mailbox.id).unwrap();
            let folder = FolderStart {
                name: "INBOX".into(),
                label: "INBOX".into(),
                role: FolderRole::Inbox,
                uid_validity: 1,
                live_uid: 1,
                backfill_uid: 1,
                backfill_total: 0,
            };
            self.store.begin_folder(&lease, folder.clone()).await.unwrap();
            Reader { lease, folder }
        })
    }

    /// A customer's mail comes in.
    pub(crate) fn deliver(&self, reader: &Reader, mail: IncomingMail) -> Ingested {
        self.run(async {
            let folders = self.store.folders(&reader.lease).await.unwrap();
            let folder = folders.iter().find(|folder| folder.name == reader.folder.name).unwrap();
            let step = Step {
                folder_id: folder.id,
                track: Track::Live,
                uid: folder.live_uid,
                expected: folder.live_uid,
            };
            self.store.ingest(&reader.lease, &step, mail).await.unwrap()
        })
    }

    /// Keeps a file and names it for a mail.
    pub(crate) fn file(&self, name: &str, content_type: &str, content: &'static [u8]) -> IncomingAttachment {
        let sha256 = self
            .run(self.store.put_blob(self.owner.workspace_id, bytes::Bytes::from_static(content)))
            .unwrap();
        IncomingAttachment {
            filename: Some(name.into()),
            content_type: content_type.into(),
            size: u64::try_from(content.len()).unwrap(),
            sha256,
            content_id: None,
            inline: false,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// There are no mail servers here: what trying real ones says is tested over the built program.
struct NobodyListens;

impl CheckAccounts for NobodyListens {
    fn check(&self, _: Accounts) -> BoxFuture<'static, Option<Checked>> {
        let fault = ServerFault { code: ServerFaultName::Unreachable, detail: "unreachable".into() };
        Box::pin(std::future::ready(Some(Checked { imap: Err(fault.clone()), smtp: Err(fault) })))
    }
}

/// A provider that answers by the code that it is shown.
struct OneProvider;

impl SignInProviders for OneProvider {
    fn list(&self) -> Vec<ProviderInfo> {
        let server = |port| Server {
            host: "mail.provider.example".into(),
            port,
            security: Security::Tls,
            username: String::new(),
        };
        vec![ProviderInfo {
            id: "google".into(),
            name: "Google".into(),
            imap: server(993),
            smtp: server(465),
        }]
    }

    fn authorization_url(
        &self,
        provider: &str,
        state: &str,
        challenge: &str,
        _: Option<&str>,
    ) -> Option<String> {
        let url = format!("https://provider.example/authorize?state={state}&code_challenge={challenge}");
        (provider == "google").then_some(url)
    }

    fn exchange(
        &self,
        provider: &str,
        code: String,
        verifier: SecretString,
    ) -> BoxFuture<'static, Result<NewGrant, GrantFault>> {
        assert_eq!(verifier.expose_secret().len(), 43, "32 random bytes");
        let granted = match code.as_str() {
            "good" => Ok(NewGrant {
                provider: provider.to_owned(),
                access_token: "access".into(),
                lasts: std::time::Duration::from_secs(3600),
                refresh_token: "refresh".into(),
            }),
            "moment" => Err(GrantFault::NotLasting),
            "registration" => Err(GrantFault::Registration),
            "down" => Err(GrantFault::Unavailable),
            _ => Err(GrantFault::NotGranted),
        };
        Box::pin(std::future::ready(granted))
    }
}

/// In what servers differ.
struct Serving {
    limits: LimitSettings,
    live: LiveTimes,
    page: Option<Page>,
    sends_mail: bool,
}

impl Default for Serving {
    fn default() -> Self {
        Self { limits: LimitSettings::OFF, live: LiveTimes::default(), page: None, sends_mail: true }
    }
}

/// A server that runs.
struct Served {
    base: String,
    live: Live,
    running: JoinHandle<Result<(), ServeError>>,
}

fn open(database: &str) -> Store {
    let blobs = temporary_directory("blobs").unwrap();
    Store::open(&StoreSettings {
        database: PoolSettings::new(Cluster::shared().unwrap().url(database).into()),
        blobs: url::Url::from_directory_path(&blobs).unwrap(),
        master_key: MasterKey::from_base64(&"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=".into()).unwrap(),
    })
    .unwrap()
}

async fn serve(store: &Store, serving: Serving, stop: CancellationToken) -> Served {
    let Serving { limits, live, page, sends_mail } = serving;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let keys = store.ensure_signing_key(&generate_signing_key().unwrap()).await.unwrap();
    let settings = Settings {
        public_url: base.clone(),
        cors_origins: vec![PAGE.to_owned()],
        cross_site_cookie: false,
        limits,
        trusted_proxies: 0,
        workers: 2,
        live,
        sends_mail,
    };
    let state = State::new(store.clone(), TokenKeys::new(&keys).unwrap(), settings)
        .with_checks(Arc::new(NobodyListens))
        .with_providers(Arc::new(OneProvider))
        .with_page(page);
    let live = state.live.clone();
    let running = tokio::spawn(server::listen(listener, state).unwrap().run(stop));
    Served { base, live, running }
}

async fn people(store: &Store) -> Actor {
    let password_hash = password::hash(PASSWORD.into()).await.unwrap();
    let made = store
        .create_workspace(&NewWorkspace {
            slug: "acme".into(),
            name: "Acme".into(),
            owner_email: address("olga@acme.example"),
            owner_name: "Olga".into(),
            owner_password_hash: password_hash.clone(),
        })
        .await
        .unwrap();
    let tom = NewUser {
        workspace: "acme".into(),
        email: address("tom@acme.example"),
        name: "Tom".into(),
        role: Role::TeamMember,
        password_hash,
    };
    store.create_user(&tom).await.unwrap();
    Actor::new(made.id, made.owner_id, Role::Owner)
}

/// A mail of a customer; each number is another one.
pub(crate) fn mail(from: &str, number: i64) -> IncomingMail {
    let text = format!("Text number {number}");
    IncomingMail {
        source: IncomingSource::Received { authenticated: false },
        imported: false,
        headers: Headers {
            message_id: RfcMessageId::parse(&format!("{number}@customer.example")).unwrap(),
            in_reply_to: vec![],
            references: vec![],
            subject_key: format!("order {number}"),
            looks_like_reply: false,
        },
        content_digest: Sha256::digest(&text).into(),
        from: Some(NamedAddress::bare(address(from))),
        reply_to: vec![],
        to: vec![NamedAddress::bare(address("support@acme.example"))],
        cc: vec![],
        bcc: vec![],
        subject: format!("Order {number}"),
        sent_at: None,
        received_at: Utc::now() - Duration::days(1) + Duration::seconds(number),
        text: text.clone(),
        html: None,
        segments: vec![Segment { kind: SegmentKind::New, text: text.clone(), html: None }],
        preview: text,
        automatic: false,
        bounce: None,
        attachments: vec![],
        raw_sha256: None,
        intake: None,
        notices: vec![],
    }
}

/// The same as an answer to an earlier one.
pub(crate) fn answering(mut mail: IncomingMail, earlier: i64) -> IncomingMail {
    let earlier = RfcMessageId::parse(&format!("{earlier}@customer.example")).unwrap();
    mail.headers.references = vec![earlier.clone()];
    mail.headers.in_reply_to = vec![earlier];
    mail
}
