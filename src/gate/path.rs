//! What a path may look like, before anything is decided about it.
//!
//! Pure and linear, and it never panics: it is the fuzz target's too. The path is never changed:
//! what is judged here, byte for byte, is what the upstream gets. Upstreams differ in how they
//! decode and collapse paths, so instead of guessing what each makes of an odd one, an odd path
//! matches no public rule, and one that can only be meant to confuse is refused.

use crate::refusal::Refusal;

/// Whether everybody who reads the path reads the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathForm {
    /// There is one way to read it: public rules may match.
    Canonical,
    /// Forwarded as it is, but to the signed-in only.
    Odd,
}

/// Judges a request's path, without the query.
///
/// Refused always: a path that does not begin with `/`; blanks, control bytes, `\`, `#` and `?`;
/// a `%` without two hex digits; `%00`. Refused when `strict`: `%2f` and `%5c`, and the segments `.`
/// and `..` in any spelling (`%2e`, with parameters as in `..;a`, or blanks behind).
///
/// Odd: an empty segment, a dot segment, or any byte that RFC 3986 §3.3 does not have in a path, `;`
/// included; an escape of a byte that needs none, of a delimiter that would change the path's
/// meaning (`/ \ % ; ? #`), of a control byte; escapes that do not decode to UTF-8.
///
/// # Errors
/// [`Refusal::BadRequest`] with what is wrong, in words that quote nothing.
pub fn judge_path(path: &str, strict: bool) -> Result<PathForm, Refusal> {
    let Some(segments) = path.strip_prefix('/') else {
        return Err(Refusal::BadRequest("The path must begin with a slash."));
    };
    let bytes_are_plain = judge_bytes(path.as_bytes(), strict)?;
    let segments_are_plain = judge_segments(segments, strict)?;
    let decodes = percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .is_ok();
    Ok(if bytes_are_plain && segments_are_plain && decodes {
        PathForm::Canonical
    } else {
        PathForm::Odd
    })
}

fn judge_bytes(path: &[u8], strict: bool) -> Result<bool, Refusal> {
    let mut plain = true;
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (octet, after) = escape(after)
                    .ok_or(Refusal::BadRequest("The path holds an incomplete escape."))?;
                rest = after;
                if octet == 0 {
                    return Err(Refusal::BadRequest("The path holds an escaped NUL."));
                }
                if strict && matches!(octet, b'/' | b'\\') {
                    return Err(Refusal::BadRequest("The path holds an escaped slash."));
                }
                plain &= needs_escape(octet);
            }
            b'\\' => return Err(Refusal::BadRequest("The path holds a backslash.")),
            b'#' | b'?' => return Err(Refusal::BadRequest("The path holds a delimiter.")),
            0..=b' ' | 0x7f => {
                return Err(Refusal::BadRequest(
                    "The path holds a blank or a control byte.",
                ));
            }
            _ => plain &= *byte == b'/' || stands_for_itself(*byte),
        }
    }
    Ok(plain)
}

/// The byte that two hex digits stand for, and what follows them.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], rest) = text.split_first_chunk()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let octet = digit(*high)? * 16 + digit(*low)?;
    Some((u8::try_from(octet).ok()?, rest))
}

/// `pchar` of RFC 3986 §3.3 without `%` and without `;`, which some upstreams take for the end of a segment.
fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

/// Whether an escape of this byte is how everybody writes it, and nobody reads more into it.
fn needs_escape(octet: u8) -> bool {
    let unreserved = octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    !unreserved && !octet.is_ascii_control() && !b"/\\%;?#".contains(&octet)
}

fn judge_segments(segments: &str, strict: bool) -> Result<bool, Refusal> {
    let mut plain = true;
    let mut rest = Some(segments);
    while let Some(text) = rest {
        let (segment, after) = match text.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (text, None),
        };
        rest = after;
        let dots = dots(segment.as_bytes());
        if strict && matches!(dots, 1 | 2) {
            return Err(Refusal::BadRequest("The path holds a dot segment."));
        }
        let empty_inside = segment.is_empty() && after.is_some();
        plain &= dots == 0 && !empty_inside;
    }
    Ok(plain)
}

/// How many dots a segment consists of, in any spelling; 0 when there is more to it than dots, a
/// parameter or a blank behind them.
fn dots(segment: &[u8]) -> usize {
    let mut rest = segment;
    let mut dots = 0;
    while let Some(after) = strip_any(rest, &[b".", b"%2e"]) {
        rest = after;
        dots += 1;
    }
    let ends = rest.is_empty() || strip_any(rest, &[b";", b"%3b", b"%20"]).is_some();
    if ends { dots } else { 0 }
}

fn strip_any<'a>(text: &'a [u8], starts: &[&[u8]]) -> Option<&'a [u8]> {
    starts.iter().find_map(|start| {
        let (head, rest) = text.split_at_checked(start.len())?;
        head.eq_ignore_ascii_case(start).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    const HOSTILE: &str = include_str!("../../tests/data/paths.hostile");
    const CANONICAL: &str = include_str!("../../tests/data/paths.canonical");

    fn cases(file: &str) -> impl Iterator<Item = String> {
        file.lines().skip(1).map(unescape)
    }

    /// `\\xNN` is one byte.
    fn unescape(line: &str) -> String {
        let mut parts = line.split("\\x");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (digits, rest) = part.split_at(2);
            text.push(char::from(u8::from_str_radix(digits, 16).unwrap()));
            text.push_str(rest);
        }
        text
    }

    #[test]
    fn no_hostile_path_can_match_a_public_rule() {
        for path in cases(HOSTILE) {
            for strict in [true, false] {
                assert_ne!(
                    judge_path(&path, strict),
                    Ok(PathForm::Canonical),
                    "{path:?} was let through, strict: {strict}"
                );
            }
        }
    }

    #[test]
    fn ordinary_paths_are_canonical() {
        for path in cases(CANONICAL) {
            for strict in [true, false] {
                assert_eq!(
                    judge_path(&path, strict),
                    Ok(PathForm::Canonical),
                    "{path:?}"
                );
            }
        }
    }

    #[test]
    fn what_can_only_confuse_is_refused_strict_or_not() {
        for path in [
            "",
            "a",
            "*",
            "/\0",
            "/a\tb",
            "/a b",
            "/\u{7f}",
            "/a\\b",
            "/a#b",
            "/a?b",
            "/%",
            "/%2",
            "/%g0",
            "/%+1",
            "/%00",
            "/a%00.png",
        ] {
            for strict in [true, false] {
                assert!(
                    judge_path(path, strict).is_err(),
                    "{path:?} was let through"
                );
            }
        }
    }

    #[test]
    fn strict_refuses_what_the_switch_lets_through_to_the_signed_in() {
        for path in [
            "/a%2fb",
            "/a%5Cb",
            "/a/../b",
            "/a/.",
            "/..",
            "/%2e%2E/b",
            "/a/.%2e/b",
            "/a/..;x/b",
            "/a/..%3Bx/b",
            "/a/..%20/b",
        ] {
            assert!(judge_path(path, true).is_err(), "{path:?} was let through");
            assert_eq!(judge_path(path, false), Ok(PathForm::Odd), "{path:?}");
        }
    }

    #[test]
    fn odd_paths_are_left_to_the_signed_in() {
        for path in [
            "//a", "/a//b", "/a;b=c", "/%61", "/a%25b", "/é", "/a%0ab", "/...", "/%ff",
        ] {
            assert_eq!(judge_path(path, true), Ok(PathForm::Odd), "{path:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn any_text_is_judged_without_a_panic(path in "/?\\PC{0,40}|.{0,40}") {
            let strict = judge_path(&path, true);
            let lax = judge_path(&path, false);
            // The switch opens nothing to the public.
            prop_assert_eq!(strict == Ok(PathForm::Canonical), lax == Ok(PathForm::Canonical));
        }

        #[test]
        fn a_canonical_path_means_the_same_before_and_after_decoding(path in "/([a.%2eE5cf/;]|%2[ef5]|%5c|[.][.]/|x){0,12}") {
            if judge_path(&path, false) == Ok(PathForm::Canonical) {
                let decoded = percent_decode_str(&path).decode_utf8().unwrap();
                let twice = percent_decode_str(&decoded).decode_utf8().unwrap();
                prop_assert_eq!(&decoded, &twice);
                prop_assert_eq!(decoded.matches('/').count(), path.matches('/').count());
                let (_, segments) = decoded.split_once('/').unwrap();
                let last = segments.matches('/').count();
                for (number, segment) in segments.split('/').enumerate() {
                    prop_assert!(segment != "." && segment != "..");
                    prop_assert!(!segment.is_empty() || number == last);
                }
            }
        }
    }
}
