//! `postroom serve`: the API and the workers in one process, and their end.

use crate::{
    checks::Checks,
    cli::{Part, Serve},
    config::{Config, Http},
    providers::Providers,
};
use anyhow::{Context, Result};
use chrono::Utc;
use postroom_api::{
    page::Page,
    server::{self, Bound, Settings, State},
    tokens::{TokenKeys, generate_signing_key},
};
use postroom_mail::Checker;
use postroom_store::{SigningKey, Store, Upkeep, migrate};
use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// After the signal to stop, everything has ended within this time.
const STOP: Duration = Duration::from_millis(9_500);
/// Between two deletions of what has served its time.
const UPKEEP: Duration = Duration::from_secs(60 * 60);

/// Runs until SIGTERM, Ctrl-C, or until a part fails.
pub(crate) async fn run(arguments: &Serve, config: Config) -> Result<()> {
    if arguments.migrate {
        let done = migrate::run(&config.store.database.url).await.context("running the migrations")?;
        tracing::info!(count = done.len(), "migrations are run");
    }
    let store = Store::open(&config.store)?;
    store.ready().await.context("the database can't be used")?;
    let stop = CancellationToken::new();
    let mut parts = Parts::new(stop.clone(), STOP);
    if arguments.runs(Part::Api) {
        let oauth = &config.ingest.oauth;
        let checks = Checks::new(Checker::new(store.clone(), &config.ingest.network, oauth.clone()));
        let outside = (checks, Providers::new(oauth.clone()));
        let api = bind_api(&store, &config.http, config.system_mail.is_some(), outside).await?;
        let stop = stop.clone();
        parts.begin("api", async move { api.run(stop).await.map_err(anyhow::Error::from) });
    }
    if arguments.runs(Part::Ingest) {
        let worker = postroom_mail::ingest::run(store.clone(), config.ingest, stop.clone());
        parts.begin("ingest", async move {
            worker.await;
            Ok(())
        });
    }
    if arguments.runs(Part::Deliver) {
        let worker = postroom_mail::deliver::run(store.clone(), config.deliver, stop.clone());
        parts.begin("deliver", async move {
            worker.await;
            Ok(())
        });
        if let Some(settings) = config.system_mail {
            let worker = postroom_mail::system::run(store.clone(), settings, stop.clone());
            parts.begin("system mail", async move {
                worker.await;
                Ok(())
            });
        }
    }
    parts.begin("upkeep", keep_up(store, stop));
    parts.run(asked_to_stop()?).await
}

/// Deletes what has served its time, now and every hour.
async fn keep_up(store: Store, stop: CancellationToken) -> Result<()> {
    let mut hourly = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = hourly.tick() => {}
        }
        match store.upkeep(Utc::now()).await {
            Ok(Upkeep { idempotency_keys, sessions, links, keys, events, bursts, uploads, blobs }) => {
                tracing::debug!(
                    idempotency_keys,
                    sessions,
                    links,
                    keys,
                    events,
                    bursts,
                    uploads,
                    blobs,
                    "deleted what has served its time"
                );
            }
            Err(error) => tracing::warn!(%error, "what has served its time could not be deleted"),
        }
    }
}

/// What runs in this process, and the signal by which all of it ends.
struct Parts {
    running: JoinSet<(&'static str, Result<()>)>,
    stop: CancellationToken,
    /// What has not ended this long after the signal is cut off.
    patience: Duration,
}

impl Parts {
    fn new(stop: CancellationToken, patience: Duration) -> Self {
        Self { running: JoinSet::new(), stop, patience }
    }

    fn begin(&mut self, name: &'static str, work: impl Future<Output = Result<()>> + Send + 'static) {
        tracing::info!(part = name, "started");
        self.running.spawn(async move { (name, work.await) });
    }

    /// Waits for the signal, or for a part that ends by itself, then ends them all.
    async fn run(mut self, signal: impl Future<Output = ()>) -> Result<()> {
        let first = tokio::select! {
            () = signal => {
                tracing::info!("stopping");
                Ok(())
            }
            ended = self.running.join_next() => match ended {
                Some(Ok((name, Ok(())))) => Err(anyhow::anyhow!("{name} ended by itself")),
                Some(Ok((name, Err(error)))) => Err(error.context(format!("{name} failed"))),
                Some(Err(error)) => Err(error).context("a part was lost"),
                None => Err(anyhow::anyhow!("nothing runs")),
            },
        };
        self.stop.cancel();
        let all = async {
            while let Some(ended) = self.running.join_next().await {
                if let Ok((name, Err(error))) = ended {
                    tracing::error!(part = name, error = %format!("{error:#}"), "failed while stopping");
                }
            }
        };
        if tokio::time::timeout(self.patience, all).await.is_err() {
            // Leases end by themselves, and nothing that was promised hangs on a clean end.
            tracing::warn!("some work did not end in time and is cut off");
        }
        first
    }
}

/// Listens, and says where on standard output.
async fn bind_api(
    store: &Store,
    http: &Http,
    sends_mail: bool,
    (checks, providers): (Checks, Providers),
) -> Result<Bound> {
    let page = http.page_dir.as_deref().map(Page::read).transpose().context("POSTROOM_PAGE_DIR")?;
    let tokens = token_keys(store, http.signing_key.as_ref()).await?;
    let listener = TcpListener::bind(http.listen)
        .with_context(|| format!("POSTROOM_LISTEN: can't listen on {}", http.listen))?;
    let address = listener.local_addr().context("asking for the address listened on")?;
    let settings = Settings {
        public_url: http.public_url.clone().unwrap_or_else(|| reachable_at(address)),
        cors_origins: http.cors_origins.clone(),
        cross_site_cookie: http.cross_site_cookie,
        limits: http.limits,
        trusted_proxies: http.trusted_proxies,
        workers: http.workers,
        live: http.live,
        sends_mail,
    };
    let state = State::new(store.clone(), tokens, settings).with_checks(Arc::new(checks));
    let state = state.with_providers(Arc::new(providers)).with_page(page);
    let bound = server::listen(listener, state)?;
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {}", reachable_at(address))
        .and_then(|()| out.flush())
        .context("printing the address")?;
    Ok(bound)
}

/// Where a client on this machine reaches an address that was listened on.
fn reachable_at(address: SocketAddr) -> String {
    let port = address.port();
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("http://127.0.0.1:{port}"),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("http://[::1]:{port}"),
        other => format!("http://{other}"),
    }
}

/// The keys of access tokens; the first server that starts makes one. One of the operator's signs from its first mention on,
/// until there is a newer one.
async fn token_keys(store: &Store, imported: Option<&SigningKey>) -> Result<TokenKeys> {
    if let Some(key) = imported
        && store.sign_with(key, Utc::now()).await.context("POSTROOM_SIGNING_KEY")?
    {
        tracing::info!(kid = key.kid, "the key of POSTROOM_SIGNING_KEY signs from now on");
    }
    let mut keys = store.signing_keys().await.context("opening the keys that sign access tokens")?;
    if keys.is_empty() {
        keys = store.ensure_signing_key(&generate_signing_key()?).await?;
    }
    Ok(TokenKeys::new(&keys)?)
}

/// SIGTERM or Ctrl-C. They are caught from this call on.
fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("waiting for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for signals")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn any_address_is_reached_on_this_machine() {
        let reached = |address: &str| reachable_at(address.parse().unwrap());
        assert_eq!(reached("127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(reached("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(reached("[::]:80"), "http://[::1]:80");
        assert_eq!(reached("10.1.2.3:80"), "http://10.1.2.3:80");
    }

    #[tokio::test]
    async fn a_part_that_fails_ends_the_others() {
        let stop = CancellationToken::new();
        let mut parts = Parts::new(stop.clone(), STOP);
        parts.begin("good", async move {
            stop.cancelled().await;
            Ok(())
        });
        parts.begin("bad", async { bail!("no luck") });
        let error = parts.run(std::future::pending()).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "bad failed: no luck");
    }

    #[tokio::test]
    async fn what_does_not_end_is_cut_off() {
        let mut parts = Parts::new(CancellationToken::new(), Duration::from_millis(10));
        parts.begin("deaf", std::future::pending());
        parts.run(std::future::ready(())).await.unwrap();
    }
}
