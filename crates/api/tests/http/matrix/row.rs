//! A row: what is sent, and what becomes of it.

use super::things::Thing;
use postroom_testkit::contract::document::Document;
use serde_json::Value;

/// Expected statuses of owner, administrator, manager and team member, in this order.
pub(crate) type ByRole = [u16; 4];

/// Whose the thing is that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The operation is about no single thing.
    Nothing,
    /// The caller's own.
    Own,
    /// A team member's who is not the caller.
    Others,
    /// The workspace's, nobody's in particular.
    Common,
    /// Another workspace's.
    Elsewhere,
    /// There never was one with this id.
    Never,
}

/// What is sent along.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    /// Nothing.
    Nothing,
    /// JSON, with names in braces as in paths.
    Json(Value),
    /// A file, as a form.
    File,
}

/// One row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// `operationId`.
    pub(crate) operation: &'static str,
    /// Path and query; names in braces stand for ids, `{me}` and `{tim}` for people, `{n}` for a number that is used once.
    pub(crate) path: &'static str,
    /// What the path names.
    pub(crate) thing: Option<Thing>,
    /// The body: one that is right, so that nothing but the caller can be wrong.
    pub(crate) sent: Sent,
    /// By whose the thing is.
    pub(crate) expected: Vec<(Whose, ByRole)>,
    /// Who isn't signed in.
    pub(crate) anonymous: u16,
    /// The code of every expected 403.
    pub(crate) refusal: &'static str,
    /// The caller signs in for this request alone, which ends the session.
    pub(crate) ends_session: bool,
    /// It takes a key's whole scope also where it is one's own.
    pub(crate) manages: bool,
    /// No key does it.
    pub(crate) for_people_alone: bool,
    /// Only the head is asked for, since the body has no end.
    pub(crate) head: bool,
}

/// A row that expects nothing yet.
pub(crate) fn row(operation: &'static str, path: &'static str) -> Row {
    Row {
        operation,
        path,
        thing: None,
        sent: Sent::Nothing,
        expected: Vec::new(),
        anonymous: 401,
        refusal: "role_not_allowed",
        ends_session: false,
        manages: false,
        for_people_alone: false,
        head: false,
    }
}

impl Row {
    /// Asks for a thing. Those of another workspace and those that never were are 404 for everybody.
    pub(crate) fn of(mut self, thing: Thing) -> Self {
        self.thing = Some(thing);
        self.expected.extend([(Whose::Elsewhere, [404; 4]), (Whose::Never, [404; 4])]);
        self
    }

    /// Names a thing in the body. One that the caller may not use there is a wrong field (422), whatever the reason.
    pub(crate) fn from(mut self, thing: Thing) -> Self {
        self.thing = Some(thing);
        self.expected.extend([(Whose::Elsewhere, [422; 4]), (Whose::Never, [422; 4])]);
        self
    }

    /// Asks with a secret that only the right ones have got: the same for everybody who has it.
    pub(crate) fn by_link(mut self, thing: Thing, expected: u16) -> Self {
        self.thing = Some(thing);
        self.anonymous = expected;
        self.expected.extend([(Whose::Common, [expected; 4]), (Whose::Never, [404; 4])]);
        self
    }

    /// Sends a body.
    pub(crate) fn json(mut self, body: Value) -> Self {
        self.sent = Sent::Json(body);
        self
    }

    /// Sends a file.
    pub(crate) fn file(mut self) -> Self {
        self.sent = Sent::File;
        self
    }

    /// What happens with one's own.
    pub(crate) fn own(self, expected: ByRole) -> Self {
        self.expect(Whose::Own, expected)
    }

    /// What happens with another team member's.
    pub(crate) fn others(self, expected: ByRole) -> Self {
        self.expect(Whose::Others, expected)
    }

    /// What happens with the workspace's.
    pub(crate) fn common(self, expected: ByRole) -> Self {
        self.expect(Whose::Common, expected)
    }

    /// What happens where no single thing is asked for.
    pub(crate) fn all(self, expected: ByRole) -> Self {
        self.expect(Whose::Nothing, expected)
    }

    /// What happens without sign-in, where that isn't 401.
    pub(crate) fn anonymous(mut self, expected: u16) -> Self {
        self.anonymous = expected;
        self
    }

    /// The code of 403, where the role isn't the reason.
    pub(crate) fn refused_as(mut self, code: &'static str) -> Self {
        self.refusal = code;
        self
    }

    /// The caller's session ends with this.
    pub(crate) fn ends_session(mut self) -> Self {
        self.ends_session = true;
        self
    }

    /// No key does it, whatever its scope.
    pub(crate) fn for_people_alone(mut self) -> Self {
        self.for_people_alone = true;
        self
    }

    /// A key needs the scope `admin` for it, also for what is its user's own.
    pub(crate) fn manages(mut self) -> Self {
        self.manages = true;
        self
    }

    /// The answer has no end: only its head is asked for.
    pub(crate) fn head(mut self) -> Self {
        self.head = true;
        self
    }

    fn expect(mut self, whose: Whose, expected: ByRole) -> Self {
        self.expected.insert(0, (whose, expected));
        self
    }

    /// That the row is one of this document.
    pub(crate) fn assert_fits(&self, document: &Document) {
        let Self { operation: id, path, thing, .. } = self;
        let operation = document.operation(id).unwrap();
        assert_eq!(
            document.find(&operation.method, path).map(|found| &found.id),
            Some(&operation.id),
            "{path}"
        );
        assert!(!self.expected.is_empty(), "{id}: nothing is expected");
        let names_a_thing = operation.needs_sign_in() && operation.path.contains('{');
        assert!(thing.is_some() || !names_a_thing, "{id}: what does its path name?");
        if operation.needs_sign_in() {
            assert_eq!(self.anonymous, 401, "{id}");
        }
        let has_body = !matches!(self.sent, Sent::Nothing);
        assert!(
            has_body || operation.says.pointer("/requestBody/required") != Some(&true.into()),
            "{id}: no body"
        );
    }
}
