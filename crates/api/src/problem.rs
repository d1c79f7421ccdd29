//! Every error that leaves the API, as `application/problem+json` (RFC 9457).
//!
//! Code returns a [`Problem`]; [`render`] is the one place that makes an answer of it, because only there the
//! request's id is known. What actix itself refuses (an unknown address, a broken request) is brought into the same
//! form there, and so is a panic.

mod pages;
mod table;

pub use pages::{errors_markdown, index_page, page};
pub use table::{Code, FieldCode};

use crate::links::Links;
use actix_web::{
    HttpMessage as _, HttpResponse, ResponseError,
    body::BoxBody,
    dev::ServiceResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::{borrow::Cow, fmt, time::Duration};
use utoipa::{ToSchema, openapi::Object};
use uuid::Uuid;

/// The media type of every error's body.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Something that is wrong with a request, or with us.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field in the body, or `/name` of a query parameter.
    #[schema(example = "/to/0/address")]
    pub pointer: String,
    /// What is wrong, for programs.
    #[serde(serialize_with = "field_code")]
    #[schema(value_type = FieldCode, example = "invalid_email")]
    pub code: FieldCode,
    /// What is wrong, for people.
    #[schema(example = "This is not an e-mail address of the form name@domain.")]
    pub detail: Cow<'static, str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn field_code<S: Serializer>(code: &FieldCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

/// An error (RFC 9457). Further members belong to single codes; the page at `type` tells them.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemView<'a> {
    /// The address of this code's documentation, on this server.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors/not_found")]
    pub kind: String,
    /// The short sentence that is the same for every occurrence of the code.
    #[schema(example = "Not found")]
    pub title: &'a str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What happened this time, for people.
    #[schema(example = "There is nothing at this address.")]
    pub detail: &'a str,
    /// The stable name to branch on.
    #[schema(value_type = Code, example = "not_found")]
    pub code: &'a str,
    /// The request's id, the same as in the `X-Request-Id` header: name it when you ask for help.
    #[schema(example = "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11")]
    pub request_id: &'a str,
    /// Every wrong field, for `validation_failed` alone.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    pub errors: &'a [FieldError],
    /// Members of single codes, such as `current` of `stale_version`.
    #[serde(flatten)]
    #[schema(ignore)]
    pub members: &'a Map<String, Value>,
}

/// The members of single codes, for the document: [`Problem::member`] adds them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct ProblemMembers {
    /// The thing as it is now, for `stale_version` alone.
    current: Option<Object>,
    /// The feature that is not enabled, for `feature_not_enabled` alone.
    #[schema(example = "conversations")]
    feature: Option<String>,
    /// The address at which to ask for it, for `feature_not_enabled` alone.
    #[schema(example = "/v1/workspace/feature-requests")]
    request_access: Option<String>,
    /// The conversation under which it goes on, for `conversation_merged` alone.
    merged_into: Option<Uuid>,
    /// The newest message, for `conversation_moved_on` alone.
    latest_message_id: Option<Uuid>,
    /// The earliest position that can still be asked for, for `events_expired` alone.
    oldest_after: Option<i64>,
}

impl Problem {
    /// A problem with its code's own sentence as detail.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self {
            code,
            detail: Cow::Borrowed(code.title()),
            errors: Vec::new(),
            members: Map::new(),
            headers: Vec::new(),
        }
    }

    /// Says what happened this time. Never anything of the inside, never what another person wrote.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds a member that belongs to this code, such as `current`.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the answer; a value that no header can have is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }

    /// Says when to try again, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
        self.header(header::RETRY_AFTER, seconds.to_string())
    }

    /// 422 with every wrong field.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} fields are not valid; see errors.", many.len()),
        };
        Self { errors, ..Self::new(Code::ValidationFailed).detail(detail) }
    }

    /// 422 with one wrong field.
    #[must_use]
    pub fn field(pointer: impl Into<String>, code: FieldCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.into(), code, detail: detail.into() }])
    }

    /// 404, the same for what never existed and for what the caller may not see (ACC-3).
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound).detail("There is nothing at this address, or you may not see it.")
    }

    /// 500 that says nothing of the inside. The cause must have been logged where it happened.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal)
            .detail("The request failed for a reason that is not yours; nothing was saved.")
    }

    /// 503 with a second to wait.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable)
            .detail("The service can't answer right now; nothing was saved.")
            .retry_after(Duration::from_secs(1))
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Every wrong field that it names.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// With the addresses of pictures in what it shows of a thing.
    fn signed(mut self, links: &Links) -> Self {
        for (_, value) in &mut self.members {
            if let Ok(signed) = serde_json::from_str(&links.sign(&value.to_string())) {
                *value = signed;
            }
        }
        self
    }

    /// The answer, naming the request.
    #[must_use]
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let mut builder = HttpResponse::build(self.code.status());
        for (name, value) in &self.headers {
            builder.insert_header((name.clone(), value.clone()));
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        let view = ProblemView {
            kind: format!("/docs/errors/{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            request_id,
            errors: &self.errors,
            members: &self.members,
        };
        builder.content_type(MEDIA_TYPE).insert_header((header::CACHE_CONTROL, "no-store")).json(view)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        // `render` replaces this body by one with the request's id; actix wants one before that.
        self.response("")
    }
}

/// Brings an answer into the form that all errors have, if it is one that has not got it yet.
///
/// A [`Problem`] is rendered with the request's id; anything else above 399 was refused by actix before our code saw
/// it, and becomes the problem that its status stands for.
#[must_use]
pub fn render(response: ServiceResponse<BoxBody>, request_id: &str) -> ServiceResponse<BoxBody> {
    if response.status().as_u16() < 400 || is_problem(&response) && response.response().error().is_none() {
        return response;
    }
    let problem = match response.response().error().and_then(|error| error.as_error::<Problem>()) {
        Some(problem) => problem.clone(),
        None if is_preflight(&response) => Problem::new(Code::OriginNotAllowed)
            .detail("This origin, or the method or a header that it asks for, is not allowed."),
        None => of_status(response.status()),
    };
    let links = response.request().extensions().get::<Links>().cloned();
    let problem = match links {
        Some(links) => problem.signed(&links),
        None => problem,
    };
    let (request, old) = response.into_parts();
    let mut new = problem.response(request_id);
    for (name, value) in old.headers() {
        if !new.headers().contains_key(name)
            && !matches!(*name, header::CONTENT_LENGTH | header::CONTENT_ENCODING)
        {
            new.headers_mut().append(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, new)
}

fn is_problem(response: &ServiceResponse<BoxBody>) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE)
}

/// A cross-origin preflight: only its refusal comes from the layer that knows the origins.
fn is_preflight(response: &ServiceResponse<BoxBody>) -> bool {
    let request = response.request();
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn of_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(Code::MethodNotAllowed),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::BodyTooLarge),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(Code::UnsupportedMediaType),
        StatusCode::UNAUTHORIZED => Problem::new(Code::NotAuthenticated),
        StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable(),
        status if status.is_client_error() => Problem::new(Code::MalformedRequest),
        _ => Problem::internal(),
    }
}
