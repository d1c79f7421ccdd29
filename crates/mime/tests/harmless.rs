//! MAIL-6, judged by what a browser's parser makes of it: of own hostile examples by classes, nothing that runs, loads,
//! leads astray or covers is left, and what people must see is. `make html-test` lets a browser draw the same examples.

#![expect(clippy::unwrap_used, reason = "a test's own input is known to be right")]

use html5ever::{ParseOpts, QualName, local_name, ns, parse_fragment, tendril::TendrilSink};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use postroom_mime::{parse, release_remote_pictures, rewrite_cids, sanitise};

const CASES: &str = include_str!("hostile.txt");

/// The class and name, and the HTML, of each example.
fn cases() -> Vec<(String, String)> {
    let text = CASES.replace("{NUL}", "\0").replace("{FF}", "\u{c}");
    let cases = text.split("\n%% ").skip(1);
    cases
        .map(|case| case.split_once('\n').unwrap())
        .map(|(name, html)| (name.to_owned(), html.to_owned()))
        .collect()
}

/// What is found in a document that may not be there, and its text.
#[derive(Default)]
struct Findings {
    wrong: Vec<String>,
    text: String,
}

/// Elements that run, load, ask, take a place of their own or change how the rest is read.
const FORBIDDEN: [&str; 47] = [
    "applet",
    "area",
    "audio",
    "base",
    "basefont",
    "body",
    "button",
    "canvas",
    "command",
    "datalist",
    "details",
    "dialog",
    "embed",
    "fencedframe",
    "form",
    "frame",
    "frameset",
    "html",
    "iframe",
    "input",
    "isindex",
    "keygen",
    "label",
    "layer",
    "link",
    "map",
    "marquee",
    "math",
    "meta",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "option",
    "picture",
    "plaintext",
    "portal",
    "script",
    "select",
    "source",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "video",
    "xmp",
];

/// Attributes that only say how something looks.
const LOOKS: [&str; 21] = [
    "align",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "color",
    "colspan",
    "dir",
    "face",
    "height",
    "lang",
    "nowrap",
    "rowspan",
    "size",
    "span",
    "start",
    "style",
    "type",
    "valign",
    "width",
    "rel",
];

/// A number in a style or size that a page isn't large enough for.
fn is_huge(value: &str) -> bool {
    let numbers = value
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .filter_map(|number| number.parse::<f64>().ok());
    numbers.into_iter().any(|number| number > 1300.0)
}

/// What can't stand in a harmless style, once escapes and comments are resolved.
const STYLES: [&str; 32] = [
    "url",
    "image(",
    "image-set",
    "expression",
    "javascript",
    "behavior",
    "-moz-binding",
    "@import",
    "var(",
    "--",
    "position",
    "inset",
    "transform",
    "translate",
    "scale",
    "zoom",
    "z-index",
    "content",
    "cursor",
    "filter",
    "mask",
    "animation",
    "transition",
    "-webkit",
    "outline",
    "shadow",
    "indent",
    "grid",
    "order:",
    "margin-block",
    "margin-inline",
    "spacing:-",
];

fn judge(node: &Handle, pictures_may_load: bool, findings: &mut Findings) {
    match &node.data {
        NodeData::Text { contents } => findings.text.push_str(&contents.borrow()),
        NodeData::Comment { .. } => findings.wrong.push("a comment".to_owned()),
        NodeData::Element { name, attrs, .. } => {
            let element = name.local.to_string();
            if name.ns != ns!(html) || FORBIDDEN.contains(&element.as_str()) {
                findings.wrong.push(format!("<{element}>"));
            }
            for attribute in attrs.borrow().iter() {
                let (name, value) = (attribute.name.local.to_string(), attribute.value.to_string());
                if !is_harmless(&element, &name, &value, pictures_may_load) {
                    findings.wrong.push(format!("{element} {name}={value}"));
                }
            }
        }
        _ => {}
    }
    for child in node.children.borrow().iter() {
        judge(child, pictures_may_load, findings);
    }
}

fn is_harmless(element: &str, name: &str, value: &str, pictures_may_load: bool) -> bool {
    // As browsers read an address: without what is nothing before it, and without line breaks within.
    let address: String =
        value.trim_start_matches(|c| c <= ' ').replace(['\t', '\r', '\n'], "").to_ascii_lowercase();
    let leads = |schemes: &[&str]| schemes.iter().any(|scheme| address.starts_with(scheme));
    match (element, name) {
        ("a", "href") => leads(&["http://", "https://", "mailto:", "tel:", "cid:"]),
        ("img", "src") if pictures_may_load => leads(&["http://", "https://", "cid:"]),
        ("img", "src") => leads(&["cid:"]),
        ("img", "data-remote-src") => leads(&["http://", "https://"]),
        ("a", "rel") => value == "noopener noreferrer nofollow",
        (_, "style") => {
            let lower = value.to_ascii_lowercase();
            let negative = lower.split([':', ' ', ';']).any(|word| word.starts_with('-'));
            !negative
                && !is_huge(value)
                && !lower.contains(['\\', '@', '<', '('])
                && !STYLES.iter().any(|part| lower.contains(part))
        }
        (_, "title" | "alt" | "name") => true,
        // Words and numbers.
        (_, name) => {
            LOOKS.contains(&name) && !value.contains(':') && !value.starts_with('-') && !is_huge(value)
        }
    }
}

fn findings(html: &str, pictures_may_load: bool) -> Findings {
    let context = QualName::new(None, ns!(html), local_name!("div"));
    let dom = parse_fragment(RcDom::default(), ParseOpts::default(), context, vec![], false).one(html);
    let mut findings = Findings::default();
    for root in dom.document.children.borrow().iter() {
        for child in root.children.borrow().iter() {
            judge(child, pictures_may_load, &mut findings);
        }
    }
    findings
}

#[test]
fn nothing_hostile_is_left() {
    let cases = cases();
    assert!(cases.len() > 100);
    for (name, html) in cases {
        let clean = sanitise(&html);
        let found = findings(&clean, false);
        assert!(found.wrong.is_empty(), "{name}: {:?} in {clean}", found.wrong);
        assert!(found.text.contains("kept"), "{name}: the text is lost: {clean}");
        // Each further form of it that people are shown, too.
        let released = release_remote_pictures(&clean);
        let shown = rewrite_cids(&released, |_| Some("https://postroom.example/file".to_owned()));
        for form in [released, shown] {
            let found = findings(&form, true);
            assert!(found.wrong.is_empty(), "{name}: {:?} in {form}", found.wrong);
        }
    }
}

#[test]
fn nothing_hostile_is_left_of_the_pieces_of_a_mail() {
    for (name, html) in cases() {
        let around = format!(
            "From: a@example.com\nContent-Type: text/html; charset=utf-8\n\n<div>Hello</div>{html}<div class=gmail_quote>On \
             Monday Ann wrote:<blockquote>{html}</blockquote></div>"
        );
        let mail = parse(around.as_bytes());
        let pieces = mail.segments.iter().filter_map(|segment| segment.html.as_deref());
        for piece in pieces.chain(mail.html.as_deref()) {
            let found = findings(piece, false);
            assert!(found.wrong.is_empty(), "{name}: {:?} in {piece}", found.wrong);
        }
    }
}

/// The judge sees what is hostile: of the examples as they came, hardly one passes.
#[test]
fn untreated_they_are_hostile() {
    let passes: Vec<String> = cases()
        .into_iter()
        .filter(|(_, html)| findings(html, false).wrong.is_empty())
        .map(|(name, _)| name)
        .collect();
    let harmless_anyway = [
        "script: within an end tag's attributes",
        "script: taken apart",
        // A page that exists keeps its own body.
        "event: on the body",
        // Old browsers only.
        "mutation: backticks",
        "frame: frameset",
        "style: a body's",
        "encoding: UTF-7",
        "encoding: half and wide brackets",
        "encoding: doubly escaped",
        "encoding: tags that aren't ended",
        "encoding: attributes without an end",
    ];
    assert_eq!(passes, harmless_anyway);
}
