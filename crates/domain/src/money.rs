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

/// The currencies that are in use, by ISO 4217; no metals, no funds, no codes for tests.
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD \
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR \
    SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYI UYU UZS VED \
    VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";

/// Why two texts are no amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// No currency has this code.
    #[error("a currency is its ISO 4217 code, such as EUR")]
    Currency,
    /// Not digits with a point.
    #[error("an amount is digits, with a point before the smaller unit, such as 1250.00")]
    Amount,
    /// More digits behind the point than the currency has.
    #[error("this currency has {0} digits behind the point at most")]
    Digits(usize),
    /// More than can be kept.
    #[error("this is more money than there is")]
    Range,
}

impl Money {
    /// Reads an amount such as `1250`, `1250.5`, `-3.00`, of a currency such as `EUR`. Exactly what is written, nothing is
    /// rounded.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(amount: &str, currency: &str) -> Result<Self, MoneyError> {
        if !CURRENCIES.split_ascii_whitespace().any(|known| known == currency) {
            return Err(MoneyError::Currency);
        }
        let digits = digits_of(currency);
        let unsigned = amount.strip_prefix('-').unwrap_or(amount);
        let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(part) {
            return Err(MoneyError::Amount);
        }
        if unsigned.contains('.') && part.len() > digits {
            return Err(MoneyError::Digits(digits));
        }
        let part = if digits == 0 { "" } else { part };
        let minor = format!("{whole}{part:0<digits$}").parse::<i64>().map_err(|_| MoneyError::Range)?;
        let sign = if amount.starts_with('-') { -1 } else { 1 };
        Ok(Self { minor: sign * minor, currency: currency.to_owned() })
    }

    /// The amount without its currency, with all the digits that the currency has: `1250.00`, `-3`, `0.005`.
    #[must_use]
    pub fn amount(&self) -> String {
        let digits = digits_of(&self.currency);
        let sign = if self.minor < 0 { "-" } else { "" };
        let number = format!("{:0width$}", self.minor.unsigned_abs(), width = digits + 1);
        match number.split_at_checked(number.len() - digits) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, part)) => format!("{sign}{whole}.{part}"),
            None => format!("{sign}{number}"),
        }
    }
}

/// Digits behind the point.
fn digits_of(currency: &str) -> usize {
    OTHER_DIGITS.iter().find(|(code, _)| *code == currency).map_or(2, |(_, digits)| *digits)
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

    #[test]
    fn amounts_are_read_exactly() {
        for (amount, currency, read) in [
            ("1250.00", "EUR", Ok(125_000)),
            ("1250", "EUR", Ok(125_000)),
            ("1250.5", "EUR", Ok(125_050)),
            ("-0.05", "EUR", Ok(-5)),
            ("0", "JPY", Ok(0)),
            ("1250", "JPY", Ok(1250)),
            ("0.005", "KWD", Ok(5)),
            ("92233720368547758.07", "EUR", Ok(i64::MAX)),
            ("92233720368547758.08", "EUR", Err(MoneyError::Range)),
            ("1.001", "EUR", Err(MoneyError::Digits(2))),
            ("1.0", "JPY", Err(MoneyError::Digits(0))),
            ("1,250.00", "EUR", Err(MoneyError::Amount)),
            ("+1", "EUR", Err(MoneyError::Amount)),
            ("--1", "EUR", Err(MoneyError::Amount)),
            ("1e3", "EUR", Err(MoneyError::Amount)),
            (".5", "EUR", Err(MoneyError::Amount)),
            ("5.", "EUR", Err(MoneyError::Amount)),
            (" 5", "EUR", Err(MoneyError::Amount)),
            ("٥", "EUR", Err(MoneyError::Amount)),
            ("", "EUR", Err(MoneyError::Amount)),
            ("5", "eur", Err(MoneyError::Currency)),
            ("5", "XXX", Err(MoneyError::Currency)),
            ("5", "EUR USD", Err(MoneyError::Currency)),
            ("5", "", Err(MoneyError::Currency)),
        ] {
            assert_eq!(Money::parse(amount, currency).map(|money| money.minor), read, "{amount} {currency}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for currency in CURRENCIES.split_ascii_whitespace() {
            assert!(currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()));
            for minor in [0, 1, -1, 99, 100, -12_345, i64::MAX] {
                let money = Money { minor, currency: currency.to_owned() };
                assert_eq!(Money::parse(&money.amount(), currency), Ok(money));
            }
        }
    }
}
