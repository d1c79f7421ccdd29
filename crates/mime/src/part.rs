//! The tree of MIME parts (RFC 2046), with limits that make a hostile mail cost bounded time and memory.

use crate::{header::Headers, parameter::Parameterised, transfer};
use std::borrow::Cow;

/// Multiparts nested deeper stay closed and are shown as an attachment.
const MAX_DEPTH: usize = 32;
/// Further parts are left out, with a notice; the raw mail keeps them.
const MAX_PARTS: usize = 2_000;

/// One part: a leaf with a body, or a multipart with children.
pub(crate) struct Part<'a> {
    pub(crate) headers: Headers<'a>,
    /// In lower case; never empty.
    pub(crate) content_type: String,
    pub(crate) parameters: Parameterised,
    pub(crate) disposition: Parameterised,
    /// Still in its transfer encoding.
    pub(crate) body: &'a [u8],
    pub(crate) children: Vec<Part<'a>>,
}

/// What was noticed while the tree was read.
#[derive(Default)]
pub(crate) struct TreeNotes {
    parts: usize,
    pub(crate) too_many_parts: bool,
    pub(crate) too_deep: bool,
    pub(crate) headers_cut: bool,
    pub(crate) no_parts_found: bool,
}

impl<'a> Part<'a> {
    /// Reads a whole mail.
    pub(crate) fn read(raw: &'a [u8], notes: &mut TreeNotes) -> Self {
        // Blank lines before the header are a transport's leftovers.
        let lines = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        Self::read_nested(raw.get(lines..).unwrap_or_default(), "text/plain", 0, notes)
    }

    fn read_nested(raw: &'a [u8], default_type: &str, depth: usize, notes: &mut TreeNotes) -> Self {
        notes.parts += 1;
        let (headers, body) = Headers::parse(raw);
        notes.headers_cut |= headers.cut;
        let parameters = Parameterised::content_type(&headers).unwrap_or_default();
        let disposition = Parameterised::content_disposition(&headers).unwrap_or_default();
        let content_type = match parameters.value.as_str() {
            "" => unknown_type(&headers, &parameters, &disposition, default_type),
            known => known.to_owned(),
        };
        let mut part = Self { headers, content_type, parameters, disposition, body, children: Vec::new() };
        if part.content_type.starts_with("multipart/") {
            part.open_multipart(depth, notes);
        }
        part
    }

    fn open_multipart(&mut self, depth: usize, notes: &mut TreeNotes) {
        if depth >= MAX_DEPTH {
            notes.too_deep = true;
            return;
        }
        let declared = self.parameters.token("boundary").map(|b| b.as_bytes().to_vec());
        let Some(boundary) = declared.or_else(|| guess_boundary(self.body)) else {
            self.become_text(notes);
            return;
        };
        let default_type =
            if self.content_type == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let mut found = sections(self.body, &boundary);
        if found.is_empty()
            && let Some(guessed) = guess_boundary(self.body)
        {
            // The declared boundary never occurs: a gateway has rewritten one of them.
            found = sections(self.body, &guessed);
        }
        for section in found {
            if notes.parts >= MAX_PARTS {
                notes.too_many_parts = true;
                break;
            }
            self.children.push(Self::read_nested(section, default_type, depth + 1, notes));
        }
        if self.children.is_empty() {
            self.become_text(notes);
        }
    }

    /// A multipart without parts: a person wants to read what there is.
    fn become_text(&mut self, notes: &mut TreeNotes) {
        notes.no_parts_found = true;
        "text/plain".clone_into(&mut self.content_type);
    }

    /// The body without its transfer encoding.
    pub(crate) fn decoded(&self) -> Cow<'a, [u8]> {
        transfer::decode(self.body, self.headers.text("content-transfer-encoding").as_deref())
    }

    /// The file's name as the sender gave it, not yet made safe.
    pub(crate) fn filename(&self) -> Option<String> {
        self.disposition.text("filename").or_else(|| self.parameters.text("name"))
    }

    /// Whether the sender wants it listed, not shown.
    pub(crate) fn is_marked_attachment(&self) -> bool {
        self.disposition.value == "attachment"
    }
}

/// The type of a part that declares none, or none that can be read.
fn unknown_type(
    headers: &Headers<'_>,
    parameters: &Parameterised,
    disposition: &Parameterised,
    default_type: &str,
) -> String {
    let is_file = disposition.text("filename").or_else(|| parameters.text("name")).is_some();
    let declared = headers.raw("content-type").is_some();
    if is_file && (declared || disposition.value == "attachment") {
        "application/octet-stream".to_owned()
    } else {
        default_type.to_owned()
    }
}

/// The boundary in the first delimiter-like line: for multiparts that don't declare theirs.
fn guess_boundary(body: &[u8]) -> Option<Vec<u8>> {
    let mut lines = body.split(|&b| b == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.find(|line| line.len() > 6 && line.starts_with(b"--") && !line.starts_with(b"---"))?;
    let boundary = first.strip_prefix(b"--")?;
    let is_plausible = boundary.len() <= 100 && !boundary.iter().any(u8::is_ascii_whitespace);
    // Prose may hold such a line; a multipart holds it twice.
    let closing = [b"--", boundary, b"--"].concat();
    (is_plausible && lines.any(|line| line == first || line == closing)).then(|| boundary.to_vec())
}

/// The raw parts between a multipart's delimiter lines; one pass, each line looked at once.
fn sections<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut sections = Vec::new();
    let mut open: Option<usize> = None;
    let mut offset = 0;
    for line in body.split_inclusive(|&b| b == b'\n') {
        let start = offset;
        offset += line.len();
        let Some(closes) = delimiter(line, boundary) else { continue };
        if let Some(from) = open.take() {
            sections.push(without_line_end(body.get(from..start).unwrap_or_default()));
        }
        if sections.len() > MAX_PARTS {
            return sections;
        }
        if closes {
            return sections;
        }
        open = Some(offset);
    }
    // The closing delimiter is missing in truncated mails.
    if let Some(from) = open {
        let last = body.get(from..).unwrap_or_default();
        // Or stands right behind the last part's text.
        let closing = [b"--", boundary, b"--"].concat();
        let last = last.trim_ascii_end().strip_suffix(closing.as_slice()).unwrap_or(last);
        if !last.trim_ascii().is_empty() {
            sections.push(last);
        }
    }
    sections
}

/// Whether the line is this boundary's delimiter, and then whether it is the closing one.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?.trim_ascii_end();
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

/// The line end before a delimiter belongs to the delimiter (RFC 2046, 5.1.1).
fn without_line_end(section: &[u8]) -> &[u8] {
    let section = section.strip_suffix(b"\n").unwrap_or(section);
    section.strip_suffix(b"\r").unwrap_or(section)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(raw: &str) -> (Vec<String>, TreeNotes) {
        fn walk(part: &Part<'_>, out: &mut Vec<String>) {
            out.push(part.content_type.clone());
            part.children.iter().for_each(|child| walk(child, out));
        }
        let mut notes = TreeNotes::default();
        let mut out = Vec::new();
        walk(&Part::read(raw.as_bytes(), &mut notes), &mut out);
        (out, notes)
    }

    #[test]
    fn reads_nested_parts() {
        let (types, _) = types(
            "Content-Type: multipart/mixed; boundary=a\n\npreamble\n--a\n\
             Content-Type: multipart/alternative; boundary=a-b\n\n--a-b\n\nplain\n--a-b\n\
             Content-Type: text/html\n\n<p>x\n--a-b--\n--a\nContent-Type: image/png\n\nx\n--a--\nepilogue",
        );
        assert_eq!(
            types,
            ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "image/png"]
        );
    }

    #[test]
    fn repairs_boundaries() {
        let (without, _) = types("Content-Type: multipart/mixed\n\n--abcdef\n\nx\n--abcdef--\n");
        assert_eq!(without, ["multipart/mixed", "text/plain"]);
        let (wrong, _) = types("Content-Type: multipart/mixed; boundary=x\n\n--abcdef\n\nx\n--abcdef--\n");
        assert_eq!(wrong, ["multipart/mixed", "text/plain"]);
        let (none, notes) = types("Content-Type: multipart/mixed; boundary=x\n\nHello\n");
        assert_eq!(none, ["text/plain"]);
        assert!(notes.no_parts_found);
        let unended = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nHello--x--\n";
        assert_eq!(Part::read(unended.as_bytes(), &mut TreeNotes::default()).children[0].body, b"Hello");
    }

    #[test]
    fn limits_depth_and_number() {
        let mut deep = String::new();
        for level in 0..10_000 {
            deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
        }
        let (types_found, notes) = types(&deep);
        assert!(notes.too_deep && types_found.len() <= MAX_DEPTH + 2);
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(500_000));
        let (types_found, notes) = types(&many);
        assert!(notes.too_many_parts && types_found.len() <= MAX_PARTS + 1);
    }
}
