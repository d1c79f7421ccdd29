//! Providers, and mailboxes that sign in through them.

use super::{
    mailbox::{MailboxIdentity, ownership},
    mailbox_folders::folders,
    names::{MailboxKindName, SecurityName, SentCopyName, StartsOnName},
    time::Time,
};
use crate::{
    form::{Form, Request, choice, email, integer, line, text},
    providers::ProviderInfo,
};
use postroom_domain::{address::EmailAddress, ids::UserId};
use postroom_store::{NewCredentials, NewGrant, NewMailbox, Ownership, Server};
use serde::Serialize;
use utoipa::ToSchema;

/// A mail server of a provider's.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProviderServer)]
pub struct ProviderServerView {
    /// A name or an address.
    #[schema(example = "imap.gmail.com")]
    pub host: String,
    /// The port.
    #[schema(example = 993)]
    pub port: u16,
    /// How the connection is secured.
    pub security: SecurityName,
}

/// A provider at which mailboxes can sign in without a password.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailProvider)]
pub struct ProviderView {
    /// Its name for programs.
    #[schema(example = "google")]
    pub id: String,
    /// Its name for people.
    #[schema(example = "Google")]
    pub name: String,
    /// Its server to read.
    pub imap: ProviderServerView,
    /// Its server to send through.
    pub smtp: ProviderServerView,
}

impl From<Server> for ProviderServerView {
    fn from(server: Server) -> Self {
        Self { host: server.host, port: server.port, security: server.security.into() }
    }
}

impl From<ProviderInfo> for ProviderView {
    fn from(provider: ProviderInfo) -> Self {
        Self { id: provider.id, name: provider.name, imap: provider.imap.into(), smtp: provider.smtp.into() }
    }
}

/// A sign-in to begin.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"provider": "google", "address": "support@acme.example"}))]
pub struct SignInRequest {
    /// Which provider: an `id` of the list.
    #[schema(max_length = 64, example = "google")]
    pub provider: String,
    /// The mailbox's address, which the provider proposes then.
    #[schema(value_type = Option<String>, format = Email, example = "support@acme.example")]
    pub address: Option<EmailAddress>,
}

impl Request for SignInRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let provider = form.required("provider", line(64));
        let address = form.optional("address", email);
        Some(Self { provider: provider?, address: address? })
    }
}

/// A sign-in that was begun.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SignInAtProvider)]
pub struct SignInView {
    /// Where to send the browser. It comes back to the operator's redirect address with `code` and `state`.
    #[schema(
        example = "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=postroom&state=AWqk"
    )]
    pub authorization_url: String,
    /// What the browser comes back with, to be compared.
    #[schema(example = "AWqk")]
    pub state: String,
    /// The way back must be taken before.
    pub expires_at: Time,
}

/// A mailbox to be connected through its provider.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "state": "AWqk", "code": "4/0AdQt", "address": "support@acme.example", "display_name": "Acme Support", "kind": "shared",
}))]
pub struct OAuthMailboxRequest {
    /// As the browser came back with it.
    #[schema(max_length = 2000, example = "AWqk")]
    pub state: String,
    /// As the browser came back with it. Good once, and for a short time.
    #[schema(max_length = 4000, example = "4/0AdQt")]
    pub code: String,
    /// The account's name at the provider. Left out: the mailbox's address. A shared mailbox of Microsoft 365 is signed in
    /// to under its own name, with the access of somebody who may use it.
    #[schema(max_length = 254, example = "support@acme.example")]
    pub username: Option<String>,
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
    /// The first connection reads the last so many days. Default: 30.
    #[schema(value_type = Option<u16>, minimum = 0, maximum = 3650, example = 30)]
    pub backfill_days: u16,
    /// Folders that are read beside the inbox and that of sent mail, with `/` between levels, each named once.
    #[schema(value_type = Option<Vec<String>>, max_items = 20, example = json!(["INBOX/Orders"]))]
    pub folders: Vec<String>,
}

impl Request for OAuthMailboxRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let state = form.required("state", text(2000));
        let code = form.required("code", text(4000));
        let username = form.optional("username", line(254));
        let MailboxIdentity { address, display_name, kind, user_id, default_owner_id } =
            MailboxIdentity::read(form);
        let conversation_starts_on = form.optional("conversation_starts_on", choice("reply, first_inbound"));
        let backfill_days = form.optional("backfill_days", integer(0, 3650));
        let folders = form.optional("folders", folders);
        Some(Self {
            state: state?,
            code: code?,
            username: username?,
            address: address?,
            display_name: display_name?.unwrap_or_default(),
            kind: kind?,
            user_id: user_id?,
            default_owner_id: default_owner_id?,
            conversation_starts_on: conversation_starts_on?,
            backfill_days: backfill_days?.and_then(|days| u16::try_from(days).ok()).unwrap_or(30),
            folders: folders?.unwrap_or_default(),
        })
    }
}

impl OAuthMailboxRequest {
    /// Whose it is to be, asked by this user.
    #[must_use]
    pub fn ownership(&self, caller: UserId) -> Ownership {
        ownership(self.kind, self.user_id, self.default_owner_id, caller)
    }

    /// What the store makes of it, asked by this user, with what its provider has granted.
    #[must_use]
    pub fn into_new(self, caller: UserId, provider: ProviderInfo, grant: NewGrant) -> NewMailbox {
        let username = self.username.clone().unwrap_or_else(|| self.address.to_string());
        NewMailbox {
            ownership: self.ownership(caller),
            display_name: self.display_name,
            conversation_starts_on: self.conversation_starts_on.map(Into::into),
            imap: Server { username: username.clone(), ..provider.imap },
            smtp: Server { username, ..provider.smtp },
            credentials: NewCredentials::Grant(grant),
            authserv_id: None,
            sent_copy: SentCopyName::Auto.into(),
            backfill_days: self.backfill_days,
            folders: self.folders,
            address: self.address,
        }
    }
}

/// A mailbox that signs in through its provider from now on, or anew.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"state": "AWqk", "code": "4/0AdQt"}))]
pub struct SignedInRequest {
    /// As the browser came back with it.
    #[schema(max_length = 2000, example = "AWqk")]
    pub state: String,
    /// As the browser came back with it. Good once, and for a short time.
    #[schema(max_length = 4000, example = "4/0AdQt")]
    pub code: String,
    /// The account's name at the provider. Left out: the mailbox's address.
    #[schema(max_length = 254, example = "support@acme.example")]
    pub username: Option<String>,
}

impl Request for SignedInRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let state = form.required("state", text(2000));
        let code = form.required("code", text(4000));
        let username = form.optional("username", line(254));
        Some(Self { state: state?, code: code?, username: username? })
    }
}
