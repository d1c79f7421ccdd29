//! A block of header fields (RFC 5322, 2.2), read so that broken lines cost themselves only.

use crate::encoded_word;

/// Larger header blocks are cut: no honest mail has them.
pub(crate) const MAX_BLOCK: usize = 512 * 1024;
/// Further fields are dropped.
pub(crate) const MAX_FIELDS: usize = 4_000;

/// One field: its name in lower case, and its raw value with the folds in it.
struct Field<'a> {
    name: String,
    value: &'a [u8],
}

/// The header fields of a mail or of one of its parts.
#[derive(Default)]
pub(crate) struct Headers<'a> {
    fields: Vec<Field<'a>>,
    /// Something was cut off for its size.
    pub(crate) cut: bool,
}

impl<'a> Headers<'a> {
    /// Splits `raw` into its header fields and the body after the blank line.
    ///
    /// A line that is no field is skipped where fields that every mail has follow it; otherwise the body begins there,
    /// since some programs forget the blank line.
    pub(crate) fn parse(raw: &'a [u8]) -> (Self, &'a [u8]) {
        let mut headers = Self::default();
        let mut open: Option<(String, usize, usize)> = None;
        let mut offset = 0;
        let mut stray = None;
        let at = |from: usize, to: usize| raw.get(from..to).unwrap_or_default();
        let mut body = raw.len();
        for line in raw.split_inclusive(|&b| b == b'\n') {
            let (start, end) = (offset, offset + line.len());
            offset = end;
            let content = line.trim_ascii_end();
            if content.is_empty() {
                if is_within_fold(line, at(end, raw.len())) {
                    continue;
                }
                body = end;
                break;
            }
            if start > MAX_BLOCK || headers.fields.len() >= MAX_FIELDS {
                headers.cut = true;
                open = None;
                continue;
            }
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                if let Some((_, _, value_end)) = &mut open {
                    *value_end = end;
                }
            } else if let Some((name, value)) = field_start(content) {
                headers.push(open.take(), at);
                open = Some((name, start + value, end));
            } else if content.starts_with(b"From ") || content.starts_with(b">From ") {
                // An mbox's separator line, at the top or left in the middle by a broken export.
            } else if !fields_follow(at(end, raw.len())) {
                stray = Some(start);
                break;
            }
        }
        headers.push(open.take(), at);
        let body = stray.unwrap_or(body);
        (headers, at(body, raw.len()))
    }

    fn push(&mut self, field: Option<(String, usize, usize)>, at: impl Fn(usize, usize) -> &'a [u8]) {
        if let Some((name, from, to)) = field {
            self.fields.push(Field { name, value: at(from, to).trim_ascii() });
        }
    }

    /// Whether there is no field at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The raw value of the first field with this (lower-case) name that isn't empty.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// The raw values of all fields with this (lower-case) name, from the top.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |field| field.name == name).map(|field| field.value)
    }

    /// The first field with this name as decoded text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.raw(name).map(encoded_word::decode)
    }

    /// The first field with this name, as a lower-case token without comments and parameters: for fields with a
    /// fixed vocabulary (`Auto-Submitted: auto-replied; x=y` → `auto-replied`).
    pub(crate) fn keyword(&self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let word = text.split([';', '(', ',']).next().unwrap_or_default().trim();
        Some(word.to_ascii_lowercase())
    }

    /// Whether a field of this name is there, even an empty one.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

/// Whether a line of white space stands within a folded field (RFC 5322, 4.2): the field goes on behind it, and others
/// follow. Else such a line is what some programs send for the blank one.
fn is_within_fold(line: &[u8], rest: &[u8]) -> bool {
    let goes_on = rest.starts_with(b" ") || rest.starts_with(b"\t");
    let first = rest.split(|&b| b == b'\n').next().unwrap_or_default();
    !line.starts_with(b"\r")
        && !line.starts_with(b"\n")
        && goes_on
        && !first.trim_ascii().is_empty()
        && fields_follow(rest)
}

/// How many lines behind a stray one are looked at.
const MAX_LOOKAHEAD: usize = 24;

/// Whether fields that no prose looks like stand in the next lines, before a blank one.
fn fields_follow(rest: &[u8]) -> bool {
    let lines = rest.split(|&b| b == b'\n').map(<[u8]>::trim_ascii_end).take(MAX_LOOKAHEAD);
    lines.take_while(|line| !line.is_empty()).filter_map(field_start).any(|(name, _)| {
        name.starts_with("content-")
            || name.starts_with("x-")
            || matches!(
                name.as_str(),
                "from"
                    | "to"
                    | "subject"
                    | "date"
                    | "message-id"
                    | "received"
                    | "return-path"
                    | "mime-version"
            )
    })
}

/// The lower-case name of the field that begins in this line, and where its value begins.
pub(crate) fn field_start(line: &[u8]) -> Option<(String, usize)> {
    let colon = line.iter().position(|&b| b == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let is_name = !name.is_empty() && name.len() <= 200 && name.iter().all(u8::is_ascii_graphic);
    is_name.then(|| (String::from_utf8_lossy(name).to_ascii_lowercase(), colon + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(raw: &str) -> (Vec<(String, String)>, String) {
        let (headers, body) = Headers::parse(raw.as_bytes());
        let fields = headers
            .fields
            .iter()
            .map(|field| (field.name.clone(), encoded_word::decode(field.value)))
            .collect();
        (fields, String::from_utf8_lossy(body).into_owned())
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn splits_fields_and_body() {
        let (fields, body) = split("From: a@b\r\nSubject : one\r\n\ttwo\r\n\r\nbody\r\n");
        assert_eq!(fields, [pair("from", "a@b"), pair("subject", "one two")]);
        assert_eq!(body, "body\r\n");
    }

    #[test]
    fn skips_mbox_lines_and_stray_lines() {
        let (fields, body) = split("From a@b Mon Jan 1\n  stray\nFrom: a@b\nbroken line\nSubject: x\n\nbody");
        assert_eq!(fields, [pair("from", "a@b"), pair("subject", "x")]);
        assert_eq!(body, "body");
    }

    #[test]
    fn a_part_may_begin_with_its_body() {
        let (fields, body) = split("\n  indented: text\n");
        assert!(fields.is_empty());
        assert_eq!(body, "  indented: text\n");
    }

    #[test]
    fn finds_a_body_without_the_blank_line() {
        let (fields, body) = split("Subject: x\nHello Ann\nhow are you?\n\nBye\n");
        assert_eq!(fields, [pair("subject", "x")]);
        assert_eq!(body, "Hello Ann\nhow are you?\n\nBye\n");
    }

    #[test]
    fn goes_on_behind_a_line_of_white_space() {
        let (fields, body) = split("Subject: one\n  \n two\nDate: x\n\nbody");
        assert_eq!(fields, [pair("subject", "one two"), pair("date", "x")]);
        assert_eq!(body, "body");
        let (fields, body) = split("Subject: one\n  \n  Dear Ann,\nhello\n");
        assert_eq!(fields, [pair("subject", "one")]);
        assert_eq!(body, "  Dear Ann,\nhello\n");
    }

    #[test]
    fn cuts_what_no_honest_mail_has() {
        let raw = "X: y\n".repeat(1_000_000);
        let (headers, _) = Headers::parse(raw.as_bytes());
        assert!(headers.cut);
        assert_eq!(headers.fields.len(), MAX_FIELDS);
    }
}
