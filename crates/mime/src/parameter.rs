//! Content-Type and Content-Disposition with their parameters (RFC 2045, 2183, 2231).

use crate::{encoded_word, header::Headers};
use std::collections::BTreeMap;

/// A structured header value: a keyword and parameters.
#[derive(Default)]
pub(crate) struct Parameterised {
    /// In lower case: `text/plain`, `attachment`.
    pub(crate) value: String,
    params: BTreeMap<String, String>,
}

impl Parameterised {
    /// Reads a Content-Type. RFC 2231 continuations and character sets are resolved by `mailparse`; a value that
    /// isn't of the form `a/b` counts as missing.
    pub(crate) fn content_type(headers: &Headers<'_>) -> Option<Self> {
        let text = with_separator(&encoded_word::to_characters(headers.raw("content-type")?));
        let parsed = mailparse::parse_content_type(&text);
        let value = parsed.mimetype.split(|c: char| c.is_whitespace() || c == '(' || c == ',').next();
        let value = value.unwrap_or_default().trim_matches('"').to_ascii_lowercase();
        let (kind, subtype) = value.split_once('/')?;
        let is_token =
            |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_graphic() && !";\"<>@".contains(c));
        (is_token(kind) && is_token(subtype)).then_some(Self { value, params: parsed.params })
    }

    /// Reads a Content-Disposition.
    pub(crate) fn content_disposition(headers: &Headers<'_>) -> Option<Self> {
        let text = encoded_word::to_characters(headers.raw("content-disposition")?);
        let parsed = mailparse::parse_content_disposition(&text);
        let value = text.split([';', ' ', '\t']).next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(Self { value, params: parsed.params })
    }

    /// A parameter's value, freed from a comment, unbalanced quotes and spaces.
    pub(crate) fn token(&self, name: &str) -> Option<&str> {
        let value = self.params.get(name)?.trim();
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default(),
            None => value.split(" (").next().unwrap_or_default().trim_matches('"'),
        };
        (!value.is_empty()).then_some(value)
    }

    /// A parameter's value as text for people: encoded words, which have no place there and are common, resolved.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = self.params.get(name)?.trim();
        let value =
            value.strip_prefix('"').map_or(value, |quoted| quoted.strip_suffix('"').unwrap_or(quoted));
        let text = encoded_word::decode_text(value);
        (!text.trim().is_empty()).then_some(text)
    }
}

/// `multipart/mixed boundary=x`, with the `;` that some programs forget.
fn with_separator(text: &str) -> String {
    match text.split_once([' ', '\t']) {
        Some((value, rest))
            if !value.contains(';') && rest.contains('=') && !rest.trim_start().starts_with([';', '(']) =>
        {
            format!("{value};{rest}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(value: &[u8]) -> Parameterised {
        let raw = [b"Content-Type: ", value, b"\n\n"].concat();
        Parameterised::content_type(&Headers::parse(&raw).0).unwrap_or_default()
    }

    fn filename(value: &str) -> Option<String> {
        let raw = format!("Content-Disposition: attachment; {value}\n\n");
        Parameterised::content_disposition(&Headers::parse(raw.as_bytes()).0).unwrap().text("filename")
    }

    #[test]
    fn reads_types_and_tokens() {
        let parsed = content_type(b"Text/Plain; charset=us-ascii (plain text); format=Flowed");
        assert_eq!((parsed.value.as_str(), parsed.token("charset")), ("text/plain", Some("us-ascii")));
        let parsed = content_type(b"multipart/mixed; boundary=\"a;b=c\"");
        assert_eq!(parsed.token("boundary"), Some("a;b=c"));
        let parsed = content_type(b"multipart/mixed\r\n\tboundary=\"x\"");
        assert_eq!((parsed.value.as_str(), parsed.token("boundary")), ("multipart/mixed", Some("x")));
        assert_eq!(content_type(b"text").value, "");
    }

    #[test]
    fn reads_file_names_in_all_their_forms() {
        for (raw, name) in [
            ("filename=a.txt", "a.txt"),
            ("filename=\"a; b.txt\"", "a; b.txt"),
            ("filename=my file.pdf", "my file.pdf"),
            ("filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"),
            ("filename*0=\"long \";\r\n filename*1=\"name.pdf\"", "long name.pdf"),
            ("filename*0*=iso-8859-1'de'Gr%FC;\r\n filename*1*=%DFe.pdf", "Grüße.pdf"),
            ("filename=\"=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?=\"", "Grüße.pdf"),
            ("filename==?utf-8?B?R3LDvMOfZS5wZGY=?=", "Grüße.pdf"),
            ("filename=\"Grüße.pdf\"", "Grüße.pdf"),
        ] {
            assert_eq!(filename(raw).as_deref(), Some(name), "{raw}");
        }
        assert_eq!(filename("x=y"), None);
    }
}
