//! Renewing the tokens of sessions: one call a session at a time.
//!
//! A renewal is a task of its own, so that a request that is cut off does not cut it off too. It
//! starts while the tokens are still good, and requests pass by it; only when the tokens have run out
//! do they wait for it. The new tokens are in the store before anybody goes on. A pool that cannot be
//! asked ends no session: it is asked again after a rest, and not for every request.
//! An access token is kept nowhere: who needs one waits for a renewal, and gets what it brought.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cognito_flow::Secret;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::ending::Reason;
use super::record::{Record, SessionKey, Ticket};
use super::{BoxError, Shared, locked};
use crate::cognito::{CognitoError, RefreshGrant, SignedIn, UserPool};

/// What sessions need of the user pool; tests put a pool of their own here.
pub(crate) trait Renew: Send + Sync {
    /// New tokens, verified.
    fn renew<'a>(&'a self, grant: &'a RefreshGrant)
    -> BoxFuture<'a, Result<SignedIn, PoolFailure>>;

    /// Ends the refresh token at the pool (RevokeToken).
    fn revoke<'a>(
        &'a self,
        refresh_token: &'a Secret<String>,
    ) -> BoxFuture<'a, Result<(), PoolFailure>>;
}

/// Why the pool did not do it; the two kinds differ in what becomes of the session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolFailure {
    /// It may do it later: the session stays.
    #[error("the user pool cannot be asked: {0}")]
    Outage(#[source] BoxError),
    /// It will not: the session ends.
    #[error("the user pool refused: {0}")]
    Refused(#[source] BoxError),
}

impl From<CognitoError> for PoolFailure {
    fn from(error: CognitoError) -> Self {
        if error.is_outage() {
            Self::Outage(error.into())
        } else {
            Self::Refused(error.into())
        }
    }
}

impl Renew for UserPool {
    fn renew<'a>(
        &'a self,
        grant: &'a RefreshGrant,
    ) -> BoxFuture<'a, Result<SignedIn, PoolFailure>> {
        Box::pin(async move { Ok(self.refresh(grant).await?) })
    }

    fn revoke<'a>(
        &'a self,
        refresh_token: &'a Secret<String>,
    ) -> BoxFuture<'a, Result<(), PoolFailure>> {
        Box::pin(async move { Ok(Self::revoke(self, refresh_token).await?) })
    }
}

/// Renewals at once, over all sessions: a pool that hangs must not collect a task's memory and a
/// connection for each of its users (F-02).
pub(super) const AT_ONCE: usize = 32;

/// Longest time a request waits for a renewal (F-02). The renewal itself is bounded by the pool's call time-out.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(10);

const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// The renewals under way, and the sessions that rest after one that failed.
#[derive(Default)]
pub(super) struct Renewals(HashMap<SessionKey, Renewal>);

enum Renewal {
    /// `last` is the rest before it.
    UnderWay {
        landing: Landing,
        last: Option<Duration>,
    },
    /// Until this time of the clock, for so long.
    Resting { until: Duration, rest: Duration },
}

/// The end of a renewal, for whoever waits for it.
#[derive(Clone, Default)]
pub(super) struct Landing {
    /// Cancelled when the renewal is over, in vain or not.
    pub(super) over: CancellationToken,
    /// What it brought, once that is stored. Dropped with the last who waits.
    pub(super) access_token: Arc<OnceLock<Secret<String>>>,
}

/// Which sessions a renewal is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Those whose tokens are due.
    Due,
    /// Any: somebody needs an access token.
    AccessToken,
}

/// What a session that needs a renewal can expect.
pub(super) enum Prospect {
    /// A renewal is under way.
    UnderWay(Landing),
    /// The pool could not be asked a moment ago.
    Resting,
    /// Another request saw to it, or the session is gone: look again.
    Settled,
}

impl Shared {
    /// Starts a renewal for this session, unless there is one, or a rest, or no need any more.
    pub(super) fn renew(self: &Arc<Self>, ticket: &Ticket, need: Need) -> Prospect {
        let now = self.clock.since_epoch();
        let mut renewals = locked(&self.renewals);
        let last = match renewals.0.get(&ticket.key) {
            Some(Renewal::UnderWay { landing, .. }) => {
                return Prospect::UnderWay(landing.clone());
            }
            Some(Renewal::Resting { until, rest }) => {
                // A rest that seems longer than any is one from before the clock was set back (F-14).
                if now < *until && *until - now <= LONGEST_REST {
                    return Prospect::Resting;
                }
                Some(*rest)
            }
            None => None,
        };
        // Asked again under the lock: the caller may hold a record from before the last renewal,
        // and with rotation its refresh token must not be used a second time.
        let Some(record) = self.store.peek(&ticket.key) else {
            return Prospect::Settled;
        };
        if need == Need::Due && self.clock.now() < record.renew_at {
            return Prospect::Settled;
        }
        let landing = Landing::default();
        let under_way = Renewal::UnderWay {
            landing: landing.clone(),
            last,
        };
        renewals.0.insert(ticket.key, under_way);
        drop(renewals);
        let flight = Flight {
            shared: Arc::clone(self),
            ticket: ticket.clone(),
            access_token: Arc::clone(&landing.access_token),
            rests: true,
        };
        self.tasks.spawn(flight.run(record));
        Prospect::UnderWay(landing)
    }

    /// Forgets rests that were over long ago, so that ended sessions leave nothing behind.
    pub(super) fn forget_rests(&self) {
        let now = self.clock.since_epoch();
        locked(&self.renewals).0.retain(|_, renewal| match renewal {
            Renewal::UnderWay { .. } => true,
            Renewal::Resting { until, .. } => now < *until + LONGEST_REST,
        });
    }
}

/// One renewal. When it is dropped, by its end or by a panic, whoever waits goes on.
struct Flight {
    shared: Arc<Shared>,
    ticket: Ticket,
    access_token: Arc<OnceLock<Secret<String>>>,
    /// Whether the session must rest before the next one; so until proven otherwise.
    rests: bool,
}

impl Flight {
    async fn run(mut self, record: Arc<Record>) {
        let _turn = self.shared.at_once.acquire().await;
        match self.shared.pool.renew(&record.grant()).await {
            Ok(signed_in) => self.rests = !self.keep(&record, signed_in).await,
            Err(PoolFailure::Outage(error)) => {
                tracing::warn!(sub = record.subject(), %error, "tokens not renewed; the session stays");
            }
            Err(PoolFailure::Refused(error)) => {
                tracing::info!(sub = record.subject(), %error, "tokens not renewed");
                self.shared.end(&self.ticket.key, Reason::Refused).await;
                self.rests = false;
            }
        }
    }

    /// Puts the new tokens into the store. False when that bought the session no time.
    async fn keep(&self, old: &Record, signed_in: SignedIn) -> bool {
        let shared = &self.shared;
        if signed_in.claims.subject() != old.subject() {
            tracing::error!(sub = old.subject(), "the renewed tokens are another user's");
            shared.end(&self.ticket.key, Reason::Refused).await;
            return true;
        }
        let new = Arc::new(old.renewed(&signed_in, &shared.headers, &self.ticket.key));
        let renew_at = new.renew_at;
        match shared.store.replace(&self.ticket, new).await {
            Ok(true) => {
                // Empty until here, and this is the only place that fills it.
                let _ = self.access_token.set(signed_in.access_token);
            }
            Ok(false) => {
                // Signed out while the pool made them: nobody else will revoke them.
                shared.revoke(signed_in.grant.refresh_token);
                return true;
            }
            Err(error) => {
                tracing::error!(sub = old.subject(), %error, "renewed tokens could not be stored");
                return false;
            }
        }
        let gained = shared.clock.now() < renew_at;
        if !gained {
            // Without a rest, every request would ask the pool anew.
            tracing::warn!(
                sub = old.subject(),
                "renewed tokens are due again at once; is the clock right?"
            );
        }
        gained
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let now = self.shared.clock.since_epoch();
        let mut renewals = locked(&self.shared.renewals);
        let ended = renewals.0.remove(&self.ticket.key);
        let Some(Renewal::UnderWay { landing, last }) = ended else {
            return;
        };
        if self.rests {
            let rest = last.map_or(FIRST_REST, |last| (last * 2).min(LONGEST_REST));
            let until = now + rest;
            renewals
                .0
                .insert(self.ticket.key, Renewal::Resting { until, rest });
        }
        drop(renewals);
        landing.over.cancel();
    }
}

#[cfg(test)]
mod tests {
    use cognito_flow::UnixSeconds;
    use futures_util::FutureExt as _;
    use futures_util::future::join_all;
    use tokio_util::task::TaskTracker;

    use super::super::bed::{Bed, Outcome, TOKEN_LIFE, signed_in};
    use super::super::{Found, NoAccessToken};
    use super::*;

    /// After this many seconds every session's tokens are due, and still good.
    const DUE: u64 = TOKEN_LIFE * 86 / 100;

    async fn expired() -> (Bed, http::HeaderMap) {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        bed.advance(TOKEN_LIFE);
        (bed, request)
    }

    fn ticket(bed: &Bed, request: &http::HeaderMap) -> Ticket {
        let cookie = request[http::header::COOKIE].to_str().unwrap();
        let (_, value) = cookie.split_once('=').unwrap();
        let id = super::super::SessionId::parse(value).unwrap();
        bed.sessions.lookup.seal(id)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_thousand_requests_with_expired_tokens_make_one_call() {
        // F-20
        let (bed, request) = expired().await;
        bed.pool.hold();
        let requests = TaskTracker::new();
        let finds: Vec<_> = (0..1000)
            .map(|_| {
                let (sessions, request) = (Arc::clone(&bed.sessions), request.clone());
                requests.spawn(async move { sessions.find(&request).await })
            })
            .collect();
        bed.pool.let_go();
        for found in join_all(finds).await {
            assert!(matches!(found.unwrap(), Found::Caller(_)));
        }
        assert_eq!(bed.pool.asked(), 1);
    }

    #[tokio::test]
    async fn a_renewal_that_is_due_starts_once_and_nobody_waits_for_it() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        bed.advance(TOKEN_LIFE / 2);
        bed.caller(&request).await.unwrap();
        assert_eq!(bed.pool.asked(), 0);
        bed.advance(DUE - TOKEN_LIFE / 2);
        bed.pool.hold();
        for _ in 0..100 {
            let found = bed.sessions.find(&request).now_or_never();
            assert!(matches!(found, Some(Found::Caller(_))));
        }
        bed.pool.let_go();
        bed.settle().await;
        bed.caller(&request).await.unwrap();
        bed.settle().await;
        assert_eq!(bed.pool.asked(), 1);
    }

    #[tokio::test]
    async fn renewed_tokens_change_the_identity_and_nothing_else() {
        let (bed, request) = expired().await;
        let ended = bed.sessions.shared.store.peek(&ticket(&bed, &request).key);
        let ended = ended.unwrap().caller.ended.clone();
        let mut tokens = signed_in("alice", bed.clock.now());
        let claims = serde_json::json!({"sub": "alice", "cognito:username": "alice", "cognito:groups": ["new"]});
        tokens.claims = crate::identity::Claims::verified(claims.as_object().unwrap().clone());
        bed.pool.answer_next(Outcome::Tokens(Box::new(tokens)));
        let caller = bed.caller(&request).await.unwrap();
        assert_eq!(caller.identity.groups[..], [Box::<str>::from("new")]);
        ended.cancel();
        assert!(caller.ended.is_cancelled(), "the same signal as before");
    }

    #[tokio::test]
    async fn each_renewal_uses_the_refresh_token_of_the_one_before() {
        let (bed, request) = expired().await;
        bed.caller(&request).await.unwrap();
        bed.advance(TOKEN_LIFE);
        bed.caller(&request).await.unwrap();
        let asked = bed.pool.asked_with();
        assert!(asked[0].starts_with("first-of-alice-"));
        assert_eq!(asked[1..], ["renewed-1"]);
    }

    #[tokio::test]
    async fn a_request_that_comes_late_does_not_use_the_spent_refresh_token() {
        let (bed, request) = expired().await;
        let ticket = ticket(&bed, &request);
        bed.caller(&request).await.unwrap();
        // As a request that read the record before the renewal would.
        let prospect = bed.sessions.shared.renew(&ticket, Need::Due);
        assert!(matches!(prospect, Prospect::Settled));
        bed.settle().await;
        assert_eq!(bed.pool.asked(), 1);
    }

    #[tokio::test]
    async fn a_request_that_goes_away_does_not_take_the_renewal_with_it() {
        let (bed, request) = expired().await;
        bed.pool.hold();
        assert!(bed.sessions.find(&request).now_or_never().is_none());
        bed.pool.let_go();
        bed.settle().await;
        bed.caller(&request).await.unwrap();
        assert_eq!(bed.pool.asked(), 1);
    }

    #[tokio::test]
    async fn a_dead_pool_ends_no_session_and_is_asked_ever_less() {
        let (bed, request) = expired().await;
        for _ in 0..100 {
            bed.pool.answer_next(Outcome::Outage);
        }
        for (calls, rest) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
            for _ in 0..100 {
                let found = bed.sessions.find(&request).await;
                assert!(matches!(found, Found::Unavailable));
            }
            assert_eq!(bed.pool.asked(), calls + 1);
            bed.clock.advance(Duration::from_millis(rest * 1000 - 1));
            assert!(matches!(
                bed.sessions.find(&request).await,
                Found::Unavailable
            ));
            assert_eq!(bed.pool.asked(), calls + 1, "before {rest} s were over");
            bed.clock.advance(Duration::from_millis(1));
        }
    }

    #[tokio::test]
    async fn a_session_whose_tokens_are_good_does_not_feel_a_dead_pool() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        bed.advance(DUE);
        bed.pool.answer_next(Outcome::Outage);
        for _ in 0..100 {
            bed.caller(&request).await.unwrap();
            bed.settle().await;
        }
        assert_eq!(bed.pool.asked(), 1);
        bed.advance(1);
        bed.caller(&request).await.unwrap();
        bed.settle().await;
        assert_eq!(bed.pool.asked(), 2, "asked again after the rest");
        bed.advance(TOKEN_LIFE / 4);
        bed.caller(&request).await.unwrap();
    }

    #[tokio::test]
    async fn a_pool_that_comes_back_is_used_again() {
        let (bed, request) = expired().await;
        bed.pool.answer_next(Outcome::Outage);
        assert!(matches!(
            bed.sessions.find(&request).await,
            Found::Unavailable
        ));
        bed.advance(1);
        bed.caller(&request).await.unwrap();
        bed.sessions.shared.forget_rests();
        assert!(locked(&bed.sessions.shared.renewals).0.is_empty());
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_does_not_lengthen_the_rest() {
        // F-14
        let (bed, request) = expired().await;
        bed.pool.answer_next(Outcome::Outage);
        assert!(matches!(
            bed.sessions.find(&request).await,
            Found::Unavailable
        ));
        let key = ticket(&bed, &request).key;
        let until = bed.clock.since_epoch() + Duration::from_secs(7200);
        let rest = FIRST_REST;
        let resting = Renewal::Resting { until, rest };
        locked(&bed.sessions.shared.renewals).0.insert(key, resting);
        bed.caller(&request).await.unwrap();
    }

    #[tokio::test]
    async fn rests_of_ended_sessions_are_forgotten() {
        let (bed, request) = expired().await;
        bed.pool.answer_next(Outcome::Outage);
        assert!(matches!(
            bed.sessions.find(&request).await,
            Found::Unavailable
        ));
        bed.sessions.end(&request).await;
        bed.advance(60);
        bed.sessions.shared.sweep().await;
        assert!(locked(&bed.sessions.shared.renewals).0.is_empty());
    }

    #[tokio::test]
    async fn a_refused_renewal_ends_the_session() {
        let (bed, request) = expired().await;
        let record = bed
            .sessions
            .shared
            .store
            .peek(&ticket(&bed, &request).key)
            .unwrap();
        bed.pool.answer_next(Outcome::Refused);
        assert!(bed.caller(&request).await.is_none());
        assert!(record.caller.ended.is_cancelled());
        assert!(bed.caller(&request).await.is_none());
        assert_eq!(bed.pool.asked(), 1);
    }

    #[tokio::test]
    async fn tokens_of_another_user_end_the_session() {
        let (bed, request) = expired().await;
        let tokens = signed_in("mallory", bed.clock.now());
        bed.pool.answer_next(Outcome::Tokens(Box::new(tokens)));
        assert!(bed.caller(&request).await.is_none());
    }

    #[tokio::test]
    async fn a_session_that_is_signed_out_meanwhile_does_not_come_back() {
        let (bed, request) = expired().await;
        bed.pool.hold();
        assert!(bed.sessions.find(&request).now_or_never().is_none());
        tokio::task::yield_now().await;
        assert_eq!(bed.pool.asked(), 1);
        bed.sessions.end(&request).await;
        bed.pool.let_go();
        bed.settle().await;
        assert!(bed.caller(&request).await.is_none());
        let revoked = bed.pool.revoked();
        assert!(revoked.contains(&"renewed-1".to_owned()), "{revoked:?}");
    }

    #[tokio::test]
    async fn a_panic_in_a_renewal_lets_the_waiting_go_on() {
        let (bed, request) = expired().await;
        bed.pool.answer_next(Outcome::Panic);
        assert!(matches!(
            bed.sessions.find(&request).await,
            Found::Unavailable
        ));
        bed.advance(1);
        bed.caller(&request).await.unwrap();
    }

    #[tokio::test]
    async fn tokens_that_are_due_at_once_are_not_asked_for_by_every_request() {
        // F-13: the pool's clock, or ours, is far off.
        let (bed, request) = expired().await;
        for _ in 0..10 {
            let then = UnixSeconds(bed.clock.now().0 - 2 * TOKEN_LIFE);
            bed.pool
                .answer_next(Outcome::Tokens(Box::new(signed_in("alice", then))));
        }
        for _ in 0..100 {
            assert!(matches!(
                bed.sessions.find(&request).await,
                Found::Unavailable
            ));
        }
        assert_eq!(bed.pool.asked(), 1);
    }

    #[tokio::test]
    async fn an_access_token_comes_from_one_renewal_for_all_who_ask_at_once() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        bed.pool.hold();
        let asking = (0..10).map(|_| bed.sessions.access_token(&request));
        let mut asking = join_all(asking).boxed();
        assert!((&mut asking).now_or_never().is_none());
        bed.pool.let_go();
        for token in asking.await {
            assert_eq!(token.unwrap().expose(), "access-1");
        }
        assert_eq!(bed.pool.asked(), 1);
        let token = bed.sessions.access_token(&request).await.unwrap();
        assert_eq!(token.expose(), "access-2", "none is kept");
        assert_eq!(bed.pool.asked_with()[1], "renewed-1", "stored before use");
    }

    #[tokio::test]
    async fn an_outage_gives_no_access_token_and_ends_no_session() {
        let bed = Bed::new();
        let request = bed.sign_in("alice").await;
        bed.pool.answer_next(Outcome::Outage);
        for _ in 0..10 {
            let refused = bed.sessions.access_token(&request).await;
            assert!(matches!(refused, Err(NoAccessToken::Unavailable)));
        }
        assert_eq!(bed.pool.asked(), 1, "asked again only after a rest");
        bed.caller(&request).await.unwrap();
        bed.advance(1);
        bed.sessions.access_token(&request).await.unwrap();
    }

    #[tokio::test]
    async fn who_is_not_signed_in_has_no_access_token() {
        let bed = Bed::new();
        let nobody = bed.sessions.access_token(&http::HeaderMap::new()).await;
        assert!(matches!(nobody, Err(NoAccessToken::NoSession)));
        let request = bed.sign_in("alice").await;
        bed.pool.answer_next(Outcome::Refused);
        let refused = bed.sessions.access_token(&request).await;
        assert!(matches!(refused, Err(NoAccessToken::NoSession)));
        assert!(bed.caller(&request).await.is_none());
        let idle = bed.sign_in("bob").await;
        bed.advance(30 * 60);
        let lapsed = bed.sessions.access_token(&idle).await;
        assert!(matches!(lapsed, Err(NoAccessToken::NoSession)));
    }

    #[tokio::test]
    async fn a_hanging_pool_is_not_asked_for_every_session_at_once() {
        let bed = Bed::new();
        let mut requests = Vec::new();
        for number in 0..AT_ONCE + 20 {
            requests.push(bed.sign_in(&format!("user-{number}")).await);
        }
        bed.advance(TOKEN_LIFE);
        bed.pool.hold();
        for request in &requests {
            assert!(bed.sessions.find(request).now_or_never().is_none());
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bed.pool.waiting(), AT_ONCE);
        bed.pool.let_go();
        bed.settle().await;
        assert_eq!(bed.pool.asked(), AT_ONCE + 20);
    }
}
