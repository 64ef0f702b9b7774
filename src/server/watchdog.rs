//! The deadlines of a connection that wait for the client's next request.
//!
//! Polled with the connection, after it. One lazy timer for all of them, so that a request costs no
//! timer. hyper's own `header_read_timeout` cannot do this: it makes a timer for each request, counts
//! an idle connection's wait as a request's, and HTTP/2 has nothing of the kind.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::Deadlines;
use super::activity::Activity;
use super::preface::Protocol;
use crate::alarm::Alarm;

/// What is wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No request for too long: it shall close in an orderly way.
    Idle,
    /// It does not close, or its client does not send the head that it began: it is dropped.
    TooSlow,
}

/// What is being waited for from the client.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing: requests are under way, and have deadlines of their own.
    Busy,
    /// The next request, since then.
    Idle(Instant),
    /// The rest of a head, since its first byte (HTTP/1 only: HTTP/2 has PING).
    Head(Instant),
}

/// Watches one connection.
#[derive(Debug)]
pub(super) struct Watchdog {
    protocol: Protocol,
    activity: Arc<Activity>,
    phase: Phase,
    /// Requests begun when `phase` was set: one may come and go between two looks.
    begun: u32,
    keep_alive: Duration,
    request_head: Duration,
    write_stall: Duration,
    closing: bool,
    timer: Alarm,
}

impl Watchdog {
    /// `in_head`: the connection has begun with a byte of its first request.
    pub(super) fn new(
        protocol: Protocol,
        in_head: bool,
        deadlines: &Deadlines,
        activity: Arc<Activity>,
    ) -> Self {
        let now = Instant::now();
        Self {
            protocol,
            activity,
            phase: if in_head {
                Phase::Head(now)
            } else {
                Phase::Idle(now)
            },
            begun: 0,
            keep_alive: deadlines.keep_alive,
            request_head: deadlines.request_head,
            write_stall: deadlines.write_stall,
            closing: false,
            timer: Alarm::default(),
        }
    }

    /// The connection was told to close: once idle, it gets no longer than a stalled write would.
    pub(super) fn begin_closing(&mut self) {
        self.closing = true;
        if matches!(self.phase, Phase::Idle(_)) {
            self.phase = Phase::Idle(Instant::now());
        }
    }

    /// Looks at the connection; wakes the task when a deadline passes.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Verdict> {
        self.look();
        let (deadline, verdict) = match self.phase {
            Phase::Busy => return Poll::Pending,
            Phase::Head(since) => (since + self.request_head, Verdict::TooSlow),
            Phase::Idle(since) if self.closing => (since + self.write_stall, Verdict::TooSlow),
            Phase::Idle(since) => (since + self.keep_alive, Verdict::Idle),
        };
        self.timer.poll(context, deadline).map(|()| verdict)
    }

    fn look(&mut self) {
        let requests = self.activity.now();
        if requests.open > 0 {
            self.phase = Phase::Busy;
            return;
        }
        // Taken at every look, so that bytes of a request that has ended are forgotten.
        let bytes_came = self.activity.take_bytes_came();
        match self.phase {
            Phase::Idle(_) | Phase::Head(_) if requests.begun == self.begun => {
                if bytes_came
                    && self.protocol == Protocol::Http1
                    && matches!(self.phase, Phase::Idle(_))
                {
                    self.phase = Phase::Head(Instant::now());
                }
            }
            Phase::Busy | Phase::Idle(_) | Phase::Head(_) => {
                self.phase = Phase::Idle(Instant::now());
                self.begun = requests.begun;
            }
        }
    }
}
