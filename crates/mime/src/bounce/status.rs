//! Enhanced status codes (RFC 3463) in servers' words.

/// The first enhanced status code of a failure (`5.1.1`, `4.2.2`) in a text that is no part of something else, such
/// as an IP address or a version.
pub(super) fn enhanced(text: &str) -> Option<String> {
    let is_code = |c: char| c.is_ascii_digit() || c == '.';
    text.split(|c: char| !is_code(c)).find_map(|word| {
        let word = word.trim_matches('.');
        let mut numbers = word.split('.');
        let class = numbers.next().filter(|class| matches!(*class, "4" | "5"))?;
        let subject = numbers.next().filter(|n| (1..=3).contains(&n.len()) && *n != "00")?;
        let detail = numbers.next().filter(|n| (1..=3).contains(&n.len()))?;
        numbers.next().is_none().then(|| format!("{class}.{subject}.{detail}"))
    })
}

/// Whether a code says no more than its class (`5.0.0`).
pub(super) fn is_vague(status: &str) -> bool {
    status.ends_with(".0.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_codes_only() {
        for (text, code) in [
            ("550 5.1.1 <a@b>... User unknown", Some("5.1.1")),
            ("sorry (#5.7.1)", Some("5.7.1")),
            ("host [5.1.1.7] said: 451", None),
            ("version 4.94.2.1", None),
            ("2.0.0 ok", None),
            ("421 4.4.2 timeout", Some("4.4.2")),
        ] {
            assert_eq!(enhanced(text).as_deref(), code, "{text}");
        }
    }
}
