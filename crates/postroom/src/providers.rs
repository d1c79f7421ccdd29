//! Brings the API, which sends people to their mailbox's provider, together with who asks the provider.

use futures_util::future::BoxFuture;
use postroom_api::providers::{GrantFault, ProviderInfo, SignInProviders};
use postroom_mail::{
    net::{Endpoint, Security as Mail},
    oauth::{OAuth, TokenFault},
};
use postroom_store::{NewGrant, Security, Server};
use secrecy::SecretString;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// So many codes are given for tokens at once.
const AT_ONCE: usize = 8;

/// The configured providers.
pub(crate) struct Providers {
    oauth: OAuth,
    turns: Arc<Semaphore>,
}

impl Providers {
    pub(crate) fn new(oauth: OAuth) -> Self {
        Self { oauth, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl SignInProviders for Providers {
    fn list(&self) -> Vec<ProviderInfo> {
        let info = |provider: &postroom_mail::oauth::Provider| ProviderInfo {
            id: provider.id.clone(),
            name: provider.name.clone(),
            imap: server(&provider.imap),
            smtp: server(&provider.smtp),
        };
        self.oauth.providers().iter().map(info).collect()
    }

    fn authorization_url(
        &self,
        provider: &str,
        state: &str,
        challenge: &str,
        login_hint: Option<&str>,
    ) -> Option<String> {
        let provider = self.oauth.provider(provider)?;
        Some(self.oauth.authorization_url(provider, state, challenge, login_hint))
    }

    fn exchange(
        &self,
        provider: &str,
        code: String,
        verifier: SecretString,
    ) -> BoxFuture<'static, Result<NewGrant, GrantFault>> {
        let (oauth, provider) = (self.oauth.clone(), provider.to_owned());
        let turn = Arc::clone(&self.turns).try_acquire_owned();
        Box::pin(async move {
            let _turn = turn.map_err(|_| GrantFault::Unavailable)?;
            let known = oauth.provider(&provider).ok_or(GrantFault::NotGranted)?;
            let tokens = oauth.exchange(known, &code, &verifier).await.map_err(|fault| {
                tracing::warn!(provider, %fault, "a sign-in at a provider brought no access");
                told(fault)
            })?;
            let refresh_token = tokens.refresh_token.ok_or(GrantFault::NotLasting)?;
            Ok(NewGrant { provider, access_token: tokens.access_token, lasts: tokens.lasts, refresh_token })
        })
    }
}

fn told(fault: TokenFault) -> GrantFault {
    match fault {
        TokenFault::NotGranted => GrantFault::NotGranted,
        TokenFault::NotLasting => GrantFault::NotLasting,
        TokenFault::Registration => GrantFault::Registration,
        TokenFault::Unavailable(_) => GrantFault::Unavailable,
    }
}

/// A provider's server, for no account yet.
fn server(endpoint: &Endpoint) -> Server {
    let security = match endpoint.security {
        Mail::Tls => Security::Tls,
        Mail::StartTls => Security::StartTls,
        Mail::None => Security::None,
    };
    Server { host: endpoint.host.clone(), port: endpoint.port, security, username: String::new() }
}
