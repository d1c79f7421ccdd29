//! The configuration: read once at the start, all mistakes told at once.

mod oauth;
pub(crate) mod table;
mod values;

use postroom_api::{limits::LimitSettings, sse::LiveTimes, tokens::read_signing_key};
use postroom_domain::address::{EmailAddress, NamedAddress};
use postroom_mail::{
    LeaseTimes,
    deliver::DeliverSettings,
    ingest::IngestSettings,
    net::{AllowNets, Network, Timeouts, client_config},
    system::{SystemMailSettings, SystemServer},
};
use postroom_store::{LiveSettings, MasterKey, PoolSettings, SigningKey, StoreSettings};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    str::FromStr,
};
use tracing_subscriber::EnvFilter;
use url::Url;
use values::Values;

/// Everything that can be configured.
#[derive(Debug)]
pub(crate) struct Config {
    /// Database, blobs, master key.
    pub(crate) store: StoreSettings,
    /// The API.
    pub(crate) http: Http,
    /// Reading mail.
    pub(crate) ingest: IngestSettings,
    /// Sending mail.
    pub(crate) deliver: DeliverSettings,
    /// Mail of our own; `None` where none is sent.
    pub(crate) system_mail: Option<SystemMailSettings>,
    /// Where the page is that people work with.
    pub(crate) app_url: Option<String>,
    /// Logs.
    pub(crate) logs: Logs,
}

/// How the API is served.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    /// `None`: the address listened on.
    pub(crate) public_url: Option<String>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) cross_site_cookie: bool,
    pub(crate) trusted_proxies: usize,
    pub(crate) workers: usize,
    pub(crate) limits: LimitSettings,
    pub(crate) live: LiveTimes,
    /// The page at `/`.
    pub(crate) page_dir: Option<PathBuf>,
    /// To be taken over into the database.
    pub(crate) signing_key: Option<SigningKey>,
}

/// What is logged, and how.
#[derive(Debug)]
pub(crate) struct Logs {
    /// As `EnvFilter` reads it; it has been tried.
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

/// The form of the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is wrong with the configuration, all of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistakes(Vec<String>);

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration has mistakes (docs/configuration.md):")?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl Config {
    /// Reads the environment, and the file that POSTROOM_CONFIG names.
    pub(crate) fn load() -> Result<Self, Mistakes> {
        let file = std::env::var_os("POSTROOM_CONFIG").map(PathBuf::from);
        Self::read(Values::gather(file.as_deref()))
    }

    fn read(values: Values) -> Result<Self, Mistakes> {
        let store = read_store(&values);
        let http = read_http(&values);
        let app_url = values.find("POSTROOM_APP_URL", web_url);
        let mail = read_mail(&values, app_url.as_deref());
        let system_mail =
            read_system_mail(&values, app_url.as_deref(), mail.as_ref().map(|(_, deliver)| deliver));
        let logs = read_logs(&values);
        #[cfg(test)]
        assert_eq!(values.unread(), Vec::<&str>::new(), "in the table, but never read");
        match (store, mail, values.into_mistakes()) {
            (Some(store), Some((ingest, deliver)), mistakes) if mistakes.is_empty() => {
                Ok(Self { store, http, ingest, deliver, system_mail, app_url, logs })
            }
            (.., mistakes) => Err(Mistakes(mistakes)),
        }
    }
}

/// The database alone, for what needs no more of the configuration.
pub(crate) fn database_url() -> Result<SecretString, Mistakes> {
    let file = std::env::var_os("POSTROOM_CONFIG").map(PathBuf::from);
    let values = Values::gather(file.as_deref());
    let url = values.get("POSTROOM_DATABASE_URL", database, SecretString::default());
    let mistakes = values.into_mistakes();
    if mistakes.is_empty() { Ok(url) } else { Err(Mistakes(mistakes)) }
}

fn read_store(values: &Values) -> Option<StoreSettings> {
    let url = values.get("POSTROOM_DATABASE_URL", database, SecretString::default());
    let mut pool = PoolSettings::new(url);
    pool.size = count(values, "POSTROOM_DATABASE_CONNECTIONS");
    pool.wait = values.duration("POSTROOM_DATABASE_WAIT");
    pool.statement_timeout = values.duration("POSTROOM_STATEMENT_TIMEOUT");
    let key = |text: &str| MasterKey::from_base64(&SecretString::from(text)).map(Some);
    let master_key = values.get("POSTROOM_MASTER_KEY", key, None);
    let data = values.find("POSTROOM_DATA_DIR", |text| std::path::absolute(text));
    let blobs = values.find("POSTROOM_BLOB_URL", file_url).or_else(|| {
        let default = Url::from_directory_path(data?.join("blobs"));
        default.map_err(|()| values.mistake("POSTROOM_DATA_DIR", "this is no path")).ok()
    });
    Some(StoreSettings { database: pool, blobs: blobs?, master_key: master_key? })
}

fn read_http(values: &Values) -> Http {
    let limits = LimitSettings {
        per_second: values.get("POSTROOM_RATE_LIMIT", u32::from_str, 0),
        burst: values.get("POSTROOM_RATE_LIMIT_BURST", u32::from_str, 0),
        sign_in_per_account: values.get("POSTROOM_SIGN_IN_LIMIT_ACCOUNT", u32::from_str, 0),
        sign_in_per_address: values.get("POSTROOM_SIGN_IN_LIMIT_ADDRESS", u32::from_str, 0),
    };
    Http {
        listen: values.get("POSTROOM_LISTEN", address, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        public_url: values.find("POSTROOM_PUBLIC_URL", web_url),
        cors_origins: values.find("POSTROOM_CORS_ORIGINS", origins).unwrap_or_default(),
        cross_site_cookie: values.get(
            "POSTROOM_COOKIE_SAMESITE",
            |text| one_of(text, &[("lax", false), ("none", true)]),
            false,
        ),
        trusted_proxies: values.get("POSTROOM_TRUSTED_PROXIES", usize::from_str, 0),
        workers: values.get("POSTROOM_HTTP_WORKERS", usize::from_str, 0),
        limits,
        live: read_live(values),
        page_dir: values.find("POSTROOM_PAGE_DIR", |text| std::path::absolute(text)),
        signing_key: values.find("POSTROOM_SIGNING_KEY", |text| read_signing_key(&SecretString::from(text))),
    }
}

fn read_live(values: &Values) -> LiveTimes {
    LiveTimes {
        heartbeat: values.duration("POSTROOM_LIVE_HEARTBEAT"),
        stall: values.duration("POSTROOM_LIVE_STALL"),
        follow: LiveSettings {
            beat: values.duration("POSTROOM_LIVE_LOOK"),
            presence: values.duration("POSTROOM_LIVE_PRESENCE"),
            per_user: count(values, "POSTROOM_LIVE_STREAMS"),
        },
    }
}

fn read_mail(values: &Values, app_url: Option<&str>) -> Option<(IngestSettings, DeliverSettings)> {
    let network = read_network(values)?;
    let oauth = oauth::read(values, app_url, &network);
    let lasts = values.duration("POSTROOM_LEASE");
    // A renewal may fail once, and the next one is still in time.
    let lease = LeaseTimes { lasts, renewed_every: lasts / 3 };
    let ingest = IngestSettings {
        oauth: oauth.clone(),
        lease,
        mailboxes: count(values, "POSTROOM_INGEST_MAILBOXES"),
        poll_every: values.duration("POSTROOM_INGEST_POLL"),
        sent_every: values.duration("POSTROOM_INGEST_SENT_POLL"),
        first_pause: values.duration("POSTROOM_INGEST_RETRY"),
        ..IngestSettings::new(network.clone())
    };
    let deliver = DeliverSettings {
        oauth,
        lease,
        at_once: count(values, "POSTROOM_DELIVER_AT_ONCE"),
        first_retry: values.duration("POSTROOM_DELIVER_RETRY"),
        search_for: values.duration("POSTROOM_DELIVER_SEARCH"),
        copy_wait: values.duration("POSTROOM_DELIVER_COPY_WAIT"),
        ..DeliverSettings::new(network)
    };
    Some((ingest, deliver))
}

/// Mail of our own takes a server, a sender, and a page that links lead to; how it is tried again is as with other mail.
fn read_system_mail(
    values: &Values,
    app_url: Option<&str>,
    deliver: Option<&DeliverSettings>,
) -> Option<SystemMailSettings> {
    let server = values.find("POSTROOM_SYSTEM_SMTP_URL", SystemServer::from_str);
    let from = values.find("POSTROOM_SYSTEM_FROM", sender);
    let server = server?;
    for (name, given) in [("POSTROOM_SYSTEM_FROM", from.is_some()), ("POSTROOM_APP_URL", app_url.is_some())] {
        if !given && !values.is_given(name) {
            values.mistake(name, "must be given together with POSTROOM_SYSTEM_SMTP_URL");
        }
    }
    let deliver = deliver?;
    Some(SystemMailSettings {
        network: deliver.network.to_anywhere(),
        server,
        from: from?,
        app_url: app_url?.to_owned(),
        lease: deliver.lease,
        first_retry: deliver.first_retry,
        patience: deliver.patience,
        look_every: deliver.claim_every,
    })
}

/// `Name <address>`, or the address alone.
fn sender(text: &str) -> Result<NamedAddress, String> {
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => {
            (Some(name.trim().trim_matches('"')).filter(|name| !name.is_empty()), address)
        }
        None => (None, text),
    };
    let address = EmailAddress::parse(address).map_err(|error| error.to_string())?;
    Ok(NamedAddress { name: name.map(str::to_owned), address })
}

fn read_network(values: &Values) -> Option<Network> {
    let allow = values.find("POSTROOM_MAIL_ALLOW_NETS", AllowNets::from_str).unwrap_or_default();
    let timeouts = Timeouts {
        connect: values.duration("POSTROOM_MAIL_CONNECT_TIMEOUT"),
        io: values.duration("POSTROOM_MAIL_IO_TIMEOUT"),
    };
    let path =
        values.find("POSTROOM_MAIL_CA_FILE", |text| Ok::<_, std::convert::Infallible>(PathBuf::from(text)));
    let tls = client_config(path.as_deref()).or_else(|error| {
        values.mistake("POSTROOM_MAIL_CA_FILE", error);
        // It stands in, so that what else is wrong is told too.
        client_config(None)
    });
    Some(Network::new(tls.ok()?, allow, timeouts))
}

fn count(values: &Values, name: &'static str) -> usize {
    values.get(name, NonZeroUsize::from_str, NonZeroUsize::MIN).get()
}

fn read_logs(values: &Values) -> Logs {
    let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    Logs {
        filter: values.get("POSTROOM_LOG", filter, String::new()),
        format: values.get("POSTROOM_LOG_FORMAT", |text| one_of(text, &formats), LogFormat::Auto),
    }
}

/// The URL's user, password and host are not looked at here: the connection tells what is wrong with them.
fn database(text: &str) -> Result<SecretString, &'static str> {
    let url = SecretString::from(text);
    match Url::parse(url.expose_secret()).as_ref().map(Url::scheme) {
        Ok("postgres" | "postgresql") => Ok(url),
        _ => Err("this is no address of the form postgres://user:password@host:port/database"),
    }
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "this is no address with a port, such as 127.0.0.1:8080")
}

fn file_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "file");
    url.ok_or("this is no address of the form file:///directory")
}

fn web_url(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("this is no address of the form https://mail.example.com"),
    }
}

/// Origins are compared as texts with what browsers send: nothing that they would never send is taken.
fn origins(text: &str) -> Result<Vec<String>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let origin = |part: &str| match Url::parse(part).map(|url| url.origin().ascii_serialization()) {
        Ok(origin) if origin == part => Ok(origin),
        _ => Err(format!("`{part}` is no origin such as https://app.example.com")),
    };
    parts.map(origin).collect()
}

fn filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}

fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!("this is none of {}", names.join(", "))
    })
}

/// The directory that a blob URL names, for messages.
pub(crate) fn directory_of(url: &Url) -> String {
    url.to_file_path().as_deref().map_or_else(|()| url.to_string(), |path: &Path| path.display().to_string())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
