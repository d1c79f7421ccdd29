//! The Sent folder: the witness where an answer was lost (SND-3), and the place of the copy (SND-4).

use std::fmt::Display;
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use postroom_store::{DeliveryJob, DeliveryLease, MailboxConnection, SentCopy, StoreError};

use super::attempt::is_passing;
use super::pool::Key;
use super::worker::{Leaving, Worker};
use crate::ServerError;
use crate::account::Account;
use crate::imap::Session;
use crate::net::Network;
use crate::oauth::End;

/// A session with a mailbox's IMAP server, and the name of its Sent folder if it has one.
#[derive(Debug)]
pub(super) struct SentFolder {
    session: Session,
    name: Option<String>,
    /// An APPEND was begun and its answer has not come: the server may yet file what it has.
    filing: bool,
}

impl SentFolder {
    fn open(
        network: &Network,
        account: &Account,
        command_time: std::time::Duration,
    ) -> Result<Self, ServerError> {
        let mut session = Session::open(network, &account.endpoint, &account.login, command_time)?;
        let name = session.discover()?.sent;
        Ok(Self { session, name, filing: false })
    }

    fn holds(&mut self, message_id: &str) -> Result<bool, ServerError> {
        match &self.name {
            Some(name) => self.session.holds_message(name, message_id),
            None => Ok(false),
        }
    }

    /// Files the message unless it is there.
    fn file_once(
        &mut self,
        message_id: &str,
        message: &[u8],
        date: DateTime<Utc>,
    ) -> Result<(), ServerError> {
        if self.holds(message_id)? {
            return Ok(());
        }
        match &self.name {
            Some(name) => {
                self.filing = true;
                self.session.file(name, message, date)?;
                self.filing = false;
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn close(self) {
        self.session.close();
    }
}

impl Worker {
    /// Looks for a message whose answer was lost. Found, it was sent; not found in time, nobody knows, and it is never
    /// sent again by itself.
    pub(super) async fn search(
        &self,
        lease: &DeliveryLease,
        job: &DeliveryJob,
        connection: &MailboxConnection,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(_turn) = self.folders.turn(Key::from(connection)).await else {
            return self.after_the_others(lease).await;
        };
        let message_id = job.mail.rfc_message_id.as_str().to_owned();
        let found = self.in_sent_folder(connection, move |folder| folder.holds(&message_id)).await;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::info!(%error, "the Sent folder could not be searched");
                false
            }
        };
        self.searched(lease, found, since).await
    }

    /// After a look into the Sent folder, or where it can't be looked into.
    pub(super) async fn searched(
        &self,
        lease: &DeliveryLease,
        found: bool,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let search_for = TimeDelta::from_std(self.settings.search_for).unwrap_or(TimeDelta::MAX);
        if !found && Utc::now() - since < search_for {
            return self.store.postpone_delivery(lease, Utc::now() + self.settings.search_every).await;
        }
        self.store.resolve_lost(lease, found).await.map(|_| ())
    }

    /// Sees to it that the message is in the Sent folder once.
    pub(super) async fn file_copy(
        &self,
        lease: &DeliveryLease,
        job: &DeliveryJob,
        connection: &MailboxConnection,
        leaving: &Leaving,
    ) -> Result<(), StoreError> {
        let Some(rendered) = job.rendered.filter(|_| connection.sent_copy != SentCopy::Server) else {
            return self.store.copy_filed(lease).await;
        };
        let Some(_turn) = self.folders.turn(Key::from(connection)).await else {
            return self.after_the_others(lease).await;
        };
        let message_id = job.mail.rfc_message_id.as_str().to_owned();
        if connection.sent_copy == SentCopy::Auto && !self.missed_before(lease) {
            let looked = message_id.clone();
            match self.in_sent_folder(connection, move |folder| folder.holds(&looked)).await {
                Ok(true) => return self.copy_is_there(lease).await,
                Ok(false) => {
                    self.missed().insert(lease.message_id);
                    let later = Utc::now() + self.settings.copy_wait;
                    return self.store.postpone_delivery(lease, later).await;
                }
                Err(error) => return self.copy_later(lease, job, error).await,
            }
        }
        let message = match self.store.get_blob(lease.workspace_id, &rendered).await {
            Ok(message) => message,
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => return self.copy_later(lease, job, error).await,
        };
        let date = job.mail.date;
        leaving.copy(true);
        let filed = self
            .in_sent_folder(connection, move |folder| folder.file_once(&message_id, &message, date))
            .await;
        leaving.copy(false);
        match filed {
            Ok(()) => self.copy_is_there(lease).await,
            Err(error) => self.copy_later(lease, job, error).await,
        }
    }

    async fn copy_is_there(&self, lease: &DeliveryLease) -> Result<(), StoreError> {
        self.missed().remove(&lease.message_id);
        self.store.copy_filed(lease).await
    }

    pub(super) async fn copy_later(
        &self,
        lease: &DeliveryLease,
        job: &DeliveryJob,
        error: impl Display + Send,
    ) -> Result<(), StoreError> {
        tracing::info!(%error, "the copy in the Sent folder has to wait");
        let give_up = TimeDelta::from_std(self.settings.copy_give_up).unwrap_or(TimeDelta::MAX);
        if Utc::now() - job.accepted_at >= give_up {
            tracing::warn!("a sent message has no copy in the Sent folder");
            return self.copy_is_there(lease).await;
        }
        self.store.postpone_delivery(lease, Utc::now() + self.settings.copy_retry).await
    }

    fn missed(
        &self,
    ) -> std::sync::MutexGuard<'_, std::collections::HashSet<postroom_domain::ids::MessageId>> {
        self.copy_missed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missed_before(&self, lease: &DeliveryLease) -> bool {
        self.missed().contains(&lease.message_id)
    }

    /// Does something with the mailbox's Sent folder, on a thread that may block; whoever calls has the turn. A session
    /// that was kept open may have died meanwhile; then it is done again with a new one, unless filing was begun: what
    /// has become of that shows later.
    async fn in_sent_folder<T: Send + 'static>(
        &self,
        connection: &MailboxConnection,
        work: impl Fn(&mut SentFolder) -> Result<T, ServerError> + Send + Sync + 'static,
    ) -> Result<T, ServerError> {
        let key = Key::from(connection);
        let kept = self.folders.take(key);
        if kept.is_none() && self.imap_refusals.too_many(key) {
            return Err(ServerError::LoginRefused);
        }
        match self.worked(connection, kept, work).await {
            Ok((result, folder)) => {
                self.imap_refusals.accepted(key);
                self.folders.put_back(key, folder);
                Ok(result)
            }
            Err(error) => {
                if error == ServerError::LoginRefused {
                    self.imap_refusals.refused(key);
                }
                Err(error)
            }
        }
    }

    async fn worked<T: Send + 'static>(
        &self,
        connection: &MailboxConnection,
        kept: Option<SentFolder>,
        work: impl Fn(&mut SentFolder) -> Result<T, ServerError> + Send + Sync + 'static,
    ) -> Result<(T, SentFolder), ServerError> {
        let work = Arc::new(work);
        if let Some(mut folder) = kept {
            let work = Arc::clone(&work);
            let done = blocking(move || match work(&mut folder) {
                Err(error) if folder.filing => Err(error),
                Err(_) => Ok(None),
                Ok(result) => Ok(Some((result, folder))),
            });
            if let Some(done) = done.await? {
                return Ok(done);
            }
        }
        let (network, command_time) = (&self.settings.network, self.settings.command_time);
        let open = |account: Account| {
            let network = network.clone();
            blocking(move || SentFolder::open(&network, &account, command_time))
        };
        let mut folder = self.accounts.open(connection, End::Reading, open).await?;
        blocking(move || work(&mut folder).map(|result| (result, folder))).await
    }
}

/// Does what may block on a thread for that. One that panics has met something in an answer that the IMAP library did not
/// expect.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServerError> + Send + 'static,
) -> Result<T, ServerError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ServerError::Protocol))
}
