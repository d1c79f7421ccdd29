//! Pauses after failures.

use std::time::Duration;

/// Pauses that double from `first` to `longest`, each with up to a quarter more by chance, so that a server that comes
/// back is not met by all its mailboxes at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// After so many failures in a row.
    pub(crate) fn after((first, longest): (Duration, Duration), failures: u32) -> Self {
        Self { first, longest, failures }
    }

    /// The pause after one more failure. `chance` lies in 0 to 1.
    pub(crate) fn next(&mut self, chance: f64) -> Duration {
        let factor = 1_u32 << self.failures.min(20);
        self.failures = self.failures.saturating_add(1);
        let pause = self.first.saturating_mul(factor).min(self.longest);
        pause + pause.mul_f64(0.25 * chance.clamp(0.0, 1.0))
    }

    /// It went well: the next failure begins anew.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
        let pauses: Vec<u64> = (0..12).map(|_| backoff.next(0.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(backoff.next(1.0), Duration::from_secs(375));
        for _ in 0..100 {
            backoff.next(0.5);
        }
        backoff.reset();
        assert_eq!(backoff.next(0.0), Duration::from_secs(1));
    }
}
