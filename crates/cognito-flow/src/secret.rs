//! Values that must not be seen: they cannot print, are wiped on drop, and are read by one greppable word, `expose`.
//!
//! No `Display`, no `Serialize`, no `PartialEq` (a derived comparison stops at the first different byte), here or on any
//! type that holds one of these.

use std::fmt;

use zeroize::Zeroize;

/// A password, token, code, key or client secret.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The opaque `Session` string between two challenges: 20 to 4096 characters, single use.
#[derive(Debug)]
pub struct CognitoSession(Secret<String>);

impl CognitoSession {
    pub const fn new(session: String) -> Self {
        Self(Secret::new(session))
    }

    pub const fn expose(&self) -> &str {
        self.0.expose().as_str()
    }
}

/// 384 random bits for one step, drawn by the caller from the operating system's generator.
///
/// The length is that of `srp::EphemeralSecret`. A 256-bit exponent is enough for the 3072-bit group (RFC 5054 §3.1 asks
/// for at least 256), and each bit costs time.
#[derive(Debug)]
pub struct Entropy(Secret<[u8; 48]>);

impl Entropy {
    pub const fn new(bits: [u8; 48]) -> Self {
        Self(Secret::new(bits))
    }

    pub(crate) const fn expose(&self) -> &[u8; 48] {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_secret_is_wiped_when_it_goes() {
        struct Probe(Rc<Cell<bool>>);
        impl Zeroize for Probe {
            fn zeroize(&mut self) {
                self.0.set(true);
            }
        }
        let wiped = Rc::new(Cell::new(false));
        drop(Secret::new(Probe(Rc::clone(&wiped))));
        assert!(wiped.get());
    }

    #[test]
    fn debug_does_not_show_the_value() {
        assert_eq!(
            format!("{:?}", Some(Secret::new("hunter2".to_owned()))),
            "Some(Secret(***))"
        );
        assert_eq!(
            format!("{:?}", CognitoSession::new("hunter2".to_owned())),
            "CognitoSession(Secret(***))"
        );
        assert_eq!(
            format!("{:?}", Entropy::new([7; 48])),
            "Entropy(Secret(***))"
        );
    }
}
