//! What must hold for whatever comes in: the fuzz targets give these their inputs.

use postroom_mime::{ParsedMail, SegmentKind, sanitise};
use scraper::{Html, Node};

/// A mail that was read: its segments are the whole text, and nothing in it can harm who looks at it.
pub fn whole(mail: &ParsedMail) {
    let joined: String = mail.segments.iter().map(|segment| segment.text.as_str()).collect();
    assert_eq!(joined, mail.text, "the segments together are the whole text");
    assert!(mail.preview.chars().count() <= 200, "a preview is short");
    let of_segments = mail.segments.iter().filter_map(|segment| segment.html.as_deref());
    for html in of_segments.chain(mail.html.as_deref()) {
        harmless(html);
    }
    if mail.html.is_none() {
        assert!(mail.segments.iter().all(|segment| segment.html.is_none()), "no HTML comes from nowhere");
    }
    assert!(
        mail.segments
            .windows(2)
            .all(|two| two[0].kind != two[1].kind || two[0].kind != SegmentKind::Signature)
    );
}

/// Elements that sanitised HTML never has.
const NEVER: [&str; 24] = [
    "script", "style", "iframe", "object", "embed", "form", "input", "button", "textarea", "select", "svg",
    "math", "meta", "link", "base", "template", "noscript", "title", "frame", "frameset", "video", "audio",
    "applet", "dialog",
];

/// HTML that was sanitised, read as a browser reads it (MAIL-6).
pub fn harmless(html: &str) {
    let read = Html::parse_fragment(html);
    for node in read.tree.values() {
        let Node::Element(element) = node else { continue };
        let name = element.name();
        assert!(!NEVER.contains(&name), "<{name}> in {html:?}");
        for (attribute, value) in element.attrs() {
            assert!(!attribute.starts_with("on"), "{attribute} in {html:?}");
            let value: String = value.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
            let value = value.to_lowercase();
            match attribute {
                "href" => assert!(
                    ["http:", "https:", "mailto:", "tel:", "cid:"]
                        .iter()
                        .any(|scheme| value.starts_with(scheme)),
                    "{attribute}={value:?} in {html:?}"
                ),
                "src" => assert!(value.starts_with("cid:"), "{attribute}={value:?} in {html:?}"),
                "srcset" | "action" | "formaction" | "background" | "poster" | "ping" | "srcdoc" => {
                    panic!("{attribute} in {html:?}")
                }
                "style" => assert!(
                    !["url(", "expression", "position", "@import", "\\"]
                        .iter()
                        .any(|bad| value.contains(bad)),
                    "{attribute}={value:?} in {html:?}"
                ),
                _ => {}
            }
        }
    }
}

/// Sanitising makes it harmless, and once is enough.
pub fn sanitised(html: &str) {
    let once = sanitise(html);
    harmless(&once);
    assert_eq!(sanitise(&once), once, "sanitising twice is sanitising once");
}
