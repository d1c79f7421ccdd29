//! What the command line's commands do, one module each.

pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod openapi;
pub(crate) mod people;
pub(crate) mod reparse;

use anyhow::{Context, Result};
use postroom_domain::{address::EmailAddress, ids::WorkspaceId};
use postroom_store::{ArchiveMailbox, Store, StoreError};
use std::time::{Duration, Instant};

/// The workspace with this slug.
async fn workspace(store: &Store, slug: &str) -> Result<WorkspaceId> {
    store.workspace_id(slug).await.map_err(|error| match error {
        StoreError::NotFound => anyhow::anyhow!("there is no workspace {slug}"),
        other => other.into(),
    })
}

/// The mailbox that is connected under this address.
async fn mailbox(store: &Store, slug: &str, address: &str) -> Result<ArchiveMailbox> {
    let address = EmailAddress::parse(address).context("--mailbox")?;
    let workspace = workspace(store, slug).await?;
    store.archive_mailbox(workspace, &address).await.map_err(|error| match error {
        StoreError::NotFound => {
            anyhow::anyhow!("the workspace {slug} has no mailbox {address}: connect it first")
        }
        StoreError::FeatureNotEnabled => {
            anyhow::anyhow!(
                "postroom workspace enable {slug} conversations comes first: it takes in no mail without"
            )
        }
        other => other.into(),
    })
}

/// Says now and then how far a long command has come.
struct Progress {
    last: Instant,
}

impl Progress {
    /// Between two words of progress.
    const EVERY: Duration = Duration::from_secs(2);

    fn new() -> Self {
        Self { last: Instant::now() }
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        if self.last.elapsed() >= Self::EVERY {
            self.last = Instant::now();
            note(&what());
        }
    }
}

/// A line on standard error, whoever reads it.
fn note(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
