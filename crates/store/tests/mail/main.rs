//! Mail becomes messages, threads and conversations in a real PostgreSQL, and leaves through the outbox: each promise
//! with a test that tries to break it.

mod conversing;
mod delivering;
mod once;
mod world;
