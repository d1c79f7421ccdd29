//! What a single line of a body, or a few lines together, can be.

use super::{devices, labels, phrases};

/// Only the beginning of a line tells what it is; bodies may be one line of megabytes.
const MAX_HEAD: usize = 500;

/// A line's beginning in lower case, without the emphasis that HTML-to-text programs write (`*From:*`).
pub(super) fn folded(line: &str) -> String {
    #[cfg(test)]
    work::count();
    let head = line.get(..line.floor_char_boundary(MAX_HEAD)).unwrap_or(line);
    let seen: String = head.chars().filter(|c| !is_unseen(*c)).collect();
    let head = seen.trim().trim_matches(['*', '_']);
    head.trim().to_lowercase().replace(['\u{a0}', '\u{202f}'], " ").replace('’', "'")
}

/// What programs put around names and addresses to keep directions of writing apart.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    /// The line holds a whole header: a sender and a date.
    is_whole: bool,
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
        (LabelKind::From, labels::FROM.as_slice()),
        (LabelKind::Sent, &labels::SENT),
        (LabelKind::Subject, &labels::SUBJECT),
        (LabelKind::To, &labels::TO),
    ];
    let (kind, _) = kinds.into_iter().find(|(_, names)| names.contains(&name))?;
    let is_certain = match kind {
        LabelKind::From | LabelKind::To => names_address(value),
        LabelKind::Sent => names_year(value),
        LabelKind::Subject => false,
    };
    let is_whole = kind == LabelKind::From && is_certain && names_date(value);
    Some(Label { kind, is_certain, is_whole })
}

/// Whether a label of a date and then a year follow in this line: some programs lose the ends of a header's lines.
fn names_date(value: &str) -> bool {
    value.match_indices(':').any(|(at, _)| {
        let (before, after) = value.split_at_checked(at).unwrap_or((value, ""));
        let name = before.rsplit([' ', '*', '>']).find(|word| !word.is_empty()).unwrap_or_default();
        labels::SENT.contains(&name) && names_year(after)
    })
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
            Some(label) if index == 0 && label.is_whole => return true,
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
    let mut after_blank = false;
    for (index, line) in lines.take(MAX_ATTRIBUTION_LINES).enumerate() {
        let text = folded(line.trim_start_matches(['>', ' ']));
        if text.is_empty() {
            // Where a program makes a paragraph of its own of a linked address, a blank line stands before it.
            if after_blank || !(begins_attribution(&joined) && names_year(&joined)) {
                return None;
            }
            after_blank = true;
            continue;
        }
        if std::mem::take(&mut after_blank) && !text.starts_with('<') {
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
        if index == 0 && !begins_attribution(&joined) && !names_address(&joined) && !joined.ends_with('<') {
            return None;
        }
    }
    None
}

/// How an introduction begins that some programs write right behind the answer.
const INLINE_STARTS: [&str; 9] = ["On ", "Am ", "Le ", "El ", "Il ", "Op ", "Den ", "Em ", "W dniu "];

/// Where in a line an introduction begins behind new words: `Thanks! On Wed, 3 Jan 2024, Ann <ann@example.com> wrote:`.
///
/// Only one that names an address and a time counts: people write "On Monday she wrote:" themselves.
pub(super) fn inline_attribution(line: &str) -> Option<usize> {
    let end = line.trim_end();
    let ends_so = end.ends_with([':', '：']) && !is_quoted(line);
    let from = end.floor_char_boundary(end.len().saturating_sub(MAX_INLINE));
    let tail = end.get(from..).filter(|tail| ends_so && tail.contains('@'))?;
    let starts = INLINE_STARTS.iter().filter_map(|start| {
        let at = tail.match_indices(start).map(|(at, _)| at).find(|at| {
            tail.get(..*at).is_some_and(|before| before.ends_with([' ', '-']) && !before.trim().is_empty())
        })?;
        let text = folded(tail.get(at..)?);
        let begins_with_time =
            text.split_whitespace().skip(1).take(3).any(|word| word.contains(|c: char| c.is_ascii_digit()));
        let is_whole =
            begins_with_time && names_year(&text) && names_address(&text) && ends_attribution(&text);
        is_whole.then_some(at)
    });
    let at = starts.min()?;
    let before = tail.get(..at)?.trim_end_matches(['-', ' ']);
    Some(from + before.len())
}

/// The longest such introduction, in bytes.
const MAX_INLINE: usize = 300;

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

/// Whether an introduction names an address, a year, or a day with a time (`1/5/24 10:32`).
fn is_certain(text: &str) -> bool {
    let has_time = text.split(|c: char| c.is_whitespace() || c == ',').any(|word| {
        word.split_once([':', '.', 'h']).is_some_and(|(hour, rest)| {
            (1..=2).contains(&hour.len())
                && hour.bytes().all(|b| b.is_ascii_digit())
                && rest.get(..2).is_some_and(|minute| minute.bytes().all(|b| b.is_ascii_digit()))
        })
    });
    let has_day =
        || text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).count() >= 4;
    let names_time = names_year(text) || has_time && has_day();
    names_address(text) || names_time && begins_attribution(text)
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
            || devices::SENT_FROM.iter().any(|start| text.starts_with(start))
            || devices::SENT_FROM_ENDS.iter().any(|end| text.ends_with(end))
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
            ("On Thu, 4 Jan 2024 at 10:00 Ann Lee\n\n<\nann@example.com\n> wrote:", 5),
        ] {
            let found = attribution(text.lines());
            assert_eq!(found, Some(Attribution { lines, is_certain: true }), "{text}");
        }
        for prose in ["I wrote to you.", "On the whole\nit is fine.", "Here is what I need:", "Price: 2024"] {
            assert!(attribution(prose.lines()).is_none(), "{prose}");
        }
        for prose in ["As Kant wrote:", "On Monday at 10:30 she said:"] {
            assert!(attribution(prose.lines()).is_some_and(|found| !found.is_certain), "{prose}");
        }
    }

    #[test]
    fn knows_introductions_behind_an_answer() {
        for (line, answer) in [
            ("Thanks! On Wed, Jan 3, 2024 at 10:00 AM, Ann <ann@example.com> wrote:\n", "Thanks!"),
            ("a - b--- On Wed, Jan 3, 2024 at 10:00 AM, ann@example.com wrote:", "a - b"),
            ("Danke Am Mi., 3. Jan. 2024 um 10:00 Uhr schrieb Ann Lee <ann@example.com>:", "Danke"),
        ] {
            assert_eq!(inline_attribution(line).and_then(|at| line.get(..at)), Some(answer), "{line}");
        }
        for line in [
            "On Wed, Jan 3, 2024 at 10:00 AM, Ann <ann@example.com> wrote:",
            "> ok On Wed, Jan 3, 2024, Ann <ann@example.com> wrote:",
            "Last year, On Monday, ann@example.com wrote:",
            "Thanks! On Wed, Jan 3, 2024 she wrote:",
            "Write to ann@example.com On Wed, Jan 3, 2024",
        ] {
            assert_eq!(inline_attribution(line), None, "{line}");
        }
    }

    /// As the common programs write in these languages; long ones are broken before the address.
    #[test]
    fn knows_introductions_in_many_languages() {
        for text in [
            "Am Mo., 1. Jan. 2024 um 10:00 Uhr schrieb Ann Lee <ann@example.com>:",
            "El lun, 1 ene 2024 a las 10:00, Ann Lee (<ann@example.com>) escribió:",
            "Il giorno lun 1 gen 2024 alle ore 10:00 Ann Lee <ann@example.com> ha scritto:",
            "Em seg., 1 de jan. de 2024 às 10:00, Ann Lee <ann@example.com> escreveu:",
            "Ann Lee <ann@example.com> escreveu (segunda, 1/01/2024 à(s) 10:00):",
            "Op ma 1 jan 2024 om 10:00 schreef Ann Lee <ann@example.com>:",
            "Den mån 1 jan. 2024 kl 10:00 skrev Ann Lee <ann@example.com>:",
            "man. 1. jan. 2024 kl. 10:00 skrev Ann Lee <ann@example.com>:",
            "ma 1. tammik. 2024 klo 10.00 Ann Lee (ann@example.com) kirjoitti:",
            "pon., 1 sty 2024 o 10:00 Ann Lee <ann@example.com> napisał(a):",
            "po 1. 1. 2024 v 10:00 odesílatel Ann Lee <ann@example.com> napsal:",
            "po 1. 1. 2024 o 10:00 Ann Lee <ann@example.com> napísal(a):",
            "Ann Lee <ann@example.com> ezt írta (időpont: 2024. jan. 1., H, 10:00):",
            "În lun., 1 ian. 2024 la 10:00, Ann Lee <ann@example.com> a scris:",
            "Ann Lee <ann@example.com>, 1 Oca 2024 Pzt, 10:00 tarihinde şunu yazdı:",
            "пн, 1 янв. 2024 г. в 10:00, Ann Lee <ann@example.com>:",
            "пн, 1 січ. 2024 р. о 10:00 Ann Lee <ann@example.com> пише:",
            "На пн, 1.01.2024 г. в 10:00 Ann Lee <ann@example.com> написа:",
            "pon, 1. sij 2024. u 10:00 Ann Lee <ann@example.com> napisao je:",
            "V V pon., 1. jan. 2024 ob 10:00 je oseba Ann Lee <ann@example.com> napisala:",
            "пон, 1. јан 2024. у 10:00 Ann Lee <ann@example.com> је написао/ла:",
            "2024-01-01, pr, 10:00 Ann Lee <ann@example.com> rašė:",
            "Pirmd., 2024. g. 1. janv., plkst. 10:00 — lietotājs Ann Lee (<ann@example.com>) rakstīja:",
            "Kontakt Ann Lee (<ann@example.com>) kirjutas kuupäeval E, 1. jaanuar 2024 kell 10:00:",
            "Στις Δευ 1 Ιαν 2024 στις 10:00 π.μ., ο χρήστης Ann Lee <ann@example.com> έγραψε:",
            "\u{202b}בתאריך יום ב׳, 1 בינו׳ 2024 ב-10:00 מאת \u{202a}Ann Lee\u{202c}\u{200f} <\u{202a}ann@example.com\u{202c}\u{200f}>:\u{202c}",
            "في الاثنين، ١ يناير ٢٠٢٤ في ١٠:٠٠ ص تمت كتابة ما يلي بواسطة Ann Lee <ann@example.com>:",
            "در تاریخ دوشنبه ۱ ژانویهٔ ۲۰۲۴،‏ ۱۰:۰۰ Ann Lee <ann@example.com> نوشت:",
            "เมื่อ จ. 1 ม.ค. 2024 เวลา 10:00 Ann Lee <ann@example.com> เขียนว่า:",
            "Vào Th 2, 1 thg 1, 2024 vào lúc 10:00 Ann Lee <ann@example.com> đã viết:",
            "Pada tanggal Sen, 1 Jan 2024 pukul 10.00 Ann Lee <ann@example.com> menulis:",
            "2024年1月1日(月) 10:00 Ann Lee <ann@example.com>:",
            "2024년 1월 1일 (월) 오전 10:00, Ann Lee <ann@example.com>님이 작성:",
            "Ann Lee <ann@example.com> 於 2024年1月1日 週一 上午10:00寫道：",
            "Missatge de Ann Lee <ann@example.com> del dia dl., 1 de gen. 2024 a les 10:00:",
            "O luns, 1 xan 2024 ás 10:00, Ann Lee (<ann@example.com>) escribiu:",
            "Þann mán., 1. jan. 2024 kl. 10:00 skrifaði Ann Lee <ann@example.com>:",
            "सोम, 1 जन॰ 2024 को 10:00 बजे को Ann Lee <ann@example.com> ने लिखा:",
        ] {
            let certain = |lines| Some(Attribution { lines, is_certain: true });
            assert_eq!(attribution(text.lines()), certain(1), "{text}");
            // A text that is too long for one line is broken at its address.
            let broken = text.replace("ann@example.com", "\nann@example.com");
            assert_eq!(attribution(broken.lines()), certain(2), "{broken}");
        }
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
        assert!(is_header(
            "From: Ann <ann@example.com> Sent: Monday, January 1, 2024 10:00 To: Bob Subject: x"
        ));
        assert!(!is_header("From: ann@example.com, to: Bob, date: tomorrow"));
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
