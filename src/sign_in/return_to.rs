//! Where a person goes after signing in (R-31 … R-34).
//!
//! Whoever writes a link to the sign-in page chooses its `return_to`, so it is the door for open redirects. It is
//! checked here, once, before it is sealed into an attempt; later code cannot hold an unchecked one. Pure: the fuzz
//! target calls [`ReturnTo::parse`] as it is.

use std::fmt;

use url::Url;

use crate::origin::PublicOrigin;

use crate::origin::PREFIX;

use super::account::{PASSKEYS, VERIFY};

/// Longest `return_to`, in bytes (R-31).
pub const MAX_BYTES: usize = 2_048;

/// The pages of ours that somebody may be led to: they show something and do nothing. As they are, with nothing added.
pub const PAGES_OF_OURS: [&str; 2] = [VERIFY, PASSKEYS];

/// A path with query and fragment at the public origin, or a URL at one of the other origins that may be named.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

/// Why a `return_to` is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Over [`MAX_BYTES`].
    #[error("it is longer than 2,048 bytes")]
    TooLong,
    /// A byte outside 0x21–0x7E, or a backslash, which browsers read as a slash.
    #[error("it has a byte that a URL cannot have")]
    Byte,
    /// No single slash at its beginning, and none of the allowed origins.
    #[error("it is neither a path nor a URL at an allowed origin")]
    Elsewhere,
    /// A page of ours, directly or after dot segments.
    #[error("it is under the reserved prefix")]
    Reserved,
}

impl ReturnTo {
    /// The start page.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// A page of ours that is to be shown after signing in.
    pub(super) fn own(page: &'static str) -> Self {
        Self(page.to_owned())
    }

    /// Checks what a request asked for.
    ///
    /// `others` are the further origins that may be named, as `scheme://host[:port]`, compared byte for byte (R-32).
    ///
    /// # Errors
    /// [`Rejected`]: go to the start page instead.
    pub fn parse(text: &str, origin: &PublicOrigin, others: &[String]) -> Result<Self, Rejected> {
        if text.len() > MAX_BYTES {
            return Err(Rejected::TooLong);
        }
        if PAGES_OF_OURS.contains(&text) {
            return Ok(Self(text.to_owned()));
        }
        if !text
            .bytes()
            .all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'\\')
        {
            return Err(Rejected::Byte);
        }
        // The slash rule comes before the parser, and the parser before our own prefix: neither alone sees what a browser
        // makes of `//host` or of `/x/../.sidegate/`.
        if text.starts_with('/') && !text.starts_with("//") {
            let url = origin.url().join(text).map_err(|_| Rejected::Elsewhere)?;
            if url.origin() != origin.url().origin() {
                return Err(Rejected::Elsewhere);
            }
            if is_reserved(text) || is_reserved(url.path()) {
                return Err(Rejected::Reserved);
            }
            return Ok(Self(text.to_owned()));
        }
        let named = others.iter().any(|other| {
            let rest = text.strip_prefix(other.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                && Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == *other)
        });
        if named {
            Ok(Self(text.to_owned()))
        } else {
            Err(Rejected::Elsewhere)
        }
    }

    /// Takes one back out of a seal, where only a checked one is ever put.
    pub(super) const fn from_seal(text: String) -> Self {
        Self(text)
    }

    /// As it was given: for sealing.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the start page, which needs no mention.
    pub(super) fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The absolute URL, built from the public origin and never from a Host field (R-33).
    pub fn location(&self, origin: &PublicOrigin) -> String {
        if self.0.starts_with('/') {
            format!("{}{}", origin.as_str(), self.0)
        } else {
            self.0.clone()
        }
    }
}

/// The query may carry what the log must not.
impl fmt::Debug for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.split(['?', '#']).next().unwrap_or_default();
        f.debug_tuple("ReturnTo").field(&path).finish()
    }
}

fn is_reserved(path: &str) -> bool {
    path.starts_with(PREFIX)
        || path
            .strip_prefix(PREFIX.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOSTILE: &str = include_str!("../../tests/data/return_to.hostile");
    const GOOD: &str = include_str!("../../tests/data/return_to.good");

    fn origin() -> PublicOrigin {
        "https://app.example.com".parse().unwrap()
    }

    fn others() -> Vec<String> {
        vec![
            "https://reports.example.com".to_owned(),
            "https://docs.example.com:8443".to_owned(),
        ]
    }

    /// The cases of a file: `\xNN` is one byte; what is not UTF-8 then, no query parameter can hold.
    fn cases(file: &str) -> impl Iterator<Item = String> + '_ {
        file.lines()
            .skip(1)
            .filter_map(|line| String::from_utf8(unescaped(line)).ok())
    }

    fn unescaped(line: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("\\x") {
            bytes.extend(before.as_bytes());
            let code = after
                .get(..2)
                .and_then(|hex| u8::from_str_radix(hex, 16).ok());
            bytes.push(code.unwrap_or_else(|| panic!("bad escape in {line:?}")));
            rest = &after[2..];
        }
        bytes.extend(rest.as_bytes());
        bytes
    }

    #[test]
    fn the_pages_for_who_is_signed_in_are_come_back_to_and_no_others_of_ours() {
        let parse = |text: &str| ReturnTo::parse(text, &origin(), &others());
        for page in PAGES_OF_OURS {
            assert_eq!(
                parse(page).unwrap().location(&origin()),
                format!("https://app.example.com{page}")
            );
            for more in ["?offer=1", "#x", "/", "/delete"] {
                assert!(parse(&format!("{page}{more}")).is_err(), "{page}{more}");
            }
        }
        assert!(parse("/.sidegate/sign-out").is_err());
    }

    #[test]
    fn every_hostile_return_to_is_refused() {
        let mut count = 0;
        for case in cases(HOSTILE) {
            let parsed = ReturnTo::parse(&case, &origin(), &others());
            assert!(parsed.is_err(), "{case:?} was let through");
            count += 1;
        }
        assert!(count >= 300, "only {count} hostile cases");
    }

    #[test]
    fn hostile_cases_stay_harmless_when_decoded_once_or_twice_more() {
        for case in cases(HOSTILE) {
            let mut text = case.clone();
            for _ in 0..2 {
                text = percent_encoding::percent_decode_str(&text)
                    .decode_utf8_lossy()
                    .into_owned();
                if let Ok(followed) = ReturnTo::parse(&text, &origin(), &others()) {
                    assert_at_allowed_origin(&followed, &case);
                }
            }
        }
    }

    #[test]
    fn every_good_return_to_is_followed_as_it_was_given() {
        for case in cases(GOOD) {
            let parsed = ReturnTo::parse(&case, &origin(), &others());
            let location = parsed
                .unwrap_or_else(|error| panic!("{case:?}: {error}"))
                .location(&origin());
            assert!(location.ends_with(&case), "{case:?} became {location:?}");
        }
    }

    #[test]
    fn length_is_limited_to_the_byte() {
        let longest = format!("/{}", "a".repeat(MAX_BYTES - 1));
        assert!(ReturnTo::parse(&longest, &origin(), &[]).is_ok());
        let longer = format!("{longest}a");
        assert_eq!(
            ReturnTo::parse(&longer, &origin(), &[]),
            Err(Rejected::TooLong)
        );
    }

    #[test]
    fn the_location_names_the_public_origin() {
        let target = ReturnTo::parse("/a?b=1#c", &origin(), &[]).unwrap();
        assert_eq!(
            target.location(&origin()),
            "https://app.example.com/a?b=1#c"
        );
        let target = ReturnTo::parse("https://reports.example.com/x", &origin(), &others());
        assert_eq!(
            target.unwrap().location(&origin()),
            "https://reports.example.com/x"
        );
    }

    #[test]
    fn debug_does_not_show_the_query() {
        let target = ReturnTo::parse("/a?token=hunter2#hunter3", &origin(), &[]).unwrap();
        assert_eq!(format!("{target:?}"), "ReturnTo(\"/a\")");
    }

    fn assert_at_allowed_origin(target: &ReturnTo, case: &str) {
        let url = Url::parse(&target.location(&origin())).unwrap();
        let at = url.origin().ascii_serialization();
        assert!(
            at == origin().as_str() || others().contains(&at),
            "{case:?} leads to {at}"
        );
        assert!(
            !url.path().starts_with(PREFIX),
            "{case:?} is a page of ours"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// What a browser makes of an accepted value never leaves the allowed origins.
        #[test]
        fn whatever_is_accepted_stays_at_an_allowed_origin(
            text in r"(/|//|\\|https?:|https://reports\.example\.com)?[/\\.@:%?#a-z0-9\t\n _-]{0,24}"
        ) {
            if let Ok(target) = ReturnTo::parse(&text, &origin(), &others()) {
                assert_at_allowed_origin(&target, &text);
            }
        }
    }
}
