//! `format=flowed` (RFC 3676): lines that the sender's program broke become paragraphs again.

use crate::parameter::Parameterised;

/// Joins the soft line breaks of a text with `format=flowed`; any other text stays as it is.
pub(crate) fn unflow(text: String, parameters: &Parameterised) -> String {
    let is_flowed = parameters.token("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
    if !is_flowed {
        return text;
    }
    let delete_space = parameters.token("delsp").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    let mut out = String::with_capacity(text.len());
    // The quote depth of a paragraph that goes on in the next line.
    let mut open: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let ended = line.ends_with('\n');
        let line = line.strip_suffix('\n').unwrap_or(line);
        let depth = line.bytes().take_while(|&b| b == b'>').count();
        let content = line.get(depth..).unwrap_or_default();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let is_signature = content == "-- ";
        if open.is_some_and(|open_depth| open_depth != depth || is_signature) {
            out.push('\n');
            open = None;
        }
        if open.is_none() {
            (0..depth).for_each(|_| out.push('>'));
            if depth > 0 && !content.is_empty() {
                out.push(' ');
            }
        }
        let is_soft = content.ends_with(' ') && !is_signature && ended;
        match content.strip_suffix(' ') {
            Some(shorter) if is_soft && delete_space => out.push_str(shorter),
            _ => out.push_str(content),
        }
        open = is_soft.then_some(depth);
        if ended && !is_soft {
            out.push('\n');
        }
    }
    if open.is_some() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Headers;

    fn unflowed(text: &str, delsp: &str) -> String {
        let raw = format!("Content-Type: text/plain; format=flowed; delsp={delsp}\n\n");
        let (headers, _) = Headers::parse(raw.as_bytes());
        unflow(text.to_owned(), &Parameterised::content_type(&headers).unwrap())
    }

    #[test]
    fn joins_soft_breaks() {
        assert_eq!(unflowed("one \ntwo\nthree\n", "no"), "one two\nthree\n");
        assert_eq!(unflowed("on \ne\n", "yes"), "one\n");
        assert_eq!(unflowed(" From here\n  indented\n", "no"), "From here\n indented\n");
    }

    #[test]
    fn keeps_quotes_and_signatures_apart() {
        assert_eq!(
            unflowed("> one \n> two\n>> deep \n> up\nme \n-- \nAnn\n", "no"),
            "> one two\n>> deep \n> up\nme \n-- \nAnn\n"
        );
    }
}
