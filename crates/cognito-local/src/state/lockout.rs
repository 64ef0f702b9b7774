//! Lock-out after repeated wrong passwords, as Cognito does it.
//!
//! After 5 failures the name is locked for 1 s; each further failure doubles that, to about 15 minutes. A success
//! or 15 idle minutes clear the count. Names that do not exist are counted too: else the lock would tell who exists.

use std::collections::HashMap;
use std::time::Duration;

/// Failures that are free; the next ones lock.
const FREE_FAILURES: u32 = 5;

/// The longest lock, and the idle time that clears the count.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Names kept before those that are idle are cleared out, so that made-up names cannot fill the memory for long.
const SWEEP_AT: usize = 10_000;

#[derive(Default)]
pub(crate) struct Lockout {
    names: HashMap<String, Failures>,
}

struct Failures {
    count: u32,
    last: Duration,
}

impl Lockout {
    /// Whether sign-in by this name is locked at `now`.
    pub(crate) fn is_locked(&self, name: &str, now: Duration) -> bool {
        self.names
            .get(name)
            .is_some_and(|failures| now < failures.last + failures.lock())
    }

    /// Counts a failure.
    pub(crate) fn failed(&mut self, name: &str, now: Duration) {
        if self.names.len() >= SWEEP_AT {
            self.names.retain(|_, failures| !failures.is_idle(now));
        }
        let failures = self.names.entry(name.to_owned()).or_insert(Failures {
            count: 0,
            last: now,
        });
        if failures.is_idle(now) {
            failures.count = 0;
        }
        *failures = Failures {
            count: failures.count.saturating_add(1),
            last: now,
        };
    }

    /// Forgets the failures of a name: it signed in.
    pub(crate) fn clear(&mut self, name: &str) {
        self.names.remove(name);
    }
}

impl Failures {
    fn lock(&self) -> Duration {
        match self.count.checked_sub(FREE_FAILURES) {
            None => Duration::ZERO,
            Some(further) => Duration::from_secs(1)
                .saturating_mul(2_u32.saturating_pow(further))
                .min(LONGEST),
        }
    }

    fn is_idle(&self, now: Duration) -> bool {
        now >= self.last + LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_secs(1_000_000);

    fn after(failures: u32) -> Lockout {
        let mut lockout = Lockout::default();
        (0..failures).for_each(|_| lockout.failed("ada", T));
        lockout
    }

    #[test]
    fn the_lock_begins_at_the_fifth_failure_and_doubles_to_fifteen_minutes() {
        assert!(!after(4).is_locked("ada", T));
        for (failures, seconds) in [
            (5, 1),
            (6, 2),
            (7, 4),
            (10, 32),
            (14, 512),
            (15, 900),
            (40, 900),
            (4_000, 900),
        ] {
            let lockout = after(failures);
            assert!(
                lockout.is_locked(
                    "ada",
                    T + Duration::from_secs(seconds) - Duration::from_millis(1)
                ),
                "{failures}"
            );
            assert!(
                !lockout.is_locked("ada", T + Duration::from_secs(seconds)),
                "{failures}"
            );
        }
    }

    #[test]
    fn success_or_fifteen_idle_minutes_clear_the_count_and_others_are_not_touched() {
        let mut lockout = after(9);
        assert!(!lockout.is_locked("bob", T));
        lockout.failed("ada", T + LONGEST);
        assert!(!lockout.is_locked("ada", T + LONGEST));
        let mut lockout = after(9);
        lockout.clear("ada");
        assert!(!lockout.is_locked("ada", T));
    }
}
