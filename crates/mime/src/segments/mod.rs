//! What of a body was newly written, and what is quoted, forwarded or a signature (MAIL-5).

use serde::Serialize;

/// What a piece of a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// Newly written by the sender.
    New,
    /// An earlier mail, with the line that introduces it.
    Quote,
    /// The sender's signature.
    Signature,
    /// A mail that the sender passes on.
    Forwarded,
}

/// A piece of a body. A mail's segments together are its whole text, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// Its plain text, line ends included; empty where only the HTML has this piece.
    pub text: String,
    /// Its sanitised HTML; `None` where the mail has none, or only the text has this piece.
    pub html: Option<String>,
}

/// The segments of a plain text.
pub(crate) fn of_text(text: &str) -> Vec<Segment> {
    vec![Segment { kind: SegmentKind::New, text: text.to_owned(), html: None }]
}

/// The `new` segments' text, joined and trimmed.
pub(crate) fn visible_text(segments: &[Segment]) -> String {
    let new = segments.iter().filter(|segment| segment.kind == SegmentKind::New);
    let joined: String = new.map(|segment| segment.text.as_str()).collect();
    joined.trim().to_owned()
}

/// The text and segments of an HTML body, with its text alternative if it has one.
pub(crate) fn of_html(tree: &crate::html::Tree, plain: Option<String>) -> (String, Vec<Segment>) {
    let text = plain.unwrap_or_else(|| crate::html::render(tree, crate::html::Links::Hidden).text);
    let segment = Segment { kind: SegmentKind::New, text: text.clone(), html: Some(tree.to_html()) };
    (text, vec![segment])
}
