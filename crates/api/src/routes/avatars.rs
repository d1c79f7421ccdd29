//! Pictures of people: one's own, and contacts'.

use super::{
    attachments::FILE_POLICY,
    contacts::{changed, present},
};
use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::Caller,
    etag::{self, Expected},
    form::{Form, Request, integer, text},
    headers::IfMatchHeader,
    links::Signature,
    picture,
    problem::Problem,
    server::State,
    shapes::{attachment::FileContent, auth::MeView, contact::ContactView, picture::PictureRequest},
    upload,
};
use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header,
    put,
    web::{Data, Payload},
};
use chrono::Utc;
use postroom_domain::{access::Actor, ids::ContactId};
use postroom_store::{BlobHash, Me, StoreError};
use utoipa::IntoParams;
use uuid::Uuid;

/// A signed address's parameters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct PictureQuery {
    /// Leave as it is.
    workspace: String,
    /// When the address ends, in seconds since 1970.
    expires: i64,
    /// Leave as it is.
    signature: String,
}

impl Request for PictureQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let workspace = form.required("workspace", text(64));
        let expires = form.required("expires", integer(0, i64::MAX));
        let signature = form.required("signature", text(64));
        Some(Self { workspace: workspace?, expires: expires?, signature: signature? })
    }
}

/// Set my picture
///
/// As `multipart/form-data` with one part, `file`: a PNG, JPEG, GIF or WebP of at most 5 MiB. Its middle is kept, as a
/// square of 256 by 256, and nothing of what else the file says.
#[utoipa::path(
    tag = "Me", operation_id = "set_my_avatar", params(IfMatchHeader),
    request_body(content = PictureRequest, content_type = "multipart/form-data"),
    extensions(("x-problems" = json!(["malformed_request"]))),
    responses((status = 200, description = "The user as they are now.", body = MeView)),
)]
#[put("/v1/me/avatar")]
pub(crate) async fn set_mine(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let expected = Expected::of(request.headers());
    let read = upload::take_picture(&request, payload).await;
    let view = me(&state, &caller.actor).await?;
    if !expected.allows(view.version) {
        return Err(etag::stale(&view));
    }
    let small = picture::thumbnail(read?).await?;
    let saved = state.store.set_my_avatar(&caller.actor, expected.version(), Some(small)).await;
    mine(&request, &state, &caller.actor, saved).await
}

/// Remove my picture
///
/// Where there is none, nothing changes.
#[utoipa::path(
    tag = "Me", operation_id = "remove_my_avatar", params(IfMatchHeader),
    responses((status = 200, description = "The user as they are now.", body = MeView)),
)]
#[delete("/v1/me/avatar")]
pub(crate) async fn remove_mine(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let expected = Expected::of(request.headers());
    let current = async { me(&state, &caller.actor).await.map(|view| (view.version, view)) };
    answer::judged(body.nothing().await, expected, current).await?;
    let saved = state.store.set_my_avatar(&caller.actor, expected.version(), None).await;
    mine(&request, &state, &caller.actor, saved).await
}

/// Set a contact's picture
///
/// As one's own. For everybody who sees the contact.
#[utoipa::path(
    tag = "Contacts", operation_id = "set_contact_avatar",
    params(("id" = Uuid, Path, description = "The contact's id."), IfMatchHeader),
    request_body(content = PictureRequest, content_type = "multipart/form-data"),
    extensions(("x-problems" = json!(["malformed_request"]))),
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[put("/v1/contacts/{id}/avatar")]
pub(crate) async fn set_contacts(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: ContactId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let read = upload::take_picture(&request, payload).await;
    let (version, view) = present(&state, &caller.actor, id).await?;
    if !expected.allows(version) {
        return Err(etag::stale(&view));
    }
    let small = picture::thumbnail(read?).await?;
    let saved = state.store.set_contact_avatar(&caller.actor, id, expected.version(), Some(small)).await;
    changed(&request, &state, &caller.actor, id, saved).await
}

/// Remove a contact's picture
///
/// Where there is none, nothing changes.
#[utoipa::path(
    tag = "Contacts", operation_id = "remove_contact_avatar",
    params(("id" = Uuid, Path, description = "The contact's id."), IfMatchHeader),
    responses((status = 200, description = "The contact as it is now.", body = ContactView)),
)]
#[delete("/v1/contacts/{id}/avatar")]
pub(crate) async fn remove_contacts(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: ContactId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    answer::judged(body.nothing().await, expected, present(&state, &caller.actor, id)).await?;
    let saved = state.store.set_contact_avatar(&caller.actor, id, expected.version(), None).await;
    changed(&request, &state, &caller.actor, id, saved).await
}

/// A picture
///
/// By an `avatar_url`, which needs no header and ends after an hour or two.
#[utoipa::path(
    tag = "Users", operation_id = "get_avatar", security(()),
    params(("sha256" = String, Path, description = "Leave as it is."), PictureQuery),
    extensions(("x-problems" = json!(["link_expired", "not_found"]))),
    responses((status = 200, description = "The picture, 256 by 256.", content_type = "image/png", body = FileContent)),
)]
#[get("/v1/avatars/{sha256}")]
pub(crate) async fn content(
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let name = request.match_info().get("sha256").unwrap_or_default();
    let sha256 = hash(name).ok_or_else(Problem::not_found)?;
    let PictureQuery { workspace, expires, signature } = query.read()?;
    // Whatever is wrong with a signed address, it is not one of ours.
    let workspace = Uuid::try_parse(&workspace).unwrap_or_default();
    let signature = Signature { workspace, expires, signature };
    let workspace = signature.check_picture(&state.link_key, name, Utc::now())?;
    let bytes = state.store.picture(workspace, &sha256).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/png"))
        .insert_header((header::CONTENT_DISPOSITION, "inline; filename=\"picture.png\""))
        .insert_header((header::CONTENT_SECURITY_POLICY, FILE_POLICY))
        .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600, immutable"))
        .body(bytes))
}

/// The name of a picture, as addresses write it.
fn hash(text: &str) -> Option<BlobHash> {
    let mut name = BlobHash::default();
    if text.len() != 2 * name.len() || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (index, byte) in name.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(name)
}

async fn me(state: &State, actor: &Actor) -> Result<MeView, Problem> {
    Ok(state.store.me(actor).await?.into())
}

/// The user after a change; where somebody was faster, 412 with what they are.
async fn mine(
    request: &HttpRequest,
    state: &State,
    actor: &Actor,
    saved: Result<Me, StoreError>,
) -> Result<HttpResponse, Problem> {
    match saved {
        Ok(saved) => {
            let view = MeView::from(saved);
            answer::resource(request, view.version, &view)
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&me(state, actor).await?)),
        Err(error) => Err(error.into()),
    }
}
