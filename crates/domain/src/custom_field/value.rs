//! What a value of a field must be, by the field's type.

use super::{FieldType, definition::Definition};
use crate::{
    address::EmailAddress,
    calendar,
    fault::{Fault, Wrong},
    field_text::{lines, one_line, phone, web_address, wrong},
};
use serde_json::{Number, Value};

/// Longest text of one line, in characters.
pub const MAX_TEXT: usize = 500;
/// Longest text of several lines, in characters.
pub const MAX_LONG_TEXT: usize = 20_000;
/// The largest number, and with a minus the smallest: 15 digits, which every JSON reader keeps exactly.
pub const MAX_NUMBER: i64 = 999_999_999_999_999;

impl Definition {
    /// The value as it is kept: text without surrounding white space, whole numbers without a point, addresses in small
    /// letters, chosen options in the order in which they are offered. Accepting what comes out changes nothing.
    ///
    /// `present` is what the field has now: what it has already may stay, even where an option is offered no more.
    /// An empty selection is [`Value::Null`], as is no value at all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn accept(&self, value: &Value, present: &Value) -> Result<Value, Wrong> {
        if value.is_null() || value == present {
            return Ok(value.clone());
        }
        match self.field_type {
            FieldType::Text => one_line(text(value)?, MAX_TEXT).map(Value::String),
            FieldType::LongText => lines(text(value)?, MAX_LONG_TEXT).map(Value::String),
            FieldType::Number => number(value),
            FieldType::Date => date(text(value)?),
            FieldType::Boolean if value.is_boolean() => Ok(value.clone()),
            FieldType::Boolean => wrong(Fault::InvalidType, "true or false is needed."),
            FieldType::Select => self.option(text(value)?, present).map(Value::String),
            FieldType::MultiSelect => self.some_options(value, present),
            FieldType::Url => web_address(text(value)?).map(Value::String),
            FieldType::Email => email(text(value)?),
            FieldType::Phone => phone(text(value)?).map(Value::String),
        }
    }

    fn option(&self, text: &str, present: &Value) -> Result<String, Wrong> {
        let held = match present {
            Value::Array(values) => values.iter().any(|value| value == text),
            present => present == text,
        };
        if held || self.options.iter().any(|option| option == text) {
            return Ok(text.to_owned());
        }
        let mut offered = self.options.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
        if self.options.len() > 10 {
            offered.push_str(", …");
        }
        wrong(Fault::InvalidValue, format!("This is not one of the options: {offered}."))
    }

    fn some_options(&self, value: &Value, present: &Value) -> Result<Value, Wrong> {
        let Value::Array(values) = value else {
            return wrong(Fault::InvalidType, "A list of options is needed.");
        };
        let mut chosen = Vec::new();
        for value in values {
            let option = self.option(text(value)?, present)?;
            if !chosen.contains(&option) {
                chosen.push(option);
            }
        }
        // Those that are offered no more stand behind the others, in the order in which they came.
        let place = |option: &String| self.options.iter().position(|offered| offered == option);
        chosen.sort_by_key(|option| place(option).unwrap_or(usize::MAX));
        Ok(if chosen.is_empty() { Value::Null } else { chosen.into() })
    }
}

fn text(value: &Value) -> Result<&str, Wrong> {
    value.as_str().map_or_else(|| wrong(Fault::InvalidType, "A text is needed."), Ok)
}

fn number(value: &Value) -> Result<Value, Wrong> {
    let Value::Number(number) = value else {
        return wrong(Fault::InvalidType, "A number is needed.");
    };
    let too_far = || wrong(Fault::OutOfRange, format!("Between -{MAX_NUMBER} and {MAX_NUMBER}."));
    if let Some(whole) = number.as_i64() {
        return if (-MAX_NUMBER..=MAX_NUMBER).contains(&whole) { Ok(whole.into()) } else { too_far() };
    }
    let Some(number) = number.as_f64().filter(|number| number.is_finite()) else {
        return too_far();
    };
    #[expect(clippy::cast_precision_loss, reason = "15 digits fit")]
    if number.abs() > MAX_NUMBER as f64 {
        return too_far();
    }
    if number.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within bounds")]
        return Ok((number as i64).into());
    }
    Number::from_f64(number).map_or_else(too_far, |number| Ok(Value::Number(number)))
}

fn date(text: &str) -> Result<Value, Wrong> {
    match calendar::day(text) {
        Some(_) => Ok(text.into()),
        None => wrong(Fault::InvalidValue, "A day of the calendar is needed, as YYYY-MM-DD."),
    }
}

fn email(text: &str) -> Result<Value, Wrong> {
    match EmailAddress::parse(text) {
        Ok(address) => Ok(address.as_str().into()),
        Err(_) => wrong(Fault::InvalidEmail, "This is not an e-mail address of the form name@domain."),
    }
}
