//! Records the client carries for the pool and cannot read: `Session` strings and SECRET_BLOCKs.
//!
//! AES-256-GCM-SIV under a key derived from the pool's secret and the record's purpose, so that one kind never opens as
//! the other. A record says itself when it expires; that it is used once is `state::Spent`'s part.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ApiError;
use crate::random;
use crate::sign_in::UnderWay;
use crate::srp::Exchange;

const NONCE: usize = 12;

/// A `Session` is padded to this many bytes before sealing, so that it has the 1,500 characters of a real one and
/// says nothing about its content by its length.
const SESSION_BYTES: usize = 1_110;

/// A longer one is padded to the next multiple of this.
const SESSION_STEP: usize = 370;

/// The longest `Session` clients are to expect (API reference: 20 to 4096 characters).
const LONGEST_SESSION: usize = 4_096;

/// What a `Session` string stands for: one challenge of one sign-in.
#[derive(Serialize, Deserialize)]
pub(crate) struct Session {
    /// Marks the record as used.
    pub(crate) id: String,
    pub(crate) client: String,
    /// The challenge it may answer.
    pub(crate) challenge: String,
    /// The sign-in the challenge belongs to.
    pub(crate) under_way: UnderWay,
    /// What the challenge needs to judge its answer.
    own: Value,
    /// Milliseconds since the Unix epoch.
    pub(crate) expires: u64,
    #[serde(default)]
    padding: String,
}

/// What a SECRET_BLOCK stands for: an SRP exchange under way.
#[derive(Serialize, Deserialize)]
pub(crate) struct SecretBlock {
    pub(crate) id: String,
    pub(crate) client: String,
    pub(crate) carrier: Carrier,
    /// Made with the verifier of its time: an answer fails when the password is a new one.
    pub(crate) exchange: Exchange,
    /// Milliseconds since the Unix epoch.
    pub(crate) expires: u64,
}

/// Where the sign-in around an exchange travels.
#[derive(Serialize, Deserialize)]
pub(crate) enum Carrier {
    /// In the block itself: the challenge came without a `Session`.
    Block(UnderWay),
    /// In the `Session` of this id, without which the block is worth nothing.
    Session(String),
}

impl Session {
    /// A fresh record; `own` is the challenge's, `expires` in milliseconds since the Unix epoch.
    pub(crate) fn new(
        client: &str,
        challenge: &str,
        under_way: UnderWay,
        own: &impl Serialize,
        expires: u64,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            id: random::uuid()?,
            client: client.to_owned(),
            challenge: challenge.to_owned(),
            under_way,
            own: serde_json::to_value(own).map_err(|_not_json| Unspecified)?,
            expires,
            padding: String::new(),
        })
    }

    /// What the challenge put in.
    pub(crate) fn own<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        // The pool sealed it itself under the challenge's name: another form is a fault of ours.
        T::deserialize(&self.own)
            .map_err(|_other_form| ApiError::internal("A session cannot be read."))
    }

    /// The `Session` string; `None` when it would be longer than clients take.
    pub(crate) fn seal(mut self, pool_secret: &[u8]) -> Result<Option<String>, Unspecified> {
        let length = serde_json::to_vec(&self)
            .map_err(|_not_json| Unspecified)?
            .len();
        let padded = length.next_multiple_of(SESSION_STEP).max(SESSION_BYTES);
        self.padding = " ".repeat(padded - length);
        let text = URL_SAFE.encode(seal(pool_secret, b"Session", &self)?);
        Ok(Some(text).filter(|text| text.len() <= LONGEST_SESSION))
    }

    /// The record of a `Session` string; `None` when this pool did not make it.
    pub(crate) fn open(pool_secret: &[u8], text: &str) -> Option<Self> {
        open(pool_secret, b"Session", URL_SAFE.decode(text).ok()?)
    }
}

impl SecretBlock {
    /// SECRET_BLOCK: standard base64 with padding, as clients decode it.
    pub(crate) fn seal(&self, pool_secret: &[u8]) -> Result<String, Unspecified> {
        Ok(STANDARD.encode(seal(pool_secret, b"SECRET_BLOCK", self)?))
    }

    /// The record and the bytes the client signed; `None` when this pool did not make it.
    pub(crate) fn open(pool_secret: &[u8], text: &str) -> Option<(Self, Vec<u8>)> {
        let bytes = STANDARD.decode(text).ok()?;
        Some((open(pool_secret, b"SECRET_BLOCK", bytes.clone())?, bytes))
    }
}

fn key(pool_secret: &[u8], purpose: &[u8]) -> Result<LessSafeKey, Unspecified> {
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pool_secret), purpose);
    Ok(LessSafeKey::new(UnboundKey::new(
        &AES_256_GCM_SIV,
        key.as_ref(),
    )?))
}

fn seal(
    pool_secret: &[u8],
    purpose: &[u8],
    record: &impl Serialize,
) -> Result<Vec<u8>, Unspecified> {
    let nonce = random::bytes::<NONCE>()?;
    let mut bytes = serde_json::to_vec(record).map_err(|_not_json| Unspecified)?;
    let nonced = Nonce::assume_unique_for_key(nonce);
    key(pool_secret, purpose)?.seal_in_place_append_tag(nonced, Aad::empty(), &mut bytes)?;
    Ok([nonce.as_slice(), &bytes].concat())
}

fn open<T: DeserializeOwned>(pool_secret: &[u8], purpose: &[u8], mut bytes: Vec<u8>) -> Option<T> {
    let (nonce, sealed) = bytes.split_at_mut_checked(NONCE)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let record = key(pool_secret, purpose)
        .ok()?
        .open_in_place(nonce, Aad::empty(), sealed)
        .ok()?;
    serde_json::from_slice(record).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::Flow;

    fn session(own: &str) -> Session {
        let under_way = UnderWay {
            user: "ada".to_owned(),
            known: true,
            name: "ada".to_owned(),
            event_name: "ada".to_owned(),
            flow: Flow::UserSrp,
            proven: Vec::new(),
            password: None,
            new_password: false,
            device_key: None,
            proven_device: None,
            second_factor: false,
            let_through: false,
            srp_a: None,
        };
        Session::new("client", "NEW_PASSWORD_REQUIRED", under_way, &own, 7).unwrap()
    }

    #[test]
    fn the_length_of_a_session_says_little_and_has_a_limit() {
        let length = |own: usize| {
            let sealed = session(&"x".repeat(own)).seal(&[1; 32]).unwrap();
            sealed.map(|text| text.len())
        };
        assert_eq!(length(0), length(200));
        assert!(length(2_000) > length(0) && length(2_000) <= Some(LONGEST_SESSION));
        assert_eq!(length(3_000), None);
    }

    #[test]
    fn a_session_opens_for_its_own_pool_only_and_not_when_a_byte_changed() {
        let session = session("");
        let text = session.seal(&[1; 32]).unwrap().unwrap();
        assert!((1_400..1_600).contains(&text.len()), "{}", text.len());
        assert_eq!(
            Session::open(&[1; 32], &text).unwrap().under_way.user,
            "ada"
        );
        assert!(Session::open(&[2; 32], &text).is_none());
        for position in [0, 20, text.len() / 2, text.len() - 3] {
            let mut changed = text.clone().into_bytes();
            changed[position] = if changed[position] == b'A' {
                b'B'
            } else {
                b'A'
            };
            assert!(
                Session::open(&[1; 32], &String::from_utf8(changed).unwrap()).is_none(),
                "byte {position}"
            );
        }
        for garbage in ["", "AAAA", "not base64 at all"] {
            assert!(Session::open(&[1; 32], garbage).is_none());
        }
    }

    #[test]
    fn a_session_is_no_secret_block() {
        let session = session("");
        let text = session.seal(&[1; 32]).unwrap().unwrap();
        let bytes = URL_SAFE.decode(text).unwrap();
        assert!(open::<Session>(&[1; 32], b"SECRET_BLOCK", bytes).is_none());
    }
}
