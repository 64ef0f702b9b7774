//! The way of every request, and its one log line.
//!
//! ② of the way: after `server/`, before everything else. `App::handle` is the whole product in
//! one `match`. Only this file adds layers; it decides nothing and knows no cookie, no token and
//! no upstream.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use tokio::time::Instant;
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt;
use tower_http::request_id::{MakeRequestId, RequestId};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tracing::Instrument;
use uuid::Uuid;

use crate::body::Body;
use crate::forward::Forwarder;
use crate::gate::{Decision, Gate};
use crate::identity::{Caller, Identity};
use crate::peer::Peer;
use crate::refusal::{Audience, Refusal};
use crate::request_id;
use crate::sign_in::SignIn;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The three parts that a request can meet.
#[derive(Debug)]
pub struct App {
    gate: Gate,
    sign_in: SignIn,
    forwarder: Forwarder,
}

impl App {
    /// Puts the parts together.
    pub fn new(gate: Gate, sign_in: SignIn, forwarder: Forwarder) -> Self {
        Self {
            gate,
            sign_in,
            forwarder,
        }
    }

    /// Answers one request, and says what was decided.
    async fn handle(&self, request: Request<Body>, id: &str) -> (Response<Body>, Verdict) {
        let audience = Audience::of(request.headers());
        if self.sign_in.owns(request.uri().path()) {
            return match self.gate.admit(&request) {
                Ok(()) => (self.sign_in.handle(request).await, Verdict::OWN_PAGE),
                Err(refusal) => self.refuse(refusal, audience, id),
            };
        }
        match self.gate.check(&request).await {
            Decision::Pass(caller) => {
                let verdict = Verdict::pass(caller.as_ref());
                match self.forwarder.send(request, caller).await {
                    Ok(response) => (response, verdict),
                    Err(refusal) => (
                        self.refuse(refusal, audience, id).0,
                        verdict.failed(refusal),
                    ),
                }
            }
            Decision::SignIn { return_to } => (self.sign_in.redirect(&return_to), Verdict::SIGN_IN),
            Decision::Refuse(refusal) => self.refuse(refusal, audience, id),
        }
    }

    fn refuse(&self, refusal: Refusal, audience: Audience, id: &str) -> (Response<Body>, Verdict) {
        let response = match audience {
            Audience::Page => self.sign_in.refusal_page(refusal, id),
            Audience::Program | Audience::Grpc => {
                refusal.into_response(audience, id, self.sign_in.url())
            }
        };
        (response, Verdict::refused(refusal))
    }

    /// `handle`, and the request's line in the log.
    async fn answer(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let began = Instant::now();
        let id = request.headers().get(REQUEST_ID).cloned();
        let id = id
            .as_ref()
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default();
        let method = request.method().clone();
        let uri = request.uri().clone();
        let peer = request
            .extensions()
            .get::<Peer>()
            .map(|peer| peer.address.ip());
        let span = tracing::info_span!("request", request_id = id);
        let (response, verdict) = self.handle(request, id).instrument(span).await;
        verdict.log(id, peer, &method, uri.path(), &response, began);
        response
    }

    /// The layers in the order a request meets them, then `App::handle`.
    pub fn into_service(
        self,
    ) -> impl tower::Service<
        Request<Body>,
        Response = Response<Body>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static {
        let app = Arc::new(self);
        ServiceBuilder::new()
            // First, so that nothing after it can print them.
            .layer(SetSensitiveRequestHeadersLayer::new([
                AUTHORIZATION,
                COOKIE,
            ]))
            // A client's own id would let it write into our log.
            .map_request(|mut request: Request<Body>| {
                request.headers_mut().remove(REQUEST_ID);
                request
            })
            .set_x_request_id(MakeId)
            .propagate_x_request_id()
            .service_fn(move |request| {
                let app = Arc::clone(&app);
                async move { Ok(app.answer(request).await) }
            })
    }
}

/// UUIDv7: sorts by time.
#[derive(Clone, Copy)]
struct MakeId;

impl MakeRequestId for MakeId {
    fn make_request_id<B>(&mut self, _request: &Request<B>) -> Option<RequestId> {
        let mut text = Uuid::encode_buffer();
        let text = request_id::fresh().hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).ok().map(RequestId::new)
    }
}

/// What the log says of a request.
struct Verdict {
    decision: &'static str,
    reason: Option<&'static str>,
    caller: Option<Arc<Identity>>,
}

impl Verdict {
    const OWN_PAGE: Self = Self {
        decision: "own_page",
        reason: None,
        caller: None,
    };
    const SIGN_IN: Self = Self {
        decision: "sign_in",
        reason: Some("no_session"),
        caller: None,
    };

    fn pass(caller: Option<&Caller>) -> Self {
        let reason = if caller.is_some() {
            "session"
        } else {
            "public"
        };
        Self {
            decision: "pass",
            reason: Some(reason),
            caller: caller.map(|caller| Arc::clone(&caller.identity)),
        }
    }

    fn refused(refusal: Refusal) -> Self {
        Self {
            decision: "refuse",
            reason: Some(refusal.words().code),
            caller: None,
        }
    }

    fn failed(self, refusal: Refusal) -> Self {
        Self {
            reason: Some(refusal.words().code),
            ..self
        }
    }

    /// The path without the query, which may hold anything; no cookie, no token, no name.
    fn log(
        &self,
        request_id: &str,
        peer: Option<IpAddr>,
        method: &Method,
        path: &str,
        response: &Response<Body>,
        began: Instant,
    ) {
        tracing::info!(
            target: "sidegate::request",
            request_id,
            peer = peer.map(tracing::field::display),
            %method,
            path,
            decision = self.decision,
            reason = self.reason,
            sub = self.caller.as_deref().map(|caller| &*caller.subject),
            status = response.status().as_u16(),
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
    }
}
