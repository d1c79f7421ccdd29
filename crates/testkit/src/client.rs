//! Callers of the HTTP API. Who calls is a type: [`Anonymous`], or a [`SignedIn`] user.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::{Agent, http};

use crate::{
    contract::{Contract, Exchange},
    error::{Error, Result},
};

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages: method and path.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: http::HeaderMap,
    /// The body's bytes.
    pub bytes: Vec<u8>,
    /// The body as JSON; `null` where it is none.
    pub body: Value,
}

impl Answer {
    /// A header's text, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, where the status is the expected one.
    ///
    /// # Errors
    /// [`Error::Http`] with status and body where it isn't.
    pub fn expect(self, status: u16) -> Result<Value> {
        if self.status == status {
            return Ok(self.body);
        }
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.chars().take(2000).collect::<String>();
        Err(Error::Http { what: self.asked, answer: format!("{} instead of {status}: {text}", self.status) })
    }

    /// The problem's `code`, where the answer has this status and is a problem document (RFC 9457).
    pub fn problem(self, status: u16) -> Result<String> {
        let media_type = self.header("content-type").to_owned();
        let asked = self.asked.clone();
        let body = self.expect(status)?;
        match body.get("code").and_then(Value::as_str) {
            Some(code) if media_type.starts_with("application/problem+json") => Ok(code.to_owned()),
            _ => Err(Error::Http {
                what: asked,
                answer: format!("no problem document but {media_type}: {body}"),
            }),
        }
    }
}

/// Someone who sends requests to one server.
pub trait Caller {
    /// The server's address and the connections to it.
    fn line(&self) -> &Line;

    /// The `Authorization` header's value.
    fn authorization(&self) -> Option<String>;

    /// Sends one request. `headers` come on top of the caller's own.
    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        let authorization = self.authorization();
        if let Some(value) = &authorization {
            all.push(("authorization", value));
        }
        let bytes = body.map(|body| body.to_string().into_bytes());
        if bytes.is_some() {
            all.push(("content-type", "application/json"));
        }
        self.line().send(method, path, &all, bytes.unwrap_or_default())
    }

    /// GET.
    fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, &[], None)
    }

    /// POST with a JSON body.
    fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send("POST", path, &[], Some(body))
    }

    /// POST with a JSON body and an idempotency key.
    fn post_once(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        self.send("POST", path, &[("idempotency-key", key)], Some(body))
    }

    /// PATCH with a JSON merge patch.
    fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send("PATCH", path, &[], Some(body))
    }

    /// PUT with a JSON body.
    fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send("PUT", path, &[], Some(body))
    }

    /// DELETE.
    fn delete(&self, path: &str) -> Result<Answer> {
        self.send("DELETE", path, &[], None)
    }

    /// Every element of a list, page by page to its end.
    fn all(&self, path: &str) -> Result<Vec<Value>> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut elements = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = self.get(&format!("{path}{separator}limit=100{from}"))?.expect(200)?;
            elements.extend(page.get("data").and_then(Value::as_array).cloned().unwrap_or_default());
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(elements),
            }
        }
    }
}

/// The way to one server.
#[derive(Debug, Clone)]
pub struct Line {
    base: String,
    agent: Agent,
}

impl Line {
    /// To the server at this address, such as `http://127.0.0.1:8080`.
    pub fn to(base: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            // Servers close what is idle for 5 s: a request must not meet that.
            .max_idle_age(Duration::from_secs(2))
            .build()
            .new_agent();
        Self { base: base.trim_end_matches('/').to_owned(), agent }
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends one request exactly as given, and holds the answer against the document that the server serves.
    ///
    /// # Panics
    /// Where it isn't what the document says.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Answer> {
        // Before the request, so that one that gets no answer is the same as ever.
        let contract = self.contract()?;
        let sent = if contract.is_some() { body.clone() } else { Vec::new() };
        let answer = self.send_unchecked(method, path, headers, body)?;
        if let Some(contract) = contract {
            let path = path.strip_prefix(&self.base).unwrap_or(path);
            contract.hold(&Exchange { method, path, body: &sent, answer: &answer });
        }
        Ok(answer)
    }

    /// What the server says of itself.
    pub(crate) fn contract(&self) -> Result<Option<&'static Contract>> {
        Contract::served(|| self.send_unchecked("GET", "/openapi.json", &[], Vec::new()))
    }

    fn send_unchecked(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer> {
        let asked = format!("{method} {path}");
        let failed = |error: String| Error::Http { what: asked.clone(), answer: error };
        // Signed addresses in answers are absolute.
        let address =
            if path.starts_with("http://") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = http::Request::builder().method(method).uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if body.is_empty() && matches!(method, "GET" | "HEAD" | "DELETE" | "OPTIONS") {
            self.agent.run(request.body(()).map_err(|error| failed(error.to_string()))?)
        } else {
            self.agent.run(request.body(body).map_err(|error| failed(error.to_string()))?)
        };
        let mut answer = answer.map_err(|error| failed(error.to_string()))?;
        let reader = answer.body_mut().with_config().limit(64 * 1024 * 1024);
        let bytes = reader.read_to_vec().map_err(|error| failed(error.to_string()))?;
        Ok(Answer {
            asked,
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            bytes,
        })
    }
}

/// Someone who isn't signed in.
#[derive(Debug, Clone)]
pub struct Anonymous {
    line: Line,
}

impl Anonymous {
    /// Calls this server.
    pub fn at(base: &str) -> Self {
        Self { line: Line::to(base) }
    }

    /// Signs in.
    pub fn sign_in(&self, workspace: &str, email: &str, password: &str) -> Result<SignedIn> {
        let body = json!({"workspace": workspace, "email": email, "password": password, "refresh": "body"});
        let session = self.post("/v1/auth/login", &body)?.expect(200)?;
        let token = session.get("access_token").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(self.with_session(token, session))
    }

    /// A user whose session was begun elsewhere: its access token, and what signing in would have answered.
    pub fn with_session(&self, token: String, session: Value) -> SignedIn {
        SignedIn { line: self.line.clone(), token, session }
    }
}

impl Caller for Anonymous {
    fn line(&self) -> &Line {
        &self.line
    }

    fn authorization(&self) -> Option<String> {
        None
    }
}

/// A user of a workspace, signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    line: Line,
    token: String,
    session: Value,
}

impl SignedIn {
    /// The user's id.
    pub fn id(&self) -> &str {
        self.session.pointer("/user/id").and_then(Value::as_str).unwrap_or_default()
    }

    /// What signing in answered.
    pub fn session(&self) -> &Value {
        &self.session
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same user towards another address: that of a server started again.
    pub fn at(&self, base: &str) -> Self {
        Self { line: Line::to(base), token: self.token.clone(), session: self.session.clone() }
    }
}

impl Caller for SignedIn {
    fn line(&self) -> &Line {
        &self.line
    }

    fn authorization(&self) -> Option<String> {
        Some(format!("Bearer {}", self.token))
    }
}
