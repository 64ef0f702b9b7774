//! A client's socket: what was read of it to tell its protocol, its write deadline, its place.
//!
//! Lies under hyper, for plain and TLS connections alike, and stays when the connection is upgraded.
//! A client that takes no bytes ends it; what it should have sent is `watchdog.rs`'s.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::activity::Activity;
use super::limit::Slot;
use super::preface::Prefix;
use crate::alarm::Alarm;

/// A socket that ends by itself when its client is too slow.
#[derive(Debug)]
pub(super) struct Watched<IO> {
    io: IO,
    prefix: Prefix,
    activity: Arc<Activity>,
    writes: StallWatch,
    /// Held as long as the socket, so that upgraded connections stay counted.
    _slot: Slot,
}

impl<IO> Watched<IO> {
    /// A connection that begins with `prefix`.
    pub(super) fn new(
        io: IO,
        prefix: Prefix,
        activity: Arc<Activity>,
        write_stall: Duration,
        slot: Slot,
    ) -> Self {
        let writes = StallWatch {
            limit: write_stall,
            since: None,
            timer: Alarm::default(),
        };
        Self {
            io,
            prefix,
            activity,
            writes,
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
        let polled = Pin::new(&mut this.io).poll_read(context, buffer);
        if buffer.filled().len() == before {
            return polled;
        }
        this.activity.note_bytes();
        Poll::Ready(Ok(()))
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
