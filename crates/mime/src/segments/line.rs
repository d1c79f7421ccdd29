//! What a single line of a body, or a few lines together, can be.

use super::phrases;

/// Only the beginning of a line tells what it is; bodies may be one line of megabytes.
const MAX_HEAD: usize = 500;

/// A line's beginning in lower case, without the emphasis that HTML-to-text programs write (`*From:*`).
pub(super) fn folded(line: &str) -> String {
    #[cfg(test)]
    work::count();
    let head = line.get(..line.floor_char_boundary(MAX_HEAD)).unwrap_or(line);
    let head = head.trim().trim_matches(['*', '_', '\u{feff}', '\u{200b}', '\u{200e}', '\u{200f}']);
    head.trim().to_lowercase().replace(['\u{a0}', '\u{202f}'], " ").replace('’', "'")
}

/// What a separator line begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Original,
    Forwarded,
}

/// `-----Original Message-----`, `---------- Forwarded message ---------`, `Begin forwarded message:`.
pub(super) fn separator(line: &str) -> Option<Separator> {
    let folded = folded(line);
    if folded.len() > 200 {
        return None;
    }
    let plain = folded.trim_end_matches(':');
    if phrases::FORWARD_LINES.contains(&plain) {
        return Some(Separator::Forwarded);
    }
    if phrases::REPLY_ABOVE.iter().any(|phrase| folded.contains(phrase)) {
        return Some(Separator::Original);
    }
    let rule = |c: char| matches!(c, '-' | '_' | '=' | '*' | '—' | '–' | '─' | '~' | '#' | ' ');
    let words = line.trim().trim_start_matches(rule);
    let dashes = line.trim().chars().count() - words.chars().count();
    if dashes < 2 {
        return None;
    }
    let words = folded.trim_matches(rule).trim_end_matches([':', '-']).trim();
    let begins = |phrases: &[&str]| phrases.iter().any(|phrase| words.starts_with(phrase));
    if begins(&phrases::FORWARDED_MESSAGE) {
        return Some(Separator::Forwarded);
    }
    let is_whole = phrases::ORIGINAL_MESSAGE
        .iter()
        .any(|phrase| words.strip_prefix(phrase).is_some_and(|rest| rest.len() < 40));
    is_whole.then_some(Separator::Original)
}

/// A line of nothing but dashes or underscores, as some programs draw above a quoted header.
pub(super) fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.chars().count() >= 3 && line.chars().all(|c| matches!(c, '-' | '_' | '=' | '*' | '—' | '─' | ' '))
}

/// `> quoted`.
pub(super) fn is_quoted(line: &str) -> bool {
    let start = line.trim_start();
    line.len() - start.len() <= 4
        && (start.starts_with('>') && !start.starts_with(">From ") || start.starts_with('＞'))
}

/// A line of a quoted mail's header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    kind: LabelKind,
    /// Its value is what such a line holds: an address, or a date with its year.
    is_certain: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LabelKind {
    From,
    Sent,
    To,
    Subject,
}

/// `From: Ann`, `*Von:* Ann`.
pub(super) fn label(line: &str) -> Option<Label> {
    let folded = folded(line);
    let (name, value) = folded.split_once([':', '：'])?;
    let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '|' | '>'));
    if name.len() > 40 || value.starts_with("//") {
        return None;
    }
    let kinds = [
        (LabelKind::From, phrases::FROM.as_slice()),
        (LabelKind::Sent, &phrases::SENT),
        (LabelKind::Subject, &phrases::SUBJECT),
        (LabelKind::To, &phrases::TO),
    ];
    let (kind, _) = kinds.into_iter().find(|(_, names)| names.contains(&name))?;
    let is_certain = match kind {
        LabelKind::From | LabelKind::To => names_address(value),
        LabelKind::Sent => names_year(value),
        LabelKind::Subject => false,
    };
    Some(Label { kind, is_certain })
}

/// How many lines a quoted header may have.
const MAX_HEADER_LINES: usize = 14;

/// Whether a quoted mail's header begins here: a sender and at least two other kinds of lines, close together; or a
/// date and a person, each with its full value.
pub(super) fn begins_header(labels: impl Iterator<Item = Option<Label>>) -> bool {
    let mut found: Vec<Label> = Vec::new();
    let mut other = 0;
    for (index, label) in labels.take(MAX_HEADER_LINES).enumerate() {
        match label {
            Some(label) => {
                if !found.iter().any(|known| known.kind == label.kind) {
                    found.push(label);
                }
                other = 0;
            }
            None if index == 0 => return false,
            // A folded line, or the blank lines that HTML leaves between.
            None if other < 2 => other += 1,
            None => break,
        }
        let has = |kind: LabelKind| found.iter().any(|label| label.kind == kind);
        let is_sure = |kind: LabelKind| found.iter().any(|label| label.kind == kind && label.is_certain);
        let is_whole =
            found.len() >= 3 && has(LabelKind::From) && (has(LabelKind::Sent) || has(LabelKind::Subject));
        if is_whole || is_sure(LabelKind::Sent) && (is_sure(LabelKind::From) || is_sure(LabelKind::To)) {
            return true;
        }
    }
    false
}

/// How many lines an introduction such as "On …, Ann wrote:" may be broken over.
const MAX_ATTRIBUTION_LINES: usize = 6;

/// How sure an introduction of a quote is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attribution {
    /// How many lines it takes.
    pub(super) lines: usize,
    /// It names a time or an address, so that no prose reads like it: what follows is quoted even without marks.
    pub(super) is_certain: bool,
}

/// "On …, Ann wrote:" in the common languages, at the first of these lines.
pub(super) fn attribution<'t>(lines: impl Iterator<Item = &'t str>) -> Option<Attribution> {
    let mut joined = String::new();
    for (index, line) in lines.take(MAX_ATTRIBUTION_LINES).enumerate() {
        let text = folded(line.trim_start_matches(['>', ' ']));
        if text.is_empty() {
            return None;
        }
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&text);
        if joined.len() > MAX_HEAD {
            return None;
        }
        if ends_attribution(&joined) {
            let is_certain = is_certain(&joined);
            let is_likely = is_certain || begins_attribution(&joined);
            return (index == 0 || is_likely).then_some(Attribution { lines: index + 1, is_certain });
        }
        // Only what begins like an introduction may go on in the next line.
        if index == 0 && !begins_attribution(&joined) && !names_address(&joined) {
            return None;
        }
    }
    None
}

fn begins_attribution(text: &str) -> bool {
    let text = text.trim_start_matches(['-', ' ', '"', '\'', '[', '(']);
    text.starts_with(|c: char| c.is_ascii_digit())
        || phrases::ATTRIBUTION_STARTS.iter().any(|start| text.starts_with(start))
}

fn names_address(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let word = word.trim_matches(['<', '>', '(', ')', '[', ']', ',', ':', ';', '"']);
        word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
    })
}

fn ends_attribution(text: &str) -> bool {
    let dashed = text.ends_with("--");
    let body = text.trim_end_matches(['-', ' ', '*', '_', '>']);
    let Some(body) = body.strip_suffix([':', '：']).or_else(|| dashed.then_some(body)) else {
        // `2013/11/1 Ann <ann@example.com>`, as old versions of Gmail wrote; and a lost colon.
        let is_old_gmail = begins_with_date(text) && text.ends_with('>');
        let ends_in_verb = || phrases::WROTE.iter().any(|verb| text.ends_with(verb)) && names_year(text);
        return names_address(text) && (is_old_gmail || begins_attribution(text) && ends_in_verb());
    };
    let body = body.trim_end();
    let tail_at = body.floor_char_boundary(body.len().saturating_sub(160));
    let tail = body.get(tail_at..).unwrap_or(body);
    phrases::WROTE.iter().any(|verb| contains_word(tail, verb))
        || names_address(text) && (begins_with_date(text) || begins_attribution(text) && names_year(text))
}

fn names_year(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit())
        .any(|number| number.len() == 4 && (number.starts_with("19") || number.starts_with("20")))
}

/// Whether a verb stands in a text as a word; scripts without spaces are searched as they are.
fn contains_word(text: &str, verb: &str) -> bool {
    text.match_indices(verb).any(|(at, found)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|t| t.chars().next());
        let is_joined = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && !is_unspaced(c));
        !is_joined(before) && !is_joined(after)
    })
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// `2013/11/1`, `13.05.2015`, `2013-11-01`, `15 May 2017`.
fn begins_with_date(text: &str) -> bool {
    let text = text.trim_start_matches(['-', ' ', '[']);
    let head: String = text.chars().take(12).collect();
    let digits = head.chars().filter(char::is_ascii_digit).count();
    text.starts_with(|c: char| c.is_ascii_digit()) && digits >= 4 && head.contains(['/', '.', '-', ' '])
}

/// Whether an introduction names a time (`10:32`), a year or an address.
fn is_certain(text: &str) -> bool {
    let has_time = text.split(|c: char| c.is_whitespace() || c == ',').any(|word| {
        word.split_once([':', '.', 'h']).is_some_and(|(hour, rest)| {
            (1..=2).contains(&hour.len())
                && hour.bytes().all(|b| b.is_ascii_digit())
                && rest.get(..2).is_some_and(|minute| minute.bytes().all(|b| b.is_ascii_digit()))
        })
    });
    (names_year(text) || has_time || names_address(text)) && (begins_attribution(text) || names_address(text))
}

/// `-- `, and its mutilated forms.
pub(super) fn is_signature_delimiter(line: &str) -> bool {
    matches!(line.trim_end(), "--" | "—" | "–" | "- -" | "--=20") || line.trim_end() == "\u{2014}\u{2014}"
}

/// A line of underscores or dashes above what looks like a signature.
pub(super) fn is_signature_rule(line: &str) -> bool {
    let line = line.trim();
    // Long rows of dashes belong to tables.
    line.len() >= 2 && line.bytes().all(|b| b == b'_')
        || (3..=5).contains(&line.len()) && line.bytes().all(|b| b == b'-')
}

/// `Sent from my iPhone` and the like.
pub(super) fn is_sent_from(line: &str) -> bool {
    let folded = folded(line);
    let text = folded.trim_start_matches(['-', '—', ' ', '[', '(', '<']);
    let is_sentence = text.contains(", ") && text.ends_with('.');
    let names_program = text.starts_with("sent from ") && text.split_whitespace().count() <= 4;
    text.len() <= 120
        && !is_sentence
        && (names_program
            || phrases::SENT_FROM.iter().any(|start| text.starts_with(start))
            || text.ends_with("から送信")
            || text.ends_with(" gesendet") && text.starts_with("von "))
}

/// Counts how often a line is looked at, which is what the work of this module consists of.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local!(static LOOKS: Cell<usize> = const { Cell::new(0) });

    pub(in super::super) fn count() {
        LOOKS.set(LOOKS.get() + 1);
    }

    /// How many lines `task` looked at.
    pub(in super::super) fn of(task: impl FnOnce()) -> usize {
        let before = LOOKS.get();
        task();
        LOOKS.get() - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_introductions() {
        for (text, lines) in [
            ("On Mon, Jan 1, 2024 at 10:00 AM Ann Lee <ann@example.com> wrote:", 1),
            ("On Mon, Jan 1, 2024 at 10:00 AM\nAnn Lee <ann@example.com>\nwrote:", 3),
            ("Am 07.05.2012 08:10, schrieb Martin Edenhofer:", 1),
            ("Am Mo., 1. Jan. 2024 um 10:00 Uhr schrieb Ann Lee <\nann@example.com>:", 2),
            ("Le lun. 1 janv. 2024 à 10:00, Ann <ann@example.com> a écrit :", 1),
            ("El 1/1/2024 10:00, Ann escribió:", 1),
            ("Il giorno 1 gen 2024, alle ore 10:00, Ann ha scritto:", 1),
            ("Op 1 jan. 2024 om 10:00 schreef Ann:", 1),
            ("Den 1 jan 2024 10:00 skrev Ann:", 1),
            ("W dniu 01.01.2024 o 10:00, Ann pisze:", 1),
            ("1 января 2024 г., 10:00, Ann <ann@example.com> написал:", 1),
            ("2013/11/1 Ann Lee <ann@example.com>", 1),
            ("13.05.2015, 10:00, \"Ann\" <ann@example.com>:", 1),
            ("Ann <ann@example.com> 于2024年1月1日周一 10:00写道：", 1),
            ("Thu, 26 Jun 2014 14:00:51 +0400 от Ann Lee <ann@example.com>:", 1),
            ("Em dom, 4 Nov 2018 08:14:43 -0200 Ann <ann@example.com> wrote", 1),
            ("---- On Mon, 01 Jan 2024 10:00:00 +0000 Ann <a@example.com> wrote ----", 1),
        ] {
            let found = attribution(text.lines());
            assert_eq!(found, Some(Attribution { lines, is_certain: true }), "{text}");
        }
        for prose in ["I wrote to you.", "On the whole\nit is fine.", "Here is what I need:", "Price: 2024"] {
            assert!(attribution(prose.lines()).is_none(), "{prose}");
        }
        assert!(attribution("As Kant wrote:".lines()).is_some_and(|found| !found.is_certain));
    }

    #[test]
    fn knows_separators_and_headers() {
        assert!(matches!(separator("-----Original Message-----"), Some(Separator::Original)));
        assert!(matches!(separator("-------- Ursprüngliche Nachricht --------"), Some(Separator::Original)));
        assert!(matches!(separator("---------- Forwarded message ---------"), Some(Separator::Forwarded)));
        assert!(matches!(separator("Begin forwarded message:"), Some(Separator::Forwarded)));
        assert!(separator("the original message was short").is_none());
        let is_header = |text: &str| begins_header(text.lines().map(label));
        assert!(is_header("From: Ann\nSent: Monday\nTo: Bob\nSubject: x"));
        assert!(is_header("*Von:* Ann\n*Gesendet:* Montag\n*An:* Bob\n*Betreff:* x"));
        assert!(is_header("Date: Wed, 16 May 2012 00:15:02 -0600\nTo: ann@example.com"));
        assert!(!is_header("From: here\nwe go\nto: there"));
        assert!(!is_header("Date: tomorrow\nSubject: lunch"));
    }

    #[test]
    fn knows_signatures() {
        for line in ["-- ", "--", "—"] {
            assert!(is_signature_delimiter(line), "{line}");
        }
        for line in
            ["Sent from my iPhone", "Von meinem iPhone gesendet", "Envoyé de mon iPhone", "iPhoneから送信"]
        {
            assert!(is_sent_from(line), "{line}");
        }
        assert!(!is_sent_from("I sent from my old address."));
        assert!(is_quoted("> x") && is_quoted(" >> x") && !is_quoted("a > b") && !is_quoted(">From here"));
    }
}
