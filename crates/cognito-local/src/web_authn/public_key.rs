//! Keys of passkeys: ES256 and RS256, read from COSE (RFC 9053) and kept in the manner of a JWK (RFC 7518 §6).

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::WebAuthnError;
use super::cbor::Item;

/// COSE algorithm identifiers, the best first: `pubKeyCredParams`.
pub(crate) const ALGORITHMS: [i64; 2] = [ES256, RS256];

const ES256: i64 = -7;
const RS256: i64 = -257;

/// A public key; numbers are base64url without padding.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "alg")]
pub(crate) enum PublicKey {
    #[serde(rename = "ES256")]
    Es256 { x: String, y: String },
    #[serde(rename = "RS256")]
    Rs256 { n: String, e: String },
}

impl PublicKey {
    /// Takes a COSE key; only one that could verify something.
    pub(super) fn from_cose(key: &Item<'_>) -> Result<Self, WebAuthnError> {
        let integer = |label| key.label(label).and_then(Item::integer);
        let number = |label| {
            let bytes = key.label(label).and_then(Item::bytes);
            bytes.ok_or(WebAuthnError::Malformed("a COSE key"))
        };
        // 1 is the key type, 3 the algorithm, -1 the curve or the modulus, -2 x or the exponent, -3 y.
        match (integer(1), integer(3)) {
            (Some(2), Some(ES256)) if integer(-1) == Some(1) => {
                let (x, y) = (number(-2)?, number(-3)?);
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point(x, y))
                    .map_err(|_off_the_curve| WebAuthnError::Malformed("a COSE key"))?;
                Ok(Self::Es256 {
                    x: URL_SAFE_NO_PAD.encode(x),
                    y: URL_SAFE_NO_PAD.encode(y),
                })
            }
            (Some(3), Some(RS256)) => {
                let (n, e) = (number(-1)?, number(-2)?);
                // 2048 to 8192 bits are what the verifier below takes.
                if !(256..=1024).contains(&n.len()) || !(1..=8).contains(&e.len()) {
                    return Err(WebAuthnError::NotSupported);
                }
                Ok(Self::Rs256 {
                    n: URL_SAFE_NO_PAD.encode(n),
                    e: URL_SAFE_NO_PAD.encode(e),
                })
            }
            _ => Err(WebAuthnError::NotSupported),
        }
    }

    /// Checks a signature over `signed`.
    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), WebAuthnError> {
        let number = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_no_base64| WebAuthnError::Malformed("a kept key"))
        };
        let verified = match self {
            Self::Es256 { x, y } => {
                let point = point(&number(x)?, &number(y)?);
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(signed, signature)
            }
            Self::Rs256 { n, e } => PublicKeyComponents {
                n: number(n)?,
                e: number(e)?,
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature),
        };
        verified.map_err(|_differs| WebAuthnError::Signature)
    }
}

/// SEC 1's uncompressed form.
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}
