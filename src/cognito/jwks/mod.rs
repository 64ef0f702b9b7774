//! The pool's public keys.
//!
//! Asked by `UserPool` before it checks a token. The set in use is swapped whole; a reader takes a lock
//! only to copy a pointer. One fetch at a time, whoever asks. An unknown key id starts one at most
//! every ten seconds in all, so that forged ids do not become fetches (F-12); the count is kept here, in
//! memory, and nothing can switch it off. Keys last fetched a day ago are not used any more (F-10).

mod document;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::rand;
use cognito_flow::UnixSeconds;
use jsonwebtoken::DecodingKey;
use tokio::sync::Mutex;
use url::Url;

use self::document::{Key, MAX_DOCUMENT_BYTES, parse};
use crate::clock::Clock;
use crate::cognito::transport::{Transport, TransportError};

/// Longest wait for the key document.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Between two fetches in the ordinary course, plus or minus a tenth so that replicas spread.
const REFRESH_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);

/// How long the last good set is used while no newer one can be had, in seconds.
const MAX_AGE: u64 = 24 * 60 * 60;

/// Least seconds between two fetches that unknown key ids cause.
const DEMAND_INTERVAL: u64 = 10;

/// Wait after the first failed fetch; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Longest such wait while there are no keys (F-09: ready within 10 s of the pool's return), and while
/// the last good ones serve.
const LONGEST_RETRY: Duration = Duration::from_secs(8);
const LONGEST_RETRY_WITH_KEYS: Duration = Duration::from_secs(5 * 60);

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

    /// Makes sure that there are keys, before a call whose reply cannot be had twice.
    ///
    /// # Errors
    /// [`KeysError`]; [`KeysError::None`] when it was not allowed to look again yet.
    pub(super) async fn ensure(&self) -> Result<(), KeysError> {
        if self.is_ready() {
            return Ok(());
        }
        let mut demand = self.demand.lock().await;
        if self.is_ready() {
            return Ok(());
        }
        if !demand.is_due(self.clock.now()) {
            return Err(KeysError::None);
        }
        demand.last_fetch = Some(self.clock.now());
        self.fetch().await.map(drop)
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
            let mut delay = FIRST_RETRY;
            while let Err(error) = self.refresh().await {
                let longest = if self.is_ready() {
                    LONGEST_RETRY_WITH_KEYS
                } else {
                    LONGEST_RETRY
                };
                delay = delay.min(longest);
                tracing::warn!(%error, ready = self.is_ready(), hint = error.hint(), "no keys fetched");
                tokio::time::sleep(jittered(delay)).await;
                delay *= 2;
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
    fn allows(&mut self, id: &str, now: UnixSeconds) -> bool {
        self.unknown
            .retain(|(_, at)| is_within(*at, UNKNOWN_FOR, now));
        self.is_due(now) && !self.unknown.iter().any(|(known, _)| known == id)
    }

    /// Whether the last fetch on demand is long enough ago.
    fn is_due(&self, now: UnixSeconds) -> bool {
        let too_soon = |at| is_within(at, DEMAND_INTERVAL, now);
        !self.last_fetch.is_some_and(too_soon)
    }

    fn remember_unknown(&mut self, id: &str, now: UnixSeconds) {
        if self.unknown.len() == MAX_UNKNOWN {
            self.unknown.pop_front();
        }
        self.unknown.push_back((id.to_owned(), now));
    }
}

/// Whether `since` is less than so many seconds ago. Not when it is ahead: a clock that was set back must
/// not stop fetches until it has caught up.
fn is_within(UnixSeconds(since): UnixSeconds, seconds: u64, UnixSeconds(now): UnixSeconds) -> bool {
    since <= now && now - since < seconds
}

/// Plus or minus up to a tenth, at random.
fn jittered(delay: Duration) -> Duration {
    let mut byte = [128_u8];
    // Without random numbers the middle is as good.
    let _ = rand::fill(&mut byte);
    let [byte] = byte;
    delay.mul_f64(0.9 + 0.2 * f64::from(byte) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cognito::testing::{ACCESS_KEY, ID_KEY, NOW, Say, Stub, TestKey, key_document};
    use serde_json::json;
    use std::sync::Mutex as StdMutex;
    use std::sync::atomic::Ordering;

    /// Keys from a server whose answer the test can change, and the clock.
    async fn bed(first: Say) -> (Stub, Jwks, Clock, Arc<StdMutex<Say>>) {
        let says = Arc::new(StdMutex::new(first));
        let script = Arc::clone(&says);
        let stub = Stub::start(move |_| script.lock().unwrap().clone()).await;
        let url: Url = format!("http://{}/jwks.json", stub.address)
            .parse()
            .unwrap();
        let transport = Transport::new(&[&url], None).unwrap();
        let clock = Clock::at(NOW);
        let jwks = Jwks::new(url, transport, clock.clone());
        (stub, jwks, clock, says)
    }

    fn document(keys: &[&TestKey]) -> Say {
        Say::Json(200, key_document(keys))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn keys_are_fetched_when_first_asked_for_and_then_kept() {
        let (stub, jwks, _, _) = bed(document(&[&ID_KEY, &ACCESS_KEY])).await;
        assert!(!jwks.is_ready());
        jwks.key(ID_KEY.id).await.unwrap();
        jwks.key(ACCESS_KEY.id).await.unwrap();
        jwks.key(ID_KEY.id).await.unwrap();
        assert!(jwks.is_ready());
        assert_eq!(stub.heard().len(), 1);
    }

    #[tokio::test]
    async fn many_who_ask_at_once_cause_one_fetch() {
        let (stub, jwks, _, _) = bed(document(&[&ID_KEY])).await;
        let asked = futures_util::future::join_all((0..50).map(|_| jwks.key(ID_KEY.id))).await;
        assert!(asked.iter().all(Result::is_ok));
        assert_eq!(stub.heard().len(), 1);
    }

    #[tokio::test]
    async fn a_rotated_key_is_found_with_one_fetch_and_the_old_one_stays_while_listed() {
        let (stub, jwks, _, says) = bed(document(&[&ID_KEY])).await;
        jwks.refresh().await.unwrap();
        *says.lock().unwrap() = document(&[&ID_KEY, &ACCESS_KEY]);
        jwks.key(ACCESS_KEY.id).await.unwrap();
        jwks.key(ID_KEY.id).await.unwrap();
        assert_eq!(stub.heard().len(), 2);
    }

    #[tokio::test]
    async fn a_flood_of_unknown_ids_causes_one_fetch_in_ten_seconds() {
        let (stub, jwks, clock, _) = bed(document(&[&ID_KEY])).await;
        jwks.refresh().await.unwrap();
        for n in 0..1_000 {
            let error = jwks.key(&format!("forged-{n}")).await.unwrap_err();
            assert!(matches!(error, KeysError::UnknownKey), "{error}");
            jwks.key(ID_KEY.id).await.unwrap();
        }
        assert_eq!(stub.heard().len(), 2);
        clock.advance(seconds(9));
        jwks.key("forged-again").await.unwrap_err();
        assert_eq!(stub.heard().len(), 2);
        clock.advance(seconds(1));
        jwks.key("forged-once-more").await.unwrap_err();
        assert_eq!(stub.heard().len(), 3);
    }

    #[tokio::test]
    async fn an_id_found_unknown_is_not_looked_for_again_for_a_minute() {
        let (stub, jwks, clock, _) = bed(document(&[&ID_KEY])).await;
        jwks.key("forged").await.unwrap_err();
        clock.advance(seconds(59));
        jwks.key("forged").await.unwrap_err();
        assert_eq!(stub.heard().len(), 1);
        clock.advance(seconds(1));
        jwks.key("forged").await.unwrap_err();
        assert_eq!(stub.heard().len(), 2);
    }

    #[test]
    fn no_more_than_256_unknown_ids_are_remembered() {
        let mut demand = Demand::default();
        for n in 0..1_000 {
            demand.remember_unknown(&n.to_string(), UnixSeconds(NOW));
        }
        assert_eq!(demand.unknown.len(), 256);
        assert!(!demand.allows("999", UnixSeconds(NOW)) && demand.allows("0", UnixSeconds(NOW)));
    }

    #[test]
    fn a_clock_set_back_does_not_stop_fetches() {
        let mut demand = Demand {
            last_fetch: Some(UnixSeconds(NOW)),
            ..Demand::default()
        };
        assert!(!demand.allows("k", UnixSeconds(NOW + 9)));
        assert!(demand.allows("k", UnixSeconds(NOW - 7_200)));
    }

    #[tokio::test]
    async fn the_last_good_set_serves_for_a_day_and_then_nothing_does() {
        let (stub, jwks, clock, says) = bed(document(&[&ID_KEY])).await;
        jwks.refresh().await.unwrap();
        *says.lock().unwrap() = Say::Close;
        clock.advance(seconds(3_600));
        assert!(jwks.refresh().await.is_err());
        jwks.key(ID_KEY.id).await.unwrap();
        clock.advance(seconds(23 * 3_600));
        jwks.key(ID_KEY.id).await.unwrap();
        assert!(jwks.is_ready());
        clock.advance(seconds(1));
        assert!(!jwks.is_ready());
        let error = jwks.key(ID_KEY.id).await.unwrap_err();
        assert!(matches!(error, KeysError::Unreachable(_)), "{error}");
        let error = jwks.key(ID_KEY.id).await.unwrap_err();
        assert!(matches!(error, KeysError::None), "{error}");
        assert_eq!(stub.heard().len(), 3);

        *says.lock().unwrap() = document(&[&ID_KEY]);
        clock.advance(seconds(10));
        jwks.key(ID_KEY.id).await.unwrap();
    }

    #[tokio::test]
    async fn anything_but_a_whole_key_set_is_refused_and_leaves_the_old_one() {
        let (stub, jwks, _, says) = bed(document(&[&ID_KEY])).await;
        jwks.refresh().await.unwrap();
        let long = format!("{{\"keys\":[],\"x\":{:?}}}", "x".repeat(64 * 1024));
        for (answer, expected) in [
            (
                Say::Json(200, "<html>Sign in to the network</html>".to_owned()),
                "not a JSON key set",
            ),
            (Say::Json(200, "{}".to_owned()), "not a JSON key set"),
            (Say::Json(200, json!({"keys": []}).to_string()), "no RS256"),
            (Say::Json(404, key_document(&[&ACCESS_KEY])), "status 404"),
            (Say::Json(200, long), "over 65536 bytes"),
            (Say::Endless, "over 65536 bytes"),
            (
                Say::Raw("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{".to_owned()),
                "broke off",
            ),
            (Say::Close, "did not answer"),
            (
                Say::Raw(format!(
                    "HTTP/1.1 302 Found\r\nlocation: http://{}/other\r\ncontent-length: 0\r\n\r\n",
                    stub.address
                )),
                "status 302",
            ),
        ] {
            *says.lock().unwrap() = answer;
            let error = jwks.refresh().await.unwrap_err();
            assert!(
                error.to_string().contains(expected),
                "{error} is not {expected:?}"
            );
            assert!(jwks.usable().unwrap().find(ID_KEY.id).is_some());
        }
        assert!(
            stub.heard()
                .iter()
                .all(|heard| !heard.head.contains("/other")),
            "a redirect was followed"
        );
        assert!(
            stub.sent.load(Ordering::SeqCst) < 64 << 20,
            "the endless answer was read on"
        );
    }
}
