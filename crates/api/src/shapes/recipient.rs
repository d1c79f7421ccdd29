//! People to write to.

use super::people::{AuthorKindName, AuthorView};
use crate::form::{Form, Request, integer, text};
use postroom_store::Recipient;
use utoipa::IntoParams;

/// How many are shown unless their reader says otherwise.
const DEFAULT_LIMIT: u16 = 10;

/// Who is looked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecipientsQuery {
    /// Name or address, as far as it is known: what fits best comes first, typing errors are forgiven. Left out or blank:
    /// the contacts of the caller's own latest conversations.
    #[param(required = false, max_length = 200, example = "bob fischer")]
    pub q: Option<String>,
    /// How many at most, 1 to 50.
    #[param(minimum = 1, maximum = 50, default = 10, required = false)]
    pub limit: u16,
}

impl Request for RecipientsQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let q = form.optional("q", text(200));
        let limit = form.optional("limit", integer(1, 50));
        let q = q?.filter(|text| !text.trim().is_empty());
        let limit = limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Some(Self { q, limit })
    }
}

impl From<Recipient> for AuthorView {
    fn from(recipient: Recipient) -> Self {
        Self {
            kind: AuthorKindName::from(recipient.kind),
            id: Some(recipient.id),
            name: recipient.name,
            email: recipient.email,
            avatar_url: None,
        }
    }
}
