//! The sidebar.

use crate::{
    answer, body::path_id, caller::Caller, headers::IfNoneMatchHeader, problem::Problem, server::State,
    shapes::contact::ContactView,
};
use actix_web::{HttpRequest, HttpResponse, get, web::Data};

/// One contact
///
/// All that the sidebar shows: every standard and custom field, company, deals, owner. Team members see the contacts
/// that they own, and those that take part in a conversation that they own.
#[utoipa::path(
    tag = "Contacts", operation_id = "get_contact",
    params(("id" = Uuid, Path, description = "The contact's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The contact.", body = ContactView)),
)]
#[get("/v1/contacts/{id}")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let contact = state.store.contact(&caller.actor, path_id(&request, "id")).await?;
    let view = ContactView::from(contact);
    answer::resource(&request, view.version, &view)
}
