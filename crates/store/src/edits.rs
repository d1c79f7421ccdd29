//! What the editing of contacts, companies and deals has in common.

use crate::{
    Store, audit,
    custom_fields::Definitions,
    error::StoreError,
    events::{self, EventKind, NewEvent},
    schema::{companies, contacts, deals},
    sight,
    transaction::Tx,
    users::stays_active,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    custom_field::{Entity, Occasion},
    fault::{Fault, FieldFault},
    ids::{UserId, WorkspaceId},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What is wrong with what is to be saved, field by field: all of it is told at once.
#[derive(Default)]
pub(crate) struct Faults(Vec<FieldFault>);

impl Faults {
    pub(crate) fn add(&mut self, more: impl IntoIterator<Item = FieldFault>) {
        self.0.extend(more);
    }

    /// The new owner must be an active user of the workspace.
    pub(crate) async fn judge_owner(
        &mut self,
        tx: &Tx,
        workspace: WorkspaceId,
        owner: Option<UserId>,
    ) -> Result<(), StoreError> {
        if let Some(owner) = owner
            && !stays_active(tx, workspace, owner).await?
        {
            let why = "This is not an active user of the workspace.";
            self.add([FieldFault::at(&["owner_id"], Fault::InvalidValue, why)]);
        }
        Ok(())
    }

    /// The custom fields after a patch by keys; as they were, where it is wrong.
    pub(crate) async fn judge_custom_fields(
        &mut self,
        tx: &Tx,
        workspace: WorkspaceId,
        (entity, occasion): (Entity, Occasion),
        stored: &Value,
        patch: &Map<String, Value>,
    ) -> Result<Value, StoreError> {
        let definitions = Definitions::load(tx, workspace).await?;
        Ok(definitions.merge(entity, stored, patch, occasion).unwrap_or_else(|faults| {
            self.add(faults);
            stored.clone()
        }))
    }

    /// Nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// [`StoreError::Fields`] where anything is wrong.
    pub(crate) fn none(self) -> Result<(), StoreError> {
        if self.0.is_empty() { Ok(()) } else { Err(StoreError::Fields(self.0)) }
    }
}

impl Store {
    /// What is wrong with the custom fields of a request whose other fields are wrong already, so that all of it is told at
    /// once. `of`: the thing that is edited; `None` for a new one. Nothing is saved.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such thing for the actor.
    pub async fn custom_field_faults(
        &self,
        actor: &Actor,
        entity: Entity,
        of: Option<Uuid>,
        patch: &Map<String, Value>,
    ) -> Result<Vec<FieldFault>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let (stored, occasion) = match of {
            Some(id) => {
                sight::must_see(&tx, actor, entity, id).await?;
                (stored_custom_fields(&tx, actor.workspace_id, entity, id).await?, Occasion::Edit)
            }
            None => (json!({}), Occasion::Creation),
        };
        let mut faults = Faults::default();
        faults.judge_custom_fields(&tx, actor.workspace_id, (entity, occasion), &stored, patch).await?;
        tx.commit().await?;
        Ok(faults.0)
    }
}

async fn stored_custom_fields(
    tx: &Tx,
    workspace: WorkspaceId,
    entity: Entity,
    id: Uuid,
) -> Result<Value, StoreError> {
    let this = (workspace.0, id);
    let mut conn = tx.conn();
    Ok(match entity {
        Entity::Contact => {
            contacts::table.find(this).select(contacts::custom_fields).first(&mut conn).await?
        }
        Entity::Company => {
            companies::table.find(this).select(companies::custom_fields).first(&mut conn).await?
        }
        Entity::Deal => deals::table.find(this).select(deals::custom_fields).first(&mut conn).await?,
    })
}

/// The version that the change was made for, where one is named, must be the present one.
///
/// # Errors
/// [`StoreError::StaleVersion`].
pub(crate) fn require_version(present: i64, expected: Option<i64>) -> Result<(), StoreError> {
    match expected {
        Some(expected) if expected != present => Err(StoreError::StaleVersion),
        _ => Ok(()),
    }
}

/// The names of the fields in which two rows differ, for the audit trail: it names fields, never what stands in them.
macro_rules! differing {
    ($before:expr, $after:expr => $($field:ident),+ $(,)?) => {{
        let mut names: Vec<&'static str> = Vec::new();
        $(if $before.$field != $after.$field {
            names.push(stringify!($field));
        })+
        names
    }};
}
pub(crate) use differing;

/// Which fields were edited, and who owned it before and owns it now, where that changed.
pub(crate) fn edited(
    action: &'static str,
    (kind, id): (&'static str, Uuid),
    fields: &[&'static str],
    owners: Option<(Uuid, Uuid)>,
) -> audit::Entry {
    let (before, after) = match owners.filter(|(before, after)| before != after) {
        Some((before, after)) => (json!({"owner_id": before}), json!({"fields": fields, "owner_id": after})),
        None => (Value::Null, json!({"fields": fields})),
    };
    audit::Entry::new(action, kind, id).change(before, after)
}

/// Writes down what the actor did, and tells everybody: a transaction's end.
pub(crate) async fn conclude(
    tx: &Tx,
    actor: &Actor,
    entry: audit::Entry,
    (kind, id): (EventKind, Uuid),
) -> Result<(), StoreError> {
    audit::record(tx, actor, entry).await?;
    events::append(tx, actor.workspace_id, &[NewEvent::of(kind, Some(actor.user_id), id)]).await
}
