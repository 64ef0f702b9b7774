//! P(n): the only way Cognito turns an integer into bytes before a hash.
//!
//! The shortest two's-complement form, as Java's `BigInteger.toByteArray` gives it: no leading zeros, then one 00 where the
//! top bit would make it negative. Never a fixed width.

use zeroize::Zeroizing;

/// P of a big-endian integer with any number of leading zeros. P(0) = 00.
pub(super) fn pad(big_endian: &[u8]) -> Zeroizing<Vec<u8>> {
    let leading_zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    let digits = big_endian.get(leading_zeros..).unwrap_or_default();
    let mut padded = Zeroizing::new(Vec::with_capacity(digits.len() + 1));
    if digits.first().is_none_or(|first| *first >= 0x80) {
        padded.push(0);
    }
    padded.extend_from_slice(digits);
    padded
}

/// The bytes of an integer in hex of either case with an odd or even number of digits; `None` when it is empty, longer than
/// `max_bytes` (leading zeros count) or not hex.
pub(super) fn parse_hex(text: &str, max_bytes: usize) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > 2 * max_bytes {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len().div_ceil(2));
    let mut high = (text.len() % 2 == 1).then_some(0);
    for digit in text.chars() {
        let nibble = u8::try_from(digit.to_digit(16)?).ok()?;
        match high.take() {
            None => high = Some(nibble),
            Some(high) => bytes.push(high << 4 | nibble),
        }
    }
    Some(bytes)
}
