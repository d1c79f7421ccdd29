//! The API over a real socket and a real PostgreSQL.

#[cfg(test)]
mod access;
#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod avatars;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod custom_fields;
#[cfg(test)]
mod customer_requests;
#[cfg(test)]
mod customers;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod files;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod input;
#[cfg(test)]
mod intake;
#[cfg(test)]
mod live;
#[cfg(test)]
mod mailboxes;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod model;
#[cfg(test)]
mod page;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod people;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod recipients;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod sidebar;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod story;
#[cfg(test)]
mod threads;
#[cfg(test)]
mod world;
