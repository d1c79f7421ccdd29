//! Wrong fields of contacts, companies and deals, all at once: those that the request's form shows, and those that only the
//! workspace's definitions of custom fields show.

use crate::{
    body::Body,
    problem::{Code, Problem},
    refusal::with_faults,
    server::State,
};
use postroom_domain::{access::Actor, custom_field::Entity};
use uuid::Uuid;

/// What was read; where fields of it are wrong, the refusal names the wrong custom fields as well. `of`: the thing that is
/// edited, which the caller sees; `None` for a new one.
pub(super) async fn complete<R>(
    read: Result<R, Problem>,
    (state, actor): (&State, &Actor),
    (entity, of): (Entity, Option<Uuid>),
    body: &Body,
) -> Result<R, Problem> {
    let problem = match read {
        Err(problem) if problem.code() == Code::ValidationFailed => problem,
        other => return other,
    };
    let fields = body.object("custom_fields").await;
    Err(with_faults(problem, state.store.custom_field_faults(actor, entity, of, &fields).await?))
}
