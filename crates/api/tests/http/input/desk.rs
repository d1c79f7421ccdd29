//! A request that is right, and what becomes of it when one thing is changed.

use crate::matrix::{
    check::leave_fields_out,
    row::{Row, Sent, Whose},
    site::{Names, Person, Site, fill},
    things::FORM,
};
use postroom_testkit::{
    client::{Answer, Caller},
    contract::document::Operation,
};
use serde_json::Value;

pub(crate) struct Desk<'a> {
    pub(crate) site: &'a Site,
    pub(crate) operation: &'a Operation,
    row: Row,
    /// What the right request is answered with.
    pub(crate) expected: u16,
}

/// The thing that is asked for, and how it stands.
pub(crate) struct Target {
    names: Names,
    shown: Value,
}

impl<'a> Desk<'a> {
    /// Nothing where the owner is refused for who they are.
    pub(crate) fn of(site: &'a Site, row: Row, operation: &'a Operation) -> Option<Self> {
        let mine = [Whose::Own, Whose::Common, Whose::Nothing];
        let expected =
            row.expected.iter().find(|(whose, _)| mine.contains(whose)).map(|(_, by_role)| by_role[0])?;
        (expected != 404).then_some(Self { site, operation, row, expected })
    }

    fn caller(&self) -> &Person {
        &self.site.seats[0]
    }

    /// Makes a thing to ask for.
    pub(crate) fn target(&self) -> Target {
        let mut names =
            self.row.thing.map(|thing| (thing.make)(self.site, self.caller())).unwrap_or_default();
        names.extend(self.site.names_of(self.caller()));
        let shown = self.shown(&names);
        Target { names, shown }
    }

    /// The thing as it is shown, but for the fields that others define meanwhile; null where there is none.
    fn shown(&self, names: &Names) -> Value {
        let Some(thing) = self.row.thing else { return Value::Null };
        let mut shown = self.caller().user.get(&fill(thing.at, names)).unwrap().body;
        leave_fields_out(&mut shown);
        shown
    }

    /// Whether it is as it was.
    pub(crate) fn unchanged(&self, target: &Target) -> bool {
        self.shown(&target.names) == target.shown
    }

    /// Whether the right request has a JSON body.
    pub(crate) fn has_json(&self) -> bool {
        matches!(self.row.sent, Sent::Json(_))
    }

    /// The right body.
    pub(crate) fn body(&self, target: &Target) -> Value {
        match &self.row.sent {
            Sent::Json(body) => serde_json::from_str(&fill(&body.to_string(), &target.names)).unwrap(),
            Sent::Nothing | Sent::File => Value::Object(serde_json::Map::new()),
        }
    }

    /// The body's bytes and their type.
    pub(crate) fn right(&self, target: &Target) -> (&'static str, Vec<u8>) {
        match &self.row.sent {
            Sent::Json(_) => ("application/json", self.body(target).to_string().into_bytes()),
            Sent::Nothing => ("", Vec::new()),
            Sent::File => (FORM.0, FORM.1.into()),
        }
    }

    pub(crate) fn path(&self, target: &Target) -> String {
        fill(self.row.path, &target.names)
    }

    /// Sends a body of this type as the owner, past what is right.
    pub(crate) fn send(&self, path: &str, headers: &[(&str, &str)], body: (&str, Vec<u8>)) -> Answer {
        let authorization = self.site.authorization(self.caller(), self.row.ends_session);
        let mut headers = headers.to_vec();
        // A link is for anybody.
        if self.operation.needs_sign_in() || self.operation.path.contains("attachments") {
            headers.push(("authorization", &authorization));
        }
        if !body.0.is_empty() {
            headers.push(("content-type", body.0));
        }
        self.caller().user.line().send(&self.operation.method, path, &headers, body.1).unwrap()
    }

    /// A fault's text.
    pub(crate) fn fault(&self, what: &str, answer: &Answer) -> String {
        let body: String = String::from_utf8_lossy(&answer.bytes).chars().take(300).collect();
        format!("{}: {what}: {} {body}", self.operation.id, answer.status)
    }
}

/// The pointers that a refusal names.
pub(crate) fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().into_iter().flatten();
    errors.filter_map(|error| error["pointer"].as_str()).collect()
}
