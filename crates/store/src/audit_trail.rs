//! The audit trail, read by those who may (ACC-2).

use crate::{
    Store,
    beyond::{Beyond, Towards},
    error::StoreError,
    page::Page,
    schema::{audit, users},
    stream::UserRef,
    users::OwnerRow,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission},
    ids::{ApiKeyId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

/// Something that was done.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its id.
    pub id: Uuid,
    /// When its transaction began.
    pub at: DateTime<Utc>,
    /// By whom; `None`: the system or the operator.
    pub actor: Option<UserRef>,
    /// With which key, where with one.
    pub api_key: Option<ApiKeyId>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Under which id the request stands in the log.
    pub request_id: Option<String>,
    /// `thing.verb`.
    pub action: String,
    /// The kind of thing that it was done to.
    pub object_kind: String,
    /// Which one.
    pub object: Option<Uuid>,
    /// What it was, of what is no content.
    pub before: Option<Value>,
    /// What it is since.
    pub after: Option<Value>,
}

/// An entry's place in the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPosition {
    /// Microseconds count.
    pub at: DateTime<Utc>,
    /// For entries of the same time.
    pub id: Uuid,
}

/// Which entries of the trail; a filter that is `None` lets all pass.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// What this user did.
    pub actor: Option<UserId>,
    /// What was done in this way.
    pub action: Option<String>,
    /// What was done to this thing.
    pub object: Option<Uuid>,
    /// From this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Behind this place: that of the page before's last entry.
    pub after: Option<AuditPosition>,
    /// At most so many.
    pub limit: u16,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
struct Row {
    id: Uuid,
    at: DateTime<Utc>,
    api_key_id: Option<Uuid>,
    address: Option<String>,
    request_id: Option<String>,
    action: String,
    object_kind: String,
    object_id: Option<Uuid>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Store {
    /// What was done in the workspace, the newest first: a piece of one index, whatever is asked for.
    ///
    /// # Errors
    /// [`StoreError::RoleNotAllowed`], [`StoreError::ScopeNotAllowed`].
    pub async fn audit_trail(
        &self,
        actor: &Actor,
        query: &AuditQuery,
    ) -> Result<Page<AuditEntry>, StoreError> {
        actor.require(Permission::ReadAudit)?;
        let tx = self.begin_read(actor.workspace_id).await?;
        let who =
            users::workspace_id.eq(audit::workspace_id).and(audit::actor_user_id.eq(users::id.nullable()));
        let mut found = audit::table
            .left_join(users::table.on(who))
            .filter(audit::workspace_id.eq(actor.workspace_id.0))
            .order((audit::at.desc(), audit::id.desc()))
            .limit(i64::from(query.limit) + 1)
            .select((Row::as_select(), Option::<OwnerRow>::as_select()))
            .into_boxed();
        if let Some(user) = query.actor {
            found = found.filter(audit::actor_user_id.eq(user.0));
        }
        if let Some(action) = &query.action {
            found = found.filter(audit::action.eq(action));
        }
        if let Some(object) = query.object {
            found = found.filter(audit::object_id.eq(object));
        }
        if let Some(since) = query.since {
            found = found.filter(audit::at.ge(since));
        }
        if let Some(until) = query.until {
            found = found.filter(audit::at.lt(until));
        }
        if let Some(after) = query.after {
            found = found.filter(Beyond {
                columns: "audit.at, audit.id",
                at: after.at,
                id: after.id,
                towards: Towards::Past,
            });
        }
        let rows: Vec<(Row, Option<OwnerRow>)> = found.load(&mut tx.conn()).await?;
        tx.commit().await?;
        Ok(Page::of(rows.into_iter().map(AuditEntry::from).collect(), query.limit))
    }
}

impl From<(Row, Option<OwnerRow>)> for AuditEntry {
    fn from((row, actor): (Row, Option<OwnerRow>)) -> Self {
        Self {
            id: row.id,
            at: row.at,
            actor: actor.map(UserRef::from),
            api_key: row.api_key_id.map(ApiKeyId),
            address: row.address,
            request_id: row.request_id,
            action: row.action,
            object_kind: row.object_kind,
            object: row.object_id,
            before: row.before,
            after: row.after,
        }
    }
}
