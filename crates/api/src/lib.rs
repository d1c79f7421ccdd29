//! The HTTP API: routes, sign-in, shapes of requests and answers, OpenAPI.
//!
//! A handler is short: it extracts, calls one use case of the store, and answers. What is the same for every
//! operation (errors, limits, request ids, preconditions, cursors) stands once, in a module of its own.

pub mod answer;
pub mod body;
pub mod caller;
pub mod checks;
pub mod cursor;
pub mod envelope;
pub mod etag;
pub mod form;
pub mod headers;
pub mod key_tokens;
pub mod keyring;
pub mod keys;
pub mod limits;
pub mod links;
pub mod openapi;
pub mod page;
pub mod password;
pub mod picture;
pub mod problem;
pub mod providers;
pub mod refusal;
pub mod routes;
pub mod server;
pub mod shapes;
pub mod sse;
pub mod tickets;
pub mod tokens;
pub mod upload;
pub mod workers;
