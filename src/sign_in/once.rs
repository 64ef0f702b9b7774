//! One call for one step, however often its form is sent.
//!
//! Cognito's session strings are single use: the second POST of an impatient double click would fail, and the browser
//! shows that second answer. So a step runs once; who sends the same again while it runs, or up to a minute later, gets
//! its outcome. The step runs in a task: the browser drops the first request when it sends the second, and a call
//! that has left cannot be taken back.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::error::Fault;

/// How long an outcome is kept for a repeated form. A page that takes longer to be sent twice is sent anew by a person.
const KEPT: Duration = Duration::from_secs(60);

/// Most memory for kept outcomes, in bytes as `weight` counts them.
const MAX_WEIGHT: u64 = 8 * 1024 * 1024;

/// Names a step by everything that was sent for it.
pub(super) type StepKey = [u8; 32];

/// Steps under way and lately done.
pub(super) struct Once<T> {
    outcomes: Cache<StepKey, Arc<T>>,
    tasks: TaskTracker,
}

impl<T: Send + Sync + 'static> Once<T> {
    /// `weight` estimates an outcome's bytes.
    pub(super) fn new(tasks: TaskTracker, weight: fn(&T) -> u32) -> Self {
        let outcomes = Cache::builder()
            .max_capacity(MAX_WEIGHT)
            .weigher(move |_, outcome: &Arc<T>| weight(outcome))
            // moka's own clock: this bounds memory, nothing is trusted for being young.
            .time_to_live(KEPT)
            .build();
        Self { outcomes, tasks }
    }

    /// The outcome of this step: by doing `work`, by waiting for who does it, or from a moment ago.
    ///
    /// # Errors
    /// What `work` failed with. A failure is told to all who wait and then forgotten: the form can be sent again.
    pub(super) async fn run<F, E>(&self, key: StepKey, work: F) -> Result<Arc<T>, Arc<E>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: From<Fault> + Send + Sync + 'static,
    {
        let outcomes = self.outcomes.clone();
        let step = async move {
            let work = async { work.await.map(Arc::new) };
            outcomes.try_get_with(key, work).await
        };
        match self.tasks.spawn(step.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(panic) => Err(Arc::new(Fault::Task(panic).into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    #[derive(Debug)]
    struct Refused;

    impl From<Fault> for Refused {
        fn from(_: Fault) -> Self {
            Self
        }
    }

    /// A step that counts its runs, says when it has begun, and ends when it is let.
    #[derive(Default)]
    struct Step {
        runs: AtomicUsize,
        begun: Notify,
        end: Notify,
    }

    impl Step {
        fn work(self: &Arc<Self>) -> impl Future<Output = Result<usize, Refused>> + Send + 'static {
            let step = Arc::clone(self);
            async move {
                let run = step.runs.fetch_add(1, Ordering::SeqCst) + 1;
                step.begun.notify_one();
                step.end.notified().await;
                Ok(run)
            }
        }
    }

    fn once() -> Once<usize> {
        Once::new(TaskTracker::new(), |_| 1)
    }

    #[tokio::test]
    async fn a_form_sent_twice_at_once_acts_once() {
        let (once, step) = (once(), Arc::new(Step::default()));
        let let_end = async {
            step.begun.notified().await;
            step.end.notify_one();
        };
        let (first, second, ()) = tokio::join!(
            once.run([1; 32], step.work()),
            once.run([1; 32], step.work()),
            let_end,
        );
        assert_eq!((*first.unwrap(), *second.unwrap()), (1, 1));
        // And once more a moment later.
        assert_eq!(*once.run([1; 32], step.work()).await.unwrap(), 1);
        assert_eq!(step.runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_browser_that_hangs_up_does_not_stop_the_step() {
        let (once, step) = (once(), Arc::new(Step::default()));
        tokio::select! {
            _ = once.run([1; 32], step.work()) => panic!("the step ended by itself"),
            () = step.begun.notified() => {}
        }
        step.end.notify_one();
        let again = once.run([1; 32], step.work()).await;
        assert_eq!(*again.unwrap(), 1);
        assert_eq!(step.runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn another_answer_is_another_step() {
        let (once, step) = (once(), Arc::new(Step::default()));
        step.end.notify_one();
        assert_eq!(*once.run([1; 32], step.work()).await.unwrap(), 1);
        step.end.notify_one();
        assert_eq!(*once.run([2; 32], step.work()).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let once = once();
        let failed = once.run([1; 32], async { Err(Refused) }).await;
        assert!(failed.is_err());
        let retried: Result<_, Arc<Refused>> = once.run([1; 32], async { Ok(7) }).await;
        assert_eq!(*retried.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_panic_in_a_step_is_an_error_and_not_a_panic() {
        let once = once();
        let failed: Result<_, Arc<Refused>> =
            once.run([1; 32], async { panic!("in a test") }).await;
        assert!(failed.is_err());
    }
}
