//! Mailboxes.

use super::{
    mailbox_folders::{ReadFolderView, folders},
    names::{AuthKindName, MailboxKindName, MailboxStateName, SecurityName, SentCopyName, StartsOnName},
    time::Time,
};
use crate::{
    form::{At, Form, Request, choice, email, id, integer, line, object, secret},
    problem::FieldCode,
};
use postroom_domain::{
    address::EmailAddress,
    ids::{MailboxId, UserId},
};
use postroom_store::{Mailbox, NewCredentials, NewMailbox, Ownership, Server};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A mail server and the account there; the password is never shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailServer)]
pub struct ServerView {
    /// A name or an address.
    #[schema(example = "imap.acme.example")]
    pub host: String,
    /// The port.
    #[schema(example = 993)]
    pub port: u16,
    /// How the connection is secured.
    pub security: SecurityName,
    /// The account's name.
    #[schema(example = "support@acme.example")]
    pub username: String,
}

/// How far the first reading of older mail is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Backfill)]
pub struct BackfillView {
    /// Messages read.
    #[schema(minimum = 0)]
    pub done: u32,
    /// Messages to read in all, as far as known.
    #[schema(minimum = 0)]
    pub total: u32,
}

/// How a mailbox signs in at its servers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailboxAuth)]
pub struct AuthView {
    /// With passwords, or with what its provider has granted.
    pub kind: AuthKindName,
    /// The provider; null where it signs in with passwords.
    #[schema(example = "google")]
    pub provider: Option<String>,
}

/// A mailbox.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Mailbox)]
pub struct MailboxView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: MailboxId,
    /// Its address.
    #[schema(example = "support@acme.example")]
    pub address: String,
    /// What stands beside the address; may be empty.
    #[schema(example = "Acme Support")]
    pub display_name: String,
    /// Whose it is.
    pub kind: MailboxKindName,
    /// The user of a personal one; null for a shared one.
    #[schema(value_type = Option<Uuid>)]
    pub user_id: Option<UserId>,
    /// Who owns conversations that come in through a shared one where nothing else says; null where nobody is set.
    #[schema(value_type = Option<Uuid>)]
    pub default_owner_id: Option<UserId>,
    /// What makes a thread a conversation; null: as the workspace says.
    pub conversation_starts_on: Option<StartsOnName>,
    /// The server that is read.
    pub imap: ServerView,
    /// The server that is sent through.
    pub smtp: ServerView,
    /// How it signs in at both.
    pub auth: AuthView,
    /// Whose Authentication-Results are believed; null: nobody's.
    pub authserv_id: Option<String>,
    /// Who makes the Sent folder's copy.
    pub sent_copy: SentCopyName,
    /// The first connection reads the last so many days.
    #[schema(example = 30)]
    pub backfill_days: u16,
    /// Folders that are read beside the inbox and that of sent mail.
    #[schema(example = json!(["INBOX/Orders"]))]
    pub folders: Vec<String>,
    /// All folders that are read, with how far each is: the inbox, that of sent mail, those of `folders`. Empty until the
    /// server was first reached.
    pub read_folders: Vec<ReadFolderView>,
    /// How reading goes.
    pub state: MailboxStateName,
    /// What is wrong, for people; null where nothing is.
    pub last_error: Option<String>,
    /// When reading last had everything; null until then.
    pub last_synced_at: Option<Time>,
    /// How far the first reading is.
    pub backfill: BackfillView,
    /// When it was connected.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl From<Server> for ServerView {
    fn from(server: Server) -> Self {
        Self {
            host: server.host,
            port: server.port,
            security: server.security.into(),
            username: server.username,
        }
    }
}

impl From<Mailbox> for MailboxView {
    fn from(mailbox: Mailbox) -> Self {
        let (kind, user_id, default_owner_id) = match mailbox.ownership {
            Ownership::Personal(user) => (MailboxKindName::Personal, Some(user), None),
            Ownership::Shared(owner) => (MailboxKindName::Shared, None, owner),
        };
        let (done, total) = mailbox.backfill();
        Self {
            id: mailbox.id,
            address: mailbox.address,
            display_name: mailbox.display_name,
            kind,
            user_id,
            default_owner_id,
            conversation_starts_on: mailbox.conversation_starts_on.map(Into::into),
            imap: mailbox.imap.into(),
            smtp: mailbox.smtp.into(),
            auth: AuthView {
                kind: if mailbox.provider.is_some() { AuthKindName::OAuth } else { AuthKindName::Password },
                provider: mailbox.provider,
            },
            authserv_id: mailbox.authserv_id,
            sent_copy: mailbox.sent_copy.into(),
            backfill_days: mailbox.backfill_days,
            folders: mailbox.folders,
            read_folders: mailbox.read_folders.into_iter().map(Into::into).collect(),
            state: mailbox.state.into(),
            last_error: mailbox.last_error,
            last_synced_at: mailbox.last_synced_at.map(Time::from),
            backfill: BackfillView { done, total },
            created_at: mailbox.created_at.into(),
            updated_at: mailbox.updated_at.into(),
            version: mailbox.version,
        }
    }
}

/// A mail server and the account there.
#[derive(Debug, ToSchema)]
#[schema(as = MailServerRequest)]
pub struct ServerRequest {
    /// A name or an address. Connected to only if it is public, or in a network that the operator has named.
    #[schema(max_length = 253, example = "imap.acme.example")]
    pub host: String,
    /// The port.
    #[schema(minimum = 1, maximum = 65535, example = 993)]
    pub port: u16,
    /// How the connection is secured. Default: `tls`.
    #[schema(value_type = Option<SecurityName>)]
    pub security: SecurityName,
    /// The account's name. Left out: the mailbox's address.
    #[schema(max_length = 254, example = "support@acme.example")]
    pub username: Option<String>,
    /// Stored encrypted, never shown again.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    pub password: SecretString,
}

fn server(value: Value, at: &mut At<'_>) -> Option<ServerRequest> {
    object(|form: &mut Form<'_>| {
        let host = form.required("host", line(253));
        if host.as_ref().is_some_and(|host| !is_host(host)) {
            form.wrong("host", FieldCode::InvalidValue, "A host name or an address.");
        }
        let port = form.required("port", integer(1, 65_535));
        let security = form.optional("security", choice("tls, starttls, none"));
        let username = form.optional("username", line(254));
        let password = form.required("password", secret(1024));
        Some(ServerRequest {
            host: host?,
            port: u16::try_from(port?).ok()?,
            security: security?.unwrap_or(SecurityName::Tls),
            username: username?,
            password: password?,
        })
    })(value, at)
}

pub(super) fn is_host(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
        || text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// A mailbox to be connected.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "address": "support@acme.example", "display_name": "Acme Support", "kind": "shared",
    "imap": {"host": "imap.acme.example", "port": 993, "security": "tls", "password": "secret"},
    "smtp": {"host": "smtp.acme.example", "port": 587, "security": "starttls", "password": "secret"},
}))]
pub struct MailboxRequest {
    /// Its address.
    #[schema(value_type = String, format = Email, example = "support@acme.example")]
    pub address: EmailAddress,
    /// What stands beside the address.
    #[schema(value_type = Option<String>, max_length = 200, example = "Acme Support")]
    pub display_name: String,
    /// Whose it is. Shared ones are for administrators to connect.
    pub kind: MailboxKindName,
    /// The user of a personal one. Left out: the caller.
    #[schema(value_type = Option<Uuid>)]
    pub user_id: Option<UserId>,
    /// Who owns conversations that come in through a shared one where nothing else says.
    #[schema(value_type = Option<Uuid>)]
    pub default_owner_id: Option<UserId>,
    /// What makes a thread a conversation. Left out: as the workspace says.
    pub conversation_starts_on: Option<StartsOnName>,
    /// The server to read.
    pub imap: ServerRequest,
    /// The server to send through.
    pub smtp: ServerRequest,
    /// Whose Authentication-Results are believed: the name that this mailbox's own server writes there.
    #[schema(max_length = 253, example = "mx.acme.example")]
    pub authserv_id: Option<String>,
    /// Who makes the Sent folder's copy. Default: `auto`.
    #[schema(value_type = Option<SentCopyName>)]
    pub sent_copy: SentCopyName,
    /// The first connection reads the last so many days. Default: 30.
    #[schema(value_type = Option<u16>, minimum = 0, maximum = 3650, example = 30)]
    pub backfill_days: u16,
    /// Folders that are read beside the inbox and that of sent mail, with `/` between levels, each named once. What is in
    /// one from before is read as the inbox's older mail is; mail that comes to it later is new. They are looked at every 45
    /// seconds.
    #[schema(value_type = Option<Vec<String>>, max_items = 20, example = json!(["INBOX/Orders"]))]
    pub folders: Vec<String>,
}

/// What every mailbox to be connected says of itself, as far as it could be read.
pub(super) struct MailboxIdentity {
    pub(super) address: Option<EmailAddress>,
    pub(super) display_name: Option<Option<String>>,
    pub(super) kind: Option<MailboxKindName>,
    pub(super) user_id: Option<Option<UserId>>,
    pub(super) default_owner_id: Option<Option<UserId>>,
}

impl MailboxIdentity {
    pub(super) fn read(form: &mut Form<'_>) -> Self {
        let address = form.required("address", email);
        let display_name = form.optional("display_name", line(200));
        let kind = form.required("kind", choice("personal, shared"));
        let user_id = form.optional("user_id", id::<UserId>);
        let default_owner_id = form.optional("default_owner_id", id::<UserId>);
        if kind == Some(MailboxKindName::Shared) && matches!(user_id, Some(Some(_))) {
            form.wrong("user_id", FieldCode::NotAllowed, "A shared mailbox belongs to nobody.");
        }
        if kind == Some(MailboxKindName::Personal) && matches!(default_owner_id, Some(Some(_))) {
            form.wrong("default_owner_id", FieldCode::NotAllowed, "Only a shared mailbox has one.");
        }
        Self { address, display_name, kind, user_id, default_owner_id }
    }
}

/// Whose a mailbox is to be, asked by this user.
pub(super) fn ownership(
    kind: MailboxKindName,
    user_id: Option<UserId>,
    default_owner_id: Option<UserId>,
    caller: UserId,
) -> Ownership {
    match kind {
        MailboxKindName::Personal => Ownership::Personal(user_id.unwrap_or(caller)),
        MailboxKindName::Shared => Ownership::Shared(default_owner_id),
    }
}

impl Request for MailboxRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let MailboxIdentity { address, display_name, kind, user_id, default_owner_id } =
            MailboxIdentity::read(form);
        let conversation_starts_on = form.optional("conversation_starts_on", choice("reply, first_inbound"));
        let imap = form.required("imap", server);
        let smtp = form.required("smtp", server);
        let authserv_id = form.optional("authserv_id", line(253));
        let sent_copy = form.optional("sent_copy", choice("auto, append, server"));
        let backfill_days = form.optional("backfill_days", integer(0, 3650));
        let folders = form.optional("folders", folders);
        Some(Self {
            address: address?,
            display_name: display_name?.unwrap_or_default(),
            kind: kind?,
            user_id: user_id?,
            default_owner_id: default_owner_id?,
            conversation_starts_on: conversation_starts_on?,
            imap: imap?,
            smtp: smtp?,
            authserv_id: authserv_id?,
            sent_copy: sent_copy?.unwrap_or(SentCopyName::Auto),
            backfill_days: backfill_days?.and_then(|days| u16::try_from(days).ok()).unwrap_or(30),
            folders: folders?.unwrap_or_default(),
        })
    }
}

impl MailboxRequest {
    /// What the store makes of it, asked by this user.
    #[must_use]
    pub fn into_new(self, caller: UserId) -> NewMailbox {
        let address = self.address;
        let account = |server: ServerRequest| {
            let username = server.username.unwrap_or_else(|| address.to_string());
            let security = server.security.into();
            (Server { host: server.host, port: server.port, security, username }, server.password)
        };
        let ((imap, imap_password), (smtp, smtp_password)) = (account(self.imap), account(self.smtp));
        NewMailbox {
            display_name: self.display_name,
            ownership: ownership(self.kind, self.user_id, self.default_owner_id, caller),
            conversation_starts_on: self.conversation_starts_on.map(Into::into),
            imap,
            smtp,
            credentials: NewCredentials::Passwords { imap: imap_password, smtp: smtp_password },
            authserv_id: self.authserv_id,
            sent_copy: self.sent_copy.into(),
            backfill_days: self.backfill_days,
            folders: self.folders,
            address,
        }
    }
}
