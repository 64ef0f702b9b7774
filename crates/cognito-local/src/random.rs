//! Random bytes and identifiers.
//!
//! The one place that asks aws-lc for randomness; everything the pool hands out or keeps secret
//! (keys, salts, ids, client secrets) starts here.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;

/// Digits: codes.
pub(crate) const DIGITS: &[u8] = b"0123456789";

/// Lower-case letters and digits: real client ids and client secrets are made of these.
pub(crate) const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Letters and digits: the part of a user pool id after the underscore.
pub(crate) const ALPHANUMERIC: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `N` bytes of the system's randomness.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

/// `length` characters, each drawn evenly from `alphabet`.
pub(crate) fn text(alphabet: &[u8], length: usize) -> Result<String, Unspecified> {
    let letters = alphabet.len().min(256);
    if letters == 0 {
        return Err(Unspecified);
    }
    // Bytes from the last, incomplete round of the alphabet are thrown away: they would make its first letters likelier.
    let fair = 256 - 256 % letters;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in bytes::<64>()?
            .into_iter()
            .map(usize::from)
            .filter(|byte| *byte < fair)
        {
            if let (true, Some(letter)) = (text.len() < length, alphabet.get(byte % letters)) {
                text.push(char::from(*letter));
            }
        }
    }
    Ok(text)
}

/// A random UUID (version 4) as text: `sub`, `jti`, `event_id`.
pub(crate) fn uuid() -> Result<String, Unspecified> {
    Ok(uuid::Builder::from_random_bytes(bytes()?)
        .into_uuid()
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_asked_length_and_only_letters_of_its_alphabet() {
        for length in [0, 1, 9, 52, 200] {
            let text = text(LOWER, length).unwrap();
            assert_eq!(text.len(), length);
            assert!(text.bytes().all(|byte| LOWER.contains(&byte)), "{text}");
        }
    }
}
