//! Every message is in Postroom exactly once, and every reply leaves exactly once, whatever is killed: `kill -9`
//! again and again while mail is read and sent.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use postroom_testkit::{
    client::{Caller, SignedIn},
    letter::Letter,
    mail::Delivery,
    process::wait_for,
    proxy::{Fault, Protocol, Proxy},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};

use crate::world::{World, text};

/// Mails that customers write.
const IN: usize = 500;
/// Of these, in the mailbox already when it is connected.
const IN_BEFORE: usize = 150;
/// Mails that a user writes, each to a customer of its own.
const OUT: usize = 50;
/// When the process is killed: how often at each kind of moment.
const MOMENTS: [(Moment, usize); 3] = [(Moment::Window, 8), (Moment::Fetch, 12), (Moment::Any, 14)];
/// For one kill's moment to come: the lease of the process killed before must lapse first.
const MOMENT: Duration = Duration::from_secs(25);
/// For everything to come to rest in the end.
const REST: Duration = Duration::from_secs(60);

/// A moment to kill at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// The SMTP server has taken a mail and answered; the answer hasn't reached the sender.
    Window,
    /// The answer to a FETCH has been passed on, and not all of its mails are committed.
    Fetch,
    /// Any.
    Any,
}

/// Says a line past the test harness, which keeps the output of tests that pass to itself.
fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "kills: {line}");
}

/// The user who writes the 50 mails, without a pause and whatever happens to the server: a request that got no
/// answer is sent again with its idempotency key (RPL-7).
struct Author<'a> {
    world: &'a World,
    who: &'a SignedIn,
    mailbox: String,
    /// Where the server is now.
    base: Mutex<String>,
    /// How many mails may have been written by now.
    allowed: AtomicUsize,
    /// The ids that the API gave, by the mails' numbers.
    written: Mutex<BTreeMap<usize, String>>,
    over: AtomicBool,
}

impl Author<'_> {
    fn customer(&self, number: usize) -> String {
        self.world.theirs(&format!("out{number}"))
    }

    fn write(&self) {
        let mut number = 0;
        while number < OUT && !self.over.load(Ordering::SeqCst) {
            if number >= self.allowed.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            let body = json!({
                "mailbox_id": self.mailbox, "to": [{"address": self.customer(number)}],
                "subject": format!("Outbound {number}"), "text": format!("This is mail number {number}."),
            });
            let base = self.base.lock().unwrap().clone();
            match self.who.at(&base).post_once("/v1/messages", &format!("out-{number}"), &body) {
                Ok(answer) if answer.status == 201 => {
                    self.written.lock().unwrap().insert(number, text(&answer.body, "/id"));
                    number += 1;
                }
                // Still at work for the request that was cut off, or just starting or ending.
                Ok(answer) if [409, 503].contains(&answer.status) => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Ok(answer) => panic!("{}: {} {}", answer.asked, answer.status, answer.body),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn allow(&self, more: usize) {
        self.allowed.fetch_add(more, Ordering::SeqCst);
    }
}

/// What happened at the kills.
#[derive(Debug, Default)]
struct Tally {
    kills: usize,
    /// In the window after DATA.
    in_window: usize,
    /// Between fetch and commit.
    after_fetch: usize,
}

#[test]
fn nothing_is_lost_or_doubled_by_killing_the_process() {
    let begin = Instant::now();
    let seed = std::env::var("POSTROOM_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    report(&format!("seed {seed} (POSTROOM_TEST_SEED={seed} makes the same choices)"));
    let mut random = StdRng::seed_from_u64(seed);

    let mut world = World::with("kills", |installation| {
        for (name, value) in [
            ("POSTROOM_LEASE", "2s"),
            ("POSTROOM_INGEST_POLL", "1s"),
            ("POSTROOM_DELIVER_SEARCH", "3s"),
            ("POSTROOM_LOG", "warn"),
        ] {
            installation.set(name, value);
        }
    });
    let support = world.ours("support");
    let mut inbound = inbound(&world, &support).into_iter();
    world.mail.seed(&inbound.by_ref().take(IN_BEFORE).collect::<Vec<_>>()).unwrap();
    let imap = Proxy::start(Protocol::Imap, world.mail.ports().imap).unwrap();
    let smtp = Proxy::start(Protocol::Smtp, world.mail.ports().smtp_plain).unwrap();
    let olga = world.olga();
    let at = ((imap.port(), "none"), (smtp.port(), "none"));
    let mailbox = world.shared_mailbox_at(&olga, &support, at.0, at.1, "first_inbound");

    let mut server = world.take_server();
    let author = Author {
        world: &world,
        who: &olga,
        mailbox: text(&mailbox, "/id"),
        base: Mutex::new(server.base().to_owned()),
        allowed: AtomicUsize::new(0),
        written: Mutex::default(),
        over: AtomicBool::new(false),
    };
    let mut moments: Vec<Moment> =
        MOMENTS.iter().flat_map(|(moment, times)| std::iter::repeat_n(*moment, *times)).collect();
    moments.shuffle(&mut random);

    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        scope.spawn(|| author.write());
        // A failed assertion here must not leave the author waiting.
        let _over = Over(&author.over);
        let feed = (IN - IN_BEFORE).div_ceil(moments.len());
        for moment in &moments {
            let new: Vec<_> = inbound.by_ref().take(feed).collect();
            match moment {
                Moment::Window => {
                    smtp.next(Fault::Hold);
                    author.allow(2);
                    world.mail.seed(&new).unwrap();
                    smtp.wait_for(Fault::Hold, MOMENT).unwrap();
                    server.kill9().unwrap();
                    tally.in_window += 1;
                }
                Moment::Fetch => {
                    imap.moments();
                    let before = stored(&world);
                    world.mail.deliver_all(&new).unwrap();
                    let fetched = wait_for_fetch(&imap);
                    std::thread::sleep(Duration::from_millis(random.random_range(0..40)));
                    server.kill9().unwrap();
                    tally.after_fetch += usize::from(stored(&world) - before < fetched);
                }
                Moment::Any => {
                    author.allow(2);
                    world.mail.seed(&new).unwrap();
                    std::thread::sleep(Duration::from_millis(random.random_range(0..2500)));
                    assert!(server.ended().unwrap().is_none(), "it must not end by itself");
                    server.kill9().unwrap();
                }
            }
            tally.kills += 1;
            smtp.release();
            server.spawn().unwrap();
            author.base.lock().unwrap().clone_from(&server.base().to_owned());
        }
        author.allow(OUT);
        let waited =
            wait_for("all mails are written", REST, || Ok(author.written.lock().unwrap().len() == OUT));
        waited.unwrap();
    });
    server.wait_ready().unwrap();
    let olga = olga.at(server.base());
    let cards = all_read(&olga);
    let states = all_settled(&olga, &author.written.lock().unwrap());
    judge(&author, &support, &cards, &states, &tally);
    report(&format!("took {:.0} s", begin.elapsed().as_secs_f64()));
}

/// Ends the author's work when it goes, also by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The customers' mails: different ones, small and large.
fn inbound(world: &World, support: &str) -> Vec<Delivery> {
    (0..IN)
        .map(|number| {
            let from = format!("Customer {number} <{}>", world.theirs(&format!("in{number}")));
            let text =
                format!("Question number {number}.\n\n{}", "More words about it. ".repeat(number % 40));
            Letter::new(&from, support, &format!("Inbound {number}"), &text).delivery().unwrap()
        })
        .collect()
}

/// How many inbound messages are committed.
fn stored(world: &World) -> usize {
    let sql = "SELECT count(*) FROM messages WHERE direction = 'inbound'";
    usize::try_from(world.cluster.count(&world.database, sql, &[]).unwrap()).unwrap()
}

/// Waits until mails have been fetched; how many.
fn wait_for_fetch(imap: &Proxy) -> usize {
    let begin = Instant::now();
    loop {
        let seen = imap.wait_for(Fault::Pass, MOMENT.saturating_sub(begin.elapsed())).unwrap();
        if seen.mails > 0 {
            return seen.mails;
        }
    }
}

/// Waits until every inbound mail shows; the cards of the whole stream.
fn all_read(olga: &SignedIn) -> Vec<Value> {
    let mut cards = Vec::new();
    let waited = wait_for("everything is read", REST, || {
        cards = olga.all("/v1/conversations?view=all&status=all")?;
        Ok(cards.len() >= IN)
    });
    waited.unwrap_or_else(|error| panic!("{error}: {} of {IN} are there", cards.len()));
    cards
}

/// Waits until no mail is on its way any more; the state of each.
fn all_settled(olga: &SignedIn, written: &BTreeMap<usize, String>) -> BTreeMap<usize, String> {
    let mut states = BTreeMap::new();
    let waited = wait_for("everything is sent or given up", REST, || {
        for (number, id) in written {
            let message = olga.get(&format!("/v1/messages/{id}"))?.expect(200)?;
            states.insert(*number, text(&message, "/delivery/state"));
        }
        Ok(states.values().all(|state| state != "queued" && state != "sending"))
    });
    waited.unwrap_or_else(|error| panic!("{error}: {states:?}"));
    states
}

fn judge(
    author: &Author<'_>,
    support: &str,
    cards: &[Value],
    states: &BTreeMap<usize, String>,
    tally: &Tally,
) {
    let world = author.world;
    // In: each exactly once.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for card in cards {
        assert_eq!(card["message_count"], 1, "a mail stands twice in {card:#}");
        *seen.entry(text(card, "/subject")).or_default() += 1;
    }
    let lost: Vec<_> = (0..IN).filter(|number| !seen.contains_key(&format!("Inbound {number}"))).collect();
    let doubled: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    let numbers: std::collections::BTreeSet<_> =
        cards.iter().map(|card| card["number"].as_i64().unwrap()).collect();

    // Out: each exactly once, or unknown and at most once.
    let arrived: BTreeMap<usize, usize> = (0..OUT)
        .map(|number| (number, world.mail.mailbox(&author.customer(number)).count("INBOX").unwrap()))
        .collect();
    let unknown = states.values().filter(|state| *state == "unknown").count();
    let sent = states.values().filter(|state| *state == "sent").count();
    let unknown_arrived =
        states.iter().filter(|(number, state)| *state == "unknown" && arrived[number] == 1).count();
    let filed = world.mail.mailbox(support).messages("Sent").unwrap();

    report(&format!(
        "{} kills: {} in the window after DATA, {} between fetch and commit",
        tally.kills, tally.in_window, tally.after_fetch
    ));
    report(&format!(
        "in: {IN} mails, {} stored, {} lost, {} doubled",
        cards.len(),
        lost.len(),
        doubled.len()
    ));
    report(&format!(
        "out: {OUT} mails, {sent} sent, {unknown} unknown (of these {unknown_arrived} at the customer), {} arrived, {} twice",
        arrived.values().filter(|times| **times > 0).count(),
        arrived.values().filter(|times| **times > 1).count(),
    ));

    assert!(lost.is_empty() && doubled.is_empty() && cards.len() == IN, "lost {lost:?}, doubled {doubled:?}");
    assert_eq!(numbers.len(), IN, "no number is used twice (CNV-9)");
    assert_eq!(sent + unknown, OUT, "{states:?}");
    for (number, state) in states {
        let times = arrived[number];
        match state.as_str() {
            "sent" => assert_eq!(times, 1, "mail {number} is sent, and {times} times at the customer"),
            _ => assert!(times <= 1, "mail {number} is {state}, and {times} times at the customer"),
        }
        let copies =
            filed.iter().filter(|raw| contains(raw, &format!("Subject: Outbound {number}\r\n"))).count();
        assert_eq!(copies, usize::from(state == "sent"), "copies of mail {number} ({state}) in Sent");
    }
    assert!(tally.kills >= 30 && tally.in_window >= 5 && tally.after_fetch >= 5, "too few hits: {tally:?}");
    assert!(unknown <= tally.kills, "more unknown than kills");
}

fn contains(raw: &[u8], words: &str) -> bool {
    raw.windows(words.len()).any(|window| window == words.as_bytes())
}
