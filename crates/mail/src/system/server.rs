//! The operator's SMTP server, as it is configured.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use crate::login::{Login, Secret};
use crate::net::{Endpoint, Security};

/// The server that takes Postroom's own mail.
#[derive(Debug, Clone)]
pub struct SystemServer {
    /// Where it is.
    pub endpoint: Endpoint,
    /// How to sign in; `None` where it takes mail from us without.
    pub login: Option<Login>,
}

/// A text is no such server. It says nothing of the text, which has a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemServerError;

impl std::error::Error for SystemServerError {}

impl fmt::Display for SystemServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this is no address of the form smtps://user:password@host (TLS), smtp://user:password@host (STARTTLS) or \
             smtp://host:25?tls=none",
        )
    }
}

impl FromStr for SystemServer {
    type Err = SystemServerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| SystemServerError)?;
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", None) => (Security::StartTls, 587),
            ("smtp", Some("tls=none")) => (Security::None, 25),
            _ => return Err(SystemServerError),
        };
        let plain_path = matches!(url.path(), "" | "/") && url.fragment().is_none();
        let host = url.host_str().filter(|host| !host.is_empty() && plain_path).ok_or(SystemServerError)?;
        let decoded = |text: &str| {
            percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| SystemServerError)
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some(Login {
                username: decoded(user)?,
                secret: Secret::Password(SecretString::from(decoded(password)?)),
            }),
            _ => return Err(SystemServerError),
        };
        // Without brackets: it is a name or an address here, no part of an address of the web.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { endpoint: Endpoint { host, port: url.port().unwrap_or(port), security }, login })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn reads_what_operators_write() {
        let read = |text: &str| text.parse::<SystemServer>();
        let tls = read("smtps://post%40acme.example:p%2Fss%20w@mail.acme.example").unwrap();
        assert_eq!((tls.endpoint.host.as_str(), tls.endpoint.port), ("mail.acme.example", 465));
        assert_eq!(tls.endpoint.security, Security::Tls);
        let login = tls.login.unwrap();
        let Secret::Password(password) = &login.secret else { panic!("a password") };
        assert_eq!((login.username.as_str(), password.expose_secret()), ("post@acme.example", "p/ss w"));
        let starttls = read("smtp://u:p@127.0.0.1:2525").unwrap().endpoint;
        assert_eq!((starttls.port, starttls.security), (2525, Security::StartTls));
        let plain = read("smtp://[::1]?tls=none").unwrap();
        assert_eq!((plain.endpoint.host.as_str(), plain.endpoint.port), ("::1", 25));
        assert_eq!((plain.endpoint.security, plain.login.is_none()), (Security::None, true));
        for wrong in [
            "",
            "mail.acme.example",
            "http://mail.acme.example",
            "smtp://user@host",
            "smtp://:secret@host",
            "smtp://host/path",
            "smtp://host?tls=maybe",
            "smtps://host?tls=none",
            "smtps://u:%ff@host",
        ] {
            let error = read(wrong).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{wrong}");
        }
    }
}
