//! The store's people and settings against a real PostgreSQL: what the schema promises, and the use cases that tests of
//! the API don't reach (races, leases, walls).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "what is unexpected here fails the test, and says where"
)]

mod blobs;
mod catalogue;
mod contacts;
mod explained;
mod grants;
mod idempotency;
mod list_plans;
mod mailboxes;
mod plans;
mod schema;
mod sessions;
mod transactions;
mod uploads;
mod walls;
mod workspaces;
mod world;
