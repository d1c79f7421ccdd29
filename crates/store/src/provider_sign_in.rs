//! Signing in at a mailbox's provider, begun here and ended when the browser comes back: what is needed then goes along as
//! the `state`, sealed, so that nothing has to be kept. It opens for the user alone who began it, so nobody can be made to
//! connect their mailbox to somebody else's workspace.

use crate::{Store, error::StoreError, seal::Place};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use postroom_domain::access::Actor;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// A sign-in that was begun.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// At which provider.
    pub provider: String,
    /// What proves to the provider that the code comes from whoever began (PKCE, RFC 7636).
    pub verifier: SecretString,
}

impl Store {
    /// Takes the snapshot that an answer belongs to which says nothing of the store's own: it is as current as the rest of
    /// what a page reads.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_nothing(&self, actor: &Actor) -> Result<(), StoreError> {
        self.begin_read(actor.workspace_id).await?.commit().await
    }

    /// The `state` of a sign-in, good until then; of characters that an address may have.
    ///
    /// # Errors
    /// [`StoreError::Secret`].
    pub fn sign_in_state(
        &self,
        actor: &Actor,
        pending: &PendingSignIn,
        until: DateTime<Utc>,
    ) -> Result<String, StoreError> {
        let (provider, verifier) = (&pending.provider, pending.verifier.expose_secret());
        let content = json!({"provider": provider, "verifier": verifier, "until": until.timestamp()});
        let place = Place::SignIn(actor.workspace_id, actor.user_id);
        let sealed = self.inner.master_key.seal(place, content.to_string().as_bytes())?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The sign-in that this `state` belongs to; `None` where it is none of this user's, or its time is over.
    #[must_use]
    pub fn pending_sign_in(&self, actor: &Actor, state: &str, now: DateTime<Utc>) -> Option<PendingSignIn> {
        let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
        let place = Place::SignIn(actor.workspace_id, actor.user_id);
        let content = self.inner.master_key.open(place, &sealed).ok()?;
        let content: Value = serde_json::from_slice(content.expose_secret()).ok()?;
        let text = |name: &str| content.get(name).and_then(Value::as_str).map(str::to_owned);
        let until = content.get("until").and_then(Value::as_i64)?;
        let pending = PendingSignIn { provider: text("provider")?, verifier: text("verifier")?.into() };
        (now.timestamp() < until).then_some(pending)
    }
}
