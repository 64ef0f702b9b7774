//! The refresh grant, as small as it can be kept.
//!
//! A refresh token of about 1,800 letters is more than half of a session, and a session must stay under
//! 3 KiB (F-44). The letters are base64url in all tokens seen, so a quarter of each byte is air: they
//! are kept packed. That is a matter of writing only: the token stays opaque, and what cannot be packed
//! and unpacked to the same text is kept as it came. Names that the identity has are not kept twice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cognito_flow::Secret;
use zeroize::Zeroizing;

use crate::cognito::RefreshGrant;
use crate::identity::Identity;

pub(super) struct KeptGrant {
    token: Token,
    /// Most sessions have none of it: one pointer in place of two texts.
    rest: Option<Box<Rest>>,
}

struct Rest {
    /// The access token's user name, where it is not the identity's.
    username: Option<Box<str>>,
    device_key: Option<Box<str>>,
}

enum Token {
    Plain(Secret<String>),
    /// See [`pack`].
    Packed(Secret<Vec<u8>>),
}

impl KeptGrant {
    /// `identity` is of the same sign-in, and is given again to [`KeptGrant::restore`].
    pub(super) fn keep(grant: &RefreshGrant, identity: &Identity) -> Self {
        let text = grant.refresh_token.expose();
        let packed = pack(text)
            .filter(|packed| unpack(packed).is_some_and(|unpacked| unpacked.expose() == text));
        let rest = Rest {
            username: (*grant.username != *identity.username)
                .then(|| grant.username.as_str().into()),
            device_key: grant.device_key.as_deref().map(Into::into),
        };
        Self {
            token: packed.map_or_else(
                // A copy is as long as its text; what came from the network may have room to spare.
                || Token::Plain(grant.refresh_token.clone()),
                |packed| Token::Packed(Secret::new(packed)),
            ),
            rest: (rest.username.is_some() || rest.device_key.is_some()).then(|| Box::new(rest)),
        }
    }

    /// What the pool wants for a renewal.
    pub(super) fn restore(&self, identity: &Identity) -> RefreshGrant {
        let rest = self.rest.as_deref();
        let username = rest.and_then(|rest| rest.username.as_ref());
        let username = username.unwrap_or(&identity.username);
        RefreshGrant {
            refresh_token: self.refresh_token(),
            username: username.to_string(),
            subject: identity.subject.to_string(),
            device_key: rest.and_then(|rest| rest.device_key.as_deref().map(str::to_owned)),
        }
    }

    /// What the pool wants for a revocation.
    pub(super) fn refresh_token(&self) -> Secret<String> {
        match &self.token {
            Token::Plain(text) => text.clone(),
            Token::Packed(bytes) => unpack(bytes.expose()).unwrap_or(Secret::new(String::new())),
        }
    }

    /// Bytes on the heap.
    pub(super) fn weight(&self) -> usize {
        let token = match &self.token {
            Token::Plain(text) => text.expose().len(),
            Token::Packed(bytes) => bytes.expose().len(),
        };
        let rest = self.rest.as_ref().map_or(0, |rest| {
            let texts = [&rest.username, &rest.device_key].into_iter().flatten();
            size_of::<Rest>() + texts.map(|text| text.len()).sum::<usize>()
        });
        token + rest
    }
}

/// `count of dots, place of each dot (2 bytes), count of letters (2 bytes), letters at 6 bits each`.
///
/// A JWE in its compact form is base64url with four dots (RFC 7516 §7.1); without them the letters are
/// base64url of nothing in particular, once filled up to a multiple of four.
fn pack(text: &str) -> Option<Vec<u8>> {
    let dots = text.match_indices('.').map(|(place, _)| place);
    let count = u8::try_from(dots.clone().count()).ok()?;
    let mut letters = Zeroizing::new(String::with_capacity(text.len() + 3));
    letters.extend(text.chars().filter(|letter| *letter != '.'));
    let length = u16::try_from(letters.len()).ok()?;
    while !letters.len().is_multiple_of(4) {
        letters.push('A');
    }
    let head = 1 + 2 * usize::from(count) + 2;
    let mut packed = Vec::with_capacity(head + letters.len() / 4 * 3);
    packed.push(count);
    for place in dots {
        packed.extend(u16::try_from(place).ok()?.to_be_bytes());
    }
    packed.extend(length.to_be_bytes());
    URL_SAFE_NO_PAD.decode_vec(&*letters, &mut packed).ok()?;
    Some(packed)
}

fn unpack(packed: &[u8]) -> Option<Secret<String>> {
    let (count, rest) = packed.split_first()?;
    let (dots, rest) = rest.split_at_checked(2 * usize::from(*count))?;
    let (length, bytes) = rest.split_first_chunk()?;
    let letters = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes));
    let mut letters = letters.get(..usize::from(u16::from_be_bytes(*length)))?;
    let mut text = String::with_capacity(letters.len() + usize::from(*count));
    for place in dots.as_chunks().0 {
        let before = usize::from(u16::from_be_bytes(*place)).checked_sub(text.len())?;
        let (part, rest) = letters.split_at_checked(before)?;
        text.push_str(part);
        text.push('.');
        letters = rest;
    }
    text.push_str(letters);
    Some(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::{Claims, IdentityHeaders};

    fn identity() -> Identity {
        let claims = serde_json::json!({"sub": "sub-1", "cognito:username": "alice"});
        let claims = Claims::verified(claims.as_object().unwrap().clone());
        Identity::new(&claims, &IdentityHeaders::default())
    }

    fn grant(token: &str, username: &str) -> RefreshGrant {
        RefreshGrant {
            refresh_token: Secret::new(token.to_owned()),
            username: username.to_owned(),
            subject: "sub-1".to_owned(),
            device_key: None,
        }
    }

    fn there_and_back(token: &str, username: &str) -> (String, String, String) {
        let kept = KeptGrant::keep(&grant(token, username), &identity());
        let back = kept.restore(&identity());
        assert_eq!(back.refresh_token.expose(), kept.refresh_token().expose());
        (
            back.refresh_token.expose().clone(),
            back.username,
            back.subject,
        )
    }

    #[test]
    fn a_token_like_cognitos_takes_a_quarter_less() {
        let part = |length: usize| "aZ09-_".chars().cycle().take(length).collect::<String>();
        let lengths = [82, 342, 16, 1319, 22];
        let token = lengths.map(part).join(".");
        assert_eq!(token.len(), 1785);
        let kept = KeptGrant::keep(&grant(&token, "alice"), &identity());
        assert!(kept.weight() < 1785 * 3 / 4 + 16, "{}", kept.weight());
        assert_eq!(kept.refresh_token().expose(), &token);
    }

    #[test]
    fn a_user_name_of_its_own_is_kept() {
        let back = there_and_back("t", "google_123");
        assert_eq!(back, ("t".into(), "google_123".into(), "sub-1".into()));
        assert_eq!(there_and_back("t", "alice").1, "alice");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn whatever_the_token_it_comes_back_as_it_was(token in "[A-Za-z0-9_.-]{0,300}|.{0,100}") {
            prop_assert_eq!(there_and_back(&token, "alice").0, token);
        }

        #[test]
        fn any_bytes_unpack_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            unpack(&bytes);
        }
    }
}
