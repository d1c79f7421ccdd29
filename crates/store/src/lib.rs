//! PostgreSQL and the blob store.
//!
//! Each use case that writes is one function of [`Store`] that opens the transaction, loads, asks the domain, saves, and
//! writes the event. Nobody outside sees a diesel type or SQL. What serves a user takes the [`Actor`] who asks: what they
//! may not see does not exist for them.
//!
//! [`Actor`]: postroom_domain::access::Actor

mod account_links;
mod aggregate;
mod api_keys;
mod archive;
mod audit;
mod audit_trail;
mod avatars;
mod beyond;
mod birth;
mod blobs;
mod bursts;
mod callers;
mod checks;
mod collecting;
mod companies;
mod contacts;
mod context;
mod conversations;
mod correspondents;
mod custom_field_changes;
mod custom_fields;
mod deals;
mod delivery_evidence;
mod delivery_jobs;
mod drafts;
mod editor;
mod edits;
mod error;
mod events;
mod folders;
mod further_folders;
mod grants;
mod handover;
mod idempotency;
mod ingest;
mod intake;
mod invitations;
mod keys;
mod live;
mod lookup;
mod mail_in;
mod mailbox;
mod mailbox_queue;
mod mailbox_settings;
mod mailboxes;
mod merge;
mod message_load;
mod message_rows;
mod messages;
pub mod migrate;
mod outbox;
mod outgoing;
mod page;
mod passwords;
mod pool;
mod postal_address;
mod prepared;
mod previews;
mod provider_sign_in;
mod raw_mail;
mod recipients;
mod reparse;
mod replies;
mod resending;
mod schema;
mod seal;
mod sessions;
mod sight;
mod stream;
mod system_mails;
mod taking_back;
mod threads;
mod transaction;
mod upkeep;
mod uploads;
mod user_changes;
mod users;
mod waiting;
mod workspace_settings;
mod workspaces;
mod written;

pub use account_links::LinkPurpose;
pub use api_keys::{ApiKey, ApiKeyQuery, NewApiKey};
pub use archive::ArchiveMailbox;
pub use audit_trail::{AuditEntry, AuditPosition, AuditQuery};
pub use blobs::{BlobHash, MailBytes};
pub use callers::Caller;
pub use checks::MailboxTrouble;
pub use companies::{Company, CompanyPatch, CompanySummary};
pub use contacts::{Contact, ContactEmail, ContactPatch, ContactSummary, EmailPatch};
pub use context::RequestContext;
pub use conversations::{Can, ConversationDetail, ConversationPatch, MailboxRef, Participant, ReplyDefaults};
pub use custom_field_changes::{DefinedField, DefinedFieldPatch, DefinedFieldPosition};
pub use custom_fields::{CustomField, CustomFieldDefinition};
pub use deals::{Deal, DealPatch, DealStatus, DealSummary};
pub use delivery_jobs::{DeliveryJob, DeliveryPhase, OutgoingFile, OutgoingMail};
pub use error::StoreError;
pub use grants::{AccessToken, AskFault, Asking, NewGrant, SIGN_IN_NEEDED, Standing, Tokens};
pub use idempotency::{IdempotencyClaim, Outcome, StoredAnswer};
pub use intake::{IntakeEntry, Replay};
pub use invitations::{Acceptance, Invitation, NewInvitation};
pub use keys::SigningKey;
pub use live::{
    Change, Credential, EndReason, Event, EventPage, Follower, Live, LiveSettings, MessageNews, Next,
    Presence, PresenceState,
};
pub use lookup::{Found, LookUp, LookUpPosition};
pub use mail_in::{Folder, FolderRole, FolderStart, Ingested, PassedMessage, Step, Track};
pub use mailbox::{
    Credentials, Mailbox, MailboxConnection, MailboxState, NamedFolder, NewCredentials, NewMailbox,
    Ownership, ReadFolder, Security, SentCopy, Server,
};
pub use mailbox_queue::{MailboxHealth, MailboxLease};
pub use mailbox_settings::{Accounts, GrantPatch, MailboxPatch, ServerPatch};
pub use messages::{AttachmentFile, AttachmentInfo, Delivery, DeliveryRecipient, Message, Threading};
pub use outbox::{DeliveryLease, RecipientOutcome};
pub use page::Page;
pub use passwords::PasswordChange;
pub use pool::PoolSettings;
pub use postal_address::{AddressPatch, PostalAddress};
pub use postroom_domain::incoming::{
    BounceReport, BouncedRecipient, IncomingAttachment, IncomingMail, IncomingSource, IntakeReason,
};
pub use previews::MailPreview;
pub use provider_sign_in::PendingSignIn;
pub use recipients::Recipient;
pub use reparse::{Differences, KeptMail, ReparseScope};
pub use replies::{NewMailDraft, ReplyDraft};
pub use seal::{MasterKey, MasterKeyError};
pub use sessions::{NewSession, RefreshIn, Rotation, Session, SignIn, TokenDigest};
pub use stream::{
    Author, AuthorKind, Card, ContactRef, Count, Counts, LastMessage, Sort, StatusFilter, StreamPosition,
    StreamQuery, UserRef, View,
};
pub use system_mails::{SystemMail, SystemMailLease};
pub use upkeep::Upkeep;
pub use uploads::{AttachmentDetail, Upload, UploadName, WholeUpload};
pub use users::{Me, MePatch, NewUser, User};
pub use waiting::{Started, Thread, ThreadPosition};
pub use workspace_settings::WorkspacePatch;
pub use workspaces::{CreatedWorkspace, FeatureAsked, FeatureRequest, FeatureState, NewWorkspace, Workspace};
pub use written::WrittenQuery;

use std::sync::Arc;

/// The store: cheap to clone, shared by everything in the process.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    connections: pool::Connections,
    blobs: blobs::Blobs,
    master_key: MasterKey,
    /// For the one connection that is not the pool's: the one that listens.
    database_url: secrecy::SecretString,
    /// Where the connections live.
    runtime: tokio::runtime::Handle,
    signals: live::signals::Signals,
    key_uses: callers::KeyUses,
}

/// What the store needs to know.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The database.
    pub database: PoolSettings,
    /// Where raw mail and attachments are kept: `file:///…`, a directory.
    pub blobs: url::Url,
    /// Encrypts credentials and signing keys.
    pub master_key: MasterKey,
}

impl Store {
    /// Opens the store; connects nowhere yet. Call it on the main, multi-threaded runtime: all its connections live there.
    ///
    /// # Errors
    /// When the settings can't be used.
    pub fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let inner = Inner {
            connections: pool::open(&settings.database)?,
            blobs: blobs::Blobs::open(&settings.blobs)?,
            master_key: settings.master_key.clone(),
            database_url: settings.database.url.clone(),
            runtime: tokio::runtime::Handle::current(),
            signals: live::signals::Signals::new(),
            key_uses: callers::KeyUses::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The secret behind the codes on cursors and links, the same on every server of the installation.
    #[must_use]
    pub fn link_secret(&self) -> &secrecy::SecretBox<[u8; 32]> {
        self.inner.master_key.link_secret()
    }

    async fn connection(
        &self,
    ) -> Result<diesel_async::pooled_connection::deadpool::Object<diesel_async::AsyncPgConnection>, StoreError>
    {
        pool::acquire(&self.inner.connections).await
    }
}
