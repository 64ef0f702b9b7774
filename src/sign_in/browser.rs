//! The browser cookie: which browser began a sign-in.
//!
//! It proves nobody's identity and opens nothing. It is what attempts and form tokens are bound to, so that a form
//! stolen or planted from elsewhere is of no use. Its value carries a MAC: an id that somebody else chose is never
//! adopted. Session cookie, `SameSite=Strict`; the session's own cookie is `session/`'s.

use std::fmt;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::{constant_time, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};

use crate::keys::Keys;
use crate::session::{CookieValue, find_cookie};

use super::error::Fault;

/// Random bytes of an id.
const ID: usize = 24;
/// Bytes of its MAC: a truncated HMAC-SHA-256, 128 bits (RFC 2104 §5 allows half the hash).
const MAC: usize = 16;

/// What attempts and form tokens are bound to: the SHA-256 of a browser's id, which is not the cookie's value.
#[derive(Clone, Copy)]
pub struct Binding([u8; 32]);

impl Binding {
    pub(super) const BYTES: usize = 32;

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub(super) fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    fn of(id: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(digest::digest(&SHA256, id).as_ref())
            .for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(***)")
    }
}

/// What a request brought.
#[derive(Clone, Copy, Debug)]
pub(super) enum Presented {
    /// A cookie of ours.
    Known(Binding),
    /// A cookie of that name which we did not make, or made with keys that are gone.
    Foreign,
    /// None: a first visit, or cookies are blocked.
    Missing,
}

/// Makes and reads browser cookies.
pub(super) struct BrowserCookie {
    name: String,
    secure: bool,
    keys: Vec<hmac::Key>,
}

impl BrowserCookie {
    pub(super) fn new(name: String, secure: bool, keys: &Keys) -> Self {
        let keys = keys
            .opening("browser")
            .iter()
            .map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
            .collect();
        Self { name, secure, keys }
    }

    /// Reads the request's cookie. Two different values are as good as none.
    pub(super) fn read(&self, headers: &HeaderMap) -> Presented {
        match find_cookie(headers, &self.name) {
            CookieValue::Missing => Presented::Missing,
            CookieValue::Conflict => Presented::Foreign,
            CookieValue::One(value) => self
                .verify(value)
                .map_or(Presented::Foreign, Presented::Known),
        }
    }

    /// A new browser, and the `Set-Cookie` that makes it one.
    pub(super) fn mint(&self) -> Result<(Binding, HeaderValue), Fault> {
        let mut id = [0; ID];
        rand::fill(&mut id).map_err(|_| Fault::Random)?;
        let key = self.keys.first().ok_or(Fault::Random)?;
        let mut value = id.to_vec();
        value.extend(hmac::sign(key, &id).as_ref().iter().take(MAC));
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!(
            "{}={}; Path=/{secure}; HttpOnly; SameSite=Strict",
            self.name,
            URL_SAFE_NO_PAD.encode(value)
        );
        let mut cookie = HeaderValue::try_from(cookie).map_err(|_| Fault::Header)?;
        cookie.set_sensitive(true);
        Ok((Binding::of(&id), cookie))
    }

    fn verify(&self, value: &str) -> Option<Binding> {
        // Longer than any of ours: not worth decoding.
        if value.len() > 64 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (id, mac) = bytes.split_at_checked(ID)?;
        let genuine = mac.len() == MAC
            && self.keys.iter().any(|key| {
                let whole = hmac::sign(key, id);
                whole
                    .as_ref()
                    .get(..MAC)
                    .is_some_and(|want| constant_time::verify_slices_are_equal(want, mac).is_ok())
            });
        genuine.then(|| Binding::of(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::COOKIE;

    const NAME: &str = "__Host-Http-sidegate-browser-0a1b2c3d";

    fn carrying(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, format!("a=b; {NAME}={value}").parse().unwrap());
        headers
    }

    fn minted(cookies: &BrowserCookie) -> (Binding, String) {
        let (binding, cookie) = cookies.mint().unwrap();
        let text = cookie.to_str().unwrap().to_owned();
        let (_, rest) = text.split_once('=').unwrap();
        let (value, _) = rest.split_once(';').unwrap();
        (binding, value.to_owned())
    }

    #[test]
    fn a_cookie_of_ours_is_known_again_as_the_same_browser() {
        let cookies = BrowserCookie::new(NAME.to_owned(), true, &Keys::generate().unwrap());
        let (binding, value) = minted(&cookies);
        let Presented::Known(again) = cookies.read(&carrying(&value)) else {
            panic!("not known")
        };
        assert!(binding.matches(&again));
        let (other, _) = minted(&cookies);
        assert!(!binding.matches(&other));
    }

    #[test]
    fn an_id_that_a_client_chose_is_never_adopted() {
        let cookies = BrowserCookie::new(NAME.to_owned(), true, &Keys::generate().unwrap());
        let strange = BrowserCookie::new(NAME.to_owned(), true, &Keys::generate().unwrap());
        let (_, theirs) = minted(&strange);
        let (_, ours) = minted(&cookies);
        let mut bent = URL_SAFE_NO_PAD.decode(&ours).unwrap();
        bent[0] ^= 1;
        for value in [
            theirs,
            URL_SAFE_NO_PAD.encode(bent),
            URL_SAFE_NO_PAD.encode([7; ID]),
            URL_SAFE_NO_PAD.encode([7; ID + MAC]),
            ours[..ours.len() - 2].to_owned(),
            format!("{ours}AA"),
            "%00".to_owned(),
            "x".repeat(5_000),
            String::new(),
        ] {
            let presented = cookies.read(&carrying(&value));
            assert!(
                matches!(presented, Presented::Foreign),
                "{value:?} was adopted"
            );
        }
        assert!(matches!(
            cookies.read(&HeaderMap::new()),
            Presented::Missing
        ));
    }

    #[test]
    fn the_cookie_is_for_this_host_and_our_own_forms_only() {
        let keys = Keys::generate().unwrap();
        for (secure, mark) in [(true, "; Secure"), (false, "")] {
            let cookies = BrowserCookie::new(NAME.to_owned(), secure, &keys);
            let (_, cookie) = cookies.mint().unwrap();
            let text = cookie.to_str().unwrap();
            let (_, attributes) = text.split_once(';').unwrap();
            assert_eq!(
                attributes,
                format!(" Path=/{mark}; HttpOnly; SameSite=Strict")
            );
            assert!(cookie.is_sensitive());
        }
    }
}
