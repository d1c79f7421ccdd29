//! Message-IDs (RFC 5322, 3.6.4), without their angle brackets.

use crate::encoded_word;

/// All ids in a Message-ID, In-Reply-To or References value, in order, each once.
///
/// What stands in angle brackets counts; only where there are none, bare words that look like an id do, since
/// old programs wrote prose into In-Reply-To.
pub(crate) fn parse_list(raw: &[u8]) -> Vec<String> {
    let text = encoded_word::to_characters(raw);
    let text = encoded_word::decode_text(&text);
    let mut ids: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut add = |id: &str| {
        let id: String = id.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        let is_new = !id.is_empty() && seen.insert(id.clone());
        if is_new {
            ids.push(id);
        }
    };
    if text.contains('<') {
        for piece in text.split('<').skip(1) {
            add(piece.split('>').next().unwrap_or_default());
        }
    } else {
        let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '>' | '"'));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        for word in &words {
            if words.len() == 1 || word.contains('@') {
                add(word);
            }
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids() {
        let ids = |raw: &str| parse_list(raw.as_bytes());
        assert_eq!(ids("<a@b>\r\n <c@d> <a@b>"), ["a@b", "c@d"]);
        assert_eq!(ids("<a@b><c@d>"), ["a@b", "c@d"]);
        assert_eq!(ids("<a\r\n b@c>"), ["ab@c"]);
        assert_eq!(ids("Your message of \"Mon\" <a@b>"), ["a@b"]);
        assert_eq!(ids("a@b, c@d"), ["a@b", "c@d"]);
        assert_eq!(ids("no-domain"), ["no-domain"]);
        assert_eq!(ids("<unclosed@x"), ["unclosed@x"]);
        assert!(ids(" ").is_empty());
    }
}
