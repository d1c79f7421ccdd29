//! How an access token is shown to a mail server: Google's and Microsoft's `XOAUTH2`, and `OAUTHBEARER` (RFC 7628), which
//! is the same in the words of a standard.

use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::net::Endpoint;

/// A mechanism for access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenMechanism {
    XOAuth2,
    OAuthBearer,
}

impl TokenMechanism {
    /// The one to use of those that the server offers.
    pub(crate) fn of(offered: impl Fn(&str) -> bool) -> Option<Self> {
        [Self::XOAuth2, Self::OAuthBearer].into_iter().find(|mechanism| offered(mechanism.name()))
    }

    /// Its name in the protocols.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// What is said first.
    pub(crate) fn response(self, username: &str, token: &SecretString, server: &Endpoint) -> String {
        let token = token.expose_secret();
        match self {
            Self::XOAuth2 => format!("user={username}\x01auth=Bearer {token}\x01\x01"),
            Self::OAuthBearer => {
                // The name is inside of commas, where "," and "=" are written in another way (RFC 5801).
                let username = username.replace('=', "=3D").replace(',', "=2C");
                let Endpoint { host, port, .. } = server;
                format!("n,a={username},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01")
            }
        }
    }

    /// What is said when the server answers with a challenge: it has refused the token and tells why, and goes on to the
    /// refusal itself only then.
    pub(crate) fn after_refusal(self) -> &'static str {
        match self {
            Self::XOAuth2 => "",
            Self::OAuthBearer => "\x01",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Security;

    #[test]
    fn tokens_are_shown_as_the_mechanisms_say() {
        let server = Endpoint { host: "imap.example".to_owned(), port: 993, security: Security::Tls };
        let said = |mechanism: TokenMechanism| mechanism.response("a=b,c@example", &"t".into(), &server);
        assert_eq!(said(TokenMechanism::XOAuth2), "user=a=b,c@example\x01auth=Bearer t\x01\x01");
        let standard = "n,a=a=3Db=2Cc@example,\x01host=imap.example\x01port=993\x01auth=Bearer t\x01\x01";
        assert_eq!(said(TokenMechanism::OAuthBearer), standard);
        assert_eq!(TokenMechanism::of(|_| true), Some(TokenMechanism::XOAuth2));
        assert_eq!(TokenMechanism::of(|name| name == "OAUTHBEARER"), Some(TokenMechanism::OAuthBearer));
        assert_eq!(TokenMechanism::of(|_| false), None);
    }
}
