//! Two schemas of the same thing.

use super::{Change, Comparison, Way, form::Form};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a request may have at most: less is narrower.
const AT_MOST: [&str; 4] = ["maxLength", "maximum", "maxItems", "maxProperties"];
/// What it must have at least: more is narrower.
const AT_LEAST: [&str; 4] = ["minLength", "minimum", "minItems", "minProperties"];

impl<'a> Comparison<'a> {
    pub(super) fn schema(&mut self, pointer: &str, earlier: &'a Value, later: &'a Value, way: Way) {
        let before = Form::of(self.earlier, pointer, earlier);
        let now = Form::of(self.later, pointer, later);
        let places =
            |forms: &[Form<'_>]| forms.iter().map(|form| form.pointer.as_str()).collect::<Vec<_>>().join(" ");
        if !self.seen.insert((places(&before), places(&now), way)) {
            return;
        }
        self.types(pointer, &before, &now, way);
        let before: Vec<_> = before.into_iter().filter(|form| !form.is_null()).collect();
        let now: Vec<_> = now.into_iter().filter(|form| !form.is_null()).collect();
        if let ([before], [now]) = (before.as_slice(), now.as_slice()) {
            self.forms(before, now, way);
            return;
        }
        for form in &before {
            match now.iter().find(|new| new.pointer == form.pointer) {
                Some(new) => self.forms(form, new, way),
                None => self.tell(&form.pointer, Change::Removed, format!("a form of {pointer} is gone")),
            }
        }
    }

    fn types(&mut self, pointer: &str, before: &[Form<'a>], now: &[Form<'a>], way: Way) {
        let all = |forms: &[Form<'a>]| forms.iter().flat_map(Form::types).collect::<BTreeSet<_>>();
        let (before, now) = (all(before), all(now));
        let list = |types: BTreeSet<&str>| types.into_iter().collect::<Vec<_>>().join(", ");
        if before.is_disjoint(&now) && !(before.is_empty() && now.is_empty()) {
            let detail = format!("the type was {}, and is {}", list(before), list(now));
            self.tell(pointer, Change::Retyped, detail);
            return;
        }
        let lost: BTreeSet<_> = before.difference(&now).copied().collect();
        let new: BTreeSet<_> = now.difference(&before).copied().collect();
        if way == Way::Request && !lost.is_empty() {
            self.tell(pointer, Change::Narrowed, format!("{} is not accepted any more", list(lost)));
        } else if way == Way::Answer && !new.is_empty() {
            self.tell(pointer, Change::Widened, format!("it may be {} now", list(new)));
        }
    }

    fn forms(&mut self, before: &Form<'a>, now: &Form<'a>, way: Way) {
        self.values(before, now, way);
        self.format(before, now);
        if way == Way::Request {
            self.limits(before, now);
        }
        let (needed, needs) = (before.required(), now.required());
        let fields = now.fields();
        for (name, pointer, schema) in before.fields() {
            let Some((_, _, new)) = fields.iter().find(|(other, ..)| *other == name) else {
                self.tell(&pointer, Change::Removed, "the field is gone");
                continue;
            };
            if way == Way::Request && needs.contains(name) && !needed.contains(name) {
                self.tell(&pointer, Change::Required, "the field is required now");
            }
            if way == Way::Answer && needed.contains(name) && !needs.contains(name) {
                self.tell(&pointer, Change::Widened, "the field may be absent now");
            }
            self.schema(&pointer, schema, new, way);
        }
        if way == Way::Request {
            let known = before.fields();
            for (name, pointer, _) in fields {
                if needs.contains(name) && !known.iter().any(|(other, ..)| *other == name) {
                    self.tell(&pointer, Change::Required, "a new field is required");
                }
            }
        }
        for part in ["items", "additionalProperties"] {
            if let (Some((at, old)), Some((_, new))) = (before.keyword(part), now.keyword(part))
                && old.is_object()
                && new.is_object()
            {
                self.schema(&at, old, new, way);
            }
        }
        if way == Way::Request
            && before.keyword("additionalProperties").is_none_or(|(_, rest)| *rest != false)
            && let Some((at, rest)) = now.keyword("additionalProperties")
            && *rest == false
        {
            self.tell(&at, Change::Narrowed, "further fields are refused now");
        }
    }

    fn values(&mut self, before: &Form<'a>, now: &Form<'a>, way: Way) {
        let (old, new) = (before.keyword("enum"), now.keyword("enum"));
        match (old, new) {
            (Some((at, old)), Some((_, new))) => {
                let new = new.as_array().map(Vec::as_slice).unwrap_or_default();
                for value in old.as_array().into_iter().flatten().filter(|value| !new.contains(value)) {
                    self.tell(&at, Change::Removed, format!("the value {value} is gone"));
                }
            }
            (None, Some((at, _))) if way == Way::Request => {
                self.tell(&at, Change::Narrowed, "only certain values are accepted now");
            }
            (Some((at, _)), None) if way == Way::Answer => {
                self.tell(&at, Change::Widened, "it may have any value now");
            }
            _ => {}
        }
    }

    fn format(&mut self, before: &Form<'a>, now: &Form<'a>) {
        for name in ["format", "const"] {
            let (old, new) = (before.keyword(name), now.keyword(name));
            if let Some((at, _)) = old.as_ref().or(new.as_ref())
                && old.as_ref().map(|(_, value)| *value) != new.as_ref().map(|(_, value)| *value)
            {
                let say = |side: &Option<(String, &Value)>| match side {
                    Some((_, value)) => value.to_string(),
                    None => "none".to_owned(),
                };
                let detail = format!("the {name} was {}, and is {}", say(&old), say(&new));
                self.tell(at, Change::Retyped, detail);
            }
        }
    }

    fn limits(&mut self, before: &Form<'a>, now: &Form<'a>) {
        let number = |side: Option<(String, &Value)>| side.and_then(|(_, value)| value.as_f64());
        let narrower = |name: &str, is_narrower: fn(f64, f64) -> bool| {
            let new = number(now.keyword(name))?;
            let old = number(before.keyword(name));
            let (at, _) = now.keyword(name)?;
            old.is_none_or(|old| is_narrower(new, old)).then_some((at, old, new))
        };
        let mut told = Vec::new();
        told.extend(AT_MOST.iter().filter_map(|name| narrower(name, |new, old| new < old)));
        told.extend(AT_LEAST.iter().filter_map(|name| narrower(name, |new, old| new > old)));
        for (at, old, new) in told {
            let old = old.map_or_else(|| "there was none".to_owned(), |old| format!("it was {old}"));
            self.tell(&at, Change::Narrowed, format!("the limit is {new}; {old}"));
        }
        if let Some((at, new)) = now.keyword("pattern")
            && before.keyword("pattern").is_none_or(|(_, old)| old != new)
        {
            self.tell(&at, Change::Narrowed, format!("it must be like {new} now"));
        }
    }
}
