//! Header fields, encoded and folded so that no text in them can end them early.

use super::ComposeError;
use email_encoding::headers::{quoted_string, rfc2047, writer::EmailWriter};
use postroom_domain::address::{EmailAddress, NamedAddress};
use std::fmt::Write;

/// The header fields of a mail, in the order in which they were added.
#[derive(Default)]
pub(super) struct HeaderBlock {
    out: String,
}

impl HeaderBlock {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    /// A field with a value of ours: ASCII, one short line.
    pub(super) fn plain(&mut self, name: &str, value: &str) {
        self.field(name, |w| w.folding().write_str(value));
    }

    /// An unstructured field, such as Subject.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        let value = on_one_line(value);
        self.field(name, |w| {
            if is_plain_text(&value) { w.folding().write_str(&value) } else { rfc2047::encode(&value, w) }
        });
    }

    /// An address list; left out where it is empty.
    pub(super) fn mailboxes(&mut self, name: &str, list: &[NamedAddress]) -> Result<(), ComposeError> {
        if list.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(list.len());
        for entry in list {
            let shown = entry.name.as_deref().map(on_one_line).filter(|name| !name.is_empty());
            entries.push((shown, wire_address(&entry.address)?));
        }
        self.field(name, |w| {
            for (index, (shown, address)) in entries.iter().enumerate() {
                if index > 0 {
                    w.write_char(',')?;
                    w.space();
                }
                match shown {
                    Some(shown) => {
                        quoted_string::encode(shown, w)?;
                        w.space();
                        w.folding().write_str(&format!("<{address}>"))?;
                    }
                    None => w.folding().write_str(address)?,
                }
            }
            Ok(())
        });
        Ok(())
    }

    /// Message-IDs in angle brackets; left out where there are none.
    pub(super) fn ids(&mut self, name: &str, ids: &[String]) -> Result<(), ComposeError> {
        if ids.is_empty() {
            return Ok(());
        }
        for id in ids {
            check_id(id)?;
        }
        self.field(name, |w| {
            for id in ids {
                w.folding().write_str(&format!("<{id}>"))?;
                w.space();
            }
            Ok(())
        });
        Ok(())
    }

    fn field(&mut self, name: &str, write: impl FnOnce(&mut EmailWriter<'_>) -> std::fmt::Result) {
        let mut value = String::new();
        // Writing to a String never fails.
        let _ = write(&mut EmailWriter::new(&mut value, name.len() + 2, 0, false));
        self.out.push_str(name);
        self.out.push_str(": ");
        self.out.push_str(value.trim_end());
        self.out.push_str("\r\n");
    }
}

/// Text without line breaks, other control characters and white space around it.
pub(super) fn on_one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}

/// Longer words can't be folded.
const MAX_WORD: usize = 70;

/// Whether a text can be written as it is: ASCII, foldable, and nothing in it that reads as an encoded word.
fn is_plain_text(text: &str) -> bool {
    text.is_ascii() && !text.contains("=?") && text.split(' ').all(|word| word.len() <= MAX_WORD)
}

/// An id that can stand in angle brackets: printable ASCII, none of the characters that end it.
pub(super) fn check_id(id: &str) -> Result<(), ComposeError> {
    let is_id =
        (1..=900).contains(&id.len()) && id.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>'));
    if is_id { Ok(()) } else { Err(ComposeError::Id(id.chars().take(100).collect())) }
}

/// The address in ASCII: an international domain in its ASCII form.
fn wire_address(address: &EmailAddress) -> Result<String, ComposeError> {
    let (local, domain) = (address.local(), address.domain());
    if !local.is_ascii() {
        return Err(ComposeError::LocalPartNotAscii(address.to_string()));
    }
    if domain.is_ascii() {
        return Ok(address.to_string());
    }
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) if ascii.is_ascii() => Ok(format!("{local}@{ascii}")),
        _ => Err(ComposeError::Domain(address.to_string())),
    }
}
