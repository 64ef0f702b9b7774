//! What one connection is doing: how many of its requests are under way, and whether it is to close.
//!
//! Written by the connection's socket (`io.rs`) and its requests (`request.rs`), read by its watchdog
//! (`watchdog.rs`). Atomic words: no lock on a request's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

/// Requests of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    /// Under way in the lower half, begun since the connection was accepted in the upper one.
    requests: AtomicU64,
    /// The client sent something since this was last asked.
    bytes_came: AtomicBool,
    /// Cancelled when the connection shall finish what is under way and close.
    pub(super) close: CancellationToken,
}

/// One request that has begun.
const ONE: u64 = (1 << 32) | 1;

/// What [`Activity::now`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requests {
    /// Not yet answered in full.
    pub(super) open: u32,
    /// All of them, modulo 2³².
    pub(super) begun: u32,
}

impl Activity {
    pub(super) fn new(close: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            requests: AtomicU64::new(0),
            bytes_came: AtomicBool::new(false),
            close,
        })
    }

    /// Counts a request until the answer is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.requests.fetch_add(ONE, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// Called by the socket when something was read from it.
    pub(super) fn note_bytes(&self) {
        self.bytes_came.store(true, Ordering::Relaxed);
    }

    /// Whether something was read since the last call.
    pub(super) fn take_bytes_came(&self) -> bool {
        self.bytes_came.swap(false, Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> Requests {
        let [a, b, c, d, e, f, g, h] = self.requests.load(Ordering::Relaxed).to_be_bytes();
        Requests {
            open: u32::from_be_bytes([e, f, g, h]),
            begun: u32::from_be_bytes([a, b, c, d]),
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_from_begin_to_drop() {
        let activity = Activity::new(CancellationToken::new());
        let first = activity.begin();
        let second = activity.begin();
        assert_eq!(activity.now(), Requests { open: 2, begun: 2 });
        drop(first);
        drop(second);
        assert_eq!(activity.now(), Requests { open: 0, begun: 2 });
    }
}
