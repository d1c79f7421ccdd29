//! What a leaver owns goes to somebody else (ACC-5).

use crate::{
    error::StoreError,
    schema::{contacts, conversations, deals, mailbox_queue, mailboxes},
    transaction::Tx,
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::ids::{UserId, WorkspaceId};
use serde_json::{Value, json};
use uuid::Uuid;

/// How much went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandedOver {
    conversations: usize,
    contacts: usize,
    deals: usize,
    mailboxes: usize,
}

impl HandedOver {
    /// For the audit trail.
    pub(crate) fn audited(self, to: UserId) -> Value {
        let Self { conversations, contacts, deals, mailboxes } = self;
        json!({
            "to": to, "conversations": conversations, "contacts": contacts, "deals": deals, "mailboxes": mailboxes,
        })
    }
}

/// Locks what the user owns, in the order in which everybody locks: whoever works on it is done before, or waits.
pub(crate) async fn lock(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<(), StoreError> {
    let _: Vec<Uuid> = conversations::table
        .filter(conversations::workspace_id.eq(workspace.0).and(conversations::owner_id.eq(user.0)))
        .order(conversations::id)
        .for_no_key_update()
        .select(conversations::id)
        .load(&mut tx.conn())
        .await?;
    let _: Vec<Uuid> = contacts::table
        .filter(contacts::workspace_id.eq(workspace.0).and(contacts::owner_id.eq(user.0)))
        .order(contacts::id)
        .for_no_key_update()
        .select(contacts::id)
        .load(&mut tx.conn())
        .await?;
    Ok(())
}

/// Hands all of it over: conversations, contacts, deals, and whose a shared mailbox's conversations become. The versions
/// that others hold become stale. Their own mailboxes are read no more.
///
/// The user's row must be locked, so that nothing becomes theirs any more.
pub(crate) async fn hand_over(
    tx: &Tx,
    workspace: WorkspaceId,
    from: UserId,
    to: UserId,
) -> Result<HandedOver, StoreError> {
    let now = Utc::now();
    let conversations = diesel::update(conversations::table)
        .filter(conversations::workspace_id.eq(workspace.0).and(conversations::owner_id.eq(from.0)))
        .set((
            conversations::owner_id.eq(to.0),
            conversations::version.eq(conversations::version + 1),
            conversations::updated_at.eq(now),
        ))
        .execute(&mut tx.conn())
        .await?;
    let contacts = diesel::update(contacts::table)
        .filter(contacts::workspace_id.eq(workspace.0).and(contacts::owner_id.eq(from.0)))
        .set((
            contacts::owner_id.eq(to.0),
            contacts::version.eq(contacts::version + 1),
            contacts::updated_at.eq(now),
        ))
        .execute(&mut tx.conn())
        .await?;
    let deals = diesel::update(deals::table)
        .filter(deals::workspace_id.eq(workspace.0).and(deals::owner_id.eq(from.0)))
        .set((deals::owner_id.eq(to.0), deals::version.eq(deals::version + 1), deals::updated_at.eq(now)))
        .execute(&mut tx.conn())
        .await?;
    let mailboxes = diesel::update(mailboxes::table)
        .filter(mailboxes::workspace_id.eq(workspace.0).and(mailboxes::default_owner_id.eq(from.0)))
        .set((
            mailboxes::default_owner_id.eq(to.0),
            mailboxes::version.eq(mailboxes::version + 1),
            mailboxes::updated_at.eq(now),
        ))
        .execute(&mut tx.conn())
        .await?;
    // Whoever reads one of them now has no lease any more, without which nothing is taken in.
    diesel::delete(mailbox_queue::table)
        .filter(mailbox_queue::workspace_id.eq(workspace.0))
        .filter(mailbox_queue::mailbox_id.eq_any(own_mailboxes(tx, workspace, from).await?))
        .execute(&mut tx.conn())
        .await?;
    Ok(HandedOver { conversations, contacts, deals, mailboxes })
}

/// The mailboxes of one who has come back are read again.
pub(crate) async fn read_again(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<(), StoreError> {
    let own = own_mailboxes(tx, workspace, user).await?;
    let due = |mailbox: Uuid| {
        (
            mailbox_queue::workspace_id.eq(workspace.0),
            mailbox_queue::mailbox_id.eq(mailbox),
            mailbox_queue::due_at.eq(Utc::now()),
        )
    };
    diesel::insert_into(mailbox_queue::table)
        .values(own.into_iter().map(due).collect::<Vec<_>>())
        .on_conflict_do_nothing()
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

async fn own_mailboxes(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<Vec<Uuid>, StoreError> {
    Ok(mailboxes::table
        .filter(mailboxes::workspace_id.eq(workspace.0).and(mailboxes::user_id.eq(user.0)))
        .filter(mailboxes::active)
        .select(mailboxes::id)
        .load(&mut tx.conn())
        .await?)
}
