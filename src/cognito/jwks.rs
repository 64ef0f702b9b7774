//! The pool's public keys.
//!
//! Asked by `UserPool` before it checks a token. The set in use is swapped whole; a reader takes a lock
//! only to copy a pointer. One fetch at a time, whoever asks. An unknown key id starts one at most
//! every ten seconds in all, so that forged ids do not become fetches (F-12); the count is kept here, in
//! memory, and nothing can switch it off. Keys last fetched a day ago are not used any more (F-10).

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cognito_flow::UnixSeconds;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::transport::{Transport, TransportError};
use crate::clock::Clock;

/// Longest document. A pool's has two keys in about 900 bytes.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// Most keys in it.
const MAX_KEYS: usize = 16;

/// Longest wait for it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Between two fetches in the ordinary course, plus or minus a tenth so that replicas spread.
const REFRESH_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);

/// How long the last good set is used while no newer one can be had, in seconds.
const MAX_AGE: u64 = 24 * 60 * 60;

/// Least seconds between two fetches that unknown key ids cause.
const DEMAND_INTERVAL: u64 = 10;

/// First and longest wait after a failed fetch. The longest is below the 10 s in which F-09 wants us ready.
const RETRY_DELAYS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));

/// Most key ids remembered as unknown, and for how many seconds: a key may be in use before every
/// copy of the document has it.
const MAX_UNKNOWN: usize = 256;
const UNKNOWN_FOR: u64 = 60;

/// The keys of one pool.
#[derive(Debug)]
pub(super) struct Jwks {
    url: Url,
    transport: Transport,
    clock: Clock,
    current: RwLock<Option<Arc<KeySet>>>,
    /// Held while fetching.
    demand: Mutex<Demand>,
}

/// One document's usable keys.
#[derive(Debug)]
struct KeySet {
    keys: Vec<Key>,
    fetched_at: UnixSeconds,
}

#[derive(Debug)]
struct Key {
    id: String,
    key: Arc<DecodingKey>,
}

/// What unknown key ids have caused.
#[derive(Debug, Default)]
struct Demand {
    last_fetch: Option<UnixSeconds>,
    /// Ids that were not in the document when it was fetched for them, oldest first.
    unknown: VecDeque<(String, UnixSeconds)>,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The document could not be fetched.
    #[error("the pool's keys could not be fetched: {0}")]
    Unreachable(#[source] TransportError),
    /// No answer in time.
    #[error("the pool's keys could not be fetched from {0}: no answer within {FETCH_TIMEOUT:?}")]
    TimedOut(String),
    /// An answer with another status than 200; redirects are not followed.
    #[error("the pool's keys could not be fetched from {host}: status {status}")]
    Status {
        /// `host[:port]`.
        host: String,
        /// What came.
        status: u16,
    },
    /// Not a key set within the limits.
    #[error("the pool's key document is refused: {0}")]
    Document(&'static str),
    /// The token's key is not the pool's, as far as we know.
    #[error("a token is signed with a key that is not among the pool's")]
    UnknownKey,
    /// No good set for a day, or none yet.
    #[error("there are no keys of the pool to check a token with")]
    None,
}

impl KeysError {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::UnknownKey => {
                "if it lasts, the tokens come from another pool: check cognito.jwks_url and cognito.issuer".to_owned()
            }
            Self::Status { status, .. } => format!(
                "status {status} in place of the keys: check cognito.jwks_url, cognito.user_pool_id and any proxy in between"
            ),
            Self::Document(_) => {
                "what cognito.jwks_url names is not a Cognito key set: check it, and any proxy in between".to_owned()
            }
            Self::Unreachable(_) | Self::TimedOut(_) | Self::None => {
                "tokens cannot be checked without the keys: check the route to cognito.jwks_url (VPC endpoint, NAT gateway, firewall), DNS and cognito.ca_file".to_owned()
            }
        }
    }
}

impl Jwks {
    pub(super) fn new(url: Url, transport: Transport, clock: Clock) -> Self {
        Self {
            url,
            transport,
            clock,
            current: RwLock::new(None),
            demand: Mutex::default(),
        }
    }

    /// Whether tokens can be verified.
    pub(super) fn is_ready(&self) -> bool {
        self.usable().is_some()
    }

    /// The key of this id; fetches the document when it is not known and the limits allow.
    ///
    /// # Errors
    /// [`KeysError`]; [`KeysError::UnknownKey`] also when it was not allowed to look again yet.
    pub(super) async fn key(&self, id: &str) -> Result<Arc<DecodingKey>, KeysError> {
        if let Some(key) = self.usable().and_then(|set| set.find(id)) {
            return Ok(key);
        }
        let mut demand = self.demand.lock().await;
        // Whoever held the lock may have fetched it.
        if let Some(key) = self.usable().and_then(|set| set.find(id)) {
            return Ok(key);
        }
        if demand.allows(id, self.clock.now()) {
            demand.last_fetch = Some(self.clock.now());
            let set = self.fetch().await?;
            if let Some(key) = set.find(id) {
                return Ok(key);
            }
            demand.remember_unknown(id, self.clock.now());
        }
        Err(if self.is_ready() {
            KeysError::UnknownKey
        } else {
            KeysError::None
        })
    }

    /// Fetches the document now, and returns how many keys it has.
    ///
    /// # Errors
    /// [`KeysError`]; the set in use stays then.
    pub(super) async fn refresh(&self) -> Result<usize, KeysError> {
        let _one_at_a_time = self.demand.lock().await;
        Ok(self.fetch().await?.keys.len())
    }

    /// Fetches until there is a good set, then every six hours. Ends only when dropped.
    pub(super) async fn keep_fresh(&self) {
        loop {
            let (mut delay, longest) = RETRY_DELAYS;
            while let Err(error) = self.refresh().await {
                tracing::warn!(%error, ready = self.is_ready(), hint = error.hint(), "no keys fetched");
                tokio::time::sleep(jittered(delay)).await;
                delay = longest.min(delay * 2);
            }
            tokio::time::sleep(jittered(REFRESH_INTERVAL)).await;
        }
    }

    fn usable(&self) -> Option<Arc<KeySet>> {
        let current = self.current.read();
        let set = current.unwrap_or_else(PoisonError::into_inner).clone()?;
        let UnixSeconds(now) = self.clock.now();
        (now.saturating_sub(set.fetched_at.0) <= MAX_AGE).then_some(set)
    }

    async fn fetch(&self) -> Result<Arc<KeySet>, KeysError> {
        let host = || self.url.authority().to_owned();
        let fetch = self.transport.fetch(&self.url, MAX_DOCUMENT_BYTES);
        let answer = tokio::time::timeout(FETCH_TIMEOUT, fetch).await;
        let answer = answer.map_err(|_| KeysError::TimedOut(host()))?;
        let (status, document) = answer.map_err(KeysError::Unreachable)?;
        if status != http::StatusCode::OK {
            return Err(KeysError::Status {
                host: host(),
                status: status.as_u16(),
            });
        }
        let set = Arc::new(KeySet {
            keys: parse(&document)?,
            fetched_at: self.clock.now(),
        });
        tracing::debug!(keys = set.keys.len(), "the pool's keys are fetched");
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::clone(&set));
        Ok(set)
    }
}

impl KeySet {
    fn find(&self, id: &str) -> Option<Arc<DecodingKey>> {
        let key = self.keys.iter().find(|key| key.id == id)?;
        Some(Arc::clone(&key.key))
    }
}

impl Demand {
    /// Whether the document may be fetched for this id.
    fn allows(&mut self, id: &str, UnixSeconds(now): UnixSeconds) -> bool {
        // A clock set back must not stop fetches until it has caught up.
        let is_within = |since: UnixSeconds, seconds| since.0 <= now && now - since.0 < seconds;
        self.unknown.retain(|(_, at)| is_within(*at, UNKNOWN_FOR));
        let too_soon = |at| is_within(at, DEMAND_INTERVAL);
        !self.last_fetch.is_some_and(too_soon) && !self.unknown.iter().any(|(known, _)| known == id)
    }

    fn remember_unknown(&mut self, id: &str, now: UnixSeconds) {
        if self.unknown.len() == MAX_UNKNOWN {
            self.unknown.pop_front();
        }
        self.unknown.push_back((id.to_owned(), now));
    }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

/// The members of RFC 7517 §4 and RFC 7518 §6.3.1 that an RSA signature key has.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// The usable keys of a document. Others are left out: a pool may come to have kinds we do not know.
fn parse(document: &[u8]) -> Result<Vec<Key>, KeysError> {
    let parsed: Result<Document, _> = serde_json::from_slice(document);
    let Document { keys } = parsed.map_err(|_| KeysError::Document("it is not a JSON key set"))?;
    if keys.len() > MAX_KEYS {
        return Err(KeysError::Document("it has more than 16 keys"));
    }
    let mut usable: Vec<Key> = Vec::with_capacity(keys.len());
    for key in keys.into_iter().filter_map(Jwk::into_key) {
        if usable.iter().any(|other| other.id == key.id) {
            return Err(KeysError::Document("two keys have the same id"));
        }
        usable.push(key);
    }
    if usable.is_empty() {
        return Err(KeysError::Document(
            "it has no RS256 signature key of 2048 to 4096 bits",
        ));
    }
    Ok(usable)
}

impl Jwk {
    fn into_key(self) -> Option<Key> {
        let is_for_signatures = self.kty == "RSA"
            && self.usage.as_deref() == Some("sig")
            && self.alg.is_none_or(|alg| alg == "RS256");
        let id = self.kid.filter(|id| is_for_signatures && !id.is_empty())?;
        let modulus = number(&self.n?)?;
        let exponent = number(&self.e?)?;
        let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
        let fits = (2048..=4096).contains(&bits(&modulus))
            && (2..=32).contains(&bits(&exponent))
            && is_odd;
        fits.then(|| Key {
            id,
            key: Arc::new(DecodingKey::from_rsa_raw_components(&modulus, &exponent)),
        })
    }
}

/// A big-endian number of RFC 7518 §2, without the leading zeros that some write.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn bits(number: &[u8]) -> usize {
    let first = number
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    number.len() * 8 - first
}

/// Plus or minus up to a tenth, at random.
fn jittered(delay: Duration) -> Duration {
    let mut byte = [128_u8];
    // Without random numbers the middle is as good.
    let _ = rand::fill(&mut byte);
    let [byte] = byte;
    delay.mul_f64(0.9 + 0.2 * f64::from(byte) / 255.0)
}
