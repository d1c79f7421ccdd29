//! The shapes of requests and answers: the contract, as types. Nothing of the domain or the store is answered as it is.

pub mod attachment;
pub mod auth;
pub mod contact;
pub mod conversation;
pub mod event;
pub mod invitation;
pub mod list;
pub mod mailbox;
pub mod mailbox_settings;
pub mod message;
pub mod names;
pub mod password;
pub mod people;
pub mod preview;
pub mod reply;
pub mod sending;
pub mod thread;
pub mod time;
pub mod user;
pub mod workspace;

#[cfg(test)]
mod tests;
