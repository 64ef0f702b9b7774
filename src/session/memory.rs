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
