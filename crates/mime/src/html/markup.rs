//! HTML cut into tags and text, in one linear pass, forgiving everything (after the tokenizer of the HTML standard).
//!
//! Only what [`super::prune`] needs to throw away costly markup before a real HTML parser sees it, and what
//! [`super::tree`] needs to read the clean HTML that came out. Safety never depends on it: what it makes is
//! sanitised afterwards.

/// A piece of HTML.
#[derive(Debug, PartialEq)]
pub(super) enum Markup<'a> {
    /// Text as it stands in the source, character references and all.
    Text(&'a str),
    /// A start tag.
    Start(Tag<'a>),
    /// An end tag's name, in lower case.
    End(String),
}

/// A start tag.
#[derive(Debug, PartialEq)]
pub(super) struct Tag<'a> {
    /// In lower case.
    pub(super) name: String,
    /// Names in lower case, values as in the source without their quotes. The first of a name counts.
    pub(super) attributes: Vec<(String, &'a str)>,
}

/// Further attributes of a tag are dropped: HTML parsers compare each with each.
const MAX_ATTRIBUTES: usize = 48;

/// Elements whose content is text up to their own end tag.
const RAW_TEXT: [&str; 8] = ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"];

/// Reads HTML piece by piece. Comments, doctypes and processing instructions are left out.
pub(super) struct Reader<'a> {
    rest: &'a str,
    /// Inside of an element whose content is no markup.
    raw_text: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Self { rest: html, raw_text: None }
    }

    /// Takes the first `length` bytes off what is left.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// The content of a raw text element, up to its end tag.
    fn raw_content(&mut self, name: &str) -> &'a str {
        let mut from = 0;
        while let Some(found) = self.rest.get(from..).and_then(|rest| rest.find("</")) {
            let at = from + found;
            let after = self.rest.get(at + 2..).unwrap_or_default();
            let is_end = after.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name))
                && after
                    .get(name.len()..)
                    .unwrap_or_default()
                    .chars()
                    .next()
                    .is_none_or(|c| c.is_ascii_whitespace() || "/>".contains(c));
            if is_end {
                return self.take(at);
            }
            from = at + 2;
        }
        self.take(self.rest.len())
    }

    /// A tag, comment or the like at the `<` that `rest` begins with; `None` where the `<` is text.
    fn markup(&mut self) -> Option<Option<Markup<'a>>> {
        let after = self.rest.get(1..)?;
        match after.chars().next()? {
            '/' => {
                let name = after.get(1..)?;
                if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    self.skip_through(">");
                    return Some(None);
                }
                let length = name_length(name);
                let name = name.get(..length)?.to_ascii_lowercase();
                self.take(2 + length);
                // Attributes of an end tag mean nothing.
                self.attributes();
                Some(Some(Markup::End(name)))
            }
            '!' if after.starts_with("!--") => {
                self.take(4);
                // `<!-->` and `<!--->` are whole comments.
                match self.rest.strip_prefix('>').or_else(|| self.rest.strip_prefix("->")) {
                    Some(rest) => self.rest = rest,
                    None => self.skip_comment(),
                }
                Some(None)
            }
            '!' | '?' => {
                self.skip_through(">");
                Some(None)
            }
            c if c.is_ascii_alphabetic() => {
                let length = name_length(after);
                let name = after.get(..length)?.to_ascii_lowercase();
                self.take(1 + length);
                let attributes = self.attributes();
                if RAW_TEXT.contains(&name.as_str()) {
                    self.raw_text = Some(name.clone());
                }
                Some(Some(Markup::Start(Tag { name, attributes })))
            }
            _ => None,
        }
    }

    fn skip_through(&mut self, end: &str) {
        let length = self.rest.find(end).map_or(self.rest.len(), |at| at + end.len());
        self.take(length);
    }

    fn skip_comment(&mut self) {
        let ends = ["-->", "--!>"].map(|end| self.rest.find(end).map(|at| at + end.len()));
        let length = ends.into_iter().flatten().min().unwrap_or(self.rest.len());
        self.take(length);
    }

    /// Attributes up to and including the tag's `>`.
    fn attributes(&mut self) -> Vec<(String, &'a str)> {
        let mut attributes: Vec<(String, &'a str)> = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            match self.rest.chars().next() {
                None => return attributes,
                Some('>') => {
                    self.take(1);
                    return attributes;
                }
                Some(_) => {}
            }
            let ends_name = |(i, c): &(usize, char)| {
                c.is_ascii_whitespace() || matches!(c, '/' | '>') || (*c == '=' && *i > 0)
            };
            let length = self.rest.char_indices().find(ends_name).map_or(self.rest.len(), |(i, _)| i);
            let name = self.take(length);
            let value = self.value();
            if attributes.len() < MAX_ATTRIBUTES {
                let name = name.to_ascii_lowercase();
                if attributes.iter().all(|(known, _)| *known != name) {
                    attributes.push((name, value));
                }
            }
        }
    }

    /// An attribute's value, if `=` follows its name.
    fn value(&mut self) -> &'a str {
        let Some(rest) = self.rest.trim_ascii_start().strip_prefix('=') else { return "" };
        self.rest = rest.trim_ascii_start();
        let quote = match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => quote,
            Some('>') | None => return "",
            Some(_) => {
                let end = |c: char| c.is_ascii_whitespace() || c == '>';
                return self.take(self.rest.find(end).unwrap_or(self.rest.len()));
            }
        };
        self.take(1);
        let value = self.take(self.rest.find(quote).unwrap_or(self.rest.len()));
        self.take(1);
        value
    }
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).unwrap_or(text.len())
}

impl<'a> Iterator for Reader<'a> {
    type Item = Markup<'a>;

    fn next(&mut self) -> Option<Markup<'a>> {
        if let Some(name) = self.raw_text.take() {
            let content = self.raw_content(&name);
            if !content.is_empty() {
                return Some(Markup::Text(content));
            }
        }
        while !self.rest.is_empty() {
            // A `<` that opens nothing is part of the text.
            let mut from = 0;
            while let Some(found) = self.rest.get(from..).and_then(|rest| rest.find('<')) {
                let at = from + found;
                if opens_markup(self.rest.get(at + 1..).unwrap_or_default()) {
                    if at > 0 {
                        return Some(Markup::Text(self.take(at)));
                    }
                    break;
                }
                from = at + 1;
            }
            if !self.rest.starts_with('<') || !opens_markup(self.rest.get(1..).unwrap_or_default()) {
                return Some(Markup::Text(self.take(self.rest.len())));
            }
            match self.markup() {
                Some(Some(markup)) => return Some(markup),
                Some(None) => {}
                None => return Some(Markup::Text(self.take(1))),
            }
        }
        None
    }
}

/// Whether a `<` before this begins a tag, a comment or the like.
fn opens_markup(after: &str) -> bool {
    let mut chars = after.chars();
    match chars.next() {
        Some('!' | '?') => true,
        Some('/') => chars.next().is_some(),
        Some(c) => c.is_ascii_alphabetic(),
        None => false,
    }
}

/// Appends text with what is special in text escaped, character references kept as they are.
pub(super) fn push_raw_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(c),
        }
    }
}

/// Appends a start tag; values are escaped for double quotes, character references kept as they are.
pub(super) fn push_start(out: &mut String, name: &str, attributes: &[(String, String)]) {
    out.push('<');
    out.push_str(name);
    for (name, value) in attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' => out.push_str("&quot;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                _ => out.push(c),
            }
        }
        out.push('"');
    }
    out.push('>');
}

/// Appends an end tag.
pub(super) fn push_end(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Elements that have no content and no end tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "hr" | "img" | "col" | "wbr" | "area" | "input" | "base" | "link" | "meta" | "embed"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(html: &str) -> String {
        let mut out = String::new();
        for markup in Reader::new(html) {
            match markup {
                Markup::Text(text) => out.push_str(&format!("[{text}]")),
                Markup::Start(tag) => {
                    let attributes = tag.attributes.iter().map(|(n, v)| format!(" {n}={v}"));
                    out.push_str(&format!("<{}{}>", tag.name, attributes.collect::<String>()));
                }
                Markup::End(name) => out.push_str(&format!("</{name}>")),
            }
        }
        out
    }

    #[test]
    fn cuts_html() {
        for (html, shown) in [
            ("<P Class=a ID='b' hidden>x</P >", "<p class=a id=b hidden=>[x]</p>"),
            ("a<!-- <b> -->c<!-->d", "[a][c][d]"),
            ("1 < 2 <3 <", "[1 < 2 <3 <]"),
            ("<a href=x/y>z", "<a href=x/y>[z]"),
            ("<img src=\"a>b\"/>", "<img src=a>b>"),
            ("<script>if (a<b) '</scripty>'</script>x", "<script>[if (a<b) '</scripty>']</script>[x]"),
            ("<a b=1 b=2 c = '3'", "<a b=1 c=3>"),
            ("<!doctype html><?xml?></ x><p", "<p>"),
        ] {
            assert_eq!(show(html), shown, "{html}");
        }
    }

    #[test]
    fn hostile_html_costs_linear_work() {
        for hostile in ["<", "</", "<!--", "<a ", "<a b='", "a b c=d ", "</script ", "<style></styl", "<a <"]
        {
            let html = format!("<script {}", hostile.repeat(400_000 / hostile.len()));
            assert!(Reader::new(&html).count() <= html.len());
            let html = hostile.repeat(400_000 / hostile.len());
            assert!(Reader::new(&html).count() <= html.len());
        }
    }
}
