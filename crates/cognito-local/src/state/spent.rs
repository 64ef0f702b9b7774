//! Marks of `Session` strings and SECRET_BLOCKs that did their work: each is good once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Ids of used records, each kept until the record would have expired by itself.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Spent(BTreeMap<String, Duration>);

impl Spent {
    /// Marks a record as used; false when it was used before.
    pub(crate) fn spend(&mut self, id: &str, expires: Duration, now: Duration) -> bool {
        self.0.retain(|_, expires| *expires > now);
        self.0.insert(id.to_owned(), expires).is_none()
    }

    /// Whether a record was used.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_spent_once_and_forgotten_when_it_would_have_expired() {
        let (now, soon, later) = (
            Duration::from_secs(10),
            Duration::from_secs(40),
            Duration::from_secs(41),
        );
        let mut spent = Spent::default();
        assert!(spent.spend("a", soon, now));
        assert!(!spent.spend("a", soon, now));
        assert!(spent.spend("b", later + soon, later));
        assert!(!spent.contains("a"));
    }
}
