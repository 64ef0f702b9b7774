//! The one reader of the wall clock.
//!
//! Everything that compares times takes a `Clock`, so that a test can move it. Deadlines of I/O are
//! not its business: they use `tokio::time`, which is monotonic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cognito_flow::UnixSeconds;

/// The wall clock: the machine's, or one that a test moves. Clones share the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `seconds` after the Unix epoch until [`Clock::advance`] moves it.
    pub fn at(seconds: u64) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(seconds * 1000))))
    }

    /// Moves a manual clock forward; the system clock does not move.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(milliseconds) = &self.0 {
            let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            milliseconds.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Time since the Unix epoch, to the millisecond.
    pub fn since_epoch(&self) -> Duration {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the one place that reads it"
            )]
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            Source::Manual(milliseconds) => {
                Duration::from_millis(milliseconds.load(Ordering::SeqCst))
            }
        }
    }

    /// Whole seconds since the Unix epoch, as tokens and Cognito count.
    pub fn now(&self) -> UnixSeconds {
        UnixSeconds(self.since_epoch().as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::at(1_000);
        let shared = clock.clone();
        clock.advance(Duration::from_secs(30));
        assert_eq!(shared.now(), UnixSeconds(1_030));
    }
}
