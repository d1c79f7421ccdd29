//! The operations, one file for each kind of thing. Registering one here documents it.

mod attachments;
mod auth;
mod conversations;
mod documents;
mod health;
mod mailboxes;
mod me;
mod messages;
mod workspace;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers every operation, in the order of the page.
pub fn register(config: &mut ServiceConfig) {
    config.service(health::healthz).service(documents::jwks).service(documents::openapi_json);
}

/// Registers what is for people's browsers, and not part of the API.
pub fn register_pages(config: &mut actix_web::web::ServiceConfig) {
    config
        .service(documents::docs)
        .service(documents::errors)
        .service(documents::error_page)
        .service(documents::reference());
}
