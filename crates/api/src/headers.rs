//! Request headers that several operations take, read and documented once.

use crate::problem::{Code, Problem};
use actix_web::HttpRequest;
use utoipa::IntoParams;

/// The header by which a repeated request is recognised.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header by which a reader of the live stream says where it was.
const LAST_EVENT_ID: &str = "last-event-id";

/// How a repeated request is recognised.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its documentation is used; `idempotency_key` reads the header")]
pub struct IdempotencyHeader {
    /// 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
    /// hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        required = false,
        example = "5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11"
    )]
    key: String,
}

/// The condition of a write.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its documentation is used; `etag::Expected` reads the header")]
pub struct IfMatchHeader {
    /// The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
    /// is saved and 412 `stale_version` gives the present state under `current`.
    #[param(rename = "If-Match", required = false)]
    tag: String,
}

/// The condition of a read.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its documentation is used; `etag::none_match` reads the header")]
pub struct IfNoneMatchHeader {
    /// The `ETag` of the answer that the client has: 304 without a body if it would be the same.
    #[param(rename = "If-None-Match", required = false, example = "\"5-1bq0xk3n5yCwq0aP\"")]
    tag: String,
}

/// Where a reader of the live stream was.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its documentation is used; `last_event_id` reads the header")]
pub struct LastEventIdHeader {
    /// The `id` of the last message that was read: the stream goes on behind it. EventSource sends it by itself.
    #[param(rename = "Last-Event-ID", required = false, minimum = 0, example = 1234)]
    position: i64,
}

/// The request's `Last-Event-ID`, if it has one. An empty one is none: that is what EventSource knows at first.
///
/// # Errors
/// 400 `malformed_request` for one that is no number of ours.
pub fn last_event_id(request: &HttpRequest) -> Result<Option<i64>, Problem> {
    let Some(value) = request.headers().get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|number| *number >= 0);
    number.map(Some).ok_or_else(|| {
        Problem::new(Code::MalformedRequest).detail("Last-Event-ID is the number of an event.")
    })
}

/// The request's `Idempotency-Key`, if it has one.
///
/// # Errors
/// 400 `malformed_request` for one that is empty, too long, not printable, or there twice.
pub fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| {
        (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    });
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(Code::MalformedRequest)
            .detail("Idempotency-Key is one value of 1 to 255 printable ASCII characters.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn key_of(values: &[&str]) -> Result<Option<String>, Code> {
        let request = values
            .iter()
            .fold(TestRequest::default(), |request, value| request.append_header((IDEMPOTENCY_KEY, *value)));
        idempotency_key(&request.to_http_request()).map_err(|problem| problem.code())
    }

    #[test]
    fn a_key_is_1_to_255_printable_characters() {
        assert_eq!(key_of(&[]), Ok(None));
        assert_eq!(key_of(&["a b"]), Ok(Some("a b".to_owned())));
        let longest = "k".repeat(255);
        assert_eq!(key_of(&[&longest]), Ok(Some(longest.clone())));
        for values in [&[""][..], &["ä"], &["a\tb"], &["a", "b"], &[&format!("{longest}k")]] {
            assert_eq!(key_of(values), Err(Code::MalformedRequest), "{values:?}");
        }
    }
}
