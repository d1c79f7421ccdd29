use super::*;

fn check(html: &str, expected: &str) {
    assert_eq!(sanitise(html), expected, "{html}");
    assert_eq!(sanitise(expected), expected, "not stable: {expected}");
}

#[test]
fn keeps_how_text_looks() {
    check("<p>Hello <b>Ann</b><br>", "<p>Hello <b>Ann</b><br></p>");
    check("<font color=red>x</font>", "<font color=\"red\">x</font>");
    check("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>");
    check("<td style='color: red; position: fixed'>x", "x");
    check("<div style='color: red; position: fixed'>x</div>", "<div style=\"color:red\">x</div>");
    check(
        "<p style='background:url(http://x) no-repeat #eee;font:12px/1.5 Arial'>x</p>",
        "<p style=\"background-color:#eee;font:12px / 1.5 Arial\">x</p>",
    );
    check(
        "<p style='background:none;float:left;overflow:hidden'>x",
        "<p style=\"float:left;overflow:hidden\">x</p>",
    );
    check(
        "<html><body bgcolor=black text='#fff' style='margin:-9px' class=x>x</body></html>",
        "<div style=\"background-color:black;color:#fff\">x</div>",
    );
    check("<body style='position:fixed'>x</body>", "<div>x</div>");
    check("a &lt;b&gt; &amp;amp; &eacute;&nbsp;", "a &lt;b&gt; &amp;amp; é&nbsp;");
}

#[test]
fn drops_what_runs_loads_or_covers() {
    check("<script>alert(1)</script>x<style>*{}</style><title>t</title>", "x");
    check("<img src=x onerror=alert(1)><p onclick=x>y", "<img><p>y</p>");
    check("<a href='javascript:alert(1)'>x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>");
    check("<a href='java\nscript:alert(1)'>x</a>", "<a rel=\"noopener noreferrer nofollow\">x</a>");
    check("<form action=x><input name=y><button>Go</button></form>", "Go");
    check("<svg><style><img src=x onerror=alert(1)></style></svg>", "");
    check("<div style=\"background:url(http://x)\">y</div>", "<div>y</div>");
    check("<div class=a id=b>x</div>", "<div>x</div>");
    check("<!-- <img src=x> --><iframe src=x>y</iframe>z", "z");
}

#[test]
fn links_lead_outside_safely() {
    check(
        "<a href='https://example.com/?a=1&b=2' target=_top>x</a>",
        "<a href=\"https://example.com/?a=1&amp;b=2\" rel=\"noopener noreferrer nofollow\">x</a>",
    );
    for kept in ["mailto:a@example.com", "tel:+491", "http://example.com/"] {
        assert!(sanitise(&format!("<a href='{kept}'>x</a>")).contains(kept));
    }
    for dropped in ["/relative", "//example.com", "data:text/html,x", "ftp://x", "vbscript:x"] {
        assert!(!sanitise(&format!("<a href='{dropped}'>x</a>")).contains("href"), "{dropped}");
    }
}

#[test]
fn pictures_wait_until_they_are_asked_for() {
    let held = "<img alt=\"a\" data-remote-src=\"https://example.com/x.png\">";
    check("<img alt=a src='https://example.com/x.png'>", held);
    assert_eq!(release_remote_pictures(held), "<img alt=\"a\" src=\"https://example.com/x.png\">");
    check("<img src='cid:logo@x'>", "<img src=\"cid:logo@x\">");
    check("<img src='data:image/png;base64,x'>", "<img>");
    check("<img data-remote-src='javascript:alert(1)'>", "<img>");
    assert_eq!(release_remote_pictures("<img data-remote-src='javascript:alert(1)'>"), "<img>");
}

#[test]
fn inline_pictures_get_their_addresses() {
    let html = sanitise("<img src='cid:a%20b'><img src='cid:unknown'><img src='https://example.com/x'>");
    let addresses =
        rewrite_cids(&html, |id| (id == "a b").then(|| "https://mail.example/1?a=1&b=2".to_owned()));
    assert_eq!(
        addresses,
        "<img src=\"https://mail.example/1?a=1&amp;b=2\"><img><img data-remote-src=\"https://example.com/x\">"
    );
}

#[test]
fn text_of_html() {
    for (html, text) in [
        ("<p>one<p>two", "one\n\ntwo"),
        ("<div>one</div><div>two<br>three</div>", "one\ntwo\nthree"),
        ("a  b\n c", "a b c"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<pre>a  b\n c</pre>", "a  b\n c"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("<a href='https://example.com/x'>here</a>", "here <https://example.com/x>"),
        ("<a href='https://example.com/'>example.com</a>", "example.com"),
        ("<a href='mailto:a@example.com'>a@example.com</a>", "a@example.com"),
        ("x<blockquote>one<br>two</blockquote>", "x\n> one\n> two"),
        ("<div style='display:none'>preheader</div>Hello", "Hello"),
        ("<style>.m{display:none !important}</style><p class=m>for phones</p>Hello", "Hello"),
        ("<style>.m{display:none}</style><p class=m style='display:block'>Hello", "Hello"),
        ("", ""),
    ] {
        assert_eq!(html_to_text(html), text, "{html}");
    }
}

#[test]
fn bounds_what_a_parser_would_repeat() {
    let open: String = (0..2_000).map(|n| format!("<b id=b{n}>")).collect();
    let clean = clean(&format!("{open}{}", "<p>x</p>".repeat(2_000)));
    assert!(clean.simplified);
    assert!(clean.tree.nodes.len() < 40_000, "{}", clean.tree.nodes.len());
    let deep = super::clean(&"<div>".repeat(5_000));
    assert!(deep.simplified && deep.tree.nodes.len() <= 256);
    assert!(!super::clean(&"<p>x<br>".repeat(5_000)).simplified, "left-open paragraphs are no nesting");
    assert!(!super::clean(&format!("<table>{}</table>", "<tr><td><b>x".repeat(5_000))).simplified);
}
