//! One request to the upstream and back.
//!
//! ④ of the way, and the last step: the gate has let the request through. Removes what only sidegate
//! may say, adds who is calling, sends it on a kept connection, and streams both ways. Every wait on
//! the upstream has a deadline for its own step; nothing limits a whole exchange. Decides nothing.

mod address;
mod body;
mod cookies;
mod frames;
mod headers;
mod response;
mod tunnel;
mod upgrade;
mod upstream;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::body::Body;
use crate::causes::Causes;
use crate::identity::{Caller, IdentityHeaders};
use crate::origin::PublicOrigin;
use crate::peer::Peer;
use crate::refusal::Refusal;
use body::{Download, Upload};
use headers::Rules;
use upgrade::Handshake;
use upstream::{Lease, Upstream, UpstreamError};

/// Where to and how long.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http://host:port` or `https://host[:port]`.
    pub upstream: Url,
    /// A PEM file with further certificate authorities for an https upstream.
    pub ca_file: Option<PathBuf>,
    /// Longest wait for a connection (default 3 s).
    pub connect_timeout: Duration,
    /// Longest wait for the response's head, or for the upstream to take more of the request's body
    /// (default 60 s).
    pub head_timeout: Duration,
    /// Longest pause in a body, either way (default 5 min).
    pub idle_timeout: Duration,
    /// Longest pause on an upgraded stream (R-108; default 10 min).
    pub upgrade_idle_timeout: Duration,
    /// Send the client's Host on; default true (the public origin's authority). False sends the upstream's.
    pub preserve_host: bool,
    /// Send the client's `Authorization` on (R-45; default false).
    pub pass_authorization: bool,
    /// Peers whose `X-Forwarded-For` is believed (R-46; default none).
    pub trusted_proxies: Vec<IpNet>,
}

/// The way to the upstream.
pub struct Forwarder {
    upstream: Upstream,
    rules: Rules,
    trusted_proxies: Vec<IpNet>,
    idle_timeout: Duration,
    upgrade_idle_timeout: Duration,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Tells cookies of ours from the app's, by name: `Sessions::owns_cookie`, handed in by `run`.
pub type OwnsCookie = std::sync::Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

impl Forwarder {
    /// Connects nothing yet. `tasks` owns the connections to the upstream, which end when the
    /// forwarder is dropped, and the tunnels of upgraded connections, which end when `stop` is cancelled.
    ///
    /// # Errors
    /// An upstream that is no origin; a CA file that cannot be used.
    pub fn new(
        settings: Settings,
        origin: &PublicOrigin,
        headers: &IdentityHeaders,
        owns_cookie: OwnsCookie,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            upstream: Upstream::new(&settings, tasks.clone())?,
            rules: Rules::new(&settings, origin, headers, owns_cookie)?,
            trusted_proxies: settings.trusted_proxies,
            idle_timeout: settings.idle_timeout,
            upgrade_idle_timeout: settings.upgrade_idle_timeout,
            tasks,
            stop,
        })
    }

    /// Sends a request that the gate has passed. The path goes out byte for byte as it was judged.
    ///
    /// # Errors
    /// A `Connection` or WebSocket head that is refused, a body that the client broke
    /// off, and the upstream's failures, each logged here with its cause.
    pub async fn send(
        &self,
        mut request: Request<Body>,
        caller: Option<Caller>,
    ) -> Result<Response<Body>, Refusal> {
        self.rules.check_connection(request.headers())?;
        let handshake = Handshake::of(&request)?;
        let client = hyper::upgrade::on(&mut request);
        let request = self.outgoing(request, caller.as_ref(), handshake.is_some())?;

        let answered = self.upstream.send(request).await;
        let (response, lease) = answered.map_err(|error| refusal_for(&error))?;
        match (response.status(), handshake) {
            (StatusCode::SWITCHING_PROTOCOLS, Some(handshake)) => {
                self.switch(response, &handshake, client, caller)
            }
            (StatusCode::SWITCHING_PROTOCOLS, None) => Err(refusal_for(&UpstreamError::Framing(
                "a 101 that nobody asked for",
            ))),
            _ => Ok(self.incoming(response, lease, caller)),
        }
    }

    /// The address of the client itself, behind trusted proxies.
    fn client_address(&self, request: &Request<Body>) -> Option<IpAddr> {
        let peer = request.extensions().get::<Peer>()?;
        Some(address::of_client(
            peer.address.ip(),
            request.headers(),
            &self.trusted_proxies,
        ))
    }

    /// The request as the upstream gets it.
    fn outgoing(
        &self,
        request: Request<Body>,
        caller: Option<&Caller>,
        websocket: bool,
    ) -> Result<Request<Upload>, Refusal> {
        let client = self.client_address(&request);
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().cloned();
        parts.uri = target.map(Uri::from).ok_or(Refusal::BadRequest(
            "The request's target has no path. Send one that begins with a slash.",
        ))?;
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        self.rules
            .rewrite_request(&mut parts.headers, client, caller, websocket);
        let upload = Upload::new(body);
        frame_request(&parts.method, &upload, &mut parts.headers);
        Ok(Request::from_parts(parts, upload))
    }

    /// The response as the client gets it.
    fn incoming(
        &self,
        response: Response<Incoming>,
        lease: Lease,
        caller: Option<Caller>,
    ) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        self.rules
            .rewrite_response(&mut parts.headers, caller.is_some());
        let ended = caller.map(|caller| caller.ended);
        let owned = self.rules.owned().clone();
        let body = Download::new(body, lease, &parts.headers, owned, self.idle_timeout, ended);
        Response::from_parts(parts, body.into_body())
    }

    /// The upstream said 101: passes it on, and joins both connections once the client has it.
    fn switch(
        &self,
        mut response: Response<Incoming>,
        handshake: &Handshake,
        client: OnUpgrade,
        caller: Option<Caller>,
    ) -> Result<Response<Body>, Refusal> {
        if !handshake.is_accepted_by(response.headers()) {
            return Err(refusal_for(&UpstreamError::Framing(
                "a 101 without the right Upgrade and Sec-WebSocket-Accept",
            )));
        }
        let upstream = hyper::upgrade::on(&mut response);
        self.tasks.spawn(tunnel::run(
            client,
            upstream,
            tunnel::Ends {
                idle: self.upgrade_idle_timeout,
                session: caller.map(|caller| caller.ended),
                stop: self.stop.clone(),
            },
        ));
        let (mut parts, _) = response.into_parts();
        parts.extensions.clear();
        self.rules.rewrite_response(&mut parts.headers, false);
        upgrade::put_switch(&mut parts.headers);
        Ok(Response::from_parts(parts, Body::Empty))
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder")
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

/// Says how the body is framed where hyper's own choice would be wrong: it sends no body of
/// unknown length with GET and HEAD, and no `Content-Length: 0` with anything.
fn frame_request(method: &Method, body: &Upload, headers: &mut http::HeaderMap) {
    use http_body::Body as _;
    let expects_a_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    if body.is_end_stream() {
        if expects_a_body {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    } else if body.size_hint().exact().is_none() {
        headers.insert(
            http::header::TRANSFER_ENCODING,
            HeaderValue::from_static("chunked"),
        );
    }
}

/// Logs why, and picks what the client is told.
fn refusal_for(error: &UpstreamError) -> Refusal {
    let refusal = match error {
        UpstreamError::Connect(_) | UpstreamError::ConnectTimeout => Refusal::UpstreamUnreachable,
        UpstreamError::HeadTimeout => Refusal::UpstreamTimeout,
        UpstreamError::Exchange(_) | UpstreamError::Framing(_) => Refusal::UpstreamBroken,
        UpstreamError::RequestBody(_) => {
            tracing::debug!(
                error = %Causes(error),
                "nothing was forwarded"
            );
            return Refusal::BadRequest("The request's body broke off. Send it again.");
        }
    };
    tracing::warn!(
        error = %Causes(error),
        "the upstream failed"
    );
    refusal
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Reading the CA file.
    #[error("cannot read {}; it must be there and readable for this user", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The CA file holds no certificate, or one that cannot be used.
    #[error("{}: no usable PEM certificate in it", path.display())]
    CaCertificate {
        /// The file.
        path: PathBuf,
    },
    /// An https upstream, and nothing to verify it with.
    #[error(
        "the system has no root certificates to verify the upstream with; install them or give a CA file"
    )]
    NoRoots,
    /// Neither `http://host:port` nor `https://host[:port]`.
    #[error("the upstream must be http://host:port or https://host[:port], without a path")]
    Upstream,
    /// The TLS library offers none of TLS 1.2 and 1.3.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}
