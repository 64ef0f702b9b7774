//! A client's socket with its deadlines: idle, request head, write stall.
//!
//! Lies under hyper, for plain and TLS connections alike. One lazy timer a direction: it is only
//! reset when it has fired too early, so a request costs no timer at all. hyper's own
//! `header_read_timeout` cannot do this: it makes a timer for each request and counts an idle
//! connection's wait as a request's.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::Deadlines;
use super::activity::Activity;
use super::limit::Slot;
use super::preface::{Prefix, Protocol};
use crate::alarm::Alarm;

/// A socket that ends by itself when its client is too slow.
#[derive(Debug)]
pub(super) struct Watched<IO> {
    io: IO,
    prefix: Prefix,
    reads: ReadWatch,
    writes: StallWatch,
    /// Held as long as the socket, so that upgraded connections stay counted.
    _slot: Slot,
}

impl<IO> Watched<IO> {
    /// A connection that begins with `prefix`.
    pub(super) fn new(
        io: IO,
        prefix: Prefix,
        protocol: Protocol,
        deadlines: &Deadlines,
        activity: Arc<Activity>,
        slot: Slot,
    ) -> Self {
        let now = Instant::now();
        let phase = match protocol {
            Protocol::Http1 if !prefix.unread().is_empty() => Phase::Head(now),
            Protocol::Http1 | Protocol::Http2 => Phase::Idle(now),
        };
        Self {
            io,
            prefix,
            reads: ReadWatch {
                protocol,
                activity,
                phase,
                begun: 0,
                keep_alive: deadlines.keep_alive,
                request_head: deadlines.request_head,
                write_stall: deadlines.write_stall,
                timer: Alarm::default(),
            },
            writes: StallWatch {
                limit: deadlines.write_stall,
                since: None,
                timer: Alarm::default(),
            },
            _slot: slot,
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let unread = this.prefix.unread();
        if !unread.is_empty() {
            let count = unread.len().min(buffer.remaining());
            buffer.put_slice(unread.get(..count).unwrap_or_default());
            this.prefix.consume(count);
            if buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        match Pin::new(&mut this.io).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                if buffer.filled().len() > before {
                    this.reads.on_bytes();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if buffer.filled().len() > before => Poll::Ready(Ok(())),
            Poll::Pending => this.reads.poll_deadline(context).map(Err),
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(context, bytes);
        this.writes.watch(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(context, bytes);
        this.writes.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(context);
        this.writes.watch(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.io).poll_shutdown(context);
        this.writes.watch(context, shut)
    }
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
    /// The end: the connection was idle for too long and was told to close then.
    Closing(Instant),
}

#[derive(Debug)]
struct ReadWatch {
    protocol: Protocol,
    activity: Arc<Activity>,
    phase: Phase,
    /// Requests begun when `phase` was set: a request may come and go unseen from here.
    begun: u32,
    keep_alive: Duration,
    request_head: Duration,
    write_stall: Duration,
    timer: Alarm,
}

impl ReadWatch {
    fn on_bytes(&mut self) {
        let idle = self.activity.now().open == 0 && !matches!(self.phase, Phase::Head(_));
        if self.protocol == Protocol::Http1 && idle {
            self.phase = Phase::Head(Instant::now());
        }
    }

    /// Called when nothing can be read; ready with an error when that has been so for too long.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let requests = self.activity.now();
            if requests.open > 0 {
                self.phase = Phase::Busy;
                return Poll::Pending;
            }
            let now = Instant::now();
            if matches!(self.phase, Phase::Busy) || requests.begun != self.begun {
                self.phase = Phase::Idle(now);
                self.begun = requests.begun;
            }
            let deadline = match self.phase {
                Phase::Busy => return Poll::Pending,
                Phase::Idle(since) => since + self.keep_alive,
                Phase::Head(since) => since + self.request_head,
                Phase::Closing(since) => since + self.write_stall,
            };
            if self.timer.poll(context, deadline).is_pending() {
                return Poll::Pending;
            }
            if matches!(self.phase, Phase::Idle(_)) {
                // HTTP/2 says GOAWAY first, so that a request sent at this moment can be repeated.
                self.activity.close.cancel();
                self.phase = Phase::Closing(now);
            } else {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

/// Ends a connection whose client takes no bytes.
#[derive(Debug)]
struct StallWatch {
    limit: Duration,
    since: Option<Instant>,
    timer: Alarm,
}

impl StallWatch {
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.since = None;
            return outcome;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        match self.timer.poll(context, since + self.limit) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}
