//! Trying a mailbox's servers before anybody relies on them: what is wrong, from the fixed list (MAIL-14).

use std::time::Duration;

use postroom_store::Server;
use secrecy::SecretString;
use tokio::time::timeout;

use crate::ServerError;
use crate::account::Account;
use crate::net::{Network, Timeouts};
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

/// Signs in at both servers at once, within 20 seconds. `turn` is held for as long as a connection may be open, which is
/// a moment longer where a server hangs.
pub async fn check<T: Send + 'static>(
    network: &Network,
    imap: &(Server, SecretString),
    smtp: &(Server, SecretString),
    turn: T,
) -> Checked {
    let network = network.with_timeouts(TIMEOUTS);
    let through = Account::from(smtp);
    let (imap, smtp) =
        tokio::join!(read_from(network.clone(), imap.into(), turn), send_through(&network, &through));
    Checked { imap, smtp }
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
