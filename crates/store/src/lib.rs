//! PostgreSQL and the blob store.
//!
//! Each use case that writes is one function of [`Store`] that opens the transaction, loads, asks the domain, saves, and
//! writes the event. Nobody outside sees a diesel type or SQL. What serves a user takes the [`Actor`] who asks: what they
//! may not see does not exist for them.
//!
//! [`Actor`]: postroom_domain::access::Actor

mod error;
mod idempotency;
pub mod migrate;
mod pool;
mod schema;
mod transaction;

pub use error::StoreError;
pub use idempotency::{IdempotencyClaim, Outcome, StoredAnswer};
pub use pool::PoolSettings;

use std::sync::Arc;

/// The store: cheap to clone, shared by everything in the process.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    connections: pool::Connections,
}

impl Store {
    /// Opens the store; connects nowhere yet. Call it on the main, multi-threaded runtime: all its connections live there.
    ///
    /// # Errors
    /// When the settings can't be used.
    pub fn open(settings: &PoolSettings) -> Result<Self, StoreError> {
        Ok(Self { inner: Arc::new(Inner { connections: pool::open(settings)? }) })
    }

    async fn connection(
        &self,
    ) -> Result<diesel_async::pooled_connection::deadpool::Object<diesel_async::AsyncPgConnection>, StoreError>
    {
        pool::acquire(&self.inner.connections).await
    }
}
