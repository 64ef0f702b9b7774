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
            self.revoke(record.refresh_token());
        }
    }

    /// Has the pool revoke a refresh token, in the background.
    pub(super) fn revoke(self: &Arc<Self>, refresh_token: Secret<String>) {
        let shared = Arc::clone(self);
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

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{BoxFuture, Either};

    use super::super::bed::{Bed, settings};
    use super::super::{Found, Settings};
    use super::*;
    use crate::cognito::{RefreshGrant, SignedIn};

    #[tokio::test]
    async fn a_stream_is_told_of_its_sessions_end_without_a_request() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        let ended = bed.caller(&request).await.unwrap().ended;
        let shared = &bed.sessions.shared;
        bed.advance(30 * 60 - 1);
        shared.sweep().await;
        assert!(!ended.is_cancelled());
        bed.advance(1);
        shared.sweep().await;
        assert!(ended.is_cancelled());
        assert!(matches!(bed.sessions.find(&request).await, Found::None));
    }

    #[tokio::test]
    async fn keeping_tidy_sweeps_and_goes_on() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        let ended = bed.caller(&request).await.unwrap().ended;
        bed.advance(30 * 60);
        let (told, tidy) = (pin!(ended.cancelled()), pin!(bed.sessions.keep_tidy()));
        let first = futures_util::future::select(told, tidy).await;
        assert!(matches!(first, Either::Left(_)));
    }

    #[tokio::test]
    async fn a_session_in_use_outlives_its_first_deadline_but_not_its_absolute_one() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        let ended = bed.caller(&request).await.unwrap().ended;
        let shared = &bed.sessions.shared;
        for _ in 0..12 * 3 - 1 {
            bed.advance(20 * 60);
            bed.caller(&request).await.unwrap();
            bed.settle().await;
            shared.sweep().await;
            assert!(!ended.is_cancelled());
        }
        bed.advance(20 * 60);
        shared.sweep().await;
        assert!(ended.is_cancelled());
    }

    #[tokio::test]
    async fn expiry_does_not_turn_into_a_burst_of_revocations() {
        let bed = Bed::new();
        for number in 0..50 {
            bed.sign_in(&format!("user-{number}")).await;
        }
        bed.advance(2 * 60 * 60);
        bed.sessions.shared.sweep().await;
        bed.settle().await;
        assert!(bed.pool.revoked().is_empty());
    }

    #[tokio::test]
    async fn signing_in_and_out_again_and_again_leaves_little_behind() {
        let bed = Bed::with(Settings {
            max_sessions: 10,
            ..settings()
        });
        for _ in 0..200 {
            let request = bed.sign_in("alice").await;
            bed.sessions.end(&request).await;
        }
        assert!(locked(&bed.sessions.shared.deadlines).0.len() <= 21);
    }

    /// Answers revocations with an outage, a refusal, or not at all.
    struct Stubborn(
        AtomicUsize,
        fn() -> BoxFuture<'static, Result<(), PoolFailure>>,
    );

    impl Renew for Stubborn {
        fn renew<'a>(
            &'a self,
            _: &'a RefreshGrant,
        ) -> BoxFuture<'a, Result<SignedIn, PoolFailure>> {
            Box::pin(std::future::pending())
        }

        fn revoke<'a>(&'a self, _: &'a Secret<String>) -> BoxFuture<'a, Result<(), PoolFailure>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            (self.1)()
        }
    }

    async fn tries(answer: fn() -> BoxFuture<'static, Result<(), PoolFailure>>) -> usize {
        let pool = Stubborn(AtomicUsize::new(0), answer);
        let no_time = Patience {
            per_try: Duration::ZERO,
            pauses: [Duration::ZERO; 4],
        };
        let outcome = revoke(&pool, &Secret::new("token".to_owned()), &no_time).await;
        assert!(outcome.is_err());
        pool.0.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn revocation_is_tried_five_times_and_no_more() {
        let dead = || -> BoxFuture<'static, _> {
            Box::pin(async { Err(PoolFailure::Outage("down".into())) })
        };
        assert_eq!(tries(dead).await, 5);
        assert_eq!(tries(|| Box::pin(std::future::pending())).await, 5);
    }

    #[tokio::test]
    async fn a_pool_that_refuses_to_revoke_is_not_asked_again() {
        let refuses = || -> BoxFuture<'static, _> {
            Box::pin(async { Err(PoolFailure::Refused("revocation is off".into())) })
        };
        assert_eq!(tries(refuses).await, 1);
    }
}
