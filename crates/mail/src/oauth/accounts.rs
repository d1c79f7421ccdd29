//! How a mailbox signs in right now: with its password, or with its provider's access token, fetched anew where it must be.

use std::time::Duration;

use postroom_domain::ids::{MailboxId, WorkspaceId};
use postroom_store::{AskFault, Asking, Credentials, MailboxConnection, Server, Standing, Store, StoreError};

use super::{OAuth, Provider, TokenFault, http};
use crate::ServerError;
use crate::account::{Account, Proof};
use crate::backoff::Backoff;

/// Whoever asks a provider is believed to be at it for so long; then another one may.
const ASKS_WITHIN: Duration = http::WITHIN.saturating_add(Duration::from_secs(10));
/// Between two looks for the token that another process gets.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// A provider that could not be asked is left alone for so long, and up to so long if it goes on.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5 * 60));

/// Which of a mailbox's servers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Reading,
    Sending,
}

/// The way to sign in at mailboxes' servers.
#[derive(Clone)]
pub(crate) struct Accounts {
    store: Store,
    oauth: OAuth,
}

impl Accounts {
    pub(crate) fn new(store: Store, oauth: OAuth) -> Self {
        Self { store, oauth }
    }

    /// The account at one of a mailbox's servers.
    pub(crate) async fn of(&self, mailbox: &MailboxConnection, end: End) -> Result<Account, ServerError> {
        let server = match end {
            End::Reading => &mailbox.imap,
            End::Sending => &mailbox.smtp,
        };
        self.at(mailbox.workspace_id, mailbox.id, server, &mailbox.credentials, end).await
    }

    /// The same, of settings that need not be saved.
    pub(crate) async fn at(
        &self,
        workspace: WorkspaceId,
        mailbox: MailboxId,
        server: &Server,
        credentials: &Credentials,
        end: End,
    ) -> Result<Account, ServerError> {
        let proof = match (credentials, end) {
            (Credentials::Passwords { imap, .. }, End::Reading) => Proof::Password(imap.clone()),
            (Credentials::Passwords { smtp, .. }, End::Sending) => Proof::Password(smtp.clone()),
            (Credentials::Provider(provider), _) => {
                let provider = self.oauth.provider(provider).ok_or(ServerError::ProviderNotConfigured)?;
                Proof::Token(workspace, mailbox, self.token(workspace, mailbox, provider).await?)
            }
        };
        Ok(Account::new(server, proof))
    }

    /// Opens something with a mailbox's account. A token that the server refuses is renewed once: it may have ended before
    /// its time.
    pub(crate) async fn open<T, F: Future<Output = Result<T, ServerError>> + Send>(
        &self,
        mailbox: &MailboxConnection,
        end: End,
        open: impl Fn(Account) -> F + Sync,
    ) -> Result<T, ServerError> {
        let account = self.of(mailbox, end).await?;
        match open(account.clone()).await {
            Err(ServerError::LoginRefused) if self.can_renew(&account).await => {
                open(self.of(mailbox, end).await?).await
            }
            opened => opened,
        }
    }

    /// Gives up a token that was refused; false where the account has none.
    pub(crate) async fn can_renew(&self, account: &Account) -> bool {
        let Proof::Token(workspace, mailbox, token) = &account.proof else { return false };
        match self.store.token_refused(*workspace, *mailbox, token).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a refused token could not be given up");
                false
            }
        }
    }

    async fn token(
        &self,
        workspace: WorkspaceId,
        mailbox: MailboxId,
        provider: &Provider,
    ) -> Result<postroom_store::AccessToken, ServerError> {
        let patience = tokio::time::Instant::now() + ASKS_WITHIN;
        loop {
            let standing = self
                .store
                .access_token(workspace, mailbox, ASKS_WITHIN)
                .await
                .map_err(|error| own(&error))?;
            match standing {
                Standing::Ready(token) => return Ok(token),
                Standing::Revoked => return Err(ServerError::SignInNeeded),
                Standing::Later(fault) => return Err(shown(fault)),
                Standing::Wait if tokio::time::Instant::now() >= patience => {
                    return Err(ServerError::ProviderUnavailable);
                }
                Standing::Wait => tokio::time::sleep(LOOK_AGAIN).await,
                Standing::Ask(asking) => {
                    // Whatever ends the work that needs the token: what the provider gives is kept. It may give another
                    // refresh token only once.
                    let (accounts, provider) = (self.clone(), provider.clone());
                    let meanwhile = asking.meanwhile.clone();
                    let asked = tokio::spawn(async move { accounts.ask(&provider, &asking).await }).await;
                    match (asked, meanwhile) {
                        (Ok(Ok(())), _) => {}
                        (Ok(Err(ServerError::ProviderUnavailable)), Some(token)) => return Ok(token),
                        (Ok(Err(error)), _) => return Err(error),
                        (Err(_), _) => return Err(ServerError::Protocol),
                    }
                }
            }
        }
    }

    /// Asks the provider, and keeps what it says.
    async fn ask(&self, provider: &Provider, asking: &Asking) -> Result<(), ServerError> {
        let fault = match self.oauth.refresh(provider, &asking.refresh_token).await {
            Ok(tokens) => {
                tracing::info!(provider = provider.id, "a mailbox has another access token");
                return self.store.keep_tokens(asking, &tokens).await.map_err(|error| own(&error));
            }
            Err(TokenFault::NotGranted) => {
                tracing::warn!(provider = provider.id, "a mailbox's access has been ended");
                self.store.grant_ended(asking).await.map_err(|error| own(&error))?;
                return Err(ServerError::SignInNeeded);
            }
            Err(fault) => fault,
        };
        tracing::warn!(provider = provider.id, %fault, "a mailbox got no access token");
        let fault = match fault {
            TokenFault::Registration => AskFault::Registration,
            _ => AskFault::Unavailable,
        };
        let pause = Backoff::after(PAUSES, asking.failures).next(rand::random());
        self.store.asked_in_vain(asking, fault, pause).await.map_err(|error| own(&error))?;
        Err(shown(fault))
    }
}

fn shown(fault: AskFault) -> ServerError {
    match fault {
        AskFault::Registration => ServerError::ProviderRefused,
        AskFault::Unavailable => ServerError::ProviderUnavailable,
    }
}

/// A fault of Postroom's own; the log has it.
fn own(error: &StoreError) -> ServerError {
    tracing::error!(%error, "a mailbox's access token could not be read or kept");
    ServerError::ProviderUnavailable
}
