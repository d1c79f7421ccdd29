//! How a mail that we send fares (SND-1 to SND-3, RPL-5).

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// After the first failure a recipient is tried again after this long; each further time twice as long.
pub const FIRST_RETRY: Duration = Duration::seconds(30);
/// No pause between two attempts is longer.
pub const LONGEST_PAUSE: Duration = Duration::hours(1);
/// After this long a recipient that was only ever put off is given up.
pub const GIVE_UP: Duration = Duration::hours(24);

/// How one recipient's copy fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    /// Waits for its first or next attempt.
    Queued,
    /// An attempt is running.
    Sending,
    /// The server took it.
    Sent,
    /// Refused, or put off for too long.
    Failed,
    /// The answer was lost after the body had been sent: it may have arrived.
    Unknown,
    /// It came back.
    Bounced,
}

impl RecipientState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Sending, Self::Sent, Self::Failed, Self::Unknown, Self::Bounced];

    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Bounced => "bounced",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// How the message as a whole fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits.
    Queued,
    /// An attempt is running.
    Sending,
    /// Every recipient's copy was taken.
    Sent,
    /// Some were taken, some failed.
    Partial,
    /// None was taken.
    Failed,
    /// It may have reached its recipients (SND-3).
    Unknown,
    /// A copy came back.
    Bounced,
}

impl DeliveryState {
    /// All states.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Sending, Self::Sent, Self::Partial, Self::Failed, Self::Unknown, Self::Bounced];

    /// The state by its name in the API and the database.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Bounced => "bounced",
        }
    }

    /// The message's state, from its recipients': what somebody must look at comes before what is well.
    #[must_use]
    pub fn of(recipients: &[RecipientState]) -> Self {
        let any = |state| recipients.contains(&state);
        if any(RecipientState::Sending) {
            Self::Sending
        } else if any(RecipientState::Unknown) {
            Self::Unknown
        } else if any(RecipientState::Bounced) {
            Self::Bounced
        } else if any(RecipientState::Queued) {
            Self::Queued
        } else if any(RecipientState::Failed) {
            if any(RecipientState::Sent) { Self::Partial } else { Self::Failed }
        } else {
            Self::Sent
        }
    }

    /// Nothing more will happen by itself, but for a bounce.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending)
    }
}

/// Whom a person may have a mail sent to again (SND-3): those in one of these states. Whoever was refused or given up is
/// reached by nobody; whose answer was lost may have it, and is written to again only where a second copy is accepted.
/// `None`: nobody has missed it. Empty: only with `accept_duplicate`.
#[must_use]
pub fn resendable(recipients: &[RecipientState], accept_duplicate: bool) -> Option<Vec<RecipientState>> {
    // Their own turn has not come to its end.
    if recipients.contains(&RecipientState::Sending) {
        return None;
    }
    let missed = [RecipientState::Failed, RecipientState::Unknown];
    if !recipients.iter().any(|state| missed.contains(state)) {
        return None;
    }
    let doubtful = recipients.contains(&RecipientState::Unknown);
    Some(match (doubtful, accept_duplicate) {
        (false, _) => vec![RecipientState::Failed],
        (true, true) => missed.to_vec(),
        (true, false) => vec![],
    })
}

/// When to try again after `attempts` have failed, the first of them begun at `first`: doubling pauses with up to a
/// quarter more by chance (`jitter` 0 to 1), so that a returning server is not met by all at once. `None`: give up.
#[must_use]
pub fn next_attempt(
    attempts: u32,
    accepted_at: DateTime<Utc>,
    now: DateTime<Utc>,
    first_retry: Duration,
    jitter: f64,
) -> Option<DateTime<Utc>> {
    if now - accepted_at >= GIVE_UP {
        return None;
    }
    let factor = 1i32 << attempts.saturating_sub(1).min(16);
    let pause = (first_retry * factor).min(LONGEST_PAUSE);
    let extra = pause.num_milliseconds() as f64 * 0.25 * jitter.clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, reason = "at most a quarter of an hour in milliseconds")]
    let extra = Duration::milliseconds(extra as i64);
    Some(now + pause + extra)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_whole_follows_from_the_parts() {
        use RecipientState::{Bounced, Failed, Queued, Sending, Sent, Unknown};
        for (parts, whole) in [
            (vec![Sent, Sent], DeliveryState::Sent),
            (vec![Sent, Failed], DeliveryState::Partial),
            (vec![Failed], DeliveryState::Failed),
            (vec![Sent, Queued, Failed], DeliveryState::Queued),
            (vec![Sent, Sending], DeliveryState::Sending),
            (vec![Sent, Unknown], DeliveryState::Unknown),
            (vec![Sent, Bounced], DeliveryState::Bounced),
        ] {
            assert_eq!(DeliveryState::of(&parts), whole, "{parts:?}");
        }
    }

    #[test]
    fn only_who_missed_it_gets_it_again() {
        use RecipientState::{Bounced, Failed, Queued, Sending, Sent, Unknown};
        for (parts, accept, again) in [
            (vec![Sent, Failed], false, Some(vec![Failed])),
            (vec![Bounced, Failed], false, Some(vec![Failed])),
            (vec![Failed, Unknown], false, Some(vec![])),
            (vec![Sent, Unknown], true, Some(vec![Failed, Unknown])),
            (vec![Sent, Bounced], true, None),
            (vec![Queued], true, None),
            (vec![Sending, Failed], true, None),
        ] {
            assert_eq!(resendable(&parts, accept), again, "{parts:?} {accept}");
        }
    }

    proptest! {
        #[test]
        fn pauses_grow_and_end(attempts in 1u32..60, jitter in 0.0f64..1.0, hours in 0i64..30) {
            let start = DateTime::UNIX_EPOCH;
            let now = start + Duration::hours(hours);
            match next_attempt(attempts, start, now, FIRST_RETRY, jitter) {
                None => prop_assert!(hours >= 24),
                Some(next) => {
                    prop_assert!(hours < 24);
                    prop_assert!(next - now >= FIRST_RETRY && next - now <= LONGEST_PAUSE * 5 / 4);
                    let later = next_attempt(attempts + 1, start, now, FIRST_RETRY, 0.0).unwrap();
                    prop_assert!(later - now >= (next - now) / 2);
                }
            }
        }
    }
}
