//! What the store knows of the request that it works for: said once by who takes the request, so that no use case has
//! to pass it on. Work that no request asked for has none.

use crate::transaction::Tx;
use postroom_domain::ids::{ApiKeyId, WorkspaceId};
use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};
use uuid::Uuid;

tokio::task_local! {
    static CURRENT: RequestContext;
}

struct Kept {
    tx: Tx,
    workspace: WorkspaceId,
    event: Option<i64>,
}

/// A request: what the audit trail says of its origin, and what its answer says of the event log.
#[derive(Clone)]
pub struct RequestContext(Arc<Inner>);

struct Inner {
    id: String,
    address: Option<IpAddr>,
    api_key: OnceLock<Uuid>,
    /// Whether it only reads.
    reads: bool,
    /// The snapshot in which its caller was identified, until what they asked for is read in it.
    kept: Mutex<Option<Kept>>,
    /// The lowest number of the snapshots it has read; `i64::MAX` where it read none.
    snapshot: AtomicI64,
}

impl RequestContext {
    /// A request with the id under which it stands in the log, and where it comes from. One that only `reads` is answered
    /// from one snapshot where it can be, and wants to know that snapshot's place in the event log.
    #[must_use]
    pub fn new(id: String, address: Option<IpAddr>, reads: bool) -> Self {
        Self(Arc::new(Inner {
            id,
            address,
            api_key: OnceLock::new(),
            reads,
            kept: Mutex::new(None),
            snapshot: AtomicI64::new(i64::MAX),
        }))
    }

    /// Runs the request's work with this context.
    pub async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), work).await
    }

    /// The running request's, for work that goes on beside it.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// The API key that the running request was made with.
    pub fn note_api_key(key: ApiKeyId) {
        let _ = CURRENT.try_with(|context| context.0.api_key.set(key.0));
    }

    /// The number of the last event that everything read so far includes (`Postroom-Event`): following the log from there
    /// misses nothing.
    #[must_use]
    pub fn snapshot(&self) -> Option<i64> {
        let lowest = self.0.snapshot.load(Ordering::Relaxed);
        (lowest != i64::MAX).then_some(lowest)
    }
}

/// Whether a request is running that only reads.
pub(crate) fn reads() -> bool {
    CURRENT.try_with(|context| context.0.reads).unwrap_or(false)
}

/// Leaves a reading transaction, in which the running request's caller was identified, for what they ask for.
pub(crate) fn keep(tx: Tx, workspace: WorkspaceId, event: Option<i64>) {
    let kept = Kept { tx, workspace, event };
    let _ = CURRENT.try_with(|context| {
        if context.0.reads {
            *context.0.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        }
    });
}

/// The transaction that was kept, once.
pub(crate) fn take_kept(workspace: WorkspaceId) -> Option<Tx> {
    let slot = |context: &RequestContext| {
        let mut slot = context.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take_if(|kept| kept.workspace == workspace)
    };
    let kept = CURRENT.try_with(slot).ok().flatten()?;
    if let Some(event) = kept.event {
        note_snapshot(event);
    }
    Some(kept.tx)
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
