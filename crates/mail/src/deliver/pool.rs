//! Sessions that are kept open between messages of one mailbox, and how many of them there may be at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postroom_domain::ids::{MailboxId, WorkspaceId};
use postroom_store::MailboxConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A mailbox's servers with one set of credentials: a session opened with others is none of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) workspace: WorkspaceId,
    pub(super) mailbox: MailboxId,
    pub(super) credentials_version: i64,
}

impl From<&MailboxConnection> for Key {
    fn from(connection: &MailboxConnection) -> Self {
        Self {
            workspace: connection.workspace_id,
            mailbox: connection.id,
            credentials_version: connection.credentials_version,
        }
    }
}

/// Idle sessions by mailbox.
#[derive(Debug)]
pub(super) struct Pool<S> {
    keep: Duration,
    most: usize,
    patience: Duration,
    idle: Mutex<HashMap<Key, Vec<(Instant, S)>>>,
    turns: Mutex<HashMap<Key, Arc<Semaphore>>>,
}

impl<S> Pool<S> {
    /// Sessions are kept for `keep` after their last use; a mailbox has at most `most` in use at once, since servers
    /// count them, and a turn is waited for no longer than `patience`.
    pub(super) fn new(keep: Duration, most: usize, patience: Duration) -> Self {
        Self { keep, most, patience, idle: Mutex::default(), turns: Mutex::default() }
    }

    /// Waits until one more session of this mailbox may be used, but not for long: whoever waits keeps others from
    /// their work, and the mailbox's server may hang.
    pub(super) async fn turn(&self, key: Key) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1 || turn.available_permits() < self.most);
            Arc::clone(turns.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.most))))
        };
        tokio::time::timeout(self.patience, turns.acquire_owned()).await.ok()?.ok()
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Key, Vec<(Instant, S)>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session that was used last, if there is one.
    pub(super) fn take(&self, key: Key) -> Option<S> {
        self.idle().get_mut(&key).and_then(Vec::pop).map(|(_, session)| session)
    }

    pub(super) fn put_back(&self, key: Key, session: S) {
        self.idle().entry(key).or_default().push((Instant::now(), session));
    }

    /// Takes out what has been idle for too long, for closing.
    pub(super) fn take_idle(&self) -> Vec<S> {
        let keep = self.keep;
        self.take_where(|since| since.elapsed() >= keep)
    }

    pub(super) fn take_all(&self) -> Vec<S> {
        self.take_where(|_| true)
    }

    fn take_where(&self, old: impl Fn(&Instant) -> bool) -> Vec<S> {
        let mut taken = Vec::new();
        self.idle().retain(|_, sessions| {
            taken.extend(sessions.extract_if(.., |(since, _)| old(since)).map(|(_, session)| session));
            !sessions.is_empty()
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn key(credentials_version: i64) -> Key {
        Key { workspace: Uuid::nil().into(), mailbox: Uuid::nil().into(), credentials_version }
    }

    #[test]
    fn sessions_are_found_again_under_their_own_credentials_only() {
        let pool = Pool::new(Duration::from_secs(60), 1, Duration::ZERO);
        pool.put_back(key(1), "first");
        pool.put_back(key(1), "second");
        assert_eq!(pool.take(key(2)), None);
        assert_eq!(pool.take(key(1)), Some("second"));
        assert!(pool.take_idle().is_empty());
        assert_eq!(pool.take_all(), ["first"]);
        assert_eq!(pool.take(key(1)), None);
    }

    #[tokio::test]
    async fn a_mailbox_waits_for_its_turn_and_others_do_not() {
        let pool = Pool::<()>::new(Duration::ZERO, 1, Duration::from_millis(20));
        let first = pool.turn(key(1)).await;
        assert!(first.is_some());
        assert!(pool.turn(key(2)).await.is_some());
        assert!(pool.turn(key(1)).await.is_none());
        drop(first);
        assert!(pool.turn(key(1)).await.is_some());
    }

    #[test]
    fn idle_ones_are_given_out_for_closing() {
        let pool = Pool::new(Duration::ZERO, 1, Duration::from_millis(20));
        pool.put_back(key(1), "old");
        assert_eq!(pool.take_idle(), ["old"]);
    }
}
