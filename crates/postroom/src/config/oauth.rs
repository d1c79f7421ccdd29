//! The providers at which mailboxes sign in.

use super::{values::Values, web_url};
use postroom_mail::{
    net::{Endpoint, Network, Security},
    oauth::{OAuth, Provider},
};
use secrecy::SecretString;
use std::convert::Infallible;
use url::Url;

/// Those that are given; a provider that is given in part is a mistake.
pub(super) fn read(values: &Values, app_url: Option<&str>, network: &Network) -> OAuth {
    let mut providers = Vec::new();
    if let Some((id, secret)) = registration(values, GOOGLE) {
        match Provider::google(id, secret) {
            Ok(provider) => providers.push(provider),
            Err(error) => values.mistake(GOOGLE[0], error),
        }
    }
    let tenant = values.get("POSTROOM_OAUTH_MICROSOFT_TENANT", text, String::new());
    if let Some((id, secret)) = registration(values, MICROSOFT) {
        match Provider::microsoft(id, secret, &tenant) {
            Ok(provider) => providers.push(provider),
            Err(_) => values.mistake("POSTROOM_OAUTH_MICROSOFT_TENANT", "this is no tenant's id or domain"),
        }
    }
    providers.extend(other(values));
    let redirect = values.find("POSTROOM_OAUTH_REDIRECT_URL", web_url);
    let redirect = redirect.or_else(|| app_url.map(|app| format!("{app}/oauth")));
    match redirect {
        _ if providers.is_empty() => OAuth::none(),
        Some(redirect) => OAuth::new(providers, redirect, network),
        None => {
            if !values.is_given("POSTROOM_OAUTH_REDIRECT_URL") && !values.is_given("POSTROOM_APP_URL") {
                values.mistake("POSTROOM_OAUTH_REDIRECT_URL", "must be given, or POSTROOM_APP_URL");
            }
            OAuth::none()
        }
    }
}

const GOOGLE: [&str; 2] = ["POSTROOM_OAUTH_GOOGLE_CLIENT_ID", "POSTROOM_OAUTH_GOOGLE_CLIENT_SECRET"];
const MICROSOFT: [&str; 2] = ["POSTROOM_OAUTH_MICROSOFT_CLIENT_ID", "POSTROOM_OAUTH_MICROSOFT_CLIENT_SECRET"];
const OTHER: [&str; 2] = ["POSTROOM_OAUTH_OTHER_CLIENT_ID", "POSTROOM_OAUTH_OTHER_CLIENT_SECRET"];

fn text(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}

/// Postroom's name and secret at a provider: both, or neither.
fn registration(values: &Values, [id, secret]: [&'static str; 2]) -> Option<(String, SecretString)> {
    let given = (values.find(id, text), values.find(secret, text));
    match given {
        (Some(id), Some(secret)) => Some((id, secret.into())),
        (None, None) => None,
        (Some(_), None) => {
            values.mistake(secret, format!("must be given together with {id}"));
            None
        }
        (None, Some(_)) => {
            values.mistake(id, format!("must be given together with {secret}"));
            None
        }
    }
}

/// A provider of which all has to be said.
fn other(values: &Values) -> Option<Provider> {
    let name = values.get("POSTROOM_OAUTH_OTHER_NAME", text, String::new());
    let authorize_url = values.find("POSTROOM_OAUTH_OTHER_AUTHORIZE_URL", Provider::endpoint);
    let token_url = values.find("POSTROOM_OAUTH_OTHER_TOKEN_URL", Provider::endpoint);
    let scopes = values.find("POSTROOM_OAUTH_OTHER_SCOPES", text);
    let imap = values.find("POSTROOM_OAUTH_OTHER_IMAP_URL", |text| server(text, "imap", (993, 143)));
    let smtp = values.find("POSTROOM_OAUTH_OTHER_SMTP_URL", |text| server(text, "smtp", (465, 587)));
    let (client_id, client_secret) = registration(values, OTHER)?;
    for (name, there) in [
        ("POSTROOM_OAUTH_OTHER_AUTHORIZE_URL", authorize_url.is_some()),
        ("POSTROOM_OAUTH_OTHER_TOKEN_URL", token_url.is_some()),
        ("POSTROOM_OAUTH_OTHER_SCOPES", scopes.is_some()),
        ("POSTROOM_OAUTH_OTHER_IMAP_URL", imap.is_some()),
        ("POSTROOM_OAUTH_OTHER_SMTP_URL", smtp.is_some()),
    ] {
        if !there && !values.is_given(name) {
            values.mistake(name, format!("must be given together with {}", OTHER[0]));
        }
    }
    Some(Provider {
        id: "other".to_owned(),
        name,
        client_id,
        client_secret,
        authorize_url: authorize_url?,
        token_url: token_url?,
        scopes: scopes?,
        parameters: Vec::new(),
        imap: imap?,
        smtp: smtp?,
    })
}

/// `imaps://host` (TLS), `imap://host` (STARTTLS) or `imap://host:143?tls=none`, and the same with `smtp`.
fn server(text: &str, scheme: &str, (tls, plain): (u16, u16)) -> Result<Endpoint, String> {
    let wrong = || {
        format!(
            "this is no address of the form {scheme}s://host (TLS), {scheme}://host (STARTTLS) or {scheme}://host:{plain}?tls=none"
        )
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let (security, port) = match (url.scheme().strip_prefix(scheme), url.query()) {
        (Some("s"), None) => (Security::Tls, tls),
        (Some(""), None) => (Security::StartTls, plain),
        (Some(""), Some("tls=none")) => (Security::None, plain),
        _ => return Err(wrong()),
    };
    let bare = matches!(url.path(), "" | "/") && url.fragment().is_none() && url.username().is_empty();
    let host = url.host_str().filter(|host| !host.is_empty() && bare).ok_or_else(wrong)?;
    Ok(Endpoint { host: host.to_owned(), port: url.port().unwrap_or(port), security })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read() {
        let read = |text: &str| server(text, "imap", (993, 143));
        let found = read("imaps://mail.example.com").unwrap();
        assert_eq!(
            (found.host.as_str(), found.port, found.security),
            ("mail.example.com", 993, Security::Tls)
        );
        assert_eq!(read("imap://h:1143").unwrap().port, 1143);
        assert_eq!(read("imap://h?tls=none").unwrap().security, Security::None);
        for bad in
            ["smtp://h", "imaps://h/x", "imap://", "mail.example.com", "imap://u@h", "imaps://h?tls=none"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
