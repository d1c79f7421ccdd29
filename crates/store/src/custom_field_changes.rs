//! The definitions of custom fields as people see and change them (SDB-6).

use crate::{
    Store,
    audit::{self, Entry},
    custom_fields::DefinitionRow,
    error::{StoreError, taken},
    events::{self, EventKind, NewEvent},
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    page::Page,
    schema::{custom_field_definitions as definitions, workspaces},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission},
    custom_field::{Definition, DefinitionChange, Entity, MAX_DEFINITIONS, NewDefinition, arrange},
    ids::{CustomFieldId, WorkspaceId},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A definition with its place and its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinedField {
    /// What it is.
    pub definition: Definition,
    /// Its place among the fields of its entity: 1 is the first.
    pub position: u16,
    /// Counts edits.
    pub version: i64,
    /// When it was defined.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// Where a list of definitions goes on: behind this one.
pub type DefinedFieldPosition = (Entity, u16, CustomFieldId);

/// What is changed of a definition and its place; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinedFieldPatch {
    /// Of the definition.
    pub change: DefinitionChange,
    /// Its new place: 1 is the first, beyond the end is the last.
    pub position: Option<u16>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = definitions)]
struct DefinedFieldRow {
    #[diesel(embed)]
    definition: DefinitionRow,
    position: i32,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<DefinedFieldRow> for DefinedField {
    type Error = StoreError;

    fn try_from(row: DefinedFieldRow) -> Result<Self, StoreError> {
        Ok(Self {
            definition: row.definition.try_into()?,
            position: u16::try_from(row.position)
                .map_err(|_| StoreError::Corrupt("a custom field's position".into()))?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The definitions that are not removed, by entity and in their set order; every role may ask (ACC-2).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn defined_fields(
        &self,
        actor: &Actor,
        entity: Option<Entity>,
        after: Option<&DefinedFieldPosition>,
        limit: u16,
    ) -> Result<Page<DefinedField>, StoreError> {
        let mut query = definitions::table
            .filter(definitions::workspace_id.eq(actor.workspace_id.0).and(definitions::removed_at.is_null()))
            .order((definitions::entity, definitions::position, definitions::id))
            .limit(i64::from(limit) + 1)
            .select(DefinedFieldRow::as_select())
            .into_boxed();
        if let Some(entity) = entity {
            query = query.filter(definitions::entity.eq(entity.as_str()));
        }
        if let Some((entity, position, id)) = after {
            let (entity, position) = (entity.as_str(), i32::from(*position));
            let behind = definitions::position
                .gt(position)
                .or(definitions::position.eq(position).and(definitions::id.gt(id.0)));
            query =
                query.filter(definitions::entity.gt(entity).or(definitions::entity.eq(entity).and(behind)));
        }
        let tx = self.begin_read(actor.workspace_id).await?;
        let rows: Vec<DefinedFieldRow> = query.load(&mut tx.conn()).await?;
        tx.commit().await?;
        Ok(Page::of(rows.into_iter().map(DefinedField::try_from).collect::<Result<_, _>>()?, limit))
    }

    /// One definition.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] also where it was removed.
    pub async fn defined_field(&self, actor: &Actor, id: CustomFieldId) -> Result<DefinedField, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let field = load(&tx, actor.workspace_id, id).await?;
        tx.commit().await?;
        Ok(field)
    }

    /// Defines a field, at a place or as the last one. What was once removed under this key does not come back.
    ///
    /// # Errors
    /// [`StoreError::RoleNotAllowed`], [`StoreError::ScopeNotAllowed`], [`StoreError::Fields`], [`StoreError::Taken`]
    /// (`key`), [`StoreError::Invalid`] where the entity has as many as it may, and those of the idempotency key.
    pub async fn define_field(
        &self,
        actor: &Actor,
        new: &NewDefinition,
        position: Option<u16>,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&DefinedField) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<DefinedField>, StoreError> {
        let id = CustomFieldId(Uuid::now_v7());
        let (workspace, answer) = (actor.workspace_id, &answer);
        self.write(workspace, async |tx| {
            actor.require(Permission::ManageCustomFields)?;
            let effect = async {
                let definition = new.clone().define(id).map_err(StoreError::Fields)?;
                let present = lock_order(tx, workspace, definition.entity).await?;
                if present.len() >= MAX_DEFINITIONS {
                    let why = "there are as many custom fields for it as there may be";
                    return Err(StoreError::Invalid { field: "entity", why });
                }
                insert(tx, workspace, &definition).await?;
                set_order(tx, workspace, &arrange(&present, id, position)).await?;
                let field = load(tx, workspace, id).await?;
                let entry =
                    Entry::new("custom_field.defined", "custom_field", id).change(Value::Null, told(&field));
                announce(tx, actor, entry).await?;
                Ok(field)
            };
            with_idempotency(tx, workspace, claim, effect, answer).await
        })
        .await
    }

    /// Changes a definition and its place; where `expected` is given, only that version. What changes nothing is no edit.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::RoleNotAllowed`], [`StoreError::ScopeNotAllowed`],
    /// [`StoreError::StaleVersion`], [`StoreError::Fields`].
    pub async fn change_defined_field(
        &self,
        actor: &Actor,
        id: CustomFieldId,
        expected: Option<i64>,
        patch: &DefinedFieldPatch,
    ) -> Result<DefinedField, StoreError> {
        let workspace = actor.workspace_id;
        self.write(workspace, async |tx| {
            let (before, present) = load_to_change(tx, actor, id, expected).await?;
            let definition = before.definition.change(patch.change.clone()).map_err(StoreError::Fields)?;
            let order = match patch.position {
                Some(position) => arrange(&present, id, Some(position)),
                None => present.clone(),
            };
            if definition == before.definition && order == present {
                return Ok(before);
            }
            diesel::update(definitions::table.find((workspace.0, id.0)))
                .set((
                    definitions::label.eq(&definition.label),
                    definitions::options.eq(json!(definition.options)),
                    definitions::required.eq(definition.required),
                    definitions::version.eq(definitions::version + 1),
                    definitions::updated_at.eq(Utc::now()),
                ))
                .execute(&mut tx.conn())
                .await?;
            set_order(tx, workspace, &order).await?;
            let field = load(tx, workspace, id).await?;
            let entry =
                Entry::new("custom_field.changed", "custom_field", id).change(told(&before), told(&field));
            announce(tx, actor, entry).await?;
            Ok(field)
        })
        .await
    }

    /// Removes a definition. Values of it are kept with the things that have them, and not shown any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::RoleNotAllowed`], [`StoreError::ScopeNotAllowed`],
    /// [`StoreError::StaleVersion`].
    pub async fn remove_defined_field(
        &self,
        actor: &Actor,
        id: CustomFieldId,
        expected: Option<i64>,
    ) -> Result<(), StoreError> {
        let workspace = actor.workspace_id;
        self.write(workspace, async |tx| {
            let (before, mut present) = load_to_change(tx, actor, id, expected).await?;
            diesel::update(definitions::table.find((workspace.0, id.0)))
                .set(definitions::removed_at.eq(Utc::now()))
                .execute(&mut tx.conn())
                .await?;
            present.retain(|other| *other != id);
            set_order(tx, workspace, &present).await?;
            let entry =
                Entry::new("custom_field.removed", "custom_field", id).change(told(&before), Value::Null);
            announce(tx, actor, entry).await
        })
        .await
    }
}

/// What the audit trail says of a definition.
fn told(field: &DefinedField) -> Value {
    let Definition { entity, key, label, field_type, options, required, .. } = &field.definition;
    json!({
        "entity": entity.as_str(), "key": key, "label": label, "type": field_type.as_str(), "options": options,
        "required": required, "position": field.position,
    })
}

/// Definitions are settings of the workspace: pages load them anew with it.
async fn announce(tx: &Tx, actor: &Actor, entry: Entry) -> Result<(), StoreError> {
    audit::record(tx, actor, entry).await?;
    let event = NewEvent::of(EventKind::WorkspaceUpdated, Some(actor.user_id), actor.workspace_id);
    events::append(tx, actor.workspace_id, &[event]).await
}

async fn load(tx: &Tx, workspace: WorkspaceId, id: CustomFieldId) -> Result<DefinedField, StoreError> {
    let row: DefinedFieldRow = definitions::table
        .find((workspace.0, id.0))
        .filter(definitions::removed_at.is_null())
        .select(DefinedFieldRow::as_select())
        .first(&mut tx.conn())
        .await?;
    row.try_into()
}

/// The definition with the order of its entity's, under the lock, for one who may change it.
async fn load_to_change(
    tx: &Tx,
    actor: &Actor,
    id: CustomFieldId,
    expected: Option<i64>,
) -> Result<(DefinedField, Vec<CustomFieldId>), StoreError> {
    let seen = load(tx, actor.workspace_id, id).await?;
    actor.require(Permission::ManageCustomFields)?;
    let present = lock_order(tx, actor.workspace_id, seen.definition.entity).await?;
    // Somebody else may have been quicker.
    let field = load(tx, actor.workspace_id, id).await?;
    if expected.is_some_and(|version| version != field.version) {
        return Err(StoreError::StaleVersion);
    }
    Ok((field, present))
}

/// The definitions of an entity in their order. Who has it orders alone: the workspace's row is the lock.
async fn lock_order(
    tx: &Tx,
    workspace: WorkspaceId,
    entity: Entity,
) -> Result<Vec<CustomFieldId>, StoreError> {
    let _: Uuid = workspaces::table
        .find(workspace.0)
        .for_no_key_update()
        .select(workspaces::id)
        .first(&mut tx.conn())
        .await?;
    let ids: Vec<Uuid> = definitions::table
        .filter(definitions::workspace_id.eq(workspace.0).and(definitions::removed_at.is_null()))
        .filter(definitions::entity.eq(entity.as_str()))
        .order((definitions::position, definitions::id))
        .select(definitions::id)
        .load(&mut tx.conn())
        .await?;
    Ok(ids.into_iter().map(CustomFieldId).collect())
}

/// Numbers the definitions 1, 2, 3, … in this order.
async fn set_order(tx: &Tx, workspace: WorkspaceId, order: &[CustomFieldId]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = order.iter().map(|id| id.0).collect();
    diesel::sql_query(
        "UPDATE custom_field_definitions d SET position = placed.n
         FROM unnest($2) WITH ORDINALITY AS placed (id, n)
         WHERE d.workspace_id = $1 AND d.id = placed.id AND d.position <> placed.n",
    )
    .bind::<SqlUuid, _>(workspace.0)
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(&mut tx.conn())
    .await?;
    Ok(())
}

async fn insert(tx: &Tx, workspace: WorkspaceId, definition: &Definition) -> Result<(), StoreError> {
    diesel::insert_into(definitions::table)
        .values((
            definitions::workspace_id.eq(workspace.0),
            definitions::id.eq(definition.id.0),
            definitions::entity.eq(definition.entity.as_str()),
            definitions::key.eq(&definition.key),
            definitions::label.eq(&definition.label),
            definitions::type_.eq(definition.field_type.as_str()),
            definitions::options.eq(json!(definition.options)),
            definitions::required.eq(definition.required),
            // Its place is given to it with the others'.
            definitions::position.eq(0),
        ))
        .execute(&mut tx.conn())
        .await
        .map_err(|error| taken(error, &[("custom_field_keys", "key")]))?;
    Ok(())
}
