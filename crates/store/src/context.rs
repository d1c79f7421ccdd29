//! What the store knows of the request that it works for: said once by who takes the request, so that no use case has
//! to pass it on. Work that no request asked for has none.

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};
use uuid::Uuid;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// A request: what the audit trail says of its origin, and what its answer says of the event log.
#[derive(Clone, Debug)]
pub struct RequestContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: String,
    address: Option<IpAddr>,
    api_key: OnceLock<Uuid>,
    /// The lowest number of the snapshots it has read; `i64::MAX` where it read none.
    snapshot: AtomicI64,
}

impl RequestContext {
    /// A request with the id under which it stands in the log, and where it comes from.
    #[must_use]
    pub fn new(id: String, address: Option<IpAddr>) -> Self {
        Self(Arc::new(Inner { id, address, api_key: OnceLock::new(), snapshot: AtomicI64::new(i64::MAX) }))
    }

    /// Runs the request's work with this context.
    pub async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), work).await
    }

    /// The API key that the running request was made with.
    pub fn note_api_key(key: Uuid) {
        let _ = CURRENT.try_with(|context| context.0.api_key.set(key));
    }

    /// The number of the last event that everything read so far includes (`Postroom-Event`): following the log from there
    /// misses nothing.
    #[must_use]
    pub fn snapshot(&self) -> Option<i64> {
        let lowest = self.0.snapshot.load(Ordering::Relaxed);
        (lowest != i64::MAX).then_some(lowest)
    }
}

/// Whether somebody wants to know the snapshots' numbers.
pub(crate) fn wants_snapshot() -> bool {
    CURRENT.try_with(|_| ()).is_ok()
}

/// A snapshot that includes the events up to this number was taken.
pub(crate) fn note_snapshot(event: i64) {
    let _ = CURRENT.try_with(|context| context.0.snapshot.fetch_min(event, Ordering::Relaxed));
}

/// Where a change comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) request_id: Option<String>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) api_key: Option<Uuid>,
}

/// Where the running work comes from; nothing where no request asked for it.
pub(crate) fn origin() -> Origin {
    CURRENT
        .try_with(|context| Origin {
            request_id: Some(context.0.id.clone()),
            address: context.0.address,
            api_key: context.0.api_key.get().copied(),
        })
        .unwrap_or_default()
}
