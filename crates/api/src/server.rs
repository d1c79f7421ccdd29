//! The server: its settings, its layers, and how it starts and stops.

use crate::{
    checks::CheckAccounts,
    envelope,
    keyring::Keyring,
    keys::{Key, Purpose},
    limits::{self, LimitSettings, Limits},
    openapi::{self, RouteTable},
    page::{self, Page},
    password,
    problem::{Code, Problem},
    providers::{NoProviders, SignInProviders},
    routes,
    sse::LiveTimes,
    tokens::TokenKeys,
};
use actix_cors::Cors;
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::MessageBody,
    dev::{Server, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::{Compress, from_fn},
    web::{self, Data},
};
use postroom_store::{Live, Store};
use secrecy::ExposeSecret as _;
use std::{net::TcpListener, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::AppExt as _;

/// How long answers under way may take after the signal to stop, in seconds.
const STOP_SECONDS: u64 = 8;
/// Connections at once of one worker thread; live streams count too.
const MAX_CONNECTIONS: usize = 10_000;
/// Mails that are whole in memory at once.
const WHOLE_MAILS: usize = 2;

/// How the API is served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients reach this server: scheme, host and port, no slash at the end. Signed links begin with it.
    pub public_url: String,
    /// Origins of pages that may call, each exactly as browsers send it (`https://app.example.com`).
    pub cors_origins: Vec<String>,
    /// Whether the refresh cookie is also sent from a page on another site.
    pub cross_site_cookie: bool,
    /// Rate limits.
    pub limits: LimitSettings,
    /// How many reverse proxies in front write `X-Forwarded-For`; 0 where clients connect directly.
    pub trusted_proxies: usize,
    /// Worker threads; 0 takes one for each processor.
    pub workers: usize,
    /// How the live stream is kept.
    pub live: LiveTimes,
    /// Whether mail of our own can leave: invitations, links for new passwords.
    pub sends_mail: bool,
}

/// What every handler may use.
pub struct State {
    /// The database and the blobs.
    pub store: Store,
    /// The settings.
    pub settings: Settings,
    /// Keys of access tokens.
    pub tokens: TokenKeys,
    /// The same, kept up with other processes.
    pub keyring: Keyring,
    /// Key of cursors.
    pub cursor_key: Key,
    /// Key of signed links.
    pub link_key: Key,
    /// Key of what idempotency keys stand for.
    pub fingerprint_key: Key,
    /// Key of tickets for the live stream.
    pub ticket_key: Key,
    /// Those who follow the live stream here.
    pub live: Live,
    /// Who tries mail servers, where this process can.
    pub checks: Option<Arc<dyn CheckAccounts>>,
    /// Where mailboxes sign in without a password.
    pub providers: Arc<dyn SignInProviders>,
    /// Who reads a whole mail into memory waits for a turn: it may have 50 MiB.
    pub whole_mails: Semaphore,
    /// Rate limits.
    pub limits: Limits,
    /// `/openapi.json`, as it is served.
    pub document: String,
    /// Which methods there are at which path.
    pub route_table: RouteTable,
    /// The page at `/`, where there is one.
    pub page: Option<Page>,
}

impl State {
    /// Puts together what the handlers need.
    #[must_use]
    pub fn new(store: Store, tokens: TokenKeys, settings: Settings) -> Self {
        let secret = store.link_secret().expose_secret();
        let document = openapi::document();
        let [cursor_key, link_key, fingerprint_key, ticket_key] =
            [Purpose::Cursor, Purpose::Link, Purpose::Fingerprint, Purpose::Ticket]
                .map(|purpose| Key::derive(secret, purpose));
        Self {
            cursor_key,
            link_key,
            fingerprint_key,
            ticket_key,
            live: store.live(settings.live.follow),
            checks: None,
            providers: Arc::new(NoProviders),
            page: None,
            whole_mails: Semaphore::new(WHOLE_MAILS),
            limits: Limits::new(settings.limits),
            route_table: RouteTable::of(&document),
            document: openapi::to_text(&document),
            keyring: Keyring::new(store.clone(), tokens.clone()),
            store,
            settings,
            tokens,
        }
    }
}

impl State {
    /// With somebody who tries mail servers.
    #[must_use]
    pub fn with_checks(self, checks: Arc<dyn CheckAccounts>) -> Self {
        Self { checks: Some(checks), ..self }
    }

    /// With these providers.
    #[must_use]
    pub fn with_providers(self, providers: Arc<dyn SignInProviders>) -> Self {
        Self { providers, ..self }
    }

    /// With a page at `/`.
    #[must_use]
    pub fn with_page(self, page: Option<Page>) -> Self {
        Self { page, ..self }
    }
}

/// Why the server doesn't run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket can't be used.
    #[error("can't listen: {0}")]
    Listen(std::io::Error),
    /// It stopped by itself.
    #[error("the HTTP server failed: {0}")]
    Run(std::io::Error),
}

/// A server that listens already and answers when it is run.
pub struct Bound {
    server: Server,
    handle: ServerHandle,
    live: Live,
    keyring: Keyring,
}

/// Takes over a socket that listens. Must be called on the main, multi-threaded runtime.
///
/// # Errors
/// [`ServeError::Listen`].
pub fn listen(listener: TcpListener, state: State) -> Result<Bound, ServeError> {
    let workers = match state.settings.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        workers => workers,
    };
    password::prepare();
    let (live, stall) = (state.live.clone(), state.settings.live.stall);
    live.start();
    let keyring = state.keyring.clone();
    let state = Data::new(state);
    let server = HttpServer::new(move || app(state.clone()))
        .workers(workers)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(Duration::from_secs(15))
        .shutdown_timeout(STOP_SECONDS)
        .disable_signals()
        .on_connect(move |connection, _| give_up_after(connection, stall))
        .listen(listener)
        .map_err(ServeError::Listen)?;
    let server = server.run();
    Ok(Bound { handle: server.handle(), server, live, keyring })
}

/// Tells the system to end a connection whose other end takes nothing for so long: what was written for it would wait
/// forever, and the server has no other way to get rid of it.
fn give_up_after(connection: &dyn std::any::Any, stall: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(tcp) = connection.downcast_ref::<actix_web::rt::net::TcpStream>()
        && let Err(error) = socket2::SockRef::from(tcp).set_tcp_user_timeout(Some(stall))
    {
        tracing::debug!(%error, "a connection will wait for its other end");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (connection, stall);
}

impl Bound {
    /// Answers until `stop` is cancelled, then lets what is under way end (at most 8 s). Live streams end at once.
    ///
    /// # Errors
    /// [`ServeError::Run`].
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServeError> {
        let (handle, live) = (self.handle, self.live.clone());
        tokio::spawn(self.keyring.keep_up(stop.clone()));
        let stopping = tokio::spawn(async move {
            stop.cancelled().await;
            live.stop();
            handle.stop(true).await;
        });
        let outcome = self.server.await.map_err(ServeError::Run);
        stopping.abort();
        self.live.stop();
        outcome
    }
}

/// The application: every route with its layers.
pub fn app(
    state: Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    app_with(state, |_| {})
}

/// The application with further routes inside its layers, the outermost of which is wrapped last.
fn app_with(
    state: Data<State>,
    further: impl FnOnce(&mut web::ServiceConfig),
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let cors = cors(&state.settings.cors_origins);
    let (app, _) = App::new().app_data(state).into_utoipa_app().configure(routes::register).split_for_parts();
    app.configure(routes::register_pages)
        .configure(further)
        .default_service(web::to(page::or_nothing))
        .wrap(from_fn(envelope::catch_panics))
        .wrap(from_fn(envelope::with_context))
        .wrap(from_fn(envelope::finish_writes))
        .wrap(from_fn(limits::count))
        .wrap(cors)
        .wrap(Compress::default())
        .wrap(from_fn(envelope::envelope))
}

fn cors(origins: &[String]) -> Cors {
    let exposed = [
        "etag",
        "link",
        "location",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "x-request-id",
        "idempotent-replayed",
        "postroom-event",
    ];
    let allowed = [
        "authorization",
        "content-type",
        "if-match",
        "if-none-match",
        "idempotency-key",
        "x-request-id",
        "last-event-id",
    ];
    let cors = Cors::default()
        .allowed_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allowed_headers(allowed)
        .expose_headers(exposed)
        .supports_credentials()
        // A request from elsewhere is answered without the headers that would let its page read the answer.
        .block_on_origin_mismatch(false)
        .max_age(600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// An address without a route, or without this method.
pub(crate) async fn nothing_here(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let methods = state.route_table.methods(request.path());
    if methods.is_empty() {
        return Err(Problem::not_found());
    }
    let allow = methods.join(", ");
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish());
    }
    Err(Problem::new(Code::MethodNotAllowed)
        .detail(format!("This address has {allow}."))
        .header(header::ALLOW, allow))
}

#[cfg(test)]
mod tests;
