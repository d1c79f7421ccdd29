//! The log is kept for a while.

use crate::{Store, error::StoreError, schema::events, transaction::Tx};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{dsl::min, prelude::*};
use diesel_async::RunQueryDsl;
use postroom_domain::ids::WorkspaceId;

/// So long an event is kept: who comes back later loads anew.
const KEPT: TimeDelta = TimeDelta::days(30);
/// So many are deleted in one transaction.
const AT_ONCE: i64 = 5_000;

impl Store {
    /// Deletes a workspace's events that are kept no longer, from the beginning on: what is left has no gaps.
    pub(crate) async fn purge_events(
        &self,
        workspace: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let mut deleted = 0;
        loop {
            let some = self
                .write(workspace, async |tx| {
                    let Some(upto) = expired(tx, workspace, now - KEPT).await? else {
                        return Ok(0);
                    };
                    // What was written since that look is not meant, where all before it had expired.
                    Ok(diesel::delete(events::table)
                        .filter(events::workspace_id.eq(workspace.0).and(events::number.le(upto)))
                        .filter(events::at.lt(now - KEPT))
                        .execute(&mut tx.conn())
                        .await?)
                })
                .await?;
            if some == 0 {
                return Ok(deleted);
            }
            deleted += some;
        }
    }
}

/// Up to which number the log may be deleted now: before the first event that is kept, and not too much at once.
async fn expired(tx: &Tx, workspace: WorkspaceId, before: DateTime<Utc>) -> Result<Option<i64>, StoreError> {
    let here = events::table.filter(events::workspace_id.eq(workspace.0));
    let oldest = here.select(min(events::number));
    // Walked by number: times are those of the transactions' beginnings, and may be a little out of order.
    let kept = here.filter(events::at.ge(before)).order(events::number).select(events::number);
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let kept = async { kept.first::<i64>(&mut second).await.optional() };
    let (oldest, kept): (Option<i64>, Option<i64>) = tokio::try_join!(oldest.first(&mut first), kept)?;
    let Some(oldest) = oldest else { return Ok(None) };
    let upto = kept.map_or(i64::MAX, |kept| kept - 1).min(oldest.saturating_add(AT_ONCE - 1));
    Ok((upto >= oldest).then_some(upto))
}
