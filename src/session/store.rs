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

#[cfg(test)]
pub(super) mod contract {
    //! What every store promises. A store's own test hands it in, empty, with at most 3 sessions a user.

    use cognito_flow::UnixSeconds;
    use futures_util::future::join;

    use super::super::bed::signed_in;
    use super::super::record::{Lookup, SessionId};
    use super::*;
    use crate::identity::IdentityHeaders;
    use crate::keys::Keys;

    fn ticket() -> Ticket {
        let lookup = Lookup::new(&Keys::generate().unwrap());
        lookup.seal(SessionId::random().unwrap())
    }

    pub(in super::super) fn session(subject: &str) -> (Ticket, Arc<Record>) {
        let ticket = ticket();
        let now = UnixSeconds(1_800_000_000);
        let headers = IdentityHeaders::default();
        let record = Record::begin(&signed_in(subject, now), &headers, &ticket.key, now);
        (ticket, Arc::new(record))
    }

    fn renewed(ticket: &Ticket, record: &Record) -> Arc<Record> {
        let tokens = signed_in(record.subject(), UnixSeconds(1_800_001_000));
        Arc::new(record.renewed(&tokens, &IdentityHeaders::default(), &ticket.key))
    }

    async fn holds(store: &dyn Store, ticket: &Ticket) -> bool {
        store.load(ticket).await.unwrap().is_some()
    }

    pub(in super::super) async fn is_kept_by(store: &dyn Store) {
        what_was_inserted_is_found(store).await;
        what_was_removed_is_gone_and_stays_so(store).await;
        a_replacement_takes_the_place_of_the_old(store).await;
        the_oldest_of_a_user_gives_way(store).await;
        removal_wins_over_a_replacement_at_the_same_time(store).await;
    }

    async fn what_was_inserted_is_found(store: &dyn Store) {
        let (here, record) = session("finder");
        assert!(store.peek(&here.key).is_none() && !holds(store, &here).await);
        assert!(store.insert(&here, record).await.unwrap().is_empty());
        assert!(store.peek(&here.key).is_some() && holds(store, &here).await);
        assert!(!holds(store, &ticket()).await);
    }

    async fn what_was_removed_is_gone_and_stays_so(store: &dyn Store) {
        let (here, record) = session("leaver");
        store.insert(&here, Arc::clone(&record)).await.unwrap();
        let removed = store.remove(&here.key).await.unwrap().unwrap();
        assert_eq!(removed.subject(), "leaver");
        assert!(store.remove(&here.key).await.unwrap().is_none());
        assert!(!store.replace(&here, renewed(&here, &record)).await.unwrap());
        assert!(store.peek(&here.key).is_none() && !holds(store, &here).await);
    }

    async fn a_replacement_takes_the_place_of_the_old(store: &dyn Store) {
        let (here, record) = session("renewer");
        store.insert(&here, Arc::clone(&record)).await.unwrap();
        let new = renewed(&here, &record);
        assert!(store.replace(&here, Arc::clone(&new)).await.unwrap());
        let found = store.peek(&here.key).unwrap();
        assert_eq!(found.expires_at, new.expires_at);
        assert_ne!(found.expires_at, record.expires_at);
    }

    async fn the_oldest_of_a_user_gives_way(store: &dyn Store) {
        let mut kept = Vec::new();
        for number in 0..6 {
            let (here, record) = session("collector");
            let dropped = store.insert(&here, record).await.unwrap();
            assert_eq!(dropped.len(), usize::from(number >= 3), "{number}");
            kept.push(here);
        }
        for (number, here) in kept.iter().enumerate() {
            assert_eq!(holds(store, here).await, number >= 3, "{number}");
        }
        // One that is gone by itself makes room.
        store.remove(&kept[4].key).await.unwrap();
        let (here, record) = session("collector");
        assert!(store.insert(&here, record).await.unwrap().is_empty());
        assert!(holds(store, &kept[3]).await);
    }

    async fn removal_wins_over_a_replacement_at_the_same_time(store: &dyn Store) {
        for _ in 0..200 {
            let (here, record) = session("racer");
            store.insert(&here, Arc::clone(&record)).await.unwrap();
            let new = renewed(&here, &record);
            let (replaced, removed) =
                join(store.replace(&here, new), store.remove(&here.key)).await;
            assert!(replaced.is_ok() && removed.unwrap().is_some());
            assert!(store.peek(&here.key).is_none());
        }
    }
}
