//! One request between hyper and the app: limits, the peer, the body's deadline, panics.
//!
//! Answers by itself only what the app must not be bothered with: a head over the limits, and more
//! requests than the limit. An answer keeps its place among the requests under way until its body
//! has been handed over or dropped.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tower::ServiceExt;

use super::activity::{Activity, UnderWay};
use super::{Limits, limit, streams};
use crate::alarm::Alarm;
use crate::body::{Body, BodyError};
use crate::peer::Peer;
use crate::refusal::{Audience, Refusal};
use crate::request_id;

/// Answers the requests of one connection.
#[derive(Debug)]
pub(super) struct Handler<S> {
    pub(super) service: S,
    pub(super) peer: Peer,
    pub(super) activity: Arc<Activity>,
    pub(super) limits: Arc<Limits>,
    /// Places for requests under way, of all connections.
    pub(super) places: Arc<Semaphore>,
    pub(super) body_idle: Duration,
}

impl<S> Handler<S>
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    /// Answers one request; never fails.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let under_way = self.activity.begin();
        let longest = if request.version() == Version::HTTP_2 {
            streams::PIECE
        } else {
            usize::MAX
        };
        let (response, place) = match self.admit(&request) {
            Ok(place) => (self.serve(request).await, Some(place)),
            Err(refusal) => (refused(refusal, &request), None),
        };
        let (parts, body) = response.into_parts();
        Response::from_parts(
            parts,
            Answer {
                body,
                rest: Bytes::new(),
                longest,
                _under_way: under_way,
                _place: place,
            },
        )
    }

    fn admit(&self, request: &Request<Incoming>) -> Result<OwnedSemaphorePermit, Refusal> {
        limit::check_head(request, &self.limits)?;
        Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Refusal::Overloaded)
    }

    /// Asks the app. A panic there becomes a 500 and ends this connection only.
    async fn serve(&self, request: Request<Incoming>) -> Response<Body> {
        let audience = Audience::of(request.headers());
        let mut request = request.map(|body| self.watched(body));
        request.extensions_mut().insert(self.peer);
        let answer = self.service.clone().oneshot(request);
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_panic) => {
                self.activity.close.cancel();
                let id = request_id::fresh().to_string();
                tracing::error!(
                    request_id = id,
                    "a request's handler panicked; its connection is closed"
                );
                Refusal::Internal.into_response(audience, &id, "")
            }
        }
    }

    fn watched(&self, body: Incoming) -> Body {
        if body.is_end_stream() {
            return Body::Incoming(body);
        }
        Body::wrap(Upload {
            body,
            idle: self.body_idle,
            since: None,
            timer: Alarm::default(),
        })
    }
}

fn refused(refusal: Refusal, request: &Request<Incoming>) -> Response<Body> {
    let id = request_id::fresh().to_string();
    tracing::info!(
        request_id = id,
        reason = refusal.words().code,
        "refused before the app"
    );
    refusal.into_response(Audience::of(request.headers()), &id, "")
}

/// A request's body that may not pause for longer than the deadline.
struct Upload {
    body: Incoming,
    idle: Duration,
    /// Since when a piece is awaited from the client.
    since: Option<Instant>,
    timer: Alarm,
}

/// The client stopped sending in the middle of a body.
#[derive(Debug, thiserror::Error)]
#[error("the client paused for too long in the request's body")]
struct Paused;

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(frame) => {
                this.since = None;
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let since = *this.since.get_or_insert_with(Instant::now);
                this.timer
                    .poll(context, since + this.idle)
                    .map(|()| Some(Err(Paused.into())))
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

/// A response's body, with its request's place.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    /// What is left of a piece that was too long for a stream of HTTP/2.
    rest: Bytes,
    longest: usize,
    _under_way: UnderWay,
    _place: Option<OwnedSemaphorePermit>,
}

impl Answer {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => self.rest = piece,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(self.longest));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.next(context);
        streams::note(matches!(polled, Poll::Ready(Some(Ok(_)))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let mut hint = self.body.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
