//! The demo's mail: weeks of history in the accounts, then a busy morning after they are connected.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use postroom_testkit::{
    Result,
    client::{Caller, SignedIn},
    letter::{Letter, Received, address_of},
    mail::{Delivery, MailServers},
    process::wait_for,
    sample::{Desk, Story, Turn, Writer},
};
use serde_json::{Value, json};

use crate::{
    office::{MANAGER, Office, SALES_AND_SUPPORT},
    say,
};

/// Threads that began before the mailboxes were connected.
const HISTORY: usize = 260;
/// Customers who write for the first time today.
const NEW: usize = 45;
/// Whom users write to by themselves.
const BUYERS: [&str; 8] = [
    "Rosa Lindgren",
    "Felix Amara",
    "Judith Kerr",
    "Pavel Novak",
    "Anna Haugen",
    "Idris Bello",
    "Clara Weiss",
    "Hugo Martin",
];
/// Where their machines are.
const CITIES: [&str; 4] = ["Leeds", "Dublin", "Basel", "Utrecht"];
/// Replies that users write to conversations.
const REPLIES: usize = 14;
/// The oldest mail; what is older than the mailboxes' backfill of 30 days would not be read.
const DAYS: i64 = 26;
const PATIENCE: Duration = Duration::from_secs(300);

/// What is seeded, step by step.
pub(crate) struct Seed<'a> {
    mail: &'a MailServers,
    desks: &'a [Desk],
    writer: Writer,
    /// Customers' next mails in threads of the history.
    pending: Vec<Turn>,
    /// Messages of the history that belong to conversations once they are read.
    filed: i64,
}

impl<'a> Seed<'a> {
    /// The same every time but for the dates.
    pub(crate) fn new(mail: &'a MailServers, desks: &'a [Desk]) -> Self {
        Self { mail, desks, writer: Writer::new(20_26), pending: Vec::new(), filed: 0 }
    }

    fn story(&mut self, begin: chrono::DateTime<Utc>) -> Option<Story> {
        // Support has the most, the manager's own mailbox the least.
        let desk = match self.writer.below(10) {
            0..=5 => 0,
            6..=8 => 1,
            _ => 2,
        };
        let desk = self.desks.get(desk)?;
        Some(self.writer.story(desk, begin))
    }

    /// Files the threads of the last weeks in the accounts, as they lie in any account that is connected: what
    /// customers wrote in the inbox, what the team answered in Sent, each with its date.
    pub(crate) fn file_history(&mut self) -> Result<()> {
        say(format!("     filing {HISTORY} threads of the last {DAYS} days in the mail accounts"));
        let now = Utc::now();
        let mut filed: Vec<(String, &str, Turn)> = Vec::new();
        for _ in 0..HISTORY {
            let begin = now
                - TimeDelta::minutes(
                    60 + i64::try_from(self.writer.below(usize::try_from(DAYS * 1440).unwrap_or(1)))
                        .unwrap_or(0),
                );
            let Some(story) = self.story(begin) else { continue };
            let mut turns = story.turns.into_iter().filter(|turn| turn.at < now - TimeDelta::minutes(20));
            let open_ended = self.writer.chance(35);
            let mut mails = Vec::new();
            for turn in turns.by_ref() {
                // The customer's next word comes only today.
                if turn.by_customer && mails.len() >= 2 && open_ended {
                    self.pending.push(turn);
                    break;
                }
                mails.push(turn);
            }
            if mails.len() >= 2 || story.mailbox == crate::office::SUPPORT {
                self.filed += i64::try_from(mails.len()).unwrap_or(0);
            }
            filed.extend(
                mails.into_iter().map(|turn| {
                    (story.mailbox.clone(), if turn.by_customer { "INBOX" } else { "Sent" }, turn)
                }),
            );
        }
        filed.sort_by_key(|(.., turn)| turn.at);
        for desk in self.desks {
            for folder in ["INBOX", "Sent"] {
                let of_this =
                    filed.iter().filter(|(mailbox, place, _)| *mailbox == desk.address && *place == folder);
                let mails = of_this
                    .map(|(.., turn)| Ok((turn.letter.raw()?, Some(turn.at))))
                    .collect::<Result<Vec<_>>>()?;
                let mails = mails.iter().map(|(raw, at)| (raw.as_slice(), *at));
                self.mail.mailbox(&desk.address).append_all(folder, mails)?;
            }
        }
        Ok(())
    }

    /// Everything after the server has started.
    pub(crate) fn run(&mut self, office: &Office) -> Result<()> {
        office.connect(self.mail)?;
        self.wait_for_backfill(office)?;
        self.tidy(office)?;
        self.busy_morning(office)?;
        self.users_write(office)?;
        let conversations = office.conversations()?;
        let unread =
            conversations.iter().filter(|card| card.get("unread") == Some(&Value::Bool(true))).count();
        say(format!(
            "     {} conversations with {} messages, {unread} of them unread",
            conversations.len(),
            office.messages()?
        ));
        Ok(())
    }

    fn wait_for_backfill(&self, office: &Office) -> Result<()> {
        let mut said = Instant::now();
        wait_for("the accounts' history is read", PATIENCE, || {
            let mut sum = (0, 0);
            for mailbox in office.mailboxes()? {
                let of = |key: &str| {
                    mailbox.pointer(&format!("/backfill/{key}")).and_then(Value::as_u64).unwrap_or(0)
                };
                sum = (sum.0 + of("done"), sum.1 + of("total"));
            }
            if said.elapsed() > Duration::from_secs(3) {
                say(format!("     reading the accounts' history: {} of {} mails", sum.0, sum.1));
                said = Instant::now();
            }
            Ok(sum.1 > 0 && sum.0 == sum.1 && office.messages()? >= self.filed)
        })
    }

    /// Most of what is old is done with, and some of it was handed over.
    fn tidy(&mut self, office: &Office) -> Result<()> {
        let Some(mei) = office.person(MANAGER) else { return Ok(()) };
        let conversations = office.conversations()?;
        say(format!("     {} conversations; closing and handing over some", conversations.len()));
        let people: Vec<&str> = office.people().iter().map(SignedIn::id).collect();
        for (number, card) in conversations.iter().enumerate() {
            let Some(id) = card.get("id").and_then(Value::as_str) else { continue };
            let path = format!("/v1/conversations/{id}");
            if number > 25 && self.writer.chance(60) {
                mei.patch(&path, &json!({"status": "closed"}))?.expect(200)?;
            }
            if self.writer.chance(30) {
                let to = self.writer.pick(&people);
                mei.patch(&path, &json!({"owner_id": to}))?.expect(200)?;
            }
        }
        Ok(())
    }

    /// Customers answer and write anew, through the SMTP server.
    fn busy_morning(&mut self, office: &Office) -> Result<()> {
        let before = office.messages()?;
        let mut mails: Vec<Delivery> = Vec::new();
        let mut expected = 0;
        for turn in std::mem::take(&mut self.pending) {
            mails.push(Letter { date: None, ..turn.letter }.delivery()?);
            expected += 1;
        }
        for _ in 0..NEW {
            let Some(story) = self.story(Utc::now()) else { continue };
            expected += i64::from(story.mailbox == crate::office::SUPPORT);
            let first = story.turns.into_iter().next();
            mails.extend(first.map(|turn| Letter { date: None, ..turn.letter }.delivery()).transpose()?);
        }
        say(format!("     customers write: {} mails by SMTP", mails.len()));
        self.mail.deliver_all(&mails)?;
        office.wait_for_messages(before + expected, PATIENCE)
    }

    /// Users answer, and write to customers who then answer them.
    fn users_write(&mut self, office: &Office) -> Result<()> {
        say(format!("     users write {REPLIES} replies and {} new mails; customers answer", BUYERS.len()));
        let Some(mei) = office.person(MANAGER) else { return Ok(()) };
        let signature = json!({"signature_html": "<p>Mei Tanaka<br>Kestrel Coffee Machines</p>", "signature_enabled": true});
        mei.patch("/v1/me", &signature)?.expect(200)?;
        let open = mei.get("/v1/conversations?view=all&limit=60")?.expect(200)?;
        let open = open.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        for card in open.iter().step_by(4).take(REPLIES) {
            let Some(id) = card.get("id").and_then(Value::as_str) else { continue };
            mei.put(&format!("/v1/conversations/{id}/seen"), &json!({}))?.expect(204)?;
            let text = self.writer.pick(&[
                "Thank you for your mail. I have passed it on to our workshop and will be back with an answer tomorrow.",
                "Got it, thank you. Could you send me the serial number? It stands on the sticker below the tank.",
                "That is settled, you should see it in your account by the end of the week.",
            ]);
            mei.post(&format!("/v1/conversations/{id}/replies"), &json!({"text": text}))?.expect(201)?;
        }
        let before = office.messages()?;
        let customers = self.write_new_mails(office, mei)?;
        let mut answers = Vec::new();
        for customer in &customers {
            // Sent when the time to take it back is over.
            let mails = self.mail.mailbox(address_of(customer)).wait_for("INBOX", 1, PATIENCE)?;
            let Some(raw) = mails.into_iter().next() else { continue };
            let answer = Letter::answering(
                &Received::new(raw),
                customer,
                "That sounds good, please go ahead.\n\nBest regards",
            );
            answers.push(answer.delivery()?);
        }
        self.mail.deliver_all(&answers)?;
        // Each of the new mails becomes a conversation of two.
        office.wait_for_messages(before + 2 * i64::try_from(customers.len()).unwrap_or(0), PATIENCE)
    }

    fn write_new_mails(&mut self, office: &Office, mei: &SignedIn) -> Result<Vec<String>> {
        let mailboxes = office.mailboxes()?;
        let sales = mailboxes.iter().find(|mailbox| {
            mailbox
                .get("address")
                .and_then(Value::as_str)
                .is_some_and(|address| SALES_AND_SUPPORT.contains(&address))
        });
        let mailbox = sales.and_then(|mailbox| mailbox.get("id")).cloned().unwrap_or_default();
        let mut customers = Vec::new();
        for name in BUYERS {
            let address = format!("{}@lakeside-partners.example", name.to_lowercase().replace(' ', "."));
            let first = name.split(' ').next().unwrap_or_default();
            let body = json!({
                "mailbox_id": mailbox, "to": [{"name": name, "address": address}],
                "subject": format!("Yearly service of your machines in {}", self.writer.pick(&CITIES)),
                "text": format!("Hello {first},\n\nyour machines are due for their yearly service. Would the week after next \
                                 suit you?"),
            });
            mei.post("/v1/messages", &body)?.expect(201)?;
            customers.push(format!("{name} <{address}>"));
        }
        Ok(customers)
    }
}
