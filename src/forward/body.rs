//! Bodies on their way: the request's up, the response's down.
//!
//! Nothing is collected: a piece is asked for when the other side has taken the last one. Trailers of
//! requests are dropped. A response's body gives its connection back when it has ended in good
//! order, and ends by itself when the upstream pauses for too long or the session ends.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::headers;
use super::upstream::Lease;
use crate::alarm::Alarm;
use crate::body::{Body, BodyError};
use crate::causes::Causes;
use crate::identity::OwnedNames;

/// How far the request's body has come; shared by the body and whoever waits for the response.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pieces: AtomicU64,
    sent: AtomicBool,
    broken: AtomicBool,
    /// The response is over: what is left of the request's body is of no use to anybody.
    unwanted: AtomicBool,
}

impl Progress {
    /// A number that changes with every piece that the upstream takes.
    pub(super) fn pieces(&self) -> u64 {
        self.pieces.load(Ordering::Relaxed)
    }

    /// Whether the client failed to send the body to its end.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}

/// A request's body.
#[derive(Debug)]
pub(super) struct Upload {
    body: Body,
    /// `None` for a request without a body.
    progress: Option<Arc<Progress>>,
}

impl Upload {
    pub(super) fn new(body: Body) -> Self {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self {
            body,
            progress: Some(Arc::default()),
        }
    }

    pub(super) fn empty() -> Self {
        Self {
            body: Body::Empty,
            progress: None,
        }
    }

    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        self.progress.clone()
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(progress) = &this.progress else {
            return Poll::Ready(None);
        };
        if progress.unwanted.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(StreamError::Unwanted.into())));
        }
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(context));
        match frame {
            Some(Ok(frame)) if frame.is_data() => {
                progress.pieces.fetch_add(1, Ordering::Relaxed);
                progress
                    .sent
                    .store(this.body.is_end_stream(), Ordering::Release);
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Ok(_)) | None => {
                progress.sent.store(true, Ordering::Release);
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                progress.broken.store(true, Ordering::Release);
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Why a body ended before its time.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("the upstream paused for too long in the response's body")]
    Idle,
    #[error("the upstream broke the response's body off")]
    Upstream(#[source] hyper::Error),
    #[error("the session ended")]
    SessionEnded,
    #[error("the upstream answered without waiting for the request's body")]
    Unwanted,
}

/// A response's body, with the connection it comes from.
pub(super) struct Download {
    body: Incoming,
    lease: Option<Lease>,
    owned: OwnedNames,
    upload: Option<Arc<Progress>>,
    pieces_up: u64,
    idle: Duration,
    since: Option<Instant>,
    timer: Alarm,
    session: Option<CancellationToken>,
    session_ends: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// An event stream may end anywhere; anything else would look whole when it is not.
    may_end_early: bool,
    over: bool,
}

impl Download {
    pub(super) fn new(
        body: Incoming,
        lease: Lease,
        head: &HeaderMap,
        owned: OwnedNames,
        idle: Duration,
        session: Option<CancellationToken>,
    ) -> Self {
        let kind = head
            .get(CONTENT_TYPE)
            .map_or(&b""[..], |value| value.as_bytes());
        let may_end_early = kind
            .get(..EVENT_STREAM.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(EVENT_STREAM));
        Self {
            body,
            upload: lease.upload(),
            lease: Some(lease),
            owned,
            pieces_up: 0,
            idle,
            since: None,
            timer: Alarm::default(),
            session,
            session_ends: None,
            may_end_early,
            over: false,
        }
    }

    /// The body for the client; one that has no piece to come gives its connection back at once.
    pub(super) fn into_body(mut self) -> Body {
        if self.body.is_end_stream() {
            self.end();
            return Body::Incoming(self.body);
        }
        Body::wrap(self)
    }

    /// The response is complete: another request may use the connection, unless this one is still
    /// being sent.
    fn end(&mut self) {
        self.over = true;
        let Some(lease) = self.lease.take() else {
            return;
        };
        match &self.upload {
            Some(upload) if !upload.sent.load(Ordering::Acquire) => {
                upload.unwanted.store(true, Ordering::Release);
            }
            _ => lease.give_back(),
        }
    }

    /// The response is not complete, and will not be: closes the connection.
    fn give_up(&mut self, why: StreamError) -> BodyError {
        self.over = true;
        self.lease = None;
        if let Some(upload) = &self.upload {
            upload.unwanted.store(true, Ordering::Release);
        }
        match &why {
            StreamError::Upstream(_) | StreamError::Idle => {
                tracing::warn!(
                    error = %Causes(&why),
                    "the upstream failed"
                );
            }
            StreamError::SessionEnded | StreamError::Unwanted => {}
        }
        why.into()
    }

    fn poll_session_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(session) = &self.session else {
            return Poll::Pending;
        };
        let ends = self
            .session_ends
            .get_or_insert_with(|| Box::pin(session.clone().cancelled_owned()));
        ends.as_mut().poll(context)
    }

    /// Ready when nothing has come down or gone up for too long.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let since = *self.since.get_or_insert_with(Instant::now);
            std::task::ready!(self.timer.poll(context, since + self.idle));
            let pieces_up = self.upload.as_ref().map_or(0, |upload| upload.pieces());
            if pieces_up == self.pieces_up {
                return Poll::Ready(());
            }
            self.pieces_up = pieces_up;
            self.since = None;
        }
    }
}

const EVENT_STREAM: &[u8] = b"text/event-stream";

impl http_body::Body for Download {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        if this
            .session
            .as_ref()
            .is_some_and(CancellationToken::is_cancelled)
        {
            let why = this.give_up(StreamError::SessionEnded);
            return Poll::Ready((!this.may_end_early).then_some(Err(why)));
        }
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(mut frame))) => {
                this.since = None;
                if let Some(trailers) = frame.trailers_mut() {
                    headers::strip_trailers(trailers, &this.owned);
                }
                if this.body.is_end_stream() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                Poll::Ready(Some(Err(this.give_up(StreamError::Upstream(error)))))
            }
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                if this.poll_session_end(context).is_ready() {
                    // Seen as cancelled above.
                    context.waker().wake_by_ref();
                } else if this.poll_idle(context).is_ready() {
                    return Poll::Ready(Some(Err(this.give_up(StreamError::Idle))));
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
