//! Sealing what a browser keeps for us: AES-256-GCM-SIV under a key for one purpose, bound to the public origin.
//!
//! Knows nothing of what is sealed. Whose it is and how old it may be is judged by who opens it.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::keys::{DerivedKey, Keys};
use crate::origin::PublicOrigin;

use super::error::Fault;

/// Longest sealed text. It must fit into a form of 16 KiB beside a password and the attributes.
pub const MAX_BYTES: usize = 12 * 1024;

/// Of everything sealed: what another version sealed does not open.
const VERSION: u8 = 2;
const NONCE: usize = 12;

/// Keys that seal for one purpose.
pub struct Seal {
    newest: DerivedKey,
    opening: Vec<DerivedKey>,
    /// Version and origin: what another deployment with the same keys sealed does not open here.
    context: Vec<u8>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(***)")
    }
}

impl Seal {
    /// For attempts at this origin: the newest key seals, all open.
    pub fn new(keys: &Keys, origin: &PublicOrigin) -> Self {
        Self::of("attempt", keys, origin)
    }

    /// For another purpose.
    pub(super) fn of(purpose: &'static str, keys: &Keys, origin: &PublicOrigin) -> Self {
        let mut context = vec![VERSION];
        context.extend(origin.as_str().as_bytes());
        Self {
            newest: keys.sealing(purpose),
            opening: keys.opening(purpose),
            context,
        }
    }

    /// Version, nonce, ciphertext and tag, in base64url. The tag takes 16 bytes more.
    pub(super) fn close_bytes(&self, mut bytes: Zeroizing<Vec<u8>>) -> Result<String, Fault> {
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, self.newest.as_slice())
            .map_err(|_| Fault::Seal)?;
        let nonce = key
            .seal_in_place_append_tag(Aad::from(&self.context), &mut *bytes)
            .map_err(|_| Fault::Seal)?;
        let mut sealed = vec![VERSION];
        sealed.extend(nonce.as_ref());
        sealed.extend(bytes.iter());
        let text = URL_SAFE_NO_PAD.encode(sealed);
        if text.len() > MAX_BYTES {
            return Err(Fault::AttemptTooLong(text.len()));
        }
        Ok(text)
    }

    /// What was sealed, with any of the keys.
    pub(super) fn open(&self, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (nonce, sealed) = rest.split_at_checked(NONCE)?;
        self.opening.iter().find_map(|key| {
            let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key.as_slice()).ok()?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            // A copy for each key: a failed opening leaves the buffer in no defined state.
            let mut buffer = Zeroizing::new(sealed.to_vec());
            let length = key
                .open_in_place(nonce, Aad::from(&self.context), &mut buffer)
                .ok()?
                .len();
            buffer.truncate(length);
            Some(buffer)
        })
    }
}
