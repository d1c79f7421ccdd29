//! What a workspace's administrators choose for it.

use crate::{
    Store, audit,
    error::StoreError,
    events::{self, EventKind, NewEvent},
    schema::workspaces,
    workspaces::{Workspace, WorkspaceRow, check_name},
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission},
    conversation::StartsOn,
};
use serde_json::{Value, json};

/// Changes to a workspace; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspacePatch {
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// CNV-1, where a mailbox says nothing else. For what comes from now on.
    pub conversation_starts_on: Option<StartsOn>,
    /// RPL-5, 0 to 60 s. For what is written from now on.
    pub undo_send_seconds: Option<u16>,
}

impl Store {
    /// Changes the workspace's name and settings; where `expected` is given, only that version. What changes nothing is no
    /// edit.
    ///
    /// # Errors
    /// [`StoreError::RoleNotAllowed`], [`StoreError::StaleVersion`], [`StoreError::Invalid`].
    pub async fn update_workspace(
        &self,
        actor: &Actor,
        expected: Option<i64>,
        patch: &WorkspacePatch,
    ) -> Result<Workspace, StoreError> {
        actor.require(Permission::ManageWorkspace)?;
        if let Some(name) = &patch.name {
            check_name("name", name)?;
        }
        self.write(actor.workspace_id, async |tx| {
            let this = workspaces::table.find(actor.workspace_id.0);
            let before: Workspace = this
                .for_no_key_update()
                .select(WorkspaceRow::as_select())
                .first(&mut tx.conn())
                .await?
                .try_into()?;
            if expected.is_some_and(|version| version != before.version) {
                return Err(StoreError::StaleVersion);
            }
            let after = patched(&before, patch);
            if audited(&after) == audited(&before) {
                return Ok(before);
            }
            let undo = i16::try_from(after.undo_send_seconds)
                .map_err(|_| StoreError::Invalid { field: "undo_send_seconds", why: "0 to 60 seconds" })?;
            let row: WorkspaceRow = diesel::update(this)
                .set((
                    workspaces::name.eq(&after.name),
                    workspaces::conversation_starts_on.eq(after.conversation_starts_on.as_str()),
                    workspaces::undo_send_seconds.eq(undo),
                    workspaces::version.eq(workspaces::version + 1),
                    workspaces::updated_at.eq(Utc::now()),
                ))
                .returning(WorkspaceRow::as_returning())
                .get_result(&mut tx.conn())
                .await?;
            let entry = audit::Entry::new("workspace.updated", "workspace", actor.workspace_id)
                .change(audited(&before), audited(&after));
            audit::record(tx, actor, entry).await?;
            let event = NewEvent::of(EventKind::WorkspaceUpdated, Some(actor.user_id), actor.workspace_id);
            events::append(tx, actor.workspace_id, &[event]).await?;
            row.try_into()
        })
        .await
    }
}

fn patched(before: &Workspace, patch: &WorkspacePatch) -> Workspace {
    Workspace {
        name: patch.name.clone().unwrap_or_else(|| before.name.clone()),
        conversation_starts_on: patch.conversation_starts_on.unwrap_or(before.conversation_starts_on),
        undo_send_seconds: patch.undo_send_seconds.unwrap_or(before.undo_send_seconds),
        ..before.clone()
    }
}

fn audited(workspace: &Workspace) -> Value {
    json!({
        "name": workspace.name,
        "conversation_starts_on": workspace.conversation_starts_on.as_str(),
        "undo_send_seconds": workspace.undo_send_seconds,
    })
}
