//! SRP-6a as Cognito runs it, the pool's side.
//!
//! Enrols passwords, answers SRP_A with SRP_B and computes the signature a client that knows the
//! password must send. Written apart from the client's arithmetic in `cognito-flow` and tested
//! against the same vectors, so that the two cannot share a mistake.
//! Every function here takes milliseconds: call it off the async threads.

use std::sync::LazyLock;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, NonZero};
use serde::{Deserialize, Serialize};

use crate::random;

/// The longest SRP_A in hex digits: N has 3072 bits.
pub(crate) const LONGEST_PUBLIC: usize = 768;

/// Bytes of a device's salt; clients make 16.
const LONGEST_DEVICE_SALT: usize = 64;

const BITS: u32 = 3072;

/// RFC 3526 group 15; Cognito uses it with g = 2.
const N: &str = concat!(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD",
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED",
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F",
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B",
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510",
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7",
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C",
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
);

struct Group {
    modulus: NonZero<BoxedUint>,
    monty: BoxedMontyParams,
    /// H(P(N) ‖ P(g)).
    k: BoxedUint,
}

static GROUP: LazyLock<Option<Group>> = LazyLock::new(|| {
    let n = BoxedUint::from_be_hex(N, BITS).into_option()?;
    let k = sha256(&[&padded(&n.to_be_bytes()), &[2]]);
    Some(Group {
        modulus: n.clone().into_nz().into_option()?,
        monty: BoxedMontyParams::new_vartime(n.into_odd().into_option()?),
        k: BoxedUint::from_be_slice(&k, BITS).ok()?,
    })
});

/// Why an SRP value was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SrpError {
    #[error("SRP_A is not a hexadecimal number of at most 768 digits")]
    NotANumber,
    #[error("SRP_A is a multiple of N")]
    ZeroPublic,
    #[error("the cryptographic library failed")]
    Library(#[from] Unspecified),
}

/// What the pool keeps of a password: a salt and g^x mod N.
#[derive(Clone, Serialize, Deserialize, PartialEq)]
pub(crate) struct Password {
    /// Hex without leading zeros, as SALT goes over the wire. Also tells one password of a user from the next.
    pub(crate) salt: String,
    verifier: String,
}

impl Password {
    /// Enrols a password under a new salt. `user` is the internal user name (USER_ID_FOR_SRP).
    pub(crate) fn new(pool_name: &str, user: &str, password: &str) -> Result<Self, SrpError> {
        Self::with_salt(&random::bytes::<16>()?, pool_name, user, password)
    }

    /// Enrols a password under a given salt: the stand-in for a user who does not exist.
    pub(crate) fn with_salt(
        salt: &[u8],
        pool_name: &str,
        user: &str,
        password: &str,
    ) -> Result<Self, SrpError> {
        let inner = sha256(&[
            pool_name.as_bytes(),
            user.as_bytes(),
            b":",
            password.as_bytes(),
        ]);
        let x = sha256(&[&padded(salt), &inner]);
        let verifier = group()?
            .generator()
            .pow(&BoxedUint::from_be_slice_vartime(&x))
            .retrieve();
        Ok(Self {
            salt: hex(salt),
            verifier: hex(&verifier.to_be_bytes()),
        })
    }

    /// What a device's client enrolled by itself (ConfirmDevice): big-endian numbers, with or without zeros in front.
    pub(crate) fn of_device(salt: &[u8], verifier: &[u8]) -> Result<Self, SrpError> {
        let (salt, verifier) = (trimmed(salt), trimmed(verifier));
        if salt.is_empty() || salt.len() > LONGEST_DEVICE_SALT || verifier.is_empty() {
            return Err(SrpError::NotANumber);
        }
        let number =
            BoxedUint::from_be_slice(verifier, BITS).map_err(|_too_long| SrpError::NotANumber)?;
        if bool::from(group()?.reduce(&number).is_zero()) {
            return Err(SrpError::NotANumber);
        }
        Ok(Self {
            salt: hex(salt),
            verifier: hex(verifier),
        })
    }

    /// Answers like an enrolled password that nobody knows: any number serves as the verifier.
    pub(crate) fn stand_in(salt: &[u8], verifier: &[u8]) -> Self {
        Self {
            salt: hex(salt),
            verifier: hex(verifier),
        }
    }

    /// Whether `password` is the enrolled one, by enrolling it again under the same salt.
    pub(crate) fn matches(
        &self,
        pool_name: &str,
        user: &str,
        password: &str,
    ) -> Result<bool, SrpError> {
        let salt = bytes_of(&self.salt).ok_or(SrpError::NotANumber)?;
        let given = Self::with_salt(&salt, pool_name, user, password)?;
        Ok(verify_slices_are_equal(given.verifier.as_bytes(), self.verifier.as_bytes()).is_ok())
    }
}

/// One SRP exchange between SRP_B and the client's proof. Kept by the client inside the sealed SECRET_BLOCK.
#[derive(Serialize, Deserialize)]
pub(crate) struct Exchange {
    a: String,
    secret: String,
    /// SRP_B: hex without leading zeros.
    pub(crate) b: String,
}

impl Exchange {
    /// Answers SRP_A for an enrolled password.
    pub(crate) fn begin(password: &Password, a: &str) -> Result<Self, SrpError> {
        Self::with_secret(password, a, &random::bytes::<32>()?)
    }

    fn with_secret(password: &Password, a: &str, secret: &[u8]) -> Result<Self, SrpError> {
        let group = group()?;
        let a = public(a)?;
        if bool::from(group.reduce(&a).is_zero()) {
            return Err(SrpError::ZeroPublic);
        }
        let kv = group.element(&group.k) * group.element(&number(&password.verifier)?);
        let b = (kv
            + group
                .generator()
                .pow(&BoxedUint::from_be_slice_vartime(secret)))
        .retrieve();
        Ok(Self {
            a: hex(&a.to_be_bytes()),
            secret: hex(secret),
            b: hex(&b.to_be_bytes()),
        })
    }

    /// PASSWORD_CLAIM_SIGNATURE as a client that knows the password computes it.
    pub(crate) fn signature(
        &self,
        password: &Password,
        claim: &Claim<'_>,
    ) -> Result<Vec<u8>, SrpError> {
        let key = hmac::Key::new(HMAC_SHA256, &self.key(password)?);
        let mut signature = hmac::Context::with_key(&key);
        for part in [
            claim.pool_name.as_bytes(),
            claim.user.as_bytes(),
            claim.secret_block,
            claim.timestamp.as_bytes(),
        ] {
            signature.update(part);
        }
        Ok(signature.sign().as_ref().to_vec())
    }

    /// HKDF-SHA-256 with P(u) as salt and P(S) as input; 16 bytes.
    fn key(&self, password: &Password) -> Result<Vec<u8>, SrpError> {
        let u = self.u()?;
        let prk = hmac_sha256(
            &padded(&u),
            &[&padded(&self.premaster(password, &u)?.to_be_bytes())],
        );
        let mut key = hmac_sha256(&prk, &[b"Caldera Derived Key", &[1]]);
        key.truncate(16);
        Ok(key)
    }

    fn u(&self) -> Result<Vec<u8>, SrpError> {
        let half =
            |hex: &str| Ok::<_, SrpError>(padded(&bytes_of(hex).ok_or(SrpError::NotANumber)?));
        Ok(sha256(&[&half(&self.a)?, &half(&self.b)?]))
    }

    /// S = (A · v^u)^b mod N.
    fn premaster(&self, password: &Password, u: &[u8]) -> Result<BoxedUint, SrpError> {
        let group = group()?;
        let verifier = group.element(&number(&password.verifier)?);
        let base =
            group.element(&number(&self.a)?) * verifier.pow(&BoxedUint::from_be_slice_vartime(u));
        let secret = bytes_of(&self.secret).ok_or(SrpError::NotANumber)?;
        Ok(base
            .pow(&BoxedUint::from_be_slice_vartime(&secret))
            .retrieve())
    }
}

/// What the client signs besides the shared key.
pub(crate) struct Claim<'a> {
    pub(crate) pool_name: &'a str,
    pub(crate) user: &'a str,
    /// The decoded SECRET_BLOCK.
    pub(crate) secret_block: &'a [u8],
    pub(crate) timestamp: &'a str,
}

impl Group {
    fn reduce(&self, integer: &BoxedUint) -> BoxedUint {
        integer.rem_vartime(&self.modulus)
    }

    fn element(&self, integer: &BoxedUint) -> BoxedMontyForm {
        BoxedMontyForm::new(self.reduce(integer), &self.monty)
    }

    fn generator(&self) -> BoxedMontyForm {
        self.element(&BoxedUint::from_be_slice_truncated(&[2], BITS))
    }
}

fn group() -> Result<&'static Group, SrpError> {
    GROUP.as_ref().ok_or(SrpError::Library(Unspecified))
}

/// Reads SRP_A. The length is checked before a number is built: what is longer than N is no honest value.
fn public(hex: &str) -> Result<BoxedUint, SrpError> {
    if hex.is_empty() || hex.len() > LONGEST_PUBLIC {
        return Err(SrpError::NotANumber);
    }
    number(hex)
}

fn number(hex: &str) -> Result<BoxedUint, SrpError> {
    let bytes = bytes_of(hex).ok_or(SrpError::NotANumber)?;
    BoxedUint::from_be_slice(&bytes, BITS).map_err(|_too_long| SrpError::NotANumber)
}

/// P(n): the shortest two's-complement form. No leading zero bytes, one 00 in front of a set top bit, 0 as `00`.
fn padded(number: &[u8]) -> Vec<u8> {
    let significant = trimmed(number);
    let mut padded = Vec::with_capacity(significant.len() + 1);
    if significant.first().is_none_or(|first| *first >= 0x80) {
        padded.push(0);
    }
    padded.extend_from_slice(significant);
    padded
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Lower-case hex without leading zeros, as numbers go over the wire.
fn hex(number: &[u8]) -> String {
    let digits: String = number.iter().map(|byte| format!("{byte:02x}")).collect();
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        significant => significant.to_owned(),
    }
}

/// Hex of any case and of an odd number of digits to bytes; `None` for anything else.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits = hex
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect::<Option<Vec<_>>>()?;
    digits
        .rchunks(2)
        .rev()
        .map(|pair| u8::try_from(pair.iter().fold(0, |sum, digit| sum * 16 + digit)).ok())
        .collect()
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().to_vec()
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// `tests/data/srp-vectors.json`: values three client libraries and an independent calculation agree on.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../tests/data/srp-vectors.json")).unwrap()
    }

    fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
        vector[field]
            .as_str()
            .unwrap_or_else(|| panic!("{field} is missing"))
    }

    /// Devices run the same algebra with the group key for the pool name and the device key for the user.
    fn names(vector: &Value) -> (&str, &str) {
        if text(vector, "kind") == "device" {
            (text(vector, "device_group_key"), text(vector, "device_key"))
        } else {
            (
                text(vector, "pool_id").split_once('_').unwrap().1,
                text(vector, "user_id"),
            )
        }
    }

    #[test]
    fn every_vector_gives_the_same_numbers_key_and_signature_on_the_server_side() {
        let all = vectors();
        let all = all["vectors"].as_array().unwrap();
        assert_eq!(all.len(), 45);
        for vector in all {
            let id = text(vector, "id");
            let (pool_name, user) = names(vector);
            let salt = bytes_of(text(vector, "salt")).unwrap();
            let password =
                Password::with_salt(&salt, pool_name, user, text(vector, "password")).unwrap();
            assert_eq!(
                password.verifier,
                text(vector, "verifier"),
                "{id}: verifier"
            );
            assert_eq!(password.salt, text(vector, "salt_wire"), "{id}: SALT");

            let secret = bytes_of(text(vector, "b")).unwrap();
            let exchange =
                Exchange::with_secret(&password, text(vector, "SRP_A"), &secret).unwrap();
            assert_eq!(exchange.b, text(vector, "SRP_B"), "{id}: SRP_B");

            let u = exchange.u().unwrap();
            assert_eq!(hex(&u), text(vector, "u"), "{id}: u");
            let premaster = exchange.premaster(&password, &u).unwrap();
            assert_eq!(hex(&premaster.to_be_bytes()), text(vector, "S"), "{id}: S");
            let prk = hmac_sha256(&padded(&u), &[&padded(&premaster.to_be_bytes())]);
            assert_eq!(
                prk,
                bytes_of(text(vector, "hkdf_prk")).unwrap(),
                "{id}: PRK"
            );
            assert_eq!(
                exchange.key(&password).unwrap(),
                bytes_of(text(vector, "hkdf_key")).unwrap(),
                "{id}: key"
            );

            let secret_block = STANDARD.decode(text(vector, "secret_block")).unwrap();
            let claim = Claim {
                pool_name,
                user,
                secret_block: &secret_block,
                timestamp: text(vector, "timestamp"),
            };
            let signature = exchange.signature(&password, &claim).unwrap();
            assert_eq!(
                STANDARD.encode(signature),
                text(vector, "signature"),
                "{id}: signature"
            );
        }
    }

    #[test]
    fn padding_is_the_shortest_twos_complement_form() {
        let all = vectors();
        for case in all["padding"].as_array().unwrap() {
            let digits = text(case, "hex_in");
            assert_eq!(
                padded(&bytes_of(digits).unwrap()),
                bytes_of(text(case, "padded_hex")).unwrap(),
                "{digits}"
            );
        }
        assert_eq!(
            hex(&group().unwrap().k.to_be_bytes()),
            text(&all["constants"], "k_hex")
        );
    }

    #[test]
    fn a_public_value_that_is_long_empty_no_number_or_zero_is_refused() {
        let password = Password::with_salt(&[7; 16], "pool", "user", "password").unwrap();
        for refused in [
            "",
            "0",
            "00",
            "xyz",
            "-5",
            "0x12",
            N,
            &"f".repeat(769),
            &"0".repeat(770),
            &"f".repeat(1 << 20),
        ] {
            assert!(
                Exchange::begin(&password, refused).is_err(),
                "{}… was let through",
                &refused[..refused.len().min(12)]
            );
        }
        assert!(Exchange::begin(&password, &"f".repeat(768)).is_ok());
    }

    #[test]
    fn only_the_enrolled_password_matches() {
        let password = Password::new("pool", "ada", "Correct-Horse-9!").unwrap();
        assert!(password.matches("pool", "ada", "Correct-Horse-9!").unwrap());
        assert!(!password.matches("pool", "ada", "correct-horse-9!").unwrap());
        assert!(!password.matches("pool", "bob", "Correct-Horse-9!").unwrap());
        assert!(
            !password
                .matches("other", "ada", "Correct-Horse-9!")
                .unwrap()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn hex_and_bytes_are_the_same_number(bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
            let back = bytes_of(&hex(&bytes)).unwrap();
            prop_assert_eq!(trimmed(&back), trimmed(&bytes));
        }

        #[test]
        fn any_text_as_srp_a_is_answered_or_refused_without_a_panic(text in ".{0,800}") {
            let password = Password { salt: "1".to_owned(), verifier: "2".to_owned() };
            let _answer = Exchange::begin(&password, &text);
        }
    }
}
