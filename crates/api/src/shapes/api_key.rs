//! API keys.

use super::{list::DEFAULT_LIMIT, names::ScopeName, people::OwnerView, time::Time};
use crate::form::{Form, Request, choice, id, integer, line, moment, text};
use chrono::{DateTime, Utc};
use postroom_domain::ids::{ApiKeyId, UserId};
use postroom_store::ApiKey;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// An API key; its token is not shown again.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: ApiKeyId,
    /// As whom it acts.
    pub user: OwnerView,
    /// What its user calls it.
    #[schema(example = "Nightly export")]
    pub name: String,
    /// How much of what its user may it may.
    pub scope: ScopeName,
    /// The token's last characters.
    #[schema(example = "x7Qk")]
    pub hint: String,
    /// When it ends by itself; null: never.
    pub expires_at: Option<Time>,
    /// When it was last used, to the minute; null: never.
    pub last_used_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// The same: a key is never changed.
    pub updated_at: Time,
    /// Counts changes, of which a key has none.
    #[schema(example = 1)]
    pub version: i64,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            user: key.user.into(),
            name: key.name,
            scope: key.scope.into(),
            hint: key.hint,
            expires_at: key.expires_at.map(Time::from),
            last_used_at: key.last_used_at.map(Time::from),
            created_at: key.created_at.into(),
            updated_at: key.created_at.into(),
            version: ApiKey::VERSION,
        }
    }
}

/// A key that was just made, with its token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub struct NewApiKeyView {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKeyView,
    /// For `Authorization: Bearer …`. Shown now and never again.
    #[schema(example = "pr_AZjH0BorfD2OT1prfI2eDwq1gE0W2cVb8uJt5sY3nXo7LrKfHiPdMzQeTgUaBy7Q")]
    pub token: String,
}

/// A key to be made.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"name": "Nightly export", "scope": "read", "expires_at": "2027-03-01T00:00:00.000Z"}))]
pub struct ApiKeyRequest {
    /// What to call it.
    #[schema(min_length = 1, max_length = 200, example = "Nightly export")]
    pub name: String,
    /// How much of what the caller may it may.
    pub scope: ScopeName,
    /// When it ends by itself: RFC 3339, in whatever zone. Left out: never, or with the API key that makes it.
    #[schema(value_type = Option<String>, example = "2027-03-01T01:00:00+01:00")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Request for ApiKeyRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.required("name", line(200));
        let scope = form.required("scope", choice("read, write, admin"));
        let expires_at = form.optional("expires_at", moment);
        Some(Self { name: name?, scope: scope?, expires_at: expires_at? })
    }
}

/// Which keys are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApiKeysQuery {
    /// Those of this user alone.
    #[param(required = false, value_type = Option<Uuid>)]
    pub user_id: Option<UserId>,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl Request for ApiKeysQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let user_id = form.optional("user_id", id::<UserId>);
        let limit = form.optional("limit", integer(1, 100));
        let cursor = form.optional("cursor", text(2000));
        let limit = limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Some(Self { user_id: user_id?, limit, cursor: cursor? })
    }
}
