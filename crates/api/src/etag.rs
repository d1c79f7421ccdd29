//! `ETag`, `If-None-Match` and `If-Match` (RFC 9110, 13.1).
//!
//! A tag is `"<version>-<digest>"`: the version counts edits and is what a conditional write is judged by; the digest
//! covers the whole answer as this caller sees it and is what a conditional read is judged by.

use crate::problem::{Code, Problem};
use actix_web::http::header::{self, HeaderMap};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The tag of an answer, with its quotation marks.
///
/// `view` must not have in it what changes by itself, such as the parameters of signed links.
///
/// # Errors
/// A problem of ours, if the view can't be written.
pub fn of<V: Serialize>(version: i64, view: &V) -> Result<String, Problem> {
    let bytes = serde_json::to_vec(view).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::internal()
    })?;
    let digest = Sha256::digest(&bytes);
    let short = digest.get(..12).unwrap_or_default();
    Ok(format!("\"{version}-{}\"", URL_SAFE_NO_PAD.encode(short)))
}

/// Whether `If-None-Match` names the tag: the answer is 304 then.
#[must_use]
pub fn none_match(headers: &HeaderMap, tag: &str) -> bool {
    tags(headers, header::IF_NONE_MATCH).any(|given| given == "*" || weak(given) == tag)
}

/// The version that a write demands by `If-Match`; `None` where any will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// There is no condition, or `*`.
    Any,
    /// One of the header's tags must have this version. (Several tags with different versions make no sense for a
    /// thing that has one present version; the first is taken.)
    Version(i64),
    /// The header names no version that a thing can have, so that it is stale whatever the version is.
    Impossible,
}

impl Expected {
    /// Reads `If-Match`; both `"5"` and `"5-digest"` name version 5.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::Any;
        for tag in tags(headers, header::IF_MATCH) {
            if tag == "*" {
                return Self::Any;
            }
            match version(weak(tag)) {
                Some(version) => return Self::Version(version),
                None => found = Self::Impossible,
            }
        }
        found
    }

    /// The version to demand of the store; no thing has version 0 or less, so that an impossible one is always stale.
    #[must_use]
    pub fn version(self) -> Option<i64> {
        match self {
            Self::Any => None,
            Self::Version(version) => Some(version),
            Self::Impossible => Some(i64::MIN),
        }
    }

    /// Whether a write to a thing of this version may go on.
    #[must_use]
    pub fn allows(self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Version(expected) => expected == version,
            Self::Impossible => false,
        }
    }
}

/// 412 with the thing as it is now.
#[must_use]
pub fn stale<V: Serialize>(current: &V) -> Problem {
    Problem::new(Code::StaleVersion)
        .detail("It was changed after you read it; nothing was saved.")
        .member("current", serde_json::to_value(current).unwrap_or_default())
}

fn tags(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
}

fn weak(tag: &str) -> &str {
    // A compressing proxy marks tags as weak; the comparison here is the weak one.
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn version(tag: &str) -> Option<i64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    inner.split_once('-').map_or(inner, |(version, _)| version).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(name: &header::HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn tells_version_and_content_apart() {
        let tag = of(5, &"a").unwrap();
        assert!(tag.starts_with("\"5-") && tag.ends_with('"'));
        assert_ne!(tag, of(5, &"b").unwrap());
        assert_ne!(tag, of(6, &"a").unwrap());
        assert_eq!(tag, of(5, &"a").unwrap());
    }

    #[test]
    fn if_none_match_compares_all_of_it() {
        for (values, expected) in [
            (&["\"5-x\""][..], true),
            (&["W/\"5-x\""], true),
            (&["\"1\", \"5-x\""], true),
            (&["\"1\"", "\"5-x\""], true),
            (&["*"], true),
            (&["\"5\""], false),
            (&["\"5-y\""], false),
            (&[], false),
        ] {
            assert_eq!(
                none_match(&headers(&header::IF_NONE_MATCH, values), "\"5-x\""),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn if_match_compares_the_version() {
        for (values, expected) in [
            (&[][..], Expected::Any),
            (&["*"], Expected::Any),
            (&["\"5\""], Expected::Version(5)),
            (&["\"5-abc-d\""], Expected::Version(5)),
            (&["W/\"5-abc\""], Expected::Version(5)),
            (&["5"], Expected::Impossible),
            (&["\"five\""], Expected::Impossible),
        ] {
            assert_eq!(Expected::of(&headers(&header::IF_MATCH, values)), expected, "{values:?}");
        }
        assert!(Expected::Any.allows(3) && Expected::Version(3).allows(3));
        assert!(!Expected::Version(2).allows(3) && !Expected::Impossible.allows(3));
    }
}
