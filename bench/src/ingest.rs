//! From a folder on a mail server to conversations: beside the same folder only fetched, and pgbench sending the statements of
//! the same messages; then many mailboxes at once; then the same mails from a file.

use crate::{Plan, load::Measured, replay, replay::Script, report::Report, say};
use anyhow::Result;
use postroom_testkit::{
    client::{Anonymous, Caller as _},
    letter::{Attachment, Letter},
    mail::{Delivery, MailServers, PASSWORD},
    postgres::Cluster,
    process::{temporary_directory, wait_for},
    server::{Installation, Person, Server},
};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};

const WORKSPACE: &str = "mail";
/// The mailbox of the messages whose statements are noted.
const SAMPLES: &str = "sample@mail.example";
/// Those who write.
const CUSTOMERS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(1_800);

/// What is measured once.
pub(crate) struct Round {
    /// Messages a second that are only fetched.
    pub(crate) fetched: f64,
    /// Messages a second from one mailbox to conversations.
    pub(crate) one: f64,
    /// The same by pgbench.
    pub(crate) limit: Measured,
    /// Messages a second from several mailboxes at once.
    pub(crate) several: f64,
    /// Messages a second from a file.
    pub(crate) file: f64,
}

/// What the report says of the messages.
pub(crate) struct Mails {
    /// In one folder, and in all of the mailboxes that are read at once.
    pub(crate) messages: usize,
    pub(crate) mailboxes: usize,
    /// Mean bytes of a message.
    pub(crate) bytes: usize,
    /// Statements of a message that begins a conversation, and of one that answers in it.
    pub(crate) statements: [usize; 2],
}

struct Place<'a> {
    cluster: &'a Cluster,
    mail: &'static MailServers,
    database: String,
    installation: Installation,
    api: Server,
}

pub(crate) fn measure(cluster: &Cluster, plan: &Plan, report: &mut Report) -> Result<()> {
    let place = Place::new(cluster)?;
    let (messages, mailboxes) = (plan.messages, 20);
    let mut reader = place.installation.serve_only(Some("ingest"))?;
    let scripts = place.scripts(&mut reader)?;
    let (mut rounds, mut bytes) = (Vec::new(), 0);
    for round in 1..=plan.rounds.min(3) {
        say(&format!("mail: round {round}: seeding {messages} messages"));
        let address = format!("one{round}@mail.example");
        let raws = letters(&address, round, messages)?;
        bytes = raws.iter().map(Vec::len).sum::<usize>() / messages.max(1);
        place.seed(&address, &raws)?;
        let begun = Instant::now();
        anyhow::ensure!(place.mail.mailbox(&address).messages("INBOX")?.len() == messages, "all are there");
        let fetched = messages as f64 / begun.elapsed().as_secs_f64();
        say("mail: one mailbox");
        let one = place.read(&[address])?;
        say("mail: the same statements by pgbench");
        let limit =
            replay::run(cluster, &place.database, SAMPLES, &scripts, round as u64 * 10_000_000, plan.round)?;
        let several: Vec<String> =
            (0..mailboxes).map(|box_| format!("m{round}-{box_}@mail.example")).collect();
        for (number, address) in several.iter().enumerate() {
            place.seed(
                address,
                &letters(address, 1_000 + round * mailboxes + number, messages / mailboxes)?,
            )?;
        }
        say("mail: several mailboxes");
        let several = place.read(&several)?;
        say("mail: from a file");
        let file = place.import(round, messages)?;
        rounds.push(Round { fetched, one, limit, several, file });
    }
    let statements = scripts.each_ref().map(|script| script.statements);
    report.mail(&Mails { messages, mailboxes, bytes, statements }, &rounds);
    Ok(())
}

/// Mails as customers write them: half of them begin something, half answer what the same person wrote before; most are a
/// few lines, some are HTML as well, some have a file.
fn letters(to: &str, seed: usize, count: usize) -> Result<Vec<Vec<u8>>> {
    let mut raws = Vec::with_capacity(count);
    let mut first: Option<Letter> = None;
    for number in 0..count {
        let from = format!("Customer {0} <c{0}@customers.example>", (number / 2) % CUSTOMERS);
        let text = TEXT.repeat(1 + number % 4);
        let mut letter = Letter::new(&from, to, &format!("Order {seed}-{number}"), &text);
        if let Some(first) = first.take() {
            letter.subject = format!("Re: {}", first.subject);
            letter.in_reply_to = Some(first.message_id.clone());
            letter.references = vec![first.message_id];
        } else {
            first = Some(letter.clone());
        }
        if number % 10 < 3 {
            let paragraph = format!("<p style=\"margin:0\">{TEXT}</p>");
            letter.html = Some(format!("<html><body>{}</body></html>", paragraph.repeat(4)));
        }
        if number % 10 == 9 {
            // No two files are the same.
            let content = format!("{seed};{number};").repeat(4_000).into_bytes();
            let content_type = "text/csv".to_owned();
            letter.attachments.push(Attachment { filename: "orders.csv".to_owned(), content_type, content });
        }
        raws.push(letter.raw()?);
    }
    Ok(raws)
}

const TEXT: &str = "Hello, I have a question about the order that I placed on Monday. The parcel has not come yet, \
                    and the number that I was given shows nothing. Could you please look where it is?\r\n\r\n";

impl<'a> Place<'a> {
    fn new(cluster: &'a Cluster) -> Result<Self> {
        let mail = MailServers::shared()?;
        let database = cluster.migrated_database()?;
        let mut installation =
            Installation::new(&cluster.url(&database), &temporary_directory("bench-mail")?)?;
        for limit in ["RATE_LIMIT", "RATE_LIMIT_BURST", "SIGN_IN_LIMIT_ACCOUNT", "SIGN_IN_LIMIT_ADDRESS"] {
            installation.set(&format!("POSTROOM_{limit}"), "0");
        }
        installation.set("POSTROOM_LOG", "warn");
        installation.set("POSTROOM_MAIL_CA_FILE", &mail.ca_file().display().to_string());
        let owner = Person::new("Olga Owner", "olga@mail.example");
        installation.make_workspace(WORKSPACE, "Mail", &owner)?;
        let api = installation.serve_only(Some("api"))?;
        Ok(Self { cluster, mail, database, installation, api })
    }

    fn seed(&self, address: &str, raws: &[Vec<u8>]) -> Result<()> {
        let mails: Vec<_> = raws
            .iter()
            .map(|raw| Delivery::new("customer@customers.example", address, raw.as_slice()))
            .collect();
        Ok(self.mail.seed(&mails)?)
    }

    fn connect(&self, address: &str) -> Result<()> {
        // The token is good for a quarter of an hour.
        let owner = Person::new("Olga Owner", "olga@mail.example");
        let olga = Anonymous::at(self.api.base()).sign_in(WORKSPACE, &owner.email, &owner.password)?;
        let ports = self.mail.ports();
        let account =
            |port| json!({"host": "127.0.0.1", "port": port, "username": address, "password": PASSWORD});
        let body = json!({
            "address": address, "kind": "shared", "conversation_starts_on": "first_inbound",
            "imap": account(ports.imaps), "smtp": account(ports.smtps), "backfill_days": 1,
        });
        olga.post("/v1/mailboxes", &body)?.expect(201)?;
        Ok(())
    }

    fn count(&self, sql: &str) -> Result<u64> {
        Ok(u64::try_from(self.cluster.count(&self.database, sql, &[])?)?)
    }

    /// Connects the mailboxes and gives how many messages a second were committed, from the first to the last.
    fn read(&self, addresses: &[String]) -> Result<f64> {
        let begun = self.count("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")?;
        addresses.iter().try_for_each(|address| self.connect(address))?;
        let list = addresses.iter().map(|address| format!("'{address}'")).collect::<Vec<_>>().join(", ");
        let mailboxes = format!("SELECT id FROM mailboxes WHERE address IN ({list})");
        let synced = format!(
            "SELECT count(*) FROM mailboxes WHERE id IN ({mailboxes}) AND last_synced_at IS NOT NULL"
        );
        wait_for("all is read", PATIENCE, || {
            let synced = self.cluster.count(&self.database, &synced, &[])?;
            Ok(usize::try_from(synced).is_ok_and(|synced| synced == addresses.len()))
        })?;
        self.rate(&format!("mailbox_id IN ({mailboxes})"), begun)
    }

    /// Messages a second of those that came since then.
    fn rate(&self, which: &str, since: u64) -> Result<f64> {
        let of = |what: &str| {
            self.count(&format!(
                "SELECT ({what})::bigint FROM messages WHERE {which} AND created_at > to_timestamp({since} / 1000000.0)"
            ))
        };
        let took = of("extract(epoch FROM max(created_at) - min(created_at)) * 1000000")?;
        Ok((of("count(*)")?.saturating_sub(1)) as f64 / (took as f64 / 1_000_000.0))
    }

    /// The same kind of mails from a file, by the command that brings in archives.
    fn import(&self, round: usize, messages: usize) -> Result<f64> {
        let begun = self.count("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")?;
        let address = "archive@mail.example";
        if round == 1 {
            self.connect(address)?;
        }
        let directory = self.installation.dir().join(format!("archive{round}"));
        fs::create_dir_all(&directory)?;
        for (number, raw) in letters(address, 5_000 + round, messages)?.iter().enumerate() {
            fs::write(directory.join(format!("{number:06}.eml")), raw)?;
        }
        let directory = directory.display().to_string();
        self.installation.run(&[
            "mail",
            "import",
            "--workspace",
            WORKSPACE,
            "--mailbox",
            address,
            &directory,
        ])?;
        let mailbox = format!("mailbox_id = (SELECT id FROM mailboxes WHERE address = '{address}')");
        self.rate(&mailbox, begun)
    }

    /// What the database is asked for a message that begins a conversation, and for one that answers in it.
    fn scripts(&self, reader: &mut Server) -> Result<[Script; 2]> {
        let address = SAMPLES;
        self.connect(address)?;
        let log = |value: &str| {
            self.cluster.execute("postgres", &format!("ALTER DATABASE {} {value}", self.database))
        };
        log("SET log_statement = 'all'")?;
        reader.restart()?;
        // Their sender is known by then, and the connections have everything prepared.
        let write = |number: usize| {
            let (from, subject) = ("Sam Sample <sam@customers.example>", format!("Sample {number}"));
            Letter::new(from, address, &subject, TEXT)
        };
        let send = |letter: &Letter| Ok(self.mail.deliver_all(&[letter.delivery()?])?);
        for number in 0..30 {
            let letter = write(number);
            send(&letter)?;
            send(&answer(&letter, number))?;
        }
        wait_for("the samples are read", PATIENCE, || {
            Ok(self.cluster.count(&self.database, "SELECT count(*) FROM messages", &[])? == 60)
        })?;
        let first = write(30);
        let begins = replay::of(self.cluster, &first.message_id, || send(&first))?;
        let second = answer(&first, 30);
        let answers = replay::of(self.cluster, &second.message_id, || send(&second))?;
        log("RESET log_statement")?;
        reader.restart()?;
        Ok([begins, answers])
    }
}

fn answer(to: &Letter, number: usize) -> Letter {
    let text = format!("I have found it. Thank you for number {number}.\r\n");
    Letter {
        in_reply_to: Some(to.message_id.clone()),
        references: vec![to.message_id.clone()],
        ..Letter::new(&to.from, SAMPLES, &format!("Re: {}", to.subject), &text)
    }
}
