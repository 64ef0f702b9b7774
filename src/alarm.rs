//! A timer for deadlines that keep moving: idle sockets, pausing bodies.
//!
//! A leaf for `server/` and `forward/`. Made when first needed and set anew only when it rings too
//! early or would ring too late, so that moving a deadline costs nothing.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// The timer; unset until first polled.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready once `deadline` has passed; wakes the task then.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_alarm_rings_at_the_last_deadline_it_was_given() {
        let start = Instant::now();
        let late = start + Duration::from_secs(3600);
        let soon = start + Duration::from_millis(5);
        let mut alarm = Alarm::default();
        let mut polls = 0;
        poll_fn(|context| {
            polls += 1;
            if polls == 1 {
                assert!(alarm.poll(context, late).is_pending());
            }
            alarm.poll(context, soon)
        })
        .await;
        assert!(Instant::now() >= soon);
    }

    #[tokio::test]
    async fn a_deadline_that_moved_away_does_not_ring() {
        let start = Instant::now();
        let late = start + Duration::from_millis(20);
        let mut alarm = Alarm::default();
        poll_fn(|context| {
            let first = alarm.poll(context, start + Duration::from_millis(1));
            assert!(first.is_pending() || Instant::now() >= start + Duration::from_millis(1));
            alarm.poll(context, late)
        })
        .await;
        assert!(Instant::now() >= late);
    }
}
