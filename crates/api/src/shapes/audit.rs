//! The audit trail.

use super::picture::Picture;
use super::{
    list::PageQuery,
    people::{AuthorKindName, AuthorView},
    time::Time,
};
use crate::form::{Form, Request, id, line, moment};
use chrono::{DateTime, Utc};
use postroom_domain::ids::{ApiKeyId, UserId};
use postroom_store::AuditEntry;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The thing that something was done to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditObject)]
pub struct AuditObjectView {
    /// What it is.
    #[schema(example = "conversation")]
    pub kind: String,
    /// Which one; null where it has no id. It may be gone by now.
    pub id: Option<Uuid>,
}

/// Something that was done in the workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditEntryView {
    /// Its id; later ones are greater.
    pub id: Uuid,
    /// When it was done.
    pub at: Time,
    /// The user who did it; null: the system or the operator.
    pub actor: Option<AuthorView>,
    /// The API key that they did it with; null where they had signed in.
    #[schema(value_type = Option<Uuid>)]
    pub api_key: Option<ApiKeyId>,
    /// The network address that the request came from; null where no request asked for it.
    #[schema(example = "192.0.2.7")]
    pub address: Option<String>,
    /// The request's id (`X-Request-Id`), under which it stands in the operator's log; null where there was none.
    #[schema(example = "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11")]
    pub request_id: Option<String>,
    /// What was done: the kind of thing and a verb in the past tense. New ones may be added.
    #[schema(example = "conversation.updated")]
    pub action: String,
    /// What it was done to.
    pub object: AuditObjectView,
    /// What the thing was, of what is no content; null where there is nothing to tell.
    #[schema(value_type = Option<Object>, example = json!({"status": "open"}))]
    pub before: Option<Value>,
    /// What it is since.
    #[schema(value_type = Option<Object>, example = json!({"status": "closed"}))]
    pub after: Option<Value>,
}

impl From<AuditEntry> for AuditEntryView {
    fn from(entry: AuditEntry) -> Self {
        let actor = |user: postroom_store::UserRef| AuthorView {
            kind: AuthorKindName::User,
            id: Some(user.id.0),
            name: user.name,
            email: user.email,
            avatar_url: Picture::of(user.avatar),
        };
        Self {
            id: entry.id,
            at: entry.at.into(),
            actor: entry.actor.map(actor),
            api_key: entry.api_key,
            address: entry.address,
            request_id: entry.request_id,
            action: entry.action,
            object: AuditObjectView { kind: entry.object_kind, id: entry.object },
            before: entry.before,
            after: entry.after,
        }
    }
}

/// Which entries.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditParameters {
    /// Only what this user did.
    #[param(value_type = Option<Uuid>)]
    pub actor_id: Option<UserId>,
    /// Only what was done in this way.
    #[param(max_length = 100, example = "conversation.updated")]
    pub action: Option<String>,
    /// Only what was done to the thing with this id.
    pub object_id: Option<Uuid>,
    /// Only what was done at this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<DateTime<Utc>>,
    /// Only what was done before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<DateTime<Utc>>,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl Request for AuditParameters {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let actor_id = form.optional("actor_id", id::<UserId>);
        let action = form.optional("action", line(100));
        let object_id = form.optional("object_id", id::<Uuid>);
        let since = form.optional("since", moment);
        let until = form.optional("until", moment);
        let PageQuery { limit, cursor } = PageQuery::read(form)?;
        Some(Self {
            actor_id: actor_id?,
            action: action?,
            object_id: object_id?,
            since: since?,
            until: until?,
            limit,
            cursor,
        })
    }
}
