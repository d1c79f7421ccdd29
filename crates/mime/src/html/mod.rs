//! Harmless HTML (MAIL-6), and the ways between HTML and plain text.
//!
//! HTML from outside goes through [`prune`] (bounds the cost, hands style sheets to their elements), then `ammonia` (allow-list over a real HTML parser),
//! until that changes nothing any more. Everything after that works on [`tree::Tree`].

mod markup;
mod policy;
mod prune;
mod render;
mod sheet;
mod slice;
mod text;
mod tree;

pub(crate) use render::{Links, Rendered, render};
pub(crate) use slice::{Position, slice};
pub use text::text_to_html;
pub(crate) use tree::{Node, NodeId, Tree};

use std::sync::LazyLock;

static SANITISER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(policy::sanitiser);

/// How often HTML is sanitised until nothing changes any more. What still changes then is shown as text: a browser
/// might read it in yet another way.
const MAX_PASSES: usize = 8;

/// Clean HTML as a tree, with the classes and ids that tell where quotes begin.
pub(crate) struct Clean {
    pub(crate) tree: Tree,
    /// Some markup was dropped because it was too much.
    pub(crate) simplified: bool,
}

/// Sanitises HTML into a tree.
pub(crate) fn clean(html: &str) -> Clean {
    let first = prune::prune(html);
    let simplified = first.simplified;
    let mut current = SANITISER.clean(&first.html).to_string();
    for _ in 0..MAX_PASSES {
        let again = SANITISER.clean(&prune::prune(&current).html).to_string();
        if again == current {
            return Clean { tree: Tree::of_clean(&current), simplified };
        }
        current = again;
    }
    let text = render(&Tree::of_clean(&current), Links::Hidden).text;
    Clean { tree: Tree::of_clean(&text_to_html(&text)), simplified: true }
}

/// Makes HTML harmless (MAIL-6): for mail from outside as for signatures and replies that users write.
///
/// Only a strict allow-list of elements, attributes and styles is left; links lead to http, https, mailto, tel or
/// cid only and get `rel="noopener noreferrer nofollow"`; remote pictures are held back in `data-remote-src`.
/// Sanitising twice gives the same as once.
#[must_use]
pub fn sanitise(html: &str) -> String {
    clean(html).tree.to_html()
}

/// Lets the remote pictures of sanitised HTML load: when a person asks for them, and in mail that users write.
///
/// The HTML is sanitised once more, so that this can't let anything else through.
#[must_use]
pub fn release_remote_pictures(html: &str) -> String {
    let mut tree = clean(html).tree;
    tree.for_each_picture(|attributes| {
        if let Some(remote) = attributes.iter_mut().find(|(name, _)| name == policy::REMOTE_SOURCE) {
            remote.0 = "src".to_owned();
        }
    });
    tree.to_html()
}

/// Replaces the `cid:` addresses of pictures in sanitised HTML by those that `address_of` gives for their
/// Content-IDs; a picture without an address loses its source.
///
/// The addresses are written as they are: they come from us, not from the mail.
#[must_use]
pub fn rewrite_cids(html: &str, address_of: impl Fn(&str) -> Option<String>) -> String {
    // The HTML was sanitised when it was stored: it is read here as it stands, quickly, for every answer.
    let mut tree = Tree::of_clean(html);
    tree.for_each_picture(|attributes| {
        attributes.retain_mut(|(name, value)| {
            if name != "src" {
                return true;
            }
            let Some(id) = content_id(value) else { return true };
            match address_of(&id) {
                Some(address) => *value = address,
                None => return false,
            }
            true
        });
    });
    tree.to_html()
}

/// The Content-IDs that the pictures of this HTML name.
pub(crate) fn content_ids(tree: &mut Tree) -> std::collections::HashSet<String> {
    let mut ids = std::collections::HashSet::new();
    tree.for_each_picture(|attributes| {
        let source = attributes.iter().find(|(name, _)| name == "src");
        ids.extend(source.and_then(|(_, value)| content_id(value)));
    });
    ids
}

/// The Content-ID in a `cid:` address (RFC 2392: percent-encoded).
fn content_id(address: &str) -> Option<String> {
    let address = address.trim();
    if !policy::is_cid(address) {
        return None;
    }
    let mut octets = Vec::new();
    crate::transfer::decode_hex_pairs(address.get(4..)?.replace('%', "=").as_bytes(), &mut octets);
    Some(String::from_utf8_lossy(&octets).into_owned())
}

/// Plain text of HTML: paragraphs and line breaks as they are drawn, quotes marked by `> `, links followed by their
/// address.
#[must_use]
pub fn html_to_text(html: &str) -> String {
    let mut text = render(&clean(html).tree, Links::Shown).text;
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests;
