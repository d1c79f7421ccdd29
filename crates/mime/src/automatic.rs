//! Whether a program answered, not a person (MAIL-7).

use crate::header::Headers;

/// Whether the mail was written by a program in answer to another mail. When in doubt it is a person.
pub(crate) fn is_automatic(headers: &Headers<'_>, subject: Option<&str>) -> bool {
    // RFC 3834: every other value than `no` says that no person wrote this.
    if headers.keyword("auto-submitted").is_some_and(|value| value != "no" && !value.is_empty()) {
        return true;
    }
    let marks = ["x-autoreply", "x-autorespond", "x-autoresponder", "x-autorespond-message", "x-auto-reply"];
    if marks
        .into_iter()
        .any(|name| headers.keyword(name).is_some_and(|value| value != "no" && value != "false"))
    {
        return true;
    }
    let precedence = headers.keyword("precedence").unwrap_or_default();
    if matches!(precedence.as_str(), "auto_reply" | "auto-reply") {
        return true;
    }
    // Also set on newsletters and by people's servers: only a hint.
    let hinted = matches!(precedence.as_str(), "bulk" | "junk") || suppresses_all(headers);
    let other_sign = has_null_return_path(headers) || subject.is_some_and(is_automatic_subject);
    hinted && other_sign
}

/// X-Auto-Response-Suppress ([MS-OXCMAIL]) with a value that only programs have a reason to set.
fn suppresses_all(headers: &Headers<'_>) -> bool {
    headers.text("x-auto-response-suppress").is_some_and(|value| {
        value.split(',').any(|word| {
            let word = word.trim().to_ascii_lowercase();
            matches!(word.as_str(), "all" | "oof" | "autoreply")
        })
    })
}

/// Whether the mail was sent with the null return path (RFC 5321, 4.5.5).
pub(crate) fn has_null_return_path(headers: &Headers<'_>) -> bool {
    headers.raw("return-path").is_some_and(|path| {
        let path: Vec<u8> = path.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        path == b"<>"
    })
}

/// Whether nothing in the header says that a program sent this.
pub(crate) fn is_from_a_person(headers: &Headers<'_>) -> bool {
    let by_program = is_automatic(headers, headers.text("subject").as_deref())
        || has_null_return_path(headers)
        || headers.keyword("precedence").is_some_and(|value| value != "list");
    // People's programs name themselves and write the threads that they answer in.
    !by_program && (headers.has("user-agent") || headers.has("x-mailer") || headers.has("in-reply-to"))
}

/// How automatic answers begin their subject, in the languages that common programs speak.
const SUBJECTS: [&str; 34] = [
    "auto:",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "auto-response",
    "automatic reply",
    "automated reply",
    "automatic response",
    "automated response",
    "out of office",
    "out of the office",
    "away from the office",
    "vacation",
    "on holiday",
    "automatische antwort",
    "abwesenheit",
    "abwesend",
    "réponse automatique",
    "reponse automatique",
    "absence du bureau",
    "respuesta automática",
    "respuesta automatica",
    "fuera de la oficina",
    "risposta automatica",
    "fuori sede",
    "resposta automática",
    "resposta automatica",
    "automatisch antwoord",
    "automatiskt svar",
    "automatisk svar",
    "automaattinen vastaus",
    "автоответ",
    "自动回复",
];

fn is_automatic_subject(subject: &str) -> bool {
    let lower = subject.to_lowercase();
    let lower = lower.trim_start_matches(['[', '(', ' ', '*']);
    SUBJECTS.iter().any(|start| lower.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &str) -> bool {
        let raw = format!("{fields}\n\n");
        let (headers, _) = Headers::parse(raw.as_bytes());
        is_automatic(&headers, headers.text("subject").as_deref())
    }

    #[test]
    fn tells_programs_from_people() {
        for automatic in [
            "Auto-Submitted: auto-replied",
            "Auto-Submitted: auto-generated (rejected)",
            "X-Autoreply: yes",
            "X-Autorespond: re: hello",
            "Precedence: auto_reply",
            "Precedence: bulk\nReturn-Path: <>",
            "X-Auto-Response-Suppress: All\nSubject: Automatic reply: hello",
        ] {
            assert!(check(automatic), "{automatic}");
        }
        for person in [
            "Auto-Submitted: no",
            "Precedence: bulk",
            "Precedence: list\nList-Id: <x.example.com>\nReturn-Path: <>",
            "X-Auto-Response-Suppress: All",
            "Subject: Out of office hours support",
            "Return-Path: <>",
            "",
        ] {
            assert!(!check(person), "{person}");
        }
    }
}
