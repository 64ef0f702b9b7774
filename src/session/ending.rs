//! How sessions end.
//!
//! Always in this order: the store forgets the session, its open streams are told, and only
//! then, in the background, the pool is asked to revoke the refresh token. Expiry is found by the
//! next request, or within a second by `sweep`, so that a stream does not outlive its session.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use cognito_flow::{Secret, UnixSeconds};

use super::record::{Record, SessionKey};
use super::refresh::{PoolFailure, Renew};
use super::{Shared, locked};

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The person signed out.
    SignedOut,
    /// The same browser signed in anew.
    Replaced,
    /// The user has signed in elsewhere too often.
    TooMany,
    /// No request came for the idle time.
    Idle,
    /// It has lasted for the absolute time.
    Absolute,
    /// The pool no longer renews its tokens.
    Refused,
    /// The store was full.
    Capacity,
}

impl Reason {
    /// For the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Replaced => "replaced",
            Self::TooMany => "too_many_of_user",
            Self::Idle => "idle",
            Self::Absolute => "absolute",
            Self::Refused => "refused",
            Self::Capacity => "capacity",
        }
    }

    /// Whether the pool is told. Where nobody asked for the end, forgetting the token is enough: nobody
    /// else has it, and a full store or a sweep must not turn into a burst of calls.
    fn revokes(self) -> bool {
        match self {
            Self::SignedOut | Self::Replaced | Self::TooMany => true,
            Self::Idle | Self::Absolute | Self::Refused | Self::Capacity => false,
        }
    }
}

/// When sessions are to be looked at again, soonest first. An entry may be too early, since requests
/// move a session's end; it is never too late.
#[derive(Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(UnixSeconds, SessionKey)>>);

impl Deadlines {
    /// The next session whose time has come.
    fn due(&mut self, now: UnixSeconds) -> Option<SessionKey> {
        let Reverse((deadline, key)) = *self.0.peek()?;
        if deadline > now {
            return None;
        }
        self.0.pop();
        Some(key)
    }
}

impl Shared {
    /// Ends a session, if it is still there.
    pub(super) async fn end(self: &Arc<Self>, key: &SessionKey, reason: Reason) {
        match self.store.remove(key).await {
            Ok(Some(record)) => self.close(&record, reason),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, reason = reason.name(), "a session could not be removed");
            }
        }
    }

    /// What is left to do for a session that the store no longer has.
    pub(super) fn close(self: &Arc<Self>, record: &Record, reason: Reason) {
        record.close(reason);
        if reason.revokes() {
            self.revoke(&record.grant.refresh_token);
        }
    }

    /// Has the pool revoke a refresh token, in the background.
    pub(super) fn revoke(self: &Arc<Self>, refresh_token: &Secret<String>) {
        let shared = Arc::clone(self);
        let refresh_token = refresh_token.clone();
        self.tasks.spawn(async move {
            if let Err(error) = revoke(&*shared.pool, &refresh_token, &PATIENCE).await {
                tracing::warn!(%error, "a refresh token was not revoked; it ends by itself");
            }
        });
    }

    /// Sees to it that a session's end is noticed without a request.
    pub(super) fn watch(&self, key: SessionKey, record: &Record) {
        let mut deadlines = locked(&self.deadlines);
        deadlines
            .0
            .push(Reverse((record.deadline(&self.settings), key)));
        // Entries of sessions that were signed out stay until their time; bounded by the store's own limit.
        if deadlines.0.len() as u64 > self.settings.max_sessions.saturating_mul(2) {
            deadlines
                .0
                .retain(|Reverse((_, key))| self.store.peek(key).is_some());
        }
    }

    /// Ends every session whose time has come.
    pub(super) async fn sweep(self: &Arc<Self>) {
        let now = self.clock.now();
        self.forget_rests();
        while let Some(key) = self.due(now) {
            let Some(record) = self.store.peek(&key) else {
                continue;
            };
            match record.lapsed(&self.settings, now) {
                None => self.watch(key, &record),
                Some(reason) => {
                    self.end(&key, reason).await;
                    // After a jump of the clock there may be a hundred thousand (F-14).
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn due(&self, now: UnixSeconds) -> Option<SessionKey> {
        locked(&self.deadlines).due(now)
    }
}

/// How often and how long the pool is asked to revoke a token.
struct Patience {
    /// Longest wait for one answer.
    per_try: Duration,
    /// Between the tries; there is one try more than pauses.
    pauses: [Duration; 4],
}

/// At most 2 s a try and 5 tries: 17.5 s in all, which fits into the time for draining.
const PATIENCE: Patience = Patience {
    per_try: Duration::from_secs(2),
    pauses: [
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(4),
    ],
};

async fn revoke(
    pool: &dyn Renew,
    refresh_token: &Secret<String>,
    patience: &Patience,
) -> Result<(), PoolFailure> {
    let mut pauses = patience.pauses.iter();
    loop {
        let answer = tokio::time::timeout(patience.per_try, pool.revoke(refresh_token)).await;
        let failure = match answer {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure @ PoolFailure::Refused(_))) => return Err(failure),
            Ok(Err(failure @ PoolFailure::Outage(_))) => failure,
            Err(elapsed) => PoolFailure::Outage(elapsed.into()),
        };
        let Some(pause) = pauses.next() else {
            return Err(failure);
        };
        tokio::time::sleep(*pause).await;
    }
}
