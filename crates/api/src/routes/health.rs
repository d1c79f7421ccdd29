//! Whether the process lives, and whether it can serve.

use crate::{problem::Problem, server::State};
use actix_web::{HttpResponse, get, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

/// That the server is up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthView {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Alive
///
/// The process runs and answers. Asks nothing of the database.
#[utoipa::path(tag = "Service", operation_id = "health", security(()), responses((status = 200, description = "It is.", body = HealthView)))]
#[get("/healthz")]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(HealthView { status: "ok" })
}

/// Ready
///
/// The database answers and has every migration: requests can be served.
#[utoipa::path(tag = "Service", operation_id = "readiness", security(()), extensions(("x-problems" = json!(["unavailable"]))), responses((status = 200, description = "It is.", body = HealthView)))]
#[get("/readyz")]
pub(crate) async fn readyz(state: Data<State>) -> Result<HttpResponse, Problem> {
    state.store.ready().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        Problem::unavailable()
    })?;
    Ok(HttpResponse::Ok().json(HealthView { status: "ok" }))
}
