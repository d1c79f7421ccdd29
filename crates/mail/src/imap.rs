//! Reading mail by IMAP (RFC 3501), blocking: one session is one thread's.
//!
//! Postroom only looks: folders are opened with `EXAMINE`, messages read with `BODY.PEEK[]`, so that nobody's mail is
//! marked, moved or deleted. The one thing it ever writes is the Sent folder's copy of what it sent itself (SND-4).
//!
//! The `imap` crate speaks the protocol; this module gives it a transport with TLS, limits and deadlines
//! ([`Session`] tells how it opens), and reads the answers that carry weight with `imap-proto` itself.

mod connect;
mod fetch;
mod folder;
mod idle;
mod names;
mod scanner;
mod sent;
mod transport;

pub use connect::Session;
pub use fetch::{Content, Fetched, HEADER_BYTES, LISTED_AT_ONCE, Listed, batches};
pub use folder::{Folders, Opened};
pub use idle::Waited;
pub use names::FolderName;
pub use transport::Interrupter;
