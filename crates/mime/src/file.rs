//! Files that somebody hands in: what they may be called, and what they are.

/// Longest name, in characters: what every file system takes, whatever the letters.
const MAX_NAME: usize = 120;
/// Longest extension that is kept where a name is cut.
const MAX_EXTENSION: usize = 12;

/// A file's name, made harmless: without directories, without characters that are not seen or turn the text's direction
/// (`invoice\u{202e}fdp.exe` shows as `invoiceexe.pdf`), without what programs refuse in names, not too long. `None`
/// where nothing is left.
#[must_use]
pub fn file_name(given: &str) -> Option<String> {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let seen: String = last
        .chars()
        .filter(|c| !is_unseen(*c))
        .map(|c| if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { c })
        .collect();
    let words = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = words.trim_start_matches(' ').trim_end_matches(['.', ' ']);
    let only_dots = name.chars().all(|c| c == '.');
    (!only_dots).then(|| shortened(name))
}

/// The name's beginning with its extension.
fn shortened(name: &str) -> String {
    if name.chars().count() <= MAX_NAME {
        return name.to_owned();
    }
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension)
        .filter(|extension| (1..=MAX_EXTENSION).contains(&extension.chars().count()));
    let tail = extension.map(|extension| format!(".{extension}")).unwrap_or_default();
    let head: String = name.chars().take(MAX_NAME - tail.chars().count()).collect();
    format!("{}{tail}", head.trim_end())
}

/// Control and format characters: directions, joiners, marks of byte order, tags.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Bytes at the beginning of files of a kind.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
];
/// What shows itself in a browser or a viewer: it must be what it says.
const SHOWN: &[&str] =
    &["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif", "application/pdf"];
/// Just bytes.
const BYTES: &str = "application/octet-stream";

/// A file's media type, `type/subtype` in lower case: what its sender says, where its first bytes don't belie it; what
/// they tell, where the sender says nothing. Bytes of an unknown kind under a picture's name are just bytes.
#[must_use]
pub fn media_type(declared: Option<&str>, beginning: &[u8]) -> String {
    let told = told_by(beginning);
    let declared = declared.map(essence).filter(|one| is_media_type(one) && one != BYTES);
    match (declared, told) {
        (None, told) => told.unwrap_or(BYTES).to_owned(),
        (Some(declared), Some(told)) if SHOWN.contains(&told) || SHOWN.contains(&declared.as_str()) => {
            told.to_owned()
        }
        (Some(declared), None) if SHOWN.contains(&declared.as_str()) => BYTES.to_owned(),
        (Some(declared), _) => declared,
    }
}

fn told_by(beginning: &[u8]) -> Option<&'static str> {
    if beginning.starts_with(b"RIFF") && beginning.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    BEGINNINGS.iter().find(|(bytes, _)| beginning.starts_with(bytes)).map(|(_, name)| *name)
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// RFC 6838, 4.2. A multipart or a message is no file that mail could carry as one (RFC 2046, 5.1 and 5.2).
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    match text.split_once('/') {
        Some(("multipart" | "message", _)) | None => false,
        Some((kind, subtype)) => is_name(kind) && is_name(subtype),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_what_they_look_like() {
        for (given, name) in [
            ("invoice.pdf", Some("invoice.pdf")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\ann\\Offer 1.docx", Some("Offer 1.docx")),
            ("invoice\u{202e}fdp.exe", Some("invoicefdp.exe")),
            ("a\u{200b}b\0c\r\n.txt", Some("abc.txt")),
            ("Grüße \u{1f600}.txt", Some("Grüße \u{1f600}.txt")),
            ("e\u{301}.txt", Some("e\u{301}.txt")),
            ("a: <b>?.txt", Some("a_ _b__.txt")),
            ("name. . ", Some("name")),
            (".htaccess", Some(".htaccess")),
            ("..", None),
            ("a/", None),
            (" \u{feff}", None),
        ] {
            assert_eq!(file_name(given).as_deref(), name, "{given:?}");
        }
        let long = format!("{}.pdf", "ä".repeat(500));
        let cut = file_name(&long).unwrap();
        assert_eq!((cut.chars().count(), cut.ends_with("ä.pdf")), (MAX_NAME, true));
    }

    #[test]
    fn a_file_is_what_its_bytes_say() {
        let png = b"\x89PNG\r\n\x1a\nrest";
        for (declared, beginning, kind) in [
            (Some("image/png"), &png[..], "image/png"),
            (Some("IMAGE/PNG; x=y"), png, "image/png"),
            (Some("image/jpeg"), png, "image/png"),
            (Some("text/html"), png, "image/png"),
            (Some("image/png"), b"<script>", BYTES),
            (Some("application/pdf"), b"MZ", BYTES),
            (Some("image/gif"), b"PK\x03\x04", "application/zip"),
            (
                Some("application/vnd.oasis.opendocument.text"),
                b"PK\x03\x04",
                "application/vnd.oasis.opendocument.text",
            ),
            (Some("text/plain"), b"hello", "text/plain"),
            (Some("message/rfc822"), b"From: a", BYTES),
            (Some("text"), b"hello", BYTES),
            (Some("a/b\r\nX: y"), b"hello", BYTES),
            (None, b"RIFF\x01\x02\x03\x04WEBPVP8", "image/webp"),
            (None, b"", BYTES),
        ] {
            assert_eq!(media_type(declared, beginning), kind, "{declared:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_harmless_one(given in any::<String>()) {
            if let Some(name) = file_name(&given) {
                prop_assert!(!name.is_empty() && name.chars().count() <= MAX_NAME);
                prop_assert!(!name.contains(['/', '\\']) && !name.chars().any(is_unseen));
                prop_assert_eq!(file_name(&name), Some(name.clone()));
            }
        }
    }
}
