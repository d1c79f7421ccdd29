//! Days as people and programs write them.

use chrono::NaiveDate;

/// The day that a text names: exactly `YYYY-MM-DD`, years 0001 to 9999, and a day that the calendar has.
///
/// `None` for anything else, such as `2024-02-30`, `2024-2-3` or a time of day behind it.
#[must_use]
pub fn day(text: &str) -> Option<NaiveDate> {
    let digits = |part: &str, length: usize| {
        (part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let year: u32 = digits(year, 4)?;
    let year = i32::try_from(year).ok().filter(|&year| year > 0)?;
    NaiveDate::from_ymd_opt(year, digits(month, 2)?, digits(day, 2)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_are_there_in_the_one_form() {
        for good in ["2024-02-29", "0001-01-01", "9999-12-31", "2026-11-22"] {
            assert_eq!(day(good).unwrap().format("%Y-%m-%d").to_string(), good);
        }
        for bad in [
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-01",
            "24-01-01",
            "0000-01-01",
            "+2024-01-01",
            "-2024-01-01",
            "2024-01-01T00:00:00Z",
            "2024-01-01 ",
            " 2024-01-01",
            "2024/01/01",
            "01.02.2024",
            "٢٠٢٤-٠١-٠١",
            "2024-01-01-01",
            "2024-01",
            "",
            "tomorrow",
            "20240101",
        ] {
            assert_eq!(day(bad), None, "{bad}");
        }
    }
}
