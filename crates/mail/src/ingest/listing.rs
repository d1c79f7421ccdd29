//! Listing messages before they are fetched. An answer that can't be read must not stop the folder for ever: after it
//! several are listed one by one, and one that breaks a session alone is fetched without having been listed.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::reader::{Halt, Reader};
use crate::ServerError;
use crate::imap::{LISTED_AT_ONCE, Listed, Session};

/// Of a message that was not listed: at least a byte, so that nothing at all does not pass for the message.
const UNKNOWN_SIZE: u64 = 1;

/// What is known of listings that broke a session, by the folders' names: some are listed before they are begun.
#[derive(Debug, Default)]
pub(super) struct Listings {
    /// Listing several of these at once broke a session.
    one_by_one: BTreeMap<String, BTreeSet<u32>>,
    /// Listing each of these broke a session.
    unlisted: BTreeMap<String, BTreeSet<u32>>,
}

impl Listings {
    /// True if nothing is known of this message, neither its size nor its date.
    pub(super) fn lacks(&self, folder: &str, uid: u32) -> bool {
        holds(&self.unlisted, folder, uid)
    }

    fn succeeded(&mut self, folder: &str, uids: &[u32]) {
        if let Some(some) = self.one_by_one.get_mut(folder) {
            some.retain(|uid| !uids.contains(uid));
        }
    }

    fn failed(&mut self, folder: &str, uids: &[u32]) {
        self.succeeded(folder, uids);
        let into = if uids.len() == 1 { &mut self.unlisted } else { &mut self.one_by_one };
        into.entry(folder.to_owned()).or_default().extend(uids);
    }
}

fn holds(of: &BTreeMap<String, BTreeSet<u32>>, folder: &str, uid: u32) -> bool {
    of.get(folder).is_some_and(|uids| uids.contains(&uid))
}

/// What the IMAP library did not expect in an answer makes it panic; for us the answer was not understood.
pub(super) fn asked<T>(ask: impl FnOnce() -> Result<T, ServerError>) -> Result<T, ServerError> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or(Err(ServerError::Protocol))
}

impl Reader {
    /// These messages of the open folder with sizes and dates, in the order of their UIDs. Those of which the server
    /// says nothing are among them: whether they have gone shows when they are fetched.
    pub(super) fn list(
        &mut self,
        session: &mut Session,
        folder: &str,
        uids: &[u32],
    ) -> Result<Vec<Listed>, Halt> {
        let (mut alone, mut together) = (Vec::new(), Vec::with_capacity(uids.len()));
        let listings = &self.caution.listings;
        for &uid in uids.iter().filter(|&&uid| !listings.lacks(folder, uid)) {
            if holds(&listings.one_by_one, folder, uid) { alone.push(uid) } else { together.push(uid) }
        }
        let mut listed = Vec::with_capacity(uids.len());
        for some in alone.chunks(1).chain(together.chunks(LISTED_AT_ONCE)) {
            listed.extend(self.list_at_once(session, folder, some)?);
        }
        let found: BTreeSet<u32> = listed.iter().map(|message| message.uid).collect();
        let missing = uids.iter().copied().filter(|uid| !found.contains(uid));
        listed.extend(missing.map(|uid| Listed { uid, size: UNKNOWN_SIZE, internal_date: None }));
        listed.sort_unstable_by_key(|message| message.uid);
        Ok(listed)
    }

    fn list_at_once(
        &mut self,
        session: &mut Session,
        folder: &str,
        uids: &[u32],
    ) -> Result<Vec<Listed>, Halt> {
        self.go_on()?;
        match asked(|| session.list(uids)) {
            Ok(listed) => {
                self.caution.listings.succeeded(folder, uids);
                Ok(listed)
            }
            Err(error) => {
                if !self.stop.is_set() && error != ServerError::Throttled {
                    tracing::warn!(%error, messages = uids.len(), "messages could not be listed");
                    self.caution.listings.failed(folder, uids);
                    // The next session comes further than this one, so it need not wait long.
                    self.progressed |= error == ServerError::Protocol;
                }
                Err(error.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_listing_is_found_and_done_without() {
        let mut listings = Listings::default();
        listings.failed("INBOX", &[1, 2, 3]);
        assert!([1, 2, 3].iter().all(|&uid| holds(&listings.one_by_one, "INBOX", uid)));
        listings.succeeded("INBOX", &[1]);
        listings.failed("INBOX", &[2]);
        assert!(listings.lacks("INBOX", 2));
        assert!(!listings.lacks("Sent", 2));
        assert_eq!(listings.one_by_one["INBOX"], BTreeSet::from([3]));
    }

    #[test]
    fn a_panic_is_an_answer_that_was_not_understood() {
        assert_eq!(asked(|| Ok(1)), Ok(1));
        assert_eq!(asked::<()>(|| panic!("as the library does")), Err(ServerError::Protocol));
    }
}
