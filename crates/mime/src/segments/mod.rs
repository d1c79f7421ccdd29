//! What of a body was newly written, and what is quoted, forwarded or a signature (MAIL-5).
//!
//! One rule serves text and HTML: HTML is rendered to text, its structure marks lines, the lines are classified, and
//! what was decided about them is carried back to the tree.

mod align;
mod devices;
mod labels;
mod line;
mod lines;
mod marks;
mod phrases;

use crate::html::{self, Links, Position, Rendered, Tree};
use lines::{Line, MAX_LINES};
use serde::Serialize;
use std::ops::Range;

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

/// The segments of a body of plain text.
pub(crate) fn of_text(text: &str, is_forward: bool) -> Vec<Segment> {
    let lines = lines_of(text);
    let pieces = pieces(&lines, &classify_text(&lines, is_forward));
    pieces.into_iter().map(|(kind, range)| segment(kind, text, range, None)).collect()
}

/// The text and the segments of an HTML body. `plain` is its text alternative, if the mail has one.
pub(crate) fn of_html(tree: &Tree, plain: Option<String>, is_forward: bool) -> (String, Vec<Segment>) {
    let rendered = html::render(tree, Links::Hidden);
    let lines: Vec<&str> = rendered.text.split_inclusive('\n').collect();
    let kinds = classify_html(tree, &rendered, &lines, is_forward);
    let Some(plain) = plain else {
        let pieces = pieces(&lines, &kinds);
        let html = slices(tree, &rendered, &pieces);
        let segments = pieces.into_iter().zip(html);
        let segments = segments.map(|((kind, range), html)| segment(kind, &rendered.text, range, Some(html)));
        let segments = segments.collect();
        return (rendered.text, segments);
    };
    let plain_lines = lines_of(&plain);
    let plain_kinds = classify_text(&plain_lines, is_forward);
    let (kinds, plain_kinds) = align::agree(&lines, kinds, &plain_lines, plain_kinds);
    let html_pieces = pieces(&lines, &kinds);
    let html = html_pieces.iter().map(|(kind, _)| *kind).zip(slices(tree, &rendered, &html_pieces)).collect();
    let segments = align::pair(&plain, pieces(&plain_lines, &plain_kinds), html);
    (plain, segments)
}

/// The `new` segments' text, joined and trimmed.
pub(crate) fn visible_text(segments: &[Segment]) -> String {
    let new = segments.iter().filter(|segment| segment.kind == SegmentKind::New);
    let joined: String = new.map(|segment| segment.text.as_str()).collect();
    joined.trim().to_owned()
}

/// Consecutive lines of one kind.
type Piece = (SegmentKind, Range<usize>);

fn segment(kind: SegmentKind, text: &str, range: Range<usize>, html: Option<String>) -> Segment {
    Segment { kind, text: text.get(range).unwrap_or_default().to_owned(), html }
}

/// A text's lines with their ends; where an introduction stands behind new words in one, it is a line for itself.
fn lines_of(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let at = if lines.len() < MAX_LINES { line::inline_attribution(line) } else { None };
        match at.and_then(|at| line.split_at_checked(at)) {
            Some((answer, introduction)) => lines.extend([answer, introduction]),
            None => lines.push(line),
        }
    }
    lines
}

fn classify_text(lines: &[&str], is_forward: bool) -> Vec<SegmentKind> {
    let first: Vec<Line<'_>> =
        lines.iter().take(MAX_LINES).map(|line| Line::plain(without_end(line))).collect();
    lines::classify(&first, lines.len(), is_forward)
}

/// Whether a body has more lines than are looked at for earlier mails.
pub(crate) fn is_too_long(text: &str) -> bool {
    text.split_inclusive('\n').nth(MAX_LINES).is_some()
}

fn classify_html(tree: &Tree, rendered: &Rendered, lines: &[&str], is_forward: bool) -> Vec<SegmentKind> {
    let mut starts = Vec::new();
    let mut texts = Vec::new();
    let mut offset = 0;
    for line in lines {
        starts.push(offset);
        texts.push(without_end(line));
        offset += line.len();
    }
    let mut marks = marks::mark_lines(tree, rendered, &starts);
    let classified = |marks: &marks::Marks| {
        let lines: Vec<Line<'_>> = texts
            .iter()
            .zip(&marks.lines)
            .take(MAX_LINES)
            .map(|(text, (marked, indented))| Line::of_html(text, *marked, *indented))
            .collect();
        lines::classify(&lines, texts.len(), is_forward)
    };
    let kinds = classified(&marks);
    let has_new =
        kinds.iter().zip(&texts).any(|(kind, text)| *kind == SegmentKind::New && !text.trim().is_empty());
    if has_new {
        return kinds;
    }
    // Some people write their answer into their own signature's element.
    marks.forget_signatures();
    classified(&marks)
}

fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Joins the lines of one kind; together the pieces are the whole text.
fn pieces(lines: &[&str], kinds: &[SegmentKind]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut offset = 0;
    for (line, kind) in lines.iter().zip(kinds) {
        let end = offset + line.len();
        match pieces.last_mut() {
            Some((same, range)) if same == kind => range.end = end,
            _ => pieces.push((*kind, offset..end)),
        }
        offset = end;
    }
    pieces
}

/// The HTML of each piece of the rendered text; together they hold everything in the tree.
fn slices(tree: &Tree, rendered: &Rendered, pieces: &[Piece]) -> Vec<String> {
    let starts: Vec<Option<Position>> = pieces
        .iter()
        .enumerate()
        .map(|(index, (_, range))| {
            let line = rendered.lines.partition_point(|(start, _)| *start < range.start);
            let position = rendered.lines.get(line).map(|(_, position)| hoist(tree, *position));
            // The first piece begins with whatever stands before its text.
            position.filter(|_| index > 0)
        })
        .collect();
    let ends = starts.iter().skip(1).copied().chain([None]);
    starts.iter().zip(ends).map(|(from, to)| html::slice(tree, *from, to)).collect()
}

/// The outermost element that begins where this position is.
fn hoist(tree: &Tree, position: Position) -> Position {
    let mut node = position.node;
    if position.offset > 0 {
        return position;
    }
    while let Some(parent) = tree.nodes.get(node).and_then(|node| node.parent)
        && parent + 1 == node
    {
        node = parent;
    }
    Position { node, offset: 0 }
}

#[cfg(test)]
mod tests;
