//! The cookies of sidegate: their names, their attributes, and how they are found in a request.
//!
//! On the way of every request: `find_cookie` reads all `Cookie` fields once, in order, without
//! allocating, in time linear in their length. Nothing here logs or keeps a value.

use std::time::Duration;

use aws_lc_rs::digest;
use http::header::{self, HeaderMap, HeaderValue, InvalidHeaderValue};

use crate::origin::PublicOrigin;

/// What browsers bind to this host, to https, to `Path=/` and to `Set-Cookie`.
const SECURE_FAMILY: &str = "__Host-Http-sidegate";

/// The same without the prefix, which browsers refuse over plain http: loopback only.
const DEV_FAMILY: &str = "sidegate-dev";

/// How long a browser that declined a passkey, or whose user has one, is not offered another.
const PASSKEY_DECLINED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The names of our cookies at one public origin.
///
/// `__Host-` isolates hosts, not ports: two gateways on one host would overwrite each other's
/// cookies, so every name ends in a suffix of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    session: String,
    browser: String,
    passkey_declined: String,
    device: String,
    secure: bool,
}

impl CookieNames {
    /// `suffix` replaces the default, the first 8 hex digits of the SHA-256 of the public origin.
    ///
    /// Only its letters, digits, `-` and `_` are taken: the rest cannot stand in a cookie's name.
    pub fn new(origin: &PublicOrigin, suffix: Option<&str>) -> Self {
        let suffix: String = suffix.map_or_else(
            || default_suffix(origin),
            |suffix| suffix.chars().filter(|c| may_be_in_suffix(*c)).collect(),
        );
        let family = if origin.is_secure() {
            SECURE_FAMILY
        } else {
            DEV_FAMILY
        };
        Self {
            session: format!("{family}-{suffix}"),
            browser: format!("{family}-browser-{suffix}"),
            passkey_declined: format!("{family}-no-passkey-{suffix}"),
            device: format!("{family}-device-{suffix}"),
            secure: origin.is_secure(),
        }
    }

    /// The cookie that holds a session's id.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The cookie that sign-in attempts are bound to.
    pub fn browser(&self) -> &str {
        &self.browser
    }

    /// The cookie of a browser that is not to be offered a passkey for a while.
    pub fn passkey_declined(&self) -> &str {
        &self.passkey_declined
    }

    /// `Set-Cookie` for it. It says nothing about anybody.
    ///
    /// # Errors
    /// None in practice: the names hold nothing that a header cannot.
    pub fn decline_passkey(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let (name, age) = (&self.passkey_declined, PASSKEY_DECLINED.as_secs());
        HeaderValue::try_from(format!(
            "{name}=1; Path=/{secure}; HttpOnly; SameSite=Strict; Max-Age={age}"
        ))
    }

    /// The cookie that holds what the pool remembers this browser by.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Whether a cookie of this name is a sidegate's: it never reaches the upstream nor comes
    /// from it.
    ///
    /// Whatever the suffix: a browser sends the cookies of a gateway on another port here too, and
    /// its session ids are no more the upstream's business than ours. Whatever the case: browsers
    /// honour `__Host-` in any.
    pub fn owns(&self, name: &[u8]) -> bool {
        [SECURE_FAMILY, DEV_FAMILY].iter().any(|family| {
            name.get(..family.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(family.as_bytes()))
        })
    }

    /// `Set-Cookie` for a new session. Without an age: the browser forgets it when it closes, and the
    /// session's limits are kept here, not there.
    ///
    /// # Errors
    /// When `value` cannot stand in a header.
    pub fn set_session(&self, value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
        self.session_field(value, "")
    }

    /// `Set-Cookie` that clears the session cookie, with the attributes it was set with.
    ///
    /// # Errors
    /// None in practice: the names hold nothing that a header cannot.
    pub fn clear_session(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        self.session_field("", "; Max-Age=0")
    }

    fn session_field(&self, value: &str, age: &str) -> Result<HeaderValue, InvalidHeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = &self.session;
        let mut field = HeaderValue::try_from(format!(
            "{name}={value}; Path=/{secure}; HttpOnly; SameSite=Lax{age}"
        ))?;
        field.set_sensitive(true);
        Ok(field)
    }
}

fn may_be_in_suffix(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}

fn default_suffix(origin: &PublicOrigin) -> String {
    let hash = digest::digest(&digest::SHA256, origin.as_str().as_bytes());
    let start = hash.as_ref().iter().take(4);
    start.map(|byte| format!("{byte:02x}")).collect()
}

/// What a request says under one cookie name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieValue<'a> {
    /// Nothing, or nothing of ours: another spelling of the name, a quoted value.
    Missing,
    /// One value, be it sent once or more often.
    One(&'a str),
    /// Different values under the one name: somebody planted one, and it cannot be told which.
    Conflict,
}

/// Looks for a cookie in all `Cookie` fields; only the exact bytes of `name` count.
pub fn find_cookie<'a>(headers: &'a HeaderMap, name: &str) -> CookieValue<'a> {
    let mut found = CookieValue::Missing;
    for value in values(headers, name) {
        found = match found {
            CookieValue::Missing => CookieValue::One(value),
            CookieValue::One(first) if first == value => found,
            CookieValue::One(_) | CookieValue::Conflict => CookieValue::Conflict,
        };
    }
    found
}

/// Every value sent under the name, in order.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b';'))
        .filter_map(move |pair| pair.trim_ascii().strip_prefix(name.as_bytes()))
        .filter_map(|rest| rest.strip_prefix(b"="))
        .filter(|value| value.first() != Some(&b'"'))
        .filter_map(|value| std::str::from_utf8(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(origin: &str) -> CookieNames {
        CookieNames::new(&origin.parse().unwrap(), None)
    }

    fn request(fields: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::COOKIE, field.parse().unwrap());
        }
        headers
    }

    #[test]
    fn every_set_cookie_line_is_as_the_requirements_say() {
        let names = names("https://app.example.com");
        assert_eq!(names.session(), "__Host-Http-sidegate-69baddde");
        assert_eq!(names.browser(), "__Host-Http-sidegate-browser-69baddde");
        assert_eq!(
            names.set_session("v").unwrap(),
            "__Host-Http-sidegate-69baddde=v; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            names.clear_session().unwrap(),
            "__Host-Http-sidegate-69baddde=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }

    #[test]
    fn a_session_cookie_does_not_print() {
        let field = names("https://app.example.com").set_session("secret-id");
        assert!(!format!("{field:?}").contains("secret-id"));
    }

    #[test]
    fn over_plain_http_the_names_have_no_prefix_and_no_secure() {
        let names = CookieNames::new(&"http://localhost:4280".parse().unwrap(), Some("x"));
        assert_eq!(names.session(), "sidegate-dev-x");
        assert_eq!(names.browser(), "sidegate-dev-browser-x");
        assert_eq!(
            names.set_session("v").unwrap(),
            "sidegate-dev-x=v; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn two_gateways_on_one_host_have_different_cookies() {
        let (one, two) = (
            names("https://localhost:8443"),
            names("https://localhost:9443"),
        );
        assert_ne!(one.session(), two.session());
        assert!(one.owns(two.session().as_bytes()) && two.owns(one.browser().as_bytes()));
    }

    #[test]
    fn a_suffix_cannot_break_out_of_the_name() {
        let names = CookieNames::new(
            &"https://a.example".parse().unwrap(),
            Some("x; Domain=evil\r\n=_1"),
        );
        assert_eq!(names.session(), "__Host-Http-sidegate-xDomainevil_1");
    }

    #[test]
    fn cookies_of_the_app_are_not_ours() {
        let names = names("https://a.example");
        for name in ["", "sid", "sidegate", "x__Host-Http-sidegate", "__Host-app"] {
            assert!(!names.owns(name.as_bytes()), "{name:?} was taken for ours");
        }
        assert!(names.owns(b"__HOST-http-SIDEGATE-x"));
        assert!(names.owns(b"sidegate-dev-browser-x"));
    }

    #[test]
    fn only_the_exact_name_and_an_unquoted_value_count() {
        for field in [
            "__host-http-n=v",
            "=__Host-Http-n=v",
            "__Host-Http-n=\"v\"",
            "__Host-Http-n =v",
            "__Host-Http-nn=v",
            "x=__Host-Http-n=v",
            "__Host-Http-n",
            "",
            ";;;",
        ] {
            assert_eq!(
                find_cookie(&request(&[field]), "__Host-Http-n"),
                CookieValue::Missing,
                "{field:?}"
            );
        }
    }

    #[test]
    fn a_cookie_is_found_in_any_field_at_any_place() {
        for fields in [
            &["n=v"][..],
            &["a=b; n=v; c=d"],
            &["a=b;n=v"],
            &["a=b", "n=v"],
            &["n=v; n=v"],
            &["n=v", "n=v"],
        ] {
            assert_eq!(
                find_cookie(&request(fields), "n"),
                CookieValue::One("v"),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn different_values_under_our_name_are_a_conflict() {
        for fields in [
            &["n=v; n=w"][..],
            &["n=v", "n=w"],
            &["n=v; n="],
            &["n=v; n=w; n=v"],
        ] {
            assert_eq!(
                find_cookie(&request(fields), "n"),
                CookieValue::Conflict,
                "{fields:?}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_in_a_cookie_field_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.append(header::COOKIE, value);
            }
            find_cookie(&headers, "n");
        }
    }
}
