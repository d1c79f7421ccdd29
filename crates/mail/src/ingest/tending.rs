//! Watching over one leased mailbox: sessions come and go, with pauses between failures, until the lease ends.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use postroom_store::{MailboxConnection, MailboxHealth, MailboxLease, MailboxState, Store, StoreError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::IngestSettings;
use super::reader::{Caution, Ended, Halt, Reader};
use super::stop::Stop;
use crate::ServerError;
use crate::account::Account;
use crate::backoff::Backoff;
use crate::lease;
use crate::oauth::{Accounts, End};

/// Reads a mailbox for as long as its lease is held, then gives it back.
pub(super) async fn tend(
    store: Store,
    settings: Arc<IngestSettings>,
    lease: MailboxLease,
    shutdown: CancellationToken,
) {
    let span = tracing::info_span!("mailbox", workspace = %lease.workspace_id, mailbox = %lease.mailbox_id);
    let renew = || async { store.renew_mailbox_lease(&lease, settings.lease.lasts).await };
    let accounts = Accounts::new(store.clone(), settings.oauth.clone());
    let tending =
        Tending { store: store.clone(), accounts, settings: Arc::clone(&settings), lease, shutdown };
    async {
        let due_at = tokio::select! {
            () = lease::keep(settings.lease, renew) => {
                tracing::info!("the lease has ended");
                Utc::now()
            }
            due_at = tending.read() => due_at,
        };
        // Where another worker has it by now, this does nothing.
        if let Err(error) = store.release_mailbox(&lease, due_at).await {
            tracing::warn!(%error, "the lease could not be given back");
        }
    }
    .instrument(span)
    .await;
}

/// So long a thread may take to end after it was told to: the store's last transaction, hardly more.
const STOPS_WITHIN: Duration = Duration::from_secs(3);

/// Of a mailbox's thread, in bytes, as much as a process's first thread has: it parses mail.
const STACK: usize = 8 * 1024 * 1024;

struct Tending {
    store: Store,
    accounts: Accounts,
    settings: Arc<IngestSettings>,
    lease: MailboxLease,
    shutdown: CancellationToken,
}

/// Stops the thread when the task that watches over it goes away.
struct StopOnDrop(Arc<Stop>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl Tending {
    /// Opens one session after the other. Returns when the mailbox should be looked at again.
    async fn read(&self) -> DateTime<Utc> {
        let mut backoff = Backoff::new(self.settings.first_pause, self.settings.longest_pause);
        let mut caution = Caution::default();
        let mut refusals = 0;
        // A refused token has been renewed, and none has been good since.
        let mut renewed = false;
        loop {
            if self.shutdown.is_cancelled() {
                return Utc::now();
            }
            let connection =
                self.store.mailbox_connection(self.lease.workspace_id, self.lease.mailbox_id).await;
            let version = match connection {
                Ok(connection) if !may_read(&connection, self.settings.login_refusals) => {
                    return self.later();
                }
                Ok(connection) => {
                    let version = connection.credentials_version;
                    refusals = connection.login_refusals;
                    let account = self.accounts.of(&connection, End::Reading).await;
                    let ended = match &account {
                        Ok(account) => {
                            self.session(connection, account.clone(), std::mem::take(&mut caution)).await
                        }
                        Err(error) => Ended::failed(*error),
                    };
                    if ended.progressed {
                        backoff.reset();
                        renewed = false;
                    }
                    caution = ended.caution;
                    match (&ended.halt, &account) {
                        (Halt::Stopped, _) => continue,
                        (Halt::Server(ServerError::LoginRefused), Ok(account))
                            if !renewed && self.accounts.can_renew(account).await =>
                        {
                            renewed = true;
                            continue;
                        }
                        _ => {}
                    }
                    self.record(&ended.halt, refusals).await;
                    Some(version)
                }
                Err(StoreError::NotFound) => return self.later(),
                Err(error) => {
                    self.record(&Halt::Store(error), refusals).await;
                    None
                }
            };
            let pause = backoff.next(rand::random());
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
                () = self.settings_change(version) => backoff.reset(),
            }
        }
    }

    /// When a mailbox that can't be read for now, for a reason that no pause cures, is looked at again.
    fn later(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::from_std(self.settings.settings_every).unwrap_or(TimeDelta::MAX)
    }

    /// One session in a thread of its own, until it ends or must end.
    async fn session(&self, connection: MailboxConnection, account: Account, caution: Caution) -> Ended {
        let version = connection.credentials_version;
        let stop = StopOnDrop(Arc::new(Stop::default()));
        let reader = Reader::new(
            self.store.clone(),
            Arc::clone(&self.settings),
            self.lease,
            connection,
            account,
            Arc::clone(&stop.0),
            caution,
        );
        let (done, mut ended) = oneshot::channel();
        let span = tracing::Span::current();
        let thread = std::thread::Builder::new().name("mailbox".to_owned()).stack_size(STACK);
        let started = thread.spawn(move || {
            let ended = span.in_scope(|| reader.run());
            // Nobody waits any more where the lease was lost.
            let _ = done.send(ended);
        });
        if let Err(error) = started {
            tracing::error!(%error, "no thread could be started for a mailbox");
            return Ended::failed(ServerError::Unavailable);
        }
        tokio::select! {
            result = &mut ended => return settle(result),
            () = self.shutdown.cancelled() => {}
            () = self.settings_change(Some(version)) => tracing::info!("the mailbox's settings have changed"),
        }
        stop.0.set();
        // A thread that is still connecting can't be cut; it finds out afterwards and does nothing more. Whatever else
        // it might do, the store refuses without the lease.
        tokio::time::timeout(STOPS_WITHIN, ended).await.map_or_else(|_| Ended::stopped(), settle)
    }

    /// Comes back when the mailbox's credentials are others, or it is not to be read any more.
    async fn settings_change(&self, version: Option<i64>) {
        loop {
            tokio::time::sleep(self.settings.settings_every).await;
            match self.store.mailbox_connection(self.lease.workspace_id, self.lease.mailbox_id).await {
                Ok(now) if now.reads && Some(now.credentials_version) == version => {}
                Ok(_) | Err(StoreError::NotFound) => return,
                Err(error) => tracing::warn!(%error, "the mailbox's settings could not be read"),
            }
        }
    }

    /// Writes down why reading has ended, where the mailbox's owner looks.
    async fn record(&self, halt: &Halt, refusals: u16) {
        tracing::warn!(reason = %halt, "reading was interrupted");
        let last_error = match halt {
            Halt::Server(error) => error.to_string(),
            Halt::Store(error) => match own_fault(error) {
                Some(fault) => fault.to_owned(),
                None => return,
            },
            Halt::Stopped => return,
        };
        let refused = matches!(halt, Halt::Server(ServerError::LoginRefused));
        let login_refusals = if refused { refusals.saturating_add(1) } else { refusals };
        let given_up = login_refusals >= self.settings.login_refusals;
        let health = MailboxHealth {
            state: if given_up { MailboxState::Refused } else { MailboxState::Failing },
            last_error: Some(last_error),
            synced_at: None,
            login_refusals,
        };
        if let Err(error) = self.store.record_mailbox_health(&self.lease, &health).await {
            tracing::warn!(%error, "the mailbox's state could not be recorded");
        }
    }
}

/// What a mailbox's owner is told of a fault inside Postroom; the log has the rest. Nothing where the lease is gone, or
/// the database, which could not be told either.
fn own_fault(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::LeaseLost | StoreError::NotFound | StoreError::Unavailable(_) => None,
        StoreError::Secret => Some("Postroom could not open the mailbox's password"),
        StoreError::Blob(_) | StoreError::BlobStoreFull | StoreError::BlobUrl { .. } => {
            Some("Postroom could not keep what it read: its file store fails")
        }
        _ => Some("Postroom could not keep what it read"),
    }
}

fn may_read(connection: &MailboxConnection, most_refusals: u16) -> bool {
    connection.reads && !connection.revoked && connection.login_refusals < most_refusals
}

/// A thread that ends without a word has panicked: a fault of ours, but no reason to give the mailbox up.
fn settle(result: Result<Ended, oneshot::error::RecvError>) -> Ended {
    result.unwrap_or_else(|_| {
        tracing::error!("a mailbox's thread has panicked");
        Ended::failed(ServerError::Protocol)
    })
}
