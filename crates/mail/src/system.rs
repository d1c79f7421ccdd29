//! The worker that sends Postroom's own mail: invitations, and links for new passwords. It leases what is due, hands it to
//! the operator's SMTP server, and tries again until the mail has left or its link is void. Killing it anywhere loses
//! nothing; at worst somebody gets the same link twice.

mod letter;
mod server;

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use postroom_domain::address::NamedAddress;
use postroom_domain::delivery::next_attempt;
use postroom_store::{Store, StoreError, SystemMail, SystemMailLease};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::error::ServerError;
use crate::lease::{self, LeaseTimes};
use crate::net::Network;
use crate::smtp::{End, Patience, Session, Verdict};

pub use server::{SystemServer, SystemServerError};

/// What the worker goes by.
#[derive(Debug, Clone)]
pub struct SystemMailSettings {
    /// The way to the server. The operator has chosen it: any address will do ([`Network::to_anywhere`]).
    pub network: Network,
    /// The operator's SMTP server.
    pub server: SystemServer,
    /// Who the mails are from.
    pub from: NamedAddress,
    /// Where the page is that people work with, without a slash at the end: links lead there.
    pub app_url: String,
    /// Leases on the queue's rows.
    pub lease: LeaseTimes,
    /// After the first failure a mail is tried again after this long, doubling with each.
    pub first_retry: Duration,
    /// How long the server may take.
    pub patience: Patience,
    /// Between two looks for mails that are due.
    pub look_every: Duration,
}

/// Mails that one process sends at once: they are few.
const AT_ONCE: usize = 4;

/// Sends until `shutdown` is cancelled; what has not left by then is given back. Any number of these may run against one
/// database.
pub async fn run(store: Store, settings: SystemMailSettings, shutdown: CancellationToken) {
    let worker =
        Arc::new(Worker { store: store.clone(), settings: settings.clone(), shutdown: shutdown.clone() });
    let mut running = JoinSet::new();
    let mut look = tokio::time::interval(settings.look_every);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = look.tick() => {}
        }
        while let Some(ended) = running.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "sending a mail of our own has panicked");
            }
        }
        if let Err(error) = store.answer_password_reset_requests().await {
            tracing::warn!(%error, "requests for new passwords could not be looked at");
        }
        let free = i64::try_from(AT_ONCE.saturating_sub(running.len())).unwrap_or(0);
        if free == 0 {
            continue;
        }
        match store.claim_system_mails(free, settings.lease.lasts).await {
            Ok(leases) => {
                for lease in leases {
                    let worker = Arc::clone(&worker);
                    running.spawn(async move { worker.work(lease).await });
                }
            }
            Err(error) => tracing::warn!(%error, "the queue of our own mail could not be read"),
        }
    }
    while running.join_next().await.is_some() {}
}

/// Whether the server takes us: connects, signs in, and says goodbye.
///
/// # Errors
/// What is wrong with it.
pub async fn check(settings: &SystemMailSettings) -> Result<(), ServerError> {
    open(settings).await?.close().await;
    Ok(())
}

async fn open(settings: &SystemMailSettings) -> Result<Session, ServerError> {
    let SystemServer { endpoint, login } = &settings.server;
    Session::open(&settings.network, endpoint, login.as_ref(), settings.patience).await
}

struct Worker {
    store: Store,
    settings: SystemMailSettings,
    shutdown: CancellationToken,
}

/// How an attempt ended.
enum Attempt {
    Sent,
    /// Not now.
    Failed(String),
    /// The server will not have it, for whatever reason.
    Refused(String),
}

impl Worker {
    async fn work(&self, lease: SystemMailLease) {
        let span = tracing::info_span!("system_mail", workspace = %lease.workspace_id, mail = %lease.mail_id);
        let renew = || async { self.store.renew_system_mail(&lease, self.settings.lease.lasts).await };
        async {
            let result = tokio::select! {
                result = self.step(&lease) => result,
                () = lease::keep(self.settings.lease, renew) => Err(StoreError::LeaseLost),
                () = self.shutdown.cancelled() => self.store.postpone_system_mail(&lease, Utc::now(), false).await,
            };
            match result {
                Ok(()) => {}
                Err(StoreError::LeaseLost) => tracing::info!("the mail is another worker's, or not to be sent any more"),
                Err(error) => {
                    tracing::error!(%error, "the store failed while a mail of our own was sent");
                    // Not at once again. If this fails too, the lease ends by itself.
                    let later = Utc::now() + self.settings.lease.lasts;
                    if let Err(error) = self.store.postpone_system_mail(&lease, later, true).await {
                        tracing::debug!(%error, "the lease could not be given back");
                    }
                }
            }
        }
        .instrument(span)
        .await;
    }

    async fn step(&self, lease: &SystemMailLease) -> Result<(), StoreError> {
        let Some(mail) = self.store.system_mail(lease).await? else {
            tracing::info!("the mail's link is void: it is not sent");
            return Ok(());
        };
        let attempts = mail.attempts + 1;
        let now = Utc::now();
        let first_retry = TimeDelta::from_std(self.settings.first_retry).unwrap_or(TimeDelta::MAX);
        let next = |since| next_attempt(attempts, since, now, first_retry, rand::random());
        let again_at = match self.attempt(lease, &mail).await {
            Attempt::Sent => {
                tracing::info!(purpose = ?mail.purpose, "a mail of our own is sent");
                None
            }
            // A server that is away comes back: only the link's own end is the end.
            Attempt::Failed(why) => {
                tracing::warn!(%why, attempts, "a mail of our own could not be sent yet");
                next(now)
            }
            Attempt::Refused(why) => {
                let again_at = next(mail.created_at);
                tracing::error!(%why, attempts, given_up = again_at.is_none(), "a mail of our own was refused");
                again_at
            }
        };
        match again_at {
            Some(due) => self.store.postpone_system_mail(lease, due, true).await,
            None => self.store.finish_system_mail(lease).await,
        }
    }

    async fn attempt(&self, lease: &SystemMailLease, mail: &SystemMail) -> Attempt {
        let settings = &self.settings;
        let letter = match letter::write(settings, mail, lease.mail_id) {
            Ok(letter) => letter,
            Err(error) => return Attempt::Refused(error.to_string()),
        };
        let mut session = match open(settings).await {
            Ok(session) => session,
            Err(error) => return Attempt::Failed(error.to_string()),
        };
        let to = [mail.to.address.clone()];
        let delivered = session.deliver(&settings.from.address, &to, &letter, async { true }).await;
        session.close().await;
        match delivered.verdicts.into_iter().next().flatten() {
            Some(Verdict::Accepted(_)) => Attempt::Sent,
            Some(Verdict::Deferred(reply)) => Attempt::Failed(format!("the server said {}", reply.code)),
            Some(Verdict::Refused(reply)) => Attempt::Refused(format!("the server said {}", reply.code)),
            None => Attempt::Failed(match delivered.end {
                End::LostBeforeBody(error) | End::Unknown(error) => error.to_string(),
                End::Answered | End::Withdrawn => "no answer".to_owned(),
            }),
        }
    }
}
