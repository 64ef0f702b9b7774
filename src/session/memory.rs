//! Sessions in the memory of this process; they end with it.
//!
//! moka bounds the memory, nothing else: its clock cannot be moved, so expiry is the record's own
//! affair. At the limit the session longest unused goes (moka's default policy would rather refuse
//! the newest). The index of users holds keys only.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};

use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::ending::Reason;
use super::record::{Record, SessionKey, Ticket};
use super::store::{Answer, Store};
use super::{Settings, locked};

/// The store behind `session.store = "memory"`.
pub(super) struct MemoryStore {
    records: Cache<SessionKey, Arc<Record>>,
    users: Arc<Users>,
}

impl MemoryStore {
    pub(super) fn new(limits: &Settings) -> Self {
        let users = Arc::new(Users::new(limits.max_sessions_per_user));
        let index = Arc::clone(&users);
        // moka has one bound. A session counts as its bytes or as its share of them, whichever is
        // more: within the bound of bytes there is then no room for more than `max_sessions`.
        let share = limits.max_bytes.div_ceil(limits.max_sessions.max(1)).max(1);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        let records = Cache::builder()
            .max_capacity(limits.max_bytes)
            .eviction_policy(EvictionPolicy::lru())
            .weigher(move |_, record: &Arc<Record>| {
                u32::try_from(record.weight())
                    .unwrap_or(u32::MAX)
                    .max(share)
            })
            .eviction_listener(move |key: Arc<SessionKey>, record: Arc<Record>, cause| {
                if cause.was_evicted() {
                    index.forget(record.subject(), &key);
                    record.close(Reason::Capacity);
                }
            })
            .build();
        Self { records, users }
    }

    fn take(&self, key: &SessionKey) -> Option<Arc<Record>> {
        // Not `Cache::remove`: it does not take turns with `replace`, which could bring back what it removed.
        let outcome = self
            .records
            .entry(*key)
            .and_compute_with(|entry| match entry {
                Some(_) => Op::Remove,
                None => Op::Nop,
            });
        let CompResult::Removed(entry) = outcome else {
            return None;
        };
        let record = entry.into_value();
        self.users.forget(record.subject(), key);
        Some(record)
    }
}

impl Store for MemoryStore {
    fn peek(&self, key: &SessionKey) -> Option<Arc<Record>> {
        self.records.get(key)
    }

    fn load<'a>(&'a self, ticket: &'a Ticket) -> Answer<'a, Option<Arc<Record>>> {
        Box::pin(async { Ok(self.peek(&ticket.key)) })
    }

    fn insert<'a>(
        &'a self,
        ticket: &'a Ticket,
        record: Arc<Record>,
    ) -> Answer<'a, Vec<Arc<Record>>> {
        Box::pin(async move {
            let over = self.users.note(record.subject(), ticket.key);
            self.records.insert(ticket.key, record);
            Ok(over.iter().filter_map(|key| self.take(key)).collect())
        })
    }

    fn replace<'a>(&'a self, ticket: &'a Ticket, record: Arc<Record>) -> Answer<'a, bool> {
        Box::pin(async move {
            let entry = self.records.entry(ticket.key);
            let outcome = entry.and_compute_with(|entry| match entry {
                Some(_) => Op::Put(record),
                None => Op::Nop,
            });
            Ok(matches!(outcome, CompResult::ReplacedWith(_)))
        })
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> Answer<'a, Option<Arc<Record>>> {
        Box::pin(async { Ok(self.take(key)) })
    }
}

/// Which sessions a user has, oldest first. Never locked while the cache is called: the cache calls back.
struct Users {
    /// Hash of `sub` and a running number → key. A hash, not the name: half the memory, and two
    /// users who ever share one would share the limit, no more.
    sessions: Mutex<Index>,
    hasher: RandomState,
    most: usize,
}

#[derive(Default)]
struct Index {
    keys: BTreeMap<(u64, u64), SessionKey>,
    last: u64,
}

impl Users {
    fn new(most: u32) -> Self {
        Self {
            sessions: Mutex::default(),
            hasher: RandomState::new(),
            most: usize::try_from(most).unwrap_or(usize::MAX).max(1),
        }
    }

    /// Adds a session; gives those that are too many now.
    fn note(&self, subject: &str, key: SessionKey) -> Vec<SessionKey> {
        let user = self.hasher.hash_one(subject);
        let mut index = locked(&self.sessions);
        index.last += 1;
        let number = index.last;
        index.keys.insert((user, number), key);
        let all = index.keys.range((user, 0)..=(user, u64::MAX));
        let over = all.clone().count().saturating_sub(self.most);
        all.take(over).map(|(_, key)| *key).collect()
    }

    fn forget(&self, subject: &str, key: &SessionKey) {
        let user = self.hasher.hash_one(subject);
        let mut index = locked(&self.sessions);
        let mut all = index.keys.range((user, 0)..=(user, u64::MAX));
        let place = all.find_map(|(place, held)| (held == key).then_some(*place));
        if let Some(place) = place {
            index.keys.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bed::settings;
    use super::super::store::contract;
    use super::*;

    #[tokio::test]
    async fn the_contract_of_stores_is_kept() {
        let store = MemoryStore::new(&Settings {
            max_sessions_per_user: 3,
            ..settings()
        });
        contract::is_kept_by(&store).await;
    }

    #[tokio::test]
    async fn a_session_that_is_removed_while_it_is_renewed_stays_away() {
        let store = MemoryStore::new(&settings());
        for _ in 0..500 {
            let (ticket, record) = contract::session("racer");
            store.insert(&ticket, Arc::clone(&record)).await.unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    futures_util::FutureExt::now_or_never(store.replace(&ticket, record))
                });
                scope.spawn(|| store.take(&ticket.key));
            });
            assert!(store.peek(&ticket.key).is_none());
        }
    }

    /// Ten times as many sessions as fit, each of another user; gives the last.
    async fn overfill(store: &MemoryStore, fit: usize) -> (Ticket, Arc<Record>) {
        let mut last = contract::session("first");
        for number in 0..fit * 10 {
            last = contract::session(&format!("user-{number}"));
            store.insert(&last.0, Arc::clone(&last.1)).await.unwrap();
            store.records.run_pending_tasks();
        }
        last
    }

    #[tokio::test]
    async fn the_number_of_sessions_is_bounded_and_the_newest_stays() {
        let store = MemoryStore::new(&Settings {
            max_sessions: 50,
            ..settings()
        });
        let (first, record) = contract::session("alice");
        store.insert(&first, Arc::clone(&record)).await.unwrap();
        let (last, _) = overfill(&store, 50).await;
        assert!((40..=50).contains(&store.records.entry_count()));
        assert_eq!(
            locked(&store.users.sessions).keys.len() as u64,
            store.records.entry_count(),
            "the index forgets with the cache"
        );
        assert!(store.peek(&last.key).is_some());
        assert!(store.peek(&first.key).is_none());
        assert!(record.caller.ended.is_cancelled(), "its streams are told");
    }

    #[tokio::test]
    async fn the_bytes_of_sessions_are_bounded() {
        let store = MemoryStore::new(&Settings {
            max_bytes: 100 * 1024,
            ..settings()
        });
        let (last, record) = overfill(&store, 40).await;
        let held = store.records.entry_count() * record.weight() as u64;
        assert!((70 * 1024..=101 * 1024).contains(&held), "{held}");
        assert!(store.peek(&last.key).is_some());
    }

    #[tokio::test]
    async fn a_session_in_use_outlives_those_that_are_not() {
        let store = MemoryStore::new(&Settings {
            max_sessions: 50,
            ..settings()
        });
        let (used, record) = contract::session("alice");
        store.insert(&used, record).await.unwrap();
        for number in 0..500 {
            let (ticket, record) = contract::session(&format!("user-{number}"));
            store.insert(&ticket, record).await.unwrap();
            store.peek(&used.key);
            store.records.run_pending_tasks();
        }
        assert!(store.peek(&used.key).is_some());
    }
}
