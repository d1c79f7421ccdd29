//! What is asked of mails that were written.

use super::{list::DEFAULT_LIMIT, names::DeliveryName};
use crate::{
    form::{Form, Request, boolean, choice, integer, text},
    problem::FieldCode,
};
use postroom_domain::delivery::DeliveryState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How a message is to be sent again.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"accept_duplicate": true}))]
pub struct RetryRequest {
    /// Send it although somebody may get a second copy: needed after `unknown`. Default: false.
    #[schema(value_type = Option<bool>)]
    pub accept_duplicate: bool,
}

impl Request for RetryRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let accept_duplicate = form.optional("accept_duplicate", boolean);
        Some(Self { accept_duplicate: accept_duplicate?.unwrap_or(false) })
    }
}

/// Whose messages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MessageAuthor)]
pub enum AuthorName {
    /// The caller's own.
    Me,
}

/// The parameters of the list of one's own messages.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WrittenMessagesQuery {
    /// Whose; there is only `me`, which is the default.
    #[param(required = false, inline)]
    pub author: Option<AuthorName>,
    /// Those in one of these delivery states, with commas between them: `queued`, `sending`, `sent`, `partial`,
    /// `failed`, `unknown`, `bounced`. Left out: all.
    #[param(required = false, value_type = Option<String>, example = "failed,partial,unknown")]
    pub state: Vec<DeliveryName>,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl WrittenMessagesQuery {
    /// The states that are wanted, each once, in one order; none means all.
    #[must_use]
    pub fn states(&self) -> Vec<DeliveryState> {
        let mut states: Vec<DeliveryState> = self.state.iter().map(|name| (*name).into()).collect();
        states.sort_unstable_by_key(|state| state.as_str());
        states.dedup();
        states
    }
}

impl Request for WrittenMessagesQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let author = form.optional("author", choice("me"));
        let state = form.optional("state", text(200));
        let limit = form.optional("limit", integer(1, 100));
        let cursor = form.optional("cursor", text(2000));
        let state = states(form, state?.as_deref())?;
        let limit = limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Some(Self { author: author?, state, limit, cursor: cursor? })
    }
}

/// The names in a list with commas.
fn states(form: &mut Form<'_>, list: Option<&str>) -> Option<Vec<DeliveryName>> {
    let names = list.into_iter().flat_map(|list| list.split(','));
    let read: Option<Vec<DeliveryName>> =
        names.map(|name| serde_json::from_value(name.trim().into()).ok()).collect();
    if read.is_none() {
        form.wrong("state", FieldCode::InvalidValue, "Names of delivery states, with commas between them.");
    }
    read
}
