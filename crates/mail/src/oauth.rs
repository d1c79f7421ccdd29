//! Signing in through a mailbox's provider (MAIL-17; OAuth 2, RFC 6749, with PKCE, RFC 7636) instead of with a password: the
//! providers that the operator has registered Postroom with, their token endpoints, and the tokens that mailboxes share.
//!
//! Every address here is the operator's. No user of the API can make Postroom ask another one, or take a provider's token
//! to another server than the provider's.

mod accounts;
mod client;
mod http;
mod provider;

use std::sync::Arc;

pub use client::TokenFault;
pub use provider::{Provider, ProviderError};

pub(crate) use accounts::{Accounts, End};

use crate::net::Network;

/// The providers of this installation, and the way to their token endpoints.
#[derive(Debug, Clone)]
pub struct OAuth {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    providers: Vec<Provider>,
    /// Where browsers come back to.
    redirect_url: String,
    /// None where there are no providers.
    network: Option<Network>,
}

impl OAuth {
    /// No providers: mailboxes sign in with passwords alone.
    #[must_use]
    pub fn none() -> Self {
        Self { inner: Arc::new(Inner { providers: Vec::new(), redirect_url: String::new(), network: None }) }
    }

    /// These providers, whose token endpoints are asked over this network; it has no say in where they are.
    #[must_use]
    pub fn new(providers: Vec<Provider>, redirect_url: String, network: &Network) -> Self {
        let network = Some(network.to_anywhere());
        Self { inner: Arc::new(Inner { providers, redirect_url, network }) }
    }

    /// The providers.
    #[must_use]
    pub fn providers(&self) -> &[Provider] {
        &self.inner.providers
    }

    /// The provider with this name.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.inner.providers.iter().find(|provider| provider.id == id)
    }

    /// Where to send a browser for signing in at a provider. `challenge` is the verifier's SHA-256 (PKCE).
    #[must_use]
    pub fn authorization_url(
        &self,
        provider: &Provider,
        state: &str,
        challenge: &str,
        login_hint: Option<&str>,
    ) -> String {
        provider.authorization_url(&self.inner.redirect_url, state, challenge, login_hint)
    }
}
