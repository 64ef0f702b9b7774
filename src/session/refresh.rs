//! Renewing the tokens of sessions: one call a session at a time.
//!
//! A renewal is a task of its own, so that a request that is cut off does not cut it off too. It
//! starts while the tokens are still good, and requests pass by it; only when the tokens have run out
//! do they wait for it. The new tokens are in the store before anybody goes on. A pool that cannot be
//! asked ends no session: it is asked again after a rest, and not for every request.

use std::collections::HashMap;
use std::sync::Arc;
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
    /// The token is cancelled when it is over. `last` is the rest before it.
    UnderWay {
        over: CancellationToken,
        last: Option<Duration>,
    },
    /// Until this time of the clock, for so long.
    Resting { until: Duration, rest: Duration },
}

/// What a session whose tokens are due can expect.
pub(super) enum Prospect {
    /// A renewal is under way; this is cancelled when it is over.
    UnderWay(CancellationToken),
    /// The pool could not be asked a moment ago.
    Resting,
    /// Another request saw to it, or the session is gone: look again.
    Settled,
}

impl Shared {
    /// Starts a renewal for this session, unless there is one, or a rest, or no need any more.
    pub(super) fn renew(self: &Arc<Self>, ticket: &Ticket) -> Prospect {
        let now = self.clock.since_epoch();
        let mut renewals = locked(&self.renewals);
        let last = match renewals.0.get(&ticket.key) {
            Some(Renewal::UnderWay { over, .. }) => return Prospect::UnderWay(over.clone()),
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
        if self.clock.now() < record.renew_at {
            return Prospect::Settled;
        }
        let over = CancellationToken::new();
        let under_way = Renewal::UnderWay {
            over: over.clone(),
            last,
        };
        renewals.0.insert(ticket.key, under_way);
        drop(renewals);
        let flight = Flight {
            shared: Arc::clone(self),
            ticket: ticket.clone(),
            rests: true,
        };
        self.tasks.spawn(flight.run(record));
        Prospect::UnderWay(over)
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
    /// Whether the session must rest before the next one; so until proven otherwise.
    rests: bool,
}

impl Flight {
    async fn run(mut self, record: Arc<Record>) {
        let _turn = self.shared.at_once.acquire().await;
        match self.shared.pool.renew(&record.grant).await {
            Ok(signed_in) => self.rests = !self.keep(&record, &signed_in).await,
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
    async fn keep(&self, old: &Record, signed_in: &SignedIn) -> bool {
        let shared = &self.shared;
        if signed_in.claims.subject() != old.subject() {
            tracing::error!(sub = old.subject(), "the renewed tokens are another user's");
            shared.end(&self.ticket.key, Reason::Refused).await;
            return true;
        }
        let new = Arc::new(old.renewed(signed_in, &shared.headers, &self.ticket.key));
        let renew_at = new.renew_at;
        match shared.store.replace(&self.ticket, new).await {
            Ok(true) => {}
            Ok(false) => {
                // Signed out while the pool made them: nobody else will revoke them.
                shared.revoke(&signed_in.grant.refresh_token);
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
        let Some(Renewal::UnderWay { over, last }) = ended else {
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
        over.cancel();
    }
}
