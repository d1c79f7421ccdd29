//! Requests that are read into what the store takes, and documented by a type of their own.

use utoipa::openapi::{RefOr, Schema};

/// The schema of a request by that of its fields: which of them are needed, and which it doesn't take.
pub(super) fn by_fields(fields: RefOr<Schema>, needed: &[&str], not: &[&str], text: &str) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = fields else {
        return fields;
    };
    object.required = needed.iter().map(|name| (*name).to_owned()).collect();
    for name in not {
        object.properties.remove(*name);
    }
    object.description = Some(text.to_owned());
    RefOr::T(Schema::Object(object))
}

/// Documents a request by the fields of another type.
macro_rules! documented {
    ($($(#[doc = $text:literal])+ $request:ident by $fields:ident, needs $needed:tt, not $not:tt;)+) => {$(
        impl utoipa::PartialSchema for $request {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::shapes::documented::by_fields(
                    <$fields as utoipa::PartialSchema>::schema(), &$needed, &$not, concat!($($text),+).trim())
            }
        }

        impl utoipa::ToSchema for $request {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($request).into()
            }

            fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                <$fields as utoipa::ToSchema>::schemas(schemas);
            }
        }
    )+};
}
pub(super) use documented;
