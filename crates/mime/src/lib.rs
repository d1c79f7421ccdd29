//! Mail as bytes: reading it, making its HTML harmless, and composing it. Pure functions: no clock, no network, no
//! disk, no chance.
//!
//! - [`parse()`] reads any bytes into a [`ParsedMail`] and never fails.
//! - [`understand()`] reads one in its circumstances, as the store takes it in.
//! - [`sanitise`], [`rewrite_cids`] and [`release_remote_pictures`] are for showing HTML, [`html_to_text`],
//!   [`text_to_html`] and [`preview()`] go between HTML and text.
//! - [`compose()`] renders an [`Outgoing`] mail.

mod address;
mod arrival;
mod attachments;
mod authentication;
mod automatic;
mod body;
mod bounce;
mod charset;
mod compose;
mod date;
mod digest;
mod encoded_word;
mod file;
mod flowed;
mod header;
mod html;
mod incoming;
mod message_id;
mod parameter;
mod parse;
mod part;
mod preview;
mod segments;
mod subject;
mod tnef;
mod transfer;

pub use address::ParsedAddress;
pub use arrival::{arrival, date_in};
pub use attachments::Attachment;
pub use authentication::AuthenticationResult;
pub use bounce::{Bounce, BounceRecipient};
pub use compose::{ComposeError, Outgoing, OutgoingAttachment, compose};
pub use file::{file_name, media_type};
pub use html::{html_to_text, release_remote_pictures, rewrite_cids, sanitise, text_to_html};
pub use incoming::{Circumstances, Understood, understand};
pub use parse::{ParsedMail, parse};
pub use preview::preview;
pub use segments::{Segment, SegmentKind};
