//! Which parts are the body, as text and as HTML, and which are attachments (after RFC 8621, 4.1.4).

use crate::{attachments, attachments::Attachment, charset, flowed, part::Part, tnef};

/// A part of the body, decoded to characters.
#[derive(Clone)]
pub(crate) enum BodyText {
    Plain(String),
    Html(String),
}

impl BodyText {
    fn is_blank(&self) -> bool {
        let (Self::Plain(text) | Self::Html(text)) = self;
        text.trim().is_empty()
    }
}

/// A mail's parts, sorted by what they are for.
#[derive(Default)]
pub(crate) struct Bodies {
    /// The body for a reader of plain text; holds HTML only where there is no plain text.
    pub(crate) text: Vec<BodyText>,
    /// The body for a reader of HTML; holds plain text only where there is no HTML.
    pub(crate) html: Vec<BodyText>,
    pub(crate) attachments: Vec<Attachment>,
    /// What a program packed up for itself: the body of a mail that has no other.
    packed: Option<BodyText>,
}

impl Bodies {
    /// Sorts a mail's parts.
    pub(crate) fn of(mail: &Part<'_>) -> Self {
        let mut bodies = Self::default();
        if mail.children.is_empty() {
            bodies.take_leaf(mail, Place { index: 0, parent: "", in_alternative: false, into: Into::BOTH });
        } else {
            bodies.take_children(mail, mail.content_type == "multipart/alternative", Into::BOTH);
        }
        let is_blank = |bodies: &[BodyText]| bodies.iter().all(BodyText::is_blank);
        if let Some(packed) = bodies.packed.take()
            && is_blank(&bodies.text)
            && is_blank(&bodies.html)
        {
            bodies.text = vec![packed.clone()];
            bodies.html = vec![packed];
        }
        bodies
    }

    /// A part's files in its place; false where it has none and no text.
    fn unpack(&mut self, part: &Part<'_>) -> bool {
        let unpacked = tnef::unpack(&part.decoded());
        let holds_something =
            !unpacked.files.is_empty() || unpacked.body.as_ref().is_some_and(|body| !body.is_blank());
        self.attachments.extend(unpacked.files);
        self.packed = self.packed.take().or(unpacked.body);
        holds_something
    }

    fn take_children(&mut self, parent: &Part<'_>, in_alternative: bool, mut into: Into) {
        let is_alternative = parent.content_type == "multipart/alternative";
        let before = (self.text.len(), self.html.len());
        for (index, part) in parent.children.iter().enumerate() {
            if part.children.is_empty() {
                let place = Place { index, parent: &parent.content_type, in_alternative, into };
                into = self.take_leaf(part, place);
            } else {
                let nested = in_alternative || part.content_type == "multipart/alternative";
                self.take_children(part, nested, into);
            }
        }
        if is_alternative && into.text && into.html {
            self.level_alternative(before);
        }
    }

    /// Where an alternative offers only one form, it is the body for both readers.
    fn level_alternative(&mut self, (text, html): (usize, usize)) {
        if self.text.len() == text {
            self.text.extend(self.html.get(html..).unwrap_or_default().iter().cloned());
        } else if self.html.len() == html {
            self.html.extend(self.text.get(text..).unwrap_or_default().iter().cloned());
        }
    }

    /// Sorts one leaf; returns which bodies its later siblings go to.
    fn take_leaf(&mut self, part: &Part<'_>, place: Place<'_>) -> Into {
        let Some(kind) = TextKind::of(part).filter(|_| place.is_body(part)) else {
            if tnef::is_tnef(part) && self.unpack(part) {
                return place.into;
            }
            self.attachments.push(Attachment::from_part(part));
            return place.into;
        };
        let mut into = place.into;
        if place.in_alternative {
            into = into.and(kind.only());
        }
        let body = self.decode(part, kind);
        if into.text {
            self.text.push(body.clone());
        }
        if into.html {
            self.html.push(body);
        }
        if place.parent == "multipart/alternative" { place.into } else { into }
    }

    fn decode(&mut self, part: &Part<'_>, kind: TextKind) -> BodyText {
        let bytes = part.decoded();
        match kind {
            TextKind::Html => {
                let declared = part.parameters.token("charset").map(str::to_owned);
                let declared = declared.or_else(|| charset_of_meta(&bytes));
                BodyText::Html(charset::decode(&bytes, declared.as_deref()))
            }
            TextKind::Plain => {
                let text = charset::decode(&bytes, part.parameters.token("charset"));
                let text = flowed::unflow(with_plain_ends(text), &part.parameters);
                let (text, files) = attachments::extract_uuencoded(&text);
                self.attachments.extend(files);
                BodyText::Plain(text)
            }
        }
    }
}

/// Which of the two bodies a part goes to.
#[derive(Clone, Copy)]
struct Into {
    text: bool,
    html: bool,
}

impl Into {
    const BOTH: Self = Self { text: true, html: true };

    fn and(self, other: Self) -> Self {
        Self { text: self.text && other.text, html: self.html && other.html }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum TextKind {
    Plain,
    Html,
}

impl TextKind {
    fn of(part: &Part<'_>) -> Option<Self> {
        match part.content_type.as_str() {
            "text/plain" | "text" => Some(Self::Plain),
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            _ => None,
        }
    }

    fn only(self) -> Into {
        Into { text: self == Self::Plain, html: self == Self::Html }
    }
}

/// Where a leaf stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    index: usize,
    parent: &'p str,
    in_alternative: bool,
    into: Into,
}

impl Place<'_> {
    /// RFC 8621's rule for a text part: shown unless it is marked as a file, a named later part, or something that
    /// the first part of a multipart/related refers to.
    fn is_body(&self, part: &Part<'_>) -> bool {
        let first_or_unnamed =
            self.index == 0 || (self.parent != "multipart/related" && part.filename().is_none());
        !part.is_marked_attachment() && first_or_unnamed
    }
}

/// A text whose lines end in `\n`.
pub(crate) fn with_plain_ends(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// `<meta charset=…>` in the first bytes of an HTML part that declares nothing in its header.
pub(crate) fn charset_of_meta(html: &[u8]) -> Option<String> {
    let head = html.get(..2048).unwrap_or(html);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, after) = head.split_once("charset=")?;
    let label: String = after
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
        .collect();
    (!label.is_empty()).then_some(label)
}
