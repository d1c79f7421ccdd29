//! Changes of a connected mailbox.

use super::{
    mailbox::is_host,
    mailbox_folders::folders,
    names::{SecurityName, SentCopyName, StartsOnName},
};
use crate::{
    form::{At, Form, Patch, Request, choice, id, integer, line, object, secret, text},
    problem::FieldCode,
};
use postroom_domain::ids::UserId;
use postroom_store::{MailboxPatch, ServerPatch};
use secrecy::SecretString;
use serde_json::Value;
use utoipa::ToSchema;

/// What changes of a mail server and the account there; what is left out stays.
#[derive(Debug, Default, ToSchema)]
#[schema(as = MailServerPatch)]
pub struct ServerPatchRequest {
    /// A name or an address. With another host, port or security the password is needed again: it goes to no other
    /// server than the one it was given for.
    #[schema(nullable = false, max_length = 253, example = "imap.acme.example")]
    pub host: Option<String>,
    /// The port.
    #[schema(nullable = false, minimum = 1, maximum = 65535, example = 993)]
    pub port: Option<u16>,
    /// How the connection is secured.
    #[schema(nullable = false)]
    pub security: Option<SecurityName>,
    /// The account's name.
    #[schema(nullable = false, max_length = 254, example = "support@acme.example")]
    pub username: Option<String>,
    /// Stored encrypted, never shown again.
    #[schema(value_type = Option<String>, nullable = false, format = Password, min_length = 1, max_length = 1024)]
    pub password: Option<SecretString>,
}

impl Request for ServerPatchRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let host = form.changed("host", line(253));
        if host.iter().flatten().any(|host| !is_host(host)) {
            form.wrong("host", FieldCode::InvalidValue, "A host name or an address.");
        }
        let port = form.changed("port", integer(1, 65_535));
        let security = form.changed("security", choice("tls, starttls, none"));
        let username = form.changed("username", line(254));
        let password = form.changed("password", secret(1024));
        Some(Self {
            host: host?,
            port: port?.and_then(|port| u16::try_from(port).ok()),
            security: security?,
            username: username?,
            password: password?,
        })
    }
}

impl From<ServerPatchRequest> for ServerPatch {
    fn from(server: ServerPatchRequest) -> Self {
        Self {
            host: server.host,
            port: server.port,
            security: server.security.map(Into::into),
            username: server.username,
            password: server.password,
        }
    }
}

/// Changes of a mailbox; what is left out stays.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"display_name": "Acme Support", "imap": {"password": "new secret"}, "smtp": {"password": "new secret"}}))]
pub struct MailboxPatchRequest {
    /// What stands beside the address; null: nothing.
    #[schema(value_type = Option<String>, max_length = 200, example = "Acme Support")]
    pub display_name: Patch<String>,
    /// Who owns conversations that come in through a shared one where nothing else says; null: nobody is set.
    #[schema(value_type = Option<Uuid>)]
    pub default_owner_id: Patch<UserId>,
    /// What makes a thread a conversation; null: as the workspace says.
    #[schema(value_type = Option<StartsOnName>)]
    pub conversation_starts_on: Patch<StartsOnName>,
    /// The server that is read. A change is used at once, and ends a stop after refused logins. A mailbox that signs in
    /// through its provider uses the provider's servers; with both passwords it signs in with them instead.
    #[schema(nullable = false)]
    pub imap: Option<ServerPatchRequest>,
    /// The server that is sent through.
    #[schema(nullable = false)]
    pub smtp: Option<ServerPatchRequest>,
    /// Whose Authentication-Results are believed; null: nobody's.
    #[schema(value_type = Option<String>, max_length = 253, example = "mx.acme.example")]
    pub authserv_id: Patch<String>,
    /// Who makes the Sent folder's copy.
    #[schema(nullable = false)]
    pub sent_copy: Option<SentCopyName>,
    /// All folders that are read beside the inbox and that of sent mail, with `/` between levels, each named once; an empty
    /// list: none. What was read of one that is named no more stays, and reading goes on there if it is named again.
    #[schema(value_type = Option<Vec<String>>, nullable = false, max_items = 20, example = json!(["INBOX/Orders"]))]
    pub folders: Option<Vec<String>>,
}

impl Request for MailboxPatchRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        // Another address is another mailbox; what was read back is read.
        form.read_only(&["address", "kind", "user_id", "auth", "backfill_days"]);
        form.read_only(&["id", "state", "last_error", "last_synced_at", "backfill", "read_folders"]);
        form.read_only(&["created_at", "updated_at", "version"]);
        let display_name = form.patched("display_name", name);
        let default_owner_id = form.patched("default_owner_id", id::<UserId>);
        let conversation_starts_on = form.patched("conversation_starts_on", choice("reply, first_inbound"));
        let imap = form.changed("imap", object(ServerPatchRequest::read));
        let smtp = form.changed("smtp", object(ServerPatchRequest::read));
        let authserv_id = form.patched("authserv_id", line(253));
        let sent_copy = form.changed("sent_copy", choice("auto, append, server"));
        let folders = form.changed("folders", folders);
        Some(Self {
            display_name: display_name?,
            default_owner_id: default_owner_id?,
            conversation_starts_on: conversation_starts_on?,
            imap: imap?,
            smtp: smtp?,
            authserv_id: authserv_id?,
            sent_copy: sent_copy?,
            folders: folders?,
        })
    }
}

/// What may stand beside an address: a line, or nothing.
fn name(value: Value, at: &mut At<'_>) -> Option<String> {
    if value == Value::String(String::new()) { text(0)(value, at) } else { line(200)(value, at) }
}

impl From<MailboxPatchRequest> for MailboxPatch {
    fn from(request: MailboxPatchRequest) -> Self {
        let starts_on = request.conversation_starts_on.change();
        Self {
            display_name: request.display_name.change().map(Option::unwrap_or_default),
            grant: None,
            default_owner_id: request.default_owner_id.change(),
            conversation_starts_on: starts_on.map(|choice| choice.map(Into::into)),
            imap: request.imap.unwrap_or_default().into(),
            smtp: request.smtp.unwrap_or_default().into(),
            authserv_id: request.authserv_id.change(),
            sent_copy: request.sent_copy.map(Into::into),
            folders: request.folders,
        }
    }
}
