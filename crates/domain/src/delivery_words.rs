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

fn of_enhanced((class, subject, detail): (u16, u16, u16)) -> Option<&'static str> {
    Some(match (class, subject, detail) {
        (5, 1, 1 | 0 | 6) => "There is no such address.",
        (5, 1, 2 | 10) => "The domain takes no mail.",
        (5, 1, 3) => "The address is not one that can exist.",
        (_, 2, 1) => "The mailbox is switched off.",
        (_, 2, 2) => "The mailbox is full.",
        (_, 2, 3) | (_, 3, 4) => "The mail is larger than they take.",
        (4, 7, _) => "They put it off for now, to see whether it comes again.",
        (5, 7, 1 | 0) => "They refuse it, as unwanted or not permitted.",
        (5, 7, 20..=27 | 9) => "They can't see that it is really from your domain.",
        (4, 4, _) => "Their server can't be reached.",
        (5, 4, 4) => "Their domain does not exist, or takes no mail.",
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

    proptest! {
        #[test]
        fn nothing_of_the_servers_words_is_lost(code in proptest::option::of(0u16..700), text in any::<String>()) {
            prop_assert!(in_words(code, &text).contains(text.trim()));
        }
    }
}
