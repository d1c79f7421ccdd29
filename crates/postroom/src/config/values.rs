//! The settings as they were given: texts by key, from the environment and the configuration file.

use super::table::{Default, GROUPS, NO_SETTINGS, Setting};
use figment::{
    Figment,
    providers::{Env, Format, Toml},
    value::Value,
};
use std::{cell::RefCell, collections::BTreeMap, fmt::Display, path::Path, time::Duration};

/// What was given, and what is wrong with it.
pub(crate) struct Values {
    given: BTreeMap<String, String>,
    mistakes: RefCell<Vec<String>>,
    read: RefCell<Vec<&'static str>>,
}

impl Values {
    /// Reads the file, where one is named, and the environment, which wins.
    pub(crate) fn gather(file: Option<&Path>) -> Self {
        let mut figment = Figment::new();
        let mut mistakes = Vec::new();
        if let Some(path) = file {
            if path.is_file() {
                figment = figment.merge(Toml::file_exact(path));
            } else {
                mistakes.push(format!("POSTROOM_CONFIG: there is no file {}", path.display()));
            }
        }
        let figment = figment.merge(Env::prefixed("POSTROOM_"));
        let given = match figment.extract::<BTreeMap<String, Value>>() {
            Ok(given) => given,
            Err(error) => {
                mistakes.extend(error.into_iter().map(|error| error.to_string()));
                BTreeMap::new()
            }
        };
        Self::new(given, mistakes)
    }

    fn new(given: BTreeMap<String, Value>, mut mistakes: Vec<String>) -> Self {
        let known = |key: &str| {
            GROUPS.iter().flat_map(|group| group.settings).any(|setting| setting.key() == key)
                || NO_SETTINGS
                    .iter()
                    .any(|(name, _)| name.trim_start_matches("POSTROOM_").to_lowercase() == key)
        };
        let mut texts = BTreeMap::new();
        for (key, value) in given {
            if !known(&key) {
                mistakes.push(format!("POSTROOM_{}: there is no such setting", key.to_uppercase()));
            } else if let Some(text) = as_text(&value) {
                texts.insert(key, text);
            } else {
                mistakes.push(format!("POSTROOM_{}: a plain value is needed", key.to_uppercase()));
            }
        }
        Self { given: texts, mistakes: RefCell::new(mistakes), read: RefCell::default() }
    }

    /// Reads a setting that has a value in any case; a mistake is noted, and `fallback` stands in for it.
    pub(crate) fn get<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
        fallback: T,
    ) -> T {
        if let Some(value) = self.find(name, parse) {
            return value;
        }
        let required = setting(name).is_some_and(|setting| matches!(setting.default, Default::Required));
        if required && !self.is_given(name) {
            self.mistake(name, "must be given");
        }
        fallback
    }

    /// Reads a setting that may be absent. A mistake is noted, and is as good as absent then.
    pub(crate) fn find<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let setting = setting(name)?;
        self.read.borrow_mut().push(name);
        let default = match setting.default {
            Default::Text(text) => Some(text),
            Default::Required | Default::None | Default::From(_) => None,
        };
        let given = self.given.get(&setting.key()).map(|text| text.trim()).filter(|text| !text.is_empty());
        match parse(given.or(default)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistake(name, error);
                None
            }
        }
    }

    /// Reads a duration within the table's bounds; a mistake is noted, and no time at all stands in for it.
    pub(crate) fn duration(&self, name: &'static str) -> Duration {
        let bounds = setting(name).and_then(|setting| setting.bounds);
        self.get(name, |text| duration_within(text, bounds), Duration::ZERO)
    }

    /// Whether there is any text for it, right or wrong.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        setting(name)
            .and_then(|setting| self.given.get(&setting.key()))
            .is_some_and(|text| !text.trim().is_empty())
    }

    /// Notes what is wrong with a setting.
    pub(crate) fn mistake(&self, name: &str, what: impl Display) {
        self.mistakes.borrow_mut().push(format!("{name}: {what}"));
    }

    /// All that was wrong.
    pub(crate) fn into_mistakes(self) -> Vec<String> {
        self.mistakes.into_inner()
    }

    #[cfg(test)]
    pub(crate) fn of(given: &[(&str, &str)]) -> Self {
        let given = given.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        Self::new(given, Vec::new())
    }

    #[cfg(test)]
    pub(crate) fn unread(&self) -> Vec<&'static str> {
        let read = self.read.borrow();
        let names = GROUPS.iter().flat_map(|group| group.settings).map(|setting| setting.name);
        names.filter(|name| !read.contains(name)).collect()
    }
}

fn setting(name: &str) -> Option<&'static Setting> {
    let found = GROUPS.iter().flat_map(|group| group.settings).find(|setting| setting.name == name);
    debug_assert!(found.is_some(), "{name} is not in the table");
    found
}

fn duration_within(text: &str, bounds: Option<(&str, &str)>) -> Result<Duration, String> {
    let parse = |text| humantime::parse_duration(text).ok();
    let duration = parse(text).ok_or("this is no duration such as 500ms, 15s or 5m")?;
    match bounds {
        Some((least, _)) if parse(least).is_some_and(|least| duration < least) => {
            Err(format!("this is less than {least}"))
        }
        Some((_, most)) if parse(most).is_some_and(|most| duration > most) => {
            Err(format!("this is more than {most}"))
        }
        _ => Ok(duration),
    }
}

/// A plain value as it was written; a list as one with commas.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Char(_, char) => Some(char.to_string()),
        Value::Bool(_, bool) => Some(bool.to_string()),
        Value::Num(_, number) => number
            .to_u128()
            .map(|number| number.to_string())
            .or_else(|| number.to_i128().map(|number| number.to_string()))
            .or_else(|| number.to_f64().map(|number| number.to_string())),
        Value::Array(_, values) => {
            values.iter().map(as_text).collect::<Option<Vec<_>>>().map(|list| list.join(","))
        }
        Value::Empty(..) => Some(String::new()),
        Value::Dict(..) => None,
    }
}
