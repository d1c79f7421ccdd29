//! Trying a mailbox's servers before anybody relies on them: what is wrong, from the fixed list (MAIL-14).

use std::time::Duration;

use postroom_store::{Accounts as Settings, Store};
use tokio::time::timeout;

use crate::ServerError;
use crate::account::Account;
use crate::net::{Network, Timeouts};
use crate::oauth::{Accounts, End, OAuth};
use crate::{imap, smtp};

/// Somebody waits for the answer: servers have less time here than when mail is read or sent.
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(6), io: Duration::from_secs(8) };

/// Whatever a server does, an answer is there within this time.
const WITHIN: Duration = Duration::from_secs(20);

/// How signing in went; nothing was read and nothing sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// At the server that is read.
    pub imap: Result<(), ServerError>,
    /// At the server that is sent through.
    pub smtp: Result<(), ServerError>,
}

/// Tries mailboxes' servers.
#[derive(Clone)]
pub struct Checker {
    network: Network,
    accounts: Accounts,
}

impl Checker {
    /// Over this network, with tokens of these providers.
    #[must_use]
    pub fn new(store: Store, network: &Network, oauth: OAuth) -> Self {
        Self { network: network.with_timeouts(TIMEOUTS), accounts: Accounts::new(store, oauth) }
    }

    /// Signs in at both servers at once, within 20 seconds; a mailbox that signs in through its provider may take as long
    /// again to get a token. `turn` is held for as long as a connection may be open, which is a moment longer where a
    /// server hangs.
    pub async fn check<T: Send + 'static>(&self, settings: &Settings, turn: T) -> Checked {
        let read = async {
            let account = self.account(settings, End::Reading).await?;
            read_from(self.network.clone(), account, turn).await
        };
        let send = async {
            let account = self.account(settings, End::Sending).await?;
            send_through(&self.network, &account).await
        };
        let (imap, smtp) = tokio::join!(read, send);
        Checked { imap, smtp }
    }

    async fn account(&self, settings: &Settings, end: End) -> Result<Account, ServerError> {
        let Settings { workspace, mailbox, imap, smtp, credentials } = settings;
        let server = match end {
            End::Reading => imap,
            End::Sending => smtp,
        };
        self.accounts.at(*workspace, *mailbox, server, credentials, end).await
    }
}

async fn read_from<T: Send + 'static>(
    network: Network,
    account: Account,
    turn: T,
) -> Result<(), ServerError> {
    let trying = tokio::task::spawn_blocking(move || {
        let session = imap::Session::open(&network, &account.endpoint, &account.login, TIMEOUTS.io);
        let outcome = session.map(imap::Session::close);
        drop(turn);
        outcome
    });
    match timeout(WITHIN, trying).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            tracing::error!(%error, "trying a mailbox's server has panicked");
            Err(ServerError::Protocol)
        }
        // The thread ends when its sockets' time is over.
        Err(_) => Err(ServerError::TimedOut),
    }
}

async fn send_through(network: &Network, account: &Account) -> Result<(), ServerError> {
    let patience = smtp::Patience { before_body: WITHIN, answer: TIMEOUTS.io, ..smtp::Patience::DEFAULT };
    let session = smtp::Session::open(network, &account.endpoint, &account.login, patience).await?;
    session.close().await;
    Ok(())
}
