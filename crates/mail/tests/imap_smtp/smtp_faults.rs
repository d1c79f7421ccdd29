//! SMTP servers that misbehave: what may have arrived is never called lost, what was lost is never called doubtful.

use std::time::{Duration, Instant};

use postroom_domain::address::EmailAddress;
use postroom_mail::ServerError;
use postroom_mail::net::Security;
use postroom_mail::smtp::{Attempt, End, Patience, Session, Verdict};

use super::faulty::{Peer, serve};
use super::{at, hasty_network, login, mail};

const HASTY: Patience = Patience {
    answer: Duration::from_millis(500),
    before_body: Duration::from_secs(3),
    body: Duration::from_secs(1),
};

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// Greets, offers and lets in; the script goes on with MAIL.
fn let_in(peer: &mut Peer, offers: &str) {
    peer.say("220 here\r\n");
    for _ in 0..2 {
        assert!(peer.hear().starts_with("EHLO [127.0.0.1]"));
        peer.say(&format!("250-here\r\n{offers}250 AUTH PLAIN\r\n"));
    }
    assert!(peer.hear().starts_with("AUTH PLAIN "));
    peer.say("235 in\r\n");
}

/// Takes the sender, one recipient and DATA.
fn up_to_the_body(peer: &mut Peer) {
    for (command, answer) in [("MAIL", "250 ok\r\n"), ("RCPT", "250 ok\r\n"), ("DATA", "354 go\r\n")] {
        assert!(peer.hear().starts_with(command));
        peer.say(answer);
    }
}

fn hear_body(peer: &mut Peer) {
    while peer.hear_line().is_some_and(|line| line != ".") {}
}

async fn attempt_to(
    recipients: &[&str],
    offers: &'static str,
    script: impl FnOnce(&mut Peer) + Send + 'static,
) -> Attempt {
    let port = serve(move |peer| {
        let_in(peer, offers);
        script(peer);
    });
    let endpoint = at(port, Security::None);
    let mut session =
        Session::open(&hasty_network(), &endpoint, &login("x"), HASTY).await.expect("signed in");
    let recipients: Vec<EmailAddress> = recipients.iter().map(|text| address(text)).collect();
    let begun = Instant::now();
    let raw = mail("faults@x", "faults");
    let attempt = session.deliver(&address("me@example.test"), &recipients, &raw, async { true }).await;
    assert!(begun.elapsed() < Duration::from_secs(6), "took {:?}", begun.elapsed());
    attempt
}

async fn attempt(script: impl FnOnce(&mut Peer) + Send + 'static) -> Attempt {
    attempt_to(&["you@example.com"], "", script).await
}

async fn opening(security: Security, script: impl FnOnce(&mut Peer) + Send + 'static) -> ServerError {
    let endpoint = at(serve(script), security);
    Session::open(&hasty_network(), &endpoint, &login("x"), HASTY).await.expect_err("must fail")
}

#[tokio::test]
async fn greetings_that_are_none() {
    assert_eq!(
        opening(Security::None, |p| {
            p.say("* OK imap\r\n");
        })
        .await,
        ServerError::Greeting
    );
    assert_eq!(
        opening(Security::None, |p| {
            p.say("421 full\r\n");
        })
        .await,
        ServerError::Unavailable
    );
    assert_eq!(opening(Security::None, |_| {}).await, ServerError::ConnectionLost);
    assert_eq!(opening(Security::None, Peer::wait_for_end).await, ServerError::TimedOut);
    assert_eq!(opening(Security::StartTls, Peer::wait_for_end).await, ServerError::TimedOut);
    let no_login = |peer: &mut Peer| {
        peer.say("220 here\r\n");
        for _ in 0..2 {
            peer.hear();
            peer.say("250 nothing on offer\r\n");
        }
        assert_eq!(peer.hear(), "", "no password may be offered");
    };
    assert_eq!(opening(Security::None, no_login).await, ServerError::NoLoginMechanism);
}

#[tokio::test]
async fn starttls_never_falls_back_and_takes_nothing_from_before() {
    let stripped = |peer: &mut Peer| {
        peer.say("220 here\r\n");
        peer.hear();
        peer.say("250-here\r\n250 AUTH PLAIN\r\n");
        assert_eq!(peer.hear(), "", "nothing may be said in plain text");
    };
    assert_eq!(opening(Security::StartTls, stripped).await, ServerError::NoStartTls);
    let injecting = |peer: &mut Peer| {
        peer.say("220 here\r\n");
        peer.hear();
        peer.say("250-here\r\n250 STARTTLS\r\n");
        peer.hear();
        peer.say("220 go\r\n250-here\r\n250 AUTH PLAIN\r\n235 in\r\n");
        peer.wait_for_end();
    };
    assert_eq!(opening(Security::StartTls, injecting).await, ServerError::Tls);
}

#[tokio::test]
async fn a_loss_before_the_body_is_certain() {
    let hung_up = attempt(|peer| {
        peer.hear();
    });
    assert_eq!(hung_up.await.end, End::LostBeforeBody(ServerError::ConnectionLost));
    let silent = attempt(|peer| {
        peer.hear();
        peer.say("250 ok\r\n");
        peer.wait_for_end();
    });
    assert_eq!(silent.await.end, End::LostBeforeBody(ServerError::TimedOut));
    let odd = attempt(|peer| {
        for _ in 0..2 {
            peer.hear();
            peer.say("250 ok\r\n");
        }
        peer.hear();
        peer.say("250 no, go on\r\n");
        peer.wait_for_end();
    });
    assert_eq!(odd.await.end, End::LostBeforeBody(ServerError::Protocol));
    let leaving = attempt_to(&["a@example.com", "b@example.com"], "", |peer| {
        peer.hear();
        peer.say("250 ok\r\n");
        peer.hear();
        peer.say("421 leaving\r\n");
    });
    let leaving = leaving.await;
    assert_eq!(leaving.end, End::LostBeforeBody(ServerError::Unavailable));
    assert!(matches!(&leaving.verdicts[..], [Some(Verdict::Deferred(_)), None]), "{leaving:?}");
}

#[tokio::test]
async fn a_loss_after_the_body_has_begun_is_doubtful() {
    let hung_up = attempt(|peer| {
        up_to_the_body(peer);
        hear_body(peer);
    });
    let hung_up = hung_up.await;
    assert_eq!(
        (hung_up.end, &hung_up.verdicts[..]),
        (End::Unknown(ServerError::ConnectionLost), &[None][..])
    );
    let silent = attempt(|peer| {
        up_to_the_body(peer);
        hear_body(peer);
        peer.wait_for_end();
    });
    assert_eq!(silent.await.end, End::Unknown(ServerError::TimedOut));
    let garbled = attempt(|peer| {
        up_to_the_body(peer);
        hear_body(peer);
        peer.say("fine, thanks\r\n");
        peer.wait_for_end();
    });
    assert_eq!(garbled.await.end, End::Unknown(ServerError::Protocol));
    let in_two = attempt(|peer| {
        up_to_the_body(peer);
        hear_body(peer);
        peer.say("250 o");
    });
    assert!(matches!(in_two.await.end, End::Unknown(_)));
}

#[tokio::test]
async fn the_final_answer_counts_whatever_its_words() {
    let taken = attempt(|peer| {
        up_to_the_body(peer);
        hear_body(peer);
        peer.say_bytes(b"250-angenommen f\xfcr sp\xe4ter\r\n250 ok id=1\r\n");
    });
    let taken = taken.await;
    assert_eq!(taken.end, End::Answered);
    assert!(
        matches!(&taken.verdicts[..], [Some(Verdict::Accepted(reply))] if reply.text.ends_with("ok id=1")),
        "{taken:?}"
    );
    let spam = attempt(|peer| {
        up_to_the_body(peer);
        hear_body(peer);
        peer.say("550 5.7.1 looks like spam\r\n");
    });
    let spam = spam.await;
    assert!(
        matches!(&spam.verdicts[..], [Some(Verdict::Refused(r))] if r.code == 550 && r.text.contains("spam")),
        "{spam:?}"
    );
    let later = attempt(|peer| {
        up_to_the_body(peer);
        hear_body(peer);
        peer.say("452 full\r\n");
    });
    assert!(matches!(&later.await.verdicts[..], [Some(Verdict::Deferred(_))]));
}

#[tokio::test]
async fn what_the_server_cannot_take_is_refused_before_it_is_asked() {
    let too_large = attempt_to(&["you@example.com"], "250-SIZE 50\r\n", Peer::wait_for_end).await;
    assert!(
        matches!(&too_large.verdicts[..], [Some(Verdict::Refused(reply))] if reply.code == 552),
        "{too_large:?}"
    );
    let one_of_two = attempt_to(&["köln@example.com", "you@example.com"], "", |peer| {
        up_to_the_body(peer);
        hear_body(peer);
        peer.say("250 ok\r\n");
    });
    let one_of_two = one_of_two.await;
    assert!(
        matches!(&one_of_two.verdicts[..], [Some(Verdict::Refused(r)), Some(Verdict::Accepted(_))] if r.code == 553),
        "{one_of_two:?}"
    );
    let utf8 = attempt_to(&["köln@example.com"], "250-SMTPUTF8\r\n250-SIZE 0\r\n250-8BITMIME\r\n", |peer| {
        let command = peer.hear();
        assert!(command.contains(" SIZE=") && command.ends_with(" SMTPUTF8"), "{command}");
        peer.say("250 ok\r\n");
        assert_eq!(peer.hear(), "RCPT TO:<köln@example.com>");
        peer.say("250 ok\r\n");
        peer.hear();
        peer.say("354 go\r\n");
        hear_body(peer);
        peer.say("250 ok\r\n");
    });
    assert_eq!(utf8.await.end, End::Answered);
}

#[tokio::test]
async fn a_line_without_an_end_does_not_fill_the_memory() {
    let pours = |peer: &mut Peer| {
        peer.hear();
        let begun = Instant::now();
        let mut said = 0;
        while begun.elapsed() < Duration::from_secs(5) && peer.say(&"2".repeat(64 * 1024)) {
            said += 64 * 1024;
        }
        // What the sockets' buffers take, no more.
        assert!(said < 32 * 1024 * 1024, "{said} bytes were taken");
    };
    let attempt = attempt(pours).await;
    assert_eq!(attempt.end, End::LostBeforeBody(ServerError::Protocol));
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let babbles = |peer: &mut Peer| {
        up_to_the_body(peer);
        hear_body(peer);
        while peer.say(&"250-still thinking\r\n".repeat(100)) {}
    };
    assert_eq!(attempt(babbles).await.end, End::Unknown(ServerError::Protocol));
}
