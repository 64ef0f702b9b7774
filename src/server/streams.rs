//! HTTP/2's streams as tasks with an owner, and the deadline for a client that takes no bytes.
//!
//! A peer that never opens its flow-control window keeps its stream, and with it an upstream
//! connection and a place among the requests under way, for as long as it answers PINGs. No bytes
//! are waiting in the socket then, so `io.rs` cannot see it; here it is seen per stream, and only that
//! stream is reset (R-118, zero-window peers).

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::alarm::Alarm;

/// Runs the streams of HTTP/2 connections.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    tasks: TaskTracker,
    write_stall: Duration,
}

impl Streams {
    pub(super) fn new(tasks: TaskTracker, write_stall: Duration) -> Self {
        Self { tasks, write_stall }
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future + Send + 'static,
{
    fn execute(&self, stream: F) {
        let write_stall = self.write_stall;
        self.tasks
            .spawn(HANDED_OVER.scope(Cell::new(None), until_stalled(stream, write_stall)));
    }
}

/// The longest piece of an answer that a stream is given at once: what its client has to take within
/// the deadline. Bodies come in pieces of any size, and a slow client is not a stalled one.
pub(super) const PIECE: usize = 16 * 1024;

tokio::task_local! {
    /// When the stream's answer gave its last piece, unless it was asked for another since.
    static HANDED_OVER: Cell<Option<Instant>>;
}

/// Called by an answer's body with whether it gave a piece; of no effect on HTTP/1.
pub(super) fn note(gave_a_piece: bool) {
    // An error only says that this is no stream of HTTP/2.
    let _ = HANDED_OVER.try_with(|at| at.set(gave_a_piece.then(Instant::now)));
}

/// Ends with `stream`, or drops it, which resets it, when it has a piece that nobody takes.
async fn until_stalled<F: Future>(stream: F, write_stall: Duration) {
    let mut stream = pin!(stream);
    let mut timer = Alarm::default();
    poll_fn(|context| {
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        match HANDED_OVER.with(Cell::get) {
            Some(at) => timer.poll(context, at + write_stall),
            None => Poll::Pending,
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use hyper::rt::Executor;

    use super::*;

    #[tokio::test]
    async fn a_stream_whose_piece_nobody_takes_is_dropped() {
        let tasks = TaskTracker::new();
        let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
        Streams::new(tasks.clone(), Duration::from_millis(1)).execute(async move {
            note(true);
            std::future::pending::<()>().await;
            drop(alive);
        });
        assert!(dropped.await.is_err());
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn a_stream_that_waits_for_its_own_body_is_left_alone() {
        let tasks = TaskTracker::new();
        let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
        let (done, is_done) = tokio::sync::oneshot::channel();
        Streams::new(tasks.clone(), Duration::ZERO).execute(async move {
            note(true);
            note(false);
            waits.await.unwrap();
            done.send(()).unwrap();
        });
        // Lets the stream be polled, and its timer ring if there were one.
        tokio::time::timeout(Duration::from_millis(5), tasks.wait())
            .await
            .unwrap_err();
        go_on.send(()).unwrap();
        is_done.await.unwrap();
    }
}
