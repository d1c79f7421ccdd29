//! A history is played: mail is delivered, users ask, and each answer is held against what the model says of it.

use super::{
    action::{Answers, CALLS, IfMatch, Letter, Pick, Sender, Step},
    compare::same,
    rules::Fate,
    site::{CUSTOMERS, Office, Site},
    state::{Author, Message, Model, Position, Thread},
};
use crate::world::{address, answering, mail};
use chrono::DateTime;
use postroom_domain::{address::NamedAddress, message::RfcMessageId};
use postroom_store::{IncomingMail, IncomingSource, Ingested};
use postroom_testkit::client::{Answer, Caller, SignedIn};
use serde_json::Value;
use std::panic::{self, AssertUnwindSafe};

/// What goes on, or why it is not as the model says.
pub(super) type Told<T> = Result<T, String>;

/// The status of a granted request, or that of a refusal and, where it matters, its code.
pub(super) type Verdict = Result<u16, (u16, &'static str)>;

pub(super) const NOT_FOUND: (u16, &str) = (404, "not_found");
/// What is wrong with the request is told field by field.
pub(super) const WRONG: (u16, &str) = (422, "validation_failed");
/// Never anybody's.
const NOTHING: &str = "01890000-0000-7000-8000-000000000000";
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// Who asks: in which workspace, and which of its users.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) office: usize,
    pub(super) user: usize,
}

/// A thing that is asked for: its id, and its place in the model where it is one of the caller's workspace.
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) here: Option<usize>,
}

pub(super) struct History<'a> {
    pub(super) site: &'a Site,
    pub(super) offices: [Office; 2],
    /// What has happened so far, for people.
    trail: Vec<String>,
}

/// Plays a history.
///
/// # Errors
/// What was otherwise than the model says, or panicked, behind everything that had happened.
pub(super) fn play(site: &Site, steps: &[Step]) -> Told<()> {
    let mut history = History { site, offices: site.offices(), trail: vec![] };
    let played = panic::catch_unwind(AssertUnwindSafe(|| history.run(steps)));
    let played = played.unwrap_or_else(|why| {
        let text = why.downcast_ref::<String>().map(String::as_str);
        Err(text.or_else(|| why.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned())
    });
    played.map_err(|why| format!("{}\n{why}", history.trail.join("\n")))
}

impl History<'_> {
    fn run(&mut self, steps: &[Step]) -> Told<()> {
        for (number, step) in steps.iter().enumerate() {
            self.step(number, step)?;
        }
        self.compare_everything()
    }

    fn step(&mut self, number: usize, step: &Step) -> Told<()> {
        if let Some(letter) = &step.letter {
            self.deliver(letter)?;
        }
        let users = self.offices.iter().map(|office| office.model.users.len());
        let mut place = step.who % users.clone().sum::<usize>();
        let first = users.clone().next().unwrap();
        let office = usize::from(place >= first);
        place -= office * first;
        let who = Who { office, user: place };
        let user = &self.model(who).users[who.user];
        let (name, role) = (&user.name, if user.active { user.role.as_str() } else { "gone" });
        self.trail.push(format!("{number:2} {name} ({role}, {office}): {:?}", step.call));
        self.call(who, &step.call)?;
        if number == CALLS / 2 && self.model(who).users[who.user].active {
            self.compare(who.office, who.user)?;
        }
        Ok(())
    }

    pub(super) fn model(&self, who: Who) -> &Model {
        &self.offices[who.office].model
    }

    pub(super) fn model_mut(&mut self, who: Who) -> &mut Model {
        &mut self.offices[who.office].model
    }

    pub(super) fn user(&self, who: Who) -> &SignedIn {
        &self.offices[who.office].people[who.user].user
    }

    /// The thing that is meant, of those that there are in the caller's workspace or the other one; what never was where
    /// there are none.
    pub(super) fn thing(&self, who: Who, pick: Pick, ids: impl Fn(&Model) -> Vec<(usize, String)>) -> Thing {
        let office = if pick.elsewhere { 1 - who.office } else { who.office };
        let ids = ids(&self.offices[office].model);
        match ids.get(pick.at % ids.len().max(1)) {
            Some((here, id)) => Thing { id: id.clone(), here: (!pick.elsewhere).then_some(*here) },
            None => Thing { id: NOTHING.into(), here: None },
        }
    }

    pub(super) fn conversation(&self, who: Who, pick: Pick) -> Thing {
        self.thing(who, pick, |model| {
            let those = model.conversations.iter();
            those.map(|thread| (*thread, model.conversation(*thread).id.clone())).collect()
        })
    }

    pub(super) fn contact(&self, who: Who, pick: Pick) -> Thing {
        self.thing(who, pick, |model| numbered(model.contacts.iter().map(|one| &one.id)))
    }

    pub(super) fn colleague(&self, who: Who, pick: Pick) -> Thing {
        self.thing(who, pick, |model| numbered(model.users.iter().map(|one| &one.id)))
    }

    /// Asks, and holds the answer against the verdict: whose sessions have ended is nobody (ACC-5).
    pub(super) fn ask(
        &self,
        who: Who,
        verdict: Verdict,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Told<Answer> {
        let verdict =
            if self.model(who).users[who.user].active { verdict } else { Err((401, "unauthorized")) };
        let answer = self.user(who).send(method, path, headers, body).map_err(|error| error.to_string())?;
        let (status, code) = match verdict {
            Ok(status) => (status, None),
            Err((status, code)) => (status, Some(code)),
        };
        let told = answer.body["code"].as_str();
        if answer.status == status && (status == 401 || code.is_none() || told == code) {
            return Ok(answer);
        }
        let sent = body.map(Value::to_string).unwrap_or_default();
        let told = String::from_utf8_lossy(&answer.bytes).into_owned();
        Err(format!(
            "{method} {path} {headers:?} {sent}\n  expected {verdict:?}\n  got      {}: {told}",
            answer.status
        ))
    }

    /// The header of a request that names a version, and whether it is stale.
    pub(super) fn if_match(version: IfMatch, present: i64) -> Option<String> {
        match version {
            IfMatch::Absent => None,
            IfMatch::Present => Some(format!("\"{present}\"")),
            IfMatch::Stale => Some(format!("\"{}\"", present - 1)),
        }
    }

    /// A mail comes into one of the mailboxes that are read.
    fn deliver(&mut self, letter: &Letter) -> Told<()> {
        let place = letter.mailbox % self.offices.iter().map(|office| office.readers.len()).sum::<usize>();
        let first = self.offices[0].readers.len();
        let (at, mailbox) = if place < first { (0, place) } else { (1, place - first) };
        let office = &mut self.offices[at];
        if office.readers[mailbox].is_none() {
            return Ok(());
        }
        office.mails += 1;
        let number = office.mails;
        let (thread, mut message) = plan(office, letter, mailbox, number);
        let incoming = incoming(office, letter, mailbox, &message);
        self.trail.push(format!(
            "   mail {number} from {} into {}, thread {thread}: {letter:?}",
            incoming.from.as_ref().unwrap().address,
            self.offices[at].mailbox_addresses[mailbox],
        ));
        let office = &mut self.offices[at];
        let stored = self.site.world.deliver(office.readers[mailbox].as_ref().unwrap(), incoming);
        let Ingested::Stored { message_id, conversation_id } = stored else {
            return Err(format!("mail {number} became {stored:?}"));
        };
        message.position.1 = message_id.to_string();
        if thread == office.model.threads.len() {
            office.model.threads.push(Thread { messages: vec![], conversation: None });
        }
        let contacts = office.model.contacts.len();
        let fate = office.model.receive(thread, mailbox, message);
        let id = conversation_id.map(|id| id.to_string());
        if id.is_some() != (fate != Fate::Waits) {
            return Err(format!("mail {number}: CNV-1 says {fate:?}, and it is in conversation {id:?}"));
        }
        if let Some(id) = id {
            if fate == Fate::Begins {
                office.model.conversation_mut(thread).id.clone_from(&id);
            }
            let known = &office.model.conversation(thread).id;
            if *known != id {
                return Err(format!("mail {number} is in conversation {id}, and not in {known}"));
            }
            if contacts < office.model.contacts.len() {
                self.learn_contacts(at, thread)?;
            }
        }
        Ok(())
    }

    /// The ids of the contacts that a mail has made.
    fn learn_contacts(&mut self, office: usize, thread: usize) -> Told<()> {
        let model = &mut self.offices[office].model;
        let path = format!("/v1/conversations/{}", model.conversation(thread).id);
        let window = self.offices[office].people[0].user.get(&path).unwrap().body;
        let model = &mut self.offices[office].model;
        let people = window["participants"].as_array().into_iter().flatten();
        let people: Vec<&Value> = people.chain([&window["primary_contact"]]).collect();
        for contact in model.contacts.iter_mut().filter(|contact| contact.id.is_empty()) {
            let one = people.iter().find(|one| one["email"] == contact.emails[0].as_str());
            match one.and_then(|one| one["id"].as_str()) {
                Some(id) => contact.id = id.to_owned(),
                None => return Err(format!("{} should be a contact: {window}", contact.emails[0])),
            }
        }
        same(&path, &model.card(thread), &window)
    }
}

pub(super) fn numbered<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<(usize, String)> {
    ids.cloned().enumerate().collect()
}

/// The message that a letter becomes, but for its id, and its thread (MAIL-9).
fn plan(office: &mut Office, letter: &Letter, mailbox: usize, number: i64) -> (usize, Message) {
    let now = office.now();
    let model = &office.model;
    let known: Vec<(usize, &Message)> = (model.threads.iter().enumerate())
        .flat_map(|(thread, of)| of.messages.iter().map(move |message| (thread, message)))
        .filter(|(_, message)| message.number.is_some())
        .collect();
    let answered = match letter.answers {
        Answers::Known(at) if !known.is_empty() => Some(known[at % known.len()]),
        _ => None,
    };
    let thread = answered.map_or(model.threads.len(), |(thread, _)| thread);
    let asked = if letter.late { now - DAY } else { now };
    // CNV-10: never before what it answers.
    let at = answered.map_or(asked, |(_, message)| asked.max(message.position.0 + 1));
    let (from, author, to) = match letter.from {
        Sender::Customer(at) => (CUSTOMERS[at % CUSTOMERS.len()].0, Author::Contact(None), vec![]),
        Sender::User { who, to } => {
            let user = model.mailboxes[mailbox].user.unwrap_or(who % model.users.len());
            ("", Author::User(user), vec![CUSTOMERS[to % CUSTOMERS.len()].0.to_owned()])
        }
    };
    let inbound = !from.is_empty();
    let cc = letter.cc.map(|at| CUSTOMERS[at % CUSTOMERS.len()].0);
    let message = Message {
        position: (at, String::new()),
        number: Some(number),
        inbound,
        automatic: letter.automatic && inbound,
        imported: letter.imported,
        answers_unseen: matches!(letter.answers, Answers::Unknown),
        author,
        from,
        known: !inbound || answered.is_none() || model.parties(thread).contains(from),
        cc: cc
            .filter(|cc| *cc != from && !to.contains(&(*cc).to_owned()))
            .into_iter()
            .map(str::to_owned)
            .collect(),
        to,
        subject: format!("Order {number}"),
        preview: format!("Text number {number}"),
    };
    (thread, message)
}

/// The same as it is read.
fn incoming(office: &Office, letter: &Letter, mailbox: usize, message: &Message) -> IncomingMail {
    let number = message.number.unwrap();
    let person = |at: &str| {
        let name = CUSTOMERS.iter().find(|(of, _)| *of == at).and_then(|(_, name)| *name);
        NamedAddress { name: name.map(str::to_owned), address: address(at) }
    };
    let model = &office.model;
    let from = match message.author {
        Author::User(user) => model.users[user].email.as_str(),
        Author::Contact(_) => message.from,
    };
    let mut mail = mail(from, number);
    let known: Vec<&Message> = (model.threads.iter())
        .flat_map(|thread| &thread.messages)
        .filter(|message| message.number.is_some())
        .collect();
    match letter.answers {
        Answers::Known(at) if !known.is_empty() => {
            mail = answering(mail, known[at % known.len()].number.unwrap());
        }
        Answers::Unknown => {
            let id = RfcMessageId::parse(&format!("never-{number}@elsewhere.example")).unwrap();
            mail.headers.references = vec![id.clone()];
            mail.headers.in_reply_to = vec![id];
        }
        Answers::Known(_) | Answers::Nothing => {}
    }
    let asked = if letter.late { office.latest() - DAY } else { office.latest() };
    IncomingMail {
        source: match message.inbound {
            true => IncomingSource::Received { authenticated: false },
            false => IncomingSource::SentFolder,
        },
        from: Some(person(from)),
        to: match message.inbound {
            true => vec![person(&office.mailbox_addresses[mailbox])],
            false => message.to.iter().map(|to| person(to)).collect(),
        },
        cc: message.cc.iter().map(|cc| person(cc)).collect(),
        received_at: DateTime::from_timestamp_micros(asked).unwrap(),
        automatic: message.automatic,
        imported: message.imported,
        ..mail
    }
}

/// Where a message stands in its thread.
pub(super) fn position_of(model: &Model, thread: usize, message: &str) -> Option<Position> {
    let messages = model.threads[thread].messages.iter();
    messages.map(|one| &one.position).find(|position| position.1 == message).cloned()
}
