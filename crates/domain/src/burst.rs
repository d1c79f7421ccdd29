//! Loops are cut (MAIL-13): two programs that answer each other must not fill a mailbox.

use chrono::{DateTime, TimeDelta, Utc};

/// So many mails alike come through; each further one within [`WINDOW`] is cut.
pub const LIMIT: usize = 20;

/// The time in which [`LIMIT`] counts.
pub const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// When the last mails alike came from one address to one mailbox, in the order of their reading: one more than come
/// through, so that a loop that goes on is told from one that begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Burst(Vec<DateTime<Utc>>);

/// What becomes of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken in.
    Passes,
    /// It is the first too many: people are told.
    Begins,
    /// It is one more of a loop that they know of.
    GoesOn,
}

impl Burst {
    /// From what was kept.
    #[must_use]
    pub fn of(times: Vec<DateTime<Utc>>) -> Self {
        Self(times)
    }

    /// What is to be kept.
    #[must_use]
    pub fn times(&self) -> &[DateTime<Utc>] {
        &self.0
    }

    /// Judges the next mail, received at this time, and remembers it, also where it is cut: while a loop goes on it stays
    /// cut.
    pub fn receive(&mut self, at: DateTime<Utc>) -> Verdict {
        let went_on = self.is_loop();
        self.0.push(at);
        let surplus = self.0.len().saturating_sub(LIMIT + 1);
        self.0.drain(..surplus);
        match (self.is_loop(), went_on) {
            (false, _) => Verdict::Passes,
            (true, false) => Verdict::Begins,
            (true, true) => Verdict::GoesOn,
        }
    }

    /// Whether the last one was one too many.
    fn is_loop(&self) -> bool {
        let (first, last) = (self.0.iter().min(), self.0.iter().max());
        self.0.len() > LIMIT && first.zip(last).is_some_and(|(first, last)| *last - *first <= WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn the_first_too_many_is_told_and_a_pause_ends_it() {
        let mut burst = Burst::default();
        let verdicts: Vec<Verdict> = (0..25).map(|second| burst.receive(at(second))).collect();
        assert!(verdicts[..LIMIT].iter().all(|verdict| *verdict == Verdict::Passes));
        assert_eq!(verdicts[LIMIT], Verdict::Begins);
        assert!(verdicts[LIMIT + 1..].iter().all(|verdict| *verdict == Verdict::GoesOn));
        let later = at(25) + WINDOW;
        assert_eq!(burst.receive(later), Verdict::Passes);
        assert_eq!(burst.times().len(), LIMIT + 1);
    }

    proptest! {
        /// Against the rule, word by word: a mail is cut exactly if more than so many alike, it among them, came within the
        /// window that ends with it.
        #[test]
        fn what_is_cut_is_one_of_too_many(gaps in proptest::collection::vec(0i64..90, 0..120)) {
            let mut burst = Burst::default();
            let mut times = Vec::new();
            let mut second = 0;
            for gap in gaps {
                second += gap;
                times.push(at(second));
                let within = times.iter().filter(|time| at(second) - **time <= WINDOW).count();
                prop_assert_eq!(burst.receive(at(second)) != Verdict::Passes, within > LIMIT);
                prop_assert!(burst.times().len() <= LIMIT + 1);
            }
        }
    }
}
