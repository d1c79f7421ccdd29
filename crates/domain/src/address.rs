//! E-mail addresses, parsed at the border and never again.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// A bare e-mail address (`addr-spec` of RFC 5322, with UTF-8 as RFC 6532 allows), lower-cased.
///
/// Two addresses are the same person's if they are equal here. Local parts are compared without case although
/// RFC 5321 would allow servers to tell them apart: no server that people use does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// Why a text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but white space.
    #[error("an e-mail address is needed")]
    Empty,
    /// RFC 5321 (4.5.3.1): 64 octets before the @, 254 in all.
    #[error("an e-mail address has at most 64 characters before the @ and 254 in all")]
    TooLong,
    /// Not of the form `name@domain`.
    #[error("this is not an e-mail address of the form name@domain")]
    Malformed,
}

impl EmailAddress {
    /// Parses a bare address such as `Ann@Example.com`; surrounding white space is dropped.
    ///
    /// # Errors
    /// When the text is empty, too long, or not `local@domain`. Quoted local parts and address literals are
    /// accepted as they stand; control characters, spaces and angle brackets never are.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Malformed)?;
        if text.len() > 254 || local.len() > 64 {
            return Err(AddressError::TooLong);
        }
        if is_local_part(local) && is_domain(domain) {
            Ok(Self(text.to_lowercase()))
        } else {
            Err(AddressError::Malformed)
        }
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

fn is_local_part(local: &str) -> bool {
    if let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return !quoted.is_empty()
            && quoted
                .chars()
                .all(|c| !c.is_control() && !is_invisible(c) && !matches!(c, '"' | '\\' | '<' | '>'));
    }
    // Dots are not checked for their places: addresses such as `a..b@example.jp` exist and receive mail.
    !local.is_empty() && local.chars().all(is_atom_or_dot)
}

fn is_atom_or_dot(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
    } else {
        !c.is_control() && !c.is_whitespace() && !is_invisible(c)
    }
}

/// Characters that draw nothing or turn the text's direction: an address with one of them looks like another.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return !literal.is_empty()
            && literal.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':'));
    }
    domain.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || matches!(c, '-' | '_')
                    || (!c.is_ascii() && !c.is_control() && !c.is_whitespace() && !is_invisible(c))
            })
    })
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// An address with the name that stood beside it (`Ann Lee <ann@example.com>`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NamedAddress {
    /// The display name, decoded; `None` where there was none.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

impl NamedAddress {
    /// An address without a name.
    #[must_use]
    pub fn bare(address: EmailAddress) -> Self {
        Self { name: None, address }
    }

    /// The name to show: the display name, else what stands before the `@`.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        match &self.name {
            Some(name) if !name.trim().is_empty() => name,
            _ => self.address.local(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_receives_mail() {
        for text in [
            "ann@example.com",
            " Ann.Lee+tag@Example.COM ",
            "a..b@docomo.example",
            "\"a b\"@example.com",
            "x@[127.0.0.1]",
            "用户@例子.公司",
            "root@localhost",
        ] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
        assert_eq!(EmailAddress::parse("Ann@Example.COM").unwrap().as_str(), "ann@example.com");
    }

    #[test]
    fn refuses_what_cannot() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "  ",
            "ann",
            "@example.com",
            "ann@",
            "ann@-x.com",
            "ann@ex ample.com",
            "a\r\nBcc: b@c.de@x.com",
            "<ann@example.com>",
            "ann@example..com",
            "ann\u{200b}@example.com",
            "ann@exa\u{202e}mple.com",
            "ann\u{61c}@example.com",
            "ann\u{e0041}@example.com",
            "an\u{3164}n@example.com",
            "\"\u{202e}nna\"@example.com",
            &long,
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }
}
