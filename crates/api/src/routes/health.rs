//! Whether the process lives, and whether it can serve.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

/// That the server is up.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: &'static str,
}

/// Alive
///
/// The process runs and answers. Asks nothing of the database.
#[utoipa::path(tag = "Service", operation_id = "health", security(()), responses((status = 200, description = "It is.", body = HealthView)))]
#[get("/healthz")]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(HealthView { status: "ok" })
}
