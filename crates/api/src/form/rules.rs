//! What a single value must be.

use super::{At, Form};
use crate::{password, problem::FieldCode, refusal::field_code};
use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use postroom_domain::{
    address::{EmailAddress, NamedAddress},
    calendar,
    fault::{Fault, Wrong},
    field_text,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::borrow::Cow;
use uuid::Uuid;

fn string(value: Value, at: &mut At<'_>) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => at.wrong(FieldCode::InvalidType, "A text is needed."),
    }
}

fn length(text: String, max: usize, at: &mut At<'_>) -> Option<String> {
    if text.chars().count() > max {
        return at.wrong(FieldCode::TooLong, format!("At most {max} characters."));
    }
    Some(text)
}

/// Text of several lines, at most `max` characters. No NUL: PostgreSQL can't keep one.
pub fn text(max: usize) -> impl FnOnce(Value, &mut At<'_>) -> Option<String> {
    move |value, at| {
        let text = length(string(value, at)?, max, at)?;
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return at.wrong(FieldCode::InvalidCharacter, "Control characters are not allowed.");
        }
        Some(text)
    }
}

/// HTML as an editor makes it, at most `max` bytes. It is made harmless later; here only NUL is refused.
pub fn html(max: usize) -> impl FnOnce(Value, &mut At<'_>) -> Option<String> {
    move |value, at| {
        let text = string(value, at)?;
        if text.len() > max {
            return at.wrong(FieldCode::TooLong, format!("At most {max} bytes."));
        }
        if text.contains('\0') {
            return at.wrong(FieldCode::InvalidCharacter, "A NUL character is not allowed.");
        }
        Some(text)
    }
}

/// One line of text with something in it, at most `max` characters, surrounding white space dropped.
///
/// Line breaks and other control characters are refused: such a text ends up in mail headers.
pub fn line(max: usize) -> impl FnOnce(Value, &mut At<'_>) -> Option<String> {
    by(move |text| field_text::one_line(text, max))
}

/// A text that a rule of the domain takes.
pub fn by<T>(rule: impl FnOnce(&str) -> Result<T, Wrong>) -> impl FnOnce(Value, &mut At<'_>) -> Option<T> {
    move |value, at| match rule(&string(value, at)?) {
        Ok(read) => Some(read),
        Err((fault, detail)) => at.wrong(field_code(fault), detail),
    }
}

/// A day of the calendar.
pub fn date(value: Value, at: &mut At<'_>) -> Option<NaiveDate> {
    let rule = |text: &str| {
        let why = "A day of the calendar is needed, as YYYY-MM-DD.";
        calendar::day(text).ok_or_else(|| (Fault::InvalidValue, why.to_owned()))
    };
    by(rule)(value, at)
}

/// A JSON object whose fields somebody else judges.
pub fn fields(value: Value, at: &mut At<'_>) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields),
        _ => at.wrong(FieldCode::InvalidType, "A JSON object is needed."),
    }
}

/// A password or token: something, at most `max` bytes, never shown.
pub fn secret(max: usize) -> impl FnOnce(Value, &mut At<'_>) -> Option<SecretString> {
    move |value, at| {
        let text = string(value, at)?;
        if text.is_empty() {
            return at.wrong(FieldCode::Required, "This can't be empty.");
        }
        if text.len() > max {
            return at.wrong(FieldCode::TooLong, format!("At most {max} bytes."));
        }
        if text.contains('\0') {
            return at.wrong(FieldCode::InvalidCharacter, "A NUL character is not allowed.");
        }
        Some(SecretString::from(text))
    }
}

/// A password that somebody chooses: long enough to be worth something.
pub fn new_password(value: Value, at: &mut At<'_>) -> Option<SecretString> {
    let password = secret(password::MAX_LENGTH)(value, at)?;
    if password.expose_secret().chars().count() < password::MIN_LENGTH {
        return at.wrong(FieldCode::TooShort, format!("At least {} characters.", password::MIN_LENGTH));
    }
    Some(password)
}

/// An e-mail address.
pub fn email(value: Value, at: &mut At<'_>) -> Option<EmailAddress> {
    match EmailAddress::parse(&string(value, at)?) {
        Ok(address) => Some(address),
        Err(error) => at.wrong(FieldCode::InvalidEmail, sentence(&error.to_string())),
    }
}

/// `{"name": …, "address": …}`, or the bare address as a text.
pub fn named_address(value: Value, at: &mut At<'_>) -> Option<NamedAddress> {
    if value.is_string() {
        return email(value, at).map(NamedAddress::bare);
    }
    object(|form: &mut Form<'_>| {
        let name = form.optional("name", line(200));
        let address = form.required("address", email);
        Some(NamedAddress { name: name?, address: address? })
    })(value, at)
}

/// An id. Whether the thing is there and visible is the store's to say.
pub fn id<T: From<Uuid>>(value: Value, at: &mut At<'_>) -> Option<T> {
    let text = string(value, at)?;
    match Uuid::try_parse(&text) {
        Ok(id) => Some(T::from(id)),
        Err(_) => at.wrong(FieldCode::InvalidId, "An id is a UUID."),
    }
}

/// One of an enum's names; `names` is what the message offers.
pub fn choice<T: DeserializeOwned>(names: &'static str) -> impl FnOnce(Value, &mut At<'_>) -> Option<T> {
    move |value, at| {
        if !value.is_string() {
            return at.wrong(FieldCode::InvalidType, format!("One of these texts is needed: {names}."));
        }
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(_) => at.wrong(FieldCode::InvalidValue, format!("One of: {names}.")),
        }
    }
}

/// `true` or `false`.
#[expect(clippy::needless_pass_by_value, reason = "every rule has this form")]
pub fn boolean(value: Value, at: &mut At<'_>) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(value),
        _ => at.wrong(FieldCode::InvalidType, "true or false is needed."),
    }
}

/// A whole number between `min` and `max`; in a query it stands as text.
pub fn integer(min: i64, max: i64) -> impl FnOnce(Value, &mut At<'_>) -> Option<i64> {
    move |value, at| {
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            None => at.wrong(FieldCode::InvalidType, "A whole number is needed."),
            Some(number) if (min..=max).contains(&number) => Some(number),
            Some(_) => at.wrong(FieldCode::OutOfRange, format!("Between {min} and {max}.")),
        }
    }
}

/// A moment: RFC 3339, in whatever zone.
pub fn moment(value: Value, at: &mut At<'_>) -> Option<DateTime<Utc>> {
    match DateTime::parse_from_rfc3339(&string(value, at)?) {
        // PostgreSQL and RFC 3339 agree on these years.
        Ok(moment) if (0..=9999).contains(&moment.to_utc().year()) => Some(moment.to_utc()),
        _ => at.wrong(FieldCode::InvalidValue, "A time of RFC 3339 such as 2027-03-01T09:30:00Z is needed."),
    }
}

/// A time zone's name of the IANA database, such as `Europe/Berlin`.
pub fn time_zone(value: Value, at: &mut At<'_>) -> Option<String> {
    let name = string(value, at)?;
    match name.parse::<chrono_tz::Tz>() {
        Ok(zone) => Some(zone.name().to_owned()),
        Err(_) => at.wrong(FieldCode::InvalidTimeZone, "A name of the IANA database such as Europe/Berlin."),
    }
}

/// A list of at most `max` values that each fit the rule; every wrong one is told.
pub fn list<T, R>(max: usize, rule: R) -> impl FnOnce(Value, &mut At<'_>) -> Option<Vec<T>>
where
    R: Fn(Value, &mut At<'_>) -> Option<T>,
{
    move |value, at| {
        let Value::Array(values) = value else {
            return at.wrong(FieldCode::InvalidType, "A list is needed.");
        };
        if values.len() > max {
            return at.wrong(FieldCode::TooLong, format!("At most {max} entries."));
        }
        let read: Vec<Option<T>> = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| rule(value, &mut at.below(&index.to_string())))
            .collect();
        read.into_iter().collect()
    }
}

/// A JSON object with fields of its own; unknown ones are refused.
pub fn object<T>(
    read: impl FnOnce(&mut Form<'_>) -> Option<T>,
) -> impl FnOnce(Value, &mut At<'_>) -> Option<T> {
    move |value, at| {
        let Value::Object(fields) = value else {
            return at.wrong(FieldCode::InvalidType, "A JSON object is needed.");
        };
        let mut form =
            Form { fields, asked: Vec::new(), at: At { pointer: at.pointer.clone(), errors: at.errors } };
        let result = read(&mut form);
        form.refuse_unknown();
        result
    }
}

/// An error's words as a sentence of ours: capital letter, full stop.
fn sentence(text: &str) -> Cow<'static, str> {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => Cow::Owned(format!("{}{}.", first.to_uppercase(), characters.as_str())),
        None => Cow::Borrowed("Not valid."),
    }
}
