//! Both directions of an upgraded connection, until one side, the session or the process ends.
//!
//! A direction reads only when its last bytes were taken, so that a slow reader slows the sender down.
//! When the session ends or sidegate stops, the client is told by a Close frame between two
//! frames of the upstream's, and the connection is over within a second.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::frames::{self, Frames};

/// What ends a tunnel beside its two ends.
#[derive(Debug)]
pub(super) struct Ends {
    /// Longest time without a byte in either direction.
    pub(super) idle: Duration,
    /// The session that opened it.
    pub(super) session: Option<CancellationToken>,
    /// sidegate stops.
    pub(super) stop: CancellationToken,
}

/// Bytes read at once in one direction.
const BUFFER: usize = 16 * 1024;
/// How long the upstream may take to finish the frame that it is sending, and the client to hang up
/// after the Close frame: together the second of R-102.
const LAST_WAIT: Duration = Duration::from_millis(450);

/// Close codes of RFC 6455 §7.4.1.
const GOING_AWAY: u16 = 1001;
const POLICY_VIOLATION: u16 = 1008;

/// Waits for both upgrades, then carries bytes both ways.
pub(super) async fn run(client: OnUpgrade, upstream: OnUpgrade, ends: Ends) {
    match tokio::try_join!(client, upstream) {
        Ok((client, upstream)) => {
            carry(TokioIo::new(client), TokioIo::new(upstream), ends).await;
        }
        Err(error) => {
            tracing::debug!(%error, "a connection closed before it was upgraded");
        }
    }
}

async fn carry<C, U>(client: C, upstream: U, ends: Ends)
where
    C: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let (client_reads, client_writes) = tokio::io::split(client);
    let (upstream_reads, upstream_writes) = tokio::io::split(upstream);
    let moved = Moved::new();
    let mut up = Direction::new(client_reads, upstream_writes);
    let mut down = Direction::new(upstream_reads, client_writes);

    let over = {
        let session = async {
            match &ends.session {
                Some(session) => session.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = session => Over::Closed(POLICY_VIOLATION),
            () = ends.stop.cancelled() => Over::Closed(GOING_AWAY),
            () = moved.idle(ends.idle) => Over::Closed(GOING_AWAY),
            ended = async { tokio::try_join!(up.carry(&moved), down.carry(&moved)) } => Over::ByItself(ended.map(drop)),
        }
    };
    match over {
        Over::ByItself(Ok(())) => {}
        Over::ByItself(Err(error)) => tracing::debug!(%error, "an upgraded connection broke"),
        Over::Closed(status) => {
            if tokio::time::timeout(LAST_WAIT, down.close(status))
                .await
                .is_ok()
            {
                // Unread bytes would make the system reset the connection, and the client lose the frame.
                let mut nowhere = tokio::io::sink();
                let rest = tokio::io::copy(&mut up.from, &mut nowhere);
                // Ended by the client or by the time: over in both cases.
                let _ = tokio::time::timeout(LAST_WAIT, rest).await;
            }
        }
    }
}

/// How a tunnel came to its end.
enum Over {
    ByItself(io::Result<()>),
    Closed(u16),
}

/// When a byte moved last, in either direction.
struct Moved {
    began: Instant,
    /// Milliseconds after `began`.
    last: AtomicU64,
}

impl Moved {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    fn note(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    /// Ends when no byte has moved for `limit`.
    async fn idle(&self, limit: Duration) {
        loop {
            let last = self.last.load(Ordering::Relaxed);
            tokio::time::sleep_until(self.began + Duration::from_millis(last) + limit).await;
            if self.last.load(Ordering::Relaxed) == last {
                return;
            }
        }
    }
}

/// One direction; can be left at any await and looked at.
struct Direction<R, W> {
    from: R,
    to: W,
    buffer: Box<[u8]>,
    /// The part of the buffer that is still to be written.
    pending: std::ops::Range<usize>,
    frames: Frames,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Direction<R, W> {
    fn new(from: R, to: W) -> Self {
        Self {
            from,
            to,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            pending: 0..0,
            frames: Frames::default(),
        }
    }

    /// Carries bytes to the end of the stream, and passes the end on.
    async fn carry(&mut self, moved: &Moved) -> io::Result<()> {
        while self.fill().await? {
            moved.note();
            while !self.pending.is_empty() {
                self.write(BUFFER).await?;
                moved.note();
            }
            self.to.flush().await?;
        }
        self.to.shutdown().await
    }

    /// Finishes the frame under way, then writes a Close frame and ends the stream.
    async fn close(&mut self, status: u16) -> io::Result<()> {
        while !self.frames.at_boundary() {
            if self.pending.is_empty() && !self.fill().await? {
                return self.to.shutdown().await;
            }
            let mut ahead = self.frames;
            let frame_end =
                ahead.pass_frame(self.buffer.get(self.pending.clone()).unwrap_or_default());
            self.write(frame_end).await?;
        }
        self.to.write_all(&frames::close(status)).await?;
        self.to.shutdown().await
    }

    /// Reads more into an empty buffer; false at the end of the stream.
    async fn fill(&mut self) -> io::Result<bool> {
        let count = self.from.read(&mut self.buffer).await?;
        self.pending = 0..count;
        Ok(count > 0)
    }

    /// Writes some of what is pending, `most` bytes at most.
    async fn write(&mut self, most: usize) -> io::Result<()> {
        let end = self.pending.end.min(self.pending.start + most);
        let bytes = self.buffer.get(self.pending.start..end).unwrap_or_default();
        let count = self.to.write(bytes).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.frames.pass(bytes.get(..count).unwrap_or_default());
        self.pending.start += count;
        Ok(())
    }
}
