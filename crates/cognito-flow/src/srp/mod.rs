//! The client's half of Cognito's SRP-6a, for users and for remembered devices.
//!
//! The `srp` crate does the powers and the plain hashes. Cognito departs from RFC 5054 in the generator (2), in the padding
//! before each hash (see [`padding`]), in HKDF over the premaster secret and in the HMAC that takes the place of M1: those
//! are here. Server values are measured before numbers are made of them, because the big-integer code panics on long ones.
//!
//! The secret exponent, x, S, the exponent of S and the derived keys are wiped when they go out of use; scratch space
//! inside the big-integer crate is out of reach.

use ::srp::{Client, Group as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_bigint::modular::BoxedMontyForm;
use crypto_bigint::{BoxedUint, ConcatenatingMul as _};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

mod group;
mod padding;
#[cfg(test)]
mod tests;

use self::group::CognitoGroup;
use self::padding::{pad, parse_hex};
use crate::FlowError;
use crate::mac::hmac_sha256;

/// The `info` of HKDF: another name would give another key.
const INFO: &[u8] = b"Caldera Derived Key";

const SESSION_KEY_BYTES: usize = 16;

/// Whose password is proven. For a device: its group key, its key and its random secret.
pub(crate) struct Identity<'a> {
    /// The user pool's name (what follows the underscore of its id), or the device group key.
    pub(crate) namespace: &'a str,
    /// USER_ID_FOR_SRP, never the alias that was typed; or the device key.
    pub(crate) id: &'a str,
    pub(crate) password: &'a str,
}

/// What the pool sends, each value checked to be in its range.
pub(crate) struct ServerValues {
    b_pub: BoxedUint,
    salt: Vec<u8>,
    secret_block: Vec<u8>,
}

impl ServerValues {
    /// `srp_b` and `salt` are integers in hex, also with an odd number of digits; `secret_block` is base64.
    pub(crate) fn parse(srp_b: &str, salt: &str, secret_block: &str) -> Result<Self, FlowError> {
        let bad = |what| FlowError::BadServerValue { what };
        let b_pub = parse_hex(srp_b, group::BYTES)
            .and_then(|bytes| BoxedUint::from_be_slice(&bytes, group::BITS).ok())
            .filter(group::is_public_value)
            .ok_or(bad("SRP_B"))?;
        Ok(Self {
            b_pub,
            salt: parse_hex(salt, group::BYTES).ok_or(bad("SALT"))?,
            secret_block: STANDARD
                .decode(secret_block)
                .map_err(|_| bad("SECRET_BLOCK"))?,
        })
    }
}

/// The client's secret exponent *a* and A = g^a mod N.
pub(crate) struct EphemeralKey {
    a: Zeroizing<BoxedUint>,
    a_pub: BoxedUint,
}

impl EphemeralKey {
    /// `exponent` is big-endian; only its length shows in the time this takes.
    pub(crate) fn new(exponent: &[u8]) -> Self {
        let a = Zeroizing::new(BoxedUint::from_be_slice_vartime(exponent));
        let a_pub = client().compute_g_x(&a);
        Self { a, a_pub }
    }

    /// SRP_A: lower-case hex without leading zeros.
    pub(crate) fn srp_a(&self) -> String {
        format!("{:x}", self.a_pub)
            .trim_start_matches('0')
            .to_owned()
    }

    /// PASSWORD_CLAIM_SIGNATURE: base64 of HMAC-SHA-256(K, namespace ‖ id ‖ secret block ‖ timestamp).
    pub(crate) fn sign(
        &self,
        identity: &Identity<'_>,
        server: &ServerValues,
        timestamp: &str,
    ) -> Result<String, FlowError> {
        let u = scrambler(&self.a_pub, &server.b_pub);
        if bool::from(u.is_zero()) {
            return Err(FlowError::BadServerValue { what: "SRP_B" });
        }
        let x = private_key(&inner_hash(identity), &server.salt);
        let premaster_secret = self.premaster_secret(&server.b_pub, &x, &u);
        let (_, session_key) = session_key(&premaster_secret, &u);
        let claim = hmac_sha256(
            &*session_key,
            &[
                identity.namespace.as_bytes(),
                identity.id.as_bytes(),
                &server.secret_block,
                timestamp.as_bytes(),
            ],
        );
        Ok(STANDARD.encode(*claim))
    }

    /// S = (B − k·g^x)^(a + u·x) mod N.
    ///
    /// Not by the `srp` crate's function of that name: it leaves the exponent, which gives S away, unwiped in freed memory.
    fn premaster_secret(
        &self,
        b_pub: &BoxedUint,
        x: &BoxedUint,
        u: &BoxedUint,
    ) -> Zeroizing<BoxedUint> {
        let generator = CognitoGroup::generator();
        let element = |number: BoxedUint| BoxedMontyForm::new(number, generator.params());
        let masked_verifier = Zeroizing::new(element(multiplier()) * generator.pow(x));
        let base = Zeroizing::new(element(b_pub.clone()) - &*masked_verifier);
        let product = Zeroizing::new(u.concatenating_mul(x));
        let exponent = Zeroizing::new(self.a.concatenating_add(&*product));
        Zeroizing::new(base.pow(&exponent).retrieve())
    }
}

/// P(salt) and P(v), v = g^x mod N: what the pool keeps of a password (ConfirmDevice).
pub(crate) fn device_verifier(
    identity: &Identity<'_>,
    salt: &[u8],
) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
    let x = private_key(&inner_hash(identity), salt);
    let verifier = client().compute_g_x(&x);
    (pad(salt), pad(&verifier.to_be_bytes()))
}

fn client() -> Client<CognitoGroup, Sha256> {
    Client::new()
}

/// k = H(P(N) ‖ P(g)), as wide as N.
fn multiplier() -> BoxedUint {
    let hash = Sha256::new()
        .chain_update(&*pad(&group::modulus().to_be_bytes()))
        .chain_update(&*pad(&[group::GENERATOR]))
        .finalize();
    BoxedUint::from_be_slice_truncated(&hash, group::BITS)
}

/// u = H(P(A) ‖ P(B)).
fn scrambler(a_pub: &BoxedUint, b_pub: &BoxedUint) -> BoxedUint {
    let hash = Sha256::new()
        .chain_update(&*pad(&a_pub.to_be_bytes()))
        .chain_update(&*pad(&b_pub.to_be_bytes()))
        .finalize();
    BoxedUint::from_be_slice_vartime(&hash)
}

/// H(namespace ‖ id ‖ ":" ‖ password): bytes, leading zeros kept.
fn inner_hash(identity: &Identity<'_>) -> Zeroizing<[u8; 32]> {
    let user = [identity.namespace, identity.id].concat();
    let hash = Client::<CognitoGroup, Sha256>::compute_identity_hash(
        user.as_bytes(),
        identity.password.as_bytes(),
    );
    Zeroizing::new(hash.into())
}

/// x = H(P(salt) ‖ inner hash).
fn private_key(inner_hash: &[u8; 32], salt: &[u8]) -> Zeroizing<BoxedUint> {
    Zeroizing::new(Client::<CognitoGroup, Sha256>::compute_x(
        inner_hash,
        &pad(salt),
    ))
}

/// (PRK, K) of HKDF-SHA-256 over P(S) with salt P(u) (RFC 5869): K is the first 16 bytes of output.
#[expect(
    clippy::expect_used,
    reason = "HKDF refuses only more than 255 blocks of output (RFC 5869 §2.3)"
)]
fn session_key(
    premaster_secret: &BoxedUint,
    u: &BoxedUint,
) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; SESSION_KEY_BYTES]>) {
    let secret_bytes = Zeroizing::new(premaster_secret.to_be_bytes());
    let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(&pad(&u.to_be_bytes())), &pad(&secret_bytes));
    let mut key = Zeroizing::new([0; SESSION_KEY_BYTES]);
    hkdf.expand(INFO, &mut *key).expect("one block");
    (Zeroizing::new(prk.into()), key)
}
