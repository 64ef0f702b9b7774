//! Form tokens: a form of ours was given to this browser, for this purpose, not long ago.
//!
//! The second lock on every form, after `same_origin`. Nothing is stored: a token is its expiry and a MAC over
//! everything it is good for.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cognito_flow::UnixSeconds;

use crate::keys::Keys;

use super::attempt::LIFE;
use super::browser::Binding;

/// The forms there are. A token for one is no good for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormName {
    SignIn,
    Challenge,
    SignOut,
    ForgotPassword,
    ResetPassword,
    SignUp,
    ConfirmSignUp,
    ResendCode,
    SendAttributeCode,
    VerifyAttribute,
    AddPasskey,
    SavePasskey,
    DeletePasskey,
    DeclinePasskey,
    ForgetDevice,
}

impl FormName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Challenge => "challenge",
            Self::SignOut => "sign-out",
            Self::ForgotPassword => "forgot-password",
            Self::ResetPassword => "reset-password",
            Self::SignUp => "sign-up",
            Self::ConfirmSignUp => "confirm",
            Self::ResendCode => "resend-code",
            Self::SendAttributeCode => "send-attribute-code",
            Self::VerifyAttribute => "verify-attribute",
            Self::AddPasskey => "add-passkey",
            Self::SavePasskey => "save-passkey",
            Self::DeletePasskey => "delete-passkey",
            Self::DeclinePasskey => "decline-passkey",
            Self::ForgetDevice => "forget-device",
        }
    }
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("the form token is missing, forged, or for another form or browser")]
    Wrong,
    /// Genuine, but as old as an attempt can be.
    #[error("the form token has expired")]
    Expired,
}

/// Makes and checks form tokens.
pub(super) struct FormTokens {
    keys: Vec<hmac::Key>,
}

impl FormTokens {
    pub(super) fn new(keys: &Keys) -> Self {
        let keys = keys
            .opening("form")
            .iter()
            .map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
            .collect();
        Self { keys }
    }

    /// A token for a form that holds this sealed attempt (or an empty text), good for [`LIFE`].
    pub(super) fn issue(
        &self,
        form: FormName,
        browser: &Binding,
        attempt: &str,
        now: UnixSeconds,
    ) -> String {
        let expires = now.0.saturating_add(LIFE.as_secs()).to_be_bytes();
        let mut token = expires.to_vec();
        // The first key is the newest; there always is one.
        if let Some(key) = self.keys.first() {
            token.extend(hmac::sign(key, &claim(form, browser, attempt, expires)).as_ref());
        }
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Checks a token that came with the form.
    pub(super) fn check(
        &self,
        token: &str,
        form: FormName,
        browser: &Binding,
        attempt: &str,
        now: UnixSeconds,
    ) -> Result<(), TokenError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| TokenError::Wrong)?;
        let (expires, mac) = bytes.split_first_chunk::<8>().ok_or(TokenError::Wrong)?;
        let claim = claim(form, browser, attempt, *expires);
        let genuine = self
            .keys
            .iter()
            .any(|key| hmac::verify(key, &claim, mac).is_ok());
        if !genuine {
            return Err(TokenError::Wrong);
        }
        if now.0 > u64::from_be_bytes(*expires) {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}

/// Each part with its length before it: no two claims have the same bytes.
fn claim(form: FormName, browser: &Binding, attempt: &str, expires: [u8; 8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [
        &browser.as_bytes()[..],
        form.as_str().as_bytes(),
        attempt.as_bytes(),
        &expires,
    ] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_000_000);
    const OURS: Binding = Binding::from_bytes([1; 32]);
    const THEIRS: Binding = Binding::from_bytes([2; 32]);

    #[test]
    fn a_token_is_good_for_its_form_browser_and_attempt_only() {
        let tokens = FormTokens::new(&Keys::generate().unwrap());
        let token = tokens.issue(FormName::SignIn, &OURS, "attempt", NOW);
        let check =
            |token: &str, form, browser, attempt| tokens.check(token, form, browser, attempt, NOW);
        assert_eq!(check(&token, FormName::SignIn, &OURS, "attempt"), Ok(()));
        for (form, browser, attempt) in [
            (FormName::Challenge, &OURS, "attempt"),
            (FormName::SignOut, &OURS, "attempt"),
            (FormName::SignIn, &THEIRS, "attempt"),
            (FormName::SignIn, &OURS, "attempt2"),
            (FormName::SignIn, &OURS, ""),
        ] {
            assert_eq!(
                check(&token, form, browser, attempt),
                Err(TokenError::Wrong),
                "{form:?}"
            );
        }
        let other = FormTokens::new(&Keys::generate().unwrap());
        let foreign = other.issue(FormName::SignIn, &OURS, "attempt", NOW);
        for forged in [
            "",
            "A",
            "AAAA",
            "not base64!",
            &token[..20],
            foreign.as_str(),
        ] {
            assert_eq!(
                check(forged, FormName::SignIn, &OURS, "attempt"),
                Err(TokenError::Wrong),
                "{forged:?}"
            );
        }
    }

    #[test]
    fn a_token_lives_as_long_as_an_attempt() {
        let tokens = FormTokens::new(&Keys::generate().unwrap());
        let token = tokens.issue(FormName::SignOut, &OURS, "", NOW);
        let at = |seconds| {
            tokens.check(
                &token,
                FormName::SignOut,
                &OURS,
                "",
                UnixSeconds(NOW.0 + seconds),
            )
        };
        assert_eq!(at(LIFE.as_secs()), Ok(()));
        assert_eq!(at(LIFE.as_secs() + 1), Err(TokenError::Expired));
    }

    #[test]
    fn moving_the_expiry_breaks_the_token() {
        let tokens = FormTokens::new(&Keys::generate().unwrap());
        let token = tokens.issue(FormName::SignOut, &OURS, "", NOW);
        let mut bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        bytes[0] = 0xff;
        let later = URL_SAFE_NO_PAD.encode(bytes);
        assert_eq!(
            tokens.check(&later, FormName::SignOut, &OURS, "", NOW),
            Err(TokenError::Wrong)
        );
    }
}
