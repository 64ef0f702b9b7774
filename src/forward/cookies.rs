//! Our cookies stay between the browser and sidegate.

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};

/// Removes our cookies from a request. The rest keeps its order and goes out in one field, since
/// HTTP/2 clients may send each cookie in a field of its own and HTTP/1 allows only one (RFC 9113 §8.2.3).
pub(super) fn strip_request(headers: &mut HeaderMap, is_ours: &dyn Fn(&[u8]) -> bool) {
    let mut kept: Vec<u8> = Vec::new();
    for field in headers.get_all(COOKIE) {
        for pair in field
            .as_bytes()
            .split(|byte| *byte == b';')
            .map(<[u8]>::trim_ascii)
        {
            if pair.is_empty() || is_ours(name(pair)) {
                continue;
            }
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    headers.remove(COOKIE);
    if let (false, Ok(mut value)) = (
        kept.is_empty(),
        HeaderValue::from_maybe_shared(bytes::Bytes::from(kept)),
    ) {
        value.set_sensitive(true);
        headers.insert(COOKIE, value);
    }
}

/// Drops cookies of our names that the upstream sets.
pub(super) fn strip_response(headers: &mut HeaderMap, is_ours: &dyn Fn(&[u8]) -> bool) {
    let set_by_us = |value: &HeaderValue| is_ours(name_when_sent(value.as_bytes()));
    if !headers.get_all(SET_COOKIE).iter().any(set_by_us) {
        return;
    }
    tracing::warn!("the upstream set a cookie of sidegate's name: dropped");
    let values: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for value in values.into_iter().filter(|value| !set_by_us(value)) {
        headers.append(SET_COOKIE, value);
    }
}

/// What stands before the first `=` of a cookie pair or of a `Set-Cookie` value (RFC 6265 §5.2).
fn name(pair: &[u8]) -> &[u8] {
    let pair = pair.split(|byte| *byte == b';').next().unwrap_or_default();
    match pair.iter().position(|byte| *byte == b'=') {
        Some(end) => pair.get(..end).unwrap_or_default().trim_ascii(),
        None => &[],
    }
}

/// The name under which a browser sends a cookie back: one that was set without a name comes as its
/// bare value, so `=a=b` comes back as `a=b` (RFC 6265bis §5.8.3).
fn name_when_sent(set_cookie: &[u8]) -> &[u8] {
    let set_cookie = set_cookie.trim_ascii();
    name(set_cookie.strip_prefix(b"=").unwrap_or(set_cookie))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(name: &[u8]) -> bool {
        name.starts_with(b"__Host-Http-sidegate")
    }

    fn sent_on(fields: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(COOKIE, HeaderValue::from_static(field));
        }
        strip_request(&mut headers, &ours);
        assert!(headers.get_all(COOKIE).iter().count() <= 1);
        headers
            .get(COOKIE)
            .map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn our_cookies_go_and_the_rest_keeps_its_order() {
        let sent = sent_on(&[
            "a=1; __Host-Http-sidegate-x=secret; b=2;c=\"3\"; __Host-Http-sidegate-browser=s; d",
        ]);
        assert_eq!(sent.as_deref(), Some("a=1; b=2; c=\"3\"; d"));
    }

    #[test]
    fn nothing_is_sent_when_all_were_ours() {
        assert_eq!(sent_on(&["__Host-Http-sidegate=1"]), None);
        assert_eq!(sent_on(&["__Host-Http-sidegate=1;  ; "]), None);
    }

    #[test]
    fn crumbs_are_joined() {
        let sent = sent_on(&["a=1", "__Host-Http-sidegate=1", "b=2; c=3"]);
        assert_eq!(sent.as_deref(), Some("a=1; b=2; c=3"));
    }

    #[test]
    fn what_stands_before_the_first_equals_sign_is_the_name() {
        for other in [
            "=__Host-Http-sidegate=x",
            "x__Host-Http-sidegate=1",
            "a=__Host-Http-sidegate=1",
        ] {
            assert_eq!(sent_on(&[other]).as_deref(), Some(other));
        }
        assert_eq!(sent_on(&["__Host-Http-sidegate =x"]), None);
    }

    #[test]
    fn the_upstream_cannot_set_our_cookies() {
        let mut headers = HeaderMap::new();
        for value in [
            "a=1; Path=/",
            "__Host-Http-sidegate=evil; Secure",
            " __Host-Http-sidegate-browser = x",
            // Without a name: browsers send the value back as it is.
            "=__Host-Http-sidegate=evil; Path=/",
            " = __Host-Http-sidegate-browser=evil",
            "b=2",
            "=c=3",
        ] {
            headers.append(SET_COOKIE, HeaderValue::from_static(value));
        }
        strip_response(&mut headers, &ours);
        let left: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(left, ["a=1; Path=/", "b=2", "=c=3"]);
    }
}
