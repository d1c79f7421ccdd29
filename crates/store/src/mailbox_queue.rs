//! The queue of mailboxes to read: each is read by one worker at a time, which holds a lease.

use crate::{
    Store,
    error::StoreError,
    events::{self, EventKind, NewEvent},
    folders::hold_lease,
    mailbox::MailboxState,
    schema::{mailbox_queue as queue, mailboxes, workspaces},
    transaction::{Tx, database_time},
    workspaces::FeatureState,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use postroom_domain::ids::{MailboxId, WorkspaceId};
use std::time::Duration;
use uuid::Uuid;

/// A worker's right to read a mailbox, until it ends or is given back. Whoever writes for the mailbox shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxLease {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The mailbox.
    pub mailbox_id: MailboxId,
    /// Known to the holder alone.
    pub token: Uuid,
}

/// How reading a mailbox goes, as its worker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxHealth {
    /// The state.
    pub state: MailboxState,
    /// What is wrong, for people; from a fixed list (MAIL-14).
    pub last_error: Option<String>,
    /// Set when reading has everything.
    pub synced_at: Option<DateTime<Utc>>,
    /// Refused logins in a row.
    pub login_refusals: u16,
}

fn until(now: DateTime<Utc>, lease: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX)
}

/// Puts a mailbox into the queue, due at once.
pub(crate) async fn enqueue(tx: &Tx, workspace: WorkspaceId, mailbox: MailboxId) -> Result<(), StoreError> {
    diesel::insert_into(queue::table)
        .values((
            queue::workspace_id.eq(workspace.0),
            queue::mailbox_id.eq(mailbox.0),
            queue::due_at.eq(Utc::now()),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Takes a mailbox out of the queue: whoever reads it loses their lease.
pub(crate) async fn dequeue(tx: &Tx, workspace: WorkspaceId, mailbox: MailboxId) -> Result<(), StoreError> {
    diesel::delete(queue::table.find((workspace.0, mailbox.0))).execute(&mut tx.conn()).await?;
    Ok(())
}

/// Makes one mailbox, or all of the workspace, due at once, and ends the leases of those who read them: they notice at
/// their next write, and nothing that they do until then is taken in.
pub(crate) async fn hurry(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: Option<MailboxId>,
) -> Result<(), StoreError> {
    let mut due = diesel::update(queue::table)
        .filter(queue::workspace_id.eq(workspace.0))
        .set((
            queue::due_at.eq(Utc::now()),
            queue::lease_token.eq(None::<Uuid>),
            queue::leased_until.eq(None::<DateTime<Utc>>),
        ))
        .into_boxed();
    if let Some(mailbox) = mailbox {
        due = due.filter(queue::mailbox_id.eq(mailbox.0));
    }
    due.execute(&mut tx.conn()).await?;
    Ok(())
}

impl Store {
    /// Leases up to `limit` mailboxes that are due, the longest due first; only of workspaces that have Conversations
    /// (ACC-1). Workers that claim at the same time get different ones.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_mailboxes(
        &self,
        limit: u16,
        lease: Duration,
    ) -> Result<Vec<MailboxLease>, StoreError> {
        self.write_global(async |tx| {
            let now = database_time(tx).await?;
            let enabled = workspaces::table
                .filter(workspaces::conversations_feature.eq(FeatureState::Enabled.as_str()))
                .select(workspaces::id);
            let due: Vec<(Uuid, Uuid)> = queue::table
                .filter(queue::due_at.le(now).and(queue::workspace_id.eq_any(enabled)))
                .filter(queue::leased_until.is_null().or(queue::leased_until.lt(now)))
                .order(queue::due_at)
                .limit(i64::from(limit))
                .for_update()
                .skip_locked()
                .select((queue::workspace_id, queue::mailbox_id))
                .load(&mut tx.conn())
                .await?;
            let token = Uuid::new_v4();
            let (of_workspaces, of_mailboxes): (Vec<Uuid>, Vec<Uuid>) = due.iter().copied().unzip();
            diesel::update(queue::table)
                .filter(queue::workspace_id.eq_any(of_workspaces))
                .filter(queue::mailbox_id.eq_any(of_mailboxes))
                .set((queue::lease_token.eq(token), queue::leased_until.eq(until(now, lease))))
                .execute(&mut tx.conn())
                .await?;
            let lease_of = |(workspace, mailbox): (Uuid, Uuid)| MailboxLease {
                workspace_id: workspace.into(),
                mailbox_id: mailbox.into(),
                token,
            };
            Ok(due.into_iter().map(lease_of).collect())
        })
        .await
    }

    /// Makes a lease last on from now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where it has ended or another worker has the mailbox, and where the workspace has no
    /// Conversations any more: reading ends then.
    pub async fn renew_mailbox_lease(&self, held: &MailboxLease, lease: Duration) -> Result<(), StoreError> {
        self.write_global(async |tx| {
            let now = database_time(tx).await?;
            let enabled = workspaces::table
                .filter(workspaces::id.eq(held.workspace_id.0))
                .filter(workspaces::conversations_feature.eq(FeatureState::Enabled.as_str()));
            let renewed = diesel::update(queue::table.find((held.workspace_id.0, held.mailbox_id.0)))
                .filter(queue::lease_token.eq(held.token).and(queue::leased_until.gt(now)))
                .filter(exists(enabled))
                .set(queue::leased_until.eq(until(now, lease)))
                .execute(&mut tx.conn())
                .await?;
            if renewed == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
        })
        .await
    }

    /// Gives a mailbox back, to be read again at `due_at`. One that was lost meanwhile is another worker's business.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_mailbox(
        &self,
        held: &MailboxLease,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write_global(async |tx| {
            diesel::update(queue::table.find((held.workspace_id.0, held.mailbox_id.0)))
                .filter(queue::lease_token.eq(held.token))
                .set((
                    queue::due_at.eq(due_at),
                    queue::lease_token.eq(None::<Uuid>),
                    queue::leased_until.eq(None::<DateTime<Utc>>),
                ))
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }

    /// Records how reading a mailbox goes. What its owner sees of it becomes an event only where it has changed.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn record_mailbox_health(
        &self,
        lease: &MailboxLease,
        health: &MailboxHealth,
    ) -> Result<(), StoreError> {
        let workspace = lease.workspace_id;
        self.write(workspace, async |tx| {
            hold_lease(tx, lease).await?;
            let this = mailboxes::table.find((workspace.0, lease.mailbox_id.0));
            let (state, last_error, last_synced_at): (String, Option<String>, Option<DateTime<Utc>>) = this
                .for_no_key_update()
                .select((mailboxes::state, mailboxes::last_error, mailboxes::last_synced_at))
                .first(&mut tx.conn())
                .await?;
            diesel::update(this)
                .set((
                    mailboxes::state.eq(health.state.as_str()),
                    mailboxes::last_error.eq(&health.last_error),
                    mailboxes::last_synced_at.eq(health.synced_at.or(last_synced_at)),
                    mailboxes::login_refusals.eq(i32::from(health.login_refusals)),
                ))
                .execute(&mut tx.conn())
                .await?;
            if state != health.state.as_str() || last_error != health.last_error {
                let event = NewEvent::of(EventKind::MailboxUpdated, None, lease.mailbox_id);
                events::append(tx, workspace, &[event]).await?;
            }
            Ok(())
        })
        .await
    }
}
