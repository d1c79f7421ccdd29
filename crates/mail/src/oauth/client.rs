//! What is asked of a provider's token endpoint, and what its answers mean.

use std::time::Duration;

use postroom_store::Tokens;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{OAuth, Provider, http};
use crate::ServerError;

/// Where a provider doesn't say how long its token lasts.
const USUAL: Duration = Duration::from_secs(60 * 60);

/// Why a provider gave no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// What was shown to it, a code or a refresh token, is not good, or not any more: `invalid_grant`.
    #[error("the provider refuses what it gave before")]
    NotGranted,
    /// It refuses Postroom itself, or does not understand it: the operator's registration is wrong.
    #[error("the provider does not take Postroom's registration")]
    Registration,
    /// It gave an access token, but nothing to get the next one with.
    #[error("the provider gives no lasting access")]
    NotLasting,
    /// It could not be asked, or can't answer now.
    #[error("the provider can't be asked now: {0}")]
    Unavailable(ServerError),
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: Option<u64>,
    refresh_token: Option<SecretString>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl OAuth {
    /// Gives the code that a browser came back with for tokens.
    ///
    /// # Errors
    /// Any [`TokenFault`].
    pub async fn exchange(
        &self,
        provider: &Provider,
        code: &str,
        verifier: &SecretString,
    ) -> Result<Tokens, TokenFault> {
        let tokens = self
            .ask(
                provider,
                &[
                    ("grant_type", "authorization_code"),
                    ("code", code),
                    ("redirect_uri", &self.inner.redirect_url),
                    ("code_verifier", verifier.expose_secret()),
                ],
            )
            .await?;
        if tokens.refresh_token.is_some() { Ok(tokens) } else { Err(TokenFault::NotLasting) }
    }

    /// Gets the next access token.
    ///
    /// # Errors
    /// [`TokenFault`], but `NotLasting`.
    pub async fn refresh(
        &self,
        provider: &Provider,
        refresh_token: &SecretString,
    ) -> Result<Tokens, TokenFault> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        self.ask(provider, &form).await
    }

    async fn ask(&self, provider: &Provider, form: &[(&str, &str)]) -> Result<Tokens, TokenFault> {
        let Some(network) = &self.inner.network else {
            return Err(TokenFault::Unavailable(ServerError::NameNotFound));
        };
        let ours =
            [("client_id", &*provider.client_id), ("client_secret", provider.client_secret.expose_secret())];
        let form = [form, &ours].concat();
        let (status, body) =
            http::post(network, &provider.token_url, &form).await.map_err(TokenFault::Unavailable)?;
        understood(status, &body)
    }
}

/// RFC 6749, 5.1 and 5.2. What a provider says in words is not kept: nobody knows what it quotes.
fn understood(status: u16, body: &[u8]) -> Result<Tokens, TokenFault> {
    if status == 200 {
        let granted: Granted =
            serde_json::from_slice(body).map_err(|_| TokenFault::Unavailable(ServerError::Protocol))?;
        let lasts = granted.expires_in.map_or(USUAL, Duration::from_secs);
        let Granted { access_token, refresh_token, .. } = granted;
        return Ok(Tokens { access_token, lasts, refresh_token });
    }
    let refused = serde_json::from_slice::<Refused>(body).map(|refused| refused.error);
    Err(match (status, refused.as_deref()) {
        (429 | 500.., _) => TokenFault::Unavailable(ServerError::Unavailable),
        (_, Ok("invalid_grant" | "interaction_required" | "consent_required" | "login_required")) => {
            TokenFault::NotGranted
        }
        (_, Ok("temporarily_unavailable" | "server_error" | "slow_down")) => {
            TokenFault::Unavailable(ServerError::Unavailable)
        }
        (_, Ok(_)) => TokenFault::Registration,
        (_, Err(_)) => TokenFault::Unavailable(ServerError::Protocol),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let good =
            understood(200, br#"{"access_token":"a","expires_in":3599,"token_type":"Bearer"}"#).unwrap();
        assert_eq!((good.lasts.as_secs(), good.refresh_token.is_none()), (3599, true));
        let unavailable = |error| TokenFault::Unavailable(error);
        for (status, body, fault) in [
            (400, r#"{"error":"invalid_grant","error_description":"expired"}"#, TokenFault::NotGranted),
            (400, r#"{"error":"interaction_required"}"#, TokenFault::NotGranted),
            (401, r#"{"error":"invalid_client"}"#, TokenFault::Registration),
            (400, r#"{"error":"unauthorized_client"}"#, TokenFault::Registration),
            (503, r#"{"error":"invalid_grant"}"#, unavailable(ServerError::Unavailable)),
            (429, "slow down", unavailable(ServerError::Unavailable)),
            (400, r#"{"error":"temporarily_unavailable"}"#, unavailable(ServerError::Unavailable)),
            (400, "<html>", unavailable(ServerError::Protocol)),
            (302, "", unavailable(ServerError::Protocol)),
            (200, "<html>", unavailable(ServerError::Protocol)),
            (200, r#"{"access_token":7}"#, unavailable(ServerError::Protocol)),
        ] {
            assert_eq!(understood(status, body.as_bytes()).unwrap_err(), fault, "{status} {body}");
        }
    }
}
