//! People to write to.

use crate::{
    answer,
    body::Parameters,
    caller::Caller,
    problem::Problem,
    server::State,
    shapes::{list::ListView, people::AuthorView, recipient::RecipientsQuery},
};
use actix_web::{HttpRequest, HttpResponse, get, web::Data};

/// People to write to
///
/// For adding somebody to a reply while their name is typed: contacts that the caller sees, each of their addresses, and
/// active users, best first. There is no next page; who isn't found is looked for with more of their name.
#[utoipa::path(
    tag = "Contacts", operation_id = "list_recipients", params(RecipientsQuery),
    responses((status = 200, description = "Those who fit best.", body = ListView<AuthorView>)),
)]
#[get("/v1/recipients")]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let wanted: RecipientsQuery = query.read()?;
    let found = state.store.recipients(&caller.actor, wanted.q.as_deref(), wanted.limit).await?;
    let people = found.into_iter().map(AuthorView::from).collect();
    Ok(answer::list(&request, &state, people, None))
}
