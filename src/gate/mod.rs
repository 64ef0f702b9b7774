//! Who is this, and may they?
//!
//! Between `app` and `forward`: the head of a request → `Decision`. `admission.rs` says what holds
//! for every request, `rule.rs` what needs no session; everything else needs one. The facts
//! are gathered first, then one pure function decides. The gate changes nothing about a request: what
//! it has judged is what goes on.

mod admission;
mod path;
mod rule;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use http::header::{self, HeaderMap};
use http::{Method, Request};

use self::admission::Admission;
use crate::body::Body;
use crate::identity::Caller;
use crate::origin::PublicOrigin;
use crate::refusal::{Audience, Refusal};
use crate::session::{Found, Sessions};

pub use self::path::{PathForm, judge_path};
pub use self::rule::PublicRule;

/// What is let through.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Paths that need no session (R-53 … R-57).
    pub public: Vec<PublicRule>,
    /// Host names that are served, without ports; the public origin's host is always one.
    pub hosts: Vec<String>,
    /// Methods beside the standard ones.
    pub methods: Vec<Method>,
    /// Origins that may open WebSockets beside the public origin.
    pub websocket_origins: Vec<String>,
    /// Refuse encoded slashes, backslashes and dot segments (R-55; default true).
    pub strict_paths: bool,
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
pub struct Gate {
    admission: Admission,
    public: Vec<PublicRule>,
    websocket_origins: Vec<String>,
    sessions: Arc<Sessions>,
}

impl Gate {
    /// A gate over these sessions.
    pub fn new(settings: Settings, origin: &PublicOrigin, sessions: Arc<Sessions>) -> Self {
        let admission = Admission::new(&settings, origin);
        let mut websocket_origins = settings.websocket_origins;
        websocket_origins.push(origin.as_str().to_owned());
        Self {
            admission,
            public: settings.public,
            websocket_origins,
            sessions,
        }
    }

    /// Judges a request by its head alone. Requests under our own prefix are judged by [`Gate::admit`] only.
    // Not an `async fn`: that would hold the whole request, whose body cannot be shared between threads.
    pub fn check<'a>(
        &'a self,
        request: &'a Request<Body>,
    ) -> impl Future<Output = Decision> + Send + 'a {
        let admitted = self.admission.judge(request);
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        async move {
            let form = match admitted {
                Ok(form) => form,
                Err(refusal) => return Decision::Refuse(refusal),
            };
            decide(Facts {
                found: self.sessions.find(headers).await,
                public: form == PathForm::Canonical && self.is_public(method, uri.path()),
                foreign_websocket: self.is_foreign_websocket(headers),
                audience: Audience::of(headers),
                method,
                target: uri.path_and_query().map_or("/", |target| target.as_str()),
            })
        }
    }

    /// What holds for every request, our own pages included: framing, host, method and path (R-55, R-59,
    /// The fields that `Connection` may name are looked at where they are removed.
    ///
    /// # Errors
    /// 400, 405 or 421.
    pub fn admit(&self, request: &Request<Body>) -> Result<(), Refusal> {
        self.admission.judge(request).map(|_| ())
    }

    fn is_public(&self, method: &Method, path: &str) -> bool {
        self.public.iter().any(|rule| rule.covers(method, path))
    }

    /// Browsers send cookies with any page's WebSocket, and no CORS holds them back: whose page it is
    /// says only `Origin`.
    fn is_foreign_websocket(&self, headers: &HeaderMap) -> bool {
        asks_for_websocket(headers) && !self.comes_from_known_origin(headers)
    }

    fn comes_from_known_origin(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).into_iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => self
                .websocket_origins
                .iter()
                .any(|known| origin.as_bytes() == known.as_bytes()),
            _ => false,
        }
    }
}

/// Wider than what is forwarded as one: whatever the forwarder may take for a WebSocket must be one here.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    const NAME: &[u8] = b"websocket";
    headers.get_all(header::UPGRADE).into_iter().any(|field| {
        field
            .as_bytes()
            .windows(NAME.len())
            .any(|part| part.eq_ignore_ascii_case(NAME))
    })
}

/// All that a decision is made of.
struct Facts<'a> {
    found: Found,
    /// A public rule matches.
    public: bool,
    /// A WebSocket that a page of another origin opens.
    foreign_websocket: bool,
    audience: Audience,
    method: &'a Method,
    /// Path and query, as asked for.
    target: &'a str,
}

fn decide(facts: Facts<'_>) -> Decision {
    let page_load =
        facts.audience == Audience::Page && matches!(*facts.method, Method::GET | Method::HEAD);
    match facts.found {
        Found::Caller(_) if facts.foreign_websocket => Decision::Refuse(Refusal::WrongOrigin),
        Found::Caller(caller) => Decision::Pass(Some(caller)),
        Found::None | Found::Unavailable if facts.public => Decision::Pass(None),
        Found::Unavailable => Decision::Refuse(Refusal::PoolUnavailable),
        Found::None if page_load => Decision::SignIn {
            return_to: facts.target.to_owned(),
        },
        Found::None => Decision::Refuse(Refusal::SignInNeeded),
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("admission", &self.admission)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
