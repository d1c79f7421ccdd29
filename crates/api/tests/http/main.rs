//! The API over a real socket and a real PostgreSQL.

mod access;
mod conversations;
mod sign_in;
mod world;
