//! The OpenAPI 3.1 document, collected from the routes themselves.

mod examples;
mod lists;
mod shared;

use crate::routes;
use actix_web::{App, dev::ResourceDef};
use utoipa::{
    Modify as _,
    openapi::{Info, License, OpenApi, OpenApiBuilder, PathItem, path::HttpMethod},
};
use utoipa_actix_web::AppExt as _;

/// The sections, in the order of the page.
const TAGS: &[(&str, &str)] = &[
    ("Sign-in", "Sessions: a short-lived access token, and a refresh token that changes at each use."),
    ("Me", "The signed-in user."),
    ("Workspace", "The workspace and its paid features."),
    ("Conversations", "The stream of conversations, and each one's header."),
    ("Messages", "The mails of a conversation, replies, new mails."),
    ("Live", "What happens, as it happens, and who is where."),
    ("Attachments", "Files that came with a mail."),
    ("Contacts", "The sidebar: who the customer is, with addresses, company and deals."),
    ("Companies", "The companies that contacts belong to."),
    ("Deals", "What is being sold to whom."),
    ("Users", "The people of the workspace."),
    ("Custom fields", "What a workspace keeps of contacts, companies and deals beyond the standard fields."),
    ("API keys", "What programs come with instead of signing in."),
    ("Mailboxes", "The e-mail accounts that are read and sent through."),
    ("Audit", "Who did what, and when."),
    ("Service", "Health, keys, this document."),
];

const DESCRIPTION: &str = "\
The backend of a team's Conversations page: all customer e-mail of a team in one place.

JSON in `snake_case`; ids are UUIDs; times are RFC 3339 in UTC with milliseconds, named `…_at`. Absent is `null`. \
Unknown request fields are refused. Lists are paged by cursors. Every error is `application/problem+json` with a stable \
`code`; see [/docs/errors](/docs/errors). Every operation that makes something takes an `Idempotency-Key`.

What is no HTTP request at all (a malformed request line or header, a head of more than 128 KiB or 96 headers, one that \
takes longer than 15 seconds) never reaches the API: it is answered 400, 431 or 408 without a body, and a broken chunk by \
the connection's end.";

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let empty = OpenApiBuilder::new()
        .info(
            Info::builder()
                .title("Postroom")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(DESCRIPTION))
                .license(Some(License::new("MIT OR Apache-2.0")))
                .build(),
        )
        .build();
    let (_, mut document) =
        App::new().into_utoipa_app().openapi(empty).configure(routes::register).split_for_parts();
    document.tags = Some(
        TAGS.iter()
            .map(|(name, description)| {
                utoipa::openapi::tag::TagBuilder::new().name(*name).description(Some(*description)).build()
            })
            .collect(),
    );
    shared::SharedParts.modify(&mut document);
    lists::name(&mut document);
    examples::add(&mut document);
    document
}

/// The document as it is committed and served: indented, the same bytes each time.
#[must_use]
pub fn to_text(document: &OpenApi) -> String {
    // Nothing in the document can fail to be written as JSON; an empty text would fail every check at once.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The whole document as text: what `openapi/postroom.json` must be.
#[must_use]
pub fn openapi() -> String {
    to_text(&document())
}

/// The methods of an item, with their operations.
pub(crate) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (HttpMethod, &mut utoipa::openapi::path::Operation)> {
    [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Put, item.put.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Delete, item.delete.as_mut()),
        (HttpMethod::Patch, item.patch.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

/// Which methods there are at which path: what 405 and `Allow` are made from.
pub struct RouteTable(Vec<(ResourceDef, Vec<&'static str>)>);

impl RouteTable {
    /// The table of a document.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let routes = document.paths.paths.iter().map(|(path, item)| {
            let present = [
                (item.get.is_some(), "GET"),
                (item.get.is_some(), "HEAD"),
                (item.put.is_some(), "PUT"),
                (item.post.is_some(), "POST"),
                (item.patch.is_some(), "PATCH"),
                (item.delete.is_some(), "DELETE"),
            ];
            let methods = present.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
            (ResourceDef::new(path.as_str()), methods)
        });
        Self(routes.collect())
    }

    /// The methods at an address; none where nothing is. An address of its own (`…/counts`) hides the pattern that fits
    /// it as well (`…/{id}`).
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<&'static str> {
        let own = self.0.iter().find(|(pattern, _)| pattern.pattern() == Some(path));
        let fitting = own.or_else(|| self.0.iter().find(|(pattern, _)| pattern.is_match(path)));
        fitting.map(|(_, methods)| methods.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
