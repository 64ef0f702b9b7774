//! The WebSocket handshake (RFC 6455 §4), the only upgrade there is.
//!
//! Pure: heads in, verdicts out. The gate has checked Origin and session before; the bytes after the
//! handshake are `tunnel.rs`'s.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Method, Request, Version};
use http_body::Body as _;

use super::headers::tokens;
use crate::body::Body;
use crate::refusal::Refusal;

/// A WebSocket handshake that a client has begun.
#[derive(Debug)]
pub(super) struct Handshake {
    /// The `Sec-WebSocket-Accept` that the upstream must answer with.
    accept: String,
}

impl Handshake {
    /// The handshake in a request, if it asks for WebSocket. Any other upgrade is none (RFC 9110 §7.8
    /// lets a server ignore it).
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] when it asks for WebSocket but not as RFC 6455 §4.2.1 says.
    pub(super) fn of(request: &Request<Body>) -> Result<Option<Self>, Refusal> {
        let headers = request.headers();
        let has = |name, token: &[u8]| tokens(headers, name).any(|t| t.eq_ignore_ascii_case(token));
        if request.version() != Version::HTTP_11
            || !has(CONNECTION, b"upgrade")
            || !has(UPGRADE, b"websocket")
        {
            return Ok(None);
        }
        let refused = |why| Err(Refusal::BadRequest(why));
        if request.method() != Method::GET || !request.body().is_end_stream() {
            return refused("A WebSocket begins with a GET request without a body.");
        }
        if only(headers, UPGRADE).is_none() {
            return refused("A WebSocket handshake asks for one protocol only.");
        }
        if only(headers, SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) != Some(b"13") {
            return refused("Only WebSocket version 13 is understood (RFC 6455).");
        }
        match only(headers, SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes) {
            Some(key) if STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16) => {
                Ok(Some(Self {
                    accept: accept_for(key),
                }))
            }
            _ => refused("Sec-WebSocket-Key must be 16 bytes in base64 (RFC 6455 §4.1)."),
        }
    }

    /// Whether these are the headers of a 101 that answers this handshake (RFC 6455 §4.1, the
    /// client's checks).
    pub(super) fn is_accepted_by(&self, headers: &HeaderMap) -> bool {
        let accept = only(headers, SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        let upgrade = only(headers, UPGRADE).map(HeaderValue::as_bytes);
        accept == Some(self.accept.as_bytes())
            && upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
    }
}

/// Puts the two fields that make a head switch to WebSocket.
pub(super) fn put_switch(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// The field's value, if there is exactly one.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// RFC 6455 §4.2.2.
fn accept_for(key: &[u8]) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key);
    sha1.update(GUID);
    STANDARD.encode(sha1.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn request(change: impl FnOnce(&mut Request<Body>)) -> Request<Body> {
        let mut request = Request::builder()
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", KEY)
            .body(Body::Empty)
            .unwrap();
        change(&mut request);
        request
    }

    #[test]
    fn the_accept_of_the_rfc_s_example_is_expected() {
        let handshake = Handshake::of(&request(|_| ())).unwrap().unwrap();
        let with = |accept: &'static str, protocol: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(accept));
            headers.insert(UPGRADE, HeaderValue::from_static(protocol));
            handshake.is_accepted_by(&headers)
        };
        assert!(with("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "websocket"));
        assert!(!with("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "h2c"));
        assert!(!with("S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "websocket"));
        assert!(!handshake.is_accepted_by(&HeaderMap::new()));
    }

    #[test]
    fn other_upgrades_are_none() {
        for change in [
            (|r| {
                drop(
                    r.headers_mut()
                        .insert("upgrade", HeaderValue::from_static("h2c")),
                )
            }) as fn(&mut Request<Body>),
            |r| drop(r.headers_mut().remove("upgrade")),
            |r| drop(r.headers_mut().remove("connection")),
            |r| *r.version_mut() = Version::HTTP_2,
            |r| *r.version_mut() = Version::HTTP_10,
        ] {
            assert!(matches!(Handshake::of(&request(change)), Ok(None)));
        }
    }

    #[test]
    fn a_handshake_that_is_not_rfc_6455_is_refused() {
        for change in [
            (|r| *r.method_mut() = Method::POST) as fn(&mut Request<Body>),
            |r| *r.body_mut() = Body::from("x"),
            |r| {
                drop(
                    r.headers_mut()
                        .insert("sec-websocket-version", HeaderValue::from_static("8")),
                )
            },
            |r| drop(r.headers_mut().remove("sec-websocket-version")),
            |r| drop(r.headers_mut().remove("sec-websocket-key")),
            |r| {
                drop(
                    r.headers_mut()
                        .insert("sec-websocket-key", HeaderValue::from_static("AAAA")),
                )
            },
            |r| {
                assert!(
                    r.headers_mut()
                        .append("sec-websocket-key", HeaderValue::from_static(KEY))
                )
            },
            |r| {
                assert!(
                    r.headers_mut()
                        .append("upgrade", HeaderValue::from_static("h2c"))
                )
            },
        ] {
            let verdict = Handshake::of(&request(change));
            assert!(
                matches!(verdict, Err(Refusal::BadRequest(_))),
                "{verdict:?}"
            );
        }
    }
}
