//! Where the HTML of mail programs marks quotes, forwarded mails and signatures (MAIL-5).

use super::SegmentKind;
use crate::html::{Node, NodeId, Rendered, Tree};
use std::collections::HashMap;

/// What an element says about the text inside of it, or behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Its own text.
    Inside(SegmentKind),
    /// Everything from it on.
    FromHere(SegmentKind),
    /// A `<blockquote>`: a quoted mail if something introduces it.
    Indented,
}

const QUOTE_CLASSES: [&str; 14] = [
    "gmail_quote",
    "gmail_quote_container",
    "gmail_attr",
    "yahoo_quoted",
    "moz-cite-prefix",
    "moz-email-headers-table",
    "protonmail_quote",
    "tutanota_quote",
    "zmail_extra",
    "outlookmessageheader",
    "mailspring-quote",
    "nylas-quote",
    "freescout-quote",
    "quoted-mail",
];
const QUOTE_IDS: [&str; 6] = [
    "yahoo_quoted",
    "mail-editor-reference-message-container",
    "ms-outlook-mobile-reference-message",
    "reply-intro",
    "isreplycontent",
    "zmail_extra",
];
const FROM_HERE_IDS: [&str; 3] = ["divrplyfwdmsg", "appendonsend", "replysplit"];
const FORWARD_CLASSES: [&str; 2] = ["moz-forward-container", "gmail_forward"];
const SIGNATURE_CLASSES: [&str; 5] = [
    "gmail_signature",
    "moz-signature",
    "yahoo_signature",
    "protonmail_signature_block-user",
    "mailspring-signature",
];
const SIGNATURE_IDS: [&str; 4] =
    ["signature", "applemailsignature", "ms-outlook-mobile-signature", "mobile_signature"];

/// Containers of an introduction and the quoted mail in a `<blockquote>`; answers between stand in them as well.
const CONTAINER_CLASSES: [&str; 3] = ["gmail_quote", "protonmail_quote", "tutanota_quote"];

fn has_class(node: &Node, known: &[&str]) -> bool {
    let classes = node.attribute("class").unwrap_or_default().to_ascii_lowercase();
    // Outlook puts `x_` before the names that it finds.
    classes.split_ascii_whitespace().any(|class| known.contains(&class.trim_start_matches("x_")))
}

fn mark_of(tree: &Tree, node: &Node) -> Option<Mark> {
    let has_class = |known: &[&str]| has_class(node, known);
    let id = node.attribute("id").unwrap_or_default().to_ascii_lowercase();
    let id = id.trim_start_matches("x_");
    if FROM_HERE_IDS.contains(&id) {
        return Some(Mark::FromHere(SegmentKind::Quote));
    }
    if has_class(&FORWARD_CLASSES) {
        return Some(Mark::Inside(SegmentKind::Forwarded));
    }
    if node.name() == "blockquote" && has_class(&["gmail_quote"]) && !is_in_container(tree, node) {
        // Gmail's button for quotations makes one as well.
        return Some(Mark::Indented);
    }
    if has_class(&QUOTE_CLASSES) || QUOTE_IDS.contains(&id) {
        return Some(Mark::Inside(SegmentKind::Quote));
    }
    if has_class(&SIGNATURE_CLASSES) || SIGNATURE_IDS.contains(&id) {
        return Some(Mark::Inside(SegmentKind::Signature));
    }
    if node.name() == "blockquote" {
        let is_cite = node.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("cite"));
        return Some(if is_cite { Mark::Inside(SegmentKind::Quote) } else { Mark::Indented });
    }
    None
}

/// Whether a node stands in a container of an introduction and a quoted mail.
fn is_in_container(tree: &Tree, node: &Node) -> bool {
    let parent = |node: &Node| node.parent.and_then(|id| tree.nodes.get(id));
    let mut ancestors = std::iter::successors(parent(node), |node| parent(node));
    ancestors.any(|ancestor| ancestor.name() != "blockquote" && has_class(ancestor, &CONTAINER_CLASSES))
}

/// For each container of an introduction and a quoted mail: where the first `<blockquote>` right inside of it ends.
///
/// People who answer in between leave that element and come back to another: their words stand in the container.
fn first_quotes(tree: &Tree, rendered: &Rendered) -> HashMap<NodeId, usize> {
    let mut ends = HashMap::new();
    for &(id, _, to) in &rendered.elements {
        if let Some(node) = tree.nodes.get(id)
            && node.name() == "blockquote"
            && let Some(parent) = node.parent
            && let Some(container) = tree.nodes.get(parent)
            && container.name() != "blockquote"
            && has_class(container, &CONTAINER_CLASSES)
        {
            ends.entry(parent).or_insert(to);
        }
    }
    ends
}

/// What the structure of the HTML says about each line of its text.
pub(super) struct Marks {
    /// For each line.
    pub(super) lines: Vec<(Option<SegmentKind>, bool)>,
}

/// Marks the lines that begin at these places of the rendered text.
pub(super) fn mark_lines(tree: &Tree, rendered: &Rendered, starts: &[usize]) -> Marks {
    let mut marks = Marks { lines: vec![(None, false); starts.len()] };
    let first_quotes = first_quotes(tree, rendered);
    // Elements come in document order: what an outer one has marked, an inner one doesn't change.
    let mut marked_to = 0;
    let mut indented_to = 0;
    for &(id, from, to) in &rendered.elements {
        let Some(mark) = tree.nodes.get(id).and_then(|node| mark_of(tree, node)) else { continue };
        let (kind, to) = match mark {
            Mark::Indented => {
                marks.paint(starts, from.max(indented_to), to, |line| line.1 = true);
                indented_to = indented_to.max(to);
                continue;
            }
            Mark::Inside(kind) => (kind, to),
            Mark::FromHere(kind) => (kind, usize::MAX),
        };
        if to <= marked_to {
            continue;
        }
        let is_forward = begins_forward(&rendered.text, from, kind);
        let to = first_quotes.get(&id).copied().filter(|_| !is_forward).unwrap_or(to);
        let kind = if is_forward { SegmentKind::Forwarded } else { kind };
        marks.paint(starts, from.max(marked_to), to, |line| line.0 = Some(kind));
        marked_to = to;
    }
    marks
}

impl Marks {
    fn paint(
        &mut self,
        starts: &[usize],
        from: usize,
        to: usize,
        paint: impl Fn(&mut (Option<SegmentKind>, bool)),
    ) {
        let first = starts.partition_point(|&start| start < from);
        let last = starts.partition_point(|&start| start < to);
        self.lines.get_mut(first..last).unwrap_or_default().iter_mut().for_each(paint);
    }

    /// Takes the marks of signatures back.
    pub(super) fn forget_signatures(&mut self) {
        for (kind, _) in &mut self.lines {
            if *kind == Some(SegmentKind::Signature) {
                *kind = None;
            }
        }
    }
}

/// Gmail marks quoted and forwarded mails alike; only the words tell them apart.
fn begins_forward(text: &str, from: usize, kind: SegmentKind) -> bool {
    let first = text.get(from..).unwrap_or_default().lines().find(|line| !line.trim().is_empty());
    kind == SegmentKind::Quote
        && first.and_then(super::line::separator) == Some(super::line::Separator::Forwarded)
}
