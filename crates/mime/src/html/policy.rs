//! The allow-list of MAIL-6: which elements, attributes, addresses and styles harmless HTML may have.

use std::collections::{HashMap, HashSet};

/// Holds a remote picture's address until a person asks for it.
pub(super) const REMOTE_SOURCE: &str = "data-remote-src";

const ELEMENTS: [&str; 57] = [
    "a",
    "abbr",
    "address",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
];

/// Elements that are allowed besides, kept apart to keep the table above readable.
const FURTHER_ELEMENTS: [&str; 4] = ["ul", "var", "wbr", "article"];

/// Attributes of any element. `class` and `id` never leave the crate: they tell where quotes begin.
const ANY: [&str; 6] = ["class", "id", "style", "dir", "lang", "title"];

/// Attributes of some elements.
const ATTRIBUTES: [(&str, &[&str]); 22] = [
    ("a", &["href", "name"]),
    ("img", &["src", REMOTE_SOURCE, "alt", "width", "height", "border", "align"]),
    ("font", &["color", "face", "size"]),
    ("table", &["align", "bgcolor", "border", "cellpadding", "cellspacing", "width", "height"]),
    ("tr", &["align", "bgcolor", "valign", "height"]),
    ("td", &["align", "bgcolor", "colspan", "rowspan", "valign", "width", "height", "nowrap"]),
    ("th", &["align", "bgcolor", "colspan", "rowspan", "valign", "width", "height", "nowrap"]),
    ("col", &["span", "width"]),
    ("colgroup", &["span", "width"]),
    ("ol", &["start", "type"]),
    ("blockquote", &["type"]),
    ("div", &["align"]),
    ("p", &["align"]),
    ("hr", &["width", "size", "align", "color", "noshade"]),
    ("ul", &["type"]),
    ("li", &["type", "value"]),
    ("h1", &["align"]),
    ("h2", &["align"]),
    ("h3", &["align"]),
    ("h4", &["align"]),
    ("tbody", &["align", "valign"]),
    ("thead", &["align", "valign"]),
];

/// Where links may lead.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "cid"];

/// Style properties that change how a piece of text looks, and none that can place it elsewhere.
const STYLES: [&str; 69] = [
    "background",
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-style",
    "border-top-width",
    "border-width",
    "box-sizing",
    "clear",
    "color",
    "direction",
    "display",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "opacity",
    "overflow",
    "overflow-wrap",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "table-layout",
    "text-align",
    "text-decoration",
    "text-transform",
    "vertical-align",
    "visibility",
    "white-space",
    "width",
    "word-break",
    "word-wrap",
];

pub(super) fn allows_element(name: &str) -> bool {
    ELEMENTS.binary_search(&name).is_ok() || FURTHER_ELEMENTS.contains(&name)
}

pub(super) fn allows_attribute(element: &str, name: &str) -> bool {
    ANY.contains(&name) || ATTRIBUTES.iter().any(|(of, names)| *of == element && names.contains(&name))
}

/// Whether an address names a part of the same mail.
pub(super) fn is_cid(address: &str) -> bool {
    address.trim_ascii_start().get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:"))
}

/// The sanitiser with this policy.
pub(super) fn sanitiser() -> ammonia::Builder<'static> {
    let mut builder = ammonia::Builder::empty();
    let attributes: HashMap<&str, HashSet<&str>> =
        ATTRIBUTES.iter().map(|(element, names)| (*element, names.iter().copied().collect())).collect();
    builder
        .tags(ELEMENTS.into_iter().chain(FURTHER_ELEMENTS).collect())
        .clean_content_tags(["script", "style", "title"].into())
        .generic_attributes(ANY.into())
        .tag_attributes(attributes)
        .url_schemes(SCHEMES.into())
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .filter_style_properties(STYLES.into())
        .attribute_filter(|element, name, value| match (element, name) {
            ("img", "src") => is_cid(value).then_some(value.into()),
            (_, REMOTE_SOURCE) => is_remote(value).then_some(value.into()),
            (_, "style") => harmless_style(value).map(Into::into),
            (_, "width" | "height" | "border" | "cellpadding" | "cellspacing") => {
                is_harmless_size(value).then_some(value.into())
            }
            _ => Some(value.into()),
        });
    builder
}

fn is_remote(address: &str) -> bool {
    let address = address.trim_ascii();
    ["http://", "https://"]
        .iter()
        .any(|scheme| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// The declarations that can't cover the page, load or run anything.
pub(super) fn harmless_style(style: &str) -> Option<String> {
    let kept: Vec<String> = style
        .split(';')
        .filter_map(|declaration| {
            let (name, value) = declaration.split_once(':')?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            if name == "background" {
                return background_colour(value).map(|colour| format!("background-color:{colour}"));
            }
            (STYLES.contains(&name.as_str()) && is_harmless_value(&name, value))
                .then(|| format!("{name}:{value}"))
        })
        .collect();
    (!kept.is_empty()).then(|| kept.join(";"))
}

/// Words of a `background` that are no colours.
const NO_COLOURS: [&str; 16] = [
    "none",
    "initial",
    "inherit",
    "unset",
    "repeat",
    "repeat-x",
    "repeat-y",
    "no-repeat",
    "scroll",
    "fixed",
    "local",
    "top",
    "bottom",
    "left",
    "right",
    "center",
];

/// The colour of a `background`, which may hold a picture and its place as well.
fn background_colour(value: &str) -> Option<&str> {
    let value = unimportant(value);
    let words = value.split_ascii_whitespace();
    let is_colour = |word: &&str| {
        let word = word.to_ascii_lowercase();
        let is_hex =
            word.strip_prefix('#').is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
        is_hex || word.chars().all(|c| c.is_ascii_alphabetic()) && !NO_COLOURS.contains(&word.as_str())
    };
    if value.starts_with("rgb") && is_harmless_value("background-color", value) {
        return Some(value);
    }
    words.filter(|word| !word.contains('(')).find(is_colour)
}

fn is_harmless_value(property: &str, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let without_colours = lower.replace("rgb(", "").replace("rgba(", "").replace("hsl(", "").replace(')', "");
    // A size of letters and the height of their line: `font:12px/1.5 sans-serif`.
    let without_colours =
        if property == "font" { without_colours.replacen('/', " ", 1) } else { without_colours };
    let is_plain = without_colours.chars().all(|c| c.is_alphanumeric() || " #%.,'\"-+!_".contains(c));
    if !is_plain || value.is_empty() {
        return false;
    }
    match property {
        "display" => DISPLAYS.contains(&unimportant(&lower)),
        "color" | "background-color" | "font-family" => true,
        _ => unimportant(&without_colours).split([' ', ',']).all(is_harmless_size),
    }
}

/// A declaration's value without `!important`, with which it counts before others.
pub(super) fn unimportant(value: &str) -> &str {
    match value.rsplit_once('!') {
        Some((value, word)) if word.trim().eq_ignore_ascii_case("important") => value.trim_end(),
        _ => value,
    }
}

/// Kinds of boxes that stay where they are in the text.
const DISPLAYS: [&str; 9] = [
    "none",
    "block",
    "inline",
    "inline-block",
    "list-item",
    "table",
    "inline-table",
    "table-row",
    "table-cell",
];

/// The largest size in pixels: not larger than a page is wide.
const MAX_SIZE: f64 = 1200.0;

/// How many pixels a unit has, for those that don't grow with the window. A percentage is of something else in the
/// mail: up to 300 are taken, for line heights and the sizes of letters.
const UNITS: [(&str, f64); 9] = [
    ("", 1.0),
    ("px", 1.0),
    ("pt", 4.0 / 3.0),
    ("em", 16.0),
    ("rem", 16.0),
    ("%", 4.0),
    ("in", 96.0),
    ("cm", 38.0),
    ("mm", 4.0),
];

/// A number that is neither negative nor too large, in a unit of the table and without an exponent; anything that
/// begins like no number is harmless here.
fn is_harmless_size(value: &str) -> bool {
    let value = value.trim();
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || ".-+".contains(c));
    let digits = value.strip_suffix(unit).unwrap_or_default();
    if digits.is_empty() {
        return true;
    }
    let pixels = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, pixels)| *pixels);
    match (digits.parse::<f64>(), pixels) {
        (Ok(number), Some(pixels)) => (0.0..=MAX_SIZE).contains(&(number * pixels)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(ELEMENTS.is_sorted());
    }

    #[test]
    fn keeps_harmless_styles_only() {
        assert_eq!(harmless_style("color: red; position:fixed").as_deref(), Some("color:red"));
        assert_eq!(harmless_style("color:rgb(1, 2, 3)").as_deref(), Some("color:rgb(1, 2, 3)"));
        for style in [
            "border:1px solid rgb(204, 204, 204)",
            "margin:0in 0in 8.0pt",
            "margin:0 auto!important",
            "padding:10px!important",
            "line-height:1.5",
            "font-size:1.25EM",
            "font-size:x-large",
            "width:100%",
        ] {
            assert_eq!(harmless_style(style).as_deref(), Some(style));
        }
        for style in [
            "margin-left:-5000px",
            "width:90000px",
            "width:9e3px",
            "padding-top:1e3em",
            "margin-top:1200em",
            "height:100vh",
            "width:100vw",
            "height:100dvh",
            "font-size:50vmin",
            "padding:1px 90vmax",
            "background-color:url(x)",
            "color:expression(x)",
            "display:grid",
            "font-size:\\39 99px",
            "border:1px solid url(javascript:x)",
        ] {
            assert_eq!(harmless_style(style), None, "{style}");
        }
    }
}
