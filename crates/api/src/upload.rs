//! A file that is uploaded as `multipart/form-data`: read piece by piece, never as a whole in memory.

use crate::problem::{Code, FieldCode, Problem};
use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
    web::Payload,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use postroom_domain::ids::WorkspaceId;
use postroom_store::{Store, Upload, UploadName, WholeUpload};
use std::time::Duration;

/// Largest file, in bytes.
pub const MAX_FILE: u64 = 25 * 1024 * 1024;
/// A larger one is read on and thrown away up to here: a client that is still writing would not see the answer.
const MAX_DRAINED: u64 = MAX_FILE + 16 * 1024 * 1024;
/// A body of which nothing has come in for so long is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The one part.
const PART: &str = "file";

/// Reads the one part `file` of a request into the blob store.
///
/// # Errors
/// 415 for another kind of body, 400 `malformed_request` for one that can't be read to its end, 413 `body_too_large`, 422
/// where there is another part, or none; or what the store fails with. Nothing is kept then.
pub async fn take(
    request: &HttpRequest,
    payload: Payload,
    store: &Store,
    workspace: WorkspaceId,
) -> Result<(WholeUpload, UploadName), Problem> {
    if let Err(problem) = check_media_type(request.headers()) {
        drain(payload).await;
        return Err(problem);
    }
    let mut parts = Multipart::new(request.headers(), payload);
    let mut part = next(&mut parts).await?.ok_or_else(missing)?;
    if part.name() != Some(PART) {
        let problem = unknown(part.name());
        // The next part comes only when this one is let go.
        drop(part);
        return Err(refuse(parts, problem).await);
    }
    let given = part.content_disposition().and_then(|one| one.get_filename()).map(str::to_owned);
    let declared = part.content_type().map(ToString::to_string);
    let upload = store.begin_upload(workspace).await?;
    let whole = match receive(&mut part, upload).await? {
        Received::Whole(whole) => whole,
        Received::TooLarge => {
            let problem = Problem::new(Code::BodyTooLarge).detail("A file has at most 25 MiB.");
            drop(part);
            return Err(refuse(parts, problem).await);
        }
    };
    drop(part);
    if let Some(further) = next(&mut parts).await? {
        let problem = unknown(further.name().filter(|name| *name != PART));
        drop(further);
        store.drop_upload(whole).await;
        return Err(refuse(parts, problem).await);
    }
    let name = UploadName {
        filename: given.as_deref().and_then(postroom_mime::file_name),
        content_type: postroom_mime::media_type(declared.as_deref(), &whole.beginning),
    };
    Ok((whole, name))
}

/// Largest picture, in bytes.
const MAX_PICTURE: usize = 5 * 1024 * 1024;

/// Reads the one part `file` of a request into memory: a picture.
///
/// # Errors
/// As [`take`].
pub async fn take_picture(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    if let Err(problem) = check_media_type(request.headers()) {
        drain(payload).await;
        return Err(problem);
    }
    let mut parts = Multipart::new(request.headers(), payload);
    let mut part = next(&mut parts).await?.ok_or_else(missing)?;
    if part.name() != Some(PART) {
        let problem = unknown(part.name());
        drop(part);
        return Err(refuse(parts, problem).await);
    }
    let mut content = BytesMut::new();
    loop {
        match tokio::time::timeout(PATIENCE, part.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(piece))) if content.len() + piece.len() <= MAX_PICTURE => {
                content.extend_from_slice(&piece);
            }
            Ok(Some(Ok(_))) => {
                drop(part);
                let problem = Problem::new(Code::BodyTooLarge).detail("A picture has at most 5 MiB.");
                return Err(refuse(parts, problem).await);
            }
            Ok(Some(Err(error))) => return Err(unreadable(&error)),
            Err(_) => return Err(too_slow()),
        }
    }
    drop(part);
    if let Some(further) = next(&mut parts).await? {
        let problem = unknown(further.name().filter(|name| *name != PART));
        drop(further);
        return Err(refuse(parts, problem).await);
    }
    Ok(content.freeze())
}

enum Received {
    Whole(WholeUpload),
    TooLarge,
}

async fn receive(part: &mut Field, mut upload: Upload) -> Result<Received, Problem> {
    loop {
        let piece = match tokio::time::timeout(PATIENCE, part.next()).await {
            Ok(None) => return Ok(Received::Whole(upload.finish().await?)),
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(error))) => {
                upload.abort().await;
                return Err(unreadable(&error));
            }
            Err(_) => {
                upload.abort().await;
                return Err(too_slow());
            }
        };
        if upload.size() + piece.len() as u64 > MAX_FILE {
            upload.abort().await;
            return Ok(Received::TooLarge);
        }
        if let Err(error) = upload.write(piece).await {
            upload.abort().await;
            return Err(error.into());
        }
    }
}

/// The next part, if there is one.
async fn next(parts: &mut Multipart) -> Result<Option<Field>, Problem> {
    match tokio::time::timeout(PATIENCE, parts.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(part))) => Ok(Some(part)),
        Ok(Some(Err(error))) => Err(unreadable(&error)),
        Err(_) => Err(too_slow()),
    }
}

/// Reads on for a while, so that the client hears why, and gives the problem back.
async fn refuse(mut parts: Multipart, problem: Problem) -> Problem {
    let mut drained = 0_u64;
    while let Ok(Some(mut part)) = next(&mut parts).await {
        while let Ok(Some(Ok(piece))) = tokio::time::timeout(PATIENCE, part.next()).await {
            drained = drained.saturating_add(piece.len() as u64);
            if drained > MAX_DRAINED {
                return problem;
            }
        }
    }
    problem
}

/// The same for a body that has no parts.
async fn drain(mut payload: Payload) {
    let mut drained = 0_u64;
    while let Ok(Some(Ok(piece))) = tokio::time::timeout(PATIENCE, payload.next()).await {
        drained = drained.saturating_add(piece.len() as u64);
        if drained > MAX_DRAINED {
            return;
        }
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if essence == "multipart/form-data" && !encoded {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType)
            .detail("Send Content-Type: multipart/form-data with one part, file, without Content-Encoding.")
            .header(header::ACCEPT, "multipart/form-data"))
    }
}

fn unreadable(error: &MultipartError) -> Problem {
    let detail = match error {
        MultipartError::BoundaryMissing | MultipartError::ContentTypeParse => {
            "The body's Content-Type names no boundary, or the body doesn't have it."
        }
        MultipartError::ContentDispositionMissing | MultipartError::ContentDispositionNameMissing => {
            "A part has no Content-Disposition: form-data with a name."
        }
        _ => "The body could not be read to its end as multipart/form-data.",
    };
    Problem::new(Code::MalformedRequest).detail(detail)
}

fn too_slow() -> Problem {
    Problem::new(Code::MalformedRequest)
        .detail(format!("Nothing of the body has arrived for {} seconds.", PATIENCE.as_secs()))
}

fn missing() -> Problem {
    Problem::field("/file", FieldCode::Required, "The part file is needed.")
}

/// Longest name of a part that is told back, in characters.
const MAX_NAME: usize = 100;

fn unknown(name: Option<&str>) -> Problem {
    match name {
        Some(name) => {
            let name: String = name.chars().take(MAX_NAME).collect();
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            Problem::field(pointer, FieldCode::UnknownField, "There is one part here: file.")
        }
        None => Problem::field("/file", FieldCode::TooLong, "One file at a time."),
    }
}
