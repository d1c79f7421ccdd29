//! Handing a message to a mailbox's SMTP server (RFC 5321), with an answer for each recipient (SND-2).
//!
//! `lettre`'s connection speaks the single commands; `lettre`'s own sending would stop at the first refused recipient,
//! and could not tell a loss before the message body from one after it, on which SND-3 rests.

mod connect;
mod delivery;
mod reply;
mod wire;

use std::time::Duration;

pub use connect::Session;
pub use delivery::{Attempt, End};
pub use reply::{Reply, Verdict};

/// How long the steps of one delivery may take. RFC 5321 (4.5.3.2) asks for patience with the final answer above all:
/// whoever gives up there does not know whether the message was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Each answer, from the greeting to that of `DATA`.
    pub answer: Duration,
    /// Everything from connecting up to the last answer before the body.
    pub before_body: Duration,
    /// The body and the final answer to it.
    pub body: Duration,
}

impl Patience {
    /// The defaults: two minutes for an answer, five for all before the body, ten for the body and its answer.
    pub const DEFAULT: Self = Self {
        answer: Duration::from_secs(2 * 60),
        before_body: Duration::from_secs(5 * 60),
        body: Duration::from_secs(10 * 60),
    };

    /// The longest time from the first connection to the end of a delivery. A lease on an outbox row must be held, or
    /// renewed, for as long.
    #[must_use]
    pub const fn longest_attempt(&self) -> Duration {
        self.before_body.saturating_add(self.body)
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::DEFAULT
    }
}
