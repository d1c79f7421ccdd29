//! What an attempt comes to, recipient by recipient (SND-2).

use postroom_domain::delivery::RecipientState;

/// What an attempt has come to for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientOutcome {
    /// The server took the copy.
    Sent {
        /// Its reply code.
        code: u16,
    },
    /// Not now (4xx, or no connection): it is tried again.
    Deferred {
        /// The reply code, where a server answered.
        code: Option<u16>,
        /// For people.
        text: String,
    },
    /// Never (5xx).
    Refused {
        /// The reply code.
        code: Option<u16>,
        /// The server's words.
        text: String,
    },
    /// The body was begun and no answer came: it may have been sent (SND-3).
    Unknown {
        /// For people.
        text: String,
    },
}

impl RecipientOutcome {
    pub(super) fn state(&self) -> RecipientState {
        match self {
            Self::Sent { .. } => RecipientState::Sent,
            Self::Deferred { .. } => RecipientState::Queued,
            Self::Refused { .. } => RecipientState::Failed,
            // Stays as it is until the Sent folder has been searched.
            Self::Unknown { .. } => RecipientState::Sending,
        }
    }

    pub(super) fn code(&self) -> Option<i32> {
        match self {
            Self::Sent { code } => Some(i32::from(*code)),
            Self::Deferred { code, .. } | Self::Refused { code, .. } => code.map(i32::from),
            Self::Unknown { .. } => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Sent { .. } => None,
            Self::Deferred { text, .. } | Self::Refused { text, .. } | Self::Unknown { text } => Some(text),
        }
    }
}
