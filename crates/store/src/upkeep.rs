//! What no request deletes: records that have served their time.

use crate::{
    Store,
    error::StoreError,
    schema::{account_links, sessions, workspaces},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

/// Sessions are kept so long after their end, for people who ask what happened.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(30);

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Answers under idempotency keys that are no longer given again.
    pub idempotency_keys: usize,
    /// Sessions that ended long ago, with their refresh tokens.
    pub sessions: usize,
    /// One-time links that have expired.
    pub links: usize,
    /// Private halves of keys that check nothing any more.
    pub keys: usize,
    /// Events that are kept no longer.
    pub events: usize,
    /// Bursts of mails alike that are over.
    pub bursts: usize,
    /// Uploaded files that no mail has taken within a day, and what uploads that were cut off have left.
    pub uploads: usize,
    /// Objects of the blob store that nothing names any more.
    pub blobs: usize,
}

impl Store {
    /// Deletes what has served its time, in all workspaces, each in a transaction of its own. Any number of processes may
    /// do this at any time.
    ///
    /// # Errors
    /// When the database fails; the workspaces before are done then.
    pub async fn upkeep(&self, now: DateTime<Utc>) -> Result<Upkeep, StoreError> {
        let long_ago = now - SESSIONS_KEPT;
        let (sessions, links) = self
            .write_global(async |tx| {
                let over = sessions::expires_at.lt(long_ago).or(sessions::ended_at.lt(long_ago));
                let sessions = diesel::delete(sessions::table)
                    .filter(over.assume_not_null())
                    .execute(&mut tx.conn())
                    .await?;
                let links = diesel::delete(account_links::table)
                    .filter(account_links::expires_at.lt(now))
                    .execute(&mut tx.conn())
                    .await?;
                Ok((sessions, links))
            })
            .await?;
        let keys = self.forget_retired_keys(now).await?;
        let tx = self.begin_read_global().await?;
        let all: Vec<Uuid> =
            workspaces::table.order(workspaces::id).select(workspaces::id).load(&mut tx.conn()).await?;
        tx.commit().await?;
        let (mut idempotency_keys, mut events, mut bursts, mut blobs) = (0, 0, 0, 0);
        let mut uploads = self.sweep_uploads(now).await?;
        for workspace in all {
            idempotency_keys += self.purge_idempotency_keys(workspace.into(), now).await?;
            events += self.purge_events(workspace.into(), now).await?;
            bursts += self.purge_bursts(workspace.into(), now).await?;
            uploads += self.remove_unused_uploads(workspace.into(), now).await?;
            blobs += self.collect_blobs(workspace.into(), now).await?;
        }
        Ok(Upkeep { idempotency_keys, sessions, links, keys, events, bursts, uploads, blobs })
    }
}
