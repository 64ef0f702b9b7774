//! The pool's two RSA keys: one signs ID tokens, the other access tokens; both are in the JWKS.
//!
//! Making them takes a noticeable part of a second, so it happens on a blocking thread as the pool starts, and
//! the first call that needs one waits. A token's signature is checked here and nowhere else.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, KeyPair as _, RsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The keys as they are kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredKeys {
    pub(crate) id: StoredKey,
    pub(crate) access: StoredKey,
}

/// One key as it is kept: PKCS#8 in base64.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoredKey(String);

/// The keys ready for use.
pub(crate) struct SigningKeys {
    pub(crate) id: SigningKey,
    pub(crate) access: SigningKey,
}

pub(crate) struct SigningKey {
    kid: String,
    pair: RsaKeyPair,
}

/// Why a stored key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("a stored signing key is not base64")]
    NotBase64,
    #[error("a stored signing key is no RSA key")]
    Rejected(#[from] KeyRejected),
    #[error("the cryptographic library failed")]
    Library(#[from] Unspecified),
}

impl StoredKey {
    /// Makes a 2048-bit key; takes a noticeable part of a second.
    pub(crate) fn generate() -> Result<Self, KeyError> {
        let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048)?.as_der()?;
        Ok(Self(STANDARD.encode(der.as_ref())))
    }
}

impl StoredKeys {
    pub(crate) fn load(&self) -> Result<SigningKeys, KeyError> {
        Ok(SigningKeys {
            id: SigningKey::load(&self.id)?,
            access: SigningKey::load(&self.access)?,
        })
    }
}

impl SigningKeys {
    /// The JSON Web Key Set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.id.jwk(), self.access.jwk()] })
    }
}

impl SigningKey {
    fn load(stored: &StoredKey) -> Result<Self, KeyError> {
        let der = STANDARD
            .decode(&stored.0)
            .map_err(|_not_base64| KeyError::NotBase64)?;
        let pair = RsaKeyPair::from_pkcs8(&der)?;
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, pair.public_key().as_ref());
        Ok(Self {
            kid: STANDARD.encode(digest),
            pair,
        })
    }

    fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        json!({
            "alg": "RS256",
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
            "kid": self.kid,
            "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "use": "sig",
        })
    }

    /// A JWT of these claims (RS256, RFC 7518 §3.3). The header has no `typ`, as the service's has none.
    pub(crate) fn sign(&self, claims: &Map<String, Value>) -> Result<String, KeyError> {
        let header = json!({ "kid": self.kid, "alg": "RS256" }).to_string();
        let claims = Value::Object(claims.clone()).to_string();
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(
            &signature::RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a JWT this key signed; `None` for anything else. Looks at no claim.
    pub(crate) fn open(&self, token: &str) -> Option<Map<String, Value>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if header.get("alg")? != "RS256" || header.get("kid")? != self.kid.as_str() {
            return None;
        }
        let key = UnparsedPublicKey::new(
            &signature::RSA_PKCS1_2048_8192_SHA256,
            self.pair.public_key().as_ref(),
        );
        key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?)
            .ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate() -> StoredKeys {
        StoredKeys {
            id: StoredKey::generate().unwrap(),
            access: StoredKey::generate().unwrap(),
        }
    }

    #[test]
    fn a_key_opens_what_it_signed_and_nothing_else() {
        let stored = generate();
        let keys = stored.load().unwrap();
        let claims = json!({ "sub": "ada" }).as_object().unwrap().clone();
        let token = keys.access.sign(&claims).unwrap();
        assert_eq!(stored.load().unwrap().access.open(&token), Some(claims));
        assert_eq!(keys.id.open(&token), None);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let forged = format!(
            "{}.{}.{signature}",
            signed.split_once('.').unwrap().0,
            URL_SAFE_NO_PAD.encode(r#"{"sub":"bob"}"#)
        );
        for refused in [forged.as_str(), signed, "", "..", "a.b.c"] {
            assert_eq!(keys.access.open(refused), None, "{refused}");
        }
    }

    #[test]
    fn the_jwks_holds_both_keys_under_different_ids() {
        let keys = generate().load().unwrap().jwks();
        let [first, second] = keys["keys"].as_array().unwrap().as_slice() else {
            panic!("{keys}")
        };
        assert_ne!(first["kid"], second["kid"]);
        for key in [first, second] {
            assert_eq!(
                (&key["kty"], &key["alg"], &key["use"], &key["e"]),
                (
                    &"RSA".into(),
                    &"RS256".into(),
                    &"sig".into(),
                    &"AQAB".into()
                )
            );
            assert_eq!(
                URL_SAFE_NO_PAD
                    .decode(key["n"].as_str().unwrap())
                    .unwrap()
                    .len(),
                256
            );
        }
    }
}
