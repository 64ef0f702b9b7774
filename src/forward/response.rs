//! What of an upstream's response head reaches the client.

use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};

/// Clears cookies of the whole host, ours among them, so it is not the upstream's to send.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Whether only sidegate says this to clients.
pub(super) fn is_ours(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-sidegate-") || *name == CLEAR_SITE_DATA
}

/// Removes what the upstream must not say, in a head or in trailers.
pub(super) fn strip(headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_ours(name))
        .cloned()
        .collect();
    for name in ours {
        headers.remove(name);
    }
}

/// Keeps shared caches from storing what was made for one person.
///
/// `public` and `s-maxage` go; `private` is added unless the response says so itself or may not be
/// stored at all.
pub(super) fn make_private(headers: &mut HeaderMap) {
    let mut kept: Vec<u8> = Vec::new();
    let (mut safe, mut changed) = (false, false);
    for directive in headers
        .get_all(CACHE_CONTROL)
        .iter()
        .flat_map(|value| Directives(value.as_bytes()))
    {
        let name = directive
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        let is = |text: &[u8]| name.eq_ignore_ascii_case(text);
        if is(b"public") || is(b"s-maxage") {
            changed = true;
            continue;
        }
        // `private="set-cookie"` is about that field only.
        safe |= is(b"no-store") || directive.eq_ignore_ascii_case(b"private");
        if !kept.is_empty() {
            kept.extend_from_slice(b", ");
        }
        kept.extend_from_slice(directive);
    }
    if safe && !changed {
        return;
    }
    if !safe {
        if !kept.is_empty() {
            kept.extend_from_slice(b", ");
        }
        kept.extend_from_slice(b"private");
    }
    let value = HeaderValue::from_maybe_shared(bytes::Bytes::from(kept))
        .unwrap_or(HeaderValue::from_static("private"));
    headers.insert(CACHE_CONTROL, value);
}

/// The elements of a list whose quoted strings may hold commas (RFC 9111 §5.2).
struct Directives<'a>(&'a [u8]);

impl<'a> Iterator for Directives<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let (mut quoted, mut escaped) = (false, false);
            let end = self.0.iter().position(|byte| {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    b',' if !quoted => return true,
                    _ => {}
                }
                false
            });
            let (directive, rest) = match end {
                Some(end) => (self.0.get(..end)?, self.0.get(end + 1..)?),
                None => (self.0, &[][..]),
            };
            self.0 = rest;
            let directive = directive.trim_ascii();
            if !directive.is_empty() {
                return Some(directive);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(fields: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(field));
        }
        make_private(&mut headers);
        let values: Vec<_> = headers
            .get_all(CACHE_CONTROL)
            .iter()
            .map(|v| v.to_str().unwrap())
            .collect();
        values.join(" | ")
    }

    #[test]
    fn no_shared_cache_may_store_a_signed_in_response() {
        for (fields, want) in [
            (&[][..], "private"),
            (&["max-age=60"], "max-age=60, private"),
            (&["public, max-age=60"], "max-age=60, private"),
            (&["max-age=60, S-MaxAge=600"], "max-age=60, private"),
            (&["max-age=60", "PUBLIC"], "max-age=60, private"),
            (&["public, private"], "private"),
            (
                &["private=\"set-cookie, x-a\", max-age=1"],
                "private=\"set-cookie, x-a\", max-age=1, private",
            ),
            (
                &["no-cache=\"a, public\""],
                "no-cache=\"a, public\", private",
            ),
            (&["public, no-store"], "no-store"),
            (&["\"public"], "\"public, private"),
        ] {
            assert_eq!(private(fields), want, "{fields:?}");
        }
    }

    #[test]
    fn what_is_private_already_is_left_as_it_is() {
        for field in [
            "private",
            "Private, max-age=1",
            "no-store",
            "no-cache, no-store",
        ] {
            assert_eq!(private(&[field]), field);
        }
        assert_eq!(private(&["no-cache", "no-store"]), "no-cache | no-store");
    }

    #[test]
    fn the_upstream_does_not_speak_for_sidegate() {
        let mut headers = HeaderMap::new();
        for name in ["x-sidegate-user", "clear-site-data", "x-app", "server"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["server", "x-app"]);
    }
}
