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
    let Some((prefix, _)) = subject.trim_start().split_once([':', '：']) else { return false };
    let word = prefix.split(['[', '(', '^']).next().unwrap_or_default().trim().to_lowercase();
    REPLY.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_replies() {
        for subject in ["Re: x", "RE:x", " AW: x", "Re[2]: x", "Re : x", "回复：x", "SV: x"] {
            assert!(is_reply(subject), "{subject}");
        }
        for subject in ["Fwd: x", "x", "Report: x", "", ":"] {
            assert!(!is_reply(subject), "{subject}");
        }
    }
}
