//! Clean HTML as a tree in one vector, in document order.

use super::markup::{self, Markup, Reader};

/// A node's place in [`Tree::nodes`]. Parents stand before their children, in document order.
pub(crate) type NodeId = usize;

/// An element or a run of text.
pub(crate) struct Node {
    pub(crate) parent: Option<NodeId>,
    /// The first id behind this node and everything inside of it.
    pub(crate) end: NodeId,
    pub(crate) content: Content,
}

/// What a node is.
pub(crate) enum Content {
    /// Decoded text.
    Text(String),
    /// An element: its name, and its attributes with decoded values.
    Element { name: String, attributes: Vec<(String, String)> },
}

impl Node {
    /// The element's name; empty for text.
    pub(crate) fn name(&self) -> &str {
        match &self.content {
            Content::Element { name, .. } => name,
            Content::Text(_) => "",
        }
    }

    /// An attribute's value.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        match &self.content {
            Content::Element { attributes, .. } => {
                attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
            }
            Content::Text(_) => None,
        }
    }
}

/// Sanitised HTML.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

impl Tree {
    /// Reads HTML as the sanitiser writes it: each element closed, in order.
    pub(crate) fn of_clean(html: &str) -> Self {
        let mut tree = Self::default();
        let mut open: Vec<NodeId> = Vec::new();
        for piece in Reader::new(html) {
            match piece {
                Markup::Text(text) => tree.push(open.last().copied(), Content::Text(unescape(text))),
                Markup::Start(tag) => {
                    let attributes = tag.attributes.into_iter().map(|(n, v)| (n, unescape(v))).collect();
                    let is_void = markup::is_void(&tag.name);
                    let id = tree.nodes.len();
                    tree.push(open.last().copied(), Content::Element { name: tag.name, attributes });
                    if !is_void {
                        open.push(id);
                    }
                }
                Markup::End(name) => tree.close(&mut open, &name),
            }
        }
        while let Some(id) = open.pop() {
            tree.end_here(id);
        }
        tree
    }

    fn push(&mut self, parent: Option<NodeId>, content: Content) {
        let end = self.nodes.len() + 1;
        self.nodes.push(Node { parent, end, content });
    }

    fn close(&mut self, open: &mut Vec<NodeId>, name: &str) {
        let is_named = |id: &NodeId| self.nodes.get(*id).is_some_and(|node| node.name() == name);
        if open.last().is_some_and(is_named)
            && let Some(id) = open.pop()
        {
            self.end_here(id);
        }
    }

    fn end_here(&mut self, id: NodeId) {
        let end = self.nodes.len();
        if let Some(node) = self.nodes.get_mut(id) {
            node.end = end;
        }
    }

    /// Calls `change` with each picture's attributes.
    pub(crate) fn for_each_picture(&mut self, mut change: impl FnMut(&mut Vec<(String, String)>)) {
        for node in &mut self.nodes {
            if let Content::Element { name, attributes } = &mut node.content
                && name == "img"
            {
                change(attributes);
            }
        }
    }

    /// The tree as HTML, without the classes and ids that only served to find quotes.
    pub(crate) fn to_html(&self) -> String {
        super::slice(self, None, None)
    }
}

/// Resolves the character references that the sanitiser writes.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&nbsp;", '\u{a0}')];
        match known.iter().find(|(reference, _)| from.starts_with(reference)) {
            Some((reference, c)) => {
                out.push(*c);
                rest = from.get(reference.len()..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}
