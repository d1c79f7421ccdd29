//! Trying a mailbox's servers.

use super::mailbox_settings::ServerPatchRequest;
use crate::{
    checks::{Checked, ServerFault},
    form::{Form, Request, object},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Settings to try in the place of the stored ones; what is left out is as stored.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"imap": {"password": "new secret"}}))]
pub struct MailboxTestRequest {
    /// The server to read.
    pub imap: Option<ServerPatchRequest>,
    /// The server to send through.
    pub smtp: Option<ServerPatchRequest>,
}

impl Request for MailboxTestRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let imap = form.optional("imap", object(ServerPatchRequest::read));
        let smtp = form.optional("smtp", object(ServerPatchRequest::read));
        Some(Self { imap: imap?, smtp: smtp? })
    }
}

/// What is wrong with a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServerFault)]
pub enum ServerFaultName {
    /// The host name has no address.
    NameNotFound,
    /// The host is not public, and in no network that the operator has named.
    AddressNotAllowed,
    /// The port is none of mail's.
    PortNotAllowed,
    /// A connection without TLS is not allowed to this address.
    PlainNotAllowed,
    /// No address of the host took the connection.
    Unreachable,
    /// The server took too long.
    TimedOut,
    /// The server's certificate was refused.
    CertificateNotValid,
    /// TLS failed for another reason.
    TlsFailed,
    /// The server does not offer STARTTLS.
    NoStarttls,
    /// What answered does not speak the protocol.
    NotAMailServer,
    /// There is no way to sign in that both sides know.
    NoLoginMechanism,
    /// User name or password were refused.
    LoginRefused,
    /// The mailbox's provider has ended its access: sign in there again.
    SignInNeeded,
    /// The mailbox's provider gives no access token now.
    ProviderUnavailable,
    /// The mailbox's provider refuses Postroom's registration, or is not configured any more.
    ProviderRefused,
    /// The server can't serve now.
    Unavailable,
    /// The server says that the account has had enough for now.
    Throttled,
    /// The server refused a command that it should have taken.
    CommandRefused,
    /// The connection ended before the answer.
    ConnectionLost,
    /// The server's answer was not understood.
    NotUnderstood,
}

/// How trying one server went.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ServerTest)]
pub struct ServerTestView {
    /// Signing in worked.
    pub ok: bool,
    /// What is wrong; null where nothing is.
    pub fault: Option<ServerFaultName>,
    /// What is wrong, for people; null where nothing is.
    #[schema(example = "refused login")]
    pub detail: Option<String>,
}

impl From<Result<(), ServerFault>> for ServerTestView {
    fn from(outcome: Result<(), ServerFault>) -> Self {
        let fault = outcome.err();
        Self {
            ok: fault.is_none(),
            fault: fault.as_ref().map(|fault| fault.code),
            detail: fault.map(|fault| fault.detail),
        }
    }
}

/// How trying a mailbox's servers went.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailboxTest)]
pub struct MailboxTestView {
    /// The server to read.
    pub imap: ServerTestView,
    /// The server to send through.
    pub smtp: ServerTestView,
}

impl From<Checked> for MailboxTestView {
    fn from(checked: Checked) -> Self {
        Self { imap: checked.imap.into(), smtp: checked.smtp.into() }
    }
}
