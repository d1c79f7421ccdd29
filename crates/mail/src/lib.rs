//! Mail as protocols: reading by IMAP, delivering by SMTP.
//!
//! [`net`] says where connections may go and secures them, [`imap`] reads mailboxes and files sent mail, [`smtp`] hands
//! messages to a mailbox's server with an answer for each recipient.

mod error;
pub mod imap;
mod login;
pub mod net;
pub mod smtp;

pub use error::{CertificateFault, ServerError};
pub use login::{Login, Secret};
