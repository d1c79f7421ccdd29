//! The live page: how what happens is read and followed.

use super::list::DEFAULT_LIMIT;
use crate::form::{Form, Request, integer, text};
use postroom_store::EndReason;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Why the stream ended: the last message on it, `end`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = StreamEnd)]
pub struct StreamEndView {
    /// Why.
    pub reason: StreamEndName,
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StreamEndReason)]
pub enum StreamEndName {
    /// The session has ended: sign in again.
    SignedOut,
    /// The API key is not good any more.
    KeyRevoked,
    /// The user was deactivated.
    Deactivated,
    /// The role is another one: load the page anew, and connect again.
    RoleChanged,
    /// The workspace doesn't have Conversations any more.
    FeatureDisabled,
    /// What comes next is not kept any more: load the page anew, and connect from there.
    EventsExpired,
    /// The server stops: connect again.
    Stopping,
}

impl From<EndReason> for StreamEndView {
    fn from(reason: EndReason) -> Self {
        let reason = match reason {
            EndReason::SignedOut => StreamEndName::SignedOut,
            EndReason::KeyRevoked => StreamEndName::KeyRevoked,
            EndReason::Deactivated => StreamEndName::Deactivated,
            EndReason::RoleChanged => StreamEndName::RoleChanged,
            EndReason::FeatureDisabled => StreamEndName::FeatureDisabled,
            EndReason::EventsExpired => StreamEndName::EventsExpired,
            EndReason::Stopping => StreamEndName::Stopping,
        };
        Self { reason }
    }
}

/// What the live stream is opened with where no header can be sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Ticket)]
pub struct TicketView {
    /// For `GET /v1/events/stream?ticket=…`, and nothing else. Good for as many connections as you like while the session
    /// lives.
    #[schema(example = "prt_AZjH4H1OfD-aUw0vWx86EQ")]
    pub ticket: String,
}

/// Where to read the log.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Behind which number: a `Postroom-Event` header, `next_after`, or the `id` of the last event that was seen.
    #[param(minimum = 0, example = 1234)]
    pub after: i64,
    /// How many changes at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
}

impl Request for EventsQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let after = form.required("after", integer(0, i64::MAX));
        let limit = form.optional("limit", integer(1, 100));
        let limit = limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Some(Self { after: after?, limit })
    }
}

/// From where to follow the log.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FollowQuery {
    /// Behind which number, such as a `Postroom-Event` header; left out: from now on. `Last-Event-ID` comes before it.
    #[param(minimum = 0, required = false, example = 1234)]
    pub after: Option<i64>,
    /// A ticket of `POST /v1/events/ticket`, where no `Authorization` header can be sent.
    #[param(required = false, max_length = 200)]
    pub ticket: Option<String>,
}

impl Request for FollowQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let after = form.optional("after", integer(0, i64::MAX));
        let ticket = form.optional("ticket", text(200));
        Some(Self { after: after?, ticket: ticket? })
    }
}
