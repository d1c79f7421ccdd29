//! Bringing the schema to where this build expects it.

use crate::{Store, error::StoreError, pool};
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
    let done = done.iter().map(ToString::to_string).collect();
    // Servers ask as the role without privileges whether they find the schema that they expect.
    let grant = diesel::sql_query("GRANT SELECT ON __diesel_schema_migrations TO postroom_app");
    grant.execute(&mut harness.into_inner()).await?;
    Ok(done)
}

/// Undoes all migrations that came after this one, or every one: for the tests that each can be undone, and done over
/// what is there.
///
/// # Errors
/// As for [`run`].
pub async fn revert(url: &SecretString, down_to: Option<&str>) -> Result<(), StoreError> {
    let connection = pool::connect(url.expose_secret())
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let failed = |error| StoreError::Corrupt(format!("a migration could not be undone: {error}"));
    while let Some(last) = harness.applied_migrations().map_err(failed)?.into_iter().next() {
        if down_to.is_some_and(|wanted| last.to_string() == wanted) {
            break;
        }
        harness.revert_last_migration(MIGRATIONS).map_err(failed)?;
    }
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

impl Store {
    /// Whether the database can be used: it answers, and its schema is the one that this build expects, or a newer one.
    ///
    /// # Errors
    /// [`StoreError::SchemaOutdated`], [`StoreError::Unavailable`].
    pub async fn ready(&self) -> Result<(), StoreError> {
        #[derive(diesel::QueryableByName)]
        struct Applied {
            #[diesel(sql_type = diesel::sql_types::Bool)]
            applied: bool,
        }
        let newest = newest()?;
        let tx = self.begin_read_global().await?;
        let sql = "SELECT EXISTS (SELECT FROM __diesel_schema_migrations WHERE version = $1) AS applied";
        let found: Applied = diesel::sql_query(sql)
            .bind::<diesel::sql_types::Text, _>(&newest)
            .get_result(&mut tx.conn())
            .await
            .map_err(|error| match StoreError::from(error) {
                // The table of migrations is not there, or not for us: none was ever run by this program.
                StoreError::Database(_) => StoreError::SchemaOutdated(newest.clone()),
                other => other,
            })?;
        tx.commit().await?;
        if found.applied { Ok(()) } else { Err(StoreError::SchemaOutdated(newest)) }
    }
}
