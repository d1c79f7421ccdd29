//! Mail as protocols and as workers: reading by IMAP, delivering by SMTP.
//!
//! [`net`] says where connections may go and secures them, [`imap`] reads mailboxes and files sent mail, [`smtp`] hands
//! messages to a mailbox's server with an answer for each recipient. [`ingest`] and [`deliver`] do so for all mailboxes
//! of the store, for as long as the process lives; [`archive`] takes in mail that an operator has in files; [`system`] sends Postroom's own mail.

mod account;
pub mod archive;
mod backoff;
mod check;
pub mod deliver;
mod error;
pub mod imap;
pub mod ingest;
mod lease;
mod login;
pub mod net;
pub mod oauth;
mod sasl;
pub mod smtp;
pub mod system;

pub use check::{Checked, Checker};
pub use error::{CertificateFault, ServerError};
pub use lease::LeaseTimes;
pub use login::{Login, Secret};
