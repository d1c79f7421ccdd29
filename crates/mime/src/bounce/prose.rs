//! Reports that only tell a person what happened.

use super::sender::{has_null_path, is_by_system, is_delivery_report};
use super::{BounceRecipient, MAX_RECIPIENTS, bare_address, status};
use crate::address;
use crate::automatic;
use crate::header::Headers;
use crate::part::Part;
use crate::subject;

/// What the subjects of reports say.
const SUBJECTS: [&str; 47] = [
    "undeliver",
    "undelivered",
    "delivery status notification",
    "delivery failure",
    "delivery failed",
    "failure notice",
    "returned mail",
    "mail delivery",
    "delivery problem",
    "delivery error",
    "delivery report",
    "non-delivery",
    "nondeliverable",
    "non delivery",
    "could not be delivered",
    "not delivered",
    "returned to sender",
    "returning message",
    "message delayed",
    "delayed mail",
    "delivery delay",
    "mail failure",
    "unable to deliver",
    "user unknown",
    "unknown user",
    "delivery warning",
    "message status",
    "mail error",
    "mail system error",
    "error de entrega",
    "unzustellbar",
    "nicht zustellbar",
    "unzustellbare",
    "zustellung",
    "non remis",
    "non distribuable",
    "mancato recapito",
    "devuelto",
    "niet bezorgd",
    "niedostarcz",
    "недостав",
    "不能投递",
    "メールエラー",
    "未送达",
    "mail failed, returning",
    "smtp server: errors from",
    "failed mail",
];

/// What their texts say. Each is enough together with a mail system as the sender.
const WORDS: [&str; 81] = [
    "could not be delivered",
    "couldn't be delivered",
    "cannot be delivered",
    "can not be delivered",
    "can't be delivered",
    "unable to deliver",
    "wasn't able to deliver",
    "was not able to deliver",
    "not able to deliver",
    "was unable to deliver",
    "not be delivered",
    "been unable to deliver",
    "was not delivered",
    "were not delivered",
    "has not been delivered",
    "not yet been delivered",
    "message not delivered",
    "failed permanently",
    "permanent error",
    "permanent fatal error",
    "fatal errors",
    "delivery to the following",
    "delivery failed",
    "delivery has failed",
    "delivery failure",
    "delivery error",
    "undeliverable",
    "did not reach the following",
    "did not reach",
    "failed recipient",
    "user unknown",
    "unknown user",
    "no such user",
    "mailbox unavailable",
    "mailbox full",
    "mailbox is full",
    "over quota",
    "user not found",
    "recipient unknown",
    "does not exist",
    "non-delivery report",
    "returned to sender",
    "error delivering",
    "delivering your mail",
    "delivery problems",
    "following recipient",
    "following address",
    "could not deliver",
    "delivery errors",
    "not listed in",
    "has been postponed",
    "was rejected by",
    "mail delivery failed",
    "message delivery failed",
    "returned mail",
    "error during delivery",
    "recipient's mailbox",
    "account has been disabled",
    "message could not be",
    "message you sent",
    "konnte nicht zugestellt",
    "nicht zugestellt werden",
    "n'a pas pu etre delivre",
    "n'a pas pu être",
    "no se pudo entregar",
    "non è stato possibile",
    "nie można dostarczyć",
    "送信できませんでした",
    "不能投递",
    "無法傳送",
    "не удалось доставить",
    "не доставлено",
    "配信できません",
    "was not accepted",
    "failed addresses",
    "no valid recipients",
    "automatically rejected",
    "requested action not taken",
    "error has occurred while attempting to deliver",
    "not able to be delivered",
    "invalid user address",
];

/// Words of a report that delivery goes on being tried.
const DELAY: [&str; 14] = [
    "not yet been delivered",
    "delayed",
    "postponed",
    "will continue to try",
    "will keep trying",
    "will be retried",
    "still being retried",
    "temporary problem",
    "message delayed",
    "delivery delay",
    "warning: could not send",
    "delivery to the following recipient has been delayed",
    "delivery attempts will continue",
    "will be repeated",
];

/// Only the beginning of a text is searched for a report's words.
const MAX_WORDS: usize = 16 * 1024;

/// Whether the mail is such a report.
pub(super) fn is_report(mail: &Part<'_>, text: &str) -> bool {
    let headers = &mail.headers;
    if has_feedback_report(mail) {
        // An abuse report (RFC 5965) looks alike and is none.
        return false;
    }
    let subject = headers.text("subject").unwrap_or_default().to_lowercase();
    let words = own_words(text).to_lowercase();
    let by_system = is_by_system(headers);
    let null_path = has_null_path(headers);
    let says_so = WORDS.iter().any(|phrase| words.contains(phrase));
    let subject_says_so = SUBJECTS.iter().any(|phrase| subject.contains(phrase));
    let is_delivery_report = is_delivery_report(mail);
    if headers.has("x-failed-recipients") && (by_system || null_path) {
        return true;
    }
    match (by_system || null_path, says_so, subject_says_so) {
        (true, true, true) => true,
        (true, true, false) => {
            by_system || is_delivery_report || begins_with_code(&words) || has_returned_part(mail)
        }
        (true, false, true) => by_system || is_delivery_report,
        // Small systems write as anybody: then the mail that came back has to be there too.
        (false, true, true) => {
            let answers = subject::is_reply(&subject) || subject::is_forward(&subject);
            !answers && !automatic::is_from_a_person(headers) && returns_mail(mail, text)
        }
        _ => is_delivery_report && (says_so || subject_says_so),
    }
}

/// Whether the mail that couldn't be delivered stands in a part of its own or below the report's words.
fn returns_mail(part: &Part<'_>, text: &str) -> bool {
    has_returned_part(part) || own_words(text).len() < text.len()
}

fn has_returned_part(mail: &Part<'_>) -> bool {
    let is_part =
        |part: &Part<'_>| matches!(part.content_type.as_str(), "message/rfc822" | "text/rfc822-headers");
    mail.children.iter().any(is_part)
}

fn has_feedback_report(part: &Part<'_>) -> bool {
    part.content_type == "message/feedback-report" || part.children.iter().any(has_feedback_report)
}

/// `550 5.1.1 …` in the first lines.
fn begins_with_code(words: &str) -> bool {
    words.lines().take(12).any(|line| {
        let code = line.trim_start().get(..3).unwrap_or_default();
        code.starts_with(['4', '5']) && code.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Whether the report says that delivery goes on being tried.
pub(super) fn is_delay(headers: &Headers<'_>, text: &str) -> bool {
    let subject = headers.text("subject").unwrap_or_default().to_lowercase();
    let words = own_words(text).to_lowercase();
    let is_final = words.contains("permanent") || words.contains("giving up") || words.contains("given up");
    !is_final && DELAY.iter().any(|phrase| words.contains(phrase) || subject.contains(phrase))
}

/// How the line begins below which the returned mail stands.
const RETURNED: [&str; 24] = [
    "original message",
    "returned mail",
    "returned message",
    "message headers follow",
    "copy of the message",
    "copy of your message",
    "copy of the mail",
    "below this line is",
    "enclosed is",
    "header of the original",
    "headers of the original",
    "original mail",
    "unsent message",
    "message contents",
    "this is a copy",
    "message text follows",
    "first lines of",
    "old message",
    "the message headers",
    "message header",
    "unsent message below",
    "the first",
    "included is a copy",
    "body of your message",
];

/// The report's own words: the text above the returned mail.
pub(super) fn own_words(text: &str) -> &str {
    let text = text.get(..text.floor_char_boundary(MAX_WORDS)).unwrap_or(text);
    let mut offset = 0;
    let mut fields = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let lower = trimmed.to_lowercase();
        let is_marked =
            trimmed.starts_with(['-', '_', '=', '*', '|']) || trimmed.ends_with([':', '-', '.', ')']);
        let words = lower.trim_matches(|c: char| !c.is_alphabetic());
        let is_border = is_marked
            && offset > 0
            && words.len() < 100
            && RETURNED.iter().any(|phrase| words.starts_with(phrase) || words.ends_with(phrase));
        if is_border {
            return text.get(..offset).unwrap_or(text);
        }
        // `Received:` and `Return-Path:` at the start of a line: the returned header itself.
        let begins_header =
            ["received: from", "received: by", "received:from", "return-path: <", "dkim-signature:"];
        fields += usize::from(begins_header.iter().any(|name| lower.starts_with(name)));
        if fields > 0 {
            return text.get(..offset).unwrap_or(text);
        }
        offset += line.len();
    }
    text
}

/// The recipients that the report's words name.
pub(super) fn recipients(mail: &Part<'_>, text: &str) -> Vec<BounceRecipient> {
    let words = own_words(text);
    let action = if is_delay(&mail.headers, text) { "delayed" } else { "failed" };
    let own = own_addresses(&mail.headers);
    let mut lines = Candidates::of(below_announcement(words).unwrap_or(words), &own);
    if lines.found.is_empty() {
        lines = Candidates::of(words, &own);
    }
    let declared = mail.headers.all("x-failed-recipients").flat_map(address::parse_list);
    let declared: Vec<String> = declared.filter_map(|entry| bare_address(&entry.address)).collect();
    if !declared.is_empty() {
        lines.found = declared.into_iter().map(|address| lines.described(address)).collect();
    }
    let shared = status::enhanced(words);
    let mut found: Vec<BounceRecipient> = Vec::new();
    for (address, details) in lines.found {
        if found.len() >= MAX_RECIPIENTS
            || found.iter().any(|known| known.address.eq_ignore_ascii_case(&address))
        {
            continue;
        }
        found.push(BounceRecipient {
            status: status::enhanced(&details),
            reason: reason(&details),
            address,
            action: action.to_owned(),
        });
    }
    if let [only] = found.as_mut_slice() {
        only.status = only.status.take().or(shared);
    }
    found
}

/// Words that announce the recipients.
const ANNOUNCEMENTS: [&str; 3] = ["following recipient", "following address", "following destination"];

/// What stands below the line that announces the recipients: above it, some systems show the returned mail's header.
fn below_announcement(words: &str) -> Option<&str> {
    let mut offset = 0;
    for line in words.split_inclusive('\n') {
        offset += line.len();
        let lower = line.to_lowercase();
        if ANNOUNCEMENTS.iter().any(|phrase| lower.contains(phrase)) {
            return words.get(offset..);
        }
    }
    None
}

/// The addresses that a report names for other reasons: whom it is sent to, and by whom.
fn own_addresses(headers: &Headers<'_>) -> Vec<String> {
    let named = ["to", "from", "reply-to", "cc"].into_iter().flat_map(|name| headers.all(name));
    named.flat_map(address::parse_list).map(|entry| entry.address.to_lowercase()).collect()
}

/// The longest reason that is kept, in bytes.
const MAX_REASON: usize = 500;

fn reason(details: &str) -> String {
    let folded = details.split_whitespace().collect::<Vec<_>>().join(" ");
    let folded = folded.trim_start_matches([':', '>', '-', ' ', ',']);
    folded.get(..folded.floor_char_boundary(MAX_REASON)).unwrap_or_default().to_owned()
}

/// Finds addresses in a line.
type Position = fn(&str) -> Vec<String>;

/// Addresses in the words of a report, each with the words that follow it.
struct Candidates<'w> {
    words: &'w str,
    found: Vec<(String, String)>,
}

impl<'w> Candidates<'w> {
    /// The addresses in the most telling position that occurs: at the start of a line, after words such as
    /// "delivered to", else anywhere.
    fn of(words: &'w str, own: &[String]) -> Self {
        let mut candidates = Self { words, found: Vec::new() };
        // At the start of a line stands whom the report is about, be it the sender: people do write to themselves.
        let positions: [(Position, &[String]); 3] =
            [(at_line_start, &[]), (after_words, own), (anywhere, own)];
        for (position, ignored) in positions {
            candidates.collect(ignored, position);
            if !candidates.found.is_empty() {
                break;
            }
        }
        candidates
    }

    fn collect(&mut self, own: &[String], position: Position) {
        let mut current: Option<(String, String)> = None;
        for line in self.words.lines() {
            let named = position(line);
            let mut named = named.into_iter().filter(|address| is_recipient(address, own)).peekable();
            if named.peek().is_none()
                && let Some((_, details)) = &mut current
                && details.len() < 4 * MAX_REASON
            {
                details.push('\n');
                details.push_str(line);
            }
            for address in named {
                let after = line.split_once(address.as_str()).map_or("", |(_, after)| after);
                self.found.extend(current.replace((address, after.trim_start_matches('>').to_owned())));
            }
            if self.found.len() > MAX_RECIPIENTS {
                return;
            }
        }
        self.found.extend(current);
    }

    /// An address from elsewhere, with the words that follow it in this report.
    fn described(&self, address: String) -> (String, String) {
        let known = self.found.iter().find(|(known, _)| known.eq_ignore_ascii_case(&address));
        let details = known.map_or_else(
            || self.words.split_once(address.as_str()).map_or("", |(_, after)| after).to_owned(),
            |(_, details)| details.clone(),
        );
        (address, details)
    }
}

fn is_recipient(address: &str, own: &[String]) -> bool {
    let lower = address.to_lowercase();
    let local = lower.split('@').next().unwrap_or_default();
    !own.contains(&lower)
        && !matches!(local, "postmaster" | "mailer-daemon" | "abuse" | "support" | "helpdesk")
}

/// `<ann@example.com>:`, `  ann@example.com`, `>>> ann@example.com <…>`, `"ann@example.com"`.
fn at_line_start(line: &str) -> Vec<String> {
    let start = line
        .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '>' | '*' | '-' | '|' | '"' | '('));
    let Some(word) = start.split_whitespace().next() else { return Vec::new() };
    let word = word.split(">:").next().unwrap_or(word);
    let word = word.split_once(':').map_or(word, |(address, _)| address);
    bare_address(word).into_iter().collect()
}

/// What stands before an address that a report is about.
const BEFORE: [&str; 26] = [
    "delivered to",
    "deliver to",
    "deliver mail to",
    "delivering your mail to",
    "delivery to",
    "unknown user",
    "user unknown",
    "address:",
    "recipient:",
    "recipients:",
    "addresses:",
    "rcpt to:",
    "rcpt:",
    "to:",
    "user",
    "message to",
    "mail to",
    "mailbox",
    "account",
    "following user",
    "unknown:",
    "for <",
    "not delivered",
    "invalid",
    "recipient",
    "was sent to",
];

/// An address in a line with one of these phrases before it.
fn after_words(line: &str) -> Vec<String> {
    let lower = line.to_lowercase();
    let Some(from) = BEFORE.iter().filter_map(|phrase| lower.find(phrase)).min() else { return Vec::new() };
    anywhere(lower.get(from..).unwrap_or_default())
        .into_iter()
        // As the line writes it.
        .filter_map(|address| {
            let at = lower.find(&address)?;
            line.get(at..at + address.len()).map(str::to_owned)
        })
        .collect()
}

fn anywhere(line: &str) -> Vec<String> {
    let words = line.split(|c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | ',' | ';' | '"' | '[' | ']' | '=' | ':')
    });
    let mut before = "";
    words
        .filter(|word| !word.is_empty())
        .filter(|word| {
            // "They take no mail from bob@example.com" is about somebody else.
            let is_sender = std::mem::replace(&mut before, word).eq_ignore_ascii_case("from");
            !is_sender
        })
        .filter_map(bare_address)
        .collect()
}
