//! A mailbox's servers, from the store's words to the protocols'.

use postroom_domain::ids::{MailboxId, WorkspaceId};
use postroom_store::{AccessToken, Security as Stored, Server};
use secrecy::SecretString;

use crate::login::{Login, Secret};
use crate::net::{Endpoint, Security};

/// A server and how to sign in there.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) endpoint: Endpoint,
    pub(crate) login: Login,
    pub(crate) proof: Proof,
}

/// Where what proves that the account is ours comes from.
#[derive(Debug, Clone)]
pub(crate) enum Proof {
    Password(SecretString),
    /// The token that this mailbox has for now.
    Token(WorkspaceId, MailboxId, AccessToken),
}

impl Account {
    pub(crate) fn new(server: &Server, proof: Proof) -> Self {
        let security = match server.security {
            Stored::Tls => Security::Tls,
            Stored::StartTls => Security::StartTls,
            Stored::None => Security::None,
        };
        let secret = match &proof {
            Proof::Password(password) => Secret::Password(password.clone()),
            Proof::Token(_, _, token) => Secret::OAuth2Token(token.token.clone()),
        };
        Self {
            endpoint: Endpoint { host: server.host.clone(), port: server.port, security },
            login: Login { username: server.username.clone(), secret },
            proof,
        }
    }
}
