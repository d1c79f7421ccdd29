//! Passwords: Argon2id, off the async threads, and the same work whether or not an account exists.

use argon2::{
    Argon2,
    password_hash::{Error, PasswordHasher as _, PasswordVerifier as _},
};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Shortest password that a user may choose, in characters.
pub const MIN_LENGTH: usize = 10;
/// Longest password that is looked at, in bytes.
pub const MAX_LENGTH: usize = 1024;

/// Why a password could be neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The stored hash is damaged or of another scheme, or the system gave no randomness.
    #[error("the password's hash could not be computed: {0}")]
    Hash(Error),
    /// The computing thread ended without a result.
    #[error("the thread that computed a password's hash was lost")]
    Lost,
}

/// One hash needs 19 MiB and a processor for some 40 ms: no more at once than there are processors.
static PLACES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// What is compared with where there is no account. Nobody knows the password.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now(&uuid::Uuid::new_v4().to_string()).ok());

/// Makes ready what [`verify`] compares with where there is no account, so that the first such sign-in takes no longer.
pub fn prepare() {
    LazyLock::force(&NOBODY);
}

/// The hash of a new password, a PHC string with its parameters and a fresh salt.
///
/// # Errors
/// [`PasswordError`] where the system has no randomness or memory.
pub async fn hash(password: SecretString) -> Result<String, PasswordError> {
    blocking(move || hash_now(password.expose_secret())).await
}

/// Whether the password belongs to the hash. Without a hash (no such account) the answer is no, after the same work.
///
/// # Errors
/// [`PasswordError`] where the stored hash can't be read.
pub async fn verify(password: SecretString, stored: Option<String>) -> Result<bool, PasswordError> {
    blocking(move || {
        let known = stored.is_some();
        let Some(hash) = stored.as_deref().or(NOBODY.as_deref()) else {
            return Err(PasswordError::Lost);
        };
        match Argon2::default().verify_password(password.expose_secret().as_bytes(), hash) {
            Ok(()) => Ok(known),
            Err(Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(PasswordError::Hash(error)),
        }
    })
    .await
}

fn hash_now(password: &str) -> Result<String, PasswordError> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, PasswordError> {
    let _place = PLACES.acquire().await.map_err(|_| PasswordError::Lost)?;
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.map_err(|_| PasswordError::Lost)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn knows_the_right_password_only() {
        let stored = hash("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert_ne!(stored, hash("correct horse".into()).await.unwrap());
        assert!(verify("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!verify("correct hors".into(), Some(stored)).await.unwrap());
        assert!(!verify("correct horse".into(), None).await.unwrap());
        assert!(verify("x".into(), Some("damaged".to_owned())).await.is_err());
    }
}
