//! What operations have in common, added to the document in one place: security, and every problem that an operation
//! can answer with.
//!
//! Most problems follow from what an operation is: one that needs sign-in can answer 401, one with a body 413. What is
//! its own stands at the operation, in the extension `x-problems`.

use super::operations;
use crate::{
    problem::{Code, FieldCode, FieldError, MEDIA_TYPE, ProblemMembers, ProblemView},
    shapes::following::{StreamEndName, StreamEndView},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{
    Modify, PartialSchema as _, ToSchema as _,
    openapi::{
        Components, Content, Header, HeaderBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
        example::ExampleBuilder,
        path::{HttpMethod, Operation, Parameter, ParameterIn},
        schema::{AdditionalProperties, ObjectBuilder, Schema, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

/// The extension that lists an operation's own problem codes; it stays in the document, for readers.
const PROBLEMS: &str = "x-problems";
/// The sections whose every operation needs the paid feature (ACC-1).
const PAID: &[&str] = &["Conversations", "Messages", "Live", "Mailboxes"];
const BEARER: &str = "access_token";
const API_KEY: &str = "api_key";
const TICKET: &str = "ticket";

/// Adds what operations share.
pub(super) struct SharedParts;

impl Modify for SharedParts {
    fn modify(&self, document: &mut OpenApi) {
        let mut components = document.components.take().unwrap_or_default();
        add_schemas(&mut components);
        let requests = request_schemas(document, &components);
        for (name, schema) in &mut components.schemas {
            if requests.contains(name) {
                refuse_unknown_fields(schema);
            } else if name != "Problem" {
                require_all_fields(schema);
            }
        }
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                secure(operation);
                conditional_read(operation);
                answer_headers(operation);
                if method == HttpMethod::Get && path.starts_with("/v1/") {
                    event_header(operation);
                }
                let by_status = problems(path, &method, operation);
                for (status, codes) in by_status {
                    let name: String =
                        codes.iter().map(|code| component_name(*code)).collect::<Vec<_>>().join("Or");
                    components.responses.entry(name.clone()).or_insert_with(|| response(&codes).into());
                    operation
                        .responses
                        .responses
                        .insert(status.to_string(), RefOr::Ref(Ref::from_response_name(name)));
                }
            }
        }
        document.components = Some(components);
    }
}

fn add_schemas(components: &mut Components) {
    let mut problem = ProblemView::schema();
    if let (RefOr::T(Schema::Object(problem)), RefOr::T(Schema::Object(members))) =
        (&mut problem, ProblemMembers::schema())
    {
        problem.properties.extend(members.properties);
    }
    components.schemas.insert("Problem".to_owned(), problem);
    for (name, schema) in [
        (FieldError::name(), FieldError::schema()),
        (FieldCode::name(), FieldCode::schema()),
        (Code::name(), Code::schema()),
        // What the live stream has besides events; no operation answers with them alone.
        (StreamEndView::name(), StreamEndView::schema()),
        (StreamEndName::name(), StreamEndName::schema()),
    ] {
        components.schemas.insert(name.into_owned(), schema);
    }
    components.add_security_scheme(
        BEARER,
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .description(Some("The `access_token` of `POST /v1/auth/login` or `/v1/auth/refresh`."))
                .build(),
        ),
    );
    components.add_security_scheme(
        API_KEY,
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("pr_…")
                .description(Some(
                    "The `token` of `POST /v1/api-keys`, for programs. It acts as its user, within its scope: `read` for \
                     what reads, `write` for all but managing, `admin` for everything that its user may.",
                ))
                .build(),
        ),
    );
    let ticket = ApiKeyValue::with_description("ticket", "The `ticket` of `POST /v1/events/ticket`.");
    components.add_security_scheme(TICKET, SecurityScheme::ApiKey(ApiKey::Query(ticket)));
}

/// The names of the schemas that requests are made of.
fn request_schemas(document: &mut OpenApi, components: &Components) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // What is written as JSON here is plain data, which can't fail.
    let mut open: Vec<Value> = Vec::new();
    for item in document.paths.paths.values_mut() {
        let bodies = operations(item).filter_map(|(_, operation)| operation.request_body.as_ref());
        open.extend(bodies.filter_map(|body| serde_json::to_value(body).ok()));
    }
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                let to = fields.get("$ref").and_then(Value::as_str);
                if let Some(name) = to.and_then(|to| to.strip_prefix("#/components/schemas/"))
                    && names.insert(name.to_owned())
                {
                    open.extend(components.schemas.get(name).and_then(|one| serde_json::to_value(one).ok()));
                }
                open.extend(fields.into_iter().map(|(_, value)| value));
            }
            Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
    names
}

/// A request may have no other fields than those that are documented.
fn refuse_unknown_fields(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema
        && !object.properties.is_empty()
    {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
}

/// An answer has all its fields, absent ones as `null`.
fn require_all_fields(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(require_all_fields),
        _ => {}
    }
}

/// Everything needs sign-in or an API key but what says otherwise itself.
fn secure(operation: &mut Operation) {
    if operation.security.is_none() {
        let either = [BEARER, API_KEY].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
        operation.security = Some(either.to_vec());
    }
}

fn takes_keys(operation: &Operation) -> bool {
    let key = SecurityRequirement::new(API_KEY, Vec::<String>::new());
    operation.security.as_ref().is_some_and(|all| all.contains(&key))
}

fn needs_sign_in(operation: &Operation) -> bool {
    operation.security.as_ref().is_some_and(|all| !all.contains(&SecurityRequirement::default()))
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

fn takes(operation: &Operation, place: &ParameterIn, name: &str) -> bool {
    parameters(operation).any(|parameter| parameter.parameter_in == *place && parameter.name == name)
}

/// A resource that can be read under a condition answers with its tag, or with 304.
fn conditional_read(operation: &mut Operation) {
    let conditional = takes(operation, &ParameterIn::Header, "If-None-Match");
    let written = takes(operation, &ParameterIn::Header, "If-Match");
    if !conditional && !written {
        return;
    }
    if conditional {
        let unchanged =
            ResponseBuilder::new().description("As in the answer that the client has; no body.").build();
        operation.responses.responses.insert("304".to_owned(), unchanged.into());
    }
    for (status, response) in &mut operation.responses.responses {
        // What answers without the thing has no tag of it.
        if let RefOr::T(response) = response
            && (!response.content.is_empty() || status == "304")
        {
            response.headers.insert("ETag".to_owned(), tag_header().into());
        }
    }
}

fn tag_header() -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .description(Some("`\"<version>-<digest>\"`, for `If-Match` and `If-None-Match`."))
        .build()
}

/// Where a made thing is, whether it was made before, and where the next page is.
fn answer_headers(operation: &mut Operation) {
    let keyed = takes(operation, &ParameterIn::Header, "Idempotency-Key");
    let paged = takes(operation, &ParameterIn::Query, "cursor");
    let text = |description: &str| {
        HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
            .description(Some(description))
            .build()
    };
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        if status == "201" {
            response.headers.insert("Location".to_owned(), text("The address of the new thing.").into());
        }
        if (status == "201" || status == "200") && keyed {
            let header = text("`true` where the same request was answered before: nothing happened now.");
            response.headers.insert("Idempotent-Replayed".to_owned(), header.into());
            response.headers.insert("ETag".to_owned(), tag_header().into());
        }
        if status == "200" && paged {
            response.headers.insert("Link".to_owned(), text("The next page, `rel=\"next\"`.").into());
        }
    }
}

/// A reading answer says up to which event it is current.
fn event_header(operation: &mut Operation) {
    let header = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).build()))
        .description(Some(
            "The last event that this answer includes: `GET /v1/events?after=` it misses nothing.",
        ))
        .build();
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && (status == "200" || status == "304")
        {
            response.headers.insert("Postroom-Event".to_owned(), header.clone().into());
        }
    }
}

/// Every problem of an operation, by status.
fn problems(path: &str, method: &HttpMethod, operation: &Operation) -> BTreeMap<u16, Vec<Code>> {
    let mut codes = Vec::new();
    if needs_sign_in(operation) {
        codes.push(Code::NotAuthenticated);
        if path.contains('{') {
            codes.push(Code::NotFound);
        }
        // What is for some roles alone is managing, and takes a key's whole scope, reading as well.
        let managing = own_problems(operation).contains(&Code::RoleNotAllowed);
        if (*method != HttpMethod::Get || managing) && takes_keys(operation) {
            codes.push(Code::ScopeNotAllowed);
        }
    }
    if operation.tags.iter().flatten().any(|tag| PAID.contains(&tag.as_str())) {
        codes.push(Code::FeatureNotEnabled);
    }
    codes.extend(own_problems(operation));
    // An operation without a body accepts none or `{}`, and refuses others as the rest do.
    if operation.request_body.is_some() || *method != HttpMethod::Get {
        codes.extend([
            Code::MalformedJson,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ]);
    }
    if parameters(operation).any(|parameter| parameter.parameter_in == ParameterIn::Query) {
        codes.push(Code::ValidationFailed);
    }
    if takes(operation, &ParameterIn::Query, "cursor") {
        codes.push(Code::InvalidCursor);
    }
    if takes(operation, &ParameterIn::Header, "Idempotency-Key") {
        codes.extend([Code::MalformedRequest, Code::IdempotencyInProgress, Code::IdempotencyKeyReused]);
    }
    if takes(operation, &ParameterIn::Header, "If-Match") && *method != HttpMethod::Get {
        codes.push(Code::StaleVersion);
    }
    if path.starts_with("/v1/") {
        codes.extend([Code::RateLimited, Code::Internal, Code::Unavailable]);
    }
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        by_status.entry(code.status().as_u16()).or_default().push(*code);
    }
    by_status
}

fn own_problems(operation: &Operation) -> Vec<Code> {
    let named = operation.extensions.as_ref().and_then(|extensions| extensions.get(PROBLEMS));
    let names = named.and_then(|names| names.as_array()).into_iter().flatten();
    names
        .filter_map(|name| Code::ALL.iter().copied().find(|code| Some(code.as_str()) == name.as_str()))
        .collect()
}

/// `not_found` → `NotFound`.
fn component_name(code: Code) -> String {
    format!("{code:?}")
}

fn response(codes: &[Code]) -> utoipa::openapi::Response {
    let description = codes
        .iter()
        .map(|code| format!("`{}`: {}", code.as_str(), code.title()))
        .collect::<Vec<_>>()
        .join("; ");
    let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
    content.examples = codes.iter().map(|code| (code.as_str().to_owned(), example(*code).into())).collect();
    let mut builder = ResponseBuilder::new().description(description).content(MEDIA_TYPE, content);
    let later = [Code::RateLimited, Code::Unavailable, Code::IdempotencyInProgress];
    if codes.iter().any(|code| later.contains(code)) {
        let seconds = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).build()))
            .description(Some("Seconds after which to try again."))
            .build();
        builder = builder.header("Retry-After", seconds);
    }
    builder.build()
}

fn example(code: Code) -> utoipa::openapi::example::Example {
    let mut value = json!({
        "type": format!("/docs/errors/{}", code.as_str()),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": code.title(),
        "code": code.as_str(),
        "request_id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
    });
    if let (Code::ValidationFailed, Some(members)) = (code, value.as_object_mut()) {
        let error = json!({
            "pointer": "/to/0/address", "code": "invalid_email",
            "detail": "This is not an e-mail address of the form name@domain.",
        });
        members.insert("errors".to_owned(), json!([error]));
    }
    ExampleBuilder::new().summary(code.title()).value(Some(value)).build()
}

/// Used by the tests: the names in `x-problems` that are no codes.
#[cfg(test)]
pub(super) fn unknown_problem_names(operation: &Operation) -> Vec<String> {
    let named = operation.extensions.as_ref().and_then(|extensions| extensions.get(PROBLEMS)).cloned();
    let names: Vec<String> = named.map(|names| serde_json::from_value(names).unwrap()).unwrap_or_default();
    names.into_iter().filter(|name| !Code::ALL.iter().any(|code| code.as_str() == name)).collect()
}
