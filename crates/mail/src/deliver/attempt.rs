//! An attempt to send (SND-1 to SND-3).

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use postroom_domain::address::EmailAddress;
use postroom_store::{DeliveryJob, DeliveryLease, MailboxConnection, RecipientOutcome, StoreError};

use super::pool::Key;
use super::render::{RenderError, rendered};
use super::worker::{Leaving, Worker};
use crate::ServerError;
use crate::oauth::End as Side;
use crate::smtp::{Attempt, End, Session, Verdict};

/// Between two tries to record an answer: it is known here alone.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

impl Worker {
    /// Sends to those who still wait, and records what became of each.
    pub(super) async fn attempt(
        &self,
        lease: &DeliveryLease,
        job: &DeliveryJob,
        connection: &MailboxConnection,
        leaving: &Leaving,
    ) -> Result<(), StoreError> {
        let key = Key::from(connection);
        let Some(_turn) = self.senders.turn(key).await else {
            return self.after_the_others(lease).await;
        };
        let message = match rendered(&self.store, lease, job).await {
            Ok(bytes) => Ok(bytes),
            Err(RenderError::Compose(error)) => {
                Err(RecipientOutcome::Refused { code: None, text: error.to_string() })
            }
            Err(RenderError::Store(error)) if is_passing(&error) => return Err(error),
            Err(error @ (RenderError::Store(_) | RenderError::Panicked)) => {
                tracing::error!(%error, "a message could not be prepared for sending");
                Err(not_prepared())
            }
            Err(RenderError::Interrupted) => return Ok(()),
        };
        self.store.begin_attempt(lease).await?;
        let outcomes = match message {
            Ok(message) => self.outcomes(lease, job, connection, &message, leaving).await?,
            Err(refusal) => vec![refusal; job.pending.len()],
        };
        self.record(lease, job.pending.iter().cloned().zip(outcomes).collect()).await
    }

    /// Records an attempt that ended inside Postroom, before any server was asked: it is shown, and counts as others do.
    pub(super) async fn attempt_in_vain(
        &self,
        lease: &DeliveryLease,
        job: &DeliveryJob,
    ) -> Result<(), StoreError> {
        self.store.begin_attempt(lease).await?;
        self.record(lease, job.pending.iter().map(|to| (to.clone(), not_prepared())).collect()).await
    }

    /// What became of each recipient, in their order.
    async fn outcomes(
        &self,
        lease: &DeliveryLease,
        job: &DeliveryJob,
        connection: &MailboxConnection,
        message: &Bytes,
        leaving: &Leaving,
    ) -> Result<Vec<RecipientOutcome>, StoreError> {
        let key = Key::from(connection);
        let mut session = match self.session(key, connection).await {
            Ok(session) => session,
            Err(error) => {
                tracing::info!(%error, "the mail server could not be reached for sending");
                return Ok(vec![deferred(error); job.pending.len()]);
            }
        };
        let mut refused_by_store = None;
        let before_body = async {
            // From before the commit on: whether it has happened is not known while it is under way.
            leaving.body();
            match self.store.begin_data(lease).await {
                Ok(()) => true,
                Err(error) => {
                    refused_by_store = Some(error);
                    false
                }
            }
        };
        let attempt = session.deliver(&job.envelope_from, &job.pending, message, before_body).await;
        if session.is_usable() {
            self.senders.put_back(key, session);
        }
        tracing::info!(end = ?attempt.end, recipients = job.pending.len(), "an attempt has ended");
        match refused_by_store {
            Some(StoreError::LeaseLost) => Err(StoreError::LeaseLost),
            // Nothing was sent, that is certain; so it can be recorded, whatever the commit has come to.
            _ => Ok(judged(attempt)),
        }
    }

    /// A session with the mailbox's SMTP server: one that is still open, or a new one.
    async fn session(&self, key: Key, connection: &MailboxConnection) -> Result<Session, ServerError> {
        while let Some(mut session) = self.senders.take(key) {
            if session.still_lives().await {
                return Ok(session);
            }
        }
        if self.smtp_refusals.too_many(key) {
            return Err(ServerError::LoginRefused);
        }
        let settings = &self.settings;
        let opened = self
            .accounts
            .open(connection, Side::Sending, |account| async move {
                Session::open(&settings.network, &account.endpoint, &account.login, settings.patience).await
            })
            .await;
        match opened {
            Ok(_) => self.smtp_refusals.accepted(key),
            Err(ServerError::LoginRefused) => self.smtp_refusals.refused(key),
            Err(_) => {}
        }
        opened
    }

    /// Records the outcomes, again and again where the store can't be reached: an answer that is lost now would leave
    /// the message in doubt. It ends with the lease at the latest.
    async fn record(
        &self,
        lease: &DeliveryLease,
        outcomes: Vec<(EmailAddress, RecipientOutcome)>,
    ) -> Result<(), StoreError> {
        let first_retry = TimeDelta::from_std(self.settings.first_retry).unwrap_or(TimeDelta::MAX);
        loop {
            let recorded =
                self.store.finish_attempt(lease, outcomes.clone(), first_retry, rand::random()).await;
            match recorded {
                Ok(_) => return Ok(()),
                Err(StoreError::LeaseLost) => return Err(StoreError::LeaseLost),
                Err(error) => tracing::error!(%error, "an attempt's end could not be recorded"),
            }
            tokio::time::sleep(RECORD_AGAIN).await;
        }
    }
}

/// True of what ends by itself and has nothing to do with the message: the lease, and the database for now.
pub(super) fn is_passing(error: &StoreError) -> bool {
    matches!(error, StoreError::LeaseLost | StoreError::Unavailable(_))
}

fn not_prepared() -> RecipientOutcome {
    let text = "Postroom could not prepare the message for sending".to_owned();
    RecipientOutcome::Deferred { code: None, text }
}

fn deferred(error: ServerError) -> RecipientOutcome {
    RecipientOutcome::Deferred { code: None, text: error.to_string() }
}

/// Each recipient's outcome: the server's verdict, or what the attempt's end means for those without one.
fn judged(attempt: Attempt) -> Vec<RecipientOutcome> {
    let open = match attempt.end {
        End::Answered => deferred(ServerError::Protocol),
        End::LostBeforeBody(error) => deferred(error),
        End::Withdrawn => {
            RecipientOutcome::Deferred { code: None, text: "interrupted before sending".to_owned() }
        }
        End::Unknown(error) => RecipientOutcome::Unknown { text: error.to_string() },
    };
    attempt
        .verdicts
        .into_iter()
        .map(|verdict| match verdict {
            Some(Verdict::Accepted(reply)) => RecipientOutcome::Sent { code: reply.code },
            Some(Verdict::Deferred(reply)) => {
                RecipientOutcome::Deferred { code: Some(reply.code), text: reply.text }
            }
            Some(Verdict::Refused(reply)) => {
                RecipientOutcome::Refused { code: Some(reply.code), text: reply.text }
            }
            None => open.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Reply;

    #[test]
    fn only_a_loss_after_the_body_has_begun_is_doubtful() {
        let refused = Some(Verdict::Refused(Reply { code: 550, text: "no".to_owned() }));
        let attempt = |end| Attempt { verdicts: vec![refused.clone(), None], end };
        for (end, doubtful) in [
            (End::LostBeforeBody(ServerError::ConnectionLost), false),
            (End::Withdrawn, false),
            (End::Unknown(ServerError::ConnectionLost), true),
        ] {
            let outcomes = judged(attempt(end));
            assert!(matches!(outcomes[0], RecipientOutcome::Refused { code: Some(550), .. }));
            assert_eq!(matches!(outcomes[1], RecipientOutcome::Unknown { .. }), doubtful, "{end:?}");
            assert_eq!(matches!(outcomes[1], RecipientOutcome::Deferred { code: None, .. }), !doubtful);
        }
    }
}
