//! The conventions that hold for every exchange, over the very layers that the server has.

use super::*;
use crate::{
    body::Body,
    form::{Form, Request, line},
    tokens::generate_signing_key,
};
use actix_web::{
    body::to_bytes,
    http::{StatusCode, header::HeaderMap},
    test::{TestRequest, init_service, try_call_service},
};
use futures_util::future::LocalBoxFuture;
use postroom_store::{MasterKey, PoolSettings, StoreSettings};
use serde_json::Value;
use std::rc::Rc;

#[derive(Debug)]
struct Named {
    name: String,
}

impl Request for Named {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let name = form.required("name", line(10));
        Some(Self { name: name? })
    }
}

async fn echo(body: Body) -> Result<String, Problem> {
    body.read::<Named>().await.map(|named| named.name)
}

async fn nothing(body: Body) -> Result<String, Problem> {
    body.nothing().await.map(|()| "nothing".to_owned())
}

async fn panics() -> String {
    panic!("the secret inside")
}

async fn fails() -> Result<String, actix_web::Error> {
    Err(actix_web::error::ErrorInternalServerError("the secret inside"))
}

fn state(limits: LimitSettings) -> Data<State> {
    // Never connected to: nothing here asks the database.
    let store = Store::open(&StoreSettings {
        database: PoolSettings::new("postgres://nobody@127.0.0.1:1/none".into()),
        blobs: url::Url::from_directory_path(std::env::temp_dir()).unwrap(),
        master_key: MasterKey::from_base64(&"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into()).unwrap(),
    })
    .unwrap();
    let settings = Settings {
        public_url: "http://127.0.0.1:1".to_owned(),
        cors_origins: vec!["https://app.example.com".to_owned()],
        cross_site_cookie: false,
        limits,
        trusted_proxies: 0,
        workers: 1,
        live: LiveTimes::default(),
        sends_mail: false,
    };
    Data::new(State::new(store, TokenKeys::new(&[generate_signing_key().unwrap()]).unwrap(), settings))
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body, which must be a whole problem of this code.
    fn problem(&self, code: Code) -> Value {
        assert_eq!(self.header("content-type"), problem_type(), "{}", self.body);
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["code"], code.as_str(), "{body}");
        assert_eq!(self.status, code.status());
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["type"], format!("/docs/errors/{}", code.as_str()));
        assert_eq!(body["title"], code.title());
        assert!(body["detail"].as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(!self.header("x-request-id").is_empty());
        body
    }
}

fn problem_type() -> &'static str {
    crate::problem::MEDIA_TYPE
}

/// Sends a request through every layer.
struct Server(Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Answer>>);

async fn server_with(limits: LimitSettings) -> Server {
    let app = app_with(state(limits), |config| {
        config
            .service(web::resource("/v1/echo").to(echo))
            .service(web::resource("/v1/nothing").to(nothing))
            .service(web::resource("/v1/panics").to(panics))
            .service(web::resource("/v1/fails").to(fails));
    });
    let service = Rc::new(init_service(app).await);
    Server(Box::new(move |request| {
        let service = service.clone();
        Box::pin(async move {
            // What actix does with an error that leaves the outermost layer.
            let response = match try_call_service(&*service, request.to_request()).await {
                Ok(response) => response.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            };
            let (status, headers) = (response.status(), response.headers().clone());
            let body = to_bytes(response.into_body()).await.unwrap();
            Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
        })
    }))
}

async fn server() -> Server {
    server_with(LimitSettings::OFF).await
}

impl Server {
    async fn send(&self, request: TestRequest) -> Answer {
        (self.0)(request).await
    }

    async fn post(&self, path: &str, content_type: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        let request = TestRequest::post().uri(path).set_payload(body.into());
        self.send(request.insert_header(("content-type", content_type))).await
    }
}

const JSON: &str = "application/json";

#[actix_web::test]
async fn bodies_are_judged_with_one_code_for_each_fault() {
    let server = server().await;
    let good = server.post("/v1/echo", JSON, r#"{"name": "x"}"#).await;
    assert_eq!((good.status, good.body.as_str()), (StatusCode::OK, "x"));
    assert_eq!(server.post("/v1/echo", "application/json; charset=utf-8", r#"{"name":"x"}"#).await.body, "x");
    assert_eq!(server.post("/v1/echo", "application/merge-patch+json", r#"{"name":"x"}"#).await.body, "x");

    let wrong =
        server.post("/v1/echo", JSON, r#"{"name": 1, "nmae": 2}"#).await.problem(Code::ValidationFailed);
    assert_eq!(wrong["errors"][0]["pointer"], "/name");
    assert_eq!(wrong["errors"][1]["code"], "unknown_field");

    for broken in ["", "{", "\u{feff}{}", r#"{"name": "\ud800"}"#, "{\"name\": \"\u{1}\"}"] {
        server.post("/v1/echo", JSON, broken).await.problem(Code::MalformedJson);
    }
    server.post("/v1/echo", JSON, b"{\"name\": \"\xff\"}".to_vec()).await.problem(Code::MalformedJson);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    server.post("/v1/echo", JSON, deep).await.problem(Code::MalformedJson);
    server.post("/v1/echo", "text/plain", "{}").await.problem(Code::UnsupportedMediaType);
    server.post("/v1/echo", "multipart/form-data", "{}").await.problem(Code::UnsupportedMediaType);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(10_000_000));
    server.post("/v1/echo", JSON, large).await.problem(Code::BodyTooLarge);
}

#[actix_web::test]
async fn an_operation_without_a_body_takes_none_or_an_empty_object() {
    let server = server().await;
    assert_eq!(server.send(TestRequest::post().uri("/v1/nothing")).await.body, "nothing");
    assert_eq!(server.post("/v1/nothing", JSON, "{}").await.body, "nothing");
    server.post("/v1/nothing", JSON, r#"{"a": 1}"#).await.problem(Code::ValidationFailed);
    server.post("/v1/nothing", JSON, "null").await.problem(Code::ValidationFailed);
}

#[actix_web::test]
async fn what_goes_wrong_inside_says_nothing_of_the_inside() {
    let server = server().await;
    for path in ["/v1/panics", "/v1/fails"] {
        let answer = server.send(TestRequest::get().uri(path)).await;
        answer.problem(Code::Internal);
        assert!(!answer.body.contains("secret"), "{}", answer.body);
    }
    assert_eq!(server.send(TestRequest::get().uri("/healthz")).await.status, StatusCode::OK, "it goes on");
}

#[actix_web::test]
async fn an_unknown_address_is_404_and_an_unknown_method_405() {
    let server = server().await;
    for path in ["/", "/v1", "/v1/nowhere", "/healthz/", "/v1/%ff", "/docs/errors/no_such_code", "/docs/x.js"]
    {
        server.send(TestRequest::get().uri(path)).await.problem(Code::NotFound);
    }
    let answer = server.send(TestRequest::delete().uri("/healthz")).await;
    answer.problem(Code::MethodNotAllowed);
    assert_eq!(answer.header("allow"), "GET, HEAD");
}

#[actix_web::test]
async fn a_request_id_is_taken_or_made() {
    let server = server().await;
    let with = |id: &str| TestRequest::get().uri("/healthz").insert_header(("x-request-id", id.to_owned()));
    assert_eq!(server.send(with("abc-1")).await.header("x-request-id"), "abc-1");
    for bad in ["", "a b", "a\"b", &"x".repeat(129)] {
        let made = server.send(with(bad)).await.header("x-request-id").to_owned();
        assert!(uuid::Uuid::try_parse(&made).is_ok(), "{bad:?} → {made:?}");
    }
}

#[actix_web::test]
async fn security_headers_are_on_everything() {
    let server = server().await;
    for path in ["/healthz", "/v1/nowhere", "/v1/panics", "/docs/", "/docs/errors", "/openapi.json"] {
        let answer = server.send(TestRequest::get().uri(path)).await;
        for name in [
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "content-security-policy",
            "strict-transport-security",
            "cache-control",
            "x-request-id",
        ] {
            assert!(!answer.header(name).is_empty(), "{path} has no {name}");
        }
    }
}

#[actix_web::test]
async fn only_configured_origins_may_read_answers() {
    let server = server().await;
    let preflight = |origin: &'static str, header: &'static str| {
        TestRequest::with_uri("/v1/echo")
            .method(Method::OPTIONS)
            .insert_header(("origin", origin))
            .insert_header(("access-control-request-method", "POST"))
            .insert_header(("access-control-request-headers", header))
    };
    let allowed = server.send(preflight("https://app.example.com", "idempotency-key,authorization")).await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    assert_eq!(allowed.header("access-control-max-age"), "600");
    assert!(server.send(preflight("https://app.example.com", "x-other")).await.status.is_client_error());
    for origin in ["https://evil.example", "http://app.example.com", "https://app.example.com:8443", "null"] {
        let refused = server.send(preflight(origin, "authorization")).await;
        assert_eq!(refused.header("access-control-allow-origin"), "", "{origin}");
        refused.problem(Code::OriginNotAllowed);
    }
    // An error must be readable by the page as well.
    let get = TestRequest::get().uri("/v1/panics").insert_header(("origin", "https://app.example.com"));
    let answer = server.send(get).await;
    answer.problem(Code::Internal);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
    assert!(answer.header("access-control-expose-headers").to_lowercase().contains("x-request-id"));
}

#[actix_web::test]
async fn a_caller_that_asks_too_much_is_told_when_to_come_back() {
    let server = server_with(LimitSettings { per_second: 1, burst: 2, ..LimitSettings::OFF }).await;
    let get = || TestRequest::get().uri("/v1/nowhere");
    let first = server.send(get()).await;
    first.problem(Code::NotFound);
    assert_eq!(first.header("ratelimit-policy"), "\"default\";q=2;w=2");
    assert_eq!(first.header("ratelimit"), "\"default\";r=1;t=1");
    server.send(get()).await.problem(Code::NotFound);
    let refused = server.send(get()).await;
    refused.problem(Code::RateLimited);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit"), "\"default\";r=0;t=1");
    assert_eq!(server.send(TestRequest::get().uri("/healthz")).await.status, StatusCode::OK, "not counted");
}

#[actix_web::test]
async fn the_documents_are_served() {
    let server = server().await;
    let document = server.send(TestRequest::get().uri("/openapi.json")).await;
    assert_eq!(document.body, crate::openapi::openapi());
    let page = server.send(TestRequest::get().uri("/docs/")).await;
    assert!(page.body.contains("swagger-ui"), "{}", page.body);
    assert!(!page.body.contains("://"), "nothing from elsewhere: {}", page.body);
    for code in Code::ALL {
        let page = server.send(TestRequest::get().uri(&format!("/docs/errors/{}", code.as_str()))).await;
        assert!(page.body.contains(code.title()), "{code:?}");
    }
    let keys: Value =
        serde_json::from_str(&server.send(TestRequest::get().uri("/.well-known/jwks.json")).await.body)
            .unwrap();
    assert_eq!(keys["keys"][0]["crv"], "Ed25519");
}

#[actix_web::test]
async fn head_is_get_without_a_body() {
    let server = server().await;
    let head = TestRequest::with_uri("/healthz").method(Method::HEAD);
    assert_eq!(server.send(head).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_database_out_of_reach_is_503_and_a_reason_to_come_back() {
    let state = state(LimitSettings::OFF);
    let id = uuid::Uuid::from_u128;
    let token = state.tokens.issue(id(1).into(), id(2).into(), id(3).into(), chrono::Utc::now()).unwrap();
    let service = init_service(app(state)).await;
    for path in ["/readyz", "/v1/me", "/v1/conversations"] {
        let request =
            TestRequest::get().uri(path).insert_header(("authorization", format!("Bearer {token}")));
        let response = try_call_service(&service, request.to_request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(response.headers().get("retry-after").unwrap(), "1");
        let body = actix_web::test::read_body(response).await;
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains("\"unavailable\"") && !body.contains("127.0.0.1"), "{body}");
    }
}
