//! The key document: which of its keys are used.
//!
//! Everything in it comes from the network and is checked once, here; a `DecodingKey` is made once a key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::KeysError;

/// Longest document. A pool's has two keys in about 900 bytes.
pub(super) const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// Most keys in it.
const MAX_KEYS: usize = 16;

/// One key that a token of the pool can be signed with.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) key: Arc<DecodingKey>,
}

/// The usable keys of a document. Others are left out: a pool may come to have kinds we do not know.
pub(super) fn parse(document: &[u8]) -> Result<Vec<Key>, KeysError> {
    let parsed: Result<Document, _> = serde_json::from_slice(document);
    let Document { keys } = parsed.map_err(|_| KeysError::Document("it is not a JSON key set"))?;
    if keys.len() > MAX_KEYS {
        return Err(KeysError::Document("it has more than 16 keys"));
    }
    let mut usable: Vec<Key> = Vec::with_capacity(keys.len());
    for key in keys.into_iter().filter_map(Jwk::into_key) {
        if usable.iter().any(|other| other.id == key.id) {
            return Err(KeysError::Document("two keys have the same id"));
        }
        usable.push(key);
    }
    if usable.is_empty() {
        return Err(KeysError::Document(
            "it has no RS256 signature key of 2048 to 4096 bits",
        ));
    }
    Ok(usable)
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

/// The members of RFC 7517 §4 and RFC 7518 §6.3.1 that an RSA signature key has.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    fn into_key(self) -> Option<Key> {
        let is_for_signatures = self.kty == "RSA"
            && self.usage.as_deref() == Some("sig")
            && self.alg.is_none_or(|alg| alg == "RS256");
        let id = self.kid.filter(|id| is_for_signatures && !id.is_empty())?;
        let modulus = number(&self.n?)?;
        let exponent = number(&self.e?)?;
        let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
        let fits = (2048..=4096).contains(&bits(&modulus))
            && (2..=32).contains(&bits(&exponent))
            && is_odd;
        fits.then(|| Key {
            id,
            key: Arc::new(DecodingKey::from_rsa_raw_components(&modulus, &exponent)),
        })
    }
}

/// A big-endian number of RFC 7518 §2, without the leading zeros that some write.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn bits(number: &[u8]) -> usize {
    let first = number
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    number.len() * 8 - first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cognito::testing::ID_KEY;
    use serde_json::{Value, json};

    fn ids(keys: &[Value]) -> Result<Vec<String>, KeysError> {
        let keys = parse(json!({"keys": keys}).to_string().as_bytes())?;
        Ok(keys.into_iter().map(|key| key.id).collect())
    }

    #[test]
    fn only_rs256_signature_keys_of_a_sane_size_are_used() {
        let good = ID_KEY.jwk();
        let with = |name: &str, value: Value| {
            let mut key = ID_KEY.jwk();
            key["kid"] = "odd".into();
            key[name] = value;
            key
        };
        let n = |bytes: usize| json!(URL_SAFE_NO_PAD.encode(vec![0xff_u8; bytes]));
        for odd in [
            with("kty", json!("EC")),
            with("use", json!("enc")),
            with("use", Value::Null),
            with("alg", json!("RS512")),
            with("alg", json!("none")),
            with("kid", json!("")),
            with("kid", Value::Null),
            with("n", n(255)),
            with("n", n(513)),
            with("n", json!("")),
            with("n", json!("not base64url!")),
            with("e", json!("AQ")),
            with("e", json!("AAAA")),
            with("e", json!("AQAA")),
            with("e", json!("AQAAAAE")),
        ] {
            assert_eq!(
                ids(&[odd.clone(), good.clone()]).unwrap(),
                [ID_KEY.id],
                "{odd}"
            );
        }
        for fit in [
            with("alg", Value::Null),
            with("n", n(256)),
            with("n", n(512)),
            with("e", json!("Aw")),
        ] {
            assert_eq!(
                ids(&[fit.clone(), good.clone()]).unwrap(),
                ["odd", ID_KEY.id],
                "{fit}"
            );
        }
    }

    #[test]
    fn a_document_with_too_many_keys_or_one_id_twice_is_refused() {
        let many: Vec<_> = (0..17)
            .map(|n| {
                let mut key = ID_KEY.jwk();
                key["kid"] = n.to_string().into();
                key
            })
            .collect();
        assert_eq!(ids(&many[..16]).unwrap().len(), 16);
        assert!(ids(&many).is_err());
        assert!(ids(&[ID_KEY.jwk(), ID_KEY.jwk()]).is_err());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn no_document_makes_the_parser_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            n in "[A-Za-z0-9_-]{0,20}",
            e in "[A-Za-z0-9_-]{0,8}",
        ) {
            let _ = parse(&bytes);
            let _ = ids(&[json!({"kty": "RSA", "kid": "k", "use": "sig", "n": n, "e": e})]);
        }
    }
}
