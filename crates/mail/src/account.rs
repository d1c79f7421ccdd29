//! A mailbox's servers, from the store's words to the protocols'.

use postroom_store::{Security as Stored, Server};
use secrecy::SecretString;

use crate::login::{Login, Secret};
use crate::net::{Endpoint, Security};

/// A server and how to sign in there.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) endpoint: Endpoint,
    pub(crate) login: Login,
}

impl From<&(Server, SecretString)> for Account {
    fn from((server, password): &(Server, SecretString)) -> Self {
        let security = match server.security {
            Stored::Tls => Security::Tls,
            Stored::StartTls => Security::StartTls,
            Stored::None => Security::None,
        };
        Self {
            endpoint: Endpoint { host: server.host.clone(), port: server.port, security },
            login: Login { username: server.username.clone(), secret: Secret::Password(password.clone()) },
        }
    }
}
