//! The header fields of every response of ours (R-109 … R-113).
//!
//! One function for pages, JSON, files and redirects. It adds and never loosens: what a response has set itself
//! (`Cache-Control` of a file) stays.

use http::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::body::Body;
use crate::origin::PublicOrigin;

/// Everything a page of ours has no use for.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()";

/// A year, in seconds.
const HSTS: &str = "max-age=31536000";

/// What the page of a response needs to load, beside its stylesheet and our own pictures.
#[derive(Clone, Copy, Default)]
pub(super) struct Needs {
    pub(super) script: bool,
    pub(super) pictures: bool,
}

/// What every response gets.
pub(super) struct OwnHeaders {
    plain: HeaderValue,
    with_script: HeaderValue,
    with_pictures: HeaderValue,
    fixed: HeaderMap,
}

impl OwnHeaders {
    /// `return_origins` are the other origins that a form may lead to: browsers hold `form-action` against the redirect
    /// that follows a POST too. `pictures` are the sources that the pictures of challenges may come from, as `img-src`
    /// takes them.
    pub(super) fn new(
        origin: &PublicOrigin,
        return_origins: &[String],
        pictures: &[String],
        dev: bool,
    ) -> Result<Self, header::InvalidHeaderValue> {
        let mut fixed = HeaderMap::new();
        for (name, value) in [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "no-referrer"),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin",
            ),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                "same-origin",
            ),
            (HeaderName::from_static("permissions-policy"), PERMISSIONS),
            (HeaderName::from_static("x-robots-tag"), "noindex"),
            (header::CACHE_CONTROL, "no-store"),
        ] {
            fixed.insert(name, HeaderValue::from_static(value));
        }
        if origin.is_secure() {
            fixed.insert(
                header::STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_static(HSTS),
            );
        }
        if dev {
            fixed.insert("x-sidegate-dev", HeaderValue::from_static("1"));
        }
        Ok(Self {
            plain: policy("'none'", &[], return_origins)?,
            with_script: policy("'self'", &[], return_origins)?,
            with_pictures: policy("'self'", pictures, return_origins)?,
            fixed,
        })
    }

    /// Adds what the response lacks.
    pub(super) fn put(&self, response: &mut Response<Body>) {
        let needs = response.extensions_mut().remove::<Needs>();
        let policy = match needs.unwrap_or_default() {
            Needs { pictures: true, .. } => &self.with_pictures,
            Needs { script: true, .. } => &self.with_script,
            Needs { .. } => &self.plain,
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        for (name, value) in &self.fixed {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }
}

fn policy(
    script: &str,
    pictures: &[String],
    return_origins: &[String],
) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let mut form_action = "'self'".to_owned();
    for origin in return_origins {
        form_action.push(' ');
        form_action.push_str(origin);
    }
    let mut img_src = "'self'".to_owned();
    for source in pictures {
        img_src.push(' ');
        img_src.push_str(source);
    }
    HeaderValue::try_from(format!(
        "default-src 'none'; style-src 'self'; img-src {img_src}; script-src {script}; form-action {form_action}; \
         frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(origin: &str, others: &[&str], dev: bool, needs: Needs) -> String {
        let own = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let pictures = own(&["https://pictures.example", "data:"]);
        let headers =
            OwnHeaders::new(&origin.parse().unwrap(), &own(others), &pictures, dev).unwrap();
        let mut response = Response::new(Body::Empty);
        response.extensions_mut().insert(needs);
        headers.put(&mut response);
        let mut lines: Vec<String> = response
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines.join("\n")
    }

    #[test]
    fn every_response_carries_these_fields() {
        let want = "\
cache-control: no-store
content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; script-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'
cross-origin-opener-policy: same-origin
cross-origin-resource-policy: same-origin
permissions-policy: accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()
referrer-policy: no-referrer
strict-transport-security: max-age=31536000
x-content-type-options: nosniff
x-frame-options: DENY
x-robots-tag: noindex";
        assert_eq!(
            put("https://app.example.com", &[], false, Needs::default()),
            want
        );
    }

    #[test]
    fn a_development_pool_is_announced_and_plain_http_pins_nothing() {
        let fields = put("http://localhost:4280", &[], true, Needs::default());
        assert!(fields.contains("x-sidegate-dev: 1"), "{fields}");
        assert!(!fields.contains("strict-transport-security"), "{fields}");
    }

    #[test]
    fn only_a_page_that_uses_the_script_allows_it_and_never_an_inline_one() {
        let needs = Needs {
            script: true,
            pictures: false,
        };
        let fields = put("https://a.example", &["https://b.example"], false, needs);
        assert!(fields.contains("script-src 'self';"), "{fields}");
        assert!(
            fields.contains("form-action 'self' https://b.example;"),
            "{fields}"
        );
        assert!(!fields.contains("unsafe"), "{fields}");
        assert!(fields.contains("img-src 'self';"), "{fields}");
    }

    ///
    #[test]
    fn only_the_page_of_a_picture_may_load_one_and_only_from_where_it_is_allowed() {
        let needs = Needs {
            script: true,
            pictures: true,
        };
        let fields = put("https://a.example", &[], false, needs);
        let want = "img-src 'self' https://pictures.example data:; script-src 'self';";
        assert!(fields.contains(want), "{fields}");
    }

    #[test]
    fn what_a_response_says_of_its_caching_stays() {
        let headers =
            OwnHeaders::new(&"https://a.example".parse().unwrap(), &[], &[], false).unwrap();
        let mut response = Response::new(Body::Empty);
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        headers.put(&mut response);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "public");
    }
}
