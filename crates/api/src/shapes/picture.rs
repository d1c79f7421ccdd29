//! Pictures of people in answers.
//!
//! A view says which picture it is, not where: its address is made when the answer is written ([`Links::sign`]), so that a
//! tag is that of the view without it, and nothing that is kept has one.
//!
//! [`Links::sign`]: crate::links::Links::sign

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a picture is written as until its address takes its place. No text of anybody's can look so: what they write stands
/// in JSON strings, where quotation marks are escaped.
pub const BEFORE: &str = r#"{"$picture":""#;
/// What follows its name.
pub const BEHIND: &str = r#""}"#;

/// A picture by its name, the SHA-256 of its bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    #[serde(rename = "$picture")]
    sha256: String,
}

impl Picture {
    /// Somebody's, where they have one.
    #[must_use]
    pub fn of(avatar: Option<Vec<u8>>) -> Option<Self> {
        use std::fmt::Write as _;
        let mut sha256 = String::new();
        for byte in avatar? {
            // Writing to a String can't fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        Some(Self { sha256 })
    }
}

/// A picture to upload.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its documentation is used; the body is read piece by piece")]
pub struct PictureRequest {
    /// The picture, at most 5 MiB and 32 million pixels: PNG, JPEG, GIF or WebP.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}
