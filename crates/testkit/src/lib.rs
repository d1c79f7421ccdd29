//! The surroundings of Postroom's tests and of its demo: a private PostgreSQL cluster, private mail servers, TCP
//! proxies that break things on purpose, the built `postroom` as a process, and callers of its API.
//!
//! Everything here is real: programs of the machine's packages on ports of 127.0.0.1, in directories of their own.
//! Nothing outlives the process that started it. The surface is blocking; it may be called from async tests too.

pub mod client;
pub mod contract;
pub mod error;
pub mod large;
pub mod letter;
pub mod mail;
pub mod oauth;
pub mod postgres;
pub mod postman;
pub mod process;
pub mod proxy;
pub mod recording;
mod runtime;
pub mod sample;
pub mod server;
pub mod smtp;
pub mod stream;
pub mod walkthrough;

use std::path::{Path, PathBuf};

pub use error::{Error, Result};
pub use runtime::wait_for_interrupt;

/// The top of the checkout that this crate was built from.
pub fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
