//! The Date header (RFC 5322, 3.3) and the forms that programs write instead.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// Reads a Date header's decoded value; `None` where no date can be told.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = without_comments(text);
    if let Ok(date) = DateTime::parse_from_rfc2822(text.trim()) {
        return Some(date.to_utc());
    }
    iso(&text).or_else(|| words(&text))
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|&c| {
            match c {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

/// `2024-03-01T10:00:00+01:00`, `2024-03-01 10:00:00 +0100`, and without a zone (taken as UTC).
fn iso(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.to_utc());
    }
    for format in ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z"] {
        if let Ok(date) = DateTime::parse_from_str(text, format) {
            return Some(date.to_utc());
        }
    }
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|date| date.and_utc())
}

/// Day, month name, year, time and zone in any order, as they can be told apart: covers asctime (`Mon Jan 1
/// 10:00:00 2024`), missing week days, commas and seconds, two-digit years, `GMT+2`, full month names.
fn words(text: &str) -> Option<DateTime<Utc>> {
    let (mut day, mut month, mut year, mut time, mut offset) = (None, None, None, None, None);
    for word in text.split(|c: char| c.is_whitespace() || c == ',').flat_map(split_dashes) {
        let word = word.trim_matches(['.', '"']);
        if word.is_empty() {
            continue;
        }
        if word.contains(':') && time.is_none() {
            time = Some(clock(word)?);
        } else if let Some(number) = month_number(word).filter(|_| month.is_none()) {
            month = Some(number);
        } else if let Some(number) = plain_number(word) {
            match number {
                1..=31 if day.is_none() && word.len() <= 2 => day = Some(number),
                _ if year.is_none() && (2..=4).contains(&word.len()) => year = Some(full_year(number)),
                _ => {}
            }
        } else if time.is_some() && offset.is_none() {
            offset = zone(word);
        }
    }
    let date = NaiveDate::from_ymd_opt(year?, month?, day?)?;
    let local = NaiveDateTime::new(date, time?);
    Some((local - chrono::TimeDelta::minutes(offset.unwrap_or(0))).and_utc())
}

/// `01-Mar-2024` is three words; `-0700` is one.
fn split_dashes(word: &str) -> impl Iterator<Item = &str> {
    let dashes = if word.starts_with(|c: char| c.is_ascii_digit()) { '-' } else { ' ' };
    word.split(dashes)
}

/// A number of digits only (`parse` alone would take a zone's `+0100`).
fn plain_number(word: &str) -> Option<u32> {
    word.bytes().all(|b| b.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}

/// RFC 5322, 4.3: two-digit years 00 to 49 are of this century.
fn full_year(number: u32) -> i32 {
    let year = i32::try_from(number).unwrap_or(0);
    match year {
        0..=49 => year + 2000,
        50..=999 => year + 1900,
        _ => year,
    }
}

fn clock(word: &str) -> Option<NaiveTime> {
    let mut parts =
        word.split([':', '.']).map(|part| part.trim_end_matches(char::is_alphabetic).parse::<u32>());
    let hour = parts.next()?.ok()?;
    let minute = parts.next()?.ok()?;
    let second = parts.next().and_then(Result::ok).unwrap_or(0);
    NaiveTime::from_hms_opt(hour, minute, second.min(59))
}

fn month_number(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    if word.len() < 3 || !word.chars().all(char::is_alphabetic) {
        return None;
    }
    let start = word.get(..3)?.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| *month == start)?;
    u32::try_from(index + 1).ok()
}

/// Minutes east of Greenwich.
fn zone(word: &str) -> Option<i64> {
    let named = match word.to_ascii_uppercase().as_str() {
        "UT" | "UTC" | "GMT" | "Z" => Some(0),
        "EDT" => Some(-240),
        "EST" | "CDT" => Some(-300),
        "CST" | "MDT" => Some(-360),
        "MST" | "PDT" => Some(-420),
        "PST" => Some(-480),
        "CET" | "MET" | "BST" => Some(60),
        "CEST" | "MEST" | "EET" => Some(120),
        "EEST" | "MSK" => Some(180),
        "JST" => Some(540),
        _ => None,
    };
    if named.is_some() {
        return named;
    }
    let sign_at = word.find(['+', '-'])?;
    let (_, signed) = word.split_at_checked(sign_at)?;
    let sign = if signed.starts_with('-') { -1 } else { 1 };
    let digits: String = signed.chars().filter(char::is_ascii_digit).collect();
    let number: i64 = digits.parse().ok()?;
    let minutes = if digits.len() <= 2 { number * 60 } else { number / 100 * 60 + number % 100 };
    (minutes <= 24 * 60).then_some(sign * minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_as_programs_write_them() {
        for text in [
            "Fri, 01 Mar 2024 10:00:00 +0100",
            "Fri, 1 Mar 2024 09:00:00 GMT (with a comment)",
            "1 March 2024 10:00 +0100",
            "Fri Mar  1 09:00:00 2024",
            "Fri, 01 Mar 24 04:00:00 EST",
            "2024-03-01T10:00:00+01:00",
            "2024-03-01 09:00:00",
            "Fri, 01 Mar 2024 11:00:00 GMT+0200",
            "01-Mar-2024 09:00:00 +0000",
        ] {
            let date = parse(text).map(|date| date.to_rfc3339());
            assert_eq!(date.as_deref(), Some("2024-03-01T09:00:00+00:00"), "{text}");
        }
        for text in ["", "yesterday", "31 Feb 2024 10:00:00 +0000", "99:99:99"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
