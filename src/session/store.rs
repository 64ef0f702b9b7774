//! Where sessions are kept.
//!
//! One trait for every store, and one contract (in the tests below) that each must pass. A store keeps
//! and finds; it judges nothing: whether a session is still good is asked of its record.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::SessionError;
use super::record::{Record, SessionKey, Ticket};

/// Keeps sessions. Every method may be called at the same time for the same session.
pub(super) trait Store: Send + Sync {
    /// The session, if this process has it at hand: no I/O, no waiting. The way of every request.
    fn peek(&self, key: &SessionKey) -> Option<Arc<Record>>;

    /// The session, wherever it is kept.
    fn load<'a>(&'a self, ticket: &'a Ticket) -> Answer<'a, Option<Arc<Record>>>;

    /// Keeps a new session. Drops the oldest of the same user beyond the limit and gives them
    /// back, so that the caller can end them.
    fn insert<'a>(
        &'a self,
        ticket: &'a Ticket,
        record: Arc<Record>,
    ) -> Answer<'a, Vec<Arc<Record>>>;

    /// Puts a renewed record in the place of the old one. False when there is none: a session that
    /// was ended meanwhile does not come back.
    fn replace<'a>(&'a self, ticket: &'a Ticket, record: Arc<Record>) -> Answer<'a, bool>;

    /// Drops a session and gives back what was there.
    fn remove<'a>(&'a self, key: &'a SessionKey) -> Answer<'a, Option<Arc<Record>>>;
}

/// What a store answers, now or later. Fails with [`SessionError::Store`] only.
pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, SessionError>>;
