//! Rate limits: so many requests a second for each caller, and fewer tries to sign in.
//!
//! The headers are those of draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "default";q=200;w=4` (200 within
//! 4 seconds) and `RateLimit: "default";r=150;t=1` (150 left, the next one in a second at the latest).

use crate::{
    key_tokens::PresentedKey,
    problem::{Code, Problem},
    server::State,
};
use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use postroom_domain::ids::UserId;
use postroom_store::TokenDigest;
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// How much a caller may ask. A count of 0 turns that limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// Requests a second of one caller (a user; without sign-in, an address).
    pub per_second: u32,
    /// Requests of one caller at once, on top of a quiet time.
    pub burst: u32,
    /// Tries to sign in to one account within a minute.
    pub sign_in_per_account: u32,
    /// Tries to sign in from one address within a minute.
    pub sign_in_per_address: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { per_second: 50, burst: 200, sign_in_per_account: 10, sign_in_per_address: 60 }
    }
}

impl LimitSettings {
    /// No limits at all.
    pub const OFF: Self = Self { per_second: 0, burst: 0, sign_in_per_account: 0, sign_in_per_address: 0 };
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    User(UserId),
    Address(IpAddr),
    /// SHA-256 of the account's address, so that no addresses are kept.
    Account([u8; 32]),
}

type Keyed = RateLimiter<Counted, DashMapStateStore<Counted>, DefaultClock, StateInformationMiddleware>;

/// One limit with its name in the headers.
struct Limit {
    name: &'static str,
    keyed: Keyed,
    burst: u32,
    window: Duration,
    /// Counts down to the next removal of callers who have not come for a while.
    until_sweep: AtomicU32,
}

/// So often within a minute one user may have mail servers tried: whoever tries passwords locks accounts.
const CHECKS: u32 = 20;

/// Callers that were not seen for a window are forgotten after so many requests.
const SWEEP_EVERY: u32 = 10_000;

/// What is left of an allowance, for the headers.
#[derive(Debug, Clone)]
struct Left {
    policy: String,
    state: String,
}

impl Limit {
    fn new(name: &'static str, burst: u32, window: Duration) -> Option<Self> {
        let burst_size = NonZeroU32::new(burst)?;
        let quota = Quota::with_period(window / burst)?.allow_burst(burst_size);
        Some(Self {
            name,
            keyed: RateLimiter::keyed(quota).with_middleware(),
            burst,
            window,
            until_sweep: AtomicU32::new(SWEEP_EVERY),
        })
    }

    fn take(&self, counted: Counted) -> Result<Left, Problem> {
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.until_sweep.store(SWEEP_EVERY, Ordering::Relaxed);
            self.keyed.retain_recent();
        }
        match self.keyed.check_key(&counted) {
            Ok(snapshot) => Ok(self.left(snapshot.remaining_burst_capacity(), self.window / self.burst)),
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                let left = self.left(0, wait);
                Err(Problem::new(Code::RateLimited)
                    .detail(format!(
                        "At most {} requests within {} seconds.",
                        self.burst,
                        self.window.as_secs()
                    ))
                    .retry_after(wait)
                    .header(POLICY, &left.policy)
                    .header(LEFT, &left.state))
            }
        }
    }

    fn left(&self, remaining: u32, wait: Duration) -> Left {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Left {
            policy: format!("\"{}\";q={};w={}", self.name, self.burst, self.window.as_secs().max(1)),
            state: format!("\"{}\";r={remaining};t={seconds}", self.name),
        }
    }
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// So many keys are known at most; then all are forgotten, and known again when they come.
const MAX_KNOWN_KEYS: usize = 10_000;

/// All limits of this process.
pub struct Limits {
    /// The API keys that were good when they last came, with their users: no key is looked up before it is counted.
    known_keys: RwLock<HashMap<TokenDigest, UserId>>,
    callers: Option<Limit>,
    accounts: Option<Limit>,
    addresses: Option<Limit>,
    checks: Option<Limit>,
}

impl Limits {
    /// Limits as configured.
    #[must_use]
    pub fn new(settings: LimitSettings) -> Self {
        let minute = Duration::from_secs(60);
        let window = NonZeroU32::new(settings.per_second)
            .map(|rate| Duration::from_secs_f64(f64::from(settings.burst.max(1)) / f64::from(rate.get())));
        Self {
            known_keys: RwLock::default(),
            callers: window.and_then(|window| Limit::new("default", settings.burst.max(1), window)),
            accounts: Limit::new("sign_in_account", settings.sign_in_per_account, minute),
            addresses: Limit::new("sign_in_address", settings.sign_in_per_address, minute),
            checks: Limit::new("mailbox_tests", CHECKS, minute),
        }
    }

    /// Whose a key is, as it was just looked up; `None` where it is nobody's. Until it is known, and when it is no more, its
    /// requests count for the address that they come from.
    pub fn know_key(&self, key: TokenDigest, user: Option<UserId>) {
        if self.user_of_key(&key) == user {
            return;
        }
        let mut known = self.known_keys.write().unwrap_or_else(PoisonError::into_inner);
        match user {
            Some(user) => {
                if known.len() >= MAX_KNOWN_KEYS {
                    known.clear();
                }
                known.insert(key, user);
            }
            None => {
                known.remove(&key);
            }
        }
    }

    fn user_of_key(&self, key: &TokenDigest) -> Option<UserId> {
        self.known_keys.read().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Counts a try to sign in, before anything is looked up: by the address alone, since one account can be meant with
    /// its workspace and without. Who uses one address in several workspaces has their tries counted together.
    ///
    /// # Errors
    /// 429 `rate_limited`.
    pub fn sign_in(&self, address: IpAddr, email: &str) -> Result<(), Problem> {
        if let Some(limit) = &self.addresses {
            limit.take(Counted::Address(network_of(address)))?;
        }
        if let Some(limit) = &self.accounts {
            limit.take(Counted::Account(Sha256::digest(email).into()))?;
        }
        Ok(())
    }
}

impl Limits {
    /// Counts a try of mail servers, whatever the other limits are.
    ///
    /// # Errors
    /// 429 `rate_limited`.
    pub fn check(&self, user: UserId) -> Result<(), Problem> {
        match &self.checks {
            Some(limit) => limit.take(Counted::User(user)).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// An IPv6 customer has a whole /64: counted as one.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

/// The client's address: the connection's, or, behind so many trusted proxies, what the outermost of them wrote.
#[must_use]
pub fn client_address(request: &HttpRequest, trusted_proxies: usize) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    if trusted_proxies == 0 {
        return peer;
    }
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    forwarded
        .len()
        .checked_sub(trusted_proxies)
        .and_then(|index| forwarded.get(index))
        .and_then(|text| written_address(text))
        .unwrap_or(peer)
}

/// An address as proxies write it: some add the port, and IPv6 addresses stand in brackets then.
fn written_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

/// The layer that counts every request of the API under `/v1`.
///
/// # Errors
/// Never: a refusal is answered.
pub async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let taken = match request.app_data::<Data<State>>() {
        Some(state) if request.path().starts_with("/v1/") => match &state.limits.callers {
            Some(limit) => limit.take(counted(&request, state)).map(Some),
            None => Ok(None),
        },
        _ => Ok(None),
    };
    let left = match taken {
        Ok(left) => left,
        Err(problem) => return Ok(request.error_response(problem)),
    };
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(Left { policy, state }) = left {
        for (name, value) in [(POLICY, policy), (LEFT, state)] {
            if let (false, Ok(value)) =
                (response.headers().contains_key(&name), HeaderValue::from_str(&value))
            {
                response.headers_mut().insert(name, value);
            }
        }
    }
    Ok(response)
}

/// A valid token or known key counts for its user, wherever they are; anything else for the address it comes from.
fn counted(request: &ServiceRequest, state: &State) -> Counted {
    let here =
        || Counted::Address(network_of(client_address(request.request(), state.settings.trusted_proxies)));
    let Some(token) = crate::caller::bearer(request.headers()) else {
        return here();
    };
    if let Some(key) = PresentedKey::of(token) {
        return state.limits.user_of_key(&key.digest).map_or_else(here, Counted::User);
    }
    match state.tokens.check(token) {
        Ok(claims) => {
            let user = claims.sub;
            request.extensions_mut().insert(claims);
            Counted::User(user)
        }
        Err(_) => here(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn the_burst_is_what_can_be_taken_at_once() {
        let limits = Limits::new(LimitSettings { per_second: 1, burst: 3, ..LimitSettings::OFF });
        let limit = limits.callers.as_ref().unwrap();
        let left: Vec<String> = (0..3).map(|_| limit.take(Counted::Address(HERE)).unwrap().state).collect();
        assert_eq!(left, ["\"default\";r=2;t=1", "\"default\";r=1;t=1", "\"default\";r=0;t=1"]);
        assert_eq!(limit.take(Counted::Address(HERE)).unwrap_err().code(), Code::RateLimited);
        let other = IpAddr::V4(Ipv4Addr::BROADCAST);
        assert_eq!(limit.take(Counted::Address(other)).unwrap().policy, "\"default\";q=3;w=3");
    }

    #[test]
    fn sign_in_is_counted_by_account_and_by_address() {
        let limits = Limits::new(LimitSettings {
            sign_in_per_account: 2,
            sign_in_per_address: 3,
            ..LimitSettings::OFF
        });
        let try_in = |email| limits.sign_in(HERE, email).is_ok();
        assert!(try_in("a@b.c") && try_in("a@b.c") && !try_in("a@b.c"), "by account");
        assert!(!try_in("d@e.f"), "by address");
        let elsewhere = IpAddr::V4(Ipv4Addr::BROADCAST);
        assert!(limits.sign_in(elsewhere, "a@b.c").is_err(), "by account, from wherever");
        assert!(limits.sign_in(elsewhere, "d@e.f").is_ok());
    }

    #[test]
    fn a_key_is_its_users_from_when_it_is_known_until_it_is_no_more() {
        let limits = Limits::new(LimitSettings::OFF);
        let user = UserId(uuid::Uuid::from_u128(1));
        limits.know_key([1; 32], None);
        assert_eq!(limits.user_of_key(&[1; 32]), None);
        limits.know_key([1; 32], Some(user));
        assert_eq!(limits.user_of_key(&[1; 32]), Some(user));
        assert_eq!(limits.user_of_key(&[2; 32]), None);
        limits.know_key([1; 32], None);
        assert_eq!(limits.user_of_key(&[1; 32]), None);
        assert!(limits.known_keys.read().unwrap().is_empty());
    }

    #[test]
    fn zero_is_off() {
        let limits = Limits::new(LimitSettings::OFF);
        assert!(limits.callers.is_none());
        assert!((0..1000).all(|_| limits.sign_in(HERE, "a@b.c").is_ok()));
    }

    #[test]
    fn an_address_is_read_as_proxies_write_it() {
        let six = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
        for (text, expected) in [
            ("127.0.0.1", Some(HERE)),
            ("127.0.0.1:4711", Some(HERE)),
            ("::1", six),
            ("[::1]", six),
            ("[::1]:4711", six),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(written_address(text), expected, "{text}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:127.0.0.1"), HERE);
    }
}
