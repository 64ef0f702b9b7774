//! Time-based one-time passwords as authenticator apps make them (RFC 6238 with HMAC-SHA-1, 30 s, 6 digits).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;

use crate::random;

/// The letters of base32 (RFC 4648 §6).
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Seconds for which one code is shown.
pub const STEP_SECONDS: u64 = 30;

/// The six-digit code for a secret at a time.
///
/// `secret` is the SecretCode of AssociateSoftwareToken: base32 (RFC 4648 §6), padding optional. `None` when it
/// is not.
pub fn code(secret: &str, unix_seconds: u64) -> Option<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &base32(secret)?);
    let tag = hmac::sign(&key, &(unix_seconds / STEP_SECONDS).to_be_bytes());
    let tag = tag.as_ref();
    // RFC 4226 §5.3: the last four bits say where the 31 bits are taken from.
    let offset = usize::from(tag.last()? & 0x0f);
    let word: [u8; 4] = tag.get(offset..offset + 4)?.try_into().ok()?;
    Some(format!(
        "{:06}",
        (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000
    ))
}

/// The time step whose code this is: the current one, the one before or the one after (RFC 6238 §5.2 advises one of
/// delay; Cognito takes one early as well).
pub(crate) fn step_of(secret: &str, code: &str, unix_seconds: u64) -> Option<u64> {
    let current = unix_seconds / STEP_SECONDS;
    let steps = [
        Some(current),
        current.checked_sub(1),
        current.checked_add(1),
    ];
    steps.into_iter().flatten().find(|step| {
        self::code(secret, step.saturating_mul(STEP_SECONDS)).is_some_and(|expected| {
            verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok()
        })
    })
}

/// A new secret: 32 characters of base32, 160 bits, as RFC 4226 §4 recommends.
pub(crate) fn secret() -> Result<String, Unspecified> {
    random::text(ALPHABET, 32)
}

/// Whether a text can be the secret of an authenticator app: base32 of at least the 16 characters of `SecretCode`.
pub(crate) fn is_secret(text: &str) -> bool {
    text.len() >= 16 && base32(text).is_some()
}

fn base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn every_vector_gives_its_code() {
        let text = include_str!("../../../tests/data/srp-vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let vectors = vectors["totp"].as_array().unwrap();
        assert_eq!(vectors.len(), 12);
        for vector in vectors {
            assert_eq!(
                (&vector["step_seconds"], &vector["digits"]),
                (&30.into(), &6.into())
            );
            let secret = vector["secret_base32"].as_str().unwrap();
            let time = vector["unix_time"].as_u64().unwrap();
            assert_eq!(
                code(secret, time).as_deref(),
                vector["code"].as_str(),
                "{}",
                vector["id"]
            );
        }
    }

    #[test]
    fn what_is_not_base32_gives_no_code() {
        assert_eq!(code("no-base32!", 0), None);
    }
}
