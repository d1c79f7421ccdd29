//! The keys by which this server recognises what it has given out: cursors and links.
//!
//! Both are derived from one secret of the installation, so that they outlive a restart and hold on every server.

use aws_lc_rs::{constant_time, hmac};
use std::fmt;

/// What a key is used for: a code made for one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Positions in lists.
    Cursor,
    /// Addresses of attachments and pictures that load without a header.
    Link,
    /// What an idempotency key was used for: bodies may hold passwords, which a bare hash would let be guessed.
    Fingerprint,
    /// Tickets for the live stream.
    Ticket,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Cursor => b"postroom cursor v1",
            Self::Link => b"postroom link v1",
            Self::Fingerprint => b"postroom fingerprint v1",
            Self::Ticket => b"postroom ticket v1",
        }
    }
}

/// A key for message authentication codes (HMAC-SHA-256), for one [`Purpose`].
#[derive(Clone)]
pub struct Key(hmac::Key);

/// Length in bytes of the codes that [`Key::code`] makes: 128 bits, plenty against guessing over a network.
pub const CODE_LENGTH: usize = 16;

impl Key {
    /// Derives the key for a purpose from the installation's secret.
    #[must_use]
    pub fn derive(secret: &[u8], purpose: Purpose) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&master, purpose.label());
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The code of a list of parts. Each part goes in with its length, so that no two lists look alike.
    #[must_use]
    pub fn code(&self, parts: &[&[u8]]) -> [u8; CODE_LENGTH] {
        self.tag(parts)
    }

    /// The whole of the code, where its length costs nothing.
    #[must_use]
    pub fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.tag(parts)
    }

    fn tag<const LENGTH: usize>(&self, parts: &[&[u8]]) -> [u8; LENGTH] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let whole = context.sign();
        let mut tag = [0; LENGTH];
        for (to, from) in tag.iter_mut().zip(whole.as_ref()) {
            *to = *from;
        }
        tag
    }

    /// Whether a code belongs to the parts; takes the same time wherever they differ.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.code(parts), code).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_for_its_key_purpose_and_parts_alone() {
        let key = Key::derive(&[7; 32], Purpose::Cursor);
        let code = key.code(&[b"ab", b"c"]);
        assert!(key.verify(&[b"ab", b"c"], &code));
        assert!(!key.verify(&[b"a", b"bc"], &code));
        assert!(!key.verify(&[b"abc"], &code));
        assert!(!key.verify(&[b"ab", b"c"], &code[..8]));
        assert!(!Key::derive(&[7; 32], Purpose::Link).verify(&[b"ab", b"c"], &code));
        assert!(!Key::derive(&[8; 32], Purpose::Cursor).verify(&[b"ab", b"c"], &code));
    }
}
