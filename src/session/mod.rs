//! Browser sessions: who a cookie stands for.
//!
//! Behind the gate on the way of every request: cookie → keyed hash → record → `Caller`, without
//! I/O, waiting or a lock held. Sign-in begins sessions, sign-out ends them, `refresh.rs` renews their
//! tokens. The browser holds a random id and nothing else; no token ever leaves this process but to
//! the pool. Nothing here logs an id, a cookie or a token: `sub` and the reason only.

mod cookie;
mod ending;
mod memory;
mod record;
mod refresh;
mod store;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderValue};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::task::TaskTracker;

use self::ending::{Deadlines, Reason};
use self::memory::MemoryStore;
use self::record::{Lookup, Record, SessionId, Ticket};
use self::refresh::{Prospect, Renew, Renewals};
use self::store::Store;
use crate::clock::Clock;
use crate::cognito::{SignedIn, UserPool};
use crate::identity::{Caller, IdentityHeaders};
use crate::keys::Keys;
use crate::origin::PublicOrigin;

pub use self::cookie::{CookieNames, CookieValue, find_cookie};

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
        let CookieValue::One(value) = find_cookie(headers, self.names.session()) else {
            return Found::None;
        };
        let Some(id) = SessionId::parse(value) else {
            return Found::None;
        };
        let (ticket, record) = match self.look_up(&id).await {
            Ok(Some(found)) => found,
            Ok(None) => return Found::None,
            Err(error) => {
                tracing::error!(%error, "sessions cannot be read");
                return Found::Unavailable;
            }
        };
        let now = self.shared.clock.now();
        if let Some(reason) = record.lapsed(&self.shared.settings, now) {
            self.shared.end(&ticket.key, reason).await;
            return Found::None;
        }
        record.touch(now);
        if now < record.renew_at {
            return Found::Caller(record.caller.clone());
        }
        self.renew(&ticket, &record).await
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
        let prospect = self.shared.renew(ticket);
        if self.shared.clock.now() < record.expires_at {
            return Found::Caller(record.caller.clone());
        }
        match prospect {
            Prospect::Resting => return Found::Unavailable,
            Prospect::Settled => {}
            Prospect::UnderWay(over) => {
                // In vain or not: what counts is what the store says then.
                let _ = tokio::time::timeout(refresh::LONGEST_WAIT, over.cancelled()).await;
            }
        }
        match self.shared.store.peek(&ticket.key) {
            None => Found::None,
            Some(record) if self.shared.clock.now() < record.expires_at => {
                Found::Caller(record.caller.clone())
            }
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
