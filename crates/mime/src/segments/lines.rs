//! Which lines of a body are new, quoted, forwarded or a signature.

use super::SegmentKind;
use super::line::{self, Label, Separator};

/// A line of a body, and what the structure of the HTML says about it.
pub(super) struct Line<'t> {
    /// Without its line end.
    pub(super) text: &'t str,
    /// What the HTML marks it as.
    pub(super) marked: Option<SegmentKind>,
    /// It stands in a `<blockquote>` that may be a quoted mail as well as a quotation in a new text.
    pub(super) indented: bool,
    /// Which line of a quoted mail's header it can be.
    label: Option<Label>,
}

impl<'t> Line<'t> {
    pub(super) fn plain(text: &'t str) -> Self {
        Self::of_html(text, None, false)
    }

    pub(super) fn of_html(text: &'t str, marked: Option<SegmentKind>, indented: bool) -> Self {
        Self { text, marked, indented, label: line::label(text) }
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

/// So many lines of a body are looked at: nobody writes more, and each costs.
pub(super) const MAX_LINES: usize = 50_000;

/// Says for each of `count` lines what it is, of which `lines` are the first. Looks at each line a bounded number of
/// times; those that aren't given belong to an earlier mail that goes on to the end, or are shown as new.
///
/// `is_forward`: the subject says that the mail is passed on, so that a quoted header begins a forwarded mail.
pub(super) fn classify(lines: &[Line<'_>], count: usize, is_forward: bool) -> Vec<SegmentKind> {
    let mut walk = Walk {
        lines,
        kinds: Vec::with_capacity(lines.len()),
        in_signature: false,
        has_new_text: false,
        is_forward,
        rest: SegmentKind::New,
        ends: SignatureEnds::default(),
    };
    while let Some(current) = lines.get(walk.kinds.len()) {
        walk.step(current);
    }
    walk.kinds.resize(count, walk.rest);
    walk.kinds
}

struct Walk<'l, 't> {
    lines: &'l [Line<'t>],
    /// What has been decided, from the first line on.
    kinds: Vec<SegmentKind>,
    in_signature: bool,
    /// A new line with text has been found.
    has_new_text: bool,
    is_forward: bool,
    /// What the lines are that aren't looked at.
    rest: SegmentKind,
    ends: SignatureEnds,
}

/// Where a signature would end, looked for once for each line.
#[derive(Default)]
struct SignatureEnds {
    /// No line before this one ends a signature, except those before the one that is being decided.
    searched_to: usize,
    /// The line that was found to.
    found: Option<usize>,
}

impl Walk<'_, '_> {
    fn step(&mut self, current: &Line<'_>) {
        if current.is_blank() {
            let kind = if self.in_signature { SegmentKind::Signature } else { self.kind_of_blank() };
            return self.push(kind, 1);
        }
        if let Some(kind) = current.marked {
            self.in_signature = false;
            self.has_new_text |= kind == SegmentKind::New;
            return self.push(kind, 1);
        }
        if line::is_quoted(current.text) || self.continues_quoted_link(current) {
            self.in_signature = false;
            return self.push(SegmentKind::Quote, 1);
        }
        if let Some(found) = line::separator(current.text) {
            let is_forwarded = found == Separator::Forwarded || self.is_forward || !self.has_new_text;
            return self.rest_is(if is_forwarded { SegmentKind::Forwarded } else { SegmentKind::Quote });
        }
        if self.begins_header(self.kinds.len()) {
            let is_forwarded = self.is_forward || !self.has_new_text;
            return self.rest_is(if is_forwarded { SegmentKind::Forwarded } else { SegmentKind::Quote });
        }
        if self.take_attribution() {
            return;
        }
        if self.begins_signature(current) {
            self.in_signature = true;
        }
        let kind = if self.in_signature { SegmentKind::Signature } else { SegmentKind::New };
        self.has_new_text |= kind == SegmentKind::New;
        self.push(kind, 1);
    }

    /// A link that a program broke out of the quoted line above.
    fn continues_quoted_link(&self, current: &Line<'_>) -> bool {
        let above = self.kinds.len().checked_sub(1).and_then(|at| self.lines.get(at));
        above.is_some_and(|above| {
            let last_word = above.text.split_whitespace().next_back().unwrap_or_default();
            let is_cut = last_word.contains("://")
                && last_word.starts_with(['(', '<'])
                && !last_word.ends_with([')', '>']);
            let link = current.text.trim_start();
            let is_link = link.starts_with("(http") || link.starts_with("<http");
            line::is_quoted(above.text) && (is_cut || is_link)
        })
    }

    fn begins_header(&self, at: usize) -> bool {
        let labels = self.lines.iter().skip(at).map(|line| line.label);
        self.lines.get(at).is_some_and(|line| line.label.is_some()) && line::begins_header(labels)
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
        self.rest = kind;
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
            Some(_) if found.is_certain && self.has_new_text => self.rest_is(SegmentKind::Quote),
            // Nothing but the introduction itself can be told from a new text.
            _ if found.is_certain => self.push(SegmentKind::Quote, introduction),
            _ => return false,
        }
        self.in_signature = false;
        true
    }

    fn begins_signature(&mut self, current: &Line<'_>) -> bool {
        if self.in_signature || !self.has_new_text {
            return false;
        }
        if line::is_signature_delimiter(current.text) || line::is_signature_rule(current.text) {
            return self.lines_of_signature(1) <= MAX_SIGNATURE_LINES;
        }
        line::is_sent_from(current.text) && self.lines_of_signature(1) <= MAX_SENT_FROM_LINES
    }

    /// How many lines with text stand between here and the next quote or the end.
    fn lines_of_signature(&mut self, skip: usize) -> usize {
        let from = self.kinds.len() + skip;
        let horizon = (from + 4 * MAX_SIGNATURE_LINES).min(self.lines.len());
        let end = self.signature_end(from, horizon);
        if end == horizon && horizon < self.lines.len() {
            return MAX_SIGNATURE_LINES + 1;
        }
        self.lines.iter().take(end).skip(from).filter(|line| !line.is_blank()).count()
    }

    /// The first line from `from` on that ends a signature; `horizon` if none before that does.
    fn signature_end(&mut self, from: usize, horizon: usize) -> usize {
        if let Some(found) = self.ends.found.filter(|found| *found >= from) {
            return found.min(horizon);
        }
        let start = self.ends.searched_to.max(from);
        let end = (start..horizon).find(|at| self.ends_signature(*at));
        self.ends = SignatureEnds { searched_to: end.unwrap_or(horizon).max(start), found: end };
        end.unwrap_or(horizon)
    }

    fn ends_signature(&self, at: usize) -> bool {
        let Some(line) = self.lines.get(at) else { return true };
        let texts = self.lines.iter().skip(at).map(|line| line.text);
        line.is_quoted()
            || line::separator(line.text).is_some()
            || self.begins_header(at)
            || line::attribution(texts).is_some_and(|found| found.is_certain)
    }
}
