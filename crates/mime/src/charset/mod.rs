//! Bytes to text: the declared character set where it is believable, else a detected one (MAIL-4).
//!
//! Text that leaves this module never contains NUL: no mail program shows it, and PostgreSQL refuses it.

mod legacy;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, EUC_KR, Encoding, GBK, ISO_2022_JP, MACINTOSH, SHIFT_JIS, UTF_8, WINDOWS_1252};

/// Decodes `bytes` by the declared character set; where that is missing, unknown or plainly wrong, by detection,
/// which ends at windows-1252. Never fails; what can't be decoded becomes U+FFFD.
pub(crate) fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    let label = declared.map(normalise_label).unwrap_or_default();
    if let Some(text) = legacy::decode(bytes, &label) {
        return without_nul(text);
    }
    let text = match encoding_for(&label) {
        None => decode_undeclared(bytes),
        // ASCII says nothing about the bytes that aren't.
        Some(encoding) if encoding == WINDOWS_1252 && is_ascii_label(&label) => decode_undeclared(bytes),
        Some(encoding) if encoding == UTF_8 => decode_claimed_utf8(bytes),
        Some(encoding) if encoding == ISO_2022_JP => decode_claimed_jis(bytes),
        Some(encoding) => encoding.decode(bytes).0.into_owned(),
    };
    without_nul(text)
}

fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

/// `"ISO-8859-1"`, `iso-8859-1 (Latin)`, `utf-8'en'` and the like, as a bare lower-case label.
fn normalise_label(label: &str) -> String {
    label
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'))
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ';' | '*' | '\''))
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

fn is_ascii_label(label: &str) -> bool {
    matches!(label, "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso-ir-6")
}

/// The encoding for a label: those of the WHATWG standard, and the names that mail programs use besides.
fn encoding_for(label: &str) -> Option<&'static Encoding> {
    // The standard maps some labels (iso-2022-kr, hz-gb-2312) to "replacement", which shows nothing at all.
    if let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) {
        return Some(encoding);
    }
    let known = match label {
        "cp932" | "ms932" | "windows-932" | "sjis" | "x-ms-cp932" => SHIFT_JIS,
        "cp936" | "ms936" | "windows-936" | "gb_2312" | "gb2312-80" | "euc-cn" => GBK,
        "cp949" | "ms949" | "uhc" | "ks_c_5601" => EUC_KR,
        "cp950" | "ms950" | "big-5" => BIG5,
        "utf8mb4" | "utf-8-mac" | "utf_8" | "unicode" => UTF_8,
        "macroman" | "mac-roman" | "x-macroman" => MACINTOSH,
        "latin-1" | "iso8859_1" | "iso_8859_1" | "ansi" | "8859_1" => WINDOWS_1252,
        _ => {
            // `iso8859_15`, `iso_8859_2`, `cp-1250`, `windows1252`: the same names with other separators.
            let dashed = label.replace('_', "-").replace("iso8859", "iso-8859").replace("cp-", "windows-");
            let dashed = dashed.replace("windows12", "windows-12");
            return Encoding::for_label_no_replacement(dashed.as_bytes());
        }
    };
    Some(known)
}

/// No believable declaration: UTF-8 where it is valid, else what the bytes look most like.
fn decode_undeclared(bytes: &[u8]) -> String {
    if let Some(text) = legacy::decode_by_escapes(bytes) {
        return text;
    }
    if !has_escape_sequences(bytes) {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if let Ok(text) = std::str::from_utf8(bytes) {
            return text.to_owned();
        }
    }
    guess(bytes).decode(bytes).0.into_owned()
}

/// Whether a text switches between character sets, as Japanese mail does (ISO-2022-JP).
fn has_escape_sequences(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\x1b$" || pair == b"\x1b(")
}

/// Enough to recognise a language by; keeps detection cheap for large bodies.
const DETECTION_BYTES: usize = 64 * 1024;

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let sample = bytes.get(..DETECTION_BYTES).unwrap_or(bytes);
    detector.feed(sample, sample.len() == bytes.len());
    detector.guess(None, Utf8Detection::Allow)
}

/// Declared UTF-8: kept if it mostly is, though cut characters occur; detected where it plainly is something else.
fn decode_claimed_utf8(bytes: &[u8]) -> String {
    if bytes.is_ascii() && has_escape_sequences(bytes) {
        return decode_undeclared(bytes);
    }
    let (text, _, had_errors) = UTF_8.decode(bytes);
    if had_errors {
        let broken = text.chars().filter(|&c| c == char::REPLACEMENT_CHARACTER).count();
        let good = text.chars().filter(|&c| !c.is_ascii() && c != char::REPLACEMENT_CHARACTER).count();
        if broken > good {
            let encoding = guess(bytes);
            let encoding = if encoding == UTF_8 { WINDOWS_1252 } else { encoding };
            return encoding.decode(bytes).0.into_owned();
        }
    }
    text.into_owned()
}

/// ISO-2022-JP is 7-bit; old Japanese programs declared it for whatever they sent.
fn decode_claimed_jis(bytes: &[u8]) -> String {
    let encoding = if bytes.is_ascii() { ISO_2022_JP } else { guess(bytes) };
    encoding.decode(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn believes_the_declaration() {
        assert_eq!(decode(b"Gr\xfc\xdfe", Some("ISO-8859-1")), "Grüße");
        assert_eq!(decode(b"\xd0\xd2\xc9\xd7\xc5\xd4", Some("\"koi8-r\"")), "привет");
        assert_eq!(decode(b"\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd", Some("cp932")), "こんにちは");
        assert_eq!(decode(b"\xa4", Some("iso8859_15")), "€");
        assert_eq!(decode(b"\x1b$B$3$s\x1b(B", Some("iso-2022-jp")), "こん");
        assert_eq!(decode(b"Gr\x81\xe1e \x9b", Some("cp850")), "Grüße ø");
        assert_eq!(decode(b"Gr\x81\xe1e \x9b", Some("IBM437")), "Grüße ¢");
    }

    #[test]
    fn sees_through_missing_and_false_declarations() {
        assert_eq!(decode("Grüße".as_bytes(), None), "Grüße");
        assert_eq!(decode("Grüße".as_bytes(), Some("us-ascii")), "Grüße");
        assert_eq!(decode("Grüße".as_bytes(), Some("no-such-thing")), "Grüße");
        assert_eq!(decode(b"Gr\xfc\xdfe aus K\xf6ln", Some("utf-8")), "Grüße aus Köln");
        assert_eq!(decode(b"caf\xe9 cr\xe8me", None), "café crème");
        assert_eq!(decode(b"\x93quoted\x94", Some("iso-8859-1")), "\u{201c}quoted\u{201d}");
    }

    #[test]
    fn sees_through_falsely_declared_jis() {
        let bytes = b"\x83c\x81[\x83\x8b\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd";
        assert_eq!(decode(bytes, Some("iso-2022-jp")), "ツールこんにちは");
    }

    #[test]
    fn reads_texts_that_switch_between_sets() {
        let korean = b"\x1b$)C\x0e>H3gGO<<?d\x0f, ok\n";
        for declared in [Some("iso-2022-kr"), Some("utf-8"), None] {
            assert_eq!(decode(korean, declared), "안녕하세요, ok\n", "{declared:?}");
            assert_eq!(decode(b"\x1b$B$3$s\x1b(B", declared.filter(|label| *label == "utf-8")), "こん");
        }
        assert_eq!(decode(b"a ~{Dz:C~} ~~ b~\nc ~d", Some("HZ-GB-2312")), "a 您好 ~ bc ~d");
    }

    #[test]
    fn keeps_utf8_with_a_cut_character() {
        assert_eq!(decode(b"Gr\xc3\xbc\xc3\x9fe \xc3", Some("utf-8")), "Grüße \u{fffd}");
    }

    #[test]
    fn reads_utf7_and_drops_nul() {
        assert_eq!(decode(b"Hi Mom +Jjo-! 1 +- 1", Some("UTF-7")), "Hi Mom ☺! 1 + 1");
        assert_eq!(decode(b"a\0b", Some("utf-8")), "ab");
    }
}
