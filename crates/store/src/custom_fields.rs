//! Custom fields: values as they stand by their definitions' ids (SDB-6).

use crate::{error::StoreError, schema::custom_field_definitions as definitions, transaction::Tx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    custom_field::{self, Entity, FieldType, Occasion},
    fault::FieldFault,
    ids::WorkspaceId,
};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use postroom_domain::custom_field::Definition as CustomFieldDefinition;

/// A field with its value; `null` where it has none.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomField {
    /// The definition.
    pub definition: CustomFieldDefinition,
    /// The value.
    pub value: Value,
}

/// All definitions of a workspace that are not removed, in their set order.
pub(crate) struct Definitions(Vec<CustomFieldDefinition>);

impl Definitions {
    /// Loads them.
    pub(crate) async fn load(tx: &Tx, workspace: WorkspaceId) -> Result<Self, StoreError> {
        let rows: Vec<DefinitionRow> = definitions::table
            .filter(definitions::workspace_id.eq(workspace.0).and(definitions::removed_at.is_null()))
            .order((definitions::position, definitions::id))
            .select(DefinitionRow::as_select())
            .load(&mut tx.conn())
            .await?;
        rows.into_iter().map(CustomFieldDefinition::try_from).collect::<Result<_, _>>().map(Self)
    }

    /// Every field of an entity with what `values` (by the definitions' ids) has for it.
    pub(crate) fn fill(&self, entity: Entity, values: &Value) -> Vec<CustomField> {
        let value = |definition: &CustomFieldDefinition| {
            values.get(definition.id.to_string()).cloned().unwrap_or(Value::Null)
        };
        self.of(entity)
            .map(|definition| CustomField { value: value(definition), definition: definition.clone() })
            .collect()
    }

    /// Lays a patch by keys over the stored values (by the definitions' ids) of a thing (SDB-2): the new ones to store,
    /// equal to the old where nothing changes. Values of removed definitions are kept.
    ///
    /// # Errors
    /// Every wrong field, at `/custom_fields/{key}`.
    pub(crate) fn merge(
        &self,
        entity: Entity,
        stored: &Value,
        patch: &Map<String, Value>,
        occasion: Occasion,
    ) -> Result<Value, Vec<FieldFault>> {
        let definitions: Vec<_> = self.of(entity).cloned().collect();
        let none = Map::new();
        let stored = stored.as_object().unwrap_or(&none);
        custom_field::merge(&definitions, stored, patch, occasion).map(Value::Object)
    }

    fn of(&self, entity: Entity) -> impl Iterator<Item = &CustomFieldDefinition> {
        self.0.iter().filter(move |definition| definition.entity == entity)
    }
}

/// A definition's columns.
#[derive(Queryable, Selectable)]
#[diesel(table_name = definitions)]
pub(crate) struct DefinitionRow {
    id: Uuid,
    entity: String,
    key: String,
    label: String,
    type_: String,
    options: Value,
    required: bool,
}

impl TryFrom<DefinitionRow> for CustomFieldDefinition {
    type Error = StoreError;

    fn try_from(row: DefinitionRow) -> Result<Self, StoreError> {
        let id = row.id;
        let corrupt = |what: &str| StoreError::Corrupt(format!("custom field {id}: {what}"));
        Ok(Self {
            id: id.into(),
            entity: Entity::from_name(&row.entity).ok_or_else(|| corrupt("entity"))?,
            key: row.key,
            label: row.label,
            field_type: FieldType::from_name(&row.type_).ok_or_else(|| corrupt("type"))?,
            options: serde_json::from_value(row.options).map_err(|_| corrupt("options"))?,
            required: row.required,
        })
    }
}
