//! HMAC-SHA-256 over parts, as SECRET_HASH and the password claim need it. The only place that names the `hmac` crate.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// HMAC-SHA-256 of the parts one after the other, without separators (RFC 2104).
#[expect(
    clippy::expect_used,
    reason = "HMAC takes a key of any length (RFC 2104 §2); the error type belongs to other MACs"
)]
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}
