//! Access tokens (JWT, Ed25519) and refresh tokens.
//!
//! An access token says who signed in, and nothing about what they may do: session, role and activity are read from
//! the database on each request. Its signature can be checked by others with the keys of `/.well-known/jwks.json`.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use postroom_domain::ids::{SessionId, UserId, WorkspaceId};
use postroom_store::SigningKey;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};
use utoipa::ToSchema;

/// How long an access token is good for, in seconds.
pub const ACCESS_TOKEN_SECONDS: i64 = 900;
/// How far the clocks of two servers may differ, in seconds.
const CLOCK_LEEWAY: u64 = 5;
const ISSUER: &str = "postroom";

/// Why keys could not be used or a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The bytes are no Ed25519 key in PKCS #8.
    #[error("signing key {0} is no Ed25519 key in PKCS #8")]
    Key(String),
    /// There must be one key to sign with.
    #[error("there is no signing key")]
    NoKey,
    /// The text is no private key.
    #[error("this is no Ed25519 key in PKCS #8, as PEM or as base64 (`openssl genpkey -algorithm ed25519`)")]
    Text,
    /// No key could be made.
    #[error("a signing key could not be made")]
    Generate,
    /// The token is malformed, expired, or signed by nobody we know.
    #[error("the token is not valid: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The token names a key that we don't have.
    #[error("the token's key is unknown")]
    UnknownKey,
}

/// Makes a new signing key. Its name is the start of its public half's SHA-256.
///
/// # Errors
/// [`TokenError::Generate`] where the system gives no randomness.
pub fn generate_signing_key() -> Result<SigningKey, TokenError> {
    named(&Ed25519KeyPair::generate().map_err(|_| TokenError::Generate)?)
}

/// Reads a key that the operator has made: PKCS #8, as PEM or as base64 of the DER.
///
/// # Errors
/// [`TokenError::Text`], which says nothing of the text.
pub fn read_signing_key(text: &SecretString) -> Result<SigningKey, TokenError> {
    let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let base64 = SecretString::from(lines.collect::<String>());
    let der = SecretSlice::from(STANDARD.decode(base64.expose_secret()).map_err(|_| TokenError::Text)?);
    named(&Ed25519KeyPair::from_pkcs8(der.expose_secret()).map_err(|_| TokenError::Text)?)
}

fn named(pair: &Ed25519KeyPair) -> Result<SigningKey, TokenError> {
    let pkcs8 = pair.to_pkcs8v1().map_err(|_| TokenError::Generate)?;
    let name = Sha256::digest(pair.public_key().as_ref());
    Ok(SigningKey {
        kid: URL_SAFE_NO_PAD.encode(name.get(..9).unwrap_or_default()),
        private_key: SecretSlice::from(pkcs8.as_ref().to_vec()),
    })
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// The user.
    pub sub: UserId,
    /// The session that it belongs to; ends with it.
    pub sid: SessionId,
    /// The user's workspace.
    pub wid: WorkspaceId,
    /// When it was made, seconds since 1970.
    pub iat: i64,
    /// When it ends, seconds since 1970.
    pub exp: i64,
}

/// The keys that sign and check access tokens. The first one signs; all check, until they are taken out, so that a
/// new key signs nobody out.
#[derive(Clone)]
pub struct TokenKeys(Arc<RwLock<KeySet>>);

struct KeySet {
    signing: (String, EncodingKey),
    checking: Vec<(String, DecodingKey)>,
    published: Jwks,
}

/// The public keys (RFC 7517).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Jwks {
    /// One for each key that tokens may be signed with.
    pub keys: Vec<Jwk>,
}

/// A public Ed25519 key (RFC 8037).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Jwk {
    /// The key's type.
    #[schema(example = "OKP")]
    pub kty: &'static str,
    /// The curve.
    #[schema(example = "Ed25519")]
    pub crv: &'static str,
    /// What it is for.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: &'static str,
    /// The signature algorithm of the tokens' headers.
    #[schema(example = "EdDSA")]
    pub alg: &'static str,
    /// The name in the tokens' headers.
    pub kid: String,
    /// The public key, base64url.
    pub x: String,
}

impl TokenKeys {
    /// Takes the keys, the signing one first.
    ///
    /// # Errors
    /// [`TokenError`] where there is none or one can't be read.
    pub fn new(keys: &[SigningKey]) -> Result<Self, TokenError> {
        Ok(Self(Arc::new(RwLock::new(KeySet::new(keys)?))))
    }

    /// Takes another set of keys, for every clone of this one.
    ///
    /// # Errors
    /// As [`TokenKeys::new`]; the old ones stay then.
    pub fn replace(&self, keys: &[SigningKey]) -> Result<(), TokenError> {
        let set = KeySet::new(keys)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }

    /// An access token for a session, good from `now` for [`ACCESS_TOKEN_SECONDS`].
    ///
    /// # Errors
    /// [`TokenError::Token`] where signing fails.
    pub fn issue(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<String, TokenError> {
        let iat = now.timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: user,
            sid: session,
            wid: workspace,
            iat,
            exp: iat + ACCESS_TOKEN_SECONDS,
        };
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (id, key) = &set.signing;
        let header = Header { kid: Some(id.clone()), ..Header::new(Algorithm::EdDSA) };
        Ok(jsonwebtoken::encode(&header, &claims, key)?)
    }

    /// What a token says, if one of our keys signed it and it has not ended.
    ///
    /// # Errors
    /// [`TokenError::Token`] or [`TokenError::UnknownKey`]; clients are never told which.
    pub fn check(&self, token: &str) -> Result<Claims, TokenError> {
        let kid = jsonwebtoken::decode_header(token)?.kid.ok_or(TokenError::UnknownKey)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.leeway = CLOCK_LEEWAY;
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (_, key) = set.checking.iter().find(|(id, _)| *id == kid).ok_or(TokenError::UnknownKey)?;
        Ok(jsonwebtoken::decode::<Claims>(token, key, &validation)?.claims)
    }

    /// The public keys.
    #[must_use]
    pub fn published(&self) -> Jwks {
        self.0.read().unwrap_or_else(PoisonError::into_inner).published.clone()
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.published().keys.iter().map(|key| &key.kid)).finish()
    }
}

impl KeySet {
    fn new(keys: &[SigningKey]) -> Result<Self, TokenError> {
        let first = keys.first().ok_or(TokenError::NoKey)?;
        let mut checking = Vec::with_capacity(keys.len());
        let mut published = Vec::with_capacity(keys.len());
        for key in keys {
            let pair = Ed25519KeyPair::from_pkcs8(key.private_key.expose_secret())
                .map_err(|_| TokenError::Key(key.kid.clone()))?;
            let public = pair.public_key().as_ref();
            checking.push((key.kid.clone(), DecodingKey::from_ed_der(public)));
            published.push(Jwk {
                kty: "OKP",
                crv: "Ed25519",
                usage: "sig",
                alg: "EdDSA",
                kid: key.kid.clone(),
                x: URL_SAFE_NO_PAD.encode(public),
            });
        }
        let signing = (first.kid.clone(), EncodingKey::from_ed_der(first.private_key.expose_secret()));
        Ok(Self { signing, checking, published: Jwks { keys: published } })
    }
}

/// The start of every refresh token, so that one that is found somewhere is recognised for what it is.
const REFRESH_PREFIX: &str = "prr_";

/// A new refresh token (256 random bits): what the client gets, and the digest that is stored.
#[must_use]
pub fn new_refresh_token() -> (SecretString, [u8; 32]) {
    let bytes: [u8; 32] = rand::random();
    let token = format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let digest = token_digest(&token);
    (SecretString::from(token), digest)
}

/// The digest by which a presented refresh token is looked up.
#[must_use]
pub fn token_digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn issue(keys: &TokenKeys, now: DateTime<Utc>) -> String {
        let id = |n| Uuid::from_u128(n);
        keys.issue(WorkspaceId(id(1)), UserId(id(2)), SessionId(id(3)), now).unwrap()
    }

    #[test]
    fn checks_what_it_issued() {
        let keys = TokenKeys::new(&[generate_signing_key().unwrap()]).unwrap();
        let claims = keys.check(&issue(&keys, Utc::now())).unwrap();
        assert_eq!(claims.sub, UserId(Uuid::from_u128(2)));
        assert_eq!(claims.exp - claims.iat, ACCESS_TOKEN_SECONDS);
    }

    #[test]
    fn refuses_foreign_expired_and_touched_tokens() {
        let keys = TokenKeys::new(&[generate_signing_key().unwrap()]).unwrap();
        let other = TokenKeys::new(&[generate_signing_key().unwrap()]).unwrap();
        assert!(matches!(keys.check(&issue(&other, Utc::now())), Err(TokenError::UnknownKey)));
        let old = Utc::now() - chrono::Duration::seconds(ACCESS_TOKEN_SECONDS + 60);
        assert!(keys.check(&issue(&keys, old)).is_err());
        let good = issue(&keys, Utc::now());
        let (head, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = head.split_once('.').unwrap();
        let forged = payload.replace(&payload[10..12], "AA");
        assert!(keys.check(&format!("{header}.{forged}.{signature}")).is_err());
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        assert!(keys.check(&format!("{none}.{payload}.")).is_err());
        for text in ["", ".", "..", "a.b.c", "💥"] {
            assert!(keys.check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_of_the_operators_is_read_in_both_forms() {
        let made = generate_signing_key().unwrap();
        let base64 = STANDARD.encode(made.private_key.expose_secret());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
        // RFC 8410, 10.3: as openssl writes it, without the public half.
        let bare = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
        for text in [base64.as_str(), &pem] {
            assert_eq!(read_signing_key(&text.into()).unwrap().kid, made.kid);
        }
        assert!(TokenKeys::new(&[read_signing_key(&bare.into()).unwrap()]).is_ok());
        for wrong in ["", "secret", "c2VjcmV0"] {
            let error = read_signing_key(&wrong.into()).unwrap_err();
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn an_old_key_goes_on_checking_until_it_is_taken_out() {
        let (old, new) = (generate_signing_key().unwrap(), generate_signing_key().unwrap());
        let keys = TokenKeys::new(std::slice::from_ref(&old)).unwrap();
        let token = issue(&keys, Utc::now());
        keys.replace(&[new.clone(), old]).unwrap();
        assert!(keys.check(&token).is_ok());
        assert_eq!(keys.published().keys.len(), 2);
        let header = jsonwebtoken::decode_header(issue(&keys, Utc::now())).unwrap();
        assert_eq!(header.kid.as_deref(), Some(new.kid.as_str()));
        keys.replace(&[new]).unwrap();
        assert!(keys.check(&token).is_err());
    }

    #[test]
    fn refresh_tokens_are_long_and_found_by_digest() {
        let (token, digest) = new_refresh_token();
        assert_eq!(token.expose_secret().len(), REFRESH_PREFIX.len() + 43);
        assert_eq!(token_digest(token.expose_secret()), digest);
        assert_ne!(new_refresh_token().1, digest);
    }
}
