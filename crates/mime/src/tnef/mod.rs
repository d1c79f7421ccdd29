//! `winmail.dat`: the files and the text that Outlook packs up for itself (TNEF, [MS-OXTNEF]), and that others get.

use crate::attachments::Attachment;
use crate::body::{self, BodyText};
use crate::part::Part;
use crate::{charset, file};

/// What such a part holds.
#[derive(Default)]
pub(crate) struct Unpacked {
    /// The files, in their order; a mail that is attached gives its own ones.
    pub(crate) files: Vec<Attachment>,
    /// The mail's text; RTF, which nobody else writes, isn't read.
    pub(crate) body: Option<BodyText>,
}

/// Whether a part is of this kind, by its type or by its name.
pub(crate) fn is_tnef(part: &Part<'_>) -> bool {
    matches!(part.content_type.as_str(), "application/ms-tnef" | "application/vnd.ms-tnef")
        || part.filename().is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat"))
}

/// Reads as much as can be read; nothing where it isn't what it says.
pub(crate) fn unpack(bytes: &[u8]) -> Unpacked {
    let mut unpacked = Unpacked::default();
    read(bytes, 0, &mut unpacked);
    unpacked
}

const SIGNATURE: u32 = 0x223e_9f78;
/// Mails within mails that are looked into.
const MAX_DEPTH: usize = 4;
/// Further files are left out, as parts of a mail are.
const MAX_FILES: usize = 2_000;

// Attributes of the stream.
const BODY: u32 = 0x0002_800c;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;
const CODE_PAGE: u32 = 0x0006_9007;
const ATTACHMENT_BEGINS: u32 = 0x0006_9002;
const ATTACHMENT_TITLE: u32 = 0x0001_8010;
const ATTACHMENT_DATA: u32 = 0x0006_800f;
const ATTACHMENT_PROPERTIES: u32 = 0x0006_9005;

// Properties.
const TEXT: u16 = 0x1000;
const HTML: u16 = 0x1013;
const DATA: u16 = 0x3701;
const SHORT_NAME: u16 = 0x3704;
const LONG_NAME: u16 = 0x3707;
const MEDIA_TYPE: u16 = 0x370e;
const CONTENT_ID: u16 = 0x3712;
const TEXT_CODE_PAGE: u16 = 0x3fde;

fn read(bytes: &[u8], depth: usize, unpacked: &mut Unpacked) {
    let mut rest = Bytes(bytes);
    if rest.u32() != Some(SIGNATURE) || rest.u16().is_none() {
        return;
    }
    let mut code_page = 1252;
    let mut open: Option<File<'_>> = None;
    while let Some((attribute, data)) = attribute(&mut rest) {
        match attribute {
            CODE_PAGE => code_page = Bytes(data).u32().unwrap_or(code_page),
            BODY if depth == 0 => {
                let text = body::with_plain_ends(decode(data, code_page));
                unpacked.body.get_or_insert(BodyText::Plain(text));
            }
            MESSAGE_PROPERTIES if depth == 0 => read_body(data, code_page, unpacked),
            ATTACHMENT_BEGINS => close(open.replace(File::default()), code_page, depth, unpacked),
            ATTACHMENT_TITLE => open.get_or_insert_default().title = decode(data, code_page),
            ATTACHMENT_DATA => open.get_or_insert_default().data = data,
            ATTACHMENT_PROPERTIES => open.get_or_insert_default().properties = data,
            _ => {}
        }
        if unpacked.files.len() >= MAX_FILES {
            return;
        }
    }
    close(open, code_page, depth, unpacked);
}

/// The next attribute: its id and its data. The check sum is left alone: who would a wrong one help?
fn attribute<'a>(rest: &mut Bytes<'a>) -> Option<(u32, &'a [u8])> {
    let level = rest.take(1)?;
    if !matches!(level, [1 | 2]) {
        return None;
    }
    let attribute = rest.u32()?;
    let length = rest.length()?;
    // What is cut off ends the stream.
    let data = rest.take(length.min(rest.0.len()))?;
    rest.take(2.min(rest.0.len()))?;
    Some((attribute, data))
}

fn read_body(properties: &[u8], code_page: u32, unpacked: &mut Unpacked) {
    let (mut page, mut html, mut text) = (code_page, None, None);
    for (id, value) in Properties::of(properties) {
        match (id, value) {
            (TEXT_CODE_PAGE, Value::Number(number)) => page = number,
            (HTML, value) => html = Some(value),
            (TEXT, value) => text = Some(value),
            _ => {}
        }
    }
    let html = html.and_then(|html| match html {
        // The document says itself what it is written in.
        Value::Bytes { bytes, is_utf16: false } if let Some(label) = body::charset_of_meta(bytes) => {
            Some(charset::decode(bytes, Some(&label)))
        }
        other => other.text(page),
    });
    let text = text.and_then(|text| text.text(page));
    let body = html.map(BodyText::Html).or(text.map(|text| BodyText::Plain(body::with_plain_ends(text))));
    unpacked.body = body.or(unpacked.body.take());
}

/// What the stream says of a file, in attributes of its own or in properties.
#[derive(Default)]
struct File<'a> {
    title: String,
    data: &'a [u8],
    properties: &'a [u8],
}

fn close(open: Option<File<'_>>, code_page: u32, depth: usize, unpacked: &mut Unpacked) {
    let Some(File { title, mut data, properties }) = open else { return };
    let (mut short, mut long, mut kind, mut content_id) = (None, None, None, None);
    for (id, value) in Properties::of(properties) {
        match id {
            SHORT_NAME => short = value.text(code_page),
            LONG_NAME => long = value.text(code_page),
            MEDIA_TYPE => kind = value.text(code_page),
            CONTENT_ID => content_id = value.text(code_page),
            DATA => {
                let Value::Bytes { bytes, .. } = value else { continue };
                let object = bytes.get(16..).unwrap_or_default();
                if object.starts_with(&SIGNATURE.to_le_bytes()) && depth < MAX_DEPTH {
                    return read(object, depth + 1, unpacked);
                }
                if data.is_empty() {
                    data = bytes;
                }
            }
            _ => {}
        }
    }
    let name = [long, Some(title), short].into_iter().flatten().find(|name| !name.trim().is_empty());
    if data.is_empty() && name.is_none() {
        return;
    }
    let kind = file::media_type(kind.as_deref(), data);
    let mut attachment = Attachment::new(name.as_deref(), &kind, data.to_vec());
    attachment.content_id = content_id.filter(|id| !id.is_empty());
    unpacked.files.push(attachment);
}

/// A property's value, as far as it matters here.
enum Value<'a> {
    Number(u32),
    Bytes { bytes: &'a [u8], is_utf16: bool },
}

impl Value<'_> {
    fn text(&self, code_page: u32) -> Option<String> {
        match self {
            Self::Number(_) => None,
            Self::Bytes { bytes, is_utf16: true } => {
                let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
                let text: String = char::decode_utf16(units)
                    .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect();
                Some(text.replace('\0', ""))
            }
            Self::Bytes { bytes, .. } => Some(decode(bytes, code_page)),
        }
    }
}

/// The properties in a stream of them.
struct Properties<'a> {
    rest: Bytes<'a>,
    left: u32,
}

impl<'a> Properties<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut rest = Bytes(bytes);
        let left = rest.u32().unwrap_or_default();
        Self { rest, left }
    }

    fn read(&mut self) -> Option<(u16, Value<'a>)> {
        let kind = self.rest.u16()?;
        let id = self.rest.u16()?;
        if id >= 0x8000 {
            self.skip_name()?;
        }
        let is_multiple = kind & 0x1000 != 0;
        let kind = kind & !0x1000;
        // Texts, bytes and objects say how many and how long they are.
        let is_counted = matches!(kind, 0x0d | 0x1e | 0x1f | 0x0102);
        let count = if is_multiple || is_counted { self.rest.u32()? } else { 1 };
        let mut first = None;
        for _ in 0..count {
            let value = if is_counted {
                let length = self.rest.length()?;
                let bytes = self.rest.take(length)?;
                self.rest.take((4 - length % 4) % 4)?;
                Value::Bytes { bytes, is_utf16: kind == 0x1f }
            } else {
                let size = fixed_size(kind)?;
                Value::Number(Bytes(self.rest.take(size)?).u32()?)
            };
            first.get_or_insert(value);
        }
        Some((id, first.unwrap_or(Value::Number(0))))
    }

    /// A property outside of the standard's numbers: a GUID, and a number or a name.
    fn skip_name(&mut self) -> Option<()> {
        self.rest.take(16)?;
        if self.rest.u32()? == 0 {
            self.rest.take(4)?;
        } else {
            let length = self.rest.length()?;
            self.rest.take(length.checked_add((4 - length % 4) % 4)?)?;
        }
        Some(())
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = (u16, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        self.read()
    }
}

/// How many bytes a value takes, filled up to four.
fn fixed_size(kind: u16) -> Option<usize> {
    match kind {
        0x01..=0x04 | 0x0a | 0x0b => Some(4),
        0x05..=0x07 | 0x14 | 0x40 => Some(8),
        0x48 => Some(16),
        _ => None,
    }
}

/// A text of Windows, which ends at its first NUL.
fn decode(bytes: &[u8], code_page: u32) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let label = match code_page {
        20127 | 0 => "us-ascii".to_owned(),
        65001 => "utf-8".to_owned(),
        20866 => "koi8-r".to_owned(),
        28591..=28605 => format!("iso-8859-{}", code_page - 28590),
        50220..=50222 => "iso-2022-jp".to_owned(),
        874 | 1250..=1258 => format!("windows-{code_page}"),
        page => format!("cp{page}"),
    };
    charset::decode(text, Some(&label))
}

/// Bytes from the front, little-endian.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?;
        bytes.try_into().ok().map(u32::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }
}

#[cfg(test)]
mod tests;
