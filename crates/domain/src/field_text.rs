//! What a text must be to stand in a field: a line, a web address, a telephone number, a domain. Standard fields (SDB-5)
//! and custom ones (SDB-6) ask the same.
//!
//! Texts are kept as they were written: no other form of Unicode is forced on them, whatever their script and direction.

use crate::fault::{Fault, Wrong};

/// Longest web address, in characters.
pub const MAX_URL: usize = 2048;
/// Longest telephone number, in characters.
pub const MAX_PHONE: usize = 50;
/// Longest domain, in bytes (RFC 1035).
const MAX_DOMAIN: usize = 253;

pub(crate) fn wrong<T>(fault: Fault, detail: impl Into<String>) -> Result<T, Wrong> {
    Err((fault, detail.into()))
}

/// One line with something in it, at most `max` characters, surrounding white space dropped.
///
/// # Errors
/// What is wrong with it.
pub fn one_line(text: &str, max: usize) -> Result<String, Wrong> {
    if text.chars().count() > max {
        return wrong(Fault::TooLong, format!("At most {max} characters."));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return wrong(Fault::InvalidCharacter, "Line breaks and control characters are not allowed.");
    }
    match text.trim() {
        "" => wrong(Fault::Required, "This can't be empty."),
        trimmed => Ok(trimmed.to_owned()),
    }
}

/// Several lines with something in them, at most `max` characters, as they are.
///
/// # Errors
/// What is wrong with it.
pub fn lines(text: &str, max: usize) -> Result<String, Wrong> {
    if text.chars().count() > max {
        return wrong(Fault::TooLong, format!("At most {max} characters."));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return wrong(Fault::InvalidCharacter, "Control characters are not allowed.");
    }
    if text.trim().is_empty() {
        return wrong(Fault::Required, "This can't be empty.");
    }
    Ok(text.to_owned())
}

/// What makes a text look other than it is: characters that turn its direction, and those that draw nothing.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// An address that a browser can open: `http` or `https`, a host, and no name or password before it.
///
/// # Errors
/// What is wrong with it.
pub fn web_address(text: &str) -> Result<String, Wrong> {
    let text = one_line(text, MAX_URL)?;
    if text.chars().any(|c| c.is_whitespace() || is_deceptive(c)) {
        return wrong(Fault::InvalidCharacter, "White space and invisible characters are not allowed.");
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let web = matches!(scheme.as_deref(), Some("http" | "https"));
    // A name before the host makes an address look like another site's.
    let good = |url: url::Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    if web && url::Url::parse(&text).is_ok_and(good) {
        return Ok(text);
    }
    wrong(Fault::InvalidValue, "A web address is needed: http:// or https:// and a host.")
}

/// A telephone number, however people write it, with an extension or in their own digits; but a number, not a sentence.
///
/// # Errors
/// What is wrong with it.
pub fn phone(text: &str) -> Result<String, Wrong> {
    let text = one_line(text, MAX_PHONE)?;
    if text.chars().any(is_deceptive) {
        return wrong(Fault::InvalidCharacter, "Invisible characters are not allowed.");
    }
    let digits = text.chars().filter(|c| c.is_numeric()).count();
    let others = |c: char| c.is_alphanumeric() || " \u{a0}+-–().,/#*:;".contains(c);
    if digits < 2 || !text.chars().all(others) {
        return wrong(Fault::InvalidValue, "A telephone number is needed, such as +49 40 123456.");
    }
    Ok(text)
}

/// A domain of the Internet in small letters, in whatever script: `customer.example`.
///
/// # Errors
/// What is wrong with it.
pub fn domain(text: &str) -> Result<String, Wrong> {
    let text = one_line(text, MAX_DOMAIN)?.to_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| match c {
                _ if c.is_ascii() => c.is_ascii_alphanumeric() || matches!(c, '-' | '_'),
                _ => !c.is_whitespace() && !is_deceptive(c),
            })
    };
    if text.len() <= MAX_DOMAIN && text.contains('.') && text.split('.').all(label) {
        return Ok(text);
    }
    wrong(Fault::InvalidValue, "A domain is needed, such as customer.example: no scheme, path or port.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_trimmed_and_kept_as_written() {
        // Decomposed, right to left, with joiners and accents that no composed form has.
        for text in ["Ann", "e\u{301}", "שלום עולם", "محمد علی\u{200c}زاده", "👩‍🚀 x\u{302}\u{323}"]
        {
            assert_eq!(one_line(&format!("  {text}\u{a0}"), 40).unwrap(), text);
            assert_eq!(lines(&format!("{text}\n\t{text}"), 80).unwrap(), format!("{text}\n\t{text}"));
        }
        for (text, fault) in [
            ("", Fault::Required),
            (" \u{3000} ", Fault::Required),
            ("a\nb", Fault::InvalidCharacter),
            ("a\u{2028}b", Fault::InvalidCharacter),
            ("a\0", Fault::InvalidCharacter),
            ("123456", Fault::TooLong),
        ] {
            assert_eq!(one_line(text, 5).unwrap_err().0, fault, "{text:?}");
        }
        assert_eq!(one_line("абвгд", 5).unwrap(), "абвгд", "characters count, not bytes");
        assert_eq!(lines(" \n ", 5).unwrap_err().0, Fault::Required);
        assert_eq!(lines("\u{1b}[0m", 5).unwrap_err().0, Fault::InvalidCharacter);
    }

    #[test]
    fn domains_have_two_labels_and_nothing_else() {
        for (text, kept) in [
            ("customer.example", "customer.example"),
            (" Customer.EXAMPLE ", "customer.example"),
            ("bücher.example", "bücher.example"),
            ("例子.公司", "例子.公司"),
            ("a-b.c_d.example", "a-b.c_d.example"),
        ] {
            assert_eq!(domain(text).unwrap(), kept);
        }
        let long = format!("{}.example", "a".repeat(64));
        for text in [
            "localhost",
            "https://customer.example",
            "customer.example/",
            "customer.example:80",
            "customer..example",
            ".example",
            "customer.example.",
            "-a.example",
            "a b.example",
            "a\u{200b}.example",
            "ann@customer.example",
            "",
            &long,
        ] {
            assert!(domain(text).is_err(), "{text:?}");
        }
    }
}
