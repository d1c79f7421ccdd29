//! Sending through servers that misbehave: what becomes of the message and of each recipient, what is tried again, and that
//! nothing is lost or leaves twice (SND-2, SND-3). Each case has a mailbox and a server of its own, and all run at once.

use std::collections::BTreeMap;
use std::time::Duration;

use postroom_testkit::{
    client::{Caller, SignedIn},
    letter::Letter,
    mail::PASSWORD,
    smtp::{Fault, Security, SmtpServer, Step},
};
use serde_json::{Value, json};

use crate::world::{World, eventually, text};
use Fault::{
    Answers, EndlessAnswer, EndlessLine, HangsUp, Injects, NoAuth, NoStartTls, Recipient as To, Silent, Slow,
};
use Step::{Auth, Body, Connect, Data, End, Hello, Mail, Rcpt};

/// A fault of the first attempts, and what it comes to.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// By attempt; later ones go well.
    scripts: &'static [&'static [Fault]],
    tls: bool,
    /// What stands in the API after the first attempt: a part of the error.
    at_first: &'static str,
    /// Where it ends: the message's state, and Ann's and Bob's.
    ends: (&'static str, [&'static str; 2]),
    /// Attempts that began at the server, and those that the API counts.
    attempts: usize,
    /// Copies that the server took, for Ann and for Bob.
    copies: [usize; 2],
}

const TWICE: (&str, [&str; 2]) = ("sent", ["sent", "sent"]);
const REFUSED: (&str, [&str; 2]) = ("failed", ["failed", "failed"]);
const DOUBTFUL: (&str, [&str; 2]) = ("unknown", ["unknown", "unknown"]);

/// Put off at first, and sent at the second attempt: one copy for each.
const fn later(name: &'static str, scripts: &'static [&'static [Fault]], at_first: &'static str) -> Case {
    Case { name, scripts, tls: false, at_first, ends: TWICE, attempts: 2, copies: [1, 1] }
}

/// Refused for good: nobody has it.
const fn never(name: &'static str, scripts: &'static [&'static [Fault]], at_first: &'static str) -> Case {
    Case { name, scripts, tls: false, at_first, ends: REFUSED, attempts: 1, copies: [0, 0] }
}

/// Nobody knows, and it is never sent again by itself; `copies` is what the server knows.
const fn doubt(
    name: &'static str,
    scripts: &'static [&'static [Fault]],
    at_first: &'static str,
    copies: usize,
) -> Case {
    Case { name, scripts, tls: false, at_first, ends: DOUBTFUL, attempts: 1, copies: [copies, copies] }
}

const fn over_tls(case: Case) -> Case {
    Case { tls: true, ..case }
}

/// Nothing goes wrong in the end, and it took one attempt.
const fn patient(name: &'static str, scripts: &'static [&'static [Fault]]) -> Case {
    Case { name, scripts, tls: false, at_first: "", ends: TWICE, attempts: 1, copies: [1, 1] }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Not now.
    later("451 to MAIL", &[&[Answers(Mail, "451 4.3.0 busy")]], "4.3.0 busy"),
    later("450 to RCPT", &[&[Answers(Rcpt, "450-4.2.0 come\r\n450 4.2.0 back")]], "4.2.0 come back"),
    later("451 to DATA", &[&[Answers(Data, "451 4.7.0 greylisted")]], "4.7.0 greylisted"),
    later("452 after the body", &[&[Answers(End, "452 4.3.1 disk full")]], "4.3.1 disk full"),
    later("421 to MAIL", &[&[Answers(Mail, "421 4.3.2 leaving")]], "4.3.2 leaving"),
    later("421 to RCPT", &[&[Answers(Rcpt, "421 4.3.2 leaving")]], "4.3.2 leaving"),
    later("421 to DATA", &[&[Answers(Data, "421 4.3.2 leaving")]], "4.3.2 leaving"),
    later("421 after the body", &[&[Answers(End, "421 4.3.2 leaving")]], "4.3.2 leaving"),
    later("454 to AUTH", &[&[Answers(Auth, "454 4.7.0 not now")]], "not available"),
    later("535 to AUTH", &[&[Answers(Auth, "535 5.7.8 no")]], "refused login"),
    later("554 for a greeting", &[&[Answers(Connect, "554 no mail here")]], "not available"),
    later("421 for a greeting", &[&[Answers(Connect, "421 full")]], "not available"),
    later("no way to sign in", &[&[NoAuth]], "no way to sign in"),
    // For good.
    never("553 to MAIL", &[&[Answers(Mail, "553 5.7.1 not your address")]], "5.7.1 not your address"),
    never("550 to RCPT", &[&[Answers(Rcpt, "550 5.1.1 unknown")]], "5.1.1 unknown"),
    never("554 to DATA", &[&[Answers(Data, "554 5.7.1 no valid recipients")]], "5.7.1 no valid recipients"),
    never("550 after the body", &[&[Answers(End, "550 5.7.1 looks like spam")]], "5.7.1 looks like spam"),
    // Some of them.
    Case { name: "one refused", scripts: &[&[To("bob", "550 5.1.1 nobody")]], tls: false, at_first: "5.1.1 nobody",
           ends: ("partial", ["sent", "failed"]), attempts: 1, copies: [1, 0] },
    Case { name: "one put off", scripts: &[&[To("bob", "450 4.2.1 wait")]], tls: false, at_first: "4.2.1 wait",
           ends: TWICE, attempts: 2, copies: [1, 1] },
    Case { name: "one put off twice, then refused",
           scripts: &[&[To("bob", "450 4.2.1 wait")], &[To("bob", "450 4.2.1 wait")], &[To("bob", "550 5.1.1 no")]],
           tls: false, at_first: "4.2.1 wait", ends: ("partial", ["sent", "failed"]), attempts: 3, copies: [1, 0] },
    Case { name: "one refused, the rest put off after the body",
           scripts: &[&[To("bob", "550 5.1.1 nobody"), Answers(End, "451 4.3.0 busy")]],
           tls: false, at_first: "busy", ends: ("partial", ["sent", "failed"]), attempts: 2, copies: [1, 0] },
    Case { name: "one refused, the rest refused after the body",
           scripts: &[&[To("bob", "550 5.1.1 nobody"), Answers(End, "554 5.6.0 no")]],
           tls: false, at_first: "5.6.0 no", ends: REFUSED, attempts: 1, copies: [0, 0] },
    Case { name: "one put off, the answer for the rest lost",
           scripts: &[&[To("bob", "450 4.2.1 wait"), HangsUp(End)]],
           tls: false, at_first: "lost", ends: ("unknown", ["unknown", "sent"]), attempts: 2, copies: [1, 1] },
    // Hung up before the body: it is certain that nobody has it.
    later("hung up on connecting", &[&[HangsUp(Connect)]], "connection lost"),
    later("hung up on EHLO", &[&[HangsUp(Hello)]], "connection lost"),
    later("hung up on AUTH", &[&[HangsUp(Auth)]], "connection lost"),
    later("hung up on MAIL", &[&[HangsUp(Mail)]], "connection lost"),
    later("hung up on RCPT", &[&[HangsUp(Rcpt)]], "connection lost"),
    later("hung up on DATA", &[&[HangsUp(Data)]], "connection lost"),
    later("hung up twice", &[&[HangsUp(Data)], &[HangsUp(Mail)]], "connection lost").after(3),
    // Hung up with the body on its way or there: nobody knows.
    doubt("hung up in the body", &[&[HangsUp(Body)]], "connection lost", 0),
    doubt("hung up after the body", &[&[HangsUp(End)]], "connection lost", 1),
    doubt("an answer without an end after the body", &[&[EndlessAnswer(End)]], "not understood", 1),
    doubt("a line without an end after the body", &[&[EndlessLine(End)]], "not understood", 1),
    // Odd answers.
    later("a line without an end to MAIL", &[&[EndlessLine(Mail)]], "not understood"),
    later("an answer without an end to RCPT", &[&[EndlessAnswer(Rcpt)]], "not understood"),
    later("250 to DATA", &[&[Answers(Data, "250 fine")]], "not understood"),
    patient("slow to greet", &[&[Slow(Connect, Duration::from_secs(2))]]),
    patient("slow to take a recipient", &[&[Slow(Rcpt, Duration::from_secs(2))]]),
    patient("slow after the body", &[&[Slow(End, Duration::from_secs(3))]]),
    // STARTTLS: nothing in plain text, and nothing of what came in plain text.
    over_tls(patient("all is well over TLS", &[])),
    over_tls(later("no STARTTLS where it is demanded", &[&[NoStartTls]], "does not offer STARTTLS")),
    over_tls(later("STARTTLS refused", &[&[Answers(Step::StartTls, "454 4.7.0 not now")]], "not available")),
    over_tls(later("answers slipped in before TLS", &[&[Injects("250-here\r\n250 AUTH PLAIN\r\n235 in\r\n")]], "TLS could not")),
    over_tls(later("hung up on STARTTLS", &[&[HangsUp(Step::StartTls)]], "connection lost")),
];

impl Case {
    const fn after(self, attempts: usize) -> Self {
        Self { attempts, ..self }
    }
}

/// A case that runs.
struct Running {
    case: &'static Case,
    server: SmtpServer,
    /// The mailbox's address, and its id.
    address: String,
    mailbox: String,
    message: String,
    /// The first answer of the API in which an attempt had ended.
    at_first: Option<Value>,
}

/// Connects a mailbox that sends through this server.
fn connect(world: &World, by: &SignedIn, address: &str, server: &SmtpServer, security: &str) -> String {
    let account = |port, security| json!({"host": "127.0.0.1", "port": port, "security": security, "password": PASSWORD});
    let body = json!({
        "address": address, "kind": "shared", "conversation_starts_on": "first_inbound",
        "imap": account(world.mail.ports().imaps, "tls"), "smtp": account(server.port(), security),
    });
    text(&by.post("/v1/mailboxes", &body).unwrap().expect(201).unwrap(), "/id")
}

impl Running {
    /// Connects its mailbox, sends its mail, and watches until nothing more happens to it by itself.
    fn to_its_end(world: &World, olga: &SignedIn, number: usize, case: &'static Case) -> Self {
        let (security, server) = if case.tls {
            let (certificate, key) = world.mail.certificate();
            ("starttls", SmtpServer::start(Security::StartTls(certificate.to_owned(), key.to_owned())))
        } else {
            ("none", SmtpServer::start(Security::Plain))
        };
        let server = server.unwrap();
        case.scripts.iter().for_each(|script| server.next(script));
        let address = world.ours(&format!("case{number}"));
        let mailbox = connect(world, olga, &address, &server, security);
        let mut running = Self { case, server, address, mailbox, message: String::new(), at_first: None };
        running.write(world, olga);
        eventually(case.name, || Ok(running.look(olga)?.then_some(())));
        running
    }

    fn write(&mut self, world: &World, olga: &SignedIn) {
        let mail = json!({
            "mailbox_id": self.mailbox, "subject": self.case.name, "text": "Hello,\n\n.\n\nall of you.\n".repeat(5),
            "to": [{"address": world.theirs("ann")}], "cc": [{"address": world.theirs("bob")}],
        });
        let message = olga.post("/v1/messages", &mail).unwrap().expect(201).unwrap();
        self.message = text(&message, "/id");
    }

    fn path(&self) -> String {
        format!("/v1/messages/{}", self.message)
    }

    /// True when it has come to its end. What stood there after the first attempt is kept.
    fn look(&mut self, olga: &SignedIn) -> postroom_testkit::Result<bool> {
        let delivery = olga.get(&self.path())?.expect(200)?["delivery"].clone();
        if self.at_first.is_none() && delivery["attempts"] == 1 && !delivery["error"].is_null() {
            self.at_first = Some(delivery.clone());
        }
        Ok(!["queued", "sending"].contains(&text(&delivery, "/state").as_str()))
    }

    fn states(delivery: &Value) -> BTreeMap<String, (String, Value)> {
        let recipients = delivery["recipients"].as_array().unwrap();
        let state = |one: &Value| (text(one, "/address"), (text(one, "/state"), one["error"].clone()));
        recipients.iter().map(state).collect()
    }

    fn copies(&self, address: &str) -> usize {
        self.server.taken().iter().filter(|mail| mail.to.iter().any(|to| to == address)).count()
    }

    fn check(&self, world: &World, olga: &SignedIn) {
        let Case { name, at_first, ends: (state, each), attempts, copies, tls, .. } = self.case;
        let delivery = olga.get(&self.path()).unwrap().expect(200).unwrap()["delivery"].clone();
        assert_eq!(text(&delivery, "/state"), *state, "{name}: {delivery:#}");
        let states = Self::states(&delivery);
        for ((who, wanted), copies) in ["ann", "bob"].into_iter().zip(each).zip(copies) {
            let address = world.theirs(who);
            let (state, error) = &states[&address];
            assert_eq!(state, wanted, "{name}: {who}: {delivery:#}");
            assert_eq!(error.is_null(), *wanted == "sent", "{name}: {who}: {delivery:#}");
            assert_eq!(self.copies(&address), *copies, "{name}: {who}'s copies");
        }
        assert_eq!(self.server.attempts(), *attempts, "{name}: {:?}", self.server.commands());
        assert_eq!(delivery["attempts"], json!(attempts), "{name}: {delivery:#}");
        assert_eq!(delivery["next_attempt_at"], Value::Null, "{name}: {delivery:#}");
        match &self.at_first {
            Some(seen) => {
                let error = text(seen, "/error");
                assert!(error.contains(at_first), "{name}: {error}");
                let waits = *attempts > 1 && *state == "sent";
                if waits {
                    assert_eq!(text(seen, "/state"), "queued", "{name}: {seen:#}");
                    assert!(seen["next_attempt_at"].is_string(), "{name}: {seen:#}");
                }
            }
            None => assert_eq!(*at_first, "", "{name}: nothing was shown after the first attempt"),
        }
        if *tls {
            let plain = self.server.commands_in_plain_text();
            let harmless = |line: &String| line.starts_with("EHLO") || line == "STARTTLS" || line == "QUIT";
            assert!(plain.iter().all(harmless), "{name}: {plain:?}");
        }
        // Every copy is of the same bytes, whichever attempt it left with.
        let taken = self.server.taken();
        assert!(taken.windows(2).all(|pair| pair[0].raw == pair[1].raw), "{name}");
        assert!(taken.iter().all(|mail| mail.from == self.address), "{name}");
        assert!(taken.iter().all(|mail| !mail.to.is_empty()), "{name}");
    }
}

fn settings(installation: &mut postroom_testkit::server::Installation) {
    installation.set("POSTROOM_DELIVER_RETRY", "4s");
    installation.set("POSTROOM_DELIVER_SEARCH", "1s");
    installation.set("POSTROOM_INGEST_MAILBOXES", "100");
}

#[test]
fn whatever_a_server_does_nothing_is_lost_and_nothing_leaves_twice() {
    let world = World::with("badservers", settings);
    let olga = world.olga();
    // Each is followed by a thread of its own: what stands after the first attempt stands for seconds only.
    let running: Vec<Running> = std::thread::scope(|scope| {
        let follow = |(number, case)| {
            let (world, olga) = (&world, &olga);
            scope.spawn(move || Running::to_its_end(world, olga, number, case))
        };
        let threads: Vec<_> = CASES.iter().enumerate().map(follow).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // Nothing more happens: the Sent folder has its copy of what left, and the queue is empty.
    let queued = "SELECT count(*) FROM outbox_queue";
    eventually("the queue is empty", || {
        Ok((world.cluster.count(&world.database, queued, &[])? == 0).then_some(()))
    });
    running.iter().for_each(|one| one.check(&world, &olga));
    for one in &running {
        let sent = usize::from(one.case.ends.1.contains(&"sent"));
        let filed = world.mail.mailbox(&one.address).count("Sent").unwrap();
        assert_eq!(filed, sent, "{}: copies in the Sent folder", one.case.name);
    }
    // A page hears of every one.
    let events = all_events(&olga);
    for one in &running {
        let told =
            |event: &&Value| event["type"] == "message.updated" && event.to_string().contains(&one.message);
        assert!(events.iter().filter(told).count() >= 2, "{}: events", one.case.name);
    }
    // A person decides about what nobody knows: only on purpose, only to those who may have missed it.
    for one in running.iter().filter(|one| one.case.ends.0 == "unknown") {
        let (name, retry) = (one.case.name, format!("{}/retry", one.path()));
        let before = [world.theirs("ann"), world.theirs("bob")].map(|address| one.copies(&address));
        assert_eq!(olga.post(&retry, &json!({})).unwrap().problem(409).unwrap(), "may_duplicate", "{name}");
        olga.post(&retry, &json!({"accept_duplicate": true})).unwrap().expect(200).unwrap();
        eventually("it is sent again", || {
            let delivery = olga.get(&one.path())?.expect(200)?["delivery"].clone();
            Ok((text(&delivery, "/state") == "sent").then_some(()))
        });
        for ((who, state), before) in ["ann", "bob"].into_iter().zip(one.case.ends.1).zip(before) {
            let more = usize::from(state == "unknown");
            assert_eq!(one.copies(&world.theirs(who)), before + more, "{name}: {who}");
        }
    }
}

fn all_events(olga: &SignedIn) -> Vec<Value> {
    let mut events = Vec::new();
    let mut after = 0;
    loop {
        let page = olga.get(&format!("/v1/events?after={after}&limit=100")).unwrap().expect(200).unwrap();
        events.extend(page["data"].as_array().unwrap().clone());
        after = page["next_after"].as_i64().unwrap();
        if page["next_after"] == page["latest"] {
            return events;
        }
    }
}

/// The Sent folder is the witness of what the answer would have said, and the conversation shows the whole course.
#[test]
fn a_lost_answer_is_looked_for_in_the_sent_folder_and_shown_in_the_conversation() {
    let world = World::with("witness", |installation| {
        installation.set("POSTROOM_DELIVER_SEARCH", "20s");
    });
    let olga = world.olga();
    let support = world.ours("support");
    let server = SmtpServer::start(Security::Plain).unwrap();
    connect(&world, &olga, &support, &server, "none");
    world.send(&Letter::new(&world.theirs("ann"), &support, "A question", "What does it cost?"));
    let card =
        eventually("the conversation", || Ok(olga.all("/v1/conversations?view=all")?.into_iter().next()));
    let conversation = format!("/v1/conversations/{}", text(&card, "/id"));
    server.next(&[HangsUp(End)]);
    let reply = json!({"text": "Twelve.", "include_quote": false});
    let reply = olga.post(&format!("{conversation}/replies"), &reply).unwrap().expect(201).unwrap();
    let shown = |what: &str, wanted: &dyn Fn(&Value) -> bool| {
        eventually(what, || {
            let messages = olga.all(&format!("{conversation}/messages"))?;
            let delivery =
                messages.iter().find(|one| one["id"] == reply["id"]).map(|one| one["delivery"].clone());
            Ok(delivery.filter(|delivery| wanted(delivery)))
        })
    };
    let doubtful = shown("the doubt is shown", &|delivery| {
        delivery["error"].as_str().is_some_and(|error| error.contains("connection lost"))
    });
    assert_eq!(text(&doubtful, "/state"), "sending");
    let retry = format!("/v1/messages/{}/retry", text(&reply, "/id"));
    let hasty = olga.post(&retry, &json!({"accept_duplicate": true})).unwrap();
    assert_eq!(hasty.problem(409).unwrap(), "already_sending", "not while it is looked for");
    // The server files what it has taken, as many do.
    world.mail.mailbox(&support).append("Sent", &server.taken()[0].raw, None).unwrap();
    let sent = shown("it is found", &|delivery| delivery["state"] == "sent");
    assert_eq!((&sent["error"], &sent["attempts"]), (&Value::Null, &json!(1)));
    assert_eq!((server.taken().len(), server.attempts()), (1, 1));
    assert_eq!(world.mail.mailbox(&support).count("Sent").unwrap(), 1);
    let told = all_events(&olga)
        .into_iter()
        .filter(|event| event["type"] == "message.updated" && event["conversation_id"] == card["id"]);
    assert!(told.count() >= 3, "begun, in doubt, sent");
}

/// A server that has fallen silent is waited for, and asked no more than that; the next mail of the same mailbox is not held
/// up by it.
#[test]
fn a_silent_server_holds_up_nobody_else() {
    let world = World::with("silent", settings);
    let olga = world.olga();
    let server = SmtpServer::start(Security::Plain).unwrap();
    let mailbox = connect(&world, &olga, &world.ours("support"), &server, "none");
    server.next(&[Silent(Mail)]);
    let write = |subject: &str| {
        let mail = json!({"mailbox_id": mailbox, "subject": subject, "text": "Hello",
                          "to": [{"address": world.theirs("ann")}]});
        format!(
            "/v1/messages/{}",
            text(&olga.post("/v1/messages", &mail).unwrap().expect(201).unwrap(), "/id")
        )
    };
    let stuck = write("stuck");
    server.wait_for_attempts(1, crate::world::SOON).unwrap();
    let next = write("next");
    let state = |path: &str| text(&olga.get(path).unwrap().expect(200).unwrap(), "/delivery/state");
    eventually("the next one is sent", || Ok((state(&next) == "sent").then_some(())));
    assert_eq!(state(&stuck), "sending");
    assert_eq!(server.taken().len(), 1);
}
