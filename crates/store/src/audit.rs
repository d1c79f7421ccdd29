//! The audit trail: who did what to which thing, written in the transaction that does it.

use crate::{
    Store,
    context::{self, Origin},
    error::StoreError,
    schema::audit,
    transaction::Tx,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    ids::{UserId, WorkspaceId},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// What was done to which thing. Never any content of mail, and no secrets.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    action: &'static str,
    object_kind: &'static str,
    object: Option<Uuid>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Entry {
    /// `action` is `thing.verb`, the verb in the past tense: `user.invited`.
    pub(crate) fn new(action: &'static str, object_kind: &'static str, object: impl Into<Uuid>) -> Self {
        Self { object: Some(object.into()), ..Self::without_object(action, object_kind) }
    }

    /// For what was done to no single thing.
    pub(crate) fn without_object(action: &'static str, object_kind: &'static str) -> Self {
        Self { action, object_kind, object: None, before: None, after: None }
    }

    /// With what it was and what it is; `null` is nothing.
    pub(crate) fn change(self, before: Value, after: Value) -> Self {
        let some = |value: Value| (!value.is_null()).then_some(value);
        Self { before: some(before), after: some(after), ..self }
    }
}

impl Store {
    /// Writes down that the actor was refused an operation, and by which code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_refused_access(
        &self,
        actor: &Actor,
        operation: &str,
        code: &str,
    ) -> Result<(), StoreError> {
        let entry = || {
            Entry::without_object("access.refused", "operation")
                .change(Value::Null, json!({ "operation": operation, "code": code }))
        };
        // What the caller was identified in is not needed any more; nobody holds two connections.
        drop(context::take_kept(actor.workspace_id));
        self.write(actor.workspace_id, async |tx| record(tx, actor, entry()).await).await
    }
}

/// Writes down what the actor did: in the writing transaction, before its events take their numbers.
pub(crate) async fn record(tx: &Tx, actor: &Actor, entry: Entry) -> Result<(), StoreError> {
    record_by(tx, actor.workspace_id, Some(actor.user_id), entry).await
}

/// The same for what is done without an actor: a sign-in, the operator, the system itself.
pub(crate) async fn record_by(
    tx: &Tx,
    workspace: WorkspaceId,
    user: Option<UserId>,
    entry: Entry,
) -> Result<(), StoreError> {
    let Origin { request_id, address, api_key } = context::origin();
    diesel::insert_into(audit::table)
        .values((
            audit::workspace_id.eq(workspace.0),
            audit::id.eq(Uuid::now_v7()),
            audit::actor_user_id.eq(user.map(|id| id.0)),
            audit::api_key_id.eq(api_key),
            audit::address.eq(address.map(|address| address.to_string())),
            audit::request_id.eq(request_id),
            audit::action.eq(entry.action),
            audit::object_kind.eq(entry.object_kind),
            audit::object_id.eq(entry.object),
            audit::before.eq(entry.before),
            audit::after.eq(entry.after),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}
