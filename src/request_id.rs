//! The id of a request: in our log, on error pages, and sent to the upstream.

use aws_lc_rs::rand;
use uuid::{Builder, Uuid};

use crate::clock::Clock;

/// A UUIDv7 (RFC 9562 §5.7), which sorts by time. Never fails: an id finds lines in a log and guards
/// nothing, so without randomness the time has to do. (The uuid crate's own maker panics then.)
pub fn fresh() -> Uuid {
    let milliseconds = Clock::system().since_epoch().as_millis();
    let mut random = [0; 10];
    if rand::fill(&mut random).is_err() {
        tracing::error!("the system's random source failed");
    }
    let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
    Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::fresh;

    #[test]
    fn ids_differ_and_say_when() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one, other);
        assert_eq!(one.get_version_num(), 7);
    }
}
