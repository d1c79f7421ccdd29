//! The audit trail: who did what to which thing, and when.

use crate::{
    answer,
    body::Parameters,
    caller::Caller,
    cursor::{self, Scope},
    problem::Problem,
    server::State,
    shapes::{
        audit::{AuditEntryView, AuditParameters},
        list::ListView,
    },
};
use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use chrono::DateTime;
use postroom_domain::access::Permission;
use postroom_store::{AuditPosition, AuditQuery};
use uuid::Uuid;

/// The audit trail
///
/// What was done in the workspace, the newest first: sign-ins and credentials, people, keys, mailboxes and settings, and
/// the work on conversations and customers. It names things and fields, never what stands in a mail or a field. Entries
/// are kept for 400 days, and nobody can change them. For owner and administrators; an API key needs the scope `admin`.
#[utoipa::path(
    tag = "Audit", operation_id = "list_audit", params(AuditParameters),
    extensions(("x-problems" = json!(["role_not_allowed", "scope_not_allowed"]))),
    responses((status = 200, description = "A page of entries.", body = ListView<AuditEntryView>)),
)]
#[get("/v1/audit")]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    caller.actor.require(Permission::ReadAudit)?;
    let wanted: AuditParameters = query.read()?;
    let scope = scope(&caller, &wanted);
    let after = match &wanted.cursor {
        Some(cursor) => {
            let (micros, id): (i64, Uuid) = cursor::open(&state.cursor_key, &scope, cursor)?;
            DateTime::from_timestamp_micros(micros).map(|at| AuditPosition { at, id })
        }
        None => None,
    };
    let AuditParameters { actor_id, action, object_id, since, until, limit, .. } = wanted;
    let query = AuditQuery { actor: actor_id, action, object: object_id, since, until, after, limit };
    let found = state.store.audit_trail(&caller.actor, &query).await?;
    let next = match found.items.last().filter(|_| found.more) {
        Some(last) => Some(cursor::seal(&state.cursor_key, &scope, &(last.at.timestamp_micros(), last.id))?),
        None => None,
    };
    let entries = found.items.into_iter().map(AuditEntryView::from).collect();
    Ok(answer::list(&request, &state, entries, next))
}

/// What the cursors are bound to.
fn scope(caller: &Caller, wanted: &AuditParameters) -> Scope {
    let filters = (&wanted.actor_id, &wanted.action, &wanted.object_id, &wanted.since, &wanted.until);
    Scope::of("/v1/audit").with(caller.actor.user_id.0.as_bytes()).with(format!("{filters:?}"))
}
