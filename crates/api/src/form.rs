//! Reading a request's JSON field by field, so that every wrong field is told at once.
//!
//! Deriving `Deserialize` stops at the first mistake. Here a request asks its [`Form`] for each field by name with a
//! *rule* (what the value must be); mistakes are collected with their JSON pointers, and so are fields that nobody
//! asked for. What comes out is parsed: an e-mail address, not a string that was looked at.

mod rules;

pub use postroom_domain::patch::Patch;
pub use rules::{
    boolean, by, choice, date, email, fields, html, id, integer, line, list, moment, named_address,
    new_password, object, secret, text, time_zone,
};

use crate::problem::{FieldCode, FieldError, Problem};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// So many mistakes are told; who makes more gets the first ones.
const MAX_ERRORS: usize = 100;
/// So many characters of a field's name go into a pointer: an unknown field's name is as long as its sender likes.
const MAX_NAME: usize = 100;

/// A request body (or a query) that is read from JSON.
pub trait Request: Sized {
    /// Takes every field that the request has. `None` only after a mistake was recorded.
    fn read(form: &mut Form<'_>) -> Option<Self>;
}

/// Reads a whole request.
///
/// # Errors
/// [`FieldError`]s of every field that is wrong, missing or unknown, as one problem.
pub fn read<R: Request>(value: Value) -> Result<R, Problem> {
    match judge(value) {
        (Some(request), errors) if errors.is_empty() => Ok(request),
        (_, errors) => Err(Problem::invalid(errors)),
    }
}

/// What came of reading a request, and every mistake in it.
pub(crate) fn judge<R: Request>(value: Value) -> (Option<R>, Vec<FieldError>) {
    let mut errors = Vec::new();
    let request = object(R::read)(value, &mut At { pointer: String::new(), errors: &mut errors });
    (request, errors)
}

/// The names that a request asks for, in order: a test compares them with its documented schema.
#[must_use]
pub fn names_of<R: Request>() -> Vec<&'static str> {
    let mut form = Form {
        fields: Map::new(),
        asked: Vec::new(),
        at: At { pointer: String::new(), errors: &mut Vec::new() },
    };
    let _ = R::read(&mut form);
    form.asked
}

/// Where in the request a value stands, and where mistakes are written down.
pub struct At<'e> {
    pointer: String,
    errors: &'e mut Vec<FieldError>,
}

impl At<'_> {
    /// Writes down a mistake at this place; always `None`, so that a rule can end with it.
    pub fn wrong<T>(&mut self, code: FieldCode, detail: impl Into<Cow<'static, str>>) -> Option<T> {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FieldError { pointer: self.pointer.clone(), code, detail: detail.into() });
        }
        None
    }

    /// The place of a part of this value (RFC 6901 escapes `~` and `/`).
    fn below(&mut self, name: &str) -> At<'_> {
        let name: String = name.chars().take(MAX_NAME).collect();
        let name = name.replace('~', "~0").replace('/', "~1");
        At { pointer: format!("{}/{name}", self.pointer), errors: self.errors }
    }
}

/// The fields of one JSON object that were not read yet.
pub struct Form<'e> {
    fields: Map<String, Value>,
    asked: Vec<&'static str>,
    at: At<'e>,
}

impl Form<'_> {
    /// A field that must be there and not be `null`.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(Value, &mut At<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.take(name) {
            None | Some(Value::Null) => {
                self.at.below(name).wrong(FieldCode::Required, "This field is needed.")
            }
            Some(value) => rule(value, &mut self.at.below(name)),
        }
    }

    /// A field that may be left out or be `null`, which is the same. The outer `None` means a mistake.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(Value, &mut At<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.take(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => rule(value, &mut self.at.below(name)).map(Some),
        }
    }

    /// A field of a merge patch (RFC 7396) that can be changed but not cleared: absent leaves it.
    pub fn changed<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(Value, &mut At<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.take(name) {
            None => Some(None),
            Some(Value::Null) => {
                self.at.below(name).wrong(FieldCode::Required, "This field can be changed but not cleared.")
            }
            Some(value) => rule(value, &mut self.at.below(name)).map(Some),
        }
    }

    /// A field of a merge patch (RFC 7396): absent leaves it, `null` clears it.
    pub fn patched<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(Value, &mut At<'_>) -> Option<T>,
    ) -> Option<Patch<T>> {
        match self.take(name) {
            None => Some(Patch::Absent),
            Some(Value::Null) => Some(Patch::Null),
            Some(value) => rule(value, &mut self.at.below(name)).map(Patch::Value),
        }
    }

    /// Writes down a mistake that only several fields together make, at the field to be changed.
    pub fn wrong(&mut self, name: &str, code: FieldCode, detail: impl Into<Cow<'static, str>>) {
        let _: Option<()> = self.at.below(name).wrong(code, detail);
    }

    /// Fields that the thing has and that can't be written here.
    pub fn read_only(&mut self, names: &[&str]) {
        for name in names {
            if self.fields.remove(*name).is_some() {
                self.wrong(name, FieldCode::ReadOnly, "This can't be changed.");
            }
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        self.fields.remove(name)
    }

    fn refuse_unknown(mut self) {
        for name in std::mem::take(&mut self.fields).keys() {
            let _: Option<()> =
                self.at.below(name).wrong(FieldCode::UnknownField, "There is no such field here.");
        }
    }
}

#[cfg(test)]
mod tests;
