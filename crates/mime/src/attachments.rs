//! Files that come with a mail.

use crate::{charset, part::Part, transfer};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A file that came with a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The sender's name for it, made safe to save: no path, no control characters.
    pub filename: Option<String>,
    /// As declared, in lower case: a claim of the sender, never to be trusted.
    pub content_type: String,
    /// Bytes of the decoded content.
    pub size: usize,
    /// SHA-256 of the decoded content, in lower-case hexadecimal digits.
    pub sha256: String,
    /// The Content-ID without angle brackets, by which HTML names it (`cid:…`).
    pub content_id: Option<String>,
    /// Whether the HTML shows it in place.
    pub inline: bool,
    /// The decoded content.
    #[serde(skip)]
    pub contents: Vec<u8>,
}

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Attachment {
    pub(crate) fn new(filename: Option<&str>, content_type: &str, contents: Vec<u8>) -> Self {
        Self {
            filename: filename.and_then(safe_filename),
            content_type: content_type.to_owned(),
            size: contents.len(),
            sha256: Hex(&Sha256::digest(&contents)).to_string(),
            content_id: None,
            inline: false,
            contents,
        }
    }

    /// The attachment that a leaf part of a mail is.
    pub(crate) fn from_part(part: &Part<'_>) -> Self {
        let contents = part.decoded().into_owned();
        let mut attachment = Self::new(part.filename().as_deref(), &part.content_type, contents);
        attachment.content_id = part.headers.text("content-id").and_then(|id| bare_content_id(&id));
        attachment
    }
}

/// A Content-ID without angle brackets.
fn bare_content_id(raw: &str) -> Option<String> {
    let id = raw.trim();
    let id = id.strip_prefix('<').unwrap_or(id);
    let id = id.split('>').next().unwrap_or_default().trim();
    (!id.is_empty()).then(|| id.to_owned())
}

/// The longest file name (bytes) that common file systems take.
const MAX_FILENAME: usize = 255;

/// A name without path, control characters and what turns the reading direction (`exe.fdp` shown as `pdf.exe`).
fn safe_filename(raw: &str) -> Option<String> {
    let last = raw.rsplit(['/', '\\']).find(|piece| !piece.trim().is_empty())?;
    let clean: String = last
        .chars()
        .filter(|&c| {
            !c.is_control()
                && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect();
    let name = clean.trim();
    if name.chars().all(|c| c == '.') {
        return None;
    }
    Some(shorten_filename(name))
}

/// Cuts a too long name before its extension.
fn shorten_filename(name: &str) -> String {
    if name.len() <= MAX_FILENAME {
        return name.to_owned();
    }
    let extension =
        name.rfind('.').and_then(|dot| name.get(dot..)).filter(|e| e.len() <= 16).unwrap_or_default();
    let stem_end = name.floor_char_boundary(MAX_FILENAME - extension.len());
    format!("{}{extension}", name.get(..stem_end).unwrap_or_default())
}

/// Takes the uuencoded files out of a plain text.
pub(crate) fn extract_uuencoded(text: &str) -> (String, Vec<Attachment>) {
    let mut rest = text;
    let mut kept = String::new();
    let mut files = Vec::new();
    while let Some(file) = transfer::find_uuencoded(rest.as_bytes()) {
        kept.push_str(rest.get(..file.range.start).unwrap_or_default());
        rest = rest.get(file.range.end..).unwrap_or_default();
        let name = charset::decode(&file.name, None);
        files.push(Attachment::new(Some(&name), "application/octet-stream", file.content));
    }
    kept.push_str(rest);
    (kept, files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_file_names_safe() {
        for (raw, safe) in [
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\ann\\a.pdf", Some("a.pdf")),
            ("a\r\nb.pdf", Some("ab.pdf")),
            ("invoice\u{202e}fdp.exe", Some("invoicefdp.exe")),
            ("..", None),
            ("dir/", Some("dir")),
            (" ", None),
        ] {
            assert_eq!(safe_filename(raw).as_deref(), safe, "{raw:?}");
        }
        let long = safe_filename(&format!("{}.pdf", "ä".repeat(400))).unwrap();
        assert!(long.len() <= MAX_FILENAME && long.ends_with("ä.pdf"));
    }

    #[test]
    fn serialises_the_hash_as_hex() {
        let json = serde_json::to_value(Attachment::new(None, "a/b", b"abc".to_vec())).unwrap();
        assert_eq!(json["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(json["size"], 3);
        assert!(json.get("contents").is_none());
    }
}
