//! Delivering through exim.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postroom_domain::address::EmailAddress;
use postroom_mail::net::Security;
use postroom_mail::smtp::{End, Patience, Session, Verdict};
use postroom_mail::{CertificateFault, Login, Secret, ServerError};

use super::{at, login, mail, network, network_with, servers};

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

async fn open() -> Session {
    let endpoint = at(servers().ports().smtp, Security::StartTls);
    Session::open(&network(), &endpoint, &login("sender@example.test"), Patience::DEFAULT)
        .await
        .expect("exim lets us in")
}

fn codes(verdicts: &[Option<Verdict>]) -> Vec<(&'static str, u16)> {
    verdicts
        .iter()
        .map(|verdict| match verdict {
            Some(Verdict::Accepted(reply)) => ("accepted", reply.code),
            Some(Verdict::Deferred(reply)) => ("deferred", reply.code),
            Some(Verdict::Refused(reply)) => ("refused", reply.code),
            None => ("open", 0),
        })
        .collect()
}

#[tokio::test]
async fn every_kind_of_security_gets_in_and_refusals_are_told_apart() {
    let ports = servers().ports();
    for (port, security) in
        [(ports.smtps, Security::Tls), (ports.smtp, Security::StartTls), (ports.smtp_plain, Security::None)]
    {
        let endpoint = at(port, security);
        let session =
            Session::open(&network(), &endpoint, &login("kinds@example.test"), Patience::DEFAULT).await;
        session.unwrap_or_else(|error| panic!("{security:?}: {error}")).close().await;
    }
    let wrong = Login { username: "a@example.test".to_owned(), secret: Secret::Password("not it".into()) };
    let starttls = at(ports.smtp, Security::StartTls);
    let refused = Session::open(&network(), &starttls, &wrong, Patience::DEFAULT).await.unwrap_err();
    assert_eq!(refused, ServerError::LoginRefused);
    let distrustful = network_with(None, postroom_mail::net::Timeouts::default());
    for endpoint in [starttls, at(ports.smtps, Security::Tls)] {
        let error = Session::open(&distrustful, &endpoint, &wrong, Patience::DEFAULT).await.unwrap_err();
        assert_eq!(error, ServerError::Certificate(CertificateFault::UnknownIssuer));
    }
    let plain_for_tls = at(ports.smtp, Security::Tls);
    let error = Session::open(&network(), &plain_for_tls, &wrong, Patience::DEFAULT).await.unwrap_err();
    assert_eq!(error, ServerError::Tls);
}

#[tokio::test]
async fn each_recipient_has_an_answer_and_the_good_ones_have_the_mail() {
    let recipients = [
        address("first@example.test"),
        address("nobody-here@example.test"),
        address("busy-now@example.test"),
        address("second@example.test"),
    ];
    let raw = mail("verdicts@example.test", "one each");
    let asked = AtomicBool::new(false);
    let mut session = open().await;
    let attempt = session
        .deliver(&address("sender@example.test"), &recipients, &raw, async {
            asked.store(true, Ordering::SeqCst);
            true
        })
        .await;
    assert_eq!(attempt.end, End::Answered);
    assert_eq!(
        codes(&attempt.verdicts),
        [("accepted", 250), ("refused", 550), ("deferred", 451), ("accepted", 250)]
    );
    assert!(asked.load(Ordering::SeqCst));
    for name in ["first@example.test", "second@example.test"] {
        let got = servers().mailbox(name).wait_for("INBOX", 1, Duration::from_secs(10)).unwrap();
        // The servers put their trace in front; from our first header on it is our mail, dots and all.
        assert_eq!(got.len(), 1);
        assert!(got[0].ends_with(&raw), "{}", String::from_utf8_lossy(&got[0]));
    }

    // The same session takes another mail.
    assert!(session.is_usable() && session.still_lives().await);
    let third = [address("third@example.test")];
    let attempt = session.deliver(&address("sender@example.test"), &third, &raw, async { true }).await;
    assert_eq!((attempt.end, codes(&attempt.verdicts)), (End::Answered, vec![("accepted", 250)]));
    session.close().await;
}

#[tokio::test]
async fn nobody_accepted_means_nothing_recorded_and_nothing_sent() {
    let mut session = open().await;
    let nobody = [address("nobody-a@example.test"), address("nobody-b@example.test")];
    let raw = mail("none@example.test", "for nobody");
    let attempt = session
        .deliver(&address("sender@example.test"), &nobody, &raw, async { panic!("must not be asked") })
        .await;
    assert_eq!(attempt.end, End::Answered);
    assert_eq!(codes(&attempt.verdicts), [("refused", 550), ("refused", 550)]);
    assert!(session.is_usable());
}

#[tokio::test]
async fn who_withdraws_before_the_body_has_sent_nothing() {
    let recipient = "withdrawn@example.test";
    let mut session = open().await;
    let raw = mail("withdrawn@example.test", "withdrawn");
    let attempt =
        session.deliver(&address("sender@example.test"), &[address(recipient)], &raw, async { false }).await;
    assert_eq!((attempt.end, codes(&attempt.verdicts)), (End::Withdrawn, vec![("open", 0)]));
    assert!(!session.is_usable() && !session.still_lives().await);
    drop(session);

    // A later mail arrives, the withdrawn one not: it would have come first.
    let mut session = open().await;
    let later = mail("later@example.test", "later");
    session.deliver(&address("sender@example.test"), &[address(recipient)], &later, async { true }).await;
    let got = servers().mailbox(recipient).wait_for("INBOX", 1, Duration::from_secs(10)).unwrap();
    assert_eq!(got.len(), 1);
    assert!(got[0].ends_with(&later));
}
