//! Who is in a conversation now.

use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::ConversationsCaller,
    etag::Expected,
    problem::Problem,
    server::State,
    shapes::{
        list::{ListView, NoQuery},
        presence::{PresenceRequest, PresenceView},
    },
};
use actix_web::{HttpRequest, HttpResponse, get, put, web::Data};
use postroom_domain::ids::ConversationId;

/// Be in a conversation
///
/// Tells everybody who sees the conversation that the caller has it open or writes an answer, as `presence` on their
/// streams. It lasts 30 seconds: say it again as long as it is so. Nothing of it is stored.
#[utoipa::path(
    tag = "Live", operation_id = "set_presence",
    params(("id" = Uuid, Path, description = "The conversation's id.")),
    request_body = PresenceRequest,
    extensions(("x-problems" = json!(["conversation_merged"]))),
    responses((status = 204, description = "They are told.")),
)]
#[put("/v1/conversations/{id}/presence")]
pub(crate) async fn set(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: ConversationId = path_id(&request, "id");
    let visible = async {
        state.live.present(&caller.actor, id).await?;
        Ok((0, ()))
    };
    let wanted = answer::judged(body.read::<PresenceRequest>().await, Expected::Any, visible).await?;
    state.live.appear(&caller.actor, id, wanted.state.into()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who is in a conversation
///
/// Everybody who said within the last 30 seconds that they have it open or write an answer, by name, the caller too.
#[utoipa::path(
    tag = "Live", operation_id = "list_presence",
    params(("id" = Uuid, Path, description = "The conversation's id.")),
    extensions(("x-problems" = json!(["conversation_merged", "validation_failed"]))),
    responses((status = 200, description = "Who is there.", body = ListView<PresenceView>)),
)]
#[get("/v1/conversations/{id}/presence")]
pub(crate) async fn index(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let present = state.live.present(&caller.actor, path_id(&request, "id")).await?;
    let NoQuery = query.read()?;
    let present = present.into_iter().map(PresenceView::from).collect();
    Ok(answer::list(&request, &state, present, None))
}
