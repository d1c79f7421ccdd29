//! IMAP servers that misbehave: whatever they do, it ends in time, in bounded memory, with an error from the list.

use std::time::{Duration, Instant};

use postroom_mail::ServerError;
use postroom_mail::imap::{Content, Session, Waited};
use postroom_mail::net::Security;

use super::faulty::{Peer, serve};
use super::{at, hasty_network, login};

const TIME: Duration = Duration::from_secs(2);

fn open(port: u16) -> Result<Session, ServerError> {
    Session::open(&hasty_network(), &at(port, Security::None), &login("x"), TIME)
}

/// What opening comes to with this script.
fn opening(security: Security, script: impl FnOnce(&mut Peer) + Send + 'static) -> ServerError {
    let endpoint = at(serve(script), security);
    let begun = Instant::now();
    let error = Session::open(&hasty_network(), &endpoint, &login("x"), TIME).expect_err("must fail");
    assert!(begun.elapsed() < Duration::from_secs(5), "took {:?}", begun.elapsed());
    error
}

#[test]
fn greetings_that_are_none() {
    assert_eq!(
        opening(Security::None, |peer| {
            peer.say("220 smtp here\r\n");
        }),
        ServerError::Greeting
    );
    assert_eq!(
        opening(Security::None, |peer| {
            peer.say("* BYE full\r\n");
        }),
        ServerError::Unavailable
    );
    assert_eq!(
        opening(Security::None, |peer| {
            peer.say("* PREAUTH root\r\n");
        }),
        ServerError::Greeting
    );
    assert_eq!(opening(Security::None, |_| {}), ServerError::ConnectionLost);
    assert_eq!(opening(Security::None, Peer::wait_for_end), ServerError::TimedOut);
    // Never a line's end, a byte now and then: no single read times out.
    let dripping = |peer: &mut Peer| {
        while peer.say("*") {
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    assert_eq!(opening(Security::None, dripping), ServerError::TimedOut);
    let endless = |peer: &mut Peer| while peer.say(&"*".repeat(4096)) {};
    assert_eq!(opening(Security::None, endless), ServerError::Protocol);
}

#[test]
fn starttls_never_falls_back() {
    let refusing = |peer: &mut Peer| {
        peer.say("* OK ready\r\n");
        peer.answer("", "BAD what?");
        assert_eq!(peer.hear(), "", "nothing may be said in plain text after the refusal");
    };
    assert_eq!(opening(Security::StartTls, refusing), ServerError::NoStartTls);
    let injecting = |peer: &mut Peer| {
        peer.say("* OK ready\r\n");
        peer.answer("", "OK go\r\n* CAPABILITY IMAP4rev1\r\na1 OK done");
        peer.wait_for_end();
    };
    assert_eq!(opening(Security::StartTls, injecting), ServerError::Tls);
}

#[test]
fn passing_refusals_are_not_taken_for_wrong_passwords() {
    let answering = |status: &'static str| {
        move |peer: &mut Peer| {
            peer.say("* OK ready\r\n");
            peer.answer("* CAPABILITY IMAP4rev1\r\n", "OK");
            peer.answer("", status);
        }
    };
    assert_eq!(opening(Security::None, answering("NO [AUTHENTICATIONFAILED] no")), ServerError::LoginRefused);
    assert_eq!(opening(Security::None, answering("NO Passwort ungültig")), ServerError::LoginRefused);
    assert_eq!(opening(Security::None, answering("NO [UNAVAILABLE] later")), ServerError::Unavailable);
    assert_eq!(opening(Security::None, answering("NO [THROTTLED] later")), ServerError::Throttled);
    let disabled = |peer: &mut Peer| {
        peer.say("* OK ready\r\n");
        peer.answer("* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n", "OK");
    };
    assert_eq!(opening(Security::None, disabled), ServerError::NoLoginMechanism);
}

/// A session whose server plays the script after signing in.
fn session(script: impl FnOnce(&mut Peer) + Send + 'static) -> Session {
    let port = serve(|peer| {
        peer.let_in();
        script(peer);
        peer.wait_for_end();
    });
    open(port).expect("signed in")
}

#[test]
fn news_before_the_idle_is_confirmed_is_news() {
    let mut early = session(|peer| {
        assert!(peer.hear().ends_with("IDLE"));
        peer.say("* 5 EXISTS\r\n+ idling\r\n");
        assert_eq!(peer.hear(), "DONE");
        peer.say("a4 OK done\r\n");
    });
    let begun = Instant::now();
    assert_eq!(early.wait(Duration::from_secs(10)), Ok(Waited::News));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    // The same, but it has come together with the answer to the command before.
    let mut earlier = session(|peer| {
        peer.answer("* SEARCH\r\n", "OK found\r\n* 5 EXISTS");
        assert!(peer.hear().ends_with("IDLE"));
        peer.say("+ idling\r\n");
        assert_eq!(peer.hear(), "DONE");
        peer.say("a5 OK done\r\n");
        peer.answer("* SEARCH 7\r\n", "OK found");
    });
    assert_eq!(earlier.uids_from(1), Ok(vec![]));
    let begun = Instant::now();
    assert_eq!(earlier.wait(Duration::from_secs(10)), Ok(Waited::News));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(earlier.uids_from(1), Ok(vec![7]));
}

#[test]
fn a_server_that_babbles_while_idling_does_not_keep_us() {
    let mut babbled = session(|peer| {
        assert!(peer.hear().ends_with("IDLE"));
        peer.say("+ idling\r\n* OK Still");
        // The wait must end in the middle of a line, and lose none of it.
        std::thread::sleep(Duration::from_millis(600));
        peer.say(" here\r\n* OK Still here\r\n");
        assert_eq!(peer.hear(), "DONE");
        peer.say("a4 OK done\r\n");
        peer.answer("* SEARCH 3\r\n", "OK found");
    });
    assert_eq!(babbled.wait(Duration::from_millis(300)), Ok(Waited::Silence));
    assert_eq!(babbled.uids_from(1), Ok(vec![3]));

    let mut endless = session(|peer| {
        assert!(peer.hear().ends_with("IDLE"));
        peer.say("+ idling\r\n");
        while peer.say("* OK Still here\r\n") {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let begun = Instant::now();
    assert_eq!(endless.wait(Duration::from_millis(300)), Ok(Waited::Silence));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_server_without_idle_is_polled() {
    let mut refusing = session(|peer| {
        peer.answer("", "BAD no such command");
        // The `imap` crate ends even a refused IDLE; to the server that is one more command that it does not know.
        assert_eq!(peer.answer("", "BAD no such command"), "DONE");
        peer.answer("* SEARCH 3\r\n", "OK found");
    });
    assert_eq!(refusing.wait(Duration::from_secs(1)), Ok(Waited::NotSupported));
    assert!(!refusing.can_idle());
    assert_eq!(refusing.wait(Duration::from_secs(1)), Ok(Waited::NotSupported));
    assert_eq!(refusing.uids_from(1), Ok(vec![3]));

    let mut confused = session(|peer| {
        peer.answer("", "OK idle is over already");
    });
    assert_eq!(confused.wait(Duration::from_secs(1)), Err(ServerError::Protocol));
}

fn examined(peer: &mut Peer) {
    peer.answer("* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 4] x\r\n", "OK [READ-ONLY] ok");
    peer.answer("* 1 FETCH (UID 3 RFC822.SIZE 10)\r\n", "OK sizes");
}

#[test]
fn sizes_that_lie_are_found_out_before_memory_is_spent() {
    let mut lied_to = session(|peer| {
        examined(peer);
        peer.hear();
        peer.say("* 1 FETCH (UID 3 BODY[] {4000000000}\r\n");
        while peer.say(&"x".repeat(65_536)) {}
    });
    lied_to.examine("INBOX").unwrap();
    let listed = lied_to.list(&[3]).unwrap();
    assert_eq!(lied_to.fetch(&listed, 50_000), Err(ServerError::LiteralTooLarge));
}

#[test]
fn answers_without_end_are_cut_off() {
    let mut flooded = session(|peer| {
        peer.hear();
        while peer.say(&"* OK still thinking\r\n".repeat(1000)) {}
    });
    assert_eq!(flooded.examine("INBOX").unwrap_err(), ServerError::Protocol);

    let mut nested = session(|peer| {
        peer.hear();
        peer.say(&format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(60_000)));
        peer.wait_for_end();
    });
    assert_eq!(nested.examine("INBOX").unwrap_err(), ServerError::Protocol);

    let mut silent = session(Peer::wait_for_end);
    let begun = Instant::now();
    assert_eq!(silent.examine("INBOX").unwrap_err(), ServerError::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());

    let mut slow = session(|peer| {
        peer.hear();
        while peer.say("* OK still thinking\r\n") {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let begun = Instant::now();
    assert_eq!(slow.examine("INBOX").unwrap_err(), ServerError::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn a_refusal_for_now_is_no_refusal() {
    let refused = |status: &'static str| {
        session(move |peer| {
            peer.answer("", status);
        })
        .list(&[3])
        .unwrap_err()
    };
    assert_eq!(refused("NO [UNAVAILABLE] later"), ServerError::Unavailable);
    assert_eq!(refused("NO [THROTTLED] later"), ServerError::Throttled);
    let gmails = "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)";
    assert_eq!(refused(gmails), ServerError::Throttled);
    assert_eq!(refused("NO [SERVERBUG] no"), ServerError::Refused);
    assert_eq!(refused("NO no"), ServerError::Refused);
}

#[test]
fn odd_answers_are_read_for_what_they_say() {
    let mut odd = session(|peer| {
        // No UIDNEXT, an untagged warning, words that are not ASCII, news about other messages.
        peer.answer(
            "* NO Speicher fast voll für Sie\r\n* 2 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n",
            "OK geöffnet",
        );
        peer.answer("* SEARCH 3 17\r\n", "OK");
        peer.answer("* 3 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (RFC822.SIZE 4 UID 17)\r\n", "OK");
        peer.answer("* 9 EXPUNGE\r\n* 2 FETCH (BODY[] {4}\r\na{9} UID 17)\r\n", "OK");
    });
    let opened = odd.examine("INBOX").unwrap();
    assert_eq!((opened.uid_validity, opened.uid_next, opened.exists), (9, 18, 2));
    let listed = odd.list(&[17]).unwrap();
    assert_eq!(listed.len(), 1);
    let fetched = odd.fetch(&listed, 1000).unwrap();
    assert_eq!(fetched.len(), 1);
    assert_eq!((fetched[0].uid, &fetched[0].content), (17, &Content::Whole(b"a{9}".to_vec())));
    assert_eq!(fetched[0].internal_date, None);
}
