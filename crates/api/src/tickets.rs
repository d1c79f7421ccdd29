//! Tickets for the live stream: who follows, by which session or API key, with a code that shows that it comes from us.
//! They are good for as long as that is, which is asked each time.

use crate::{
    caller::{self, Caller},
    keys::{CODE_LENGTH, Key},
    problem::Problem,
    server::State,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use postroom_domain::ids::{UserId, WorkspaceId};
use postroom_store::Credential;
use uuid::Uuid;

/// The start of every ticket, so that one that is found somewhere is recognised for what it is.
const PREFIX: &str = "prt_";
/// What a ticket's credential is: its first byte.
const SESSION: u8 = 0;
const API_KEY: u8 = 1;

/// What a ticket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    workspace: WorkspaceId,
    user: UserId,
    credential: Credential,
}

impl Ticket {
    /// The ticket of somebody who is signed in.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        let actor = &caller.actor;
        Self { workspace: actor.workspace_id, user: actor.user_id, credential: caller.credential }
    }

    fn bytes(&self) -> Vec<u8> {
        let (kind, credential) = match self.credential {
            Credential::Session(id) => (SESSION, id.0),
            Credential::ApiKey(id) => (API_KEY, id.0),
        };
        let ids = [self.workspace.0, self.user.0, credential];
        std::iter::once(kind).chain(ids.iter().flat_map(|id| *id.as_bytes())).collect()
    }

    /// As text that can stand in an address.
    #[must_use]
    pub fn seal(&self, key: &Key) -> String {
        let mut bytes = self.bytes();
        bytes.extend(key.code(&[&bytes]));
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads one.
    ///
    /// # Errors
    /// 401 `not_authenticated` where it is none of ours.
    pub fn open(key: &Key, text: &str) -> Result<Self, Problem> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
            let (said, code) = bytes.split_at_checked(bytes.len().checked_sub(CODE_LENGTH)?)?;
            let (kind, ids) = said.split_first()?;
            let mut ids = ids.chunks_exact(16).map(Uuid::from_slice);
            let mut next = || ids.next()?.ok();
            let (workspace, user, credential) = (next()?.into(), next()?.into(), next()?);
            let credential = match *kind {
                SESSION => Credential::Session(credential.into()),
                API_KEY => Credential::ApiKey(credential.into()),
                _ => return None,
            };
            let ticket = Self { workspace, user, credential };
            (ticket.bytes() == said && key.verify(&[said], code)).then_some(ticket)
        };
        read().ok_or_else(caller::not_authenticated)
    }

    /// Who comes with it, where their session or key is still good.
    ///
    /// # Errors
    /// 401 `not_authenticated`.
    pub async fn caller(self, state: &State) -> Result<Caller, Problem> {
        let found = state.store.caller(self.workspace, self.credential, Utc::now()).await?;
        let found = found.filter(|found| found.actor.user_id == self.user);
        found.as_ref().map(Caller::of).ok_or_else(caller::not_authenticated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Purpose;

    #[test]
    fn only_what_we_sealed_is_a_ticket() {
        let key = Key::derive(&[3; 32], Purpose::Ticket);
        let id = |n| Uuid::from_u128(n);
        let credential = Credential::Session(id(3).into());
        let ticket = Ticket { workspace: id(1).into(), user: id(2).into(), credential };
        let of_key = Ticket { credential: Credential::ApiKey(id(3).into()), ..ticket };
        assert_eq!(Ticket::open(&key, &of_key.seal(&key)).unwrap(), of_key);
        let sealed = ticket.seal(&key);
        assert_eq!(Ticket::open(&key, &sealed).unwrap(), ticket);
        assert!(
            sealed.len() < 100 && sealed.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
        assert!(Ticket::open(&Key::derive(&[3; 32], Purpose::Link), &sealed).is_err(), "for another purpose");
        for at in [PREFIX.len(), 30, 60, sealed.len() - 1] {
            let mut touched = sealed.clone().into_bytes();
            touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(touched).unwrap();
            assert!(Ticket::open(&key, &touched).is_err(), "{at}");
        }
        for text in ["", "prt_", "prt_AAAA", &sealed[4..], &format!("{sealed}AAAA"), "💥", &sealed[..40]] {
            assert!(Ticket::open(&key, text).is_err(), "{text}");
        }
    }
}
