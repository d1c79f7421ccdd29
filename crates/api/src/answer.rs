//! Answers, all alike: a list with its cursor, a thing with its tag, a thing that was made.

use crate::{
    body::Body,
    etag::{self, Expected},
    headers,
    links::Links,
    problem::Problem,
    server::State,
    shapes::list::ListView,
    workers::off_worker,
};
use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use postroom_domain::access::Actor;
use postroom_store::{IdempotencyClaim, Outcome, StoredAnswer};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::form_urlencoded;

/// May be kept by the caller's browser, if it asks each time whether it is still so.
const REVALIDATE: &str = "private, no-cache";
/// Says that nothing happened now.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// An answer's JSON, with the addresses of the pictures in it: the one place where they are made.
pub fn json<V: Serialize>(
    links: Option<&Links>,
    builder: &mut HttpResponseBuilder,
    view: &V,
) -> HttpResponse {
    match serde_json::to_string(view) {
        Ok(text) => {
            let text = match links {
                Some(links) => links.sign(&text),
                None => text,
            };
            builder.content_type("application/json").body(text)
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            HttpResponse::from_error(Problem::internal())
        }
    }
}

/// The same for the request's caller.
pub fn for_caller<V: Serialize>(
    request: &HttpRequest,
    builder: &mut HttpResponseBuilder,
    view: &V,
) -> HttpResponse {
    let links = request.extensions().get::<Links>().cloned();
    json(links.as_ref(), builder, view)
}

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
    for_caller(request, &mut builder, &ListView { data, next_cursor })
}

/// A thing with its tag, or 304 if the reader has it.
///
/// # Errors
/// A problem of ours, if it can't be written.
pub fn resource<V: Serialize>(
    request: &HttpRequest,
    version: i64,
    view: &V,
) -> Result<HttpResponse, Problem> {
    let tag = etag::of(version, view)?;
    Ok(unchanged(request, &tag).unwrap_or_else(|| for_caller(request, &mut tagged(&tag), view)))
}

/// The same for a thing with signed links, which are made by `sign` and only where the thing is shown: the tag is that
/// of the view without them.
///
/// # Errors
/// A problem of ours, if it can't be written.
pub async fn signed_resource<V: Serialize + Send + 'static>(
    request: &HttpRequest,
    version: i64,
    view: V,
    sign: impl FnOnce(V) -> V + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let (tag, view) = off_worker(move || (etag::of(version, &view), view)).await?;
    let tag = tag?;
    if let Some(answer) = unchanged(request, &tag) {
        return Ok(answer);
    }
    let view = off_worker(move || sign(view)).await?;
    Ok(for_caller(request, &mut tagged(&tag), &view))
}

fn unchanged(request: &HttpRequest, tag: &str) -> Option<HttpResponse> {
    let same = request.method().is_safe() && etag::none_match(request.headers(), tag);
    same.then(|| {
        let mut builder = HttpResponse::NotModified();
        builder.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, REVALIDATE)).finish()
    })
}

fn tagged(tag: &str) -> HttpResponseBuilder {
    let mut builder = HttpResponse::Ok();
    builder.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, REVALIDATE));
    builder
}

/// What is kept of an answer: never a signed link, which would be good for nothing later, and for too much now.
#[derive(Serialize, Deserialize)]
struct Kept<V> {
    tag: String,
    view: V,
}

/// What is kept and given again for a thing that was made: 201, where it is, the whole of it without signed links.
#[must_use]
pub fn made<V: Serialize>(location: String, version: i64, view: &V) -> StoredAnswer {
    // A view is plain data: writing it can't fail. An empty body would be seen by every test of the operation.
    let kept = etag::of(version, view).map(|tag| serde_json::to_vec(&Kept { tag, view }).unwrap_or_default());
    StoredAnswer { status: 201, location: Some(location), body: kept.unwrap_or_default() }
}

/// The answer to a request that made something, now or before: the two differ in one header alone. `sign` makes the
/// links of the view that was kept.
///
/// # Errors
/// A problem of ours, if what was kept can't be read.
pub async fn outcome<T, V: Serialize + DeserializeOwned + Send + 'static>(
    request: &HttpRequest,
    outcome: Outcome<T>,
    made: impl Fn(&T) -> StoredAnswer,
    sign: impl FnOnce(V) -> V + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let (stored, replayed) = match outcome {
        Outcome::Done(thing) => (made(&thing), false),
        Outcome::Replayed(before) => (before, true),
    };
    let StoredAnswer { status, location, body } = stored;
    let kept = off_worker(move || {
        let Kept { tag, view } = serde_json::from_slice(&body)?;
        Ok::<_, serde_json::Error>(Kept { tag, view: sign(view) })
    });
    let Kept { tag, view } = kept.await?.map_err(|error| {
        tracing::error!(%error, "a kept answer could not be read");
        Problem::internal()
    })?;
    let mut builder = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::CREATED));
    builder.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, REVALIDATE));
    if let Some(location) = location {
        builder.insert_header((header::LOCATION, location));
    }
    if replayed {
        builder.insert_header((REPLAYED, HeaderValue::from_static("true")));
    }
    Ok(for_caller(request, &mut builder, &view))
}

/// The request's idempotency key with all that it stands for.
///
/// # Errors
/// 400 `malformed_request` for a key that is none.
pub fn claim(
    request: &HttpRequest,
    state: &State,
    body: &Body,
    actor: &Actor,
) -> Result<Option<IdempotencyClaim>, Problem> {
    let Some(key) = headers::idempotency_key(request)? else {
        return Ok(None);
    };
    let (method, path) = (request.method().as_str().as_bytes(), request.path().as_bytes());
    let fingerprint = state.fingerprint_key.fingerprint(&[method, path, body.bytes()]);
    Ok(Some(IdempotencyClaim { user: actor.user_id, key, fingerprint }))
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
