//! The reading worker and servers that misbehave: no message stops its folder, no mailbox holds up another.

use std::collections::HashMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use postroom_store::Security;

use super::faulty::Peer;
use super::site::{Site, impatient_settings};
use super::{mail, servers};

const MESSAGES: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1";

/// A small IMAP server with one folder, which does something wrong with some of its messages.
struct Server {
    /// By UID.
    mails: Mutex<HashMap<u32, (Vec<u8>, Fault)>>,
    fetched: AtomicU32,
    /// Sends `EXISTS` before it confirms an IDLE, and never again.
    early_exists: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Hangs up in the middle of the message.
    HangUp,
    /// Answers with something that is no IMAP.
    Garbage,
    /// Says a small size, and then sends more than allowed.
    Lies,
    /// Lists it with a size that is no number.
    Unlistable,
    /// Lists it and answers without it.
    Withheld,
    /// Lists it and says that there is nothing in it.
    Nil,
    /// Lists it, and it is gone when it is asked for.
    Vanishes,
}

impl Server {
    fn start(mails: &[(u32, Fault)], early_exists: bool) -> (Arc<Self>, u16) {
        let mails = mails
            .iter()
            .map(|&(uid, fault)| (uid, (mail(&format!("uid-{uid}@faulty"), &format!("number {uid}")), fault)))
            .collect();
        let server = Arc::new(Self { mails: Mutex::new(mails), fetched: AtomicU32::new(0), early_exists });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let shared = Arc::clone(&server);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let server = Arc::clone(&shared);
                thread::spawn(move || server.serve(socket));
            }
        });
        (server, port)
    }

    fn add(&self, uid: u32) {
        let raw = mail(&format!("uid-{uid}@faulty"), &format!("number {uid}"));
        self.mails.lock().expect("no panic").insert(uid, (raw, Fault::None));
    }

    fn uids(&self) -> Vec<u32> {
        let mut uids: Vec<u32> = self.mails.lock().expect("no panic").keys().copied().collect();
        uids.sort_unstable();
        uids
    }

    fn serve(&self, socket: TcpStream) {
        let mut peer = Peer::on(socket);
        peer.say("* OK faulty\r\n");
        while let Some(line) = peer.hear_line() {
            let mut words = line.splitn(3, ' ');
            let (tag, command) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let rest = words.next().unwrap_or_default();
            let next = self.uids().last().map_or(1, |last| last + 1);
            let untagged = match command {
                "CAPABILITY" => "* CAPABILITY IMAP4rev1 IDLE\r\n".to_owned(),
                "EXAMINE" => format!(
                    "* {} EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT {next}] x\r\n",
                    self.uids().len()
                ),
                "LIST" => "* LIST () \"/\" INBOX\r\n".to_owned(),
                "IDLE" => {
                    self.idle(&mut peer, tag);
                    continue;
                }
                "UID" if rest.starts_with("SEARCH") => {
                    let (first, last) = range(rest.trim_start_matches("SEARCH UID "));
                    let found: Vec<String> = self
                        .uids()
                        .into_iter()
                        .filter(|uid| (first..=last).contains(uid))
                        .map(|uid| uid.to_string())
                        .collect();
                    format!("* SEARCH {}\r\n", found.join(" ")).replace("SEARCH \r", "SEARCH\r")
                }
                "UID" => {
                    if !self.fetch(&mut peer, rest.trim_start_matches("FETCH ")) {
                        return;
                    }
                    String::new()
                }
                _ => String::new(),
            };
            peer.say(&format!("{untagged}{tag} OK done\r\n"));
        }
    }

    fn idle(&self, peer: &mut Peer, tag: &str) {
        if self.early_exists {
            // A mail comes just now: the server says so once, before it confirms.
            let uids = self.uids();
            if uids.len() < 3 {
                self.add(uids.last().map_or(1, |last| last + 1));
                peer.say(&format!("* {} EXISTS\r\n", uids.len() + 1));
            }
        }
        peer.say("+ idling\r\n");
        peer.hear_line();
        peer.say(&format!("{tag} OK idled\r\n"));
    }

    /// False when the connection is to end.
    fn fetch(&self, peer: &mut Peer, rest: &str) -> bool {
        let (set, items) = rest.split_once(' ').unwrap_or((rest, ""));
        let wanted: Vec<u32> = set
            .split(',')
            .flat_map(|part| {
                let (first, last) = range(part);
                first..=last
            })
            .collect();
        for (number, uid) in (1..).zip(self.uids()).filter(|(_, uid)| wanted.contains(uid)) {
            let (raw, fault) = self.mails.lock().expect("no panic")[&uid].clone();
            let date = "INTERNALDATE \"22-Nov-2026 12:00:00 +0000\"";
            if items.contains("RFC822.SIZE") && fault == Fault::Unlistable {
                peer.say(&format!("* {number} FETCH (UID {uid} RFC822.SIZE large {date})\r\n"));
                continue;
            }
            if items.contains("RFC822.SIZE") {
                peer.say(&format!("* {number} FETCH (UID {uid} RFC822.SIZE {} {date})\r\n", raw.len()));
                continue;
            }
            self.fetched.fetch_add(1, Ordering::SeqCst);
            let header = items.contains("HEADER");
            let (section, bytes) = if header {
                let end = raw.windows(4).position(|w| w == b"\r\n\r\n").expect("a header") + 4;
                ("BODY[HEADER]<0>", &raw[..end])
            } else {
                ("BODY[]", &raw[..])
            };
            let begin =
                |length: usize| format!("* {number} FETCH (UID {uid} {date} {section} {{{length}}}\r\n");
            match fault {
                Fault::Withheld if !header => {}
                Fault::Nil if !header => {
                    peer.say(&format!("* {number} FETCH (UID {uid} {date} BODY[] NIL)\r\n"));
                }
                Fault::Vanishes => {
                    self.mails.lock().expect("no panic").remove(&uid);
                }
                Fault::HangUp if !header => {
                    peer.say(&begin(bytes.len()));
                    peer.say_bytes(&bytes[..20]);
                    return false;
                }
                Fault::Garbage => {
                    peer.say("* what do you want?\r\n");
                    return false;
                }
                Fault::Lies if !header => {
                    peer.say(&begin(3_000_000));
                    return false;
                }
                _ => {
                    peer.say(&begin(bytes.len()));
                    peer.say_bytes(bytes);
                    peer.say(")\r\n");
                }
            }
        }
        true
    }
}

/// `5`, `5:7` or `5:*`, and what follows.
fn range(text: &str) -> (u32, u32) {
    let word = text.split(' ').next().unwrap_or_default();
    let (first, last) = word.split_once(':').unwrap_or((word, word));
    (first.parse().unwrap_or(1), last.parse().unwrap_or(u32::MAX))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_is_passed_after_three_failures_and_listed() {
    let (_, port) = Server::start(
        &[
            (1, Fault::None),
            (2, Fault::HangUp),
            (3, Fault::None),
            (4, Fault::Garbage),
            (5, Fault::Lies),
            (6, Fault::None),
        ],
        false,
    );
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.faulty@example.test", (port, Security::None), smtp, "any").await;
    let healthy = "team.healthy@example.test";
    servers().deliver("ann@example.com", healthy, &mail("healthy@x", "healthy")).unwrap();
    site.mailbox(healthy).await;
    let worker = site.read(|settings| {
        let impatient = impatient_settings();
        settings.network = impatient.network;
        settings.command_time = impatient.command_time;
        settings.largest_message = 100_000;
    });
    // 1, 3 and 6 as they are, 5 by its header; 2 and 4 are listed.
    site.until("SELECT count(*) FROM messages WHERE workspace_id = $1 AND rfc_message_id LIKE 'uid-%'", 4)
        .await;
    site.until(
        "SELECT count(*) FROM intake WHERE workspace_id = $1 AND reason = 'failed' AND uid IN (2, 4)",
        2,
    )
    .await;
    // Of 2 at least the header could be had.
    site.until(
        "SELECT count(*) FROM intake WHERE workspace_id = $1 AND raw_sha256 IS NOT NULL AND uid = 2",
        1,
    )
    .await;
    site.until("SELECT count(*) FROM folders WHERE workspace_id = $1 AND backfill_uid = 7", 1).await;
    site.until("SELECT count(*) FROM messages WHERE workspace_id = $1 AND rfc_message_id = 'healthy@x'", 1)
        .await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_handed_out_is_listed_and_what_cannot_be_listed_is_read() {
    let (_, port) = Server::start(
        &[
            (1, Fault::None),
            (2, Fault::Unlistable),
            (3, Fault::Withheld),
            (4, Fault::None),
            (5, Fault::Nil),
            (6, Fault::Vanishes),
            (7, Fault::None),
        ],
        false,
    );
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.withheld@example.test", (port, Security::None), smtp, "any").await;
    let worker = site.read(|settings| {
        let impatient = impatient_settings();
        settings.network = impatient.network;
        settings.command_time = impatient.command_time;
    });
    site.until("SELECT count(*) FROM folders WHERE workspace_id = $1 AND backfill_uid = 8", 1).await;
    assert_eq!(site.count(MESSAGES), 4);
    let listed = "SELECT count(*) FROM intake WHERE workspace_id = $1";
    assert_eq!(site.count(listed), 2);
    assert_eq!(site.count(&format!("{listed} AND reason = 'failed' AND uid IN (3, 5)")), 2);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_comes_while_idling_begins_is_read_at_once() {
    let (_, port) = Server::start(&[], true);
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.early@example.test", (port, Security::None), smtp, "any").await;
    let worker = site.read(|settings| {
        settings.network = impatient_settings().network;
        // No poll would find it within this test.
        settings.poll_every = Duration::from_secs(600);
        settings.settle = Duration::from_secs(600);
        settings.sent_every = Duration::from_secs(600);
        settings.command_time = Duration::from_secs(5);
    });
    site.until(MESSAGES, 3).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_server_holds_up_nobody_and_no_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let hanging = thread::spawn(move || {
        // Takes connections, greets, and says nothing any more.
        let mut held = Vec::new();
        for mut socket in listener.incoming().flatten().take(1) {
            socket.write_all(b"* OK\r\n").expect("greets");
            held.push(socket);
        }
        thread::sleep(Duration::from_secs(30));
    });
    let site = Site::new().await;
    let smtp = (servers().ports().smtps, Security::Tls);
    site.mailbox_at("team.hanging@example.test", (port, Security::None), smtp, "any").await;
    let healthy = "team.beside@example.test";
    servers().deliver("ann@example.com", healthy, &mail("beside@x", "beside")).unwrap();
    site.mailbox(healthy).await;
    let worker = site.read(|_| {});
    site.until(MESSAGES, 1).await;
    // `stop` panics if it takes too long.
    worker.stop().await;
    drop(hanging);
}
