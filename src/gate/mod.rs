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

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::identity::{Claims, Identity, IdentityHeaders};
    use crate::session::bed::{Bed, Outcome, TOKEN_LIFE};

    fn caller() -> Found {
        let claims = serde_json::json!({"sub": "alice"});
        let claims = Claims::verified(claims.as_object().unwrap().clone());
        Found::Caller(Caller {
            identity: Arc::new(Identity::new(&claims, &IdentityHeaders::default())),
            ended: CancellationToken::new(),
        })
    }

    fn facts(found: Found) -> Facts<'static> {
        Facts {
            found,
            public: false,
            foreign_websocket: false,
            audience: Audience::Page,
            method: &Method::GET,
            target: "/a?b",
        }
    }

    /// One word for a decision.
    fn verdict(facts: Facts<'_>) -> String {
        match decide(facts) {
            Decision::Pass(Some(_)) => "pass with caller".to_owned(),
            Decision::Pass(None) => "pass".to_owned(),
            Decision::SignIn { return_to } => format!("sign in for {return_to}"),
            Decision::Refuse(refusal) => refusal.words().code.to_owned(),
        }
    }

    #[test]
    fn a_caller_passes_with_the_identity_public_or_not() {
        for public in [true, false] {
            for audience in [Audience::Page, Audience::Program, Audience::Grpc] {
                for method in [&Method::GET, &Method::POST] {
                    let facts = Facts {
                        public,
                        audience,
                        method,
                        ..facts(caller())
                    };
                    assert_eq!(verdict(facts), "pass with caller");
                }
            }
        }
    }

    #[test]
    fn a_page_load_without_a_session_is_sent_to_sign_in_and_back() {
        for method in [&Method::GET, &Method::HEAD] {
            let facts = Facts {
                method,
                ..facts(Found::None)
            };
            assert_eq!(verdict(facts), "sign in for /a?b");
        }
    }

    #[test]
    fn anything_but_a_page_load_is_told_that_sign_in_is_needed() {
        //
        for audience in [Audience::Program, Audience::Grpc] {
            let facts = Facts {
                audience,
                ..facts(Found::None)
            };
            assert_eq!(verdict(facts), "sign_in_needed");
        }
        for method in [&Method::POST, &Method::OPTIONS, &Method::DELETE] {
            let facts = Facts {
                method,
                ..facts(Found::None)
            };
            assert_eq!(verdict(facts), "sign_in_needed");
        }
    }

    #[test]
    fn a_public_path_needs_no_session_and_no_pool() {
        for found in [Found::None, Found::Unavailable] {
            for audience in [Audience::Page, Audience::Program, Audience::Grpc] {
                let facts = Facts {
                    public: true,
                    audience,
                    ..facts(found.clone())
                };
                assert_eq!(verdict(facts), "pass");
            }
        }
    }

    #[test]
    fn a_session_that_cannot_be_renewed_now_is_not_sent_to_sign_in() {
        // a redirect would multiply the load.
        for audience in [Audience::Page, Audience::Program, Audience::Grpc] {
            let facts = Facts {
                audience,
                ..facts(Found::Unavailable)
            };
            assert_eq!(verdict(facts), "sign_in_unavailable");
        }
    }

    #[test]
    fn a_foreign_page_cannot_open_a_websocket_with_the_callers_cookie() {
        //
        for public in [true, false] {
            let facts = Facts {
                foreign_websocket: true,
                public,
                ..facts(caller())
            };
            assert_eq!(verdict(facts), "wrong_origin");
        }
        let audience = Audience::Program;
        let stranger = Facts {
            foreign_websocket: true,
            audience,
            ..facts(Found::None)
        };
        assert_eq!(verdict(stranger), "sign_in_needed");
    }

    fn gate(bed: &Bed) -> Gate {
        let rule = |path| PublicRule::parse(path, &[]).unwrap();
        let settings = Settings {
            public: vec![rule("/public/"), rule("/robots.txt")],
            hosts: Vec::new(),
            methods: Vec::new(),
            websocket_origins: vec!["https://live.example".to_owned()],
            strict_paths: true,
        };
        let origin = "https://app.example.com".parse().unwrap();
        Gate::new(settings, &origin, Arc::clone(&bed.sessions))
    }

    fn request(
        target: &str,
        session: &HeaderMap,
        fields: &[(&'static str, &str)],
    ) -> Request<Body> {
        let mut request = Request::new(Body::Empty);
        *request.uri_mut() = target.parse().unwrap();
        *request.headers_mut() = session.clone();
        let headers = request.headers_mut();
        headers.append(header::HOST, "app.example.com".parse().unwrap());
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        request
    }

    async fn passes(gate: &Gate, request: &Request<Body>) -> bool {
        matches!(gate.check(request).await, Decision::Pass(_))
    }

    #[tokio::test]
    async fn a_signed_in_browser_passes_and_a_stranger_does_not() {
        let bed = Bed::new();
        let (gate, session) = (gate(&bed), bed.sign_in("alice").await);
        let decision = gate.check(&request("/a", &session, &[])).await;
        assert!(
            matches!(decision, Decision::Pass(Some(caller)) if &*caller.identity.subject == "alice")
        );
        let page = [("accept", "text/html")];
        let decision = gate
            .check(&request("/a?b=c", &HeaderMap::new(), &page))
            .await;
        assert!(matches!(decision, Decision::SignIn { return_to } if return_to == "/a?b=c"));
    }

    #[tokio::test]
    async fn only_a_canonical_path_can_be_public() {
        //
        let bed = Bed::new();
        let gate = gate(&bed);
        for target in ["/public/x", "/public/x?y=/../z", "/robots.txt"] {
            assert!(
                passes(&gate, &request(target, &HeaderMap::new(), &[])).await,
                "{target}"
            );
        }
        for target in [
            "/public",
            "/public//x",
            "/public/;x",
            "/public/%61",
            "/public/%2561",
            "/publicx",
            "/PUBLIC/x",
            "/x?/public/x",
            "/public/../x",
            "/public/..%2fx",
            "/.sidegate",
            "/%2esidegate/x",
        ] {
            assert!(
                !passes(&gate, &request(target, &HeaderMap::new(), &[])).await,
                "{target}"
            );
        }
    }

    #[tokio::test]
    async fn a_cors_preflight_passes_no_more_than_anything_else() {
        //
        let bed = Bed::new();
        let fields = [
            ("origin", "https://evil.example"),
            ("access-control-request-method", "POST"),
        ];
        for target in ["/a", "/public/x"] {
            let mut preflight = request(target, &HeaderMap::new(), &fields);
            *preflight.method_mut() = Method::OPTIONS;
            assert!(!passes(&gate(&bed), &preflight).await, "{target}");
        }
    }

    #[tokio::test]
    async fn a_websocket_must_come_from_a_known_origin_named_once() {
        let bed = Bed::new();
        let (gate, session) = (gate(&bed), bed.sign_in("alice").await);
        let upgrade = ("upgrade", "websocket");
        for origin in ["https://app.example.com", "https://live.example"] {
            let request = request("/ws", &session, &[upgrade, ("origin", origin)]);
            assert!(passes(&gate, &request).await, "{origin}");
        }
        let ours = ("origin", "https://app.example.com");
        for fields in [
            &[upgrade][..],
            &[upgrade, ("origin", "null")],
            &[upgrade, ("origin", "https://evil.example")],
            &[upgrade, ("origin", "http://app.example.com")],
            &[upgrade, ("origin", "https://app.example.com:8443")],
            &[upgrade, ("origin", "https://app.example.com.evil.example")],
            &[upgrade, ours, ours],
            &[("upgrade", "WebSocket")],
            &[("upgrade", "h2c, websocket/13")],
            &[("upgrade", "h2c"), upgrade],
        ] {
            let decision = gate.check(&request("/ws", &session, fields)).await;
            let refused = matches!(decision, Decision::Refuse(Refusal::WrongOrigin));
            assert!(refused, "{fields:?}");
        }
        let other = request("/a", &session, &[("upgrade", "h2c")]);
        assert!(passes(&gate, &other).await, "not a WebSocket");
    }

    #[tokio::test]
    async fn a_session_whose_pool_is_dead_is_refused_with_503() {
        let bed = Bed::new();
        let (gate, session) = (gate(&bed), bed.sign_in("alice").await);
        bed.advance(TOKEN_LIFE);
        bed.pool.answer_next(Outcome::Outage);
        let decision = gate.check(&request("/a", &session, &[])).await;
        assert!(matches!(
            decision,
            Decision::Refuse(Refusal::PoolUnavailable)
        ));
        assert!(passes(&gate, &request("/public/x", &session, &[])).await);
    }

    #[tokio::test]
    async fn what_is_not_admitted_is_refused_before_any_session_is_asked() {
        let bed = Bed::new();
        let (gate, session) = (gate(&bed), bed.sign_in("alice").await);
        let mut request = request("/a", &session, &[]);
        *request.method_mut() = Method::TRACE;
        assert_eq!(gate.admit(&request), Err(Refusal::MethodNotAllowed));
        let decision = gate.check(&request).await;
        assert!(matches!(
            decision,
            Decision::Refuse(Refusal::MethodNotAllowed)
        ));
    }
}
