//! Leases: what one worker holds, no other works on. They end by themselves when a process is killed.

use std::future::Future;
use std::time::Duration;

use postroom_store::StoreError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How long a lease lasts, and how often it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// From its last renewal to its end: after a kill, work goes on within this time.
    pub lasts: Duration,
    /// Between two renewals; a third of `lasts` lets one of them fail.
    pub renewed_every: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self { lasts: Duration::from_secs(15), renewed_every: Duration::from_secs(5) }
    }
}

/// Renews a lease that was just taken, until it is lost: to another worker, because the store says so, or because the
/// store could not be reached in time. The work under the lease must stop when this returns.
pub(crate) async fn keep<F>(times: LeaseTimes, mut renew: impl FnMut() -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut held_until = Instant::now() + times.lasts;
    let mut ticks = interval_at(Instant::now() + times.renewed_every, times.renewed_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Counted from before the renewal: the store's clock for it starts somewhere in between.
        let asked = Instant::now();
        match tokio::time::timeout_at(held_until, renew()).await {
            Ok(Ok(())) => held_until = asked + times.lasts,
            Ok(Err(StoreError::LeaseLost)) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a lease could not be renewed");
                if Instant::now() >= held_until {
                    return;
                }
            }
        }
    }
}
