//! Positions in lists: opaque, URL-safe, and good only for the query and the caller that they were made for.

use crate::{
    keys::{CODE_LENGTH, Key},
    problem::{Code, Problem},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

/// What a cursor is bound to: a list's name, its caller, and the parameters that choose and order its rows.
#[derive(Debug, Clone)]
pub struct Scope(Vec<Vec<u8>>);

impl Scope {
    /// The scope of a list by its path template, for nobody yet.
    #[must_use]
    pub fn of(list: &str) -> Self {
        Self(vec![list.as_bytes().to_vec()])
    }

    /// Narrows it by a caller, a parent's id or a parameter. The order of calls counts.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        self.0.push(part.as_ref().to_vec());
        self
    }

    fn parts<'a>(&'a self, position: &'a [u8]) -> Vec<&'a [u8]> {
        self.0.iter().map(Vec::as_slice).chain([position]).collect()
    }
}

/// Makes a cursor of the last row's position (`A-Za-z0-9_-`).
///
/// # Errors
/// A problem of ours, if the position can't be written.
pub fn seal<P: Serialize>(key: &Key, scope: &Scope, position: &P) -> Result<String, Problem> {
    let position = serde_json::to_vec(position).map_err(|error| {
        tracing::error!(%error, "a cursor's position could not be written");
        Problem::internal()
    })?;
    let mut bytes = key.code(&scope.parts(&position)).to_vec();
    bytes.extend_from_slice(&position);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads a cursor that [`seal`] made with the same key and scope.
///
/// # Errors
/// 400 `invalid_cursor` for anything else, without saying in what it differs.
pub fn open<P: DeserializeOwned>(key: &Key, scope: &Scope, cursor: &str) -> Result<P, Problem> {
    let invalid = || {
        Problem::new(Code::InvalidCursor)
            .detail("Use next_cursor unchanged, as the same user and with the same other parameters.")
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
    let (code, position) = bytes.split_at_checked(CODE_LENGTH).ok_or_else(invalid)?;
    if !key.verify(&scope.parts(position), code) {
        return Err(invalid());
    }
    serde_json::from_slice(position).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Purpose;

    fn key() -> Key {
        Key::derive(&[1; 32], Purpose::Cursor)
    }

    #[test]
    fn comes_back_as_it_was() {
        let scope = Scope::of("/v1/conversations").with("user").with("open");
        let cursor = seal(&key(), &scope, &(1_700_000_000_123_456_i64, "id")).unwrap();
        assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
        let position: (i64, String) = open(&key(), &scope, &cursor).unwrap();
        assert_eq!(position, (1_700_000_000_123_456, "id".to_owned()));
    }

    #[test]
    fn is_refused_elsewhere_or_when_touched() {
        let scope = Scope::of("/v1/conversations").with("ann").with("open");
        let cursor = seal(&key(), &scope, &7_i64).unwrap();
        let refused = |scope: &Scope, cursor: &str| {
            open::<i64>(&key(), scope, cursor).unwrap_err().code() == Code::InvalidCursor
        };
        assert!(refused(&Scope::of("/v1/conversations").with("bob").with("open"), &cursor));
        assert!(refused(&Scope::of("/v1/conversations").with("ann").with("closed"), &cursor));
        assert!(refused(&Scope::of("/v1/conversations").with("annopen"), &cursor));
        for broken in ["", "x", "AAAA", "💥", &cursor[1..], &format!("{cursor}A"), &"A".repeat(5000)] {
            assert!(refused(&scope, broken), "{broken}");
        }
    }
}
