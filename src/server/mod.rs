//! Bind, accept, TLS, HTTP/1 or HTTP/2, limits, drain.
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::{Request, Response};
use tokio_util::sync::CancellationToken;

use crate::body::Body;

/// One listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to listen on (default 0.0.0.0:4280).
    pub listen: SocketAddr,
    /// TLS, when we terminate it.
    pub tls: Option<TlsSettings>,
    /// deadlines and limits, each with its default.
    pub deadlines: Deadlines,
    /// See `deadlines`.
    pub limits: Limits,
    /// How long open requests may take to end after the signal to stop (default 25 s).
    pub drain_timeout: Duration,
}

/// Certificate and key, PEM.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Certificate chain, leaf first.
    pub certificate_file: PathBuf,
    /// Private key.
    pub key_file: PathBuf,
}

///
#[derive(Clone, Debug)]
pub struct Deadlines {
    /// Accept to first byte (10 s).
    pub first_byte: Duration,
    /// TLS handshake (10 s).
    pub tls_handshake: Duration,
    /// Request head (10 s).
    pub request_head: Duration,
    /// HTTP/2 preface to first SETTINGS (10 s).
    pub h2_settings: Duration,
    /// Idle keep-alive (75 s).
    pub keep_alive: Duration,
    /// HTTP/2 PING interval, and wait for its answer (20 s each).
    pub h2_ping: Duration,
    /// Pause in a request body (30 s).
    pub request_body_idle: Duration,
    /// Response write stall (30 s).
    pub write_stall: Duration,
}

/// R-119 … R-121.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's head (32 KiB).
    pub head_bytes: usize,
    /// Fields of a request's head, cookie crumbs counted (100).
    pub head_fields: usize,
    /// Bytes of the target (8 KiB).
    pub target_bytes: usize,
    /// Connections in all (10,000).
    pub connections: usize,
    /// Connections of one address (256).
    pub connections_per_address: usize,
    /// Streams of one HTTP/2 connection (100).
    pub h2_streams: u32,
    /// Requests under way in all (2,000).
    pub requests: usize,
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener(());

impl Listener {
    /// Binds and reads the certificate; nothing is accepted yet.
    pub async fn bind(_settings: Settings) -> Result<Self, BindError> {
        todo!()
    }
    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        todo!()
    }
    /// Accepts until `stop` is cancelled, then drains. Every request gets a `Peer` extension.
    pub async fn serve<S>(self, _service: S, _stop: CancellationToken) -> Drained
    where
        S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        todo!()
    }
}

/// How draining ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Clean,
    /// The time was up; so many connections were cut.
    Cut(usize),
}

/// The listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    // … certificate and key
}
