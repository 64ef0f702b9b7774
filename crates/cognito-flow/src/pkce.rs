//! PKCE with S256 (RFC 7636 §4.2), for sign-in by the user pool's OAuth 2.0 domain.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// `code_challenge` = BASE64URL(SHA-256(ASCII(`code_verifier`))), to be sent with `code_challenge_method=S256`.
pub fn pkce_challenge(code_verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors;

    #[test]
    fn every_pkce_vector_comes_out() {
        for vector in vectors::load().pkce_s256 {
            assert_eq!(
                pkce_challenge(&vector.code_verifier),
                vector.code_challenge,
                "{}",
                vector.id
            );
        }
    }
}
