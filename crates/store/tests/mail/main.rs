//! Mail becomes messages, threads and conversations in a real PostgreSQL, and leaves through the outbox: each promise
//! with a test that tries to break it.

#[cfg(test)]
mod audience;
#[cfg(test)]
mod conversing;
#[cfg(test)]
mod delivering;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod live;
#[cfg(test)]
mod loops;
#[cfg(test)]
mod once;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod taking_back;
#[cfg(test)]
mod threading;
#[cfg(test)]
mod world;
