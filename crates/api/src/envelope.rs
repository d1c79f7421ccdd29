//! What every exchange gets, whatever is asked: a request id, a span in the log, security headers, errors in one form.

use crate::{
    caller::Known,
    limits,
    problem::{self, Code, Problem},
    server::State,
};
use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt as _;
use postroom_store::RequestContext;
use std::{fmt, panic::AssertUnwindSafe, time::Instant};
use tracing::{Instrument as _, Span, field::Empty};
use uuid::Uuid;

/// The header that carries the request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id under which a request stands in the log and in its problem's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Takes the client's, if it is 1 to 128 harmless characters, else makes one.
    fn take_or_make(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        match given {
            Some(id) if is_harmless(id) => Self(id.to_owned()),
            _ => Self(Uuid::now_v7().to_string()),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_harmless(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'+' | b'='))
}

/// Marks a request for an answer's head: a handler whose answer would have no end asks for it.
#[derive(Debug, Clone, Copy)]
pub struct HeadOnly;

/// The outermost layer: id, span, problems, headers, one line in the log.
///
/// # Errors
/// [`Lost`], complete with all that an answer has, where a request panicked.
pub async fn envelope(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::take_or_make(request.headers());
    request.extensions_mut().insert(id.clone());
    if request.method() == Method::HEAD {
        request.extensions_mut().insert(HeadOnly);
        // RFC 9110, 9.3.2: the same as GET; actix's encoder leaves the body out by the method on the wire.
        request.head_mut().method = Method::GET;
    }
    let origin = allowed_origin(&request);
    // Neither the query (signed links) nor the body goes into the log, nor the token of a link that somebody was mailed.
    let span = tracing::info_span!(
        "request", request_id = id.as_str(), method = %request.method(), path = loggable(request.path()),
        workspace_id = Empty, user_id = Empty,
    );
    // The request must not be cloned before it has been routed: actix demands to be its only holder until then.
    let outcome = next.call(request).instrument(span.clone()).await;
    let _entered = span.enter();
    match outcome {
        Ok(answer) => {
            let mut answer = problem::render(answer.map_into_boxed_body(), id.as_str());
            dress(answer.headers_mut(), &id);
            log(answer.status(), &answer.request().match_pattern().unwrap_or_default(), started);
            Ok(answer)
        }
        Err(error) => {
            let problem = error.as_error::<Problem>().cloned().unwrap_or_else(Problem::internal);
            let lost = Lost { problem, id, origin };
            log(lost.status_code(), "", started);
            Err(lost.into())
        }
    }
}

/// The part of a path that the log may know.
fn loggable(path: &str) -> &str {
    ["/v1/auth/invitations/", "/v1/auth/password-reset/"]
        .into_iter()
        .find(|secret| path.starts_with(secret))
        .unwrap_or(path)
}

/// The end of a request that has no proper end: it panicked, so that there is nothing left to answer through.
#[derive(Debug)]
pub struct Lost {
    problem: Problem,
    id: RequestId,
    origin: Option<HeaderValue>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for Lost {
    fn status_code(&self) -> StatusCode {
        self.problem.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.problem.response(self.id.as_str());
        let headers = response.headers_mut();
        dress(headers, &self.id);
        if let Some(origin) = &self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id"));
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
        response
    }
}

fn allowed_origin(request: &ServiceRequest) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    let state = request.app_data::<Data<State>>()?;
    state.settings.cors_origins.iter().any(|allowed| allowed == origin).then(|| origin.clone())
}

/// Names the caller in the log of the running request.
pub fn note_caller(workspace: impl std::fmt::Display, user: impl std::fmt::Display) {
    let span = Span::current();
    span.record("workspace_id", tracing::field::display(workspace));
    span.record("user_id", tracing::field::display(user));
}

fn log(status: StatusCode, route: &str, started: Instant) {
    let status = status.as_u16();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if matches!(route, "/healthz" | "/readyz") {
        tracing::debug!(status, duration_ms, route, "answered");
    } else {
        tracing::info!(status, duration_ms, route, "answered");
    }
}

/// Security headers; what a route has set for itself stays.
fn dress(headers: &mut HeaderMap, id: &RequestId) {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "identity") {
        // Said to the layer that compresses; no encoding is told by leaving it out (RFC 9110, 8.4).
        headers.remove(header::CONTENT_ENCODING);
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
        (header::PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=()"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// The innermost layer: a panic is logged with its request and becomes a 500; the server goes on.
///
/// # Errors
/// A [`Problem`] where the request panicked.
pub async fn catch_panics(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(outcome) => Ok(outcome?.map_into_boxed_body()),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let message = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(panic = message.unwrap_or("no text"), "a request panicked");
            Err(Problem::internal().into())
        }
    }
}

/// The header that says up to which event a reading answer is current.
pub const EVENT: HeaderName = HeaderName::from_static("postroom-event");

/// The layer that tells the store of the request, and a reader which event the answer includes: `?after=` it continues
/// without a gap. Inside of [`finish_writes`], whose task would not have it otherwise.
///
/// # Errors
/// Those of the layers inside.
pub async fn with_context(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id(request.request());
    let address = request
        .app_data::<Data<State>>()
        .map(|state| limits::client_address(request.request(), state.settings.trusted_proxies));
    let context = RequestContext::new(id, address, request.method().is_safe());
    let answering = async {
        let answer = next.call(request).await?.map_into_boxed_body();
        note_refusal(&answer).await;
        Ok::<_, Error>(answer)
    };
    let mut answer = context.scope(answering).await?;
    let readable = answer.status().is_success() || answer.status() == StatusCode::NOT_MODIFIED;
    if let Some(number) = context.snapshot()
        && readable
    {
        answer.headers_mut().insert(EVENT, HeaderValue::from(number));
    }
    Ok(answer)
}

/// Writes down that somebody was refused what their role or key does not allow.
async fn note_refusal(answer: &ServiceResponse<BoxBody>) {
    let refusal = answer.response().error().and_then(|error| error.as_error::<Problem>()).map(Problem::code);
    let Some(code @ (Code::RoleNotAllowed | Code::ScopeNotAllowed | Code::ViewNotAllowed)) = refusal else {
        return;
    };
    let request = answer.request();
    let known = request.extensions().get::<Known>().copied();
    let state = request.app_data::<Data<State>>().cloned();
    let (Some(Known(actor)), Some(state)) = (known, state) else {
        return;
    };
    let operation = format!("{} {}", request.method(), request.match_pattern().unwrap_or_default());
    if let Err(error) = state.store.note_refused_access(&actor, &operation, code.as_str()).await {
        tracing::warn!(%error, "a refused access could not be written down");
    }
}

/// The layer around what may write: it runs in a task of its own, so that a client that hangs up can't cut it in the
/// middle.
///
/// # Errors
/// A [`Problem`] where the task was lost.
pub async fn finish_writes(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method().is_safe() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let running = actix_web::rt::spawn(next.call(request).in_current_span());
    match running.await {
        Ok(outcome) => Ok(outcome?.map_into_boxed_body()),
        Err(error) => {
            tracing::error!(%error, "a request's task was lost");
            Err(Problem::internal().into())
        }
    }
}

/// The id of the request that is being answered.
#[must_use]
pub fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned()).unwrap_or_default()
}
