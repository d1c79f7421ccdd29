//! Clean HTML as plain text, and where each line of the text stands in the HTML.

use super::policy;
use super::slice::Position;
use super::tree::{Content, Node, NodeId, Tree};

/// What becomes of links and quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// What a browser shows: a link's text without its address.
    Hidden,
    /// What a reader of the plain text alone needs: addresses behind links, `> ` before quotes.
    Shown,
}

/// Plain text made from HTML.
pub(crate) struct Rendered {
    pub(crate) text: String,
    /// For each line of the text that has letters: where it begins in the text, and in the tree.
    pub(crate) lines: Vec<(usize, Position)>,
    /// For each element that was entered: its id, and the lengths of the text before and behind it.
    pub(crate) elements: Vec<(NodeId, usize, usize)>,
}

/// Renders a tree, each node once.
pub(crate) fn render(tree: &Tree, links: Links) -> Rendered {
    let mut renderer = Renderer::new(links);
    let mut open: Vec<(NodeId, usize)> = Vec::new();
    let mut hidden_until = 0;
    for (id, node) in tree.nodes.iter().enumerate() {
        renderer.leave_until(tree, &mut open, id);
        if id < hidden_until {
            continue;
        }
        match &node.content {
            Content::Text(text) => renderer.text(id, text),
            Content::Element { .. } if is_hidden(node) => hidden_until = node.end,
            Content::Element { .. } => {
                open.push((id, renderer.elements.len()));
                renderer.enter(id, node);
            }
        }
    }
    renderer.leave_until(tree, &mut open, usize::MAX);
    renderer.finish()
}

/// Deeper quotes get no more marks: each line repeats them.
const MAX_QUOTE_MARKS: usize = 8;

/// The last of an element's declarations counts.
fn is_hidden(node: &Node) -> bool {
    let style = node.attribute("style").unwrap_or_default();
    let declarations = style.split(';').filter_map(|declaration| declaration.split_once(':'));
    let display = declarations.rev().find(|(name, _)| *name == "display");
    display.is_some_and(|(_, value)| policy::unimportant(value.trim()) == "none")
}

struct Renderer {
    links: Links,
    out: String,
    lines: Vec<(usize, Position)>,
    elements: Vec<(NodeId, usize, usize)>,
    /// Line breaks to write before the next letter.
    breaks: usize,
    /// A space to write before the next letter of the same line.
    space: bool,
    preformatted: usize,
    quotes: usize,
    /// Where the text of each open link begins.
    link_starts: Vec<usize>,
}

impl Renderer {
    fn new(links: Links) -> Self {
        Self {
            links,
            out: String::new(),
            lines: Vec::new(),
            elements: Vec::new(),
            breaks: 0,
            space: false,
            preformatted: 0,
            quotes: 0,
            link_starts: Vec::new(),
        }
    }

    fn enter(&mut self, id: NodeId, node: &Node) {
        let name = node.name();
        self.breaks = self.breaks.max(breaks_around(name));
        self.elements.push((id, self.out.len(), 0));
        match name {
            "br" => {
                self.breaks += 1;
                self.space = false;
            }
            "li" => self.letters(Position { node: id, offset: 0 }, "- "),
            "td" | "th" => self.space = true,
            "pre" => self.preformatted += 1,
            "blockquote" => self.quotes += 1,
            "a" => self.link_starts.push(self.out.len()),
            _ => {}
        }
    }

    /// Leaves the elements that end at or before `id`.
    fn leave_until(&mut self, tree: &Tree, open: &mut Vec<(NodeId, usize)>, id: NodeId) {
        while let Some((left, index)) =
            open.pop_if(|(element, _)| tree.nodes.get(*element).is_none_or(|node| node.end <= id))
        {
            let Some(node) = tree.nodes.get(left) else { continue };
            match node.name() {
                "pre" => self.preformatted -= 1,
                "blockquote" => self.quotes -= 1,
                "a" => self.leave_link(node),
                _ => {}
            }
            if node.name() != "br" {
                self.breaks = self.breaks.max(breaks_around(node.name()));
            }
            if let Some(element) = self.elements.get_mut(index) {
                element.2 = self.out.len();
            }
        }
    }

    fn leave_link(&mut self, node: &Node) {
        let Some(start) = self.link_starts.pop() else { return };
        let address = node.attribute("href").unwrap_or_default();
        let shown = self.out.get(start..).unwrap_or_default().trim();
        let plain = |text: &str| text.trim_start_matches("mailto:").trim_end_matches('/').to_owned();
        if self.links == Links::Shown && !address.is_empty() && !plain(address).ends_with(&plain(shown)) {
            self.out.push_str(" <");
            self.out.push_str(address);
            self.out.push('>');
        }
    }

    fn text(&mut self, id: NodeId, text: &str) {
        if self.preformatted > 0 {
            let mut offset = 0;
            for line in text.split_inclusive('\n') {
                let position = Position { node: id, offset };
                offset += line.len();
                let content = line.trim_end_matches(['\n', '\r']);
                if !content.is_empty() {
                    self.letters(position, &content.replace('\u{a0}', " "));
                }
                self.breaks += usize::from(line.ends_with('\n'));
            }
            return;
        }
        for (at, word) in words(text) {
            let is_space = word.starts_with(|c: char| c.is_ascii_whitespace());
            if is_space {
                self.space = true;
            } else {
                let word = if word.contains('\u{a0}') { &*word.replace('\u{a0}', " ") } else { word };
                self.letters(Position { node: id, offset: at }, word);
            }
        }
    }

    /// Writes letters, after the breaks and the space that are due.
    fn letters(&mut self, position: Position, letters: &str) {
        if self.breaks > 0 || self.out.is_empty() {
            if !self.out.is_empty() {
                (0..self.breaks).for_each(|_| self.out.push('\n'));
            }
            self.breaks = 0;
            self.space = false;
            self.lines.push((self.out.len(), position));
            if self.links == Links::Shown {
                (0..self.quotes.min(MAX_QUOTE_MARKS)).for_each(|_| self.out.push_str("> "));
            }
        } else if self.space && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.space = false;
        self.out.push_str(letters);
    }

    fn finish(mut self) -> Rendered {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        Rendered { text: self.out, lines: self.lines, elements: self.elements }
    }
}

/// Runs of white space and runs of other characters, in turn, with their places.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    let mut offset = 0;
    std::iter::from_fn(move || {
        let first_is_space = rest.chars().next()?.is_ascii_whitespace();
        let end = rest.find(|c: char| c.is_ascii_whitespace() != first_is_space).unwrap_or(rest.len());
        let (word, tail) = rest.split_at_checked(end)?;
        let at = offset;
        offset += end;
        rest = tail;
        Some((at, word))
    })
}

/// How many line breaks stand before and behind an element.
fn breaks_around(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "pre" | "table" | "hr" => 2,
        "div" | "li" | "tr" | "dt" | "dd" | "blockquote" | "address" | "center" | "caption" | "article" => 1,
        _ => 0,
    }
}
