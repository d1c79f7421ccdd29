//! Trying mail servers for those who connect a mailbox. The mail protocols are another crate's, which this one never
//! meets: whoever runs both brings them together here.

use crate::shapes::mailbox_test::ServerFaultName;
use futures_util::future::BoxFuture;
use postroom_store::Accounts;

/// What is wrong with a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFault {
    /// For programs.
    pub code: ServerFaultName,
    /// For people: a sentence of the fixed list, never a server's own words (MAIL-14).
    pub detail: String,
}

/// How trying both servers went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// At the server to read.
    pub imap: Result<(), ServerFault>,
    /// At the server to send through.
    pub smtp: Result<(), ServerFault>,
}

/// Whoever can try mail servers.
pub trait CheckAccounts: Send + Sync {
    /// Signs in at both, within a bounded time; `None` where too many are being tried already.
    fn check(&self, accounts: Accounts) -> BoxFuture<'static, Option<Checked>>;
}
