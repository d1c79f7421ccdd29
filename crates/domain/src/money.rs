//! Amounts of money, exact: a whole number of the currency's smallest unit.

use std::fmt;

/// An amount in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// In the currency's smallest unit (cents of EUR, yen of JPY).
    pub minor: i64,
    /// ISO 4217, three capital letters.
    pub currency: String,
}

/// Digits behind the point, by ISO 4217, where they are not two.
const OTHER_DIGITS: [(&str, usize); 24] = [
    ("BHD", 3),
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

impl Money {
    /// The amount without its currency, with all the digits that the currency has: `1250.00`, `-3`, `0.005`.
    #[must_use]
    pub fn amount(&self) -> String {
        let digits =
            OTHER_DIGITS.iter().find(|(code, _)| *code == self.currency).map_or(2, |(_, digits)| *digits);
        let sign = if self.minor < 0 { "-" } else { "" };
        let number = format!("{:0width$}", self.minor.unsigned_abs(), width = digits + 1);
        match number.split_at_checked(number.len() - digits) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, part)) => format!("{sign}{whole}.{part}"),
            None => format!("{sign}{number}"),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let amount = |minor, currency: &str| Money { minor, currency: currency.into() }.amount();
        assert_eq!(amount(125_000, "EUR"), "1250.00");
        assert_eq!(amount(5, "EUR"), "0.05");
        assert_eq!(amount(0, "USD"), "0.00");
        assert_eq!(amount(-5, "EUR"), "-0.05");
        assert_eq!(amount(1250, "JPY"), "1250");
        assert_eq!(amount(-3, "JPY"), "-3");
        assert_eq!(amount(5, "KWD"), "0.005");
        assert_eq!(amount(i64::MIN, "EUR"), "-92233720368547758.08");
    }
}
