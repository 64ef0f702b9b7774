//! Header names that only sidegate may set.
//!
//! Many upstreams read `X_Forwarded_User` or `x.forwarded.user` as `X-Forwarded-User` (CGI and WSGI
//! turn both into `HTTP_X_FORWARDED_USER`), so names are compared in a folded form: lower case,
//! every byte that is neither letter nor digit is `-`, and runs of `-` are one. What is not an
//! owned name but has `_` or `.` in it is dropped as well, since nobody can say how it will be read.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use super::IdentityHeaders;

/// A name here covers itself and everything that goes on with `-` after it.
const FAMILIES: [&str; 11] = [
    "forwarded",
    "remote",
    "x-amzn-oidc",
    "x-auth-request",
    "x-client-cert",
    "x-forwarded",
    "x-http-method-override",
    "x-original",
    "x-real-ip",
    "x-rewrite-url",
    "x-sidegate",
];

/// What is removed from every request before anything of ours is added.
#[derive(Clone, Debug)]
pub struct OwnedNames {
    /// Configured names outside the families, folded.
    configured: Arc<[Box<[u8]>]>,
}

impl OwnedNames {
    /// The built-in set and every configured header.
    pub fn new(configured: &IdentityHeaders) -> Self {
        Self {
            configured: configured
                .claims
                .iter()
                .map(|(name, _)| folded(name.as_str()).collect())
                .collect(),
        }
    }

    /// Whether a field of this name must not reach the upstream from a client.
    pub fn covers(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        name.contains(['_', '.'])
            || FAMILIES.iter().any(|family| {
                matches!(
                    after(name, family.as_bytes()),
                    Some(Rest::Nothing | Rest::More)
                )
            })
            || self
                .configured
                .iter()
                .any(|own| matches!(after(name, own), Some(Rest::Nothing)))
    }

    /// Removes every such field.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let covered: Vec<HeaderName> = headers
            .keys()
            .filter(|name| self.covers(name))
            .cloned()
            .collect();
        for name in covered {
            headers.remove(name);
        }
    }
}

/// What follows an owned name in a field's name.
enum Rest {
    Nothing,
    More,
}

/// What follows `own` in the folded `name`; `None` when it does not begin with `own` as a whole word.
fn after(name: &str, own: &[u8]) -> Option<Rest> {
    let mut bytes = folded(name);
    if !own.iter().all(|byte| bytes.next() == Some(*byte)) {
        return None;
    }
    match bytes.next() {
        None => Some(Rest::Nothing),
        Some(b'-') if bytes.next().is_none() => Some(Rest::Nothing),
        Some(b'-') => Some(Rest::More),
        Some(_) => None,
    }
}

/// The folded form, without leading `-`.
fn folded(name: &str) -> impl Iterator<Item = u8> {
    let mut last = b'-';
    name.bytes().filter_map(move |byte| {
        let byte = match byte {
            b'a'..=b'z' | b'0'..=b'9' => byte,
            b'A'..=b'Z' => byte.to_ascii_lowercase(),
            _ => b'-',
        };
        let repeated = byte == b'-' && last == b'-';
        last = byte;
        (!repeated).then_some(byte)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn owned() -> OwnedNames {
        OwnedNames::new(&IdentityHeaders {
            claims: vec![(HeaderName::from_static("x-team"), "team".to_owned())],
        })
    }

    fn name(text: &str) -> HeaderName {
        HeaderName::from_bytes(text.as_bytes()).unwrap()
    }

    const NAMES: [&str; 24] = [
        "Forwarded",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Preferred-Username",
        "X-Forwarded-Groups",
        "X-Forwarded-Access-Token",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Auth-Request-User",
        "Remote-User",
        "Remote-Groups",
        "X-Sidegate-User",
        "X-Sidegate-Groups-Truncated",
        "X-Real-IP",
        "X-Original-URL",
        "X-Original-Method",
        "X-Rewrite-Url",
        "X-Client-Cert",
        "X-Client-Cert-Subject",
        "X-Amzn-Oidc-Data",
        "X-Http-Method-Override",
        "X-Team",
    ];

    #[test]
    fn no_spelling_of_an_owned_name_is_let_through() {
        let separators = [
            "-", "_", ".", "--", "__", "-_", "~", "!", "|", "+", "'", "-.-",
        ];
        let mut spellings = 0;
        for owned_name in NAMES {
            for separator in separators {
                for spelling in [
                    owned_name.replace('-', separator),
                    owned_name.to_uppercase().replace('-', separator),
                    format!("{}{separator}", owned_name.replace('-', separator)),
                    format!("{separator}{}", owned_name.replace('-', separator)),
                ] {
                    assert!(
                        owned().covers(&name(&spelling)),
                        "{spelling} was let through"
                    );
                    spellings += 1;
                }
            }
        }
        assert!(spellings >= 100);
    }

    #[test]
    fn names_that_only_look_alike_pass() {
        for innocent in [
            "accept",
            "host",
            "cookie",
            "user-agent",
            "x-request-id",
            "x-forward",
            "x-forwardedness",
            "remotely",
            "x-real-ipx",
            "x-team-color",
            "x-teams",
            "grpc-timeout",
            "x-originality",
        ] {
            assert!(!owned().covers(&name(innocent)), "{innocent} was dropped");
        }
    }

    #[test]
    fn underscores_and_dots_are_dropped_whatever_the_name() {
        for odd in ["accept_language", "x.y", "_", "."] {
            assert!(owned().covers(&name(odd)), "{odd} was let through");
        }
    }

    #[test]
    fn stripping_removes_every_value_and_leaves_the_rest_in_order() {
        let mut headers = HeaderMap::new();
        for (key, value) in [
            ("accept", "a"),
            ("x-forwarded-user", "1"),
            ("x_forwarded_user", "2"),
            ("accept", "b"),
            ("x-forwarded-user", "3"),
        ] {
            headers.append(name(key), HeaderValue::from_static(value));
        }
        owned().strip(&mut headers);
        let left: Vec<_> = headers
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_bytes()))
            .collect();
        assert_eq!(left, [("accept", &b"a"[..]), ("accept", &b"b"[..])]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_odd_byte_may_stand_for_any_hyphen(
            which in 0..NAMES.len(),
            odd in "[-_.~!#$%&'*+^`|]{1,3}",
        ) {
            prop_assert!(owned().covers(&name(&NAMES[which].replace('-', &odd))));
        }
    }
}
