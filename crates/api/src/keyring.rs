//! The keys of access tokens as they are now: another process may have made a new one. They are read again every half
//! minute, and at once for a token whose key is unknown, so that a new key signs nobody out.

use crate::tokens::{Claims, TokenError, TokenKeys};
use postroom_store::Store;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(30);
/// Unknown keys are looked for no more often than this: anybody can make tokens up.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Keys that keep up with the database.
#[derive(Clone)]
pub struct Keyring {
    store: Store,
    keys: TokenKeys,
    /// When an unknown key was last looked for.
    asked: Arc<Mutex<Option<Instant>>>,
}

impl Keyring {
    /// Keeps these keys up with the store's.
    #[must_use]
    pub fn new(store: Store, keys: TokenKeys) -> Self {
        Self { store, keys, asked: Arc::default() }
    }

    /// What a token says. One that is signed with a key that is not known here makes the keys be read again.
    ///
    /// # Errors
    /// [`TokenError`]; clients are never told which.
    pub async fn check(&self, token: &str) -> Result<Claims, TokenError> {
        match self.keys.check(token) {
            Err(TokenError::UnknownKey) if self.may_ask().await => {
                self.read().await;
                self.keys.check(token)
            }
            checked => checked,
        }
    }

    /// Reads the keys again and again until `stop` is cancelled.
    pub async fn keep_up(self, stop: CancellationToken) {
        let mut times = tokio::time::interval(EVERY);
        times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // They have just been read.
        times.tick().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = times.tick() => self.read().await,
            }
        }
    }

    async fn may_ask(&self) -> bool {
        let mut asked = self.asked.lock().await;
        let free = asked.is_none_or(|at| at.elapsed() >= AT_MOST_EVERY);
        if free {
            *asked = Some(Instant::now());
        }
        free
    }

    /// The old ones stay where the new ones can't be had.
    async fn read(&self) {
        match self.store.signing_keys().await {
            Ok(keys) => {
                if let Err(error) = self.keys.replace(&keys) {
                    tracing::error!(%error, "the keys of access tokens can't be used");
                }
            }
            Err(error) => tracing::warn!(%error, "the keys of access tokens could not be read again"),
        }
    }
}
