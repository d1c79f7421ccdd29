//! Accounts at mail servers.

use secrecy::SecretString;

/// Who signs in at a mail server. Debug output shows no secret.
#[derive(Debug, Clone)]
pub struct Login {
    /// The account's name at the server, often its address.
    pub username: String,
    /// What proves it.
    pub secret: Secret,
}

/// What proves that an account is ours.
#[derive(Debug, Clone)]
pub enum Secret {
    /// A password, for `AUTH PLAIN` or `LOGIN`.
    Password(SecretString),
    /// An OAuth 2 access token, for `XOAUTH2`.
    OAuth2Token(SecretString),
}
