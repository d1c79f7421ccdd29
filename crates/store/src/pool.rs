//! Connections to PostgreSQL.
//!
//! All connections live on the runtime that the store was opened on: each is driven by a task of that runtime, so a
//! connection never waits for a busy HTTP worker (see `docs/decisions`).

use crate::error::StoreError;
use deadpool::Runtime;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{
    AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool, PoolError},
    },
};
use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How the database is used.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// `postgres://user:password@host:port/database`; `sslmode=require` asks for TLS with a verified certificate.
    pub url: SecretString,
    /// At most so many connections.
    pub size: usize,
    /// How long a use case waits for a free connection before it answers "unavailable".
    pub wait: Duration,
    /// A statement that runs longer is ended by the server.
    pub statement_timeout: Duration,
}

impl PoolSettings {
    /// The defaults for a URL.
    #[must_use]
    pub fn new(url: SecretString) -> Self {
        Self { url, size: 16, wait: Duration::from_secs(5), statement_timeout: Duration::from_secs(10) }
    }
}

pub(crate) type Connections = Pool<AsyncPgConnection>;

/// Makes the pool; connects nowhere yet. Must be called on the main, multi-threaded runtime.
pub(crate) fn open(settings: &PoolSettings) -> Result<Connections, StoreError> {
    let runtime = tokio::runtime::Handle::current();
    let setup = setup_sql(settings.statement_timeout);
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| {
        let (url, setup, runtime) = (url.to_owned(), setup.clone(), runtime.clone());
        async move {
            runtime
                .spawn(async move {
                    let mut connection = connect(&url).await?;
                    connection
                        .batch_execute(&setup)
                        .await
                        .map_err(ConnectionError::CouldntSetupConfiguration)?;
                    Ok(connection)
                })
                .await
                .map_err(|error| ConnectionError::BadConnection(error.to_string()))?
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(
        settings.url.expose_secret(),
        config,
    );
    Pool::builder(manager)
        .max_size(settings.size)
        .wait_timeout(Some(settings.wait))
        .create_timeout(Some(settings.wait))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// What every connection is told once: the role without privileges, and bounds on waiting.
fn setup_sql(statement_timeout: Duration) -> String {
    format!(
        "SET ROLE postroom_app; SET application_name = 'postroom'; SET statement_timeout = {}; \
         SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '30s'; SET TimeZone = 'UTC'",
        statement_timeout.as_millis()
    )
}

pub(crate) async fn acquire(pool: &Connections) -> Result<Object<AsyncPgConnection>, StoreError> {
    pool.get().await.map_err(|error| match error {
        PoolError::Timeout(_) => StoreError::Unavailable("no connection was free in time".into()),
        other => StoreError::Unavailable(other.to_string()),
    })
}

/// One connection as the URL's own user, for migrations and for listening.
pub(crate) async fn connect(url: &str) -> ConnectionResult<AsyncPgConnection> {
    let (client, connection) = connect_raw(url).await?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

pub(crate) type RawConnection = tokio_postgres::Connection<
    tokio_postgres::Socket,
    <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>>::Stream,
>;

pub(crate) async fn connect_raw(url: &str) -> ConnectionResult<(tokio_postgres::Client, RawConnection)> {
    let bad = |error: &dyn std::fmt::Display| ConnectionError::BadConnection(error.to_string());
    let mut config: tokio_postgres::Config = url
        .parse()
        .map_err(|error: tokio_postgres::Error| ConnectionError::InvalidConnectionUrl(error.to_string()))?;
    if config.get_ssl_mode() == SslMode::Prefer {
        // "Prefer" verifies nothing, and so promises nothing: TLS is used where it is asked for, and then it is verified.
        config.ssl_mode(SslMode::Disable);
    }
    config.connect_timeout(Duration::from_secs(5)).keepalives_idle(Duration::from_secs(30));
    let tls = MakeRustlsConnect::new(tls_config().map_err(|error| bad(&error))?);
    config.connect(tls).await.map_err(|error| bad(&describe(&error)))
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

fn tls_config() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
