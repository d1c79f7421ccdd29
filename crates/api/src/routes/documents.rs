//! What the server says of itself: keys, the OpenAPI document, its reference page, the pages of errors.

use crate::{
    problem::{self, Problem},
    server::State,
    tokens::Jwks,
};
use actix_web::{HttpResponse, get, http::header, web};
use actix_web::{dev::HttpServiceFactory, web::Data};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Styles in the page itself and pictures in `data:` addresses are how Swagger UI is built; its scripts are files.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Public keys of the access tokens
///
/// With them other services check an access token by themselves (Ed25519, RFC 8037). During a change of keys there are
/// several; the token's `kid` names one. A key stands here two minutes before it signs, and until what it has signed has
/// expired: who keeps the list for no more than a minute misses none.
#[utoipa::path(tag = "Service", operation_id = "get_token_keys", security(()), responses((status = 200, description = "The keys (RFC 7517).", body = Jwks)))]
#[get("/.well-known/jwks.json")]
pub(crate) async fn jwks(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=60"))
        .json(state.tokens.published())
}

/// This document
///
/// The contract, written by the code that serves it.
#[utoipa::path(tag = "Service", operation_id = "get_openapi", security(()), responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json", body = Object)))]
#[get("/openapi.json")]
pub(crate) async fn openapi_json(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "public, max-age=60"))
        .body(state.document.clone())
}

/// The reference page's address without its slash.
#[get("/docs")]
pub(crate) async fn docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

/// The list of problem codes.
#[get("/docs/errors")]
pub(crate) async fn errors() -> HttpResponse {
    html(problem::index_page())
}

/// The page that a problem's `type` names.
#[get("/docs/errors/{code}")]
pub(crate) async fn error_page(code: web::Path<String>) -> Result<HttpResponse, Problem> {
    problem::page(&code).map(html).ok_or_else(Problem::not_found)
}

fn html(page: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .insert_header((header::CACHE_CONTROL, "public, max-age=60"))
        .body(page)
}

/// The rendered reference, Swagger UI from the binary itself.
pub(crate) fn reference() -> impl HttpServiceFactory {
    let page = SwaggerUi::new("/{_:.*}").config(
        Config::from("/openapi.json")
            .persist_authorization(true)
            .display_request_duration(true)
            .deep_linking(true),
    );
    web::scope("/docs")
        .wrap(
            actix_web::middleware::DefaultHeaders::new()
                .add((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
                .add((header::CACHE_CONTROL, "public, max-age=60")),
        )
        .service(page)
}
