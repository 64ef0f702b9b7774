//! Browser sessions: who a cookie stands for.
//!
//! Behind the gate on the way of every request: cookie → keyed hash → record → `Caller`, without
//! I/O, waiting or a lock held. Sign-in begins sessions, sign-out ends them, `refresh.rs` renews their
//! tokens. The browser holds a random id and nothing else; no token ever leaves this process but to
//! the pool. Nothing here logs an id, a cookie or a token: `sub` and the reason only.

#[cfg(test)]
pub(crate) mod bed;
mod cookie;
mod ending;
mod grant;
mod memory;
mod record;
mod refresh;
mod store;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cognito_flow::Secret;
use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderValue};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::task::TaskTracker;

use self::ending::{Deadlines, Reason};
use self::memory::MemoryStore;
use self::record::{Lookup, Record, SessionId, Ticket};
use self::refresh::{Need, Prospect, Renew, Renewals};
use self::store::Store;
use crate::clock::Clock;
use crate::cognito::{SignedIn, UserPool};
use crate::identity::{Caller, IdentityHeaders};
use crate::keys::Keys;
use crate::origin::PublicOrigin;

pub use self::cookie::{CookieNames, CookieValue, find_cookie};
pub use self::record::least_renewal_margin;

/// Limits of sessions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Ends when unused for this long (R-11; default 30 min).
    pub idle_timeout: Duration,
    /// Ends this long after sign-in (R-11; default 12 h).
    pub absolute_timeout: Duration,
    /// Most sessions kept (default 100,000).
    pub max_sessions: u64,
    /// Most bytes kept (default 300 MiB).
    pub max_bytes: u64,
    /// Most sessions of one user; the oldest ends (R-12; default 20).
    pub max_sessions_per_user: u32,
    /// Suffix of our cookies' names; default a short hash of the public origin.
    pub cookie_suffix: Option<String>,
}

/// All sessions.
pub struct Sessions {
    names: CookieNames,
    lookup: Lookup,
    shared: Arc<Shared>,
}

/// What the background tasks of sessions need too.
struct Shared {
    settings: Settings,
    headers: IdentityHeaders,
    store: Box<dyn Store>,
    pool: Arc<dyn Renew>,
    clock: Clock,
    tasks: TaskTracker,
    renewals: Mutex<Renewals>,
    at_once: Semaphore,
    deadlines: Mutex<Deadlines>,
}

/// What the request's cookies say.
#[derive(Clone, Debug)]
pub enum Found {
    /// No session, or one that has ended.
    None,
    /// Signed in.
    Caller(Caller),
    /// The session is there, but its tokens have run out and the pool cannot be asked, or the store
    /// cannot be read: 503, not sign-in.
    Unavailable,
}

impl Found {
    /// A session that was told to end is none, even if a store that evicts and replaces at the same
    /// moment still shows it.
    fn of(record: &Record) -> Self {
        if record.caller.ended.is_cancelled() {
            Self::None
        } else {
            Self::Caller(record.caller.clone())
        }
    }
}

/// Why there is no access token for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAccessToken {
    /// The request has no session, or the pool has just ended it.
    #[error("nobody is signed in")]
    NoSession,
    /// The pool cannot be asked, or the store cannot be read; the session stays.
    #[error("the session's tokens cannot be renewed just now")]
    Unavailable,
}

/// A session could not be begun or kept.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The operating system gave no random bytes for an id.
    #[error("the system's random source failed")]
    Random,
    /// The cookie cannot be written.
    #[error("the session cookie cannot be written")]
    Cookie(#[from] InvalidHeaderValue),
    /// The store cannot be read or written.
    #[error("the session store failed")]
    Store(#[source] BoxError),
}

/// The store cannot be read; logged where it was found.
struct StoreFailed;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Sessions {
    /// An empty store in memory. `tasks` owns the background renewals and revocations.
    pub fn new(
        settings: Settings,
        origin: &PublicOrigin,
        headers: IdentityHeaders,
        keys: &Keys,
        pool: Arc<UserPool>,
        clock: Clock,
        tasks: TaskTracker,
    ) -> Self {
        Self::with_pool(settings, origin, headers, keys, pool, clock, tasks)
    }

    /// The same over anything that renews and revokes.
    pub(crate) fn with_pool(
        settings: Settings,
        origin: &PublicOrigin,
        headers: IdentityHeaders,
        keys: &Keys,
        pool: Arc<dyn Renew>,
        clock: Clock,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            names: CookieNames::new(origin, settings.cookie_suffix.as_deref()),
            lookup: Lookup::new(keys),
            shared: Arc::new(Shared {
                headers,
                store: Box::new(MemoryStore::new(&settings)),
                pool,
                clock,
                tasks,
                renewals: Mutex::default(),
                at_once: Semaphore::new(refresh::AT_ONCE),
                deadlines: Mutex::default(),
                settings,
            }),
        }
    }

    /// The caller of a request. Starts a renewal in the background when due; waits for it only
    /// when the tokens have run out.
    pub async fn find(&self, headers: &HeaderMap) -> Found {
        let (ticket, record) = match self.live(headers).await {
            Ok(Some(found)) => found,
            Ok(None) => return Found::None,
            Err(StoreFailed) => return Found::Unavailable,
        };
        let now = self.shared.clock.now();
        record.touch(now);
        if now < record.renew_at {
            return Found::of(&record);
        }
        self.renew(&ticket, &record).await
    }

    /// A fresh access token of the request's session, for calls to the pool in the person's own name.
    ///
    /// Sessions keep none: the tokens are renewed for it, once for all who ask at the same time.
    ///
    /// # Errors
    /// [`NoAccessToken`]; an outage of the pool does not end the session.
    pub async fn access_token(&self, headers: &HeaderMap) -> Result<Secret<String>, NoAccessToken> {
        let (ticket, record) = match self.live(headers).await {
            Ok(Some(found)) => found,
            Ok(None) => return Err(NoAccessToken::NoSession),
            Err(StoreFailed) => return Err(NoAccessToken::Unavailable),
        };
        record.touch(self.shared.clock.now());
        let landing = match self.shared.renew(&ticket, Need::AccessToken) {
            Prospect::UnderWay(landing) => landing,
            Prospect::Resting => return Err(NoAccessToken::Unavailable),
            // Ended since it was found.
            Prospect::Settled => return Err(NoAccessToken::NoSession),
        };
        // In vain or not: what counts is what it brought.
        let _ = tokio::time::timeout(refresh::LONGEST_WAIT, landing.over.cancelled()).await;
        match landing.access_token.get() {
            Some(access_token) => Ok(access_token.clone()),
            None if self.shared.store.peek(&ticket.key).is_none() => Err(NoAccessToken::NoSession),
            None => Err(NoAccessToken::Unavailable),
        }
    }

    /// The session of a request, if it has one that has not lapsed.
    async fn live(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<(Ticket, Arc<Record>)>, StoreFailed> {
        let CookieValue::One(value) = find_cookie(headers, self.names.session()) else {
            return Ok(None);
        };
        let Some(id) = SessionId::parse(value) else {
            return Ok(None);
        };
        let found = self.look_up(&id).await.map_err(|error| {
            tracing::error!(%error, "sessions cannot be read");
            StoreFailed
        })?;
        let Some((ticket, record)) = found else {
            return Ok(None);
        };
        let now = self.shared.clock.now();
        if let Some(reason) = record.lapsed(&self.shared.settings, now) {
            self.shared.end(&ticket.key, reason).await;
            return Ok(None);
        }
        Ok(Some((ticket, record)))
    }

    async fn look_up(&self, id: &SessionId) -> Result<Option<(Ticket, Arc<Record>)>, SessionError> {
        let store = &self.shared.store;
        for ticket in self.lookup.open(id) {
            if let Some(record) = store.peek(&ticket.key) {
                return Ok(Some((ticket, record)));
            }
        }
        for ticket in self.lookup.open(id) {
            if let Some(record) = store.load(&ticket).await? {
                return Ok(Some((ticket, record)));
            }
        }
        Ok(None)
    }

    /// For a session whose tokens are due.
    async fn renew(&self, ticket: &Ticket, record: &Record) -> Found {
        let prospect = self.shared.renew(ticket, Need::Due);
        if self.shared.clock.now() < record.expires_at {
            return Found::of(record);
        }
        match prospect {
            Prospect::Resting => return Found::Unavailable,
            Prospect::Settled => {}
            Prospect::UnderWay(landing) => {
                // In vain or not: what counts is what the store says then.
                let _ = tokio::time::timeout(refresh::LONGEST_WAIT, landing.over.cancelled()).await;
            }
        }
        match self.shared.store.peek(&ticket.key) {
            None => Found::None,
            Some(record) if self.shared.clock.now() < record.expires_at => Found::of(&record),
            Some(_) => Found::Unavailable,
        }
    }

    /// Begins a session with a new id and ends the one the request came with. Returns the
    /// `Set-Cookie` values.
    ///
    /// # Errors
    /// When there is no randomness for an id, or the store cannot be written: the person is not signed in.
    pub async fn begin(
        &self,
        signed_in: SignedIn,
        request: &HeaderMap,
    ) -> Result<Vec<HeaderValue>, SessionError> {
        let shared = &self.shared;
        let ticket = self.lookup.seal(SessionId::random()?);
        let cookie = self.names.set_session(ticket.id.to_text().expose())?;
        let now = shared.clock.now();
        let record = Arc::new(Record::begin(&signed_in, &shared.headers, &ticket.key, now));
        self.end_presented(request, Reason::Replaced).await;
        let too_many = shared.store.insert(&ticket, Arc::clone(&record)).await?;
        for old in too_many {
            shared.close(&old, Reason::TooMany);
        }
        shared.watch(ticket.key, &record);
        tracing::info!(sub = record.subject(), "session began");
        Ok(vec![cookie])
    }

    /// Ends the request's session here, then revokes its refresh token in the background.
    /// Returns the `Set-Cookie` values that clear our cookies.
    pub async fn end(&self, request: &HeaderMap) -> Vec<HeaderValue> {
        self.end_presented(request, Reason::SignedOut).await;
        self.names.clear_session().into_iter().collect()
    }

    /// Ends every session that the request names: with two cookies of our name, both.
    async fn end_presented(&self, request: &HeaderMap, reason: Reason) {
        for value in cookie::values(request, self.names.session()) {
            let Some(id) = SessionId::parse(value) else {
                continue;
            };
            for ticket in self.lookup.open(&id) {
                self.shared.end(&ticket.key, reason).await;
            }
        }
    }

    /// The `Set-Cookie` value that clears our cookie when a request brings it twice with different
    /// values: such a request has no session, and would never get one.
    pub fn clear_conflict(&self, request: &HeaderMap) -> Option<HeaderValue> {
        match find_cookie(request, self.names.session()) {
            CookieValue::Conflict => self.names.clear_session().ok(),
            CookieValue::Missing | CookieValue::One(_) => None,
        }
    }

    /// Whether a cookie of this name is ours: it never reaches the upstream nor comes from it.
    pub fn owns_cookie(&self, name: &[u8]) -> bool {
        self.names.owns(name)
    }

    /// The names of our cookies.
    pub fn cookie_names(&self) -> &CookieNames {
        &self.names
    }

    /// Ends sessions whose time has come, so that their streams end too. Never returns: it
    /// ends when dropped.
    pub async fn keep_tidy(&self) {
        // R-102 allows a stream one second more than its session.
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.shared.sweep().await;
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

/// A thread that panicked while it held the lock left nothing half done: no lock here is held over
/// more than one change.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::bed::{Bed, settings, signed_in};
    use super::*;

    #[tokio::test]
    async fn a_browser_that_signed_in_is_found_by_its_cookie_alone() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        let caller = bed.caller(&request).await.unwrap();
        assert_eq!(&*caller.identity.subject, "alice");
        assert!(!caller.ended.is_cancelled());
        assert!(bed.caller(&HeaderMap::new()).await.is_none());
    }

    #[tokio::test]
    async fn a_cookie_that_we_did_not_make_is_no_session() {
        let bed = Bed::new();
        bed.sign_in("alice").await;
        let name = bed.sessions.cookie_names().session();
        for value in [
            String::new(),
            "x".to_owned(),
            "A".repeat(42),
            "A".repeat(43),
            "A".repeat(44),
            format!("{}=", "A".repeat(43)),
            "\u{e9}".repeat(43),
            "A".repeat(30_000),
        ] {
            let mut request = HeaderMap::new();
            let field = HeaderValue::from_bytes(format!("{name}={value}").as_bytes());
            request.append(header::COOKIE, field.unwrap());
            assert!(bed.caller(&request).await.is_none(), "{value:?}");
        }
    }

    #[tokio::test]
    async fn sign_in_makes_a_new_id_and_ends_the_session_before_it() {
        let bed = Bed::new();
        let first = bed.sign_in("alice").await;
        let ended = bed.caller(&first).await.unwrap().ended;
        let second = bed.sign_in_over("alice", &first).await;
        assert_ne!(first, second);
        assert!(ended.is_cancelled());
        assert!(bed.caller(&first).await.is_none());
        assert!(bed.caller(&second).await.is_some());
    }

    #[tokio::test]
    async fn an_id_that_the_client_chose_is_never_adopted() {
        let bed = Bed::new();
        let name = bed.sessions.cookie_names().session();
        let mut chosen = HeaderMap::new();
        chosen.append(
            header::COOKIE,
            format!("{name}={}", "A".repeat(43)).parse().unwrap(),
        );
        bed.sign_in_over("alice", &chosen).await;
        assert!(bed.caller(&chosen).await.is_none());
    }

    #[tokio::test]
    async fn two_cookies_of_our_name_are_no_session_and_signing_out_ends_both() {
        let bed = Bed::new();
        let (one, two) = (bed.sign_in("alice").await, bed.sign_in("mallory").await);
        let mut both = one.clone();
        both.append(header::COOKIE, two[header::COOKIE].clone());
        assert!(bed.caller(&both).await.is_none());
        bed.sessions.end(&both).await;
        assert!(bed.caller(&one).await.is_none());
        assert!(bed.caller(&two).await.is_none());
    }

    #[tokio::test]
    async fn sign_out_forgets_tells_the_streams_revokes_and_clears() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        let ended = bed.caller(&request).await.unwrap().ended;
        let clearing = bed.sessions.end(&request).await;
        assert!(ended.is_cancelled());
        assert!(bed.caller(&request).await.is_none());
        assert_eq!(
            clearing,
            [bed.sessions.cookie_names().clear_session().unwrap()]
        );
        bed.settle().await;
        let revoked = bed.pool.revoked();
        assert!(
            matches!(&revoked[..], [token] if token.starts_with("first-of-alice-")),
            "{revoked:?}"
        );
    }

    #[tokio::test]
    async fn sign_out_without_a_session_still_clears_the_cookie() {
        let bed = Bed::new();
        assert_eq!(bed.sessions.end(&HeaderMap::new()).await.len(), 1);
        bed.settle().await;
        assert!(bed.pool.revoked().is_empty());
    }

    #[tokio::test]
    async fn a_session_ends_when_it_is_not_used() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        let ended = bed.caller(&request).await.unwrap().ended;
        bed.advance(30 * 60 - 1);
        assert!(bed.caller(&request).await.is_some(), "used in time");
        bed.advance(30 * 60 - 1);
        assert!(bed.caller(&request).await.is_some(), "used in time again");
        bed.advance(30 * 60);
        assert!(bed.caller(&request).await.is_none());
        assert!(ended.is_cancelled());
    }

    #[tokio::test]
    async fn a_session_ends_at_its_absolute_time_however_much_it_is_used() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        for _ in 0..12 * 6 - 1 {
            bed.advance(10 * 60);
            assert!(bed.caller(&request).await.is_some());
            bed.settle().await;
        }
        assert!(bed.pool.asked() >= 11, "its tokens were renewed meanwhile");
        bed.advance(10 * 60);
        assert!(bed.caller(&request).await.is_none());
    }

    #[tokio::test]
    async fn the_oldest_session_of_a_user_ends_beyond_the_limit() {
        let bed = Bed::with(Settings {
            max_sessions_per_user: 3,
            ..settings()
        });
        let other = bed.sign_in("bob").await;
        let mut mine = Vec::new();
        for _ in 0..5 {
            mine.push(bed.sign_in("alice").await);
        }
        for (number, request) in mine.iter().enumerate() {
            assert_eq!(bed.caller(request).await.is_some(), number >= 2, "{number}");
        }
        assert!(bed.caller(&other).await.is_some());
        bed.settle().await;
        assert_eq!(bed.pool.revoked().len(), 2);
    }

    #[tokio::test]
    async fn a_session_that_was_told_to_end_is_none_wherever_it_still_shows() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        bed.caller(&request).await.unwrap().ended.cancel();
        assert!(bed.caller(&request).await.is_none());
    }

    #[tokio::test]
    async fn two_tabs_that_begin_at_once_end_the_session_before_both() {
        let bed = Bed::new();
        let before = bed.sign_in("alice").await;
        let tabs = (
            bed.sign_in_over("alice", &before),
            bed.sign_in_over("alice", &before),
        );
        let (one, two) = futures_util::future::join(tabs.0, tabs.1).await;
        assert!(bed.caller(&before).await.is_none());
        assert!(bed.caller(&one).await.is_some() && bed.caller(&two).await.is_some());
    }

    #[tokio::test]
    async fn debug_shows_neither_id_nor_token() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        let found = bed.sessions.find(&request).await;
        let text = format!(
            "{:?} {found:?} {:?}",
            bed.sessions,
            signed_in("a", bed.clock.now())
        );
        let cookie = request[header::COOKIE].to_str().unwrap();
        let (_, id) = cookie.split_once('=').unwrap();
        assert!(!text.contains(id) && !text.contains("first-of"), "{text}");
    }

    #[tokio::test]
    async fn each_id_is_256_bits_and_no_two_are_alike() {
        let bed = Bed::new();
        let mut ids = std::collections::HashSet::new();
        for _ in 0..100 {
            let request = bed.sign_in("alice").await;
            let cookie = request[header::COOKIE].to_str().unwrap().to_owned();
            assert_eq!(cookie.split_once('=').unwrap().1.len(), 43);
            assert!(ids.insert(cookie));
        }
    }
}
