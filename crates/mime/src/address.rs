//! Address lists (RFC 5322, 3.4), read so that nothing that a person can see gets lost: comments as names, broken
//! quotes, missing brackets, unquoted commas, `;` between addresses.

use crate::encoded_word;
use postroom_domain::address::{EmailAddress, NamedAddress};
use serde::Serialize;

/// One entry of an address header, as written: the address may be broken or empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParsedAddress {
    /// The display name, decoded.
    pub name: Option<String>,
    /// What stands where the address belongs; empty where there is none.
    pub address: String,
}

impl ParsedAddress {
    /// The address that mail can be sent to, if it is one.
    #[must_use]
    pub fn parsed(&self) -> Option<NamedAddress> {
        let address = EmailAddress::parse(&self.address).ok()?;
        Some(NamedAddress { name: self.name.clone(), address })
    }
}

/// Further entries of one header are dropped.
const MAX_ADDRESSES: usize = 5_000;

/// Reads all addresses of a header's raw value. Groups give their members.
pub(crate) fn parse_list(raw: &[u8]) -> Vec<ParsedAddress> {
    let text = encoded_word::to_characters(raw);
    let mut list = parse_text(&text);
    // `=?utf-8?Q?Ann_=3Cann=40example.com=3E?=`: the whole entry was encoded.
    if list.iter().any(|entry| entry.address.is_empty() && has_angle_address(entry.name.as_deref())) {
        list = list
            .into_iter()
            .flat_map(|entry| match &entry.name {
                Some(name) if entry.address.is_empty() && has_angle_address(Some(name)) => parse_text(name),
                _ => vec![entry],
            })
            .collect();
    }
    list
}

fn has_angle_address(name: Option<&str>) -> bool {
    name.is_some_and(|name| name.contains('<') && name.contains('@'))
}

fn parse_text(text: &str) -> Vec<ParsedAddress> {
    let mut list: Vec<ParsedAddress> = Vec::new();
    let mut entry = Entry::default();
    let mut lexer = Lexer { rest: text, unclosed: "" };
    while let Some(token) = lexer.next_token() {
        match token {
            Token::Plain(c) => entry.phrase.push(c),
            // A quoted local part.
            Token::Quoted(text) if lexer.rest.starts_with('@') => {
                entry.phrase.extend(["\"", text.as_str(), "\""]);
            }
            Token::Quoted(text) => entry.phrase.push_str(&text),
            Token::Comment(text) => entry.comments.push(text),
            Token::Angle(text) => entry.push_angle(text),
            Token::Colon if entry.begins_group() => entry = Entry::default(),
            Token::Colon => entry.phrase.push(':'),
            Token::Separator => finish(&mut list, std::mem::take(&mut entry)),
        }
        if list.len() >= MAX_ADDRESSES {
            return list;
        }
    }
    finish(&mut list, entry);
    list
}

/// Adds a finished entry. `Doe, John <john@example.com>` without quotes is one person, not two.
fn finish(list: &mut Vec<ParsedAddress>, entry: Entry) {
    let has_angle = entry.angle.is_some();
    let Some(mut parsed) = entry.into_address() else { return };
    if has_angle && let Some(before) = list.pop_if(|before| before.address.is_empty()) {
        let names = [before.name, parsed.name.take()];
        parsed.name = Some(names.into_iter().flatten().collect::<Vec<_>>().join(", "));
    }
    list.push(parsed);
}

/// What has been read of one entry.
#[derive(Default)]
struct Entry {
    /// The text outside of brackets and comments, quotes resolved.
    phrase: String,
    comments: Vec<String>,
    angle: Option<String>,
}

impl Entry {
    fn push_angle(&mut self, text: &str) {
        // `Ann <foo> <ann@example.com>`: the one that is an address counts.
        match &self.angle {
            Some(held) if held.contains('@') => {}
            Some(held) => {
                self.phrase.push_str(held);
                self.angle = Some(text.to_owned());
            }
            None => self.angle = Some(text.to_owned()),
        }
    }

    /// `Team: ann@example.com, bob@example.com;`
    fn begins_group(&self) -> bool {
        self.angle.is_none() && !self.phrase.contains('@')
    }

    fn into_address(self) -> Option<ParsedAddress> {
        let comment = || {
            let text = self.comments.join(" ");
            tidy_name(&encoded_word::decode_text(&text))
        };
        if let Some(angle) = &self.angle {
            let address = tidy_address(angle);
            let name = tidy_name(&encoded_word::decode_text(&self.phrase));
            if !address.contains('@')
                && let Some(phrase_address) = self.phrase.split_whitespace().find(|word| is_address(word))
            {
                return Some(ParsedAddress { name: comment(), address: tidy_address(phrase_address) });
            }
            let name = name.or_else(comment);
            return (name.is_some() || !address.is_empty()).then_some(ParsedAddress { name, address });
        }
        let phrase = self.phrase.trim();
        if phrase.contains('@') {
            let (address, name) = split_bare(phrase);
            return Some(ParsedAddress { name: name.or_else(comment), address });
        }
        let name = tidy_name(&encoded_word::decode_text(phrase));
        // `Ann Lee (ann@example.com)`
        if let Some(comment) = self.comments.iter().find(|comment| is_address(comment)) {
            return Some(ParsedAddress { name, address: tidy_address(comment) });
        }
        Some(ParsedAddress { name: Some(comment().or(name)?), address: String::new() })
    }
}

fn is_address(word: &str) -> bool {
    word.find('@').is_some_and(|at| at > 0 && at + 1 < word.len())
}

/// An address without brackets, maybe with a name beside it, maybe with spaces around `@` and `.`.
fn split_bare(phrase: &str) -> (String, Option<String>) {
    if phrase.starts_with('"') {
        return (tidy_address(phrase), None);
    }
    let compact: String = phrase.split_whitespace().collect();
    let mut words: Vec<&str> = phrase.split_whitespace().collect();
    let Some(at) = words.iter().position(|word| is_address(word)) else {
        return (tidy_address(&compact), None);
    };
    let address = tidy_address(words.remove(at));
    (address, tidy_name(&encoded_word::decode_text(&words.join(" "))))
}

/// An address without white space, source route (`@relay:`), `mailto:`, stray brackets and quotes.
fn tidy_address(raw: &str) -> String {
    let text = if raw.contains('"') {
        raw.trim().to_owned()
    } else {
        raw.chars().filter(|c| !c.is_whitespace()).collect()
    };
    let text = encoded_word::decode_text(&text);
    let text = match text.strip_prefix('@').and_then(|route| route.rsplit_once(':')) {
        Some((_, address)) => address,
        None => &text,
    };
    let text = match text.split_once(':') {
        Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto") => address,
        _ => text,
    };
    let text =
        text.trim_matches(|c: char| matches!(c, '<' | '>' | '\'' | '\\' | ',' | ';') || c.is_whitespace());
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

/// A name on one line, without the quotes that some programs put around it; none if nothing is left.
fn tidy_name(raw: &str) -> Option<String> {
    let mut name = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    for quote in ['"', '\''] {
        let inner = name.strip_prefix(quote).and_then(|n| n.strip_suffix(quote)).map(|n| n.trim().to_owned());
        if let Some(inner) = inner {
            name = inner;
        }
    }
    (!name.is_empty()).then_some(name)
}

enum Token<'a> {
    Plain(char),
    Quoted(String),
    Comment(String),
    Angle(&'a str),
    Colon,
    Separator,
}

/// Cuts a header's text into tokens. Whatever is opened and never closed is plain text.
struct Lexer<'a> {
    rest: &'a str,
    /// The openers that are known not to be closed in what remains: looked for once only.
    unclosed: &'static str,
}

impl<'a> Lexer<'a> {
    fn next_token(&mut self) -> Option<Token<'a>> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        let tail = chars.as_str();
        let (token, rest) = match c {
            '"' => self.quoted(tail),
            '(' => self.comment(tail),
            '<' => self.angle(tail),
            ':' => (Token::Colon, tail),
            ',' | ';' => (Token::Separator, tail),
            _ => (Token::Plain(c), tail),
        };
        self.rest = rest;
        Some(token)
    }

    fn quoted(&mut self, tail: &'a str) -> (Token<'a>, &'a str) {
        let mut text = String::new();
        let mut chars = tail.chars();
        if self.unclosed.contains('"') {
            return (Token::Plain(' '), tail);
        }
        while let Some(c) = chars.next() {
            match c {
                '"' => return (Token::Quoted(text), chars.as_str()),
                '\\' => text.extend(chars.next()),
                _ => text.push(c),
            }
        }
        self.unclosed = if self.unclosed.contains('(') { "\"(" } else { "\"" };
        (Token::Plain(' '), tail)
    }

    fn comment(&mut self, tail: &'a str) -> (Token<'a>, &'a str) {
        if self.unclosed.contains('(') {
            return (Token::Plain('('), tail);
        }
        let mut text = String::new();
        let mut depth = 1;
        let mut chars = tail.chars();
        while let Some(c) = chars.next() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            match c {
                ')' if depth == 0 => return (Token::Comment(text), chars.as_str()),
                '\\' => text.extend(chars.next()),
                _ => text.push(c),
            }
        }
        self.unclosed = if self.unclosed.contains('"') { "\"(" } else { "(" };
        (Token::Plain('('), tail)
    }

    /// `<…>`; a bracket that isn't closed ends at the next separator.
    fn angle(&mut self, tail: &'a str) -> (Token<'a>, &'a str) {
        let end = tail.find(['>', '<']).unwrap_or(tail.len());
        let (inside, after) = tail.split_at_checked(end).unwrap_or((tail, ""));
        if let Some(rest) = after.strip_prefix('>') {
            return (Token::Angle(inside), rest);
        }
        let end = tail.find([',', ';', '<']).unwrap_or(tail.len());
        let (inside, rest) = tail.split_at_checked(end).unwrap_or((tail, ""));
        (Token::Angle(inside), rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &[(Option<&str>, &str)]) {
        let list = parse_list(raw.as_bytes());
        let found: Vec<_> = list.iter().map(|a| (a.name.as_deref(), a.address.as_str())).collect();
        assert_eq!(found, expected, "{raw}");
    }

    #[test]
    fn reads_regular_lists() {
        check("ann@example.com", &[(None, "ann@example.com")]);
        check(
            "Ann Lee <ann@example.com>, \"Bob, Jr.\" <bob@example.com>",
            &[(Some("Ann Lee"), "ann@example.com"), (Some("Bob, Jr."), "bob@example.com")],
        );
        check(
            "Team: ann@example.com, Bob <bob@example.com>;",
            &[(None, "ann@example.com"), (Some("Bob"), "bob@example.com")],
        );
        check("undisclosed-recipients:;", &[]);
        check("ann@example.com (Ann \\(Lee\\))", &[(Some("Ann (Lee)"), "ann@example.com")]);
        check(
            "=?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?_M?= <j@example.com>",
            &[(Some("Jürgen M"), "j@example.com")],
        );
        check("\"a b\"@example.com", &[(None, "\"a b\"@example.com")]);
    }

    #[test]
    fn reads_broken_lists() {
        check("Doe, John <john@example.com>", &[(Some("Doe, John"), "john@example.com")]);
        check("Ann Lee ann@example.com", &[(Some("Ann Lee"), "ann@example.com")]);
        check("ann @ example . com", &[(None, "ann@example.com")]);
        check("\"Ann <ann@example.com>", &[(Some("Ann"), "ann@example.com")]);
        check("Ann <ann@example.com", &[(Some("Ann"), "ann@example.com")]);
        check("a@x.com; b@x.com", &[(None, "a@x.com"), (None, "b@x.com")]);
        check("<@relay.example:ann@example.com>", &[(None, "ann@example.com")]);
        check("=?utf-8?Q?Ann_=3Cann=40example.com=3E?=", &[(Some("Ann"), "ann@example.com")]);
        check("'Ann' <mailto:ann@example.com>", &[(Some("Ann"), "ann@example.com")]);
        check("MAILER-DAEMON (Mail Delivery)", &[(Some("Mail Delivery"), "")]);
        check("Ann Lee (ann@example.com)", &[(Some("Ann Lee"), "ann@example.com")]);
        check("Recipients", &[(Some("Recipients"), "")]);
        check("\"Just a name\"", &[(Some("Just a name"), "")]);
        check("", &[]);
    }

    #[test]
    fn hostile_lists_cost_linear_work() {
        for hostile in ["\"".repeat(500_001), "(".repeat(500_000), "<".repeat(500_000), "\"(".repeat(250_000)]
        {
            let _ = parse_list(hostile.as_bytes());
        }
    }
}
