//! The worker that reads mailboxes (MAIL-1): it leases them, one thread for each, and hands every message to the store
//! together with its place in the folder. Killing it anywhere repeats at most one message of each mailbox, and the
//! store knows that one already (MAIL-3).

mod folders;
mod keeping;
mod listing;
mod reader;
mod stop;
mod taking;
mod tending;

use std::sync::Arc;
use std::time::Duration;

use postroom_store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lease::LeaseTimes;
use crate::net::Network;
use crate::oauth::OAuth;

/// What the reading worker goes by. The defaults of [`IngestSettings::new`] are the product's.
#[derive(Debug, Clone)]
pub struct IngestSettings {
    /// The way to mail servers.
    pub network: Network,
    /// The providers at which mailboxes sign in.
    pub oauth: OAuth,
    /// Leases on mailboxes.
    pub lease: LeaseTimes,
    /// Between two looks for mailboxes that are due: an added one is read within this time.
    pub claim_every: Duration,
    /// Mailboxes that this process reads at most; each has a thread.
    pub mailboxes: usize,
    /// The inbox is looked at at least this often, whatever the server announces.
    pub poll_every: Duration,
    /// The inbox is looked at this often where the server announces nothing at all (no IDLE).
    pub poll_without_idle: Duration,
    /// After news the first wait is this short: mail that came between looking and waiting is found at once.
    pub settle: Duration,
    /// The folder of sent mail and those that people have named are looked at this often.
    pub sent_every: Duration,
    /// A mailbox's settings are looked at this often for changes.
    pub settings_every: Duration,
    /// How often the time of the last complete look is recorded.
    pub synced_every: Duration,
    /// Bytes of messages fetched at once.
    pub batch_bytes: u64,
    /// Messages fetched at once.
    pub batch_messages: usize,
    /// Messages of the backfill that are read before new mail is looked for again.
    pub backfill_messages: usize,
    /// The largest message in bytes that is read whole (MAIL-2).
    pub largest_message: u64,
    /// The longest time for one command and its answer.
    pub command_time: Duration,
    /// The pause after the first failure; each further one twice as long.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// Between two tries of a message that the store did not take.
    pub message_pause: Duration,
    /// After so many failures a message is passed and listed in the intake.
    pub message_failures: u32,
    /// After so many refused logins nothing is tried until the credentials change.
    pub login_refusals: u16,
}

impl IngestSettings {
    /// The defaults.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self {
            network,
            oauth: OAuth::none(),
            lease: LeaseTimes::default(),
            claim_every: Duration::from_secs(1),
            mailboxes: 500,
            poll_every: Duration::from_secs(15),
            poll_without_idle: Duration::from_secs(2),
            settle: Duration::from_secs(1),
            sent_every: Duration::from_secs(45),
            settings_every: Duration::from_secs(15),
            synced_every: Duration::from_secs(30),
            batch_bytes: 2 * 1024 * 1024,
            batch_messages: 100,
            backfill_messages: 25,
            largest_message: 50 * 1024 * 1024,
            command_time: Duration::from_secs(5 * 60),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(5 * 60),
            message_pause: Duration::from_secs(1),
            message_failures: 3,
            login_refusals: 5,
        }
    }
}

/// Reads mailboxes until `shutdown` is cancelled; then every lease is given back before it returns.
///
/// Any number of these may run against one database. Call it on a multi-threaded runtime.
pub async fn run(store: Store, settings: IngestSettings, shutdown: CancellationToken) {
    let settings = Arc::new(settings);
    let mut tended = JoinSet::new();
    let mut look = tokio::time::interval(settings.claim_every);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = look.tick() => {}
        }
        while tended.try_join_next().is_some() {}
        let free = settings.mailboxes.saturating_sub(tended.len());
        let Ok(limit) = u16::try_from(free.min(usize::from(u16::MAX))) else { continue };
        if limit == 0 {
            continue;
        }
        match store.claim_mailboxes(limit, settings.lease.lasts).await {
            Ok(leases) => {
                for lease in leases {
                    tended.spawn(tending::tend(
                        store.clone(),
                        Arc::clone(&settings),
                        lease,
                        shutdown.clone(),
                    ));
                }
            }
            Err(error) => tracing::warn!(%error, "mailboxes could not be claimed"),
        }
    }
    while tended.join_next().await.is_some() {}
}
