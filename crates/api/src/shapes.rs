//! The shapes of requests and answers: the contract, as types. Nothing of the domain or the store is answered as it is.

pub mod api_key;
pub mod attachment;
pub mod audit;
pub mod auth;
pub mod company;
pub mod contact;
pub mod contact_request;
pub mod conversation;
pub mod custom_field;
pub mod deal;
pub mod defined_field;
mod documented;
pub mod event;
pub mod following;
pub mod intake;
pub mod invitation;
pub mod list;
pub mod lookup;
pub mod mailbox;
pub mod mailbox_folders;
pub mod mailbox_settings;
pub mod mailbox_test;
pub mod message;
pub mod names;
pub mod password;
pub mod people;
pub mod picture;
pub mod postal_address;
pub mod presence;
pub mod preview;
pub mod provider;
pub mod recipient;
pub mod reply;
pub mod sending;
pub mod thread;
pub mod time;
pub mod user;
pub mod workspace;

#[cfg(test)]
mod tests;
