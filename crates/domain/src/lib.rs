//! The rules of the Conversations page as plain data and pure functions.
//!
//! Nothing here reads a clock, makes an id, draws a random number, or talks to anything: time and ids come in as
//! arguments, decisions come out as values. The store, the mail workers, the HTTP API and the tests all ask these
//! same functions.

pub mod access;
pub mod address;
pub mod burst;
pub mod calendar;
pub mod contact;
pub mod conversation;
pub mod custom_field;
pub mod delivery;
pub mod delivery_words;
pub mod fault;
pub mod field_text;
pub mod ids;
pub mod incoming;
pub mod message;
pub mod money;
pub mod patch;
pub mod refusal;
pub mod reply;
pub mod subject;
pub mod threading;
pub mod user;
pub mod warnings;
