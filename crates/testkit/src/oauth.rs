//! A provider at which mailboxes sign in (OAuth 2): it asks nobody for consent, but otherwise does what the RFCs say.
//! Authorization codes with PKCE (RFC 7636), refresh tokens that change with each use, introspection (RFC 7662) for
//! Dovecot; and it fails as it is told. Accounts are told apart by their address, so tests don't meet in one.

mod http;

use std::{
    collections::HashMap,
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, Tried};
use http::{Answer, Request};

/// The one client that is registered.
pub const CLIENT_ID: &str = "postroom-test";
/// Its secret.
pub const CLIENT_SECRET: &str = "a & secret";

/// A running provider. It lives as long as the process.
#[derive(Debug, Clone)]
pub struct OAuthServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<String, Account>,
    codes: HashMap<String, Code>,
    /// Whose they are.
    refresh_tokens: HashMap<String, String>,
    access_tokens: HashMap<String, (String, Instant)>,
}

#[derive(Debug)]
struct Account {
    lifetime: Duration,
    /// Every request about the account is answered like this.
    failing: Option<u16>,
    delay: Duration,
    refreshes: usize,
}

impl Default for Account {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(3600), failing: None, delay: Duration::ZERO, refreshes: 0 }
    }
}

#[derive(Debug)]
struct Code {
    account: String,
    redirect_uri: String,
    challenge: String,
}

impl OAuthServer {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).tried("listening as a provider")?;
        let port = listener.local_addr().tried("asking for the port")?.port();
        let server = Self { port, state: Arc::default() };
        let serving = server.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let server = serving.clone();
                std::thread::spawn(move || http::serve(socket, |request| server.answer(request)));
            }
        });
        Ok(server)
    }

    /// The one that all of this process share; Dovecot asks it about tokens.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<OAuthServer, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|output| Error::Failed { what: "starting the provider".into(), output: output.clone() })
    }

    /// Where people sign in.
    #[must_use]
    pub fn authorize_url(&self) -> String {
        format!("http://127.0.0.1:{}/authorize", self.port)
    }

    /// Where tokens come from.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    /// Where servers ask about a token.
    #[must_use]
    pub fn introspection_url(&self) -> String {
        format!("http://127.0.0.1:{}/introspect", self.port)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn account<T>(&self, address: &str, work: impl FnOnce(&mut Account) -> T) -> T {
        work(self.state().accounts.entry(address.to_owned()).or_default())
    }

    /// Access tokens that are given from now on last so long.
    pub fn tokens_last(&self, account: &str, lifetime: Duration) {
        self.account(account, |account| account.lifetime = lifetime);
    }

    /// From now on every request for tokens of this account is answered with this status; `None`: properly.
    pub fn fail_with(&self, account: &str, status: Option<u16>) {
        self.account(account, |account| account.failing = status);
    }

    /// Each answer about this account takes so long.
    pub fn takes(&self, account: &str, delay: Duration) {
        self.account(account, |account| account.delay = delay);
    }

    /// The account's access tokens end before their time; its refresh token is still good.
    pub fn end_access_tokens(&self, account: &str) {
        self.state().access_tokens.retain(|_, (whose, _)| whose != account);
    }

    /// The account's owner takes back all that was granted.
    pub fn revoke(&self, account: &str) {
        let mut state = self.state();
        state.access_tokens.retain(|_, (whose, _)| whose != account);
        state.refresh_tokens.retain(|_, whose| whose != account);
    }

    /// How often the account's tokens were refreshed with success.
    #[must_use]
    pub fn refreshes(&self, account: &str) -> usize {
        self.account(account, |account| account.refreshes)
    }

    /// Whether this access token is the account's and still good.
    #[must_use]
    pub fn is_good(&self, account: &str, token: &str) -> bool {
        self.state()
            .access_tokens
            .get(token)
            .is_some_and(|(whose, until)| whose == account && *until > Instant::now())
    }

    /// Goes to an authorization address as a browser does, signs in as the account's owner, agrees, and gives the `code` and
    /// `state` that the browser is sent back with.
    ///
    /// # Errors
    /// [`Error::Http`] where the provider doesn't take the request.
    pub fn sign_in(&self, authorization_url: &str, account: &str) -> Result<(String, String)> {
        let (_, query) = authorization_url.split_once('?').unwrap_or_default();
        let query = http::form(query);
        let wanted = |name: &str| query.get(name).cloned().unwrap_or_default();
        let fault = if !authorization_url.starts_with(&self.authorize_url()) {
            Some("another provider's address")
        } else if wanted("response_type") != "code" || wanted("client_id") != CLIENT_ID {
            Some("no request of the registered client's for a code")
        } else if wanted("code_challenge_method") != "S256" || wanted("code_challenge").len() != 43 {
            Some("no PKCE")
        } else if wanted("state").is_empty() || wanted("scope").is_empty() {
            Some("no state, or no scope")
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(Error::Http { what: authorization_url.to_owned(), answer: fault.to_owned() });
        }
        let code = random();
        let (redirect_uri, challenge) = (wanted("redirect_uri"), wanted("code_challenge"));
        let pending = Code { account: account.to_owned(), redirect_uri, challenge };
        self.state().codes.insert(code.clone(), pending);
        Ok((code, wanted("state")))
    }

    fn answer(&self, request: &Request) -> Answer {
        let form = http::form(&request.body);
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/token") => self.token(&form),
            ("POST", "/introspect") => {
                let token = form.get("token").cloned().unwrap_or_default();
                let state = self.state();
                let whose = state.access_tokens.get(&token).filter(|(_, until)| *until > Instant::now());
                let said = whose.map_or(
                    json!({"active": false}),
                    |(whose, _)| json!({"active": true, "username": whose, "email": whose}),
                );
                Answer { status: 200, body: said.to_string() }
            }
            _ => Answer { status: 404, body: String::new() },
        }
    }

    fn token(&self, form: &HashMap<String, String>) -> Answer {
        let given = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if (given("client_id"), given("client_secret")) != (CLIENT_ID, CLIENT_SECRET) {
            return refusal(401, "invalid_client");
        }
        let account = match given("grant_type") {
            "authorization_code" => self.state().codes.get(given("code")).map(|code| code.account.clone()),
            "refresh_token" => self.state().refresh_tokens.get(given("refresh_token")).cloned(),
            _ => return refusal(400, "unsupported_grant_type"),
        };
        let Some(account) = account else { return refusal(400, "invalid_grant") };
        let (failing, delay) = self.account(&account, |account| (account.failing, account.delay));
        std::thread::sleep(delay);
        if let Some(status) = failing {
            return Answer { status, body: "<h1>Out of order</h1>".to_owned() };
        }
        let mut state = self.state();
        if given("grant_type") == "refresh_token" {
            // Good once: whoever comes second has nothing.
            if state.refresh_tokens.remove(given("refresh_token")).is_none() {
                return refusal(400, "invalid_grant");
            }
            state.accounts.entry(account.clone()).or_default().refreshes += 1;
        } else {
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(given("code_verifier")));
            let code = state.codes.remove(given("code"));
            if code.is_none_or(|code| {
                (code.redirect_uri, code.challenge) != (given("redirect_uri").to_owned(), challenge)
            }) {
                return refusal(400, "invalid_grant");
            }
        }
        let lifetime = state.accounts.entry(account.clone()).or_default().lifetime;
        let (access, refresh) = (random(), random());
        state.access_tokens.insert(access.clone(), (account.clone(), Instant::now() + lifetime));
        state.refresh_tokens.insert(refresh.clone(), account);
        let granted = json!({
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": lifetime.as_secs(),
        });
        Answer { status: 200, body: granted.to_string() }
    }
}

fn refusal(status: u16, error: &str) -> Answer {
    let said: Value = json!({"error": error, "error_description": "as you wished"});
    Answer { status, body: said.to_string() }
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
}
