//! One leased row of the outbox, from its lease to its rest.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use postroom_domain::ids::MessageId;
use postroom_store::{DeliveryLease, DeliveryPhase, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::DeliverSettings;
use super::attempt::is_passing;
use super::pool::Pool;
use super::refusals::Refusals;
use super::sent::SentFolder;
use crate::oauth::Accounts;
use crate::{lease, smtp};

/// What all deliveries of the process share.
pub(super) struct Worker {
    pub(super) store: Store,
    pub(super) accounts: Accounts,
    pub(super) settings: DeliverSettings,
    pub(super) senders: Pool<smtp::Session>,
    pub(super) folders: Pool<SentFolder>,
    pub(super) smtp_refusals: Refusals,
    pub(super) imap_refusals: Refusals,
    /// Sent messages whose copy was looked for and not found yet: the server has had its time to file one.
    pub(super) copy_missed: Mutex<HashSet<MessageId>>,
    shutdown: CancellationToken,
}

/// So long a message waits for its turn at its mailbox's servers: meanwhile it keeps others from their work.
const TURN_WITHIN: Duration = Duration::from_secs(1);

/// A mailbox whose servers are busy is looked at again after this long.
const AFTER_THE_OTHERS: TimeDelta = TimeDelta::seconds(2);

/// Set while the work on a row must not be broken off without need: what it does outside can't be taken back.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    body: AtomicBool,
    copy: AtomicBool,
}

impl Leaving {
    /// The message's body may be on its way to the SMTP server.
    pub(super) fn body(&self) {
        self.body.store(true, Ordering::SeqCst);
    }

    /// A copy may be on its way to the Sent folder.
    pub(super) fn copy(&self, leaving: bool) {
        self.copy.store(leaving, Ordering::SeqCst);
    }

    fn has_body(&self) -> bool {
        self.body.load(Ordering::SeqCst)
    }

    fn has_copy(&self) -> bool {
        self.copy.load(Ordering::SeqCst)
    }
}

impl Worker {
    pub(super) fn new(store: Store, settings: DeliverSettings, shutdown: CancellationToken) -> Self {
        Self {
            accounts: Accounts::new(store.clone(), settings.oauth.clone()),
            store,
            senders: Pool::new(settings.keep_sessions, settings.sessions_of_a_mailbox, TURN_WITHIN),
            // One at a time looks and files: two could both miss what the other is about to file.
            folders: Pool::new(settings.keep_sessions, 1, TURN_WITHIN),
            smtp_refusals: Refusals::new(settings.login_refusals),
            imap_refusals: Refusals::new(settings.login_refusals),
            copy_missed: Mutex::default(),
            settings,
            shutdown,
        }
    }

    /// Does what is to be done for a message, for as long as the lease on it is held.
    pub(super) async fn work(&self, lease: DeliveryLease) {
        let span =
            tracing::info_span!("delivery", workspace = %lease.workspace_id, message = %lease.message_id);
        let leaving = Leaving::default();
        let renew = || async { self.store.renew_delivery(&lease, self.settings.lease.lasts).await };
        async {
            tokio::select! {
                result = self.step(&lease, &leaving) => self.report(&lease, result).await,
                () = lease::keep(self.settings.lease, renew) => tracing::warn!("the lease has ended"),
                () = self.stopped(&leaving) => {
                    if leaving.has_body() || leaving.has_copy() {
                        tracing::warn!("stopped before the server had answered");
                    }
                    // A copy is filed on a thread that can't be cut: nobody else may file one before the lease ends.
                    // A body has begun to leave for all to see, and is looked for, not sent again.
                    if !leaving.has_copy() {
                        self.report(&lease, self.store.postpone_delivery(&lease, Utc::now()).await).await;
                    }
                }
            }
        }
        .instrument(span)
        .await;
    }

    async fn step(&self, lease: &DeliveryLease, leaving: &Leaving) -> Result<(), StoreError> {
        let job = self.store.delivery(lease).await?;
        let connection = match self.store.mailbox_connection(lease.workspace_id, job.mailbox_id).await {
            Ok(connection) => connection,
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "a mailbox's settings could not be read for sending");
                return match job.phase {
                    DeliveryPhase::Send => self.attempt_in_vain(lease, &job).await,
                    DeliveryPhase::Lost { since } => self.searched(lease, false, since).await,
                    DeliveryPhase::FileCopy => self.copy_later(lease, &job, error).await,
                };
            }
        };
        match job.phase {
            DeliveryPhase::Send => self.attempt(lease, &job, &connection, leaving).await,
            DeliveryPhase::Lost { since } => self.search(lease, &job, &connection, since).await,
            DeliveryPhase::FileCopy => self.file_copy(lease, &job, &connection, leaving).await,
        }
    }

    /// Gives a row back because its mailbox's servers are busy with others.
    pub(super) async fn after_the_others(&self, lease: &DeliveryLease) -> Result<(), StoreError> {
        self.store.postpone_delivery(lease, Utc::now() + AFTER_THE_OTHERS).await
    }

    /// Comes back when the work must be broken off.
    async fn stopped(&self, leaving: &Leaving) {
        self.shutdown.cancelled().await;
        if leaving.has_body() || leaving.has_copy() {
            tokio::time::sleep(self.settings.grace).await;
        }
    }

    async fn report(&self, lease: &DeliveryLease, result: Result<(), StoreError>) {
        match result {
            Ok(()) => {}
            Err(StoreError::LeaseLost) => tracing::info!("another worker has the message, or it is done"),
            Err(error) => {
                tracing::error!(%error, "the store failed during a delivery");
                // Not at once again: whatever it is, it may last. If this fails too, the lease ends by itself.
                let later = Utc::now() + self.settings.lease.lasts;
                if let Err(error) = self.store.postpone_delivery(lease, later).await {
                    tracing::debug!(%error, "the lease could not be given back");
                }
            }
        }
    }

    /// Closes sessions that nobody has used for a while.
    pub(super) async fn close_idle(&self) {
        self.close(self.senders.take_idle(), self.folders.take_idle()).await;
    }

    pub(super) async fn close_all(&self) {
        self.close(self.senders.take_all(), self.folders.take_all()).await;
    }

    async fn close(&self, senders: Vec<smtp::Session>, folders: Vec<SentFolder>) {
        futures_util::future::join_all(senders.into_iter().map(smtp::Session::close)).await;
        let closing = folders.into_iter().map(|folder| tokio::task::spawn_blocking(|| folder.close()));
        futures_util::future::join_all(closing).await;
    }
}
