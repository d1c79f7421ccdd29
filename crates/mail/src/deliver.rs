//! The worker that sends (SND-1 to SND-4): it leases what is due in the outbox, hands it to the mailbox's SMTP server,
//! records the answer for each recipient, and sees to the copy in the Sent folder. Killing it anywhere sends nothing
//! twice: what was cut off after the message body had begun to leave is looked for, never sent again by itself.

mod attempt;
mod pool;
mod refusals;
mod render;
mod sent;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use postroom_store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lease::LeaseTimes;
use crate::net::Network;
use crate::oauth::OAuth;
use crate::smtp::Patience;

/// What the sending worker goes by. The defaults of [`DeliverSettings::new`] are the product's.
#[derive(Debug, Clone)]
pub struct DeliverSettings {
    /// The way to mail servers.
    pub network: Network,
    /// The providers at which mailboxes sign in.
    pub oauth: OAuth,
    /// Leases on outbox rows. They are renewed all through an attempt, however long it takes
    /// ([`Patience::longest_attempt`]), and end soon after a kill.
    pub lease: LeaseTimes,
    /// Between two looks for rows that are due.
    pub claim_every: Duration,
    /// Messages that this process works on at once.
    pub at_once: usize,
    /// How long SMTP servers may take.
    pub patience: Patience,
    /// After the first deferral a recipient is tried again after this long, doubling with each (SND-2).
    pub first_retry: Duration,
    /// A message whose answer was lost is looked for in the Sent folder for this long (SND-3).
    pub search_for: Duration,
    /// Between two looks into the Sent folder.
    pub search_every: Duration,
    /// The server's own copy is waited for this long before one is filed (SND-4, `auto`).
    pub copy_wait: Duration,
    /// A Sent folder that can't be reached is tried again after this long.
    pub copy_retry: Duration,
    /// No copy is filed any more so long after the message was accepted.
    pub copy_give_up: Duration,
    /// SMTP sessions that one mailbox has at once.
    pub sessions_of_a_mailbox: usize,
    /// Sessions are kept open for this long after their last message.
    pub keep_sessions: Duration,
    /// The longest time for one IMAP command and its answer.
    pub command_time: Duration,
    /// After so many refused logins in a row a mailbox's server is left alone until the credentials change.
    pub login_refusals: u16,
    /// A message whose body has left may wait for its answer this long when the worker is stopped.
    pub grace: Duration,
}

impl DeliverSettings {
    /// The defaults.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self {
            network,
            oauth: OAuth::none(),
            lease: LeaseTimes::default(),
            claim_every: Duration::from_millis(500),
            at_once: 32,
            patience: Patience::DEFAULT,
            first_retry: Duration::from_secs(30),
            search_for: Duration::from_secs(2 * 60),
            search_every: Duration::from_secs(10),
            copy_wait: Duration::from_secs(5),
            copy_retry: Duration::from_secs(60),
            copy_give_up: Duration::from_secs(24 * 60 * 60),
            sessions_of_a_mailbox: 3,
            keep_sessions: Duration::from_secs(20),
            command_time: Duration::from_secs(60),
            login_refusals: 5,
            grace: Duration::from_secs(6),
        }
    }
}

/// Sends until `shutdown` is cancelled. Then nothing new begins, what has not begun to leave is given back at once, and
/// what waits for the server's last answer may do so for [`DeliverSettings::grace`].
///
/// Any number of these may run against one database.
pub async fn run(store: Store, settings: DeliverSettings, shutdown: CancellationToken) {
    let worker = Arc::new(worker::Worker::new(store.clone(), settings.clone(), shutdown.clone()));
    let mut running = JoinSet::new();
    let mut look = tokio::time::interval(settings.claim_every);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = look.tick() => {}
            // Where something has just become free, there may be more to do.
            Some(ended) = running.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a delivery has panicked");
                }
            }
        }
        // Saying goodbye to a server may take its time.
        let closing = Arc::clone(&worker);
        tokio::spawn(async move { closing.close_idle().await });
        let free = settings.at_once.saturating_sub(running.len());
        let Ok(limit) = u16::try_from(free) else { continue };
        if limit == 0 {
            continue;
        }
        match store.claim_deliveries(i64::from(limit), settings.lease.lasts).await {
            Ok(leases) => {
                for lease in leases {
                    let worker = Arc::clone(&worker);
                    running.spawn(async move { worker.work(lease).await });
                }
            }
            Err(error) => tracing::warn!(%error, "the outbox could not be read"),
        }
    }
    while running.join_next().await.is_some() {}
    worker.close_all().await;
}
