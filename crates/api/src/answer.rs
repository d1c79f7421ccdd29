//! Answers, all alike: a list with its cursor, a thing with its tag, a thing that was made.

use crate::{
    body::Body,
    etag::{self, Expected},
    headers,
    problem::Problem,
    server::State,
    shapes::list::ListView,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use postroom_domain::access::Actor;
use postroom_store::{IdempotencyClaim, Outcome, StoredAnswer};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

/// May be kept by the caller's browser, if it asks each time whether it is still so.
const REVALIDATE: &str = "private, no-cache";
/// Says that nothing happened now.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A page of a list, with a `Link` to the next one.
#[must_use]
pub fn list<V: Serialize>(
    request: &HttpRequest,
    state: &State,
    data: Vec<V>,
    next_cursor: Option<String>,
) -> HttpResponse {
    let mut builder = HttpResponse::Ok();
    builder.insert_header((header::CACHE_CONTROL, REVALIDATE));
    if let Some(cursor) = &next_cursor {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(
                form_urlencoded::parse(request.query_string().as_bytes())
                    .filter(|(name, _)| name != "cursor"),
            )
            .append_pair("cursor", cursor)
            .finish();
        let link = format!("<{}{}?{query}>; rel=\"next\"", state.settings.public_url, request.path());
        builder.insert_header((header::LINK, link));
    }
    builder.json(ListView { data, next_cursor })
}

/// A thing with its tag, or 304 if the reader has it. `bare` is the same as `view` without signed links.
///
/// # Errors
/// A problem of ours, if it can't be written.
pub fn resource<V: Serialize>(
    request: &HttpRequest,
    version: i64,
    bare: &V,
    view: &V,
) -> Result<HttpResponse, Problem> {
    let tag = etag::of(version, bare)?;
    let unchanged = request.method().is_safe() && etag::none_match(request.headers(), &tag);
    let mut builder = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    builder.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, REVALIDATE));
    Ok(if unchanged { builder.finish() } else { builder.json(view) })
}

/// What is kept and given again for a thing that was made: 201, where it is, the whole of it.
#[must_use]
pub fn made<V: Serialize>(location: String, view: &V) -> StoredAnswer {
    // A view is plain data: writing it can't fail. An empty body would be seen by every test of the operation.
    let body = serde_json::to_vec(view).unwrap_or_default();
    StoredAnswer { status: 201, location: Some(location), body }
}

/// The answer to a request that made something: with its tag where that was now, marked where it was before.
///
/// # Errors
/// A problem of ours, if the tag can't be made.
pub fn outcome<T>(
    outcome: &Outcome<T>,
    made: impl Fn(&T) -> StoredAnswer,
    tag: impl Fn(&T) -> Result<String, Problem>,
) -> Result<HttpResponse, Problem> {
    let mut response = match outcome {
        Outcome::Done(thing) => {
            let mut response = stored(made(thing));
            if let Ok(tag) = HeaderValue::from_str(&tag(thing)?) {
                response.headers_mut().insert(header::ETAG, tag);
            }
            return Ok(response);
        }
        Outcome::Replayed(before) => stored(before.clone()),
    };
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn stored(answer: StoredAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut builder = HttpResponse::build(status);
    builder.content_type("application/json").insert_header((header::CACHE_CONTROL, REVALIDATE));
    if let Some(location) = answer.location {
        builder.insert_header((header::LOCATION, location));
    }
    builder.body(answer.body)
}

/// The request's idempotency key with all that it stands for.
///
/// # Errors
/// 400 `malformed_request` for a key that is none.
pub fn claim(request: &HttpRequest, body: &Body, actor: &Actor) -> Result<Option<IdempotencyClaim>, Problem> {
    let Some(key) = headers::idempotency_key(request)? else {
        return Ok(None);
    };
    let fingerprint = Sha256::new()
        .chain_update(request.method().as_str())
        .chain_update([0])
        .chain_update(request.path())
        .chain_update([0])
        .chain_update(body.digest())
        .finalize();
    Ok(Some(IdempotencyClaim { user: actor.user_id, key, fingerprint: fingerprint.into() }))
}

/// Takes what a body was read to. Where it is wrong, what comes before that in the order of refusal is asked first:
/// whether the thing is there for this caller (404, 403), and whether it is the version that they mean (412).
///
/// # Errors
/// The first of them.
pub async fn judged<R, V: Serialize>(
    read: Result<R, Problem>,
    expected: Expected,
    present: impl Future<Output = Result<(i64, V), Problem>>,
) -> Result<R, Problem> {
    match read {
        Ok(request) => Ok(request),
        Err(problem) => {
            let (version, view) = present.await?;
            Err(if expected.allows(version) { problem } else { etag::stale(&view) })
        }
    }
}
