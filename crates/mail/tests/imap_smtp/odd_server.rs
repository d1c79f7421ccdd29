//! A small IMAP server with one folder that breaks the rules on purpose, for what Dovecot can't be made to do.

use std::collections::HashMap;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::faulty::Peer;
use super::mail;

/// The server; it does something wrong with some of its messages.
pub(crate) struct OddServer {
    /// By UID.
    mails: Mutex<HashMap<u32, (Vec<u8>, Fault)>>,
    quirks: Quirks,
}

/// What is odd about the server as a whole.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quirks {
    /// Sends `EXISTS` before it confirms an IDLE, and never again.
    pub(crate) early_exists: bool,
    /// Announces nothing.
    pub(crate) without_idle: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fault {
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
    /// Says a size of a few bytes, and hands all of it out.
    Understated,
    /// Hands it out between news about others, one of which goes.
    Noise,
    /// Says goodbye in the middle of it, once.
    Bye,
}

impl OddServer {
    pub(crate) fn start(mails: &[(u32, Fault)], quirks: Quirks) -> (Arc<Self>, u16) {
        let mails = mails
            .iter()
            .map(|&(uid, fault)| (uid, (mail(&format!("uid-{uid}@faulty"), &format!("number {uid}")), fault)))
            .collect();
        let server = Arc::new(Self { mails: Mutex::new(mails), quirks });
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

    pub(crate) fn add(&self, uid: u32) {
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
                "CAPABILITY" if self.quirks.without_idle => "* CAPABILITY IMAP4rev1\r\n".to_owned(),
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
        if self.quirks.early_exists {
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
                let size = if fault == Fault::Understated { 7 } else { raw.len() };
                peer.say(&format!("* {number} FETCH (UID {uid} RFC822.SIZE {size} {date})\r\n"));
                continue;
            }
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
                Fault::Noise => {
                    peer.say(
                        "* OK Still here\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 12 EXISTS\r\n* 0 RECENT\r\n",
                    );
                    peer.say(&begin(bytes.len()));
                    peer.say_bytes(bytes);
                    peer.say(" FLAGS (\\Seen \\Recent))\r\n* 1 EXPUNGE\r\n* 11 EXISTS\r\n");
                    peer.say(&format!("* 3 FETCH (UID {uid} FLAGS (\\Answered))\r\n* FLAGS (\\Seen)\r\n"));
                }
                Fault::Bye => {
                    if let Some((_, fault)) = self.mails.lock().expect("no panic").get_mut(&uid) {
                        *fault = Fault::None;
                    }
                    peer.say("* BYE going down for maintenance\r\n");
                    return false;
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
