//! Browser sessions.
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::cognito::{SignedIn, UserPool};
use crate::identity::{Caller, Identity, IdentityHeaders};
use crate::keys::Keys;
use crate::origin::PublicOrigin;

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
#[derive(Debug)]
pub struct Sessions(());

/// What the request's cookies say.
#[derive(Clone, Debug)]
pub enum Found {
    /// No session, or one that has ended.
    None,
    /// Signed in.
    Caller(Caller),
    /// The session is there, its tokens have run out, and the pool cannot be asked: 503, not sign-in.
    Unavailable,
}

impl Sessions {
    /// An empty store. `tasks` owns the background renewals and revocations.
    pub fn new(
        _settings: Settings,
        _origin: &PublicOrigin,
        _headers: IdentityHeaders,
        _keys: &Keys,
        _pool: Arc<UserPool>,
        _clock: Clock,
        _tasks: TaskTracker,
    ) -> Self {
        todo!()
    }
    /// The caller of a request. Starts a renewal in the background when due; waits for it only when the tokens have run out.
    pub async fn find(&self, _headers: &HeaderMap) -> Found {
        todo!()
    }
    /// Begins a session with a new id and ends the one the request came with. Returns the `Set-Cookie` values.
    pub async fn begin(&self, _signed_in: SignedIn, _request: &HeaderMap) -> Vec<HeaderValue> {
        todo!()
    }
    /// Ends the request's session here, then revokes its refresh token in the background. Returns the `Set-Cookie` values that clear our cookies.
    pub async fn end(&self, _request: &HeaderMap) -> Vec<HeaderValue> {
        todo!()
    }
    /// Whether a cookie of this name is ours: it never reaches the upstream nor comes from it.
    pub fn owns_cookie(&self, _name: &[u8]) -> bool {
        todo!()
    }
}
#[allow(dead_code, reason = "skeleton")]
fn _unused(_: CancellationToken, _: Identity) {}
