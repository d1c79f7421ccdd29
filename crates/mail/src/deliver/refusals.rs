//! Refused logins: a wrong password is not tried for ever, or the server locks the account.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::pool::Key;

/// Counts refused logins in a row, by mailbox and credentials.
#[derive(Debug)]
pub(super) struct Refusals {
    most: u16,
    counts: Mutex<HashMap<Key, u16>>,
}

impl Refusals {
    pub(super) fn new(most: u16) -> Self {
        Self { most, counts: Mutex::default() }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Key, u16>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if these credentials are not to be tried any more.
    pub(super) fn too_many(&self, key: Key) -> bool {
        self.counts().get(&key).is_some_and(|count| *count >= self.most)
    }

    pub(super) fn refused(&self, key: Key) {
        let mut counts = self.counts();
        // Older credentials of the same mailbox are never used again.
        counts.retain(|known, _| {
            (known.workspace, known.mailbox) != (key.workspace, key.mailbox) || *known == key
        });
        *counts.entry(key).or_default() += 1;
    }

    pub(super) fn accepted(&self, key: Key) {
        self.counts().remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn other_credentials_begin_anew() {
        let key = |credentials_version| Key {
            workspace: Uuid::nil().into(),
            mailbox: Uuid::nil().into(),
            credentials_version,
        };
        let refusals = Refusals::new(2);
        refusals.refused(key(1));
        assert!(!refusals.too_many(key(1)));
        refusals.refused(key(1));
        assert!(refusals.too_many(key(1)));
        assert!(!refusals.too_many(key(2)));
        refusals.refused(key(2));
        assert_eq!(refusals.counts().len(), 1);
        refusals.accepted(key(2));
        assert!(!refusals.too_many(key(2)));
    }
}
