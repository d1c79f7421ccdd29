//! A provider as the operator has registered with it.

use std::fmt;

use secrecy::SecretString;
use url::Url;

use crate::net::{Endpoint, Security};

/// Somebody whom people have their mail with, and at whom Postroom is registered.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name in the API and the database: `google`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Postroom's name there.
    pub client_id: String,
    /// What proves that it is Postroom who asks.
    pub client_secret: SecretString,
    /// Where people sign in.
    pub authorize_url: Url,
    /// Where tokens come from.
    pub token_url: Url,
    /// What is asked for, separated by spaces.
    pub scopes: String,
    /// Further parameters of the sign-in.
    pub parameters: Vec<(&'static str, &'static str)>,
    /// Its server to read.
    pub imap: Endpoint,
    /// Its server to send through.
    pub smtp: Endpoint,
}

/// A provider's address can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderError;

impl std::error::Error for ProviderError {}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no address of the form https://login.example.com/token")
    }
}

impl Provider {
    /// An endpoint's address: https, or http on this very machine.
    ///
    /// # Errors
    /// When it is none.
    pub fn endpoint(text: &str) -> Result<Url, ProviderError> {
        let url = Url::parse(text).map_err(|_| ProviderError)?;
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let safe = url.scheme() == "https" || (url.scheme() == "http" && here);
        if safe && url.has_host() && url.fragment().is_none() { Ok(url) } else { Err(ProviderError) }
    }

    /// Gmail and Google Workspace.
    ///
    /// # Errors
    /// Never, as long as the addresses below are addresses.
    pub fn google(client_id: String, client_secret: SecretString) -> Result<Self, ProviderError> {
        Ok(Self {
            id: "google".to_owned(),
            name: "Google".to_owned(),
            client_id,
            client_secret,
            authorize_url: Self::endpoint("https://accounts.google.com/o/oauth2/v2/auth")?,
            token_url: Self::endpoint("https://oauth2.googleapis.com/token")?,
            scopes: "https://mail.google.com/".to_owned(),
            // Without the second, Google gives a refresh token at the very first consent only.
            parameters: vec![("access_type", "offline"), ("prompt", "consent")],
            imap: server("imap.gmail.com", 993, Security::Tls),
            smtp: server("smtp.gmail.com", 465, Security::Tls),
        })
    }

    /// Microsoft 365. `tenant` is an organisation's id or domain, or `common` for all of them.
    ///
    /// # Errors
    /// Where the tenant can't be part of an address.
    pub fn microsoft(
        client_id: String,
        client_secret: SecretString,
        tenant: &str,
    ) -> Result<Self, ProviderError> {
        if tenant.is_empty() || !tenant.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)) {
            return Err(ProviderError);
        }
        let base = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0");
        Ok(Self {
            id: "microsoft".to_owned(),
            name: "Microsoft 365".to_owned(),
            client_id,
            client_secret,
            authorize_url: Self::endpoint(&format!("{base}/authorize"))?,
            token_url: Self::endpoint(&format!("{base}/token"))?,
            scopes: "offline_access https://outlook.office.com/IMAP.AccessAsUser.All \
                     https://outlook.office.com/SMTP.Send"
                .to_owned(),
            parameters: vec![("prompt", "select_account")],
            imap: server("outlook.office365.com", 993, Security::Tls),
            smtp: server("smtp.office365.com", 587, Security::StartTls),
        })
    }

    pub(super) fn authorization_url(
        &self,
        redirect_url: &str,
        state: &str,
        challenge: &str,
        login_hint: Option<&str>,
    ) -> String {
        let mut url = self.authorize_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", redirect_url)
            .append_pair("scope", &self.scopes)
            .append_pair("state", state)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(&self.parameters)
            .extend_pairs(login_hint.map(|hint| ("login_hint", hint)));
        url.into()
    }
}

fn server(host: &str, port: u16, security: Security) -> Endpoint {
    Endpoint { host: host.to_owned(), port, security }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_https_or_here() {
        for good in ["https://login.example.com/token?x=1", "http://localhost:1/t", "http://127.0.0.1/"] {
            assert!(Provider::endpoint(good).is_ok(), "{good}");
        }
        for bad in ["http://login.example.com/token", "ftp://localhost", "file:///etc", "x", "https://a/#b"] {
            assert!(Provider::endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_known_providers_ask_for_mail_and_for_lasting_access() {
        let google = Provider::google("id&x".to_owned(), "secret".into()).unwrap();
        let url = google.authorization_url("https://app.example/back", "st", "ch", Some("a@b.example"));
        let url = Url::parse(&url).unwrap();
        assert_eq!(url.host_str(), Some("accounts.google.com"));
        let pairs: Vec<_> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
        for wanted in [
            "response_type=code",
            "client_id=id&x",
            "redirect_uri=https://app.example/back",
            "scope=https://mail.google.com/",
            "state=st",
            "code_challenge=ch",
            "code_challenge_method=S256",
            "access_type=offline",
            "prompt=consent",
            "login_hint=a@b.example",
        ] {
            assert!(pairs.iter().any(|pair| pair == wanted), "{wanted} in {pairs:?}");
        }
        assert!(!url.as_str().contains("secret"));
        let tenant = |name: &str| Provider::microsoft("id".to_owned(), "secret".into(), name);
        let microsoft = tenant("acme.onmicrosoft.com").unwrap();
        let wanted = "https://login.microsoftonline.com/acme.onmicrosoft.com/oauth2/v2.0/token";
        assert_eq!(microsoft.token_url.as_str(), wanted);
        assert!(microsoft.scopes.starts_with("offline_access "));
        assert!(tenant("a/../b").is_err() && tenant("").is_err());
    }
}
