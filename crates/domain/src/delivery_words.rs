//! What a mail server's answer means, in words for people.

/// What a recipient's error says: what it means, then the server's own words, which often begin with an enhanced code (RFC
/// 3463). `code` is that of an SMTP reply that refuses; a bounce's reason and texts of our own are readable already and
/// stay.
#[must_use]
pub fn in_words(code: Option<u16>, text: &str) -> String {
    let Some(code) = code.filter(|code| (400..600).contains(code)) else {
        return text.to_owned();
    };
    let meaning = enhanced_code(text).and_then(of_enhanced).or_else(|| of_code(code));
    match meaning {
        Some(meaning) if text.trim().is_empty() => meaning.to_owned(),
        Some(meaning) => format!("{meaning} The server says: {}", text.trim()),
        None => text.to_owned(),
    }
}

/// Why a mail came back: what its status (RFC 3463) means, then what the report says. `text` is the report's own words; both
/// may be missing.
#[must_use]
pub fn of_bounce(status: Option<&str>, text: &str) -> String {
    let text = text.trim();
    let known = |code: (u16, u16, u16)| of_enhanced(code).or_else(|| of_subject(code));
    // The one in the text is often the more exact: the report's field may be of the server that gave up.
    let codes = [enhanced_code(text), status.and_then(enhanced_code)];
    let exact = codes.iter().flatten().find_map(|code| of_enhanced(*code));
    let meaning = exact
        .or_else(|| codes.iter().flatten().find_map(|code| known(*code)))
        .or_else(|| reply_code(text).and_then(of_code))
        .unwrap_or("The mail came back.");
    let status = status.filter(|status| !text.contains(status)).map(|status| format!(" ({status})"));
    let status = status.unwrap_or_default();
    if text.is_empty() {
        format!("{meaning}{status}")
    } else {
        format!("{meaning} The report says: {text}{status}")
    }
}

/// A reply code that the text begins with, behind at most the kind of the code (`smtp; 550 …`).
fn reply_code(text: &str) -> Option<u16> {
    let word = text
        .split(|c: char| c.is_whitespace() || c == ';' || c == '-')
        .find(|word| !word.is_empty() && !word.eq_ignore_ascii_case("smtp"))?;
    word.parse().ok().filter(|code| (400..600).contains(code))
}

/// The first `class.subject.detail` in a text.
fn enhanced_code(text: &str) -> Option<(u16, u16, u16)> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(|word| {
        let mut numbers = word.trim_end_matches('.').split('.').map(str::parse::<u16>);
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(class @ (4 | 5))), Some(Ok(subject)), Some(Ok(detail)), None) if subject < 8 => {
                Some((class, subject, detail))
            }
            _ => None,
        }
    })
}

/// What an enhanced code says exactly (RFC 3463, RFC 7372, RFC 7505, and what the large providers mean by theirs).
fn of_enhanced((class, subject, detail): (u16, u16, u16)) -> Option<&'static str> {
    Some(match (class, subject, detail) {
        (5, 1, 1 | 0 | 6) => "There is no such address.",
        (5, 1, 2 | 10) => "The domain takes no mail.",
        (5, 1, 3) => "The address is not one that can exist.",
        (5, 1, 4) => "The address could be several people's.",
        (_, 1, 7 | 8) => "They don't take mail from your address.",
        (_, 2, 0) => "The mailbox can't take mail.",
        (_, 2, 1) => "The mailbox is switched off.",
        (_, 2, 2) => "The mailbox is full.",
        (_, 2, 3) | (_, 3, 4) => "The mail is larger than they take.",
        (_, 2, 4) => "The mailing list behind the address does not work.",
        (_, 3, 1) => "Their mail system is full.",
        (_, 3, 2) => "Their mail system takes no mail now.",
        (_, 3, 5) => "Their mail system is set up wrongly.",
        (_, 4, 6) | (_, 4, 14) => "The mail went in circles among their servers.",
        (_, 4, 7) => "It could not be delivered in time.",
        (5, 4, 1) => "Their server does not take mail for this address.",
        (5, 4, 4) => "Their domain does not exist, or takes no mail.",
        (4, 4, _) => "Their server can't be reached.",
        (_, 5, 3) => "It has more recipients than they take.",
        (4, 7, _) => "They put it off for now, to see whether it comes again.",
        (5, 7, 1 | 0) => "They refuse it, as unwanted or not permitted.",
        (5, 7, 2) => "You may not write to this mailing list.",
        (5, 7, 20..=27 | 9) => "They can't see that it is really from your domain.",
        (5, 7, 28) => "They get too many mails from you at once.",
        _ => return None,
    })
}

/// What an enhanced code is about, where nothing is known of its detail.
fn of_subject((_, subject, _): (u16, u16, u16)) -> Option<&'static str> {
    Some(match subject {
        1 => "Something is wrong with the address.",
        2 => "Something is wrong with the mailbox.",
        3 => "Something is wrong with their mail system.",
        4 => "The way to their server does not work.",
        5 => "Their server did not understand what was sent.",
        6 => "They can't take what the mail contains.",
        7 => "They refuse it for reasons of security or policy.",
        _ => return None,
    })
}

fn of_code(code: u16) -> Option<&'static str> {
    Some(match code {
        550 | 551 | 553 => "They refuse the address.",
        552 => "The mailbox is full, or the mail too large.",
        554 | 571 => "They refuse the mail.",
        421 | 450 | 451 | 452 => "They can't take it now.",
        400..=499 => "They put it off.",
        500..=599 => "They refuse it.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_are_told_in_words_and_literally() {
        for (code, text, words) in [
            (
                Some(550),
                "5.1.1 no such user",
                "There is no such address. The server says: 5.1.1 no such user",
            ),
            (Some(552), "5.2.2 over quota", "The mailbox is full. The server says: 5.2.2 over quota"),
            (Some(450), "", "They can't take it now."),
            (Some(550), "go away 10.0.0.7", "They refuse the address. The server says: go away 10.0.0.7"),
            (None, "refused login", "refused login"),
            (None, "unknown user (5.1.1)", "unknown user (5.1.1)"),
            (Some(250), "unknown user (5.1.1)", "unknown user (5.1.1)"),
        ] {
            assert_eq!(in_words(code, text), words);
        }
    }

    #[test]
    fn a_bounce_says_in_words_why() {
        for (status, text, words) in [
            (
                Some("5.1.1"),
                "unknown user",
                "There is no such address. The report says: unknown user (5.1.1)",
            ),
            (
                Some("5.2.2"),
                "smtp; 552 5.2.2 over quota",
                "The mailbox is full. The report says: smtp; 552 5.2.2 over quota",
            ),
            // The server that gave up knows less than the one that refused.
            (
                Some("5.0.0"),
                "550 5.1.1 no",
                "There is no such address. The report says: 550 5.1.1 no (5.0.0)",
            ),
            (Some("5.7.99"), "", "They refuse it for reasons of security or policy. (5.7.99)"),
            (Some("4.4.7"), "", "It could not be delivered in time. (4.4.7)"),
            (None, "smtp; 550 go away", "They refuse the address. The report says: smtp; 550 go away"),
            (None, "nobody here", "The mail came back. The report says: nobody here"),
            (None, "", "The mail came back."),
        ] {
            assert_eq!(of_bounce(status, text), words);
        }
    }

    proptest! {
        #[test]
        fn a_bounces_reason_is_whole(status in proptest::option::of("[0-9.x]{0,8}"), text in any::<String>()) {
            let words = of_bounce(status.as_deref(), &text);
            prop_assert!(words.contains(text.trim()) && words.contains(status.as_deref().unwrap_or_default()));
        }

        #[test]
        fn nothing_of_the_servers_words_is_lost(code in proptest::option::of(0u16..700), text in any::<String>()) {
            prop_assert!(in_words(code, &text).contains(text.trim()));
        }
    }
}
