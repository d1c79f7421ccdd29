//! Throws away markup that isn't allowed, and markup that would cost too much, before a real HTML parser sees it.
//!
//! The tree construction of the HTML standard is quadratic and worse for hostile input: each tag may look at all
//! open elements, and each paragraph opens all formatting elements that were left open anew. So the number of
//! tags, of open elements, and of open formatting elements is bounded here. Text is never thrown away, except
//! where a browser shows none.

use super::markup::{self, Markup, Reader, Tag};
use super::policy;
use super::sheet::{Named, Sheet};

/// Further tags are dropped, their text stays. Long newsletters have some ten thousand.
const MAX_TAGS: usize = 60_000;
/// Tags inside of as many open elements are dropped. Browsers draw 512.
const MAX_OPEN: usize = 256;
/// Formatting elements (`<b>`, `<font>`) that are left open inside of each other.
const MAX_FORMATTING: usize = 10;
/// Bytes of their attributes, which are repeated for each paragraph.
const MAX_FORMATTING_BYTES: usize = 8 * 1024;
/// An attribute that is longer is dropped.
const MAX_VALUE: usize = 8 * 1024;

/// Longer lists of classes are none that a sheet is about.
const MAX_NAMES: usize = 512;

/// Bytes of text after which it is interrupted.
const MAX_TEXT_RUN: usize = 512;

/// Elements whose content a browser doesn't show as text.
const INVISIBLE: [&str; 7] = ["script", "style", "title", "iframe", "noembed", "noframes", "template"];

/// HTML that is cheap to parse, and whether something was dropped for its cost.
pub(super) struct Pruned {
    pub(super) html: String,
    pub(super) simplified: bool,
}

/// Drops all tags and attributes that [`policy`] doesn't know, and those beyond the limits above.
pub(super) fn prune(html: &str) -> Pruned {
    let mut pruner = Pruner { out: String::with_capacity(html.len()), room: html.len(), ..Pruner::default() };
    let mut invisible: Option<String> = None;
    for piece in Reader::new(html) {
        match piece {
            Markup::Text(text) if invisible.is_none() => pruner.text(text),
            Markup::Text(text) if invisible.as_deref() == Some("style") => pruner.sheet.add(text),
            Markup::Text(_) => {}
            Markup::Start(tag) if invisible.is_none() && INVISIBLE.contains(&tag.name.as_str()) => {
                invisible = Some(tag.name);
            }
            Markup::Start(tag) if invisible.is_none() => pruner.start(&tag),
            Markup::Start(_) => {}
            Markup::End(name) if invisible.as_deref() == Some(name.as_str()) => invisible = None,
            Markup::End(name) if invisible.is_none() => pruner.end(&name),
            Markup::End(_) => {}
        }
    }
    Pruned { html: pruner.out, simplified: pruner.simplified }
}

/// An element that is open.
struct Open {
    named: Named,
    /// What [`Pruner::formatting`] was when it was opened.
    formatting_before: Formatting,
}

/// How much formatting is open.
#[derive(Clone, Copy, Default)]
struct Formatting {
    count: usize,
    bytes: usize,
}

#[derive(Default)]
struct Pruner {
    out: String,
    open: Vec<Open>,
    /// Elements that a parser would open anew in each block, counted until their own end tag.
    formatting: Formatting,
    tags: usize,
    simplified: bool,
    sheet: Sheet,
    /// How many bytes the styles may take that come from sheets.
    room: usize,
    has_body: bool,
}

impl Pruner {
    /// Copies text. The parser copies a text node anew for each character reference and line break in it, so long
    /// ones are interrupted by empty comments, which the sanitiser drops.
    fn text(&mut self, text: &str) {
        let mut since_break = 0;
        let mut rest = text;
        while let Some(at) = rest.find(['&', '\n']) {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            markup::push_raw_text(&mut self.out, before);
            since_break += before.len() + 1;
            if since_break > MAX_TEXT_RUN {
                self.out.push_str("<!---->");
                since_break = 0;
            }
            let (special, after) = from.split_at_checked(1).unwrap_or((from, ""));
            self.out.push_str(special);
            rest = after;
        }
        markup::push_raw_text(&mut self.out, rest);
    }

    fn start(&mut self, tag: &Tag<'_>) {
        let name = tag.name.as_str();
        if name == "body" {
            return self.body(tag);
        }
        if !policy::allows_element(name) {
            return;
        }
        self.close_implied(name);
        if is_table_part(name) && !self.open.iter().any(|open| open.named.element == "table") {
            return;
        }
        let named = named(tag);
        let sheet = self.sheet.style_of(&named, &self.open.iter().map(|open| &open.named), self.room);
        let attributes = styled(kept_attributes(tag), sheet);
        let is_void = markup::is_void(name);
        let is_formatting = is_formatting(name);
        let bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
        let too_much_formatting = is_formatting
            && (self.formatting.count >= MAX_FORMATTING
                || self.formatting.bytes + bytes > MAX_FORMATTING_BYTES);
        if self.tags >= MAX_TAGS || too_much_formatting || (!is_void && self.open.len() >= MAX_OPEN) {
            self.simplified = true;
            return;
        }
        self.tags += 1;
        markup::push_start(&mut self.out, name, &attributes);
        if is_void {
            return;
        }
        self.open.push(Open { named, formatting_before: self.formatting });
        if is_formatting {
            self.formatting.count += 1;
            self.formatting.bytes += bytes;
        }
    }

    /// The whole mail's colours and letters: an element of the page around it, since the page has a body already.
    fn body(&mut self, tag: &Tag<'_>) {
        let sheet = self.sheet.style_of(&named(tag), &std::iter::empty(), self.room);
        let value =
            |name: &str| tag.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        let colours = [("background-color", value("bgcolor")), ("color", value("text"))];
        let mut style: Vec<String> =
            colours.into_iter().filter_map(|(name, value)| Some(format!("{name}:{}", value?))).collect();
        style.extend(sheet);
        style.extend(value("style").filter(|style| style.len() <= MAX_VALUE).map(str::to_owned));
        if style.is_empty() || std::mem::replace(&mut self.has_body, true) {
            return;
        }
        let style = style.join(";");
        let attributes = vec![("style".to_owned(), style.as_str())];
        self.start(&Tag { name: "div".to_owned(), attributes });
    }

    fn end(&mut self, name: &str) {
        if matches!(name, "br" | "p") && !self.open.iter().any(|open| open.named.element == name) {
            // Browsers read `</br>` and a lone `</p>` as elements.
            return self.start(&Tag { name: "br".to_owned(), attributes: Vec::new() });
        }
        let Some(at) = self.position_in_scope(name) else { return };
        if is_formatting(name) {
            // Misnested formatting (`<b><p></b>`) leaves the elements inside of it open.
            let open = self.open.remove(at);
            self.formatting.count = self.formatting.count.saturating_sub(1);
            let bytes = self.formatting.bytes.saturating_sub(open.formatting_before.bytes);
            if at == self.open.len() {
                self.formatting.bytes -= bytes;
            }
        } else {
            self.close_from(at);
        }
        markup::push_end(&mut self.out, name);
    }

    /// The innermost open element of this name that an end tag can close: none beyond the border of a table cell.
    fn position_in_scope(&self, name: &str) -> Option<usize> {
        for (at, open) in self.open.iter().enumerate().rev() {
            if open.named.element == name {
                return Some(at);
            }
            let is_border = if is_table_part(name) || name == "table" {
                open.named.element == "table"
            } else {
                matches!(open.named.element.as_str(), "td" | "th" | "table" | "caption")
            };
            if is_border {
                return None;
            }
        }
        None
    }

    /// Forgets the elements from `at` on. Formatting that was left open in a table cell ends with the cell.
    fn close_from(&mut self, at: usize) {
        for open in self.open.drain(at..).rev() {
            if matches!(open.named.element.as_str(), "td" | "th" | "caption") {
                self.formatting = open.formatting_before;
            }
        }
    }

    /// Closes what HTML lets one leave open: `<p>` before a paragraph, `<li>` before the next item and so on.
    fn close_implied(&mut self, name: &str) {
        let (siblings, borders): (&[&str], &[&str]) = match name {
            "p" => (
                &["p"],
                &["div", "blockquote", "li", "ul", "ol", "dl", "center", "table", "td", "th", "caption"],
            ),
            "li" => (&["li"], &["ul", "ol", "table", "td", "th"]),
            "dt" | "dd" => (&["dt", "dd"], &["dl", "table", "td", "th"]),
            "td" | "th" => (&["td", "th"], &["table"]),
            "tr" => (&["td", "th", "tr"], &["table"]),
            "tbody" | "thead" | "tfoot" => (&["td", "th", "tr", "tbody", "thead", "tfoot"], &["table"]),
            _ => return,
        };
        let mut from = self.open.len();
        for (at, open) in self.open.iter().enumerate().rev() {
            if borders.contains(&open.named.element.as_str()) {
                break;
            }
            if siblings.contains(&open.named.element.as_str()) {
                from = at;
            }
        }
        if from < self.open.len() {
            self.close_from(from);
        }
    }
}

/// The element as selectors name it.
fn named(tag: &Tag<'_>) -> Named {
    let value = |name: &str| tag.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let short =
        |name: &str| value(name).filter(|value| value.len() <= MAX_NAMES).unwrap_or_default().to_owned();
    Named { element: tag.name.clone(), classes: short("class"), id: short("id") }
}

/// The attributes with what sheets say before the element's own style, so that this one counts where both do.
fn styled(mut attributes: Vec<(String, String)>, sheet: Option<String>) -> Vec<(String, String)> {
    let Some(mut style) = sheet.filter(|style| style.len() <= MAX_VALUE) else { return attributes };
    match attributes.iter_mut().find(|(name, _)| name == "style") {
        Some((_, own)) => {
            style.push(';');
            own.insert_str(0, &style);
        }
        None => attributes.push(("style".to_owned(), style)),
    }
    attributes
}

/// The attributes that the policy knows, and remote pictures renamed, so that nothing is fetched (MAIL-6).
fn kept_attributes(tag: &Tag<'_>) -> Vec<(String, String)> {
    let is_kept =
        |name: &str, value: &str| value.len() <= MAX_VALUE && policy::allows_attribute(&tag.name, name);
    let has_remote = tag.attributes.iter().any(|(name, _)| name == policy::REMOTE_SOURCE);
    tag.attributes
        .iter()
        .filter(|(name, value)| is_kept(name, value))
        .filter_map(|(name, value)| {
            let is_remote_picture = tag.name == "img" && name == "src" && !policy::is_cid(value);
            let name = match is_remote_picture {
                true if has_remote => return None,
                true => policy::REMOTE_SOURCE.to_owned(),
                false => name.clone(),
            };
            Some((name, (*value).to_owned()))
        })
        .collect()
}

/// The standard's "formatting elements", as far as the policy allows them.
fn is_formatting(name: &str) -> bool {
    matches!(
        name,
        "a" | "b" | "big" | "code" | "em" | "font" | "i" | "s" | "small" | "strike" | "strong" | "tt" | "u"
    )
}

fn is_table_part(name: &str) -> bool {
    matches!(name, "tr" | "td" | "th" | "tbody" | "thead" | "tfoot" | "caption" | "col" | "colgroup")
}
