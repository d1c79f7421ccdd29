//! `make test-large`: a folder of 100,000 messages, and 200 mailboxes at once in one process. What it took is written to
//! `bench/large.md`.
#![cfg(target_os = "linux")]

use std::{
    fs,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use postroom_testkit::{
    checkout,
    client::{Anonymous, Caller, SignedIn},
    letter::Letter,
    mail::PASSWORD,
    process::wait_for,
    server::{Person, Server},
};
use serde_json::{Value, json};

use crate::world::{WORKSPACE, World, text};

const MAILBOXES: usize = 200;
/// Bytes of memory that reading may take at most, whatever there is to read.
const MEMORY: usize = 512 * 1024 * 1024;
/// Threads of a process beside one for each mailbox.
const OTHER_THREADS: usize = 64;
const HOURS: Duration = Duration::from_secs(3 * 60 * 60);

/// One at a time, or neither's measurements would mean anything.
static ALONE: Mutex<()> = Mutex::new(());

/// Messages in the large folder.
fn messages() -> usize {
    let given = std::env::var("POSTROOM_TEST_MESSAGES").ok();
    given.map_or(100_000, |number| number.parse().expect("POSTROOM_TEST_MESSAGES is a number"))
}

/// A number of `/proc/…/status`, in the unit there.
fn status(process: u32, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn megabytes(process: u32, name: &str) -> usize {
    status(process, name) / 1024
}

/// The most threads that a process has while `work` is done.
fn threads_during<T>(process: u32, work: impl FnOnce() -> T) -> (T, usize) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let most = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(status(process, "Threads"));
                thread::sleep(Duration::from_millis(100));
            }
            most
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (result, most.join().unwrap())
    })
}

/// A site whose mailboxes are read by a process that does nothing else.
struct Place {
    world: World,
    reader: Server,
    api: Server,
}

impl Place {
    fn new(name: &str) -> Self {
        let mut world = World::new(name);
        drop(world.take_server());
        let api = world.installation.serve_only(Some("api")).unwrap();
        let reader = world.installation.serve_only(Some("ingest")).unwrap();
        Self { world, reader, api }
    }

    /// The owner, signed in anew: an access token is good for a quarter of an hour, and reading takes longer.
    fn olga(&self) -> SignedIn {
        let olga = Person::new("", &self.world.ours("olga"));
        Anonymous::at(self.api.base()).sign_in(WORKSPACE, &olga.email, &olga.password).unwrap()
    }

    fn process(&self) -> u32 {
        self.reader.id().unwrap()
    }

    fn connect(&self, olga: &SignedIn, address: &str, backfill_days: u16) -> String {
        let ports = self.world.mail.ports();
        let account =
            |port| json!({"host": "127.0.0.1", "port": port, "username": address, "password": PASSWORD});
        let body = json!({
            "address": address, "kind": "shared", "conversation_starts_on": "first_inbound",
            "imap": account(ports.imaps), "smtp": account(ports.smtps), "backfill_days": backfill_days,
        });
        let mailbox = olga.post("/v1/mailboxes", &body).unwrap().expect(201).unwrap();
        format!("/v1/mailboxes/{}", text(&mailbox, "/id"))
    }

    fn letter(&self, address: &str, number: usize) -> Letter {
        let from = self.world.theirs(&format!("c{}", number % 500));
        let (subject, text) = (format!("Question {number}"), format!("Hello, where is order {number}?"));
        Letter::new(&from, address, &subject, &text)
    }

    /// Delivers a mail to an address.
    fn deliver(&self, address: &str, number: usize) {
        self.world.mail.seed(&[self.letter(address, number).delivery().unwrap()]).unwrap();
    }

    /// Puts mails where the server keeps those of an account that has had one; it finds them when it looks.
    fn pile_up(&self, address: &str, numbers: Range<usize>) {
        let new = self.world.mail.maildir(address).join("new");
        for number in numbers {
            let file = new.join(format!("{}.M{number:06}P1.large", 1_700_000_000));
            fs::write(file, self.letter(address, number).raw().unwrap()).unwrap();
        }
    }

    fn count(&self, sql: &str) -> usize {
        usize::try_from(self.world.cluster.count(&self.world.database, sql, &[]).unwrap()).unwrap()
    }

    /// Waits until so many different messages are there; none may be there twice or in the intake list.
    fn until(&self, messages: usize) -> Duration {
        let begun = Instant::now();
        wait_for("messages", HOURS, || Ok(self.count("SELECT count(*) FROM messages") >= messages)).unwrap();
        let took = begun.elapsed();
        let different = self.count("SELECT count(DISTINCT rfc_message_id) FROM messages");
        assert_eq!((different, self.count("SELECT count(*) FROM messages")), (messages, messages));
        assert_eq!(self.count("SELECT count(*) FROM intake"), 0);
        took
    }

    fn until_read(&self, path: &str) {
        let olga = self.olga();
        wait_for("the mailbox is read", HOURS, || {
            let mailbox = olga.get(path)?.expect(200)?;
            Ok(mailbox["last_synced_at"] != Value::Null)
        })
        .unwrap();
    }
}

/// Replaces a section of `bench/large.md`.
fn write_down(section: &str, lines: &[String]) {
    let file = checkout().join("bench/large.md");
    let before = fs::read_to_string(&file).unwrap_or_default();
    let mut parts: Vec<String> = before.split("\n## ").skip(1).map(|part| part.trim().to_owned()).collect();
    parts.retain(|part| !part.starts_with(section));
    let built = if std::env::var_os("POSTROOM_BIN").is_some() { "release" } else { "debug" };
    let processors = thread::available_parallelism().map_or(0, usize::from);
    parts.push(format!(
        "{section}\n\n{processors} processors, shared with PostgreSQL and Dovecot; the program was built for {built}.\n\n\
         | | |\n|---|---|\n{}",
        lines.join("\n")
    ));
    parts.sort();
    let text = parts.iter().fold(INTRODUCTION.to_owned(), |text, part| format!("{text}\n## {part}\n"));
    fs::write(file, text).unwrap();
}

const INTRODUCTION: &str = "# Large mailboxes\n\n`make test-large` reads them over IMAP from a real server and writes this file \
                            anew. Memory and threads are those of the process that reads.\n";

#[test]
#[ignore = "make test-large"]
fn two_hundred_mailboxes_are_read_by_one_process() {
    let _alone = ALONE.lock();
    let place = Place::new("many");
    let address = |number: usize| place.world.ours(&format!("box{number}"));
    (0..MAILBOXES).for_each(|number| place.deliver(&address(number), number));
    let (olga, before) = (place.olga(), megabytes(place.process(), "VmRSS"));
    let (first, threads) = threads_during(place.process(), || {
        let begun = Instant::now();
        (0..MAILBOXES).for_each(|number| drop(place.connect(&olga, &address(number), 30)));
        place.until(MAILBOXES);
        begun.elapsed()
    });
    let synced = "SELECT count(*) FROM mailboxes WHERE state = 'reading' AND last_synced_at IS NOT NULL";
    wait_for("all are waiting for news", HOURS, || Ok(place.count(synced) == MAILBOXES)).unwrap();
    thread::sleep(Duration::from_secs(2));
    let idle = megabytes(place.process(), "VmRSS");
    (0..MAILBOXES).for_each(|number| place.deliver(&address(number), MAILBOXES + number));
    let news = place.until(2 * MAILBOXES);
    let (peak, reserved) = (status(place.process(), "VmHWM") * 1024, megabytes(place.process(), "VmSize"));
    write_down(
        "200 mailboxes in one process",
        &[
            format!("| connected, and the first mail of each read | {:.1} s |", first.as_secs_f64()),
            format!("| a new mail in each at once: all read | {:.1} s after the last |", news.as_secs_f64()),
            format!("| threads, at most | {threads} |"),
            format!("| memory before | {before} MiB |"),
            format!("| memory while all wait for news | {idle} MiB |"),
            format!("| memory, at most | {} MiB |", peak / 1024 / 1024),
            format!("| addresses reserved | {reserved} MiB |"),
        ],
    );
    assert!(threads <= MAILBOXES + OTHER_THREADS, "{threads} threads");
    assert!(peak < MEMORY, "{peak} bytes");
    assert!(news < Duration::from_secs(20), "{news:?}");
}

#[test]
#[ignore = "make test-large"]
fn a_folder_of_100_000_messages_is_read() {
    let _alone = ALONE.lock();
    let place = Place::new("large");
    let (address, messages) = (place.world.ours("support"), messages());
    place.deliver(&address, 0);
    place.pile_up(&address, 1..messages);
    let before = megabytes(place.process(), "VmRSS");

    // All of it is older than what is to be read.
    let begun = Instant::now();
    let path = place.connect(&place.olga(), &address, 0);
    place.until_read(&path);
    let looked = begun.elapsed();
    place.deliver(&address, messages);
    let news = place.until(1);
    let looking = status(place.process(), "VmHWM") * 1024;
    place.olga().delete(&path).unwrap().expect(204).unwrap();

    // All of it is to be read.
    let begun = Instant::now();
    let path = place.connect(&place.olga(), &address, 1);
    place.until(messages + 1);
    let read = begun.elapsed();
    place.until_read(&path);
    let peak = status(place.process(), "VmHWM") * 1024;
    write_down(
        "A folder of many messages",
        &[
            format!("| messages in the folder | {messages} |"),
            format!("| connected, nothing of it to be read: ready | {:.1} s |", looked.as_secs_f64()),
            format!("| then a new mail is read | {:.1} s after it came |", news.as_secs_f64()),
            format!(
                "| connected, all of it to be read: read | {:.0} s, {:.0} messages a second |",
                read.as_secs_f64(),
                messages as f64 / read.as_secs_f64()
            ),
            format!("| memory before | {before} MiB |"),
            format!("| memory while it looked, at most | {} MiB |", looking / 1024 / 1024),
            format!("| memory while it read, at most | {} MiB |", peak / 1024 / 1024),
        ],
    );
    assert!(peak < MEMORY, "{peak} bytes");
    assert!(news < Duration::from_secs(20), "{news:?}");
}
