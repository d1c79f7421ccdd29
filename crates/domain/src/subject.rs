//! Subjects: what makes two of them the same (MAIL-10), and what a reply's is.

/// Prefixes that mail programs put before the subject of an answer, lower-cased, without the colon.
const REPLY_PREFIXES: &[&str] = &[
    "re",
    "aw",
    "antw",
    "antwort",
    "sv",
    "vs",
    "res",
    "rv",
    "rif",
    "r",
    "odp",
    "ynt",
    "vá",
    "bls",
    "atb",
    "ats",
    "yanıt",
    "απ",
    "σχετ",
    "отв",
    "ответ",
    "回复",
    "答复",
    "回覆",
    "回信",
    "返信",
    "답장",
    "رد",
    "תשובה",
];

/// The same for what is passed on.
const FORWARD_PREFIXES: &[&str] = &[
    "fwd",
    "fw",
    "wg",
    "tr",
    "rv",
    "enc",
    "pd",
    "i",
    "doorst",
    "vl",
    "vb",
    "fs",
    "ilt",
    "továbbítás",
    "πρθ",
    "προωθ",
    "пересл",
    "转发",
    "轉寄",
    "転送",
    "전달",
    "הועבר",
    "إعادة توجيه",
    "trs",
    "redir",
];

/// Longer keys are cut, in bytes: they are kept in an index.
const KEY_AT_MOST: usize = 500;

/// The subject without the prefixes of answering and forwarding, white space folded, lower-cased: what two mails of one
/// exchange have in common. Empty where nothing is left.
#[must_use]
pub fn subject_key(subject: &str) -> String {
    let mut rest = subject.trim();
    while let Some((_, after)) = split_prefix(rest) {
        rest = after;
    }
    let key = rest.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let end = (0..=KEY_AT_MOST.min(key.len())).rev().find(|end| key.is_char_boundary(*end)).unwrap_or(0);
    key.get(..end).unwrap_or_default().trim_end().to_owned()
}

/// Whether the subject is that of an answer (`Re: …` in its common forms).
#[must_use]
pub fn is_reply_subject(subject: &str) -> bool {
    split_prefix(subject.trim()).is_some_and(|(prefix, _)| REPLY_PREFIXES.contains(&prefix.as_str()))
}

/// The subject of an answer to a mail with this one: `Re: ` before it, once.
#[must_use]
pub fn reply_subject(subject: &str) -> String {
    let subject = subject.trim();
    if is_reply_subject(subject) {
        subject.to_owned()
    } else if subject.is_empty() {
        "Re:".to_owned()
    } else {
        format!("Re: {subject}")
    }
}

/// The first prefix and what follows it: `Re: x`, `RE[2]: x`, `Re (3) : x`, `回复：x`.
fn split_prefix(subject: &str) -> Option<(String, &str)> {
    let colon = subject.find([':', '：'])?;
    let (head, tail) = subject.split_at(colon);
    // The longest prefix known is short: a colon further away is the subject's own.
    if head.chars().count() > 24 {
        return None;
    }
    let word = head.trim_end();
    let word = match word.find(['[', '(']) {
        Some(open) if is_counter(&word[open..]) => word[..open].trim_end(),
        _ => word,
    };
    let prefix = word.to_lowercase();
    let known = REPLY_PREFIXES.contains(&prefix.as_str()) || FORWARD_PREFIXES.contains(&prefix.as_str());
    known.then(|| (prefix, tail.trim_start_matches([':', '：']).trim_start()))
}

/// `[2]` or `(2)`: how often it was answered.
fn is_counter(text: &str) -> bool {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .or_else(|| text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')));
    inner.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_have_their_mails_subject() {
        for subject in [
            "Offer",
            "Re: Offer",
            "RE: re: Offer",
            "AW: Fwd:  offer",
            "Re[2]: Offer",
            "Re (3) : Offer",
            "回复：Offer",
        ] {
            assert_eq!(subject_key(subject), "offer", "{subject}");
        }
        assert_eq!(subject_key("Re: Re:"), "");
        assert_eq!(subject_key("Note: this"), "note: this");
        assert_eq!(subject_key("Reply needed:\r\n now"), "reply needed: now");
    }

    #[test]
    fn one_re_is_enough() {
        assert_eq!(reply_subject("Offer"), "Re: Offer");
        assert_eq!(reply_subject("AW: Offer"), "AW: Offer");
        assert_eq!(reply_subject("Fwd: Offer"), "Re: Fwd: Offer");
        assert!(!is_reply_subject("Offer: re: done"));
    }

    proptest! {
        #[test]
        fn an_answer_keeps_the_key(subject in ".{0,60}") {
            prop_assert_eq!(subject_key(&reply_subject(&subject)), subject_key(&subject));
        }

        #[test]
        fn the_key_is_its_own_key(subject in ".{0,60}") {
            let key = subject_key(&subject);
            prop_assert_eq!(subject_key(&key), key);
        }
    }
}
