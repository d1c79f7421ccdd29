//! Brings the API, which is asked to try mail servers, together with the mail protocols.

use futures_util::future::BoxFuture;
use postroom_api::{
    checks::{CheckAccounts, Checked, ServerFault},
    shapes::mailbox_test::ServerFaultName,
};
use postroom_mail::{Checker, ServerError};
use postroom_store::Accounts;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// So many are tried at once.
const AT_ONCE: usize = 8;

/// Tries mail servers.
pub(crate) struct Checks {
    checker: Checker,
    turns: Arc<Semaphore>,
}

impl Checks {
    pub(crate) fn new(checker: Checker) -> Self {
        Self { checker, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl CheckAccounts for Checks {
    fn check(&self, accounts: Accounts) -> BoxFuture<'static, Option<Checked>> {
        let (checker, turn) = (self.checker.clone(), Arc::clone(&self.turns).try_acquire_owned());
        Box::pin(async move {
            let checked = checker.check(&accounts, turn.ok()?).await;
            Some(Checked { imap: checked.imap.map_err(fault), smtp: checked.smtp.map_err(fault) })
        })
    }
}

fn fault(error: ServerError) -> ServerFault {
    use ServerError as From;
    use ServerFaultName as To;
    let code = match error {
        From::NameNotFound => To::NameNotFound,
        From::AddressNotAllowed => To::AddressNotAllowed,
        From::PortNotAllowed => To::PortNotAllowed,
        From::PlainNotAllowed => To::PlainNotAllowed,
        From::Unreachable => To::Unreachable,
        From::TimedOut => To::TimedOut,
        From::Certificate(_) => To::CertificateNotValid,
        From::Tls => To::TlsFailed,
        From::NoStartTls => To::NoStarttls,
        From::Greeting => To::NotAMailServer,
        From::NoLoginMechanism => To::NoLoginMechanism,
        From::LoginRefused => To::LoginRefused,
        From::SignInNeeded => To::SignInNeeded,
        From::ProviderUnavailable => To::ProviderUnavailable,
        From::ProviderRefused | From::ProviderNotConfigured => To::ProviderRefused,
        From::Unavailable => To::Unavailable,
        From::Throttled => To::Throttled,
        From::Refused | From::FolderRefused => To::CommandRefused,
        From::ConnectionLost => To::ConnectionLost,
        From::Protocol | From::LiteralTooLarge => To::NotUnderstood,
    };
    ServerFault { code, detail: error.to_string() }
}
