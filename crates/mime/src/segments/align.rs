//! A body in two forms, as text and as HTML: what is known about the one is carried over to the other.

use super::{Piece, Segment, SegmentKind, segment};

/// Lets the form in which earlier mails were found tell the other one, where that found none.
pub(super) fn agree(
    html: &[&str],
    html_kinds: Vec<SegmentKind>,
    plain: &[&str],
    plain_kinds: Vec<SegmentKind>,
) -> (Vec<SegmentKind>, Vec<SegmentKind>) {
    match (finds_earlier(&html_kinds), finds_earlier(&plain_kinds)) {
        (true, false) => {
            let projected = project(html, &html_kinds, plain);
            (html_kinds, projected.unwrap_or(plain_kinds))
        }
        (false, true) => {
            let projected = project(plain, &plain_kinds, html);
            (projected.unwrap_or(html_kinds), plain_kinds)
        }
        _ => (html_kinds, plain_kinds),
    }
}

fn finds_earlier(kinds: &[SegmentKind]) -> bool {
    kinds.iter().any(|kind| matches!(kind, SegmentKind::Quote | SegmentKind::Forwarded))
}

/// A line with fewer letters isn't recognised in another text.
const MIN_LETTERS: usize = 8;
/// Letters compared.
const MAX_LETTERS: usize = 60;

/// Finds the lines at which the kind changes in another form of the same text; `None` unless all are there.
fn project(known: &[&str], kinds: &[SegmentKind], other: &[&str]) -> Option<Vec<SegmentKind>> {
    let mut changes = Vec::new();
    let mut last = SegmentKind::New;
    for (line, kind) in known.iter().zip(kinds) {
        if *kind != last {
            let letters = letters(line);
            if letters.chars().count() < MIN_LETTERS {
                return None;
            }
            changes.push((letters, *kind));
            last = *kind;
        }
    }
    let mut changes = changes.into_iter().peekable();
    let mut current = SegmentKind::New;
    let mut projected = Vec::new();
    for line in other {
        if let Some((expected, kind)) = changes.peek() {
            let found = letters(line);
            if found.chars().count() >= MIN_LETTERS
                && (expected.starts_with(&found) || found.starts_with(expected.as_str()))
            {
                current = *kind;
                changes.next();
            }
        }
        projected.push(current);
    }
    changes.next().is_none().then_some(projected)
}

/// The letters and digits that a line begins with: what stays the same between text and HTML.
fn letters(line: &str) -> String {
    line.chars().filter(|c| c.is_alphanumeric()).take(MAX_LETTERS).collect()
}

/// Beyond this many pairs of pieces, the HTML isn't divided.
const MAX_PAIRS: usize = 250_000;

/// Puts the pieces of the text and of the HTML side by side, by their kinds, each kept in its order.
pub(super) fn pair(plain: &str, pieces: Vec<Piece>, mut html: Vec<(SegmentKind, String)>) -> Vec<Segment> {
    if pieces.len().saturating_mul(html.len()) > MAX_PAIRS {
        html = vec![(SegmentKind::New, html.into_iter().map(|(_, html)| html).collect())];
    }
    let common = common_kinds(&pieces, &html);
    let mut segments = Vec::new();
    let mut pieces = pieces.into_iter().peekable();
    let mut html = html.into_iter().peekable();
    for kind in common {
        segments.extend(
            std::iter::from_fn(|| pieces.next_if(|(other, _)| *other != kind))
                .map(|(kind, range)| segment(kind, plain, range, None)),
        );
        segments.extend(std::iter::from_fn(|| html.next_if(|(other, _)| *other != kind)).map(only_html));
        if let (Some((_, range)), Some((_, html))) = (pieces.next(), html.next()) {
            segments.push(segment(kind, plain, range, Some(html)));
        }
    }
    segments.extend(pieces.map(|(kind, range)| segment(kind, plain, range, None)));
    segments.extend(html.map(only_html));
    segments
}

fn only_html((kind, html): (SegmentKind, String)) -> Segment {
    Segment { kind, text: String::new(), html: Some(html) }
}

/// The longest sequence of kinds that both have.
fn common_kinds(pieces: &[Piece], html: &[(SegmentKind, String)]) -> Vec<SegmentKind> {
    let (rows, columns) = (pieces.len(), html.len());
    let width = columns + 1;
    // `lengths[row * width + column]`: of what follows piece `row` and HTML piece `column`.
    let mut lengths = vec![0_u32; (rows + 1) * width];
    let at =
        |lengths: &[u32], row: usize, column: usize| lengths.get(row * width + column).copied().unwrap_or(0);
    for (row, (kind, _)) in pieces.iter().enumerate().rev() {
        for (column, (other, _)) in html.iter().enumerate().rev() {
            let length = if kind == other {
                at(&lengths, row + 1, column + 1) + 1
            } else {
                at(&lengths, row + 1, column).max(at(&lengths, row, column + 1))
            };
            if let Some(cell) = lengths.get_mut(row * width + column) {
                *cell = length;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut common = Vec::new();
    while let (Some((kind, _)), Some((other, _))) = (pieces.get(row), html.get(column)) {
        if kind == other {
            common.push(*kind);
            (row, column) = (row + 1, column + 1);
        } else if at(&lengths, row + 1, column) >= at(&lengths, row, column + 1) {
            row += 1;
        } else {
            column += 1;
        }
    }
    common
}
