//! Plain text as HTML.

/// HTML of a plain text: line breaks and runs of spaces kept, web and mail addresses made links.
#[must_use]
pub fn text_to_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (index, line) in text.trim_end_matches('\n').split('\n').enumerate() {
        if index > 0 {
            out.push_str("<br>\n");
        }
        push_line(&mut out, line.strip_suffix('\r').unwrap_or(line));
    }
    if out.is_empty() { out } else { format!("<div>{out}</div>") }
}

fn push_line(out: &mut String, line: &str) {
    let mut after_space = true;
    for word in line.split_inclusive([' ', '\t']) {
        let (word, space) = match word.char_indices().next_back() {
            Some((at, ' ' | '\t')) => word.split_at_checked(at).unwrap_or((word, "")),
            _ => (word, ""),
        };
        if word.is_empty() {
            // Browsers draw several spaces as one.
            out.push_str(if after_space { "&nbsp;" } else { " " });
            after_space = true;
            continue;
        }
        match web_address(word) {
            Some((before, address, after)) => {
                push_escaped(out, before);
                out.push_str("<a href=\"");
                push_escaped(out, address);
                out.push_str("\">");
                push_escaped(out, address);
                out.push_str("</a>");
                push_escaped(out, after);
            }
            None => push_escaped(out, word),
        }
        if !space.is_empty() {
            out.push(' ');
        }
        after_space = !space.is_empty();
    }
}

/// Splits a word that holds a web address: what stands before, the address, what stands behind (punctuation).
fn web_address(word: &str) -> Option<(&str, &str, &str)> {
    let start = ["https://", "http://"].iter().filter_map(|scheme| word.find(scheme)).min()?;
    let (before, rest) = word.split_at_checked(start)?;
    let end = rest.find(['<', '>', '"']).unwrap_or(rest.len());
    let trimmed = rest.get(..end)?.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']);
    let host = trimmed.split_once("://")?.1;
    if !host.starts_with(|c: char| c.is_alphanumeric() || c == '[') {
        return None;
    }
    let (address, after) = rest.split_at_checked(trimmed.len())?;
    Some((before, address, after))
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_lines_spaces_and_letters() {
        assert_eq!(
            text_to_html("a <b> & \"c\"\n  d"),
            "<div>a &lt;b&gt; &amp; &quot;c&quot;<br>\n&nbsp;&nbsp;d</div>"
        );
        assert_eq!(text_to_html(""), "");
    }

    #[test]
    fn links_addresses() {
        assert_eq!(
            text_to_html("see (https://example.com/a?b=1&c=2)."),
            "<div>see (<a href=\"https://example.com/a?b=1&amp;c=2\">https://example.com/a?b=1&amp;c=2</a>).</div>"
        );
        assert_eq!(text_to_html("http://"), "<div>http://</div>");
    }
}
