//! What the upstream is told, and what it may say (R-40, R-44 … ).
//!
//! The order of a request's head is fixed: hop-by-hop fields go, then the names that only sidegate may
//! set, then credentials and cookies of ours; only after that anything of ours is added. Pure: no
//! I/O, no decision about who may pass.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, FORWARDED, HOST, HeaderMap, HeaderName,
    HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    VIA,
};

use super::{BuildError, OwnsCookie, Settings, cookies, response, upgrade};
use crate::identity::{Caller, IdentityHeaders, OwnedNames};
use crate::origin::PublicOrigin;
use crate::refusal::Refusal;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// CGI hands it to the application as `HTTP_PROXY`, which many HTTP clients obey (CVE-2016-5385).
const PROXY: HeaderName = HeaderName::from_static("proxy");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// what belongs to one connection only.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HTTP2_SETTINGS,
];

/// What a client must not have removed on the way: the upstream, or a proxy, relies on it.
const NEVER_NOMINATED: [HeaderName; 6] = [
    HOST,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    COOKIE,
    AUTHORIZATION,
    VIA,
];

/// How heads are rewritten, worked out once.
pub(super) struct Rules {
    owned: OwnedNames,
    owns_cookie: OwnsCookie,
    pass_authorization: bool,
    host: HeaderValue,
    public_host: HeaderValue,
    public_scheme: HeaderValue,
    /// What follows `for=…` in `Forwarded`.
    forwarded_rest: Arc<str>,
}

impl Rules {
    pub(super) fn new(
        settings: &Settings,
        origin: &PublicOrigin,
        headers: &IdentityHeaders,
        owns_cookie: OwnsCookie,
    ) -> Result<Self, BuildError> {
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| BuildError::Upstream);
        let upstream = settings.upstream.origin().ascii_serialization();
        let upstream = upstream
            .split_once("://")
            .map_or("", |(_, authority)| authority);
        let public_host = value(origin.authority())?;
        Ok(Self {
            owned: OwnedNames::new(headers),
            owns_cookie,
            pass_authorization: settings.pass_authorization,
            host: if settings.preserve_host {
                public_host.clone()
            } else {
                value(upstream)?
            },
            public_host,
            public_scheme: value(origin.scheme())?,
            forwarded_rest: format!("host=\"{}\";proto={}", origin.authority(), origin.scheme())
                .into(),
        })
    }

    /// The names that only sidegate may set.
    pub(super) fn owned(&self) -> &OwnedNames {
        &self.owned
    }

    /// Whether `Connection` nominates only what may go.
    ///
    /// `upgrade` is allowed whatever the protocol: an upgrade that is no WebSocket is ignored (RFC 9110
    /// §7.8) and never sent on. Java's HTTP client offers `h2c` on every first request, and nginx in
    /// front is often told to send `Connection: upgrade` with every request.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a name that is owned or in R-48's list.
    pub(super) fn check_connection(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        const WHY: Refusal = Refusal::BadRequest(
            "The Connection header names a field that must not be removed on the way.",
        );
        for token in connection_tokens(headers) {
            let name = HeaderName::from_bytes(token).map_err(|_| WHY)?;
            if NEVER_NOMINATED.contains(&name) || self.owned.covers(&name) {
                return Err(WHY);
            }
        }
        Ok(())
    }

    /// Makes the request's head what the upstream gets.
    pub(super) fn rewrite_request(
        &self,
        headers: &mut HeaderMap,
        client: Option<IpAddr>,
        caller: Option<&Caller>,
        websocket: bool,
    ) {
        let wants_trailers =
            tokens(headers, TE).any(|token| token.eq_ignore_ascii_case(b"trailers"));
        strip_hop_by_hop(headers);
        // Framing is never copied, and a request's trailers are dropped.
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRAILER);
        headers.remove(PROXY);
        self.owned.strip(headers);
        if !self.pass_authorization {
            headers.remove(AUTHORIZATION);
        }
        cookies::strip_request(headers, &*self.owns_cookie);

        headers.insert(HOST, self.host.clone());
        if wants_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
        }
        if websocket {
            upgrade::put_switch(headers);
        }
        self.put_forwarded(headers, client);
        if let Some(caller) = caller {
            for (name, value) in &caller.identity.headers {
                headers.insert(name.clone(), value.clone());
            }
        }
    }

    /// Makes the response's head what the client gets.
    pub(super) fn rewrite_response(&self, headers: &mut HeaderMap, signed_in: bool) {
        // `Content-Length` stays: hyper has checked it against the body, and HEAD has nothing else.
        strip_hop_by_hop(headers);
        response::strip(headers);
        cookies::strip_response(headers, &*self.owns_cookie);
        if signed_in {
            response::make_private(headers);
        }
    }

    fn put_forwarded(&self, headers: &mut HeaderMap, client: Option<IpAddr>) {
        headers.insert(X_FORWARDED_HOST, self.public_host.clone());
        headers.insert(X_FORWARDED_PROTO, self.public_scheme.clone());
        let mut forwarded = String::with_capacity(64 + self.forwarded_rest.len());
        if let Some(client) = client {
            let written = match client {
                IpAddr::V4(address) => write!(forwarded, "for={address};"),
                IpAddr::V6(address) => write!(forwarded, "for=\"[{address}]\";"),
            };
            debug_assert!(written.is_ok(), "a String takes everything");
            if let Ok(value) = HeaderValue::from_str(&client.to_string()) {
                headers.insert(X_FORWARDED_FOR, value);
            }
        }
        forwarded.push_str(&self.forwarded_rest);
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(forwarded)) {
            headers.insert(FORWARDED, value);
        }
    }
}

/// Removes what belongs to one connection only: the fixed list, and what `Connection` nominates.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = connection_tokens(headers)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .collect();
    for name in nominated {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Removes from a response's trailers what may not be in its head either.
pub(super) fn strip_trailers(trailers: &mut HeaderMap, owned: &OwnedNames) {
    strip_hop_by_hop(trailers);
    owned.strip(trailers);
    response::strip(trailers);
}

fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    tokens(headers, CONNECTION)
}

/// The comma-separated elements of a field.
pub(super) fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}
