//! Integration tests over the real binary, PostgreSQL, Dovecot and SMTP. One program, so that all of them share
//! one database cluster and one pair of mail servers.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod archive;
#[cfg(test)]
mod client;
#[cfg(test)]
mod compatibility;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod integrating;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod large;
#[cfg(test)]
mod live;
#[cfg(test)]
mod mailboxes;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod operating;
#[cfg(test)]
mod page;
#[cfg(test)]
mod people;
#[cfg(test)]
mod postman;
#[cfg(test)]
mod returns;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod schemathesis;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod world;
