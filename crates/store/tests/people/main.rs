//! The store's people and settings against a real PostgreSQL: what the schema promises, and the use cases that tests of
//! the API don't reach (races, leases, walls).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "what is unexpected here fails the test, and says where"
)]

#[cfg(test)]
mod blobs;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod contacts;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod mailboxes;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod walls;
#[cfg(test)]
mod workspaces;
#[cfg(test)]
mod world;
