//! Which lines of a body are new, quoted, forwarded or a signature.

use super::SegmentKind;
use super::line::{self, Separator};

/// A line of a body, and what the structure of the HTML says about it.
pub(super) struct Line<'t> {
    /// Without its line end.
    pub(super) text: &'t str,
    /// What the HTML marks it as.
    pub(super) marked: Option<SegmentKind>,
    /// It stands in a `<blockquote>` that may be a quoted mail as well as a quotation in a new text.
    pub(super) indented: bool,
}

impl<'t> Line<'t> {
    pub(super) fn plain(text: &'t str) -> Self {
        Self { text, marked: None, indented: false }
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Whether it is an earlier mail's for sure.
    fn is_quoted(&self) -> bool {
        match self.marked {
            Some(kind) => matches!(kind, SegmentKind::Quote | SegmentKind::Forwarded),
            None => line::is_quoted(self.text),
        }
    }
}

/// A signature has at most as many lines with text; more is a text that happens to follow a dash.
const MAX_SIGNATURE_LINES: usize = 14;
/// Below "Sent from my phone" stands nothing, or one more such line.
const MAX_SENT_FROM_LINES: usize = 2;

/// Says for each line what it is. Looks at each line a bounded number of times.
///
/// `is_forward`: the subject says that the mail is passed on, so that a quoted header begins a forwarded mail.
pub(super) fn classify(lines: &[Line<'_>], is_forward: bool) -> Vec<SegmentKind> {
    let mut walk = Walk { lines, kinds: Vec::with_capacity(lines.len()), in_signature: false, is_forward };
    while let Some(current) = lines.get(walk.kinds.len()) {
        walk.step(current);
    }
    walk.kinds
}

struct Walk<'l, 't> {
    lines: &'l [Line<'t>],
    /// What has been decided, from the first line on.
    kinds: Vec<SegmentKind>,
    in_signature: bool,
    is_forward: bool,
}

impl Walk<'_, '_> {
    fn step(&mut self, current: &Line<'_>) {
        if current.is_blank() {
            let kind = if self.in_signature { SegmentKind::Signature } else { self.kind_of_blank() };
            return self.push(kind, 1);
        }
        if let Some(kind) = current.marked {
            self.in_signature = false;
            return self.push(kind, 1);
        }
        if line::is_quoted(current.text) {
            self.in_signature = false;
            return self.push(SegmentKind::Quote, 1);
        }
        if let Some(found) = line::separator(current.text) {
            let is_forwarded = found == Separator::Forwarded || self.is_forward || !self.has_new_text();
            return self.rest_is(if is_forwarded { SegmentKind::Forwarded } else { SegmentKind::Quote });
        }
        if line::label(current.text).is_some() && line::begins_header(self.texts()) {
            let is_forwarded = self.is_forward || !self.has_new_text();
            return self.rest_is(if is_forwarded { SegmentKind::Forwarded } else { SegmentKind::Quote });
        }
        if self.take_attribution() {
            return;
        }
        if self.begins_signature(current) {
            self.in_signature = true;
        }
        let kind = if self.in_signature { SegmentKind::Signature } else { SegmentKind::New };
        self.push(kind, 1);
    }

    fn push(&mut self, kind: SegmentKind, lines: usize) {
        self.kinds.extend(std::iter::repeat_n(kind, lines));
    }

    /// The undecided lines.
    fn ahead(&self) -> &[Line<'_>] {
        self.lines.get(self.kinds.len()..).unwrap_or_default()
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.ahead().iter().map(|line| line.text)
    }

    /// A blank line belongs to what stands above it.
    fn kind_of_blank(&self) -> SegmentKind {
        self.kinds.last().copied().unwrap_or(SegmentKind::New)
    }

    fn has_new_text(&self) -> bool {
        let decided = self.lines.iter().zip(&self.kinds);
        decided.rev().any(|(line, kind)| *kind == SegmentKind::New && !line.is_blank())
    }

    /// The rest of the body is an earlier mail, with the rule drawn above it.
    fn rest_is(&mut self, kind: SegmentKind) {
        let decided = self.lines.iter().zip(&self.kinds).rev();
        let above = decided.take_while(|(line, _)| line.is_blank() || line::is_rule(line.text)).count();
        let has_rule =
            self.lines.iter().take(self.kinds.len()).rev().take(above).any(|line| !line.is_blank());
        if has_rule {
            self.kinds.truncate(self.kinds.len() - above);
        }
        self.push(kind, self.lines.len() - self.kinds.len());
    }

    /// "On …, Ann wrote:" and what it introduces.
    fn take_attribution(&mut self) -> bool {
        let Some(found) = line::attribution(self.texts()) else { return false };
        let ahead = self.ahead();
        let blanks = ahead.iter().skip(found.lines).take_while(|line| line.is_blank()).count();
        let introduction = found.lines + blanks;
        match ahead.get(introduction) {
            Some(next) if next.is_quoted() => self.push(SegmentKind::Quote, introduction),
            Some(next) if next.indented => {
                let quoted = ahead.iter().skip(introduction).take_while(|line| line.indented).count();
                self.push(SegmentKind::Quote, introduction + quoted);
            }
            // Quoted without marks, below a new text; without one it may be anything.
            Some(_) if found.is_certain && self.has_new_text() => self.rest_is(SegmentKind::Quote),
            None if found.is_certain && self.has_new_text() => self.push(SegmentKind::Quote, introduction),
            _ => return false,
        }
        self.in_signature = false;
        true
    }

    fn begins_signature(&self, current: &Line<'_>) -> bool {
        if self.in_signature || !self.has_new_text() {
            return false;
        }
        if line::is_signature_delimiter(current.text) || line::is_signature_rule(current.text) {
            return self.lines_of_signature(1) <= MAX_SIGNATURE_LINES;
        }
        line::is_sent_from(current.text) && self.lines_of_signature(1) <= MAX_SENT_FROM_LINES
    }

    /// How many lines with text stand between here and the next quote or the end.
    fn lines_of_signature(&self, skip: usize) -> usize {
        let mut count = 0;
        for (index, line) in self.ahead().iter().enumerate().skip(skip) {
            let texts = || self.texts().skip(index);
            let ends = line.is_quoted()
                || line::separator(line.text).is_some()
                || line::is_rule(line.text) && index > skip
                || line::label(line.text).is_some() && line::begins_header(texts())
                || line::attribution(texts()).is_some_and(|found| found.is_certain);
            if ends {
                break;
            }
            count += usize::from(!line.is_blank());
            // Enough to know that it is none; keeps the work bounded.
            if count > MAX_SIGNATURE_LINES || index > 4 * MAX_SIGNATURE_LINES {
                return MAX_SIGNATURE_LINES + 1;
            }
        }
        count
    }
}
