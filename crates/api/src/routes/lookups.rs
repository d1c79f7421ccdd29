//! What the lists of contacts, companies and deals have in common.

use crate::{
    answer,
    cursor::{self, Scope},
    problem::Problem,
    server::State,
};
use actix_web::{HttpRequest, HttpResponse};
use postroom_domain::access::Actor;
use postroom_store::{Found, LookUp, LookUpPosition};
use serde::Serialize;
use uuid::Uuid;

/// A look-up at its place, and what its cursors are bound to.
pub(super) fn placed(
    state: &State,
    actor: &Actor,
    list: &str,
    (wanted, cursor): (LookUp, Option<String>),
) -> Result<(LookUp, Scope), Problem> {
    let id = |id: Option<Uuid>| id.unwrap_or_default().into_bytes();
    let scope = Scope::of(list)
        .with(actor.user_id.0.as_bytes())
        .with(wanted.text.as_deref().unwrap_or_default())
        .with(id(wanted.owner_id.map(Uuid::from)))
        .with(id(wanted.company_id.map(Uuid::from)));
    let open = |cursor: String| cursor::open::<(i32, Uuid)>(&state.cursor_key, &scope, &cursor);
    let after = cursor.map(open).transpose()?.map(|(fit, id)| LookUpPosition { fit, id });
    Ok((LookUp { after, ..wanted }, scope))
}

/// A page of what was found.
pub(super) fn page<T, V: From<T> + Serialize>(
    request: &HttpRequest,
    state: &State,
    scope: &Scope,
    found: Found<T>,
) -> Result<HttpResponse, Problem> {
    let seal = |next: LookUpPosition| cursor::seal(&state.cursor_key, scope, &(next.fit, next.id));
    let next = found.next.map(seal).transpose()?;
    Ok(answer::list(request, state, found.items.into_iter().map(V::from).collect(), next))
}
