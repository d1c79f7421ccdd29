//! One story through every operation and every problem, told to a real server: `frontend-contract/examples` keeps what was
//! asked and answered. `POSTROOM_BLESS=1` writes it anew.

#![expect(clippy::needless_pass_by_value, reason = "bodies are written where they are sent")]

mod customers;
mod everyday;
mod people;
mod problems;
mod settings;
mod writing;

use crate::{
    follow::quick,
    world::{Reader, World, address, mail},
};
use chrono::Utc;
use postroom_api::{limits::LimitSettings, problem::Code};
use postroom_domain::{
    address::NamedAddress,
    reply::{Segment, SegmentKind},
};
use postroom_store::IncomingMail;
use postroom_testkit::{
    checkout,
    client::{Answer, Caller, SignedIn},
    contract::Contract,
    recording::{Recorder, Sent, faults, hold},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A form with somebody's picture: one pixel, which fills a circle as well as a face does.
const PICTURE: (&str, &[u8]) = (
    "multipart/form-data; boundary=xx",
    b"--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"picture.gif\"\r\n\
      Content-Type: image/gif\r\n\r\n\
      GIF89a\x01\0\x01\0\x80\0\0\x2a\x9d\x8f\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b\r\n--xx--\r\n",
);

/// Who tells it, and to whom.
struct Story {
    recorder: Recorder,
    world: World,
    olga: SignedIn,
    tom: SignedIn,
    /// Where customers write to.
    support: Option<Reader>,
    /// How many mails customers have sent.
    letters: i64,
}

impl Story {
    /// Acme doesn't have Conversations yet.
    fn begin() -> Self {
        let recorder = Recorder::begin();
        let world = World::with_times(LimitSettings::OFF, quick());
        let (olga, tom) = (world.olga(), world.tom());
        Self { recorder, world, olga, tom, support: None, letters: 0 }
    }

    /// Asks and keeps it as the operation's example; gives the answer's body.
    fn show(
        &mut self,
        operation: &str,
        who: &impl Caller,
        asked: (&str, &str),
        body: Option<Value>,
    ) -> Value {
        let name = format!("operations/{operation}");
        let answer = self.tell(Some(&name), who, asked, &[], body.as_ref());
        assert!((200..300).contains(&answer.status), "{operation}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Asks for what is refused so, and keeps it as the problem's example.
    fn refused(&mut self, code: &str, who: &impl Caller, asked: (&str, &str), body: Option<Value>) {
        self.refused_with(code, who, asked, &[], body);
    }

    /// The same with further headers.
    fn refused_with(
        &mut self,
        code: &str,
        who: &impl Caller,
        asked: (&str, &str),
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) {
        let name = format!("problems/{code}");
        let answer = self.tell(Some(&name), who, asked, headers, body.as_ref());
        assert_eq!(answer.body["code"], code, "{} {}", answer.status, answer.body);
    }

    /// Asks for what the story needs besides.
    fn does(&mut self, who: &impl Caller, asked: (&str, &str), body: Option<Value>) -> Value {
        let answer = self.tell(None, who, asked, &[], body.as_ref());
        assert!((200..300).contains(&answer.status), "{asked:?}: {} {}", answer.status, answer.body);
        answer.body
    }

    fn tell(
        &mut self,
        name: Option<&str>,
        who: &impl Caller,
        asked: (&str, &str),
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let sent = body.map_or(Sent::Nothing, Sent::Json);
        self.sends(name, who, asked, headers, sent)
    }

    fn sends(
        &mut self,
        name: Option<&str>,
        who: &impl Caller,
        asked: (&str, &str),
        headers: &[(&str, &str)],
        sent: Sent<'_>,
    ) -> Answer {
        let authorization = who.authorization();
        let mut all = headers.to_vec();
        all.extend(authorization.as_deref().map(|value| ("authorization", value)));
        self.recorder.ask(name, who.line(), asked, &all, sent).unwrap()
    }

    /// A customer's letter of now; nobody has sent it yet.
    fn letter(&mut self, (name, from): (&str, &str), subject: &str, text: &str) -> IncomingMail {
        self.letters += 1;
        self.recorder.step();
        let came = Utc::now();
        let mut letter = mail(from, self.letters);
        letter.headers.subject_key = subject.to_lowercase();
        letter.from = Some(NamedAddress { name: Some(name.to_owned()), address: address(from) });
        letter.subject = subject.to_owned();
        letter.sent_at = Some(came);
        letter.received_at = came;
        letter.segments = vec![Segment { kind: SegmentKind::New, text: text.to_owned(), html: None }];
        letter.text = text.to_owned();
        letter.preview = text.to_owned();
        letter
    }

    /// It comes in.
    fn comes(&mut self, letter: IncomingMail) {
        self.recorder.step();
        self.world.deliver(self.support(), letter);
    }

    fn support(&self) -> &Reader {
        self.support.as_ref().unwrap()
    }
}

/// The text at a pointer.
fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}

/// A conversation that has begun, and what belongs to it.
struct Begun {
    /// Its path.
    path: String,
    /// The customer's path.
    contact: String,
    /// The id of the message with which it began.
    first: String,
    /// The last message's id.
    message: String,
}

#[test]
fn each_operation_and_each_problem_has_an_example_that_is_current() {
    let mut story = Story::begin();
    story.workspace();
    story.themselves();
    story.settings();
    let begun = story.everyday();
    story.writing(&begun);
    story.customers(&begun);
    story.people();
    story.problems(&begun);
    let mut files = story.recorder.files();

    let document = serde_json::from_str(&postroom_api::openapi::openapi()).unwrap();
    let contract = Contract::new(document);
    // It would be the document itself.
    let whole = &mut files.get_mut("operations/get_openapi.json").unwrap()["answer"]["body"];
    *whole = json!({"openapi": whole["openapi"], "info": whole["info"], "paths": {}});
    let operations = contract.document().operations().iter().map(|operation| &operation.id);
    let expected = operations.map(|id| format!("operations/{id}.json"));
    let problems = Code::ALL.iter().map(|code| format!("problems/{}.json", code.as_str()));
    let expected: BTreeSet<String> = expected.chain(problems).collect();
    let recorded: BTreeSet<String> = files.keys().cloned().collect();
    let missing: Vec<_> = expected.difference(&recorded).collect();
    assert!(missing.is_empty(), "the story doesn't come to {missing:?}");
    for (name, example) in &files {
        let faults = faults(&contract, example).unwrap();
        assert!(faults.is_empty(), "{name}: {faults:?}\n{example:#}");
    }
    if let Err(error) = hold(&checkout().join("frontend-contract/examples"), &files) {
        panic!("{error}");
    }
}
