//! What a mailbox is: its servers, whose it is, how reading it goes.

use crate::{error::StoreError, grants::NewGrant, mail_in::FolderRole};
use chrono::{DateTime, Utc};
use postroom_domain::{
    access::{Actor, MailboxAccess},
    address::EmailAddress,
    conversation::StartsOn,
    ids::{MailboxId, UserId, WorkspaceId},
};
use secrecy::SecretString;
use uuid::Uuid;

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// Plain at first, TLS before anything secret.
    StartTls,
    /// Never secured: only inside of configured networks (MAIL-14).
    None,
}

impl Security {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    pub(crate) fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Tls, Self::StartTls, Self::None]
            .into_iter()
            .find(|security| security.as_str() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("security {name}")))
    }
}

/// Who makes the Sent folder's copy of what Postroom sends (SND-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentCopy {
    /// Whoever does: appended where the server has not filed it itself.
    Auto,
    /// Postroom appends it.
    Append,
    /// The server files it.
    Server,
}

impl SentCopy {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Append => "append",
            Self::Server => "server",
        }
    }

    pub(crate) fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Auto, Self::Append, Self::Server]
            .into_iter()
            .find(|copy| copy.as_str() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("sent_copy {name}")))
    }
}

/// How reading a mailbox goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxState {
    /// Not tried yet.
    New,
    /// Connected; mail is read as it comes.
    Reading,
    /// The last attempt failed; it is tried again by itself.
    Failing,
    /// The server refuses the credentials; nothing is tried until they change.
    Refused,
}

impl MailboxState {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reading => "reading",
            Self::Failing => "failing",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::New, Self::Reading, Self::Failing, Self::Refused]
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("mailbox state {name}")))
    }
}

/// Whose a mailbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Belongs to one user.
    Personal(UserId),
    /// Belongs to the team; who owns conversations that come in through it where nothing else says (CNV-2).
    Shared(Option<UserId>),
}

impl Ownership {
    /// Whether somebody may connect a mailbox for these (ACC-4): everybody their own, administrators everybody's and shared
    /// ones.
    ///
    /// # Errors
    /// [`StoreError::RoleNotAllowed`], [`StoreError::ScopeNotAllowed`].
    pub fn require_connectable_by(self, actor: &Actor) -> Result<(), StoreError> {
        let user_id = match self {
            Self::Personal(user) => Some(user),
            Self::Shared(_) => None,
        };
        let access = MailboxAccess { id: MailboxId(Uuid::nil()), user_id, active: true };
        Ok(actor.require_mailbox(&access)?)
    }
}

/// A mail server's address and account, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// The account's name.
    pub username: String,
}

/// A folder that is read, or would be if it were there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFolder {
    /// As people write it.
    pub name: String,
    /// What it is for.
    pub role: FolderRole,
    /// The server has it.
    pub found: bool,
    /// How far its backfill is: messages read, of so many.
    pub backfill: (u32, u32),
}

/// A folder that somebody has named for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFolder {
    /// By this name.
    pub name: String,
    /// Since then: what is in it from before is old.
    pub since: DateTime<Utc>,
}

/// A mailbox as those who may send from it see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// Its address.
    pub address: String,
    /// What stands beside the address; may be empty.
    pub display_name: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// CNV-1 for this mailbox; `None`: as the workspace says.
    pub conversation_starts_on: Option<StartsOn>,
    /// The server that is read.
    pub imap: Server,
    /// The server that is sent through.
    pub smtp: Server,
    /// The provider that it signs in through, by the operator's name; `None`: with passwords.
    pub provider: Option<String>,
    /// MAIL-15: whose Authentication-Results are believed.
    pub authserv_id: Option<String>,
    /// SND-4.
    pub sent_copy: SentCopy,
    /// The first connection reads the last so many days.
    pub backfill_days: u16,
    /// Folders that are read beside the inbox and that of sent mail, by name.
    pub folders: Vec<String>,
    /// All folders that are read: the inbox, the Sent folder and those of `folders`, each group by name.
    pub read_folders: Vec<ReadFolder>,
    /// How reading goes.
    pub state: MailboxState,
    /// What is wrong, for people.
    pub last_error: Option<String>,
    /// When reading last had everything.
    pub last_synced_at: Option<DateTime<Utc>>,
    /// Counts edits.
    pub version: i64,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

impl Mailbox {
    /// How far the backfill of all its folders is: messages read, of so many.
    #[must_use]
    pub fn backfill(&self) -> (u32, u32) {
        self.read_folders.iter().fold((0, 0), |(done, total), folder| {
            (done.saturating_add(folder.backfill.0), total.saturating_add(folder.backfill.1))
        })
    }

    /// What decides who may use it.
    #[must_use]
    pub fn access(&self) -> MailboxAccess {
        let user_id = match self.ownership {
            Ownership::Personal(user) => Some(user),
            Ownership::Shared(_) => None,
        };
        MailboxAccess { id: self.id, user_id, active: true }
    }
}

/// How a mailbox signs in at its servers.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// With a password at each.
    Passwords {
        /// At the server to read.
        imap: SecretString,
        /// At the server to send through.
        smtp: SecretString,
    },
    /// With an access token of its provider's ([`crate::Store::access_token`]).
    Provider(String),
}

/// How a mailbox is to sign in at its servers.
#[derive(Clone, Debug)]
pub enum NewCredentials {
    /// With a password at each.
    Passwords {
        /// At the server to read.
        imap: SecretString,
        /// At the server to send through.
        smtp: SecretString,
    },
    /// By what its provider has granted.
    Grant(NewGrant),
}

/// A mailbox to be connected.
#[derive(Clone, Debug)]
pub struct NewMailbox {
    /// Its address.
    pub address: EmailAddress,
    /// What stands beside the address; may be empty.
    pub display_name: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// CNV-1 for this mailbox; `None`: as the workspace says.
    pub conversation_starts_on: Option<StartsOn>,
    /// The server to read.
    pub imap: Server,
    /// The server to send through.
    pub smtp: Server,
    /// How to sign in at both.
    pub credentials: NewCredentials,
    /// MAIL-15.
    pub authserv_id: Option<String>,
    /// SND-4.
    pub sent_copy: SentCopy,
    /// The first connection reads the last so many days, 0 to 3650.
    pub backfill_days: u16,
    /// Folders that are read beside the inbox and that of sent mail; each once.
    pub folders: Vec<String>,
}

/// All that a worker needs to read or send through a mailbox.
#[derive(Clone, Debug)]
pub struct MailboxConnection {
    /// The mailbox.
    pub id: MailboxId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Its address.
    pub address: String,
    /// The server to read.
    pub imap: Server,
    /// The server to send through.
    pub smtp: Server,
    /// How to sign in at both.
    pub credentials: Credentials,
    /// MAIL-15.
    pub authserv_id: Option<String>,
    /// SND-4.
    pub sent_copy: SentCopy,
    /// Nothing older is read.
    pub read_since: DateTime<Utc>,
    /// Folders that are read beside the inbox and that of sent mail.
    pub folders: Vec<NamedFolder>,
    /// How reading went last.
    pub state: MailboxState,
    /// Refused logins in a row.
    pub login_refusals: u16,
    /// Changes with the credentials.
    pub credentials_version: i64,
    /// Its provider has ended its grant: nothing is tried before somebody signs in there again.
    pub revoked: bool,
    /// Not removed, and Conversations are enabled: mail is to be read.
    pub reads: bool,
}
