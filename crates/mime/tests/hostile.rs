//! Mails that are made to cost much: what comes out must stay within a small multiple of what went in, whatever is
//! nested, repeated or left open. (That the work grows no faster than the size is counted in the unit tests.)

use postroom_mime::{html_to_text, parse, sanitise, text_to_html};

const SIZE: usize = 60_000;

fn repeated(piece: &str) -> String {
    piece.repeat(SIZE / piece.len())
}

fn html_mail(html: &str) -> String {
    format!("From: a@example.com\nContent-Type: text/html; charset=utf-8\n\n{html}")
}

/// Reads a mail and checks that what came out is not much larger than what went in.
fn read_bounded(raw: &str) {
    let mail = parse(raw.as_bytes());
    let html: usize = mail.segments.iter().filter_map(|segment| segment.html.as_ref()).map(String::len).sum();
    let attached: usize = mail.attachments.iter().map(|attachment| attachment.size).sum();
    let texts: usize = mail.segments.iter().map(|segment| segment.text.len()).sum();
    assert_eq!(texts, mail.text.len());
    for size in [mail.text.len(), mail.html.unwrap_or_default().len(), html, attached] {
        assert!(size <= 16 * raw.len(), "{size} bytes out of {}: {:?}", raw.len(), raw.get(..80));
    }
    assert!(mail.attachments.len() <= 2_000);
}

#[test]
fn html_bodies() {
    for piece in [
        "<div>",
        "<b>",
        "<p><b id=1>",
        "<table><tr><td>",
        "<blockquote type=cite>",
        "</div>",
        "<a href=x>",
        "<ul><li>",
        "<font color=red><p>x</p>",
        "<td>",
        "<br>",
        "&amp;",
        "<img src=cid:x>",
        "<select><option>",
        "<svg><p>",
        "<div class=gmail_quote>x<br></div>y<br>",
        "<pre>\n> x\n",
    ] {
        read_bounded(&html_mail(&repeated(piece)));
    }
    let attributes: String = (0..6_000).map(|n| format!(" a{n}=1")).collect();
    read_bounded(&html_mail(&format!("<p{attributes}>x")));
    let unclosed: String = (0..3_000).map(|n| format!("<b id=b{n}>")).collect();
    read_bounded(&html_mail(&format!("<p>{unclosed}{}", "<p>x</p>".repeat(3_000))));
}

#[test]
fn text_bodies() {
    for piece in [
        "> x\n",
        "On Monday\n",
        "From: x\n",
        "-- \n",
        "-----\n",
        "____\n",
        "On 1 Jan 2024 10:00 Ann <a@b.c>\n",
        "\n",
        "> > > > ",
        "x",
        "Sent from my iPhone\n",
        "begin 644 x\n#0V%T\n",
        "a\n-- \nb\n> c\n",
        "Received: from\n",
        "a@b.c: 550 5.1.1\n",
        "Message-ID: <a@b>\n\n",
    ] {
        read_bounded(&format!(
            "From: MAILER-DAEMON@x\nSubject: failure notice\nReturn-Path: <>\n\n{}",
            repeated(piece)
        ));
    }
}

#[test]
fn headers() {
    for piece in [
        "X: y\n",
        " folded\n",
        "=?utf-8?Q?x?= ",
        "=?a?q?",
        "\"",
        "(",
        "<",
        "<a@b>,",
        "a@b,",
        ":;",
        "x",
        ";a=b",
        ";a*1=b",
    ] {
        for name in [
            "From",
            "Subject",
            "References",
            "Content-Type",
            "Content-Disposition",
            "Date",
            "Authentication-Results",
        ] {
            read_bounded(&format!("{name}: {}\n\nx", repeated(piece)));
        }
    }
}

#[test]
fn structures() {
    let part = "--b\nContent-Type: text/html\n\n<p>x\n";
    read_bounded(&format!("Content-Type: multipart/mixed; boundary=b\n\n{}", repeated(part)));
    let mut nested = String::new();
    for level in 0..5_000 {
        nested.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
    }
    read_bounded(&nested);
    read_bounded(&format!("Content-Type: multipart/mixed; boundary=b\n\n{}", repeated("--b")));
    read_bounded(&format!("Content-Transfer-Encoding: base64\n\n{}", repeated("=")));
    read_bounded(&format!("Content-Transfer-Encoding: quoted-printable\n\n{}", repeated("=\n")));
    let report = "Final-Recipient: rfc822; a@b.c\nAction: failed\n\n";
    read_bounded(&format!("Content-Type: message/delivery-status\n\n{}", repeated(report)));
}

#[test]
fn conversions() {
    for piece in ["<blockquote>x", "<p>", "&", "http://x ", "  ", "<"] {
        let hostile = repeated(piece);
        assert!(html_to_text(&hostile).len() <= 16 * SIZE);
        assert!(sanitise(&hostile).len() <= 16 * SIZE);
        assert!(text_to_html(&hostile).len() <= 16 * SIZE);
    }
}
