//! Request bodies and queries: taken first, judged later.
//!
//! A body is judged only after the caller may see the thing (401, 404, 403 and 412 come before 400, 415 and 422), so
//! the extractors here never fail: a handler asks for the content when its turn has come.

use crate::{
    form::{self, Request},
    problem::{Code, Problem},
    workers::off_worker,
};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, future::LocalBoxFuture};
use serde_json::{Map, Value};
use std::{
    convert::Infallible,
    future::{Ready, ready},
    time::Duration,
};
use uuid::Uuid;

/// Largest body that is read, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// A larger one is read on and thrown away up to here: a client that is still writing would not see the answer.
const MAX_DRAINED: usize = 32 * MAX_BODY;
/// A body that has not come in by then is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A JSON body that nobody has looked at yet.
#[derive(Debug)]
pub struct Body {
    content: Result<Bytes, Problem>,
    media_type: Result<(), Problem>,
}

impl FromRequest for Body {
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = media_type(request.headers());
        let payload = payload.take();
        Box::pin(async move {
            let content = match tokio::time::timeout(PATIENCE, collect(payload)).await {
                Ok(content) => content,
                Err(_) => Err(Problem::new(Code::MalformedRequest)
                    .detail(format!("The body did not arrive within {} seconds.", PATIENCE.as_secs()))),
            };
            Ok(Self { content, media_type })
        })
    }
}

impl Body {
    /// Reads the request that stands in it, HTML made harmless and all.
    ///
    /// # Errors
    /// 413, 415, 400 `malformed_json`, or 422 with every wrong field.
    pub async fn read<R: Request + Send + 'static>(&self) -> Result<R, Problem> {
        let content = self.json_text()?;
        off_worker(move || form::read(json(&content)?)).await?
    }

    /// The same, with the JSON as it came.
    ///
    /// # Errors
    /// As [`Body::read`].
    pub async fn read_and_keep<R: Request + Send + 'static>(&self) -> Result<Kept<R>, Problem> {
        let content = self.json_text()?;
        off_worker(move || {
            let json = json(&content)?;
            Ok(Kept { request: form::read(json.clone())?, json })
        })
        .await?
    }

    /// For operations that need no body: none and `{}` are both right.
    ///
    /// # Errors
    /// As [`Body::read`], where there is something else.
    pub async fn nothing(&self) -> Result<(), Problem> {
        struct Nothing;
        impl Request for Nothing {
            fn read(_: &mut form::Form<'_>) -> Option<Self> {
                Some(Self)
            }
        }
        match &self.content {
            Ok(content) if content.is_empty() => Ok(()),
            _ => self.read::<Nothing>().await.map(|Nothing| ()),
        }
    }

    /// Reads the request that stands in it, or the one of an empty object where there is no body at all, or `null`.
    ///
    /// # Errors
    /// As [`Body::read`], where there is something.
    pub async fn read_or_default<R: Request + Send + 'static>(&self) -> Result<R, Problem> {
        let empty = || form::read(Value::Object(Map::new()));
        match &self.content {
            Ok(content) if content.is_empty() => empty(),
            Ok(content) if content.trim_ascii() == b"null" => {
                self.media_type.clone()?;
                empty()
            }
            _ => self.read().await,
        }
    }

    /// Whether a field is this text, however wrong the rest of the body may be: for a refusal that comes before the
    /// body is judged, and hangs on what is asked for.
    pub async fn says(&self, field: &'static str, text: &'static str) -> bool {
        let Ok(content) = self.json_text() else {
            return false;
        };
        let said = off_worker(move || {
            let json = json(&content).ok()?;
            Some(json.get(field)?.as_str()? == text)
        });
        matches!(said.await, Ok(Some(true)))
    }

    /// A field that is an object, however wrong the rest of the body may be; empty where it is none.
    pub async fn object(&self, field: &'static str) -> Map<String, Value> {
        let Ok(content) = self.json_text() else {
            return Map::new();
        };
        let part = off_worker(move || match json(&content).ok()?.get_mut(field)?.take() {
            Value::Object(fields) => Some(fields),
            _ => None,
        });
        part.await.ok().flatten().unwrap_or_default()
    }

    /// The bytes as they came; none where they could not be read.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.content.as_deref().unwrap_or_default()
    }

    /// What should be JSON: there is something, and it says that it is.
    fn json_text(&self) -> Result<Bytes, Problem> {
        let content = self.content.clone()?;
        if content.is_empty() {
            return Err(
                Problem::new(Code::MalformedJson).detail("A JSON object is needed; the body is empty.")
            );
        }
        self.media_type.clone()?;
        Ok(content)
    }
}

fn json(content: &[u8]) -> Result<Value, Problem> {
    // serde_json refuses nesting beyond 127 levels, lone surrogates and bytes that are no UTF-8.
    serde_json::from_slice(content).map_err(|error| {
        Problem::new(Code::MalformedJson).detail(format!(
            "The body is not JSON: line {}, column {}.",
            error.line(),
            error.column()
        ))
    })
}

/// A request with the JSON that it was read from.
#[derive(Debug)]
pub struct Kept<R> {
    /// What it says.
    pub request: R,
    /// As it came.
    pub json: Value,
}

async fn collect(mut payload: Payload) -> Result<Bytes, Problem> {
    let mut content = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            Problem::new(Code::MalformedRequest).detail("The body could not be read to its end.")
        })?;
        seen = seen.saturating_add(chunk.len());
        if seen > MAX_DRAINED {
            break;
        }
        if seen <= MAX_BODY {
            content.extend_from_slice(&chunk);
        }
    }
    if seen > MAX_BODY {
        return Err(Problem::new(Code::BodyTooLarge).detail("A body has at most 1 MiB (1,048,576 bytes)."));
    }
    Ok(content.freeze())
}

fn media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if json && !encoded {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType)
            .detail("Send Content-Type: application/json, without Content-Encoding.")
            .header(header::ACCEPT, "application/json"))
    }
}

/// Query parameters that nobody has looked at yet.
#[derive(Debug)]
pub struct Parameters(Value);

impl FromRequest for Parameters {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut fields = Map::new();
        for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
            let value = Value::String(value.into_owned());
            match fields.get_mut(name.as_ref()) {
                // Twice the same parameter is a list, which no parameter here is.
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
                None => {
                    fields.insert(name.into_owned(), value);
                }
            }
        }
        ready(Ok(Self(Value::Object(fields))))
    }
}

impl Parameters {
    /// Whether a parameter is this text, however wrong the others may be: see [`Body::says`].
    #[must_use]
    pub fn says(&self, name: &str, text: &str) -> bool {
        self.0.get(name).and_then(Value::as_str) == Some(text)
    }

    /// A parameter's text, however wrong the others may be.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// 422 with every wrong or unknown parameter.
    pub fn read<R: Request>(self) -> Result<R, Problem> {
        form::read(self.0)
    }
}

/// An id in a path. A text that is none becomes the nil id, which nothing has: it gets the same 404 after the same work
/// as an id that never existed (ACC-3).
#[must_use]
pub fn path_id<T: From<Uuid>>(request: &HttpRequest, name: &str) -> T {
    T::from(Uuid::try_parse(request.match_info().get(name).unwrap_or_default()).unwrap_or_default())
}
