//! What a draft would become, before it is sent (RPL-9).

use super::messages::{links, new_mail_draft, reply_draft, visible};
use crate::{
    answer,
    body::{Body, Kept, path_id},
    caller::ConversationsCaller,
    etag::Expected,
    problem::Problem,
    server::State,
    shapes::{
        preview::PreviewView,
        reply::{NewMailRequest, ReplyRequest},
    },
    workers::off_worker,
};
use actix_web::{HttpRequest, HttpResponse, post, web::Data};
use postroom_domain::{access::Actor, ids::ConversationId};
use postroom_store::MailPreview;

/// Preview a reply
///
/// Exactly what would leave, and to whom, with what to look at before sending it. Takes the body of a reply and refuses
/// what sending it would refuse, but for `conversation_moved_on`, which is a warning here. Sends nothing, keeps nothing,
/// uses no attachment.
#[utoipa::path(
    tag = "Messages", operation_id = "preview_reply",
    params(("id" = Uuid, Path, description = "The conversation's id.")),
    request_body = ReplyRequest,
    extensions(("x-problems" = json!(["conversation_merged", "no_sending_mailbox"]))),
    responses((status = 200, description = "The mail as it would be.", body = PreviewView)),
)]
#[post("/v1/conversations/{id}/replies/preview")]
pub(crate) async fn reply(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: ConversationId = path_id(&request, "id");
    let read = body.read_and_keep::<ReplyRequest>().await;
    let Kept { request: reply, json } =
        answer::judged(read, Expected::Any, visible(&state, &caller.actor, id)).await?;
    let draft = reply_draft(&state, &caller.actor, reply, json).await?;
    show(&state, &caller.actor, state.store.preview_reply(&caller.actor, id, &draft).await?).await
}

/// Preview a new mail
///
/// The same for a new mail: takes the body of one.
#[utoipa::path(
    tag = "Messages", operation_id = "preview_message", request_body = NewMailRequest,
    extensions(("x-problems" = json!(["no_sending_mailbox"]))),
    responses((status = 200, description = "The mail as it would be.", body = PreviewView)),
)]
#[post("/v1/messages/preview")]
pub(crate) async fn new_mail(
    caller: ConversationsCaller,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let Kept { request: mail, json } = body.read_and_keep::<NewMailRequest>().await?;
    let draft = new_mail_draft(&state, &caller.actor, mail, json).await?;
    show(&state, &caller.actor, state.store.preview_new_mail(&caller.actor, &draft).await?).await
}

async fn show(state: &State, actor: &Actor, preview: MailPreview) -> Result<HttpResponse, Problem> {
    let links = links(state, actor);
    let view = off_worker(move || PreviewView::signed(preview, &links)).await?;
    Ok(HttpResponse::Ok().json(view))
}
