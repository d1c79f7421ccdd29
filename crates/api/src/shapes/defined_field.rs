//! The definitions of custom fields.

use super::{custom_field::FieldTypeName, list::DEFAULT_LIMIT, time::Time};
use crate::{
    form::{At, Form, Request, boolean, integer, line, list, text},
    problem::FieldCode,
};
use postroom_domain::{
    custom_field::{DefinitionChange, Entity, FieldType, NewDefinition, is_key},
    ids::CustomFieldId,
};
use postroom_store::{DefinedField, DefinedFieldPatch};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// What a custom field is defined for.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Entity)]
pub enum EntityName {
    /// Contacts.
    Contact,
    /// Companies.
    Company,
    /// Deals.
    Deal,
}

impl From<Entity> for EntityName {
    fn from(entity: Entity) -> Self {
        match entity {
            Entity::Contact => Self::Contact,
            Entity::Company => Self::Company,
            Entity::Deal => Self::Deal,
        }
    }
}

/// The definition of a custom field.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CustomField)]
pub struct CustomFieldView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: CustomFieldId,
    /// What it is defined for.
    pub entity: EntityName,
    /// Its name in `custom_fields`.
    #[schema(example = "plan")]
    pub key: String,
    /// Its name for people.
    #[schema(example = "Plan")]
    pub label: String,
    /// What its values are.
    #[serde(rename = "type")]
    #[schema(value_type = FieldTypeName, example = "select")]
    pub field_type: &'static str,
    /// What may be chosen from, for `select` and `multi_select`.
    #[schema(example = json!(["Basic", "Pro"]))]
    pub options: Vec<String>,
    /// Whether it must have a value.
    pub required: bool,
    /// Its place among the fields of its entity: 1 is the first.
    #[schema(minimum = 1, example = 1)]
    pub position: u16,
    /// When it was defined.
    pub created_at: Time,
    /// When it was last edited.
    pub updated_at: Time,
    /// Counts edits.
    pub version: i64,
}

impl From<DefinedField> for CustomFieldView {
    fn from(field: DefinedField) -> Self {
        let definition = field.definition;
        Self {
            id: definition.id,
            entity: definition.entity.into(),
            key: definition.key,
            label: definition.label,
            field_type: definition.field_type.as_str(),
            options: definition.options,
            required: definition.required,
            position: field.position,
            created_at: field.created_at.into(),
            updated_at: field.updated_at.into(),
            version: field.version,
        }
    }
}

/// Most options of a field, and longest label and option.
const MAX_OPTIONS: usize = 200;
const MAX_TEXT: usize = 200;
/// The last place that can be named; beyond the end is the last in any case.
const MAX_POSITION: i64 = 1000;

/// A field to be defined.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "entity": "contact", "key": "plan", "label": "Plan", "type": "select", "options": ["Basic", "Pro"], "position": 1,
}))]
pub struct CustomFieldRequest {
    /// What to define it for. It never changes.
    #[schema(value_type = EntityName)]
    pub entity: Entity,
    /// Its name in `custom_fields`. It never changes.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,62}$", example = "plan")]
    pub key: String,
    /// Its name for people.
    #[schema(min_length = 1, max_length = 200, example = "Plan")]
    pub label: String,
    /// What its values are. It never changes.
    #[schema(rename = "type", value_type = FieldTypeName, example = "select")]
    pub field_type: FieldType,
    /// What may be chosen from: needed for `select` and `multi_select`, for no other. Each once, one line of at most 200
    /// characters.
    #[schema(value_type = Option<Vec<String>>, max_items = 200, example = json!(["Basic", "Pro"]))]
    pub options: Vec<String>,
    /// Whether it must have a value: nobody can make a thing without one, or clear it. Things that were there before may
    /// lack it. Default: false.
    #[schema(value_type = Option<bool>)]
    pub required: bool,
    /// Its place among the fields of its entity: 1 is the first. Left out, or beyond the end: the last.
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    pub position: Option<u16>,
}

impl Request for CustomFieldRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let entity = form.required("entity", named(Entity::from_name, "contact, company, deal"));
        let key = form.required("key", key);
        let label = form.required("label", line(MAX_TEXT));
        let types = "text, long_text, number, date, boolean, select, multi_select, url, email, phone";
        let field_type = form.required("type", named(FieldType::from_name, types));
        let options = form.optional("options", options);
        let required = form.optional("required", boolean);
        let position = form.optional("position", position);
        Some(Self {
            entity: entity?,
            key: key?,
            label: label?,
            field_type: field_type?,
            options: options?.unwrap_or_default(),
            required: required?.unwrap_or(false),
            position: position?,
        })
    }
}

impl CustomFieldRequest {
    /// What the store makes of it, and where.
    #[must_use]
    pub fn into_new(self) -> (NewDefinition, Option<u16>) {
        let Self { entity, key, label, field_type, options, required, position } = self;
        (NewDefinition { entity, key, label, field_type, options, required }, position)
    }
}

/// What is to be changed of a definition; what is left out stays. Entity, key and type never change.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"label": "Tariff", "options": ["Basic", "Pro", "Team"], "position": 2}))]
pub struct CustomFieldPatchRequest {
    /// Its name for people.
    #[schema(nullable = false, min_length = 1, max_length = 200, example = "Tariff")]
    pub label: Option<String>,
    /// What may be chosen from. A value that is offered no more stays where it was chosen before, and can't be chosen anew.
    #[schema(nullable = false, max_items = 200, example = json!(["Basic", "Pro", "Team"]))]
    pub options: Option<Vec<String>>,
    /// Whether it must have a value.
    #[schema(nullable = false)]
    pub required: Option<bool>,
    /// Its new place: 1 is the first, beyond the end is the last. The others keep their order.
    #[schema(nullable = false, minimum = 1, maximum = 1000)]
    pub position: Option<u16>,
}

impl Request for CustomFieldPatchRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let label = form.changed("label", line(MAX_TEXT));
        let options = form.changed("options", options);
        let required = form.changed("required", boolean);
        let position = form.changed("position", position);
        form.read_only(&["id", "entity", "key", "type", "created_at", "updated_at", "version"]);
        Some(Self { label: label?, options: options?, required: required?, position: position? })
    }
}

impl From<CustomFieldPatchRequest> for DefinedFieldPatch {
    fn from(patch: CustomFieldPatchRequest) -> Self {
        let CustomFieldPatchRequest { label, options, required, position } = patch;
        Self { change: DefinitionChange { label, options, required }, position }
    }
}

/// Which definitions are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CustomFieldsQuery {
    /// Those for this alone.
    #[param(required = false, inline, value_type = Option<EntityName>)]
    pub entity: Option<Entity>,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl Request for CustomFieldsQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let entity = form.optional("entity", named(Entity::from_name, "contact, company, deal"));
        let limit = form.optional("limit", integer(1, 100));
        let cursor = form.optional("cursor", text(2000));
        let limit = limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Some(Self { entity: entity?, limit, cursor: cursor? })
    }
}

fn key(value: Value, at: &mut At<'_>) -> Option<String> {
    let key = text(200)(value, at)?;
    if is_key(&key) {
        return Some(key);
    }
    at.wrong(FieldCode::InvalidValue, "1 to 63 small letters a to z, digits and underscores, a letter first.")
}

fn options(value: Value, at: &mut At<'_>) -> Option<Vec<String>> {
    list(MAX_OPTIONS, |value, at: &mut At<'_>| line(MAX_TEXT)(value, at))(value, at)
}

fn position(value: Value, at: &mut At<'_>) -> Option<u16> {
    integer(1, MAX_POSITION)(value, at).and_then(|position| u16::try_from(position).ok())
}

/// One of the names that the rules know.
fn named<T>(
    read: fn(&str) -> Option<T>,
    names: &'static str,
) -> impl FnOnce(Value, &mut At<'_>) -> Option<T> {
    move |value, at| {
        let Some(name) = value.as_str() else {
            return at.wrong(FieldCode::InvalidType, format!("One of these texts is needed: {names}."));
        };
        read(name).or_else(|| at.wrong(FieldCode::InvalidValue, format!("One of: {names}.")))
    }
}
