//! API keys as programs present them: `pr_`, then the workspace's id and 256 random bits. The id says where to look; what
//! is looked for is a digest of the whole.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use postroom_domain::ids::WorkspaceId;
use postroom_store::TokenDigest;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::tokens::token_digest;

/// The start of every key, so that one that is found somewhere is recognised for what it is.
const PREFIX: &str = "pr_";
/// So many of a key's last characters are shown, to tell keys apart; the others are plenty against guessing.
const HINT: usize = 4;

/// A new key.
pub struct NewKeyToken {
    /// What its maker gets, once.
    pub token: SecretString,
    /// What is stored.
    pub digest: TokenDigest,
    /// Its last characters.
    pub hint: String,
}

/// Makes a key for a workspace.
#[must_use]
pub fn new_key_token(workspace: WorkspaceId) -> NewKeyToken {
    let secret: [u8; 32] = rand::random();
    let token =
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&workspace.0.as_bytes()[..], &secret].concat()));
    let hint = token.get(token.len().saturating_sub(HINT)..).unwrap_or_default().to_owned();
    NewKeyToken { digest: token_digest(&token), hint, token: SecretString::from(token) }
}

/// A key that somebody presents, before it is known to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentedKey {
    /// Where it says that it belongs.
    pub workspace: WorkspaceId,
    /// What to look for.
    pub digest: TokenDigest,
}

impl PresentedKey {
    /// Reads a bearer token that has a key's form.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let workspace = bytes.get(..16).filter(|_| bytes.len() == 48)?;
        let workspace = Uuid::from_slice(workspace).ok()?.into();
        Some(Self { workspace, digest: token_digest(token) })
    }
}

impl std::fmt::Debug for NewKeyToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewKeyToken(…{})", self.hint)
    }
}

impl NewKeyToken {
    /// The token itself, for the one answer that shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.token.expose_secret().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_the_digest_of_all_of_it() {
        let workspace = WorkspaceId(Uuid::from_u128(7));
        let new = new_key_token(workspace);
        let token = new.shown();
        assert_eq!(PresentedKey::of(&token), Some(PresentedKey { workspace, digest: new.digest }));
        assert_eq!(token.len(), 67);
        assert!(token.ends_with(&new.hint) && !format!("{new:?}").contains(&token[10..]));
        assert_ne!(new_key_token(workspace).digest, new.digest);
        // Another workspace in it is another key.
        let moved = new_key_token(WorkspaceId(Uuid::from_u128(8))).shown();
        let forged = format!("{}{}", &moved[..24], &token[24..]);
        assert_ne!(PresentedKey::of(&forged).map(|key| key.digest), Some(new.digest));
        for text in ["", "pr_", "pr_AAAA", &token[..66], &format!("{token}A"), &token[3..], "prr_AAAA", "💥"]
        {
            assert_eq!(PresentedKey::of(text), None, "{text}");
        }
    }
}
