//! A sign-in under way, sealed into the form (R-28, docs/ARCHITECTURE.md).
//!
//! Nothing of it is kept on the server: the browser holds it, AES-256-GCM-SIV keeps it secret and whole, and the
//! browser cookie says whose it is. Replaying one gains nothing: Cognito's session strings are single use.
//!
//! **Whose it is.** An attempt that holds a [`Pending`], so that something was proven, must come back with exactly the
//! browser cookie it is bound to. The first form holds only where to go afterwards; it is accepted with any authentic
//! browser cookie when the browser itself says `Sec-Fetch-Site: same-origin`. Otherwise ten tabs opened at once, each
//! given a cookie of which the last one stayed, would make one good form and nine refusals.

use std::fmt;
use std::time::Duration;

use cognito_flow::{CognitoSession, Pending, UnixSeconds};
use zeroize::Zeroizing;

use super::browser::Binding;
use super::error::Fault;
use super::return_to::ReturnTo;

pub use super::seal::{MAX_BYTES, Seal};

/// How long an unfinished sign-in is taken back, in wall-clock time.
///
/// 15 minutes is the longest `AuthSessionValidity` an app client can have (3 to 15, Cognito API reference): past it
/// Cognito refuses the session, so keeping more is useless.
pub const LIFE: Duration = Duration::from_secs(15 * 60);

/// An attempt that came back, checked.
pub struct Attempt {
    /// Where to go when signed in.
    pub return_to: ReturnTo,
    /// The browser it is bound to, which in the first form need not be the one that posted it.
    pub browser: Binding,
    /// What the person typed as user name; empty in a fresh form.
    pub username: String,
    /// Whether the person trusts this browser, so that the pool is to remember it.
    pub trusted: bool,
    /// What the pool asks; `None` in the first form.
    pub pending: Option<Pending>,
    /// Of an account that waits to be confirmed; then nothing is pending.
    pub sign_up: Option<CognitoSession>,
}

/// The user name may be an e-mail address, which logs do not show (R-84).
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("return_to", &self.return_to)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

/// Who brings an attempt back.
#[derive(Clone, Copy, Debug)]
pub struct Bearer {
    /// The authentic browser cookie that came with the request.
    pub browser: Option<Binding>,
    /// Whether the browser says that a page of ours posted it.
    pub same_origin: bool,
}

/// Why a text is not an attempt to go on with.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not sealed by us, for this origin, with a key we still have.
    #[error("not a sealed attempt of ours")]
    Malformed,
    /// Bound to another browser.
    #[error("an attempt of another browser")]
    NotYours(Restart),
    /// Older than [`LIFE`].
    #[error("an attempt older than {} minutes", LIFE.as_secs() / 60)]
    Expired(Restart),
}

/// What a new attempt may take over from one that cannot go on. Its seal was whole, so `return_to` was checked once.
#[derive(Clone)]
pub struct Restart {
    /// Where to go when signed in.
    pub return_to: ReturnTo,
    /// What to put into the user name's field; empty for another browser's attempt.
    pub username: String,
    /// Whether the person trusts this browser.
    pub trusted: bool,
}

impl Restart {
    /// With nothing but where to go.
    pub(super) const fn at(return_to: ReturnTo) -> Self {
        Self {
            return_to,
            username: String::new(),
            trusted: false,
        }
    }
}

impl fmt::Debug for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restart")
            .field("return_to", &self.return_to)
            .finish_non_exhaustive()
    }
}

impl Attempt {
    /// Opens what `Seal::close` made. Never panics, whatever the text.
    ///
    /// # Errors
    /// [`OpenError`]; ownership is judged before age, so that nobody reads a user name from another browser's attempt.
    pub fn open(
        text: &str,
        seal: &Seal,
        bearer: Bearer,
        now: UnixSeconds,
    ) -> Result<Self, OpenError> {
        let plain = seal.open(text).ok_or(OpenError::Malformed)?;
        let (began, attempt) = Self::decode(&plain).ok_or(OpenError::Malformed)?;
        let theirs = bearer.browser.is_some_and(|browser| {
            attempt.browser.matches(&browser) || (attempt.is_blank() && bearer.same_origin)
        });
        if !theirs {
            return Err(OpenError::NotYours(Restart::at(attempt.return_to)));
        }
        if now.0.saturating_sub(began.0) > LIFE.as_secs() {
            return Err(OpenError::Expired(attempt.restart()));
        }
        Ok(attempt)
    }

    /// Whether nothing was proven or begun yet.
    const fn is_blank(&self) -> bool {
        self.pending.is_none() && self.sign_up.is_none()
    }

    /// What another form of the same sign-in takes over.
    pub(super) fn restart(&self) -> Restart {
        Restart {
            return_to: self.return_to.clone(),
            username: self.username.clone(),
            trusted: self.trusted,
        }
    }

    /// Reads what a seal holds, with the time it began. Apart from `open`, so that the fuzz target gets past the seal.
    pub fn decode(plain: &[u8]) -> Option<(UnixSeconds, Self)> {
        let (began, rest) = plain.split_first_chunk::<8>()?;
        let (browser, rest) = rest.split_first_chunk::<{ Binding::BYTES }>()?;
        let (return_to, rest) = text(rest)?;
        let (username, rest) = text(rest)?;
        let (kind, rest) = rest.split_first()?;
        let trusted = match *kind {
            SIGN_UP | UNTRUSTED => false,
            TRUSTED => true,
            _ => return None,
        };
        let (pending, sign_up) = match (*kind, rest) {
            (SIGN_UP, []) => return None,
            (SIGN_UP, bytes) => {
                let session = String::from_utf8(bytes.to_vec()).ok()?;
                (None, Some(CognitoSession::new(session)))
            }
            (_, []) => (None, None),
            (_, bytes) => (Some(Pending::decode(bytes).ok()?), None),
        };
        let attempt = Self {
            return_to: ReturnTo::from_seal(return_to),
            browser: Binding::from_bytes(*browser),
            username,
            trusted,
            pending,
            sign_up,
        };
        Some((UnixSeconds(u64::from_be_bytes(*began)), attempt))
    }
}

/// An attempt to be sealed; it begins now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fresh<'a> {
    pub(super) return_to: &'a ReturnTo,
    pub(super) browser: Binding,
    pub(super) username: &'a str,
    pub(super) trusted: bool,
    pub(super) pending: Option<&'a Pending>,
    /// Instead of `pending`.
    pub(super) sign_up: Option<&'a CognitoSession>,
}

/// What a seal says of the browser, or that a sign-up is in it.
const UNTRUSTED: u8 = 0;
const TRUSTED: u8 = 1;
const SIGN_UP: u8 = 2;

impl Seal {
    /// Seals an attempt for a form.
    pub(super) fn close(&self, attempt: &Fresh<'_>, now: UnixSeconds) -> Result<String, Fault> {
        self.close_bytes(encode(attempt, now)?)
    }
}

/// began (8) ‖ browser (32) ‖ length (2) and return_to ‖ length (2) and user name ‖ trusted or sign-up (1) ‖ pending
/// or the Session of the sign-up, if any.
fn encode(attempt: &Fresh<'_>, now: UnixSeconds) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // Room for the tag too (`Seal::close_bytes`): growing would leave a copy of the Cognito session behind.
    let pending = attempt.pending.map(Pending::encode);
    let (kind, rest) = match (attempt.sign_up, &pending) {
        (Some(session), _) => (SIGN_UP, session.expose().as_bytes()),
        (None, Some(bytes)) => (attempt.trusted.into(), bytes.expose().as_slice()),
        (None, None) => (attempt.trusted.into(), &[][..]),
    };
    let texts = [attempt.return_to.as_str(), attempt.username];
    let length = texts.iter().map(|text| text.len() + 2).sum::<usize>() + rest.len();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 9 + Binding::BYTES + 16));
    bytes.extend(now.0.to_be_bytes());
    bytes.extend(attempt.browser.as_bytes());
    for text in texts {
        let length = u16::try_from(text.len()).map_err(|_| Fault::AttemptTooLong(text.len()))?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.push(kind);
    bytes.extend(rest);
    Ok(bytes)
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((String::from_utf8(text.to_vec()).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::keys::Keys;
    use crate::origin::PublicOrigin;
    use cognito_flow::{
        AppClient, Context, Credentials, Entropy, Flow, FlowKind, FlowSettings, Reply, Secret, Step,
    };
    use proptest::prelude::*;

    const NOW: UnixSeconds = UnixSeconds(1_900_000_000);
    const OURS: Binding = Binding::from_bytes([1; 32]);
    const THEIRS: Binding = Binding::from_bytes([2; 32]);

    fn origin() -> PublicOrigin {
        "https://app.example.com".parse().unwrap()
    }

    fn bearer(browser: Option<Binding>, same_origin: bool) -> Bearer {
        Bearer {
            browser,
            same_origin,
        }
    }

    /// A sign-in that waits for a new password.
    fn pending() -> Pending {
        let parameters = [("requiredAttributes", r#"["userAttributes.name"]"#)];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let session = "cognito-session-of-jane".to_owned();
        asked("jane", "NEW_PASSWORD_REQUIRED", parameters.into(), session)
    }

    fn asked(
        username: &str,
        challenge: &str,
        parameters: BTreeMap<String, String>,
        session: String,
    ) -> Pending {
        let client = AppClient::new("local_Ab12".parse().unwrap(), "abc".parse().unwrap(), None);
        let settings = FlowSettings::new(FlowKind::UserPasswordAuth);
        let context = || Context {
            client: &client,
            settings: &settings,
            device: None,
            now: NOW,
            entropy: Entropy::new([7; 48]),
        };
        let credentials = Credentials {
            username: username.to_owned(),
            password: Some(Secret::new("pw".to_owned())),
            preferred: None,
            session: None,
        };
        let begun = Flow::begin(credentials, context());
        let Ok(Step::Call(_, flow)) = begun else {
            panic!("no call")
        };
        let reply = Reply::Challenge {
            name: challenge.to_owned(),
            parameters,
            session: Some(CognitoSession::new(session)),
            available: Vec::new(),
        };
        let Ok(Step::Ask(pending)) = flow.on_reply(reply, context()) else {
            panic!("no question")
        };
        pending
    }

    fn sealed(seal: &Seal, pending: Option<&Pending>) -> String {
        let return_to = ReturnTo::parse("/a?b=1", &origin(), &[]).unwrap();
        let attempt = Fresh {
            return_to: &return_to,
            browser: OURS,
            username: "jane@example.com",
            trusted: true,
            pending,
            sign_up: None,
        };
        seal.close(&attempt, NOW).unwrap()
    }

    #[test]
    fn an_attempt_comes_back_as_it_was_sealed() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let text = sealed(&seal, Some(&pending()));
        let attempt = Attempt::open(&text, &seal, bearer(Some(OURS), false), NOW).unwrap();
        assert_eq!(attempt.return_to.as_str(), "/a?b=1");
        assert_eq!(attempt.username, "jane@example.com");
        assert!(attempt.trusted);
        let pending = attempt.pending.unwrap();
        assert_eq!(pending.challenge().name(), "NEW_PASSWORD_REQUIRED");
        assert!(text.len() <= MAX_BYTES);
        assert_ne!(text, sealed(&seal, Some(&pending)), "the nonce repeats");
    }

    #[test]
    fn who_may_bring_an_attempt_back() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let asked = pending();
        for (pending, browser, same_origin, want) in [
            (None, Some(OURS), true, true),
            (None, Some(OURS), false, true),
            (None, Some(THEIRS), true, true),
            (None, Some(THEIRS), false, false),
            (None, None, true, false),
            (None, None, false, false),
            (Some(&asked), Some(OURS), true, true),
            (Some(&asked), Some(OURS), false, true),
            (Some(&asked), Some(THEIRS), true, false),
            (Some(&asked), Some(THEIRS), false, false),
            (Some(&asked), None, true, false),
            (Some(&asked), None, false, false),
        ] {
            let text = sealed(&seal, pending);
            let opened = Attempt::open(&text, &seal, bearer(browser, same_origin), NOW);
            let case = (
                pending.is_some(),
                browser.map(|b| b.matches(&OURS)),
                same_origin,
            );
            match opened {
                Ok(_) => assert!(want, "{case:?} was let through"),
                Err(OpenError::NotYours(restart)) => {
                    assert!(!want, "{case:?} was refused");
                    assert_eq!(restart.return_to.as_str(), "/a?b=1");
                    assert_eq!(restart.username, "");
                }
                Err(other) => panic!("{case:?}: {other}"),
            }
        }
    }

    #[test]
    fn an_attempt_lives_for_15_minutes_and_then_still_says_where_to_go() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let text = sealed(&seal, None);
        let at = |now| Attempt::open(&text, &seal, bearer(Some(OURS), true), UnixSeconds(now));
        assert!(at(NOW.0 + LIFE.as_secs()).is_ok());
        // Sealed by a replica whose clock is ahead.
        assert!(at(NOW.0 - 60).is_ok());
        let Err(OpenError::Expired(restart)) = at(NOW.0 + LIFE.as_secs() + 1) else {
            panic!("not expired")
        };
        assert_eq!(restart.return_to.as_str(), "/a?b=1");
        assert_eq!(restart.username, "jane@example.com");
    }

    #[test]
    fn nobody_learns_a_user_name_from_another_browsers_expired_attempt() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let text = sealed(&seal, Some(&pending()));
        let late = UnixSeconds(NOW.0 + 100_000);
        let opened = Attempt::open(&text, &seal, bearer(Some(THEIRS), true), late);
        assert!(matches!(opened, Err(OpenError::NotYours(_))));
    }

    #[test]
    fn a_changed_attempt_does_not_open() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let text = sealed(&seal, None);
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for index in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[index] ^= 1;
            assert!(
                seal.open(&URL_SAFE_NO_PAD.encode(bent)).is_none(),
                "byte {index}"
            );
        }
        for length in 0..text.len() {
            assert!(seal.open(&text[..length]).is_none(), "cut at {length}");
        }
    }

    #[test]
    fn an_attempt_of_other_keys_or_another_origin_does_not_open() {
        let keys = Keys::generate().unwrap();
        let text = sealed(&Seal::new(&keys, &origin()), None);
        let elsewhere: PublicOrigin = "https://b.example.com".parse().unwrap();
        assert!(Seal::new(&keys, &elsewhere).open(&text).is_none());
        let rotated = Keys::generate().unwrap();
        assert!(Seal::new(&rotated, &origin()).open(&text).is_none());
    }

    #[test]
    fn a_sign_up_comes_back_to_its_own_browser_only() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let (return_to, session) = (
            ReturnTo::root(),
            CognitoSession::new("cognito-session-of-jane".to_owned()),
        );
        let attempt = Fresh {
            return_to: &return_to,
            browser: OURS,
            username: "jane",
            trusted: false,
            pending: None,
            sign_up: Some(&session),
        };
        let text = seal.close(&attempt, NOW).unwrap();
        let back = Attempt::open(&text, &seal, bearer(Some(OURS), false), NOW).unwrap();
        assert_eq!(back.sign_up.unwrap().expose(), session.expose());
        assert!(back.pending.is_none());
        let stolen = Attempt::open(&text, &seal, bearer(Some(THEIRS), true), NOW);
        assert!(matches!(stolen, Err(OpenError::NotYours(_))));
    }

    #[test]
    fn a_form_never_carries_more_than_it_can_post() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let return_to = ReturnTo::root();
        for (length, fits) in [(2_048, true), (12_000, false), (70_000, false)] {
            let username = "x".repeat(length);
            let attempt = Fresh {
                return_to: &return_to,
                browser: OURS,
                username: &username,
                trusted: false,
                pending: None,
                sign_up: None,
            };
            assert_eq!(seal.close(&attempt, NOW).is_ok(), fits, "{length}");
        }
        assert!(seal.open(&"A".repeat(MAX_BYTES + 1)).is_none());
    }

    /// The longest name, session and way back there are, and questions of any length.
    #[test]
    fn the_longest_sign_in_fits_its_form() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let path = format!("/{}", "a".repeat(super::super::return_to::MAX_BYTES - 1));
        let return_to = ReturnTo::parse(&path, &origin(), &[]).unwrap();
        let username = "u".repeat(128);
        let passkeys = vec![r#"{"type":"public-key","id":"AQIDBAUGBwg"}"#; 500].join(",");
        let passkeys = format!(r#"{{"challenge":"Yw","allowCredentials":[{passkeys}]}}"#);
        let texts = (0..16).map(|n| (format!("{n:0>64}"), "\"".repeat(1_000)));
        for (challenge, parameters) in [
            ("CUSTOM_CHALLENGE", texts.collect()),
            (
                "WEB_AUTHN",
                [("CREDENTIAL_REQUEST_OPTIONS".to_owned(), passkeys)].into(),
            ),
        ] {
            let pending = asked(&username, challenge, parameters, "s".repeat(4_096));
            let attempt = Fresh {
                return_to: &return_to,
                browser: OURS,
                username: &username,
                trusted: true,
                pending: Some(&pending),
                sign_up: None,
            };
            let sealed = seal.close(&attempt, NOW);
            assert!(sealed.is_ok(), "{challenge}: {sealed:?}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_sealed_sign_in() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let text = sealed(&seal, Some(&pending()));
        let attempt = Attempt::open(&text, &seal, bearer(Some(OURS), true), NOW).unwrap();
        let shown = format!("{attempt:?} {seal:?}");
        assert!(!shown.contains("cognito-session-of-jane"), "{shown}");
        assert!(!shown.contains("jane@example.com"), "{shown}");
    }

    #[test]
    fn no_hostile_attempt_opens() {
        let seal = Seal::new(&Keys::generate().unwrap(), &origin());
        let cases = include_str!("../../tests/data/attempt.hostile")
            .lines()
            .skip(1);
        for case in cases {
            let opened = Attempt::open(case, &seal, bearer(Some(OURS), true), NOW);
            assert!(
                matches!(opened, Err(OpenError::Malformed)),
                "{case:?} was let through"
            );
            let bytes = URL_SAFE_NO_PAD.decode(case).unwrap_or_default();
            assert!(Attempt::decode(&bytes).is_none(), "{case:?} was decoded");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn opening_never_panics(text in "\\PC{0,200}", raw in proptest::collection::vec(any::<u8>(), 0..300)) {
            let seal = Seal::new(&Keys::generate().unwrap(), &origin());
            for text in [text, URL_SAFE_NO_PAD.encode(&raw)] {
                prop_assert!(Attempt::open(&text, &seal, bearer(Some(OURS), true), NOW).is_err());
            }
            drop(Attempt::decode(&raw));
        }
    }
}
