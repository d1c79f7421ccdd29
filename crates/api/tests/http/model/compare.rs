//! What everybody sees, held against the model.

use super::{
    play::{History, Told},
    state::Wanted,
};
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Map, Value, json};

/// What the answer says of what the model says.
pub(super) fn shared(expected: &Value, got: &Value) -> Value {
    match (expected, got) {
        (Value::Object(fields), Value::Object(_)) => fields
            .iter()
            .map(|(name, field)| (name.clone(), shared(field, &got[name])))
            .collect::<Map<_, _>>()
            .into(),
        (Value::Array(list), Value::Array(of)) if list.len() == of.len() => {
            list.iter().zip(of).map(|(one, other)| shared(one, other)).collect()
        }
        _ => got.clone(),
    }
}

pub(super) fn same(what: &str, expected: &Value, got: &Value) -> Told<()> {
    let got = shared(expected, got);
    if *expected == got { Ok(()) } else { Err(format!("{what}\n  expected {expected}\n  got      {got}")) }
}

/// Every element of a list, page by page.
pub(super) fn walk(user: &SignedIn, path: &str, limit: usize) -> Told<Vec<Value>> {
    let mut elements = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = user.get(&format!("{path}limit={limit}{cursor}")).unwrap();
        let page = page.expect(200).map_err(|error| error.to_string())?;
        elements.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(elements),
        }
    }
}

/// `?view=…&…&`.
pub(super) fn query(wanted: Wanted) -> String {
    let view = wanted.all.map(|all| if all { "view=all&" } else { "view=mine&" }).unwrap_or_default();
    let status = wanted.open.map_or("all", |open| if open { "open" } else { "closed" });
    let sort = if wanted.oldest_first { "oldest" } else { "newest" };
    format!("/v1/conversations?{view}status={status}&sort={sort}&")
}

const ALL: Wanted = Wanted { all: None, open: None, oldest_first: false };

impl History<'_> {
    /// STR-1, STR-2.
    pub(super) fn compare_stream(
        &self,
        office: usize,
        user: usize,
        wanted: Wanted,
        limit: usize,
    ) -> Told<()> {
        let cards = walk(&self.offices[office].people[user].user, &query(wanted), limit)?;
        self.compare_cards(office, user, wanted, cards)
    }

    fn compare_cards(&self, office: usize, user: usize, wanted: Wanted, cards: Vec<Value>) -> Told<()> {
        let model = &self.offices[office].model;
        let threads = model.stream(user, wanted).unwrap();
        let expected = threads.iter().map(|thread| model.card(*thread)).collect();
        same(&query(wanted), &expected, &Value::Array(cards))
    }

    pub(super) fn compare_counts(&self, office: usize, user: usize) -> Told<()> {
        let counts = self.offices[office].people[user].user.get("/v1/conversations/counts").unwrap().body;
        same("counts", &self.offices[office].model.counts(user), &counts)
    }

    /// ACC-2: the contacts that somebody sees.
    fn compare_contacts(&self, office: usize, user: usize) -> Told<()> {
        let model = &self.offices[office].model;
        let seen = (0..model.contacts.len()).filter(|contact| model.sees_contact(user, *contact));
        let mut expected: Vec<Value> = seen
            .map(|contact| json!({"id": model.contacts[contact].id, "name": model.contacts[contact].name()}))
            .collect();
        let mut got = walk(&self.offices[office].people[user].user, "/v1/contacts?", 100)?;
        for list in [&mut expected, &mut got] {
            list.sort_by_key(|contact| contact["id"].to_string());
        }
        same("contacts", &expected.into(), &got.into())
    }

    /// Everything of the workspace, as its owner sees it: the windows, the sidebars, the log.
    fn compare_all(&self, office: usize) -> Told<()> {
        for thread in self.offices[office].model.conversations.clone() {
            self.compare_window(office, 0, thread)?;
            self.compare_messages(office, 0, thread)?;
        }
        for contact in 0..self.offices[office].model.contacts.len() {
            self.compare_sidebar(office, 0, contact)?;
        }
        self.compare_events(office)
    }

    pub(super) fn compare_window(&self, office: usize, user: usize, thread: usize) -> Told<()> {
        let model = &self.offices[office].model;
        let path = format!("/v1/conversations/{}", model.conversation(thread).id);
        let answer = self.offices[office].people[user].user.get(&path).unwrap();
        same(&path, &model.window(user, thread), &answer.body)
    }

    /// WIN-2: oldest first, each on its side.
    pub(super) fn compare_messages(&self, office: usize, user: usize, thread: usize) -> Told<()> {
        let model = &self.offices[office].model;
        let path = format!("/v1/conversations/{}/messages?limit=100", model.conversation(thread).id);
        let side = |inbound| if inbound { "external" } else { "internal" };
        let messages = model.threads[thread].messages.iter();
        let expected: Vec<Value> =
            messages.map(|one| json!({"id": one.position.1, "side": side(one.inbound)})).collect();
        let answer = self.offices[office].people[user].user.get(&path).unwrap();
        same(&path, &expected.into(), &answer.body["data"])
    }

    pub(super) fn compare_sidebar(&self, office: usize, user: usize, contact: usize) -> Told<()> {
        let model = &self.offices[office].model;
        let one = &model.contacts[contact];
        let path = format!("/v1/contacts/{}", one.id);
        let got = self.offices[office].people[user].user.get(&path).unwrap().body;
        same(&path, &model.sidebar(contact), &got)?;
        let told = |list: &str, field: &str| {
            let list = got[list].as_array().into_iter().flatten();
            let mut told: Vec<String> = list.map(|one| one[field].as_str().unwrap().to_owned()).collect();
            told.sort();
            told
        };
        let mut emails = one.emails.clone();
        emails.sort();
        let mut deals: Vec<&str> = one.deals.iter().map(|deal| model.deals[*deal].id.as_str()).collect();
        deals.sort_unstable();
        same(&format!("{path}: primary"), &json!(one.emails[0]), &got["emails"][0]["address"])?;
        same(&format!("{path}: emails"), &json!(emails), &json!(told("emails", "address")))?;
        same(&format!("{path}: deals"), &json!(deals), &json!(told("deals", "id")))
    }

    /// Numbers 1, 2, 3, …, one for each change, and each tells what it was.
    fn compare_events(&self, office: usize) -> Told<()> {
        let (office, before) = (&self.offices[office], self.offices[office].events_before);
        let model = &office.model;
        let user = &office.people[0].user;
        let (mut told, mut after) = (Vec::new(), before);
        loop {
            let page = user.get(&format!("/v1/events?after={after}&limit=100")).unwrap();
            let page = page.expect(200).map_err(|error| error.to_string())?;
            told.extend(page["data"].as_array().unwrap().iter().cloned());
            after = page["next_after"].as_i64().unwrap();
            if page["next_after"] == page["latest"] {
                break;
            }
        }
        let count = i64::try_from(model.events.len()).unwrap();
        same("the latest event's number", &json!(before + count), &json!(after))?;
        let mut told = told.iter().peekable();
        for (number, event) in (before + 1..).zip(&model.events) {
            match told.next_if(|one| one["number"] == number) {
                Some(one) => same(&format!("event {number}"), &json!(event.kind), &one["type"])?,
                None if event.told => return Err(format!("event {number} ({}) is not told", event.kind)),
                None => {}
            }
        }
        told.next().map_or(Ok(()), |one| Err(format!("an event that nothing has caused: {one}")))
    }

    /// What this user sees is what the model says, in whichever way their page came by it.
    pub(super) fn compare(&mut self, office: usize, user: usize) -> Told<()> {
        let views: &[bool] =
            if self.offices[office].model.views_all(user) { &[false, true] } else { &[false] };
        for all in views {
            for open in [Some(true), Some(false), None] {
                let wanted = Wanted { all: Some(*all), open, oldest_first: open.is_none() };
                self.compare_stream(office, user, wanted, 100)?;
            }
        }
        self.compare_counts(office, user)?;
        self.compare_contacts(office, user)?;
        let cards = self.offices[office].people[user].compare(&self.site.world)?;
        self.compare_cards(office, user, ALL, cards)
    }

    /// The same for everybody who is still there.
    pub(super) fn compare_everything(&mut self) -> Told<()> {
        for office in 0..self.offices.len() {
            for user in 0..self.offices[office].model.users.len() {
                if self.offices[office].model.users[user].active {
                    let name = self.offices[office].model.users[user].name.clone();
                    self.compare(office, user).map_err(|why| format!("as {name} sees it: {why}"))?;
                }
            }
            self.compare_all(office)?;
        }
        Ok(())
    }
}
