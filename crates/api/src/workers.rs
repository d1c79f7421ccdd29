//! Work that would hold up a worker: a worker answers many requests at once, and while it reads half a megabyte of HTML
//! it answers none.

use crate::problem::Problem;

/// Carries out work that keeps a processor busy, on a thread that is there for such work.
///
/// # Errors
/// A problem of ours, where the work panicked.
pub async fn off_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work off the workers was lost");
        Problem::internal()
    })
}
