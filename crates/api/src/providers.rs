//! Providers at which mailboxes sign in instead of with a password. As with mail servers, whoever runs both this crate and
//! the mail protocols brings them together.

use futures_util::future::BoxFuture;
use postroom_store::{NewGrant, Server};
use secrecy::SecretString;

/// A provider that the operator has registered Postroom with.
#[derive(Debug, Clone)]
pub struct ProviderInfo {
    /// Its name for programs.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its server to read, for no account yet.
    pub imap: Server,
    /// Its server to send through.
    pub smtp: Server,
}

/// Why a provider gave nothing for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantFault {
    /// It does not take the code, or not any more.
    NotGranted,
    /// It gave access for a moment only.
    NotLasting,
    /// It refuses Postroom's registration.
    Registration,
    /// It can't be asked now.
    Unavailable,
}

/// Whoever knows the providers.
pub trait SignInProviders: Send + Sync {
    /// All of them.
    fn list(&self) -> Vec<ProviderInfo>;

    /// Where a browser is sent to sign in at one; `None` where there is no such provider.
    fn authorization_url(
        &self,
        provider: &str,
        state: &str,
        challenge: &str,
        login_hint: Option<&str>,
    ) -> Option<String>;

    /// Gives the code that a browser came back with for lasting access, within a bounded time.
    fn exchange(
        &self,
        provider: &str,
        code: String,
        verifier: SecretString,
    ) -> BoxFuture<'static, Result<NewGrant, GrantFault>>;
}

/// No providers at all.
pub(crate) struct NoProviders;

impl SignInProviders for NoProviders {
    fn list(&self) -> Vec<ProviderInfo> {
        Vec::new()
    }

    fn authorization_url(&self, _: &str, _: &str, _: &str, _: Option<&str>) -> Option<String> {
        None
    }

    fn exchange(
        &self,
        _: &str,
        _: String,
        _: SecretString,
    ) -> BoxFuture<'static, Result<NewGrant, GrantFault>> {
        Box::pin(std::future::ready(Err(GrantFault::NotGranted)))
    }
}
