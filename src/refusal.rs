//! A request that is not let through, or could not be answered, and how each kind of client is told.
//!
//! The one place where a failure gets its status and its words. `gate`, `forward`, `server` and
//! `sign_in` name the failure; a page for a person is drawn by `sign_in`, everybody else gets
//! [`Refusal::into_response`]. No text here names a version, an address or a cause inside.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::body::Body;

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A person: a page load.
    Page,
    /// A program: fetch, XHR, EventSource, a WebSocket, curl.
    Program,
    /// A gRPC client: HTTP 200 with a `grpc-status`.
    Grpc,
}

impl Audience {
    /// Decides by what browsers cannot be made to lie about first: `Sec-Fetch-*`, then `Accept`
    /// and `X-Requested-With`, `Upgrade`, and gRPC's content type.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).map_or(&b""[..], HeaderValue::as_bytes);
        if text(header::CONTENT_TYPE).starts_with(b"application/grpc") {
            return Self::Grpc;
        }
        if headers.contains_key(header::UPGRADE) || headers.contains_key("x-requested-with") {
            return Self::Program;
        }
        let mode = headers.get("sec-fetch-mode").map(HeaderValue::as_bytes);
        let html = accepts_html(text(header::ACCEPT));
        match mode {
            Some(b"navigate") | None if html => Self::Page,
            _ => Self::Program,
        }
    }
}

fn accepts_html(accept: &[u8]) -> bool {
    let wanted: [&[u8]; 2] = [b"text/html", b"application/xhtml+xml"];
    accept
        .split(|byte| *byte == b',')
        .filter_map(|part| part.split(|byte| *byte == b';').next())
        .any(|kind| {
            wanted
                .iter()
                .any(|wanted| kind.trim_ascii().eq_ignore_ascii_case(wanted))
        })
}

/// Why a request did not get the upstream's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No session, and the caller cannot be sent to the sign-in page.
    SignInNeeded,
    /// The request is malformed or ambiguous; the text says in what, without quoting it.
    BadRequest(&'static str),
    /// Signed in, but a page of another origin opened this WebSocket, or posted a form of ours.
    WrongOrigin,
    /// The Host is none of ours.
    WrongHost,
    /// A method that is not let through.
    MethodNotAllowed,
    /// Nothing at this address under our own prefix.
    NotFound,
    /// A body over the limit.
    TooLarge,
    /// A head over the limit.
    HeadTooLarge,
    /// A target over the limit.
    TargetTooLong,
    /// More requests at once than the limit allows.
    Overloaded,
    /// The user pool cannot be asked, and the session's tokens have run out meanwhile.
    PoolUnavailable,
    /// No connection to the upstream.
    UpstreamUnreachable,
    /// The upstream did not begin to answer in time.
    UpstreamTimeout,
    /// The upstream's answer could not be understood.
    UpstreamBroken,
    /// A fault of our own.
    Internal,
}

/// What the gate lets through anywhere, for `Allow`. Methods that an operator added are not told.
pub const STANDARD_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// What a refusal says, to everybody.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// A stable name for programs and for the log.
    pub code: &'static str,
    /// What happened, as a heading.
    pub title: &'static str,
    /// What the reader can do.
    pub advice: &'static str,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::SignInNeeded => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::WrongOrigin => StatusCode::FORBIDDEN,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Overloaded | Self::PoolUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamUnreachable | Self::UpstreamBroken => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The words for it.
    pub fn words(self) -> Words {
        let (code, title, advice) = match self {
            Self::SignInNeeded => (
                "sign_in_needed",
                "Sign-in needed",
                "Open the sign-in page, then send the request again.",
            ),
            Self::BadRequest(what) => ("bad_request", "This request is not understood", what),
            Self::WrongOrigin => (
                "wrong_origin",
                "This request came from another site",
                "Open the page at its own address and try again. A program sends that address as its Origin header.",
            ),
            Self::WrongHost => (
                "wrong_host",
                "This address is not served here",
                "Check the address you opened.",
            ),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                "This method is not allowed",
                "Use one of the methods in the Allow header.",
            ),
            Self::NotFound => (
                "not_found",
                "There is no such page",
                "Go back and try another link.",
            ),
            Self::TooLarge => (
                "too_large",
                "This request is too large",
                "Send less at once.",
            ),
            Self::HeadTooLarge => (
                "head_too_large",
                "The request's header is too large",
                "Delete this site's cookies and try again.",
            ),
            Self::TargetTooLong => (
                "target_too_long",
                "This address is too long",
                "Use a shorter address, or send the data in the request's body.",
            ),
            Self::Overloaded => (
                "overloaded",
                "Too many requests at once",
                "Wait a moment, then try again.",
            ),
            Self::PoolUnavailable => (
                "sign_in_unavailable",
                "Sign-in is not available just now",
                "Your session could not be renewed. Wait a minute, then try again.",
            ),
            Self::UpstreamUnreachable => (
                "upstream_unreachable",
                "The application does not answer",
                "This is not about your sign-in. Wait a minute, then try again.",
            ),
            Self::UpstreamTimeout => (
                "upstream_timeout",
                "The application took too long to answer",
                "This is not about your sign-in. Wait a minute, then try again.",
            ),
            Self::UpstreamBroken => (
                "upstream_broken",
                "The application's answer is not understood",
                "This is not about your sign-in. Try again; if it stays so, tell the operator the request id.",
            ),
            Self::Internal => (
                "internal",
                "Something went wrong here",
                "Try again; if it stays so, tell the operator the request id.",
            ),
        };
        Words {
            code,
            title,
            advice,
        }
    }

    /// Seconds after which trying again makes sense.
    pub fn retry_after(self) -> Option<u32> {
        match self {
            Self::Overloaded => Some(1),
            Self::PoolUnavailable => Some(10),
            Self::UpstreamUnreachable | Self::UpstreamTimeout => Some(5),
            _ => None,
        }
    }

    /// The gRPC status code (grpc/grpc `doc/statuscodes.md` and `doc/http-grpc-status-mapping.md`).
    fn grpc_status(self) -> &'static str {
        match self {
            Self::SignInNeeded => "16",
            Self::WrongOrigin => "7",
            Self::MethodNotAllowed | Self::NotFound => "12",
            Self::TooLarge | Self::HeadTooLarge | Self::TargetTooLong => "8",
            Self::Overloaded | Self::PoolUnavailable | Self::UpstreamUnreachable => "14",
            Self::UpstreamTimeout => "4",
            Self::BadRequest(_) | Self::WrongHost | Self::UpstreamBroken | Self::Internal => "13",
        }
    }

    /// The answer for a program: a problem document (RFC 9457), or gRPC's own form.
    ///
    /// `sign_in_url` goes into a 401, so that a single-page app knows where to send the person.
    pub fn into_response(
        self,
        audience: Audience,
        request_id: &str,
        sign_in_url: &str,
    ) -> Response<Body> {
        let mut response = match audience {
            Audience::Grpc => self.grpc(),
            Audience::Page | Audience::Program => self.problem(request_id, sign_in_url),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        self.put_ways_on(headers);
        response
    }

    /// Adds `Retry-After` and `Allow` (RFC 9110 §15.5.6) where the status asks for them.
    pub fn put_ways_on(self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self == Self::MethodNotAllowed {
            headers.insert(header::ALLOW, HeaderValue::from_static(STANDARD_METHODS));
        }
    }

    fn problem(self, request_id: &str, sign_in_url: &str) -> Response<Body> {
        let words = self.words();
        let mut document = serde_json::json!({
            "type": format!("urn:sidegate:problem:{}", words.code),
            "title": words.title,
            "status": self.status().as_u16(),
            "detail": words.advice,
            "code": words.code,
            "request_id": request_id,
        });
        if self == Self::SignInNeeded
            && let Some(members) = document.as_object_mut()
        {
            members.insert("sign_in".to_owned(), sign_in_url.into());
        }
        let mut response = Response::new(Body::from(document.to_string()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self == Self::SignInNeeded {
            // A scheme of our own: `Basic` would open the browser's own dialogue.
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Sidegate realm=\"sidegate\""),
            );
            headers.insert(header::VARY, HeaderValue::from_static("Cookie"));
        }
        response
    }

    fn grpc(self) -> Response<Body> {
        let mut response = Response::new(Body::Empty);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/grpc"),
        );
        headers.insert("grpc-status", HeaderValue::from_static(self.grpc_status()));
        headers.insert("grpc-message", HeaderValue::from_static(self.words().code));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v)))
            .collect()
    }

    #[test]
    fn a_page_load_is_told_apart_from_everything_else() {
        let html = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        for (fields, want) in [
            (vec![html], Audience::Page),
            (vec![html, ("sec-fetch-mode", "navigate")], Audience::Page),
            (vec![html, ("sec-fetch-mode", "cors")], Audience::Program),
            (
                vec![html, ("x-requested-with", "XMLHttpRequest")],
                Audience::Program,
            ),
            (vec![html, ("upgrade", "websocket")], Audience::Program),
            (
                vec![("sec-fetch-mode", "navigate"), ("accept", "*/*")],
                Audience::Program,
            ),
            (vec![("accept", "*/*")], Audience::Program),
            (vec![("accept", "text/event-stream")], Audience::Program),
            (vec![], Audience::Program),
            (
                vec![("content-type", "application/grpc+proto")],
                Audience::Grpc,
            ),
            (
                vec![html, ("content-type", "application/grpc-web")],
                Audience::Grpc,
            ),
        ] {
            assert_eq!(Audience::of(&headers(&fields)), want, "{fields:?}");
        }
    }

    #[test]
    fn a_program_gets_a_problem_document_and_never_a_redirect() {
        let answer = Refusal::SignInNeeded.into_response(
            Audience::Program,
            "id-1",
            "https://a/.sidegate/sign-in",
        );
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            answer.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert!(answer.headers().contains_key(header::WWW_AUTHENTICATE));
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }

    #[test]
    fn grpc_is_refused_with_status_16_and_http_200() {
        let answer = Refusal::SignInNeeded.into_response(Audience::Grpc, "id-1", "");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["grpc-status"], "16");
    }
}
