//! Custom fields: their definitions, and values as they stand by the definitions' ids (SDB-6).

use crate::{error::StoreError, schema::custom_field_definitions as definitions, transaction::Tx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    custom_field::{Entity, FieldType},
    ids::{CustomFieldId, WorkspaceId},
};
use serde_json::Value;
use uuid::Uuid;

/// The definition of a custom field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomFieldDefinition {
    /// Its id.
    pub id: CustomFieldId,
    /// What it is defined for.
    pub entity: Entity,
    /// Its name for programs.
    pub key: String,
    /// Its name for people.
    pub label: String,
    /// What its values are.
    pub field_type: FieldType,
    /// What may be chosen from.
    pub options: Vec<String>,
    /// Whether it must have a value.
    pub required: bool,
}

/// A field with its value; `null` where it has none.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomField {
    /// The definition.
    pub definition: CustomFieldDefinition,
    /// The value.
    pub value: Value,
}

/// All definitions of a workspace, in their set order.
pub(crate) struct Definitions(Vec<CustomFieldDefinition>);

impl Definitions {
    /// Loads them.
    pub(crate) async fn load(tx: &Tx, workspace: WorkspaceId) -> Result<Self, StoreError> {
        type Row = (Uuid, String, String, String, String, Value, bool);
        let rows: Vec<Row> = definitions::table
            .filter(definitions::workspace_id.eq(workspace.0).and(definitions::removed_at.is_null()))
            .order((definitions::position, definitions::id))
            .select((
                definitions::id,
                definitions::entity,
                definitions::key,
                definitions::label,
                definitions::type_,
                definitions::options,
                definitions::required,
            ))
            .load(&mut tx.conn())
            .await?;
        rows.into_iter().map(from_row).collect::<Result<_, _>>().map(Self)
    }

    /// Every field of an entity with what `values` (by the definitions' ids) has for it.
    pub(crate) fn fill(&self, entity: Entity, values: &Value) -> Vec<CustomField> {
        let value = |definition: &CustomFieldDefinition| {
            values.get(definition.id.to_string()).cloned().unwrap_or(Value::Null)
        };
        self.0
            .iter()
            .filter(|definition| definition.entity == entity)
            .map(|definition| CustomField { value: value(definition), definition: definition.clone() })
            .collect()
    }
}

fn from_row(
    (id, entity, key, label, field_type, options, required): (
        Uuid,
        String,
        String,
        String,
        String,
        Value,
        bool,
    ),
) -> Result<CustomFieldDefinition, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("custom field {id}: {what}"));
    Ok(CustomFieldDefinition {
        id: id.into(),
        entity: Entity::from_name(&entity).ok_or_else(|| corrupt("entity"))?,
        key,
        label,
        field_type: FieldType::from_name(&field_type).ok_or_else(|| corrupt("type"))?,
        options: serde_json::from_value(options).map_err(|_| corrupt("options"))?,
        required,
    })
}
