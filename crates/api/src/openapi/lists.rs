//! Pages of lists, as a client's types want them: a schema of their own with the element's name (`CardList`), whose
//! elements refer to the element's schema instead of repeating it.

use super::operations;
use utoipa::openapi::{
    OpenApi, Ref, RefOr,
    schema::{ArrayBuilder, Schema},
};

/// How a generic page's schema is called by its derive.
const GENERIC: &str = "ListView_";
const SCHEMAS: &str = "#/components/schemas/";

/// Names the pages, and lets them refer to their elements.
pub(super) fn name(document: &mut OpenApi) {
    if let Some(components) = &mut document.components {
        let generic: Vec<String> =
            components.schemas.keys().filter(|name| name.starts_with(GENERIC)).cloned().collect();
        for name in generic {
            let (Some(element), Some(mut schema)) =
                (name.strip_prefix(GENERIC), components.schemas.remove(&name))
            else {
                continue;
            };
            if let RefOr::T(Schema::Object(page)) = &mut schema {
                let elements = ArrayBuilder::new().items(Ref::from_schema_name(element));
                page.properties.insert(
                    "data".to_owned(),
                    RefOr::T(Schema::Array(elements.description(Some("The elements.")).build())),
                );
            }
            components.schemas.insert(format!("{element}List"), schema);
        }
    }
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            for response in operation.responses.responses.values_mut() {
                let RefOr::T(response) = response else { continue };
                for content in response.content.values_mut() {
                    let RefOr::T(content) = content else { continue };
                    let Some(RefOr::Ref(reference)) = &mut content.schema else { continue };
                    if let Some(element) = reference
                        .ref_location
                        .strip_prefix(SCHEMAS)
                        .and_then(|name| name.strip_prefix(GENERIC))
                    {
                        *reference = Ref::from_schema_name(format!("{element}List"));
                    }
                }
            }
        }
    }
}
