//! Bringing the schema to where this build expects it.

use crate::{error::StoreError, pool};
use diesel::migration::{Migration, MigrationSource};
use diesel_async::{AsyncMigrationHarness, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use secrecy::{ExposeSecret, SecretString};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Runs what is pending, as the URL's own user, and tells the names of what was run. Two processes that do so at the
/// same time run each migration once.
///
/// # Errors
/// When the database can't be reached or a migration fails; the failed one is rolled back.
pub async fn run(url: &SecretString) -> Result<Vec<String>, StoreError> {
    let mut connection = pool::connect(url.expose_secret())
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    // A session-level lock: held until the connection ends.
    diesel::sql_query("SELECT pg_advisory_lock(hashtext('postroom migrations'))")
        .execute(&mut connection)
        .await?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let done = harness
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| StoreError::Corrupt(format!("a migration failed: {error}")))?;
    Ok(done.iter().map(ToString::to_string).collect())
}

/// Undoes every migration: for the test that each can be undone.
///
/// # Errors
/// As for [`run`].
pub async fn revert_all(url: &SecretString) -> Result<(), StoreError> {
    let connection = pool::connect(url.expose_secret())
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut harness = AsyncMigrationHarness::new(connection);
    harness
        .revert_all_migrations(MIGRATIONS)
        .map_err(|error| StoreError::Corrupt(format!("a migration could not be undone: {error}")))?;
    Ok(())
}

/// The newest migration that this build knows.
///
/// # Errors
/// When the build carries none.
pub fn newest() -> Result<String, StoreError> {
    MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS)
        .ok()
        .and_then(|all| all.iter().map(|migration| migration.name().version().to_string()).max())
        .ok_or_else(|| StoreError::Corrupt("this build carries no migrations".into()))
}
