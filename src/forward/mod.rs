//! One request to the upstream and back.
use std::net::IpAddr;
use std::time::Duration;

use http::{Request, Response};
use tokio_util::task::TaskTracker;
use url::Url;

use crate::body::Body;
use crate::identity::{Caller, IdentityHeaders};
use crate::origin::PublicOrigin;
use crate::refusal::Refusal;

/// Where to and how long.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http://host:port` or `https://host[:port]`.
    pub upstream: Url,
    /// A PEM file with further certificate authorities for an https upstream.
    pub ca_file: Option<std::path::PathBuf>,
    /// Longest wait for a connection (default 3 s).
    pub connect_timeout: Duration,
    /// Longest wait for the response's head (default 60 s).
    pub head_timeout: Duration,
    /// Longest pause in a body, either way (default 5 min), and on upgraded streams (R-108; default 10 min).
    pub idle_timeout: Duration,
    /// See `idle_timeout`.
    pub upgrade_idle_timeout: Duration,
    /// Send the client's Host on; default true (the public origin's authority). False sends the upstream's.
    pub preserve_host: bool,
    /// Send the client's `Authorization` on (R-45; default false).
    pub pass_authorization: bool,
    /// Peers whose `X-Forwarded-For` is believed (R-46; default none).
    pub trusted_proxies: Vec<ipnet::IpNet>,
}

/// The way to the upstream.
#[derive(Debug)]
pub struct Forwarder(());

/// Tells cookies of ours from the app's, by name: `Sessions::owns_cookie`, handed in by `run`.
pub type OwnsCookie = std::sync::Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

impl Forwarder {
    /// Connects nothing yet. `tasks` owns the pumps of upgraded connections.
    pub fn new(
        _settings: Settings,
        _origin: PublicOrigin,
        _headers: &IdentityHeaders,
        _owns_cookie: OwnsCookie,
        _tasks: TaskTracker,
    ) -> Result<Self, BuildError> {
        todo!()
    }
    /// Sends a request that the gate has passed. The path goes out byte for byte as it was judged.
    pub async fn send(
        &self,
        _request: Request<Body>,
        _caller: Option<Caller>,
    ) -> Result<Response<Body>, Refusal> {
        todo!()
    }
    /// The address of the client itself, behind trusted proxies.
    pub fn client_address(&self, _request: &Request<Body>) -> Option<IpAddr> {
        todo!()
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Reading the CA file.
    #[error("{path}: {source}")]
    CaFile {
        /// The file.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
}
