//! Signing in with access tokens: what a server refuses is refused, and where it takes none that is said.

use std::time::Duration;

use postroom_mail::net::Security;
use postroom_mail::smtp::{Patience, Session};
use postroom_mail::{Login, Secret, ServerError, imap};
use postroom_testkit::oauth::OAuthServer;
use postroom_testkit::smtp::{self, SmtpServer};

use super::{at, network, servers};

fn made_up() -> Login {
    Login { username: "token@example.test".to_owned(), secret: Secret::OAuth2Token("made-up".into()) }
}

#[test]
fn a_made_up_token_is_refused_by_the_server_that_is_read() {
    let endpoint = at(servers().ports().imaps, Security::Tls);
    let refused =
        imap::Session::open(&network(), &endpoint, &made_up(), Duration::from_secs(20)).unwrap_err();
    assert_eq!(refused, ServerError::LoginRefused);
}

/// The server says why in a challenge, and only whoever answers that hears the refusal.
#[tokio::test]
async fn a_made_up_token_is_refused_by_the_server_that_is_sent_through() {
    let server = SmtpServer::start_for_tokens(smtp::Security::Plain, OAuthServer::shared().unwrap()).unwrap();
    let endpoint = at(server.port(), Security::None);
    let refused = Session::open(&network(), &endpoint, &made_up(), Patience::DEFAULT).await.unwrap_err();
    assert_eq!(refused, ServerError::LoginRefused);
    let said = server.commands();
    assert!(said[said.len() - 2].starts_with("AUTH XOAUTH2 ") && said[said.len() - 1].is_empty(), "{said:?}");
}

#[tokio::test]
async fn a_server_that_takes_passwords_alone_gets_no_token() {
    let endpoint = at(servers().ports().smtps, Security::Tls);
    let refused = Session::open(&network(), &endpoint, &made_up(), Patience::DEFAULT).await.unwrap_err();
    assert_eq!(refused, ServerError::NoLoginMechanism);
}
