//! Who is this, and may they? One pure decision over facts.
use std::sync::Arc;

use http::Request;

use crate::body::Body;
use crate::identity::Caller;
use crate::origin::PublicOrigin;
use crate::refusal::Refusal;
use crate::session::Sessions;

/// What is let through.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Paths that need no session (R-53 … R-57).
    pub public: Vec<PublicRule>,
    /// Host names that are served, without ports; the public origin's host is always one.
    pub hosts: Vec<String>,
    /// Methods beside the standard ones.
    pub methods: Vec<http::Method>,
    /// Origins that may open WebSockets beside the public origin.
    pub websocket_origins: Vec<String>,
    /// Refuse encoded slashes, backslashes and dot segments (R-55; default true).
    pub strict_paths: bool,
}

/// One public path.
#[derive(Clone, Debug)]
pub struct PublicRule {
    /// Exact path, or a prefix when it ends in `/`.
    pub path: String,
    /// Methods; default GET and HEAD.
    pub methods: Vec<http::Method>,
}

/// The verdict on one request.
#[derive(Debug)]
pub enum Decision {
    /// Forward; with the caller when there is one.
    Pass(Option<Caller>),
    /// Send the person to the sign-in page, and back here afterwards.
    SignIn {
        /// Path and query that was asked for.
        return_to: String,
    },
    /// Do not forward.
    Refuse(Refusal),
}

/// The gate.
#[derive(Debug)]
pub struct Gate(());

impl Gate {
    /// A gate over these sessions.
    pub fn new(_settings: Settings, _origin: &PublicOrigin, _sessions: Arc<Sessions>) -> Self {
        todo!()
    }
    /// Judges a request by its head alone. Requests under our own prefix are judged by [`Gate::admit`] only.
    pub async fn check(&self, _request: &Request<Body>) -> Decision {
        todo!()
    }
    /// What holds for every request, our own pages included: host, method, path and header shape.
    pub fn admit(&self, _request: &Request<Body>) -> Result<(), Refusal> {
        todo!()
    }
}
