//! Taking messages in: one by one into the store, fetched in batches, a bad one passed after three failures.

use std::collections::VecDeque;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use postroom_domain::ids::FolderId;
use postroom_store::{IncomingMail, IntakeReason, PassedMessage, Step, Track};
use tracing::Instrument as _;

use super::folders::OpenFolder;
use super::keeping::Kept;
use super::listing::asked;
use super::reader::{Halt, Reader};
use crate::ServerError;
use crate::imap::{Content, Fetched, Listed, Session, batches};

/// A connection that is lost over a message is more often the connection's fault: so many count as one failure.
const LOSSES_FOR_A_FAILURE: u32 = 3;

/// A message that was received so recently may answer one that was accepted in the same second.
const JUST_NOW: TimeDelta = TimeDelta::minutes(1);

/// What INTERNALDATE may leave out.
const REST_OF_A_SECOND: TimeDelta = TimeDelta::microseconds(999_999);

impl Reader {
    /// The next few messages of the open folder's backfill.
    pub(super) fn read_back(&mut self, session: &mut Session, folder: &mut OpenFolder) -> Result<(), Halt> {
        let (from, end) = (folder.positions.backfill_uid, folder.positions.backfill_end);
        let mut window = match folder.window.take() {
            Some(window) => window,
            None => self.window(session, &folder.positions.name, from, end)?,
        };
        let some = window.len().min(self.settings.backfill_messages.max(1));
        let next: Vec<Listed> = window.drain(..some).collect();
        if next.is_empty() {
            let step = step(folder, Track::Backfill, end - 1);
            self.wait_for(self.store.skip_to(&self.lease, &step))?;
            folder.positions.backfill_uid = end;
            return Ok(());
        }
        let taken = self.take_in(session, folder, Track::Backfill, &next);
        folder.window = Some(window);
        taken
    }

    /// Takes the listed messages of the open folder in, in the order of their UIDs.
    pub(super) fn take_in(
        &mut self,
        session: &mut Session,
        folder: &mut OpenFolder,
        track: Track,
        listed: &[Listed],
    ) -> Result<(), Halt> {
        let mut rest: VecDeque<Listed> = listed.iter().copied().collect();
        while let Some(first) = rest.front() {
            let count = if self.is_delicate(folder, first.uid) {
                1
            } else {
                let fits = |message: &&Listed| {
                    !self.is_too_large(folder, message) && !self.is_unlisted(folder, message.uid)
                };
                rest.iter().take_while(fits).count()
            };
            let count = count.clamp(1, self.settings.batch_messages.max(1));
            let batch = first_batch(rest.make_contiguous(), self.settings.batch_bytes, count);
            rest.drain(..batch.len());
            let mut delivered = self.fetch(session, folder, track, &batch)?;
            delivered.retain(|message| !is_withheld(message, &batch));
            let mut kept = self.keep(folder, track, delivered, &batch)?;
            for listed in &batch {
                self.go_on()?;
                let message = kept.iter().position(|m| m.uid == listed.uid).map(|at| kept.swap_remove(at));
                match message {
                    Some(message) => self.take_in_one(folder, track, message)?,
                    // One that was passed instead is behind us.
                    None if position(folder, track) > listed.uid => {}
                    None => self.miss(session, folder, track, listed.uid)?,
                }
                self.progressed = true;
            }
        }
        Ok(())
    }

    /// True while messages must be fetched one by one, because one of them has broken a session.
    fn is_delicate(&self, folder: &OpenFolder, uid: u32) -> bool {
        self.caution.one_by_one.is_some_and(|(id, last)| id == folder.positions.id && uid <= last)
            || folder.positions.failed_uid == Some(uid)
    }

    fn is_unlisted(&self, folder: &OpenFolder, uid: u32) -> bool {
        self.caution.listings.lacks(&folder.positions.name, uid)
    }

    /// True if only the message's header is to be read.
    fn is_too_large(&self, folder: &OpenFolder, message: &Listed) -> bool {
        message.size > self.settings.largest_message
            || self.caution.oversized == Some((folder.positions.id, message.uid))
    }

    fn fetch(
        &mut self,
        session: &mut Session,
        folder: &mut OpenFolder,
        track: Track,
        batch: &[Listed],
    ) -> Result<Vec<Fetched>, Halt> {
        let largest = self.settings.largest_message;
        let fetched = match batch {
            [one] if self.is_spent(folder, one.uid) => {
                self.pass_unread(session, folder, track, *one)?;
                return Ok(Vec::new());
            }
            [one] if self.is_too_large(folder, one) => {
                asked(|| session.fetch_header(one.uid)).map(|found| found.into_iter().collect())
            }
            several => asked(|| session.fetch(several, largest)),
        };
        match (fetched, batch) {
            (Ok(fetched), _) => Ok(fetched),
            (Err(error), [one]) => {
                self.blame(folder, one.uid, error)?;
                Err(error.into())
            }
            (Err(ServerError::Throttled), _) => Err(ServerError::Throttled.into()),
            (Err(error), several) => {
                self.caution.one_by_one = several.last().map(|last| (folder.positions.id, last.uid));
                Err(error.into())
            }
        }
    }

    /// A message was asked for and did not come: it has gone meanwhile, or the server keeps it back, which counts
    /// against it as a broken session does. It is never passed without a word.
    fn miss(
        &mut self,
        session: &mut Session,
        folder: &mut OpenFolder,
        track: Track,
        uid: u32,
    ) -> Result<(), Halt> {
        // Servers may search in what they knew before.
        session.refresh()?;
        if session.holds_uid(uid)? {
            tracing::warn!(uid, "the server holds a message and does not hand it out");
            self.blame(folder, uid, ServerError::Protocol)?;
            return Err(ServerError::Protocol.into());
        }
        self.wait_for(self.store.skip_to(&self.lease, &step(folder, track, uid)))?;
        advance(folder, track, uid);
        Ok(())
    }

    /// Counts a session's end against the message that was being fetched.
    fn blame(&mut self, folder: &OpenFolder, uid: u32, error: ServerError) -> Result<(), Halt> {
        if self.stop.is_set() {
            return Ok(());
        }
        let id: FolderId = folder.positions.id;
        self.caution.one_by_one = Some((id, uid));
        match error {
            ServerError::LiteralTooLarge => {
                self.caution.oversized = Some((id, uid));
                return Ok(());
            }
            // It is said of the account, and would be said of any message.
            ServerError::Throttled => return Ok(()),
            ServerError::ConnectionLost | ServerError::TimedOut | ServerError::Unavailable => {
                let before =
                    self.caution.lost.filter(|(f, u, _)| (*f, *u) == (id, uid)).map_or(0, |(_, _, n)| n);
                let lost = (before + 1) % LOSSES_FOR_A_FAILURE;
                self.caution.lost = Some((id, uid, lost));
                if lost != 0 {
                    return Ok(());
                }
            }
            _ => {}
        }
        self.wait_for(self.store.record_failure(&self.lease, id, uid))?;
        Ok(())
    }

    /// True if the message has failed as often as it may.
    fn is_spent(&self, folder: &OpenFolder, uid: u32) -> bool {
        folder.positions.failed_uid == Some(uid)
            && folder.positions.failures >= self.settings.message_failures
    }

    /// Passes a message that cannot be fetched: with its header, where at least that can be had.
    fn pass_unread(
        &mut self,
        session: &mut Session,
        folder: &mut OpenFolder,
        track: Track,
        message: Listed,
    ) -> Result<(), Halt> {
        let header_failed = folder.positions.failures > self.settings.message_failures;
        let header = if header_failed {
            None
        } else {
            match asked(|| session.fetch_header(message.uid)) {
                Ok(found) => found,
                Err(ServerError::Throttled) => return Err(ServerError::Throttled.into()),
                Err(error) => {
                    self.wait_for(self.store.record_failure(&self.lease, folder.positions.id, message.uid))?;
                    return Err(error.into());
                }
            }
        };
        let raw = header.map(|fetched| match fetched.content {
            Content::Whole(bytes) | Content::HeaderOnly(bytes) => Bytes::from(bytes),
        });
        let raw_sha256 = match raw {
            Some(raw) => Some(self.wait_for(self.store.put_raw_mail(self.lease.workspace_id, raw))?),
            None => None,
        };
        let passed = PassedMessage {
            reason: IntakeReason::Failed,
            detail: "The mail server failed each time when it was asked for this message.".to_owned(),
            from: None,
            raw_sha256,
            received_at: received_at(message.internal_date, Utc::now()),
        };
        self.pass(folder, track, message.uid, passed)
    }

    /// One message into the store, with all that it means, in one transaction.
    fn take_in_one(&mut self, folder: &mut OpenFolder, track: Track, message: Kept) -> Result<(), Halt> {
        if let Some(mail) = message.mail {
            return self.store_or_pass(folder, track, message.uid, &mail);
        }
        let passed = PassedMessage {
            reason: IntakeReason::Unparseable,
            detail: "Postroom's parser failed on this message.".to_owned(),
            from: None,
            raw_sha256: Some(message.raw_sha256),
            received_at: message.received_at,
        };
        self.pass(folder, track, message.uid, passed)
    }

    /// Where the store does not take a message it is tried again, and passed in the end: it never stops the folder.
    fn store_or_pass(
        &mut self,
        folder: &mut OpenFolder,
        track: Track,
        uid: u32,
        mail: &IncomingMail,
    ) -> Result<(), Halt> {
        let step = step(folder, track, uid);
        let (raw_sha256, received_at) = (mail.raw_sha256, mail.received_at);
        loop {
            // Where the connections are served: between a statement and its answer no other thread has to be woken.
            let (store, lease, its) = (self.store.clone(), self.lease, mail.clone());
            let taking = async move { store.ingest(&lease, &step, its).await };
            match self.runtime.block_on(self.runtime.spawn(taking.in_current_span())) {
                Ok(Ok(_)) => {
                    advance(folder, track, uid);
                    return Ok(());
                }
                // Another message may fare better. All other errors are the store's own, and no message is passed for
                // them.
                Ok(Err(error)) if error.is_about_the_data() => {
                    tracing::warn!(uid, %error, "a message was not taken by the store");
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(error) if error.is_panic() => {
                    tracing::error!(uid, "the store has panicked over a message");
                }
                // The process ends.
                Err(_) => return Err(Halt::Stopped),
            }
            let failures = self.wait_for(self.store.record_failure(&self.lease, folder.positions.id, uid))?;
            if failures >= self.settings.message_failures {
                let detail = "This message could not be stored.".to_owned();
                let from = mail.from.as_ref().map(|from| from.address.clone());
                let passed =
                    PassedMessage { reason: IntakeReason::Failed, detail, from, raw_sha256, received_at };
                return self.pass(folder, track, uid, passed);
            }
            self.stop.sleep(self.settings.message_pause * failures);
            self.go_on()?;
        }
    }

    fn pass(
        &self,
        folder: &mut OpenFolder,
        track: Track,
        uid: u32,
        passed: PassedMessage,
    ) -> Result<(), Halt> {
        tracing::warn!(uid, reason = ?passed.reason, "a message was passed");
        let step = step(folder, track, uid);
        self.wait_for(self.store.pass_message(&self.lease, &step, passed))?;
        advance(folder, track, uid);
        Ok(())
    }
}

fn first_batch(listed: &[Listed], bytes: u64, count: usize) -> Vec<Listed> {
    batches(listed, bytes, count).first().map(|batch| batch.to_vec()).unwrap_or_default()
}

/// A message's place in time (CNV-10): when its server received it.
///
/// INTERNALDATE has whole seconds. What came just now is placed at the end of its second, or it would stand before the
/// mail that it answers where that was written in the same second. A server whose clock is ahead places nothing in
/// the future.
pub(super) fn received_at(internal_date: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
    match internal_date {
        Some(date) if now - date < JUST_NOW => (date + REST_OF_A_SECOND).min(now),
        Some(date) => date,
        None => now,
    }
}

/// True if the server has sent nothing of a message that has something.
fn is_withheld(message: &Fetched, batch: &[Listed]) -> bool {
    let (Content::Whole(bytes) | Content::HeaderOnly(bytes)) = &message.content;
    bytes.is_empty() && batch.iter().any(|listed| listed.uid == message.uid && listed.size > 0)
}

/// The UID up to which the folder has been read, as far as we know.
fn position(folder: &OpenFolder, track: Track) -> u32 {
    match track {
        Track::Live => folder.positions.live_uid,
        Track::Backfill => folder.positions.backfill_uid,
    }
}

/// The step over one message, from where we believe the position to be.
fn step(folder: &OpenFolder, track: Track, uid: u32) -> Step {
    Step { folder_id: folder.positions.id, track, uid, expected: position(folder, track) }
}

/// What the store has just committed.
fn advance(folder: &mut OpenFolder, track: Track, uid: u32) {
    match track {
        Track::Live => folder.positions.live_uid = uid.saturating_add(1),
        Track::Backfill => folder.positions.backfill_uid = uid.saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stands_neither_before_what_it_answers_nor_in_the_future() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let second = at("2026-03-01T12:00:22Z");
        assert_eq!(received_at(Some(second), at("2026-03-01T12:00:22.6Z")), at("2026-03-01T12:00:22.6Z"));
        assert_eq!(received_at(Some(second), at("2026-03-01T12:00:25Z")), at("2026-03-01T12:00:22.999999Z"));
        assert_eq!(received_at(Some(second), at("2026-03-01T12:05:00Z")), second);
        let now = at("2026-03-01T11:00:00Z");
        assert_eq!(received_at(Some(second), now), now);
        assert_eq!(received_at(None, now), now);
    }
}
