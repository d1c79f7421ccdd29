//! Content-Transfer-Encoding (RFC 2045, 6): tolerant of what real mail programs, gateways and lists do to it.
//!
//! Libraries refuse a body for one wrong character; a person wants to read the rest.

use std::borrow::Cow;

/// Decodes a part's body by its Content-Transfer-Encoding; an unknown one means the bytes as they stand.
pub(crate) fn decode<'a>(body: &'a [u8], encoding: Option<&str>) -> Cow<'a, [u8]> {
    let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    let encoding = encoding.split(|c: char| c.is_whitespace() || matches!(c, ';' | '(')).next();
    match encoding.unwrap_or_default().trim_matches('"') {
        "base64" => Cow::Owned(decode_base64(body)),
        "quoted-printable" => Cow::Owned(decode_quoted_printable(body)),
        "x-uuencode" | "uuencode" | "x-uue" | "uue" => {
            find_uuencoded(body).map_or(Cow::Borrowed(body), |file| Cow::Owned(file.content))
        }
        _ => Cow::Borrowed(body),
    }
}

fn base64_value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// Base64 with foreign characters skipped, padding missing or in the middle (pieces encoded one by one), and
/// anything after the end, such as a mailing list's footer, left out.
pub(crate) fn decode_base64(encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.len() / 4 * 3 + 3);
    let mut group: u32 = 0;
    let mut letters = 0;
    let mut padded = false;
    for &byte in encoded {
        if let Some(value) = base64_value(byte) {
            group = group << 6 | value;
            letters += 1;
            padded = false;
        } else if byte == b'=' {
            flush_base64(&mut out, group, letters);
            (group, letters, padded) = (0, 0, true);
        } else if padded && !byte.is_ascii_whitespace() {
            return out;
        }
        if letters == 4 {
            flush_base64(&mut out, group, letters);
            (group, letters) = (0, 0);
        }
    }
    flush_base64(&mut out, group, letters);
    out
}

/// Writes the whole bytes that `letters` characters of a group hold.
fn flush_base64(out: &mut Vec<u8>, group: u32, letters: usize) {
    let bytes = match letters {
        4 => 3,
        3 => 2,
        2 => 1,
        _ => return,
    };
    let aligned = group << (6 * (4 - letters)) << 8;
    out.extend(aligned.to_be_bytes().iter().take(bytes));
}

fn hex_value(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Quoted-printable: a lone `=` stays, 8-bit characters stay, trailing white space of a line goes (RFC 2045, 6.7).
pub(crate) fn decode_quoted_printable(encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.len());
    for line in encoded.split_inclusive(|&b| b == b'\n') {
        let (content, line_end) = split_line_end(line);
        let content = content.trim_ascii_end();
        let (content, soft) = match content.strip_suffix(b"=") {
            // Without a line end, the mail's last line ends in a lone `=`: nothing follows that it could join.
            Some(content) => (content, true),
            None => (content, false),
        };
        decode_hex_pairs(content, &mut out);
        if !soft {
            out.extend_from_slice(line_end);
        }
    }
    out
}

/// Replaces each `=XX` by its byte and leaves all else as it is.
pub(crate) fn decode_hex_pairs(mut content: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = content.iter().position(|&b| b == b'=') {
        let (before, from) = content.split_at_checked(at).unwrap_or((content, &[]));
        out.extend_from_slice(before);
        match from {
            [_, high, low, rest @ ..] => match (hex_value(*high), hex_value(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    content = rest;
                }
                _ => {
                    out.push(b'=');
                    content = from.get(1..).unwrap_or_default();
                }
            },
            _ => {
                out.extend_from_slice(from);
                return;
            }
        }
    }
    out.extend_from_slice(content);
}

/// A line without its end, and the end (`\r\n`, `\n` or nothing).
pub(crate) fn split_line_end(line: &[u8]) -> (&[u8], &[u8]) {
    let content = line.strip_suffix(b"\n").unwrap_or(line);
    let content =
        if content.len() < line.len() { content.strip_suffix(b"\r").unwrap_or(content) } else { content };
    line.split_at_checked(content.len()).unwrap_or((line, &[]))
}

/// A file that stands uuencoded in a text (`begin 644 name` … `end`).
pub(crate) struct UuencodedFile {
    /// The name in the `begin` line.
    pub(crate) name: Vec<u8>,
    /// The decoded file.
    pub(crate) content: Vec<u8>,
    /// Where it stands in the text, from `begin` to the end of the `end` line.
    pub(crate) range: std::ops::Range<usize>,
}

/// The first uuencoded file in `text`.
pub(crate) fn find_uuencoded(text: &[u8]) -> Option<UuencodedFile> {
    let mut file: Option<UuencodedFile> = None;
    let mut offset = 0;
    for line in text.split_inclusive(|&b| b == b'\n') {
        let start = offset;
        offset += line.len();
        let content = split_line_end(line).0;
        let Some(open) = &mut file else {
            file = uuencode_begin(content).map(|name| UuencodedFile {
                name: name.to_vec(),
                content: Vec::new(),
                range: start..offset,
            });
            continue;
        };
        open.range.end = offset;
        if content.trim_ascii_end() == b"end" {
            return file;
        }
        if !decode_uuencoded_line(content, &mut open.content) {
            // Prose that only looked like a beginning; another may follow.
            file = None;
        }
    }
    None
}

/// The name in a `begin <mode> <name>` line.
fn uuencode_begin(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"begin ")?;
    let space = rest.iter().position(|&b| b == b' ')?;
    let (mode, name) = rest.split_at_checked(space)?;
    let is_mode = (3..=4).contains(&mode.len()) && mode.iter().all(|b| (b'0'..=b'7').contains(b));
    let name = name.trim_ascii();
    (is_mode && !name.is_empty()).then_some(name)
}

/// Appends a line's bytes; false where it can't be a uuencoded line.
fn decode_uuencoded_line(line: &[u8], out: &mut Vec<u8>) -> bool {
    let Some((&first, letters)) = line.split_first() else { return true };
    if !(b' '..=b'`').contains(&first) {
        return false;
    }
    let length = usize::from((first - b' ') & 63);
    // A gateway may have cut trailing spaces (zeros), or added a check letter.
    if letters.len() > length.div_ceil(3) * 4 + 2 || letters.iter().any(|b| !(b' '..=b'`').contains(b)) {
        return false;
    }
    let end = out.len() + length;
    for group in letters.chunks(4) {
        let bits = (0..4).fold(0u32, |bits, i| {
            let letter = group.get(i).copied().unwrap_or(b' ');
            bits << 6 | u32::from((letter - b' ') & 63)
        });
        out.extend(bits.to_be_bytes().iter().skip(1));
    }
    out.resize(end, 0);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_broken_base64() {
        assert_eq!(decode_base64(b"SGVsbG8gd29ybGQ="), b"Hello world");
        assert_eq!(decode_base64(b"SGVs\r\nbG8g*d29y bGQ"), b"Hello world");
        assert_eq!(decode_base64(b"SGVsbG8=SGVsbG8="), b"HelloHello");
        assert_eq!(decode_base64(b"SGVsbG8=\n______\nfooter of a list"), b"Hello");
    }

    #[test]
    fn reads_broken_quoted_printable() {
        assert_eq!(decode_quoted_printable(b"a=3Db=\r\nc  \r\nd"), b"a=bc\r\nd");
        assert_eq!(decode_quoted_printable(b"50% = half =zz caf\xe9 =e9="), b"50% = half =zz caf\xe9 \xe9");
        assert_eq!(decode_quoted_printable(b"soft=  \nbreak"), b"softbreak");
    }

    #[test]
    fn finds_uuencoded_files() {
        let text = b"Hello\nbegin me at nine\nbegin 644 a b.txt\n#0V%T\n`\nend\nBye\n";
        let file = find_uuencoded(text).unwrap();
        assert_eq!(file.name, b"a b.txt");
        assert_eq!(file.content, b"Cat");
        assert_eq!(&text[file.range], b"begin 644 a b.txt\n#0V%T\n`\nend\n");
        assert!(find_uuencoded(b"begin 644 x\nthis is only prose, in lower case\nend\n").is_none());
    }
}
