//! What a subject's beginning says.

/// `Re:` in the languages whose mail programs translate it.
const REPLY: [&str; 26] = [
    "re",
    "aw",
    "antw",
    "antwort",
    "sv",
    "vs",
    "svar",
    "ref",
    "rif",
    "r",
    "res",
    "odp",
    "ynt",
    "yanıt",
    "atb",
    "bls",
    "ответ",
    "отв",
    "回复",
    "回覆",
    "答复",
    "返信",
    "答覆",
    "απ",
    "σχετ",
    "vá",
];

/// Whether a subject begins as an answer's does: `Re:`, `AW: `, `SV:`, `Re[2]:`, `RE：`.
pub(crate) fn is_reply(subject: &str) -> bool {
    prefix(subject).is_some_and(|word| REPLY.contains(&word.as_str()))
}

/// `Fwd:` in the languages whose mail programs translate it.
const FORWARD: [&str; 20] = [
    "fwd",
    "fw",
    "wg",
    "tr",
    "rv",
    "enc",
    "vl",
    "vb",
    "vs",
    "vidbef",
    "videresend",
    "i",
    "pd",
    "továbbítás",
    "переслано",
    "прсл",
    "转发",
    "轉寄",
    "転送",
    "doorst",
];

/// Whether a subject begins as that of a mail that is passed on.
pub(crate) fn is_forward(subject: &str) -> bool {
    prefix(subject).is_some_and(|word| FORWARD.contains(&word.as_str()))
}

/// What stands before the first colon, in lower case, without a counter.
fn prefix(subject: &str) -> Option<String> {
    let (prefix, _) = subject.trim_start().split_once([':', '：'])?;
    Some(prefix.split(['[', '(', '^']).next().unwrap_or_default().trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_replies() {
        for subject in ["Re: x", "RE:x", " AW: x", "Re[2]: x", "Re : x", "回复：x", "SV: x"] {
            assert!(is_reply(subject), "{subject}");
        }
        assert!(is_forward("WG: x") && !is_forward("Re: x"));
        for subject in ["Fwd: x", "x", "Report: x", "", ":"] {
            assert!(!is_reply(subject), "{subject}");
        }
    }
}
