//! What the command line's commands do, one module each.

pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod openapi;
pub(crate) mod people;
