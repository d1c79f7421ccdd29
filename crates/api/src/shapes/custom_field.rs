//! Custom fields, as the things that have them show them (SDB-6).

use crate::form::{self, Form};
use postroom_store::CustomField;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What a custom field's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CustomFieldType)]
pub enum FieldTypeName {
    /// One line.
    Text,
    /// Several lines.
    LongText,
    /// A number.
    Number,
    /// A date, `YYYY-MM-DD`.
    Date,
    /// True or false.
    Boolean,
    /// One of the options.
    Select,
    /// Some of the options.
    MultiSelect,
    /// A web address.
    Url,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
}

/// The definition of a custom field.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = FieldDefinition)]
pub struct FieldDefinitionView {
    /// Its name in `custom_fields`.
    #[schema(example = "plan")]
    pub key: String,
    /// Its name for people.
    #[schema(example = "Plan")]
    pub label: String,
    /// What its values are.
    #[serde(rename = "type")]
    #[schema(value_type = FieldTypeName)]
    pub field_type: &'static str,
    /// What may be chosen from, for `select` and `multi_select`.
    #[schema(example = json!(["Basic", "Pro"]))]
    pub options: Vec<String>,
    /// Whether it must have a value.
    pub required: bool,
}

/// Values by key, and the definitions beside them.
pub(super) fn fields(fields: Vec<CustomField>) -> (Map<String, Value>, Vec<FieldDefinitionView>) {
    let values = fields.iter().map(|field| (field.definition.key.clone(), field.value.clone())).collect();
    let definitions = fields
        .into_iter()
        .map(|field| FieldDefinitionView {
            key: field.definition.key,
            label: field.definition.label,
            field_type: field.definition.field_type.as_str(),
            options: field.definition.options,
            required: field.definition.required,
        })
        .collect();
    (values, definitions)
}

/// The field `custom_fields` of a patch: each key is judged by its definition, by who knows them.
pub(super) fn custom_fields(form: &mut Form<'_>) -> Option<Map<String, Value>> {
    Some(form.changed("custom_fields", form::fields)?.unwrap_or_default())
}
