//! A tree, or what stands between two places in it, as HTML.

use super::markup;
use super::tree::{Content, Node, NodeId, Tree};

/// A place in a tree: before a node, or before a byte of a text node's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) node: NodeId,
    pub(crate) offset: usize,
}

/// The HTML from one place (`None`: the start) to another (`None`: the end). Elements that are open at the first
/// place are opened again, those open at the second are closed.
pub(crate) fn slice(tree: &Tree, from: Option<Position>, to: Option<Position>) -> String {
    let start = from.unwrap_or(Position { node: 0, offset: 0 });
    let end = to.unwrap_or(Position { node: tree.nodes.len(), offset: 0 });
    let mut out = String::new();
    let mut open: Vec<(NodeId, &str)> = Vec::new();
    for id in ancestors(tree, start.node).into_iter().rev() {
        if let Some(node) = tree.nodes.get(id) {
            open_element(&mut out, &mut open, node);
        }
    }
    for (id, node) in tree.nodes.iter().enumerate().skip(start.node) {
        if id > end.node || (id == end.node && end.offset == 0) {
            break;
        }
        close_until(&mut out, &mut open, id);
        match &node.content {
            Content::Element { .. } => open_element(&mut out, &mut open, node),
            Content::Text(text) => {
                let begin = if id == start.node { start.offset } else { 0 };
                let until = if id == end.node { end.offset } else { text.len() };
                push_text(&mut out, text.get(begin..until).unwrap_or_default());
            }
        }
    }
    close_until(&mut out, &mut open, usize::MAX);
    out
}

fn ancestors(tree: &Tree, node: NodeId) -> Vec<NodeId> {
    let parent = |id: NodeId| tree.nodes.get(id).and_then(|node| node.parent);
    std::iter::successors(parent(node), |id| parent(*id)).collect()
}

fn open_element<'t>(out: &mut String, open: &mut Vec<(NodeId, &'t str)>, node: &'t Node) {
    let Content::Element { name, attributes } = &node.content else { return };
    out.push('<');
    out.push_str(name);
    for (name, value) in attributes.iter().filter(|(name, _)| name != "class" && name != "id") {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        push_value(out, value);
        out.push('"');
    }
    out.push('>');
    if !markup::is_void(name) {
        open.push((node.end, name));
    }
}

/// Closes the elements that end at or before `id`.
fn close_until(out: &mut String, open: &mut Vec<(NodeId, &str)>, id: NodeId) {
    while let Some((_, name)) = open.pop_if(|(end, _)| *end <= id) {
        markup::push_end(out, name);
    }
}

fn push_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            _ => out.push(c),
        }
    }
}

fn push_value(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            _ => out.push(c),
        }
    }
}
