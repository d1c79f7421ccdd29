//! Tries every cell of a row.

use super::{
    row::{ByRole, Row, Sent, Whose},
    site::{Key, Names, Person, Site, fill},
    things::{FORM, Thing},
};
use postroom_testkit::{
    client::{Answer, Caller},
    contract::document::Operation,
};
use serde_json::Value;

/// Headers that differ between two answers that say the same.
const VARIES: [&str; 6] =
    ["x-request-id", "date", "connection", "ratelimit", "postroom-event", "content-length"];

pub(crate) struct Check<'a> {
    site: &'a Site,
    row: &'a Row,
    operation: &'a Operation,
    pub(crate) cells: usize,
    pub(crate) faults: Vec<String>,
}

/// Somebody who asks for somebody's thing.
struct Cell<'a> {
    /// Nobody: without sign-in.
    caller: Option<&'a Person>,
    /// They come with this key instead of having signed in.
    key: Option<&'a Key>,
    whose: Whose,
    expected: u16,
}

impl<'a> Check<'a> {
    pub(crate) fn new(site: &'a Site, row: &'a Row, operation: &'a Operation) -> Self {
        Self { site, row, operation, cells: 0, faults: Vec::new() }
    }

    pub(crate) fn run(&mut self) {
        for (whose, by_role) in &self.row.expected {
            for (seat, expected) in self.site.seats.iter().zip(by_role) {
                self.cell(&Cell { caller: Some(seat), key: None, whose: *whose, expected: *expected });
                let keys = self.site.keys.iter().filter(|key| key.of == seat.name);
                for key in keys.filter(|_| self.operation.needs_sign_in()) {
                    let expected = self.by_key(key, by_role, *expected);
                    self.cell(&Cell { caller: Some(seat), key: Some(key), whose: *whose, expected });
                }
            }
            // Nothing is anybody's own without sign-in.
            let whose = if *whose == Whose::Own { Whose::Others } else { *whose };
            let open = self.row.anonymous < 400;
            let expected = if open && whose == Whose::Never { 404 } else { self.row.anonymous };
            self.cell(&Cell { caller: None, key: None, whose, expected });
        }
    }

    /// A key does what its user does, within its scope (ACC-4): `read` looks and `write` works, as a manager who sees all
    /// and manages nothing; `admin` manages what its user does.
    fn by_key(&self, key: &Key, by_role: &ByRole, expected: u16) -> u16 {
        let looks = self.operation.method == "GET";
        let [_, _, manager, _] = *by_role;
        match key.scope {
            _ if self.row.for_people_alone => 403,
            "read" if !looks => 403,
            "read" | "write" if self.row.manages && manager < 400 => 403,
            "read" | "write" => manager,
            _ => expected,
        }
    }

    fn cell(&mut self, cell: &Cell<'_>) {
        self.cells += 1;
        let names = self.names(cell);
        // Refused as if it weren't there, whatever the reason: in the path (404), or in the body (422).
        let hidden = matches!(cell.expected, 404 | 422) && cell.whose != Whose::Never;
        if hidden && !self.is_there(cell.whose, cell.caller, &names) {
            return self.fault(cell, "what is asked for isn't there");
        }
        let before = self.state(cell, &names);
        let answer = self.send(cell, &names, &self.body(&names));
        let code = answer.body["code"].as_str().unwrap_or_default();
        let refusals = match cell.key {
            None => [self.row.refusal; 2],
            Some(_) if self.row.for_people_alone => ["api_key_not_allowed", "scope_not_allowed"],
            Some(_) => [self.row.refusal, "scope_not_allowed"],
        };
        if answer.status != cell.expected || cell.expected == 403 && !refusals.contains(&code) {
            let body = String::from_utf8_lossy(&answer.bytes).chars().take(300).collect::<String>();
            return self.fault(cell, &format!("{} instead of {}: {body}", answer.status, cell.expected));
        }
        if cell.expected < 400 {
            return;
        }
        if self.state(cell, &names) != before {
            self.fault(cell, "it was refused, and something changed");
        }
        self.assert_not_judged_before(cell, &names, &answer);
        if hidden {
            let never = Cell { whose: Whose::Never, ..*cell };
            let names = self.names(&never);
            let never = self.send(&never, &names, &self.body(&names));
            if essence(&never) != essence(&answer) {
                let what = "the answer is another one than for what never existed";
                self.fault(cell, &format!("{what}: {:?}", difference(&answer, &never)));
            }
        }
    }

    fn fault(&mut self, cell: &Cell<'_>, what: &str) {
        let who = cell.caller.map_or("nobody", |person| person.name);
        let who = cell.key.map_or(who.to_owned(), |key| format!("{who} with a key to {}", key.scope));
        let Row { operation, path, .. } = self.row;
        self.faults.push(format!("{operation} ({path}) as {who}, {:?}: {what}", cell.whose));
    }

    /// Who has the thing.
    fn holder<'b>(&'b self, whose: Whose, caller: Option<&'b Person>) -> &'b Person {
        match whose {
            Whose::Own => caller.unwrap_or(&self.site.tim),
            Whose::Others | Whose::Nothing | Whose::Never => &self.site.tim,
            Whose::Common => self.site.owner_of("acme"),
            Whose::Elsewhere => &self.site.otto,
        }
    }

    fn names(&self, cell: &Cell<'_>) -> Names {
        let mut names = match self.row.thing {
            Some(thing) => self.thing(thing, cell),
            None => Names::new(),
        };
        if cell.whose == Whose::Never {
            names.values_mut().for_each(|id| *id = uuid::Uuid::now_v7().to_string());
        }
        names.extend(self.site.names_of(cell.caller.unwrap_or(&self.site.tim)));
        names
    }

    /// What is changed is made for this cell; what is only looked at, or refused, is made once.
    fn thing(&self, thing: Thing, cell: &Cell<'_>) -> Names {
        let holder = self.holder(cell.whose, cell.caller);
        if self.operation.method != "GET" && cell.expected < 400 {
            return (thing.make)(self.site, holder);
        }
        let key = (thing.name, holder.name);
        if let Some(names) = self.site.kept.lock().unwrap().get(&key) {
            return names.clone();
        }
        let names = (thing.make)(self.site, holder);
        self.site.kept.lock().unwrap().insert(key, names.clone());
        names
    }

    /// Whether somebody who may finds it: "not found" is to be said of what is there.
    fn is_there(&self, whose: Whose, caller: Option<&Person>, names: &Names) -> bool {
        let Some(thing) = self.row.thing else { return true };
        let at = fill(thing.at, names);
        let found = self.holder(whose, caller).user.get(&at).unwrap();
        let wanted = at.rsplit('/').next().unwrap_or_default();
        found.status == 200 && found.body.to_string().contains(wanted)
    }

    /// The thing, for what must not have changed. Other rows define fields meanwhile, which every thing then shows: they are
    /// left out, and so the thing's tag is no measure.
    fn state(&self, cell: &Cell<'_>, names: &Names) -> Option<(u16, String)> {
        let thing = self.row.thing.filter(|_| self.operation.method != "GET" && cell.expected >= 400)?;
        if matches!(cell.whose, Whose::Never | Whose::Nothing) {
            return None;
        }
        let found = self.holder(cell.whose, cell.caller).user.get(&fill(thing.at, names)).unwrap();
        let mut shown = found.body;
        leave_fields_out(&mut shown);
        Some((found.status, shown.to_string()))
    }

    fn body(&self, names: &Names) -> Option<Value> {
        match &self.row.sent {
            Sent::Json(body) => Some(serde_json::from_str(&fill(&body.to_string(), names)).unwrap()),
            Sent::Nothing | Sent::File => None,
        }
    }

    fn send(&self, cell: &Cell<'_>, names: &Names, body: &Option<Value>) -> Answer {
        self.send_with(cell, names, &[], body)
    }

    fn send_with(
        &self,
        cell: &Cell<'_>,
        names: &Names,
        headers: &[(&str, &str)],
        body: &Option<Value>,
    ) -> Answer {
        let method = if self.row.head { "HEAD" } else { &self.operation.method };
        let path = fill(self.row.path, names);
        let mut headers = headers.to_vec();
        let mut bytes = body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        if matches!(self.row.sent, Sent::File) {
            headers.push(("content-type", FORM.0));
            bytes = FORM.1.into();
        }
        let authorization =
            cell.caller.map(|person| self.authorization(person, cell.key)).unwrap_or_default();
        if cell.caller.is_some() {
            headers.push(("authorization", &authorization));
        }
        self.site.tim.user.line().send(method, &path, &headers, bytes).unwrap()
    }

    fn authorization(&self, person: &Person, key: Option<&Key>) -> String {
        match key {
            Some(key) => format!("Bearer {}", key.token),
            None => self.site.authorization(person, self.row.ends_session),
        }
    }

    /// A wrong body and a stale version are told only to who may (the order of refusal: 401, 404, 403, 412, 422).
    fn assert_not_judged_before(&mut self, cell: &Cell<'_>, names: &Names, refused: &Answer) {
        let public = !self.operation.needs_sign_in();
        if public
            || self.operation.method == "GET"
            || matches!(self.row.sent, Sent::File)
            || cell.expected > 404
        {
            return;
        }
        let mut body = self.body(names).unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        body["nonsense"] = 1.into();
        let answer = self.send_with(cell, names, &[("if-match", "\"99\"")], &Some(body));
        if essence(&answer) != essence(refused) {
            let what =
                format!("a wrong body was judged before the caller: {:?}", difference(&answer, refused));
            self.fault(cell, &what);
        }
    }
}

/// What an answer says, without what is another thing each time: a line for the status, each header and the body.
fn essence(answer: &Answer) -> Vec<String> {
    let request_id = answer.header("x-request-id");
    let body = String::from_utf8_lossy(&answer.bytes).replace(request_id, "");
    let headers = answer.headers.iter().filter(|(name, _)| !VARIES.contains(&name.as_str()));
    let mut lines: Vec<String> = headers
        .map(|(name, value)| {
            // Lists of names have no order.
            let mut words: Vec<&str> = value.to_str().unwrap_or_default().split(", ").collect();
            words.sort_unstable();
            format!("{name}: {}", words.join(", "))
        })
        .collect();
    lines.sort();
    lines.extend([answer.status.to_string(), body]);
    lines
}

/// The lines that only the first one has.
fn difference(one: &Answer, other: &Answer) -> Vec<String> {
    let other = essence(other);
    essence(one).into_iter().filter(|line| !other.contains(line)).collect()
}

/// Takes custom fields out of a thing and of what is whole within it, and out of a definition the place that others'
/// coming and going gives it.
pub(crate) fn leave_fields_out(shown: &mut Value) {
    match shown {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.starts_with("custom_field") && name != "position");
            fields.values_mut().for_each(leave_fields_out);
        }
        Value::Array(values) => values.iter_mut().for_each(leave_fields_out),
        _ => {}
    }
}
