//! Believable customer mail for the demo: threads in six languages, with quotes, HTML and attachments.

mod files;
mod people;
mod topics;

use chrono::{DateTime, Duration, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::letter::{Letter, address_of};
use topics::{Language, TOPICS, Topic};

/// A thread between a customer and a mailbox of the team.
#[derive(Debug, Clone)]
pub struct Story {
    /// The team's address that it is about.
    pub mailbox: String,
    /// The customer, `Name <address>`.
    pub customer: String,
    /// All mails in their order, the customer's and the team's by turns.
    pub turns: Vec<Turn>,
}

/// One mail of a thread.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Written by the customer, or by the team.
    pub by_customer: bool,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The mail.
    pub letter: Letter,
}

/// A mailbox of the team and who answers from it.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Its address.
    pub address: String,
    /// Who writes from it.
    pub agents: Vec<String>,
}

/// Makes up stories; the same seed makes the same ones.
#[derive(Debug)]
pub struct Writer {
    random: StdRng,
    told: usize,
}

impl Writer {
    /// With a seed.
    pub fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), told: 0 }
    }

    /// A story that begins at this time.
    pub fn story(&mut self, desk: &Desk, begin: DateTime<Utc>) -> Story {
        // By turns, so that no matter is much more frequent than another.
        let topic = TOPICS.get(self.told % TOPICS.len()).or(TOPICS.first());
        self.told += 1;
        let Some(topic) = topic else {
            return Story { mailbox: desk.address.clone(), customer: String::new(), turns: Vec::new() };
        };
        self.tell(topic, desk, begin)
    }

    /// One of a list.
    pub fn pick<'a, T: ?Sized>(&mut self, list: &'a [&'a T]) -> &'a T
    where
        &'a T: Default,
    {
        list.get(self.random.random_range(0..list.len().max(1))).copied().unwrap_or_default()
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound.max(1))
    }

    fn tell(&mut self, topic: &Topic, desk: &Desk, begin: DateTime<Utc>) -> Story {
        let (first_names, last_names) = people::names(topic.language);
        let (first, last) = (self.pick(first_names), self.pick(last_names));
        let name = match topic.language {
            Language::Japanese => format!("{last} {first}"),
            _ => format!("{first} {last}"),
        };
        let domain = self.pick(people::DOMAINS);
        let address = format!("{}.{}@{domain}", people::plain(first), people::plain(last));
        let customer = format!("{name} <{address}>");
        let agent_at = self.below(desk.agents.len());
        let agent = desk.agents.get(agent_at).cloned().unwrap_or_default();
        let us = format!("{agent} <{}>", desk.address);

        let machine = self.pick(people::MACHINES);
        let city = self.pick(people::cities(topic.language));
        let order = format!("K{}", self.random.random_range(20_000..99_999));
        let day = (begin + Duration::days(self.random.random_range(-6..9))).format("%d.%m.").to_string();
        let fill = |text: &str| {
            text.replace("{machine}", machine)
                .replace("{order}", &order)
                .replace("{day}", &day)
                .replace("{city}", city)
                .replace("{name}", first)
                .replace("{agent}", &agent)
        };

        let html = self.chance(55);
        let mut at = begin;
        let mut turns: Vec<Turn> = Vec::new();
        for (number, text) in topic.turns.iter().enumerate() {
            let by_customer = number % 2 == 0;
            let (from, to, signer) =
                if by_customer { (&customer, &us, &name) } else { (&us, &customer, &agent) };
            let greeted = self.greeted(topic.language, by_customer, &fill(text), &name, signer);
            // The first mail goes to the mailbox, whoever will answer from it.
            let to = if number == 0 { &desk.address } else { to };
            let mut letter = Letter::new(from, to, &fill(topic.subject), &greeted);
            letter.date = Some(at);
            if let Some(last) = turns.last() {
                letter.subject = reply_subject(topic.language, &letter.subject);
                letter.in_reply_to = Some(last.letter.message_id.clone());
                letter.references = last.letter.references.clone();
                letter.references.push(last.letter.message_id.clone());
                quote(&mut letter, &greeted, last, topic.language, html);
            } else {
                if html {
                    letter.html = Some(paragraphs(&greeted));
                }
                let hue = u8::try_from(self.below(200)).unwrap_or(0);
                letter.attachments.extend(topic.file.map(|file| files::attached(file, &order, hue)));
            }
            turns.push(Turn { by_customer, at, letter });
            at += Duration::minutes(self.random.random_range(12..1500));
        }
        Story { mailbox: desk.address.clone(), customer, turns }
    }

    fn greeted(
        &mut self,
        language: Language,
        by_customer: bool,
        text: &str,
        customer: &str,
        signer: &str,
    ) -> String {
        let (greetings, closings): (&[&str], &[&str]) = match (language, by_customer) {
            (Language::English, true) => (
                &["Hi,", "Hello,", "Dear Kestrel team,", "Good morning,", "Hi there,"],
                &["Best regards,", "Thanks,", "Kind regards,", "Cheers,", "Many thanks"],
            ),
            (Language::English, false) => {
                (&["Hi {customer},", "Hello {customer},"], &["Kind regards,", "Best,"])
            }
            (Language::German, true) => (
                &["Guten Tag,", "Hallo zusammen,", "Sehr geehrte Damen und Herren,"],
                &["Viele Grüße", "Mit freundlichen Grüßen"],
            ),
            (Language::German, false) => (&["Guten Tag {customer},", "Hallo {customer},"], &["Viele Grüße"]),
            (Language::French, _) => (&["Bonjour,"], &["Cordialement,", "Bien à vous,"]),
            (Language::Spanish, _) => (&["Buenos días:", "Hola:"], &["Un saludo,", "Saludos cordiales,"]),
            (Language::Dutch, _) => (&["Hallo,", "Beste,"], &["Met vriendelijke groet,", "Groetjes,"]),
            (Language::Japanese, true) => (&["ケストレル サポート御中"], &["よろしくお願いいたします。"]),
            (Language::Japanese, false) => (&["{customer} 様"], &["よろしくお願いいたします。"]),
        };
        let (greeting, closing) = (self.pick(greetings).replace("{customer}", customer), self.pick(closings));
        format!("{greeting}\n\n{text}\n\n{closing}\n{signer}")
    }
}

fn reply_subject(language: Language, subject: &str) -> String {
    let prefix = if language == Language::German { "AW" } else { "Re" };
    format!("{prefix}: {subject}")
}

/// What mail programs put above a quoted mail.
fn attribution(language: Language, of: &Turn) -> String {
    let (name, at) = (&of.letter.from, of.at);
    match language {
        Language::English | Language::Japanese => {
            format!("On {} {name} wrote:", at.format("%a, %b %-d, %Y at %H:%M,"))
        }
        Language::German => format!("Am {} schrieb {name}:", at.format("%d.%m.%Y um %H:%M")),
        Language::French => format!("Le {} {name} a écrit :", at.format("%d/%m/%Y à %H:%M,")),
        Language::Spanish => format!("El {} {name} escribió:", at.format("%d/%m/%Y a las %H:%M,")),
        Language::Dutch => format!("Op {} schreef {name}:", at.format("%d-%m-%Y om %H:%M")),
    }
}

/// Puts the mail that is answered below the new text, as text and, where wanted, as HTML.
fn quote(letter: &mut Letter, new: &str, last: &Turn, language: Language, html: bool) {
    let attribution = attribution(language, last);
    let quoted: Vec<String> = last.letter.text.lines().map(|line| format!("> {line}")).collect();
    letter.text = format!("{new}\n\n{attribution}\n{}", quoted.join("\n"));
    if html {
        let inner = last.letter.html.clone().unwrap_or_else(|| paragraphs(&last.letter.text));
        let address = address_of(&last.letter.from);
        let attribution =
            escape(&attribution).replace(address, &format!("<a href=\"mailto:{address}\">{address}</a>"));
        letter.html = Some(format!(
            "{}<br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">{attribution}<br></div>\
             <blockquote class=\"gmail_quote\" style=\"margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex\">\
             {inner}</blockquote></div>",
            paragraphs(new)
        ));
    }
}

fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|part| format!("<p>{}</p>", escape(part).replace('\n', "<br>")));
    format!("<div dir=\"ltr\">{}</div>", paragraphs.collect::<String>())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{Desk, TOPICS, Writer};
    use crate::letter::Received;

    #[test]
    fn every_story_is_a_thread_of_well_formed_mails() {
        let desk = Desk { address: "support@kestrel.example".into(), agents: vec!["Tomás Rivera".into()] };
        let mut writer = Writer::new(7);
        for _ in 0..TOPICS.len() * 2 {
            let story = writer.story(&desk, chrono::Utc::now());
            assert!(!story.turns.is_empty());
            let mut last: Option<String> = None;
            for turn in &story.turns {
                let received = Received::new(turn.letter.raw().unwrap());
                assert_eq!(received.header("Subject"), turn.letter.subject);
                assert_eq!(received.message_ids("In-Reply-To").into_iter().next(), last);
                let text = received.part("text/plain").unwrap();
                assert!(!text.contains('{'), "something wasn't filled in: {text}");
                assert_eq!(received.part("text/html").is_some(), turn.letter.html.is_some());
                last = Some(turn.letter.message_id.clone());
            }
        }
    }
}
