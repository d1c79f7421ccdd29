//! The content of attachments.

use crate::{
    answer,
    body::{Parameters, path_id},
    caller::{self, ConversationsCaller},
    form::{Form, Request, integer, text},
    headers::{self, IdempotencyHeader, IfNoneMatchHeader},
    links::Signature,
    problem::Problem,
    refusal,
    server::State,
    shapes::attachment::{AttachmentDetailView, FileContent, UploadRequest},
    upload,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    get,
    http::header::{self, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue},
    post,
    web::{Data, Payload},
};
use chrono::Utc;
use futures_util::TryStreamExt as _;
use postroom_domain::ids::{AttachmentId, WorkspaceId};
use postroom_store::{AttachmentDetail, AttachmentFile, FeatureState, IdempotencyClaim, StoredAnswer};
use utoipa::IntoParams;

/// Nothing in a file can act: no script, no form, nothing loaded, an origin of its own.
pub(super) const FILE_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// The pictures that every browser draws and that can't act; all else is for saving.
const PICTURES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A signed address's parameters; without them the caller must be signed in.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct LinkQuery {
    /// Of a signed address: leave as it is.
    #[param(required = false)]
    workspace: Option<String>,
    /// Of a signed address: when it ends, in seconds since 1970.
    #[param(required = false)]
    expires: Option<i64>,
    /// Of a signed address: leave as it is.
    #[param(required = false)]
    signature: Option<String>,
}

impl Request for LinkQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let workspace = form.optional("workspace", text(64));
        let expires = form.optional("expires", integer(0, i64::MAX));
        let signature = form.optional("signature", text(64));
        Some(Self { workspace: workspace?, expires: expires?, signature: signature? })
    }
}

/// Upload a file
///
/// As `multipart/form-data` with one part, `file`. Until a message takes it by its id (`attachment_ids`) it is there for
/// its uploader alone, and is removed after 24 hours; one file goes into one message. What the file is called and is
/// stands in the answer, and may differ from what was said: directories and characters that are not seen are taken out of
/// names, and what claims to be a picture must be one.
#[utoipa::path(
    tag = "Attachments", operation_id = "upload_attachment", params(IdempotencyHeader),
    request_body(content = UploadRequest, content_type = "multipart/form-data"),
    extensions(("x-problems" = json!(["feature_not_enabled", "malformed_request"]))),
    responses((status = 201, description = "The file.", body = AttachmentDetailView)),
)]
#[post("/v1/attachments")]
pub(crate) async fn create(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let actor = caller.actor;
    let key = headers::idempotency_key(&request)?;
    let (file, name) = upload::take(&request, payload, &state.store, actor.workspace_id).await?;
    let claim = key.map(|key| {
        // The same file sent again has another boundary: what it is counts, not how it was wrapped.
        let filename = name.filename.as_deref().unwrap_or_default().as_bytes();
        let parts: [&[u8]; 5] =
            [b"POST", b"/v1/attachments", filename, name.content_type.as_bytes(), &file.sha256];
        IdempotencyClaim { user: actor.user_id, key, fingerprint: state.fingerprint_key.fingerprint(&parts) }
    });
    let outcome = state.store.keep_upload(&actor, file, &name, claim, made).await?;
    let links = super::messages::links(&state, &actor);
    answer::outcome(&request, outcome, made, move |view: AttachmentDetailView| view.signed(&links)).await
}

fn made(detail: &AttachmentDetail) -> StoredAnswer {
    let view = AttachmentDetailView::unsigned(detail.clone());
    answer::made(format!("/v1/attachments/{}", view.id), view.version, &view)
}

/// A file
///
/// An attachment of a message that the caller sees, or what they have uploaded themselves.
#[utoipa::path(
    tag = "Attachments", operation_id = "get_attachment",
    params(("id" = Uuid, Path, description = "The attachment's id."), IfNoneMatchHeader),
    extensions(("x-problems" = json!(["feature_not_enabled"]))),
    responses((status = 200, description = "The file.", body = AttachmentDetailView)),
)]
#[get("/v1/attachments/{id}")]
pub(crate) async fn show(
    caller: ConversationsCaller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let detail = state.store.attachment_detail(&caller.actor, path_id(&request, "id")).await?;
    let view = AttachmentDetailView::unsigned(detail);
    let links = super::messages::links(&state, &caller.actor);
    answer::signed_resource(&request, view.version, view, move |view| view.signed(&links)).await
}

/// An attachment's content
///
/// By the signed `url` of a message's attachment, which needs no header and ends after an hour or two, or with an access
/// token. Pictures are shown, everything else is for saving; nothing in a file can act in the page.
#[utoipa::path(
    tag = "Attachments", operation_id = "get_attachment_content",
    params(("id" = Uuid, Path, description = "The attachment's id."), LinkQuery),
    security((), ("access_token" = []), ("api_key" = [])),
    extensions(("x-problems" = json!(["not_authenticated", "link_expired", "feature_not_enabled", "not_found"]))),
    responses((status = 200, description = "The file, as what it was sent as.", content_type = "*/*", body = FileContent)),
)]
#[get("/v1/attachments/{id}/content")]
pub(crate) async fn content(
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    let id: AttachmentId = path_id(&request, "id");
    let (workspace, file) = find(&request, &state, query, id).await?;
    let (size, bytes) = state.store.get_blob_stream(workspace, &file.sha256).await?;
    // The answer has begun: all that can be told is that it is not whole.
    let bytes =
        bytes.inspect_err(|error| tracing::error!(%error, "an attachment could not be read to its end"));
    let media_type = media_type(&file.info.content_type);
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header(disposition(file.info.filename.as_deref(), media_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, FILE_POLICY))
        .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600, immutable"))
        .body(SizedStream::new(size, bytes)))
}

/// The file, if the request may have it: by its signature, or by who asks.
async fn find(
    request: &HttpRequest,
    state: &State,
    query: Parameters,
    id: AttachmentId,
) -> Result<(WorkspaceId, AttachmentFile), Problem> {
    let link: Result<LinkQuery, Problem> = query.read();
    if let Ok(LinkQuery { workspace: Some(workspace), expires: Some(expires), signature: Some(signature) }) =
        &link
    {
        let workspace = uuid::Uuid::try_parse(workspace).unwrap_or_default();
        let signature = Signature { workspace, expires: *expires, signature: signature.clone() };
        let workspace = signature.check(&state.link_key, id, Utc::now())?;
        return Ok((workspace, state.store.attachment_by_link(workspace, id).await?));
    }
    let caller = caller::identify(request).await?;
    if caller.conversations != FeatureState::Enabled {
        return Err(refusal::feature_not_enabled());
    }
    let file = state.store.attachment(&caller.actor, id).await?;
    link?;
    Ok((caller.actor.workspace_id, file))
}

/// The sender's word for what it is, where it is one of the known harmless pictures; else just bytes, so that no
/// browser ever takes a file for a page.
fn media_type(named: &str) -> &'static str {
    let essence = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    PICTURES.iter().copied().find(|picture| *picture == essence).unwrap_or("application/octet-stream")
}

fn disposition(filename: Option<&str>, media_type: &str) -> ContentDisposition {
    let disposition =
        if PICTURES.contains(&media_type) { DispositionType::Inline } else { DispositionType::Attachment };
    // Names come from strangers' mails, too.
    let name = filename.and_then(postroom_mime::file_name).unwrap_or_else(|| "attachment".to_owned());
    let parameter = if name.is_ascii() {
        DispositionParam::Filename(name)
    } else {
        DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: name.into_bytes(),
        })
    };
    ContentDisposition { disposition, parameters: vec![parameter] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_pictures_are_shown() {
        assert_eq!(media_type("image/PNG; name=x"), "image/png");
        for named in
            ["image/svg+xml", "text/html", "application/pdf", "", "image/png\r\nx: y", "image/png,text/html"]
        {
            assert_eq!(media_type(named), "application/octet-stream", "{named}");
        }
    }

    #[test]
    fn any_name_can_be_written_in_a_header() {
        let header = |name, media_type| disposition(name, media_type).to_string();
        assert_eq!(header(Some("a.png"), "image/png"), "inline; filename=\"a.png\"");
        assert!(
            header(Some("a\"b\r\n.pdf"), "application/pdf").starts_with("attachment; filename=\"a_b.pdf\"")
        );
        assert_eq!(
            header(Some("übung.pdf"), "application/pdf"),
            "attachment; filename*=UTF-8''%C3%BCbung.pdf"
        );
        assert_eq!(header(None, "application/pdf"), "attachment; filename=\"attachment\"");
    }
}
