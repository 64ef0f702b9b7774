//! Codes that are outstanding: for sign-up, for a forgotten password, for an address.
//!
//! Only a MAC of a code is kept, under the pool's secret. A code for somebody who does not exist is kept the same way and
//! told to nobody, so that a wrong answer gets the same refusal for everyone.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::message::{Contact, Medium};

/// Wrong answers after which a code is dead.
const WRONG_ANSWERS: u8 = 5;

/// Names with codes that are kept; beyond, those who do not exist give way.
const NAMES: usize = 10_000;

/// What a code is good for. One of each is outstanding at a time: a new one replaces the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CodeUse {
    SignUp,
    ResetPassword,
    Email,
    PhoneNumber,
}

/// Codes by the key of the user, or the folded name of nobody.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Codes(BTreeMap<String, BTreeMap<CodeUse, Code>>);

#[derive(Serialize, Deserialize)]
struct Code {
    mac: String,
    until: Duration,
    wrong: u8,
    /// The address it went to: the right answer proves it.
    contact: Contact,
}

/// Why a code is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CodeError {
    Wrong,
    /// Too old, used, or never sent.
    Expired,
    /// Answered wrongly too often.
    Dead,
}

impl CodeUse {
    /// How long a code works.
    fn life(self) -> Duration {
        match self {
            Self::ResetPassword => Duration::from_secs(3_600),
            Self::SignUp | Self::Email | Self::PhoneNumber => Duration::from_secs(86_400),
        }
    }

    /// What a code that proves an address is kept as.
    pub(crate) fn of_medium(medium: Medium) -> Self {
        match medium {
            Medium::Email => Self::Email,
            Medium::Sms => Self::PhoneNumber,
        }
    }
}

impl Codes {
    /// Remembers a code that is about to be sent to `contact`.
    pub(crate) fn put(
        &mut self,
        secret: &[u8],
        key: &str,
        purpose: CodeUse,
        code: &str,
        contact: Contact,
        now: Duration,
    ) {
        let code = Code {
            mac: STANDARD_NO_PAD.encode(hmac::sign(&mac_key(secret), &said(key, purpose, code))),
            until: now + purpose.life(),
            wrong: 0,
            contact,
        };
        self.0
            .entry(key.to_owned())
            .or_default()
            .insert(purpose, code);
    }

    /// Drops what expired and, when there are still too many, what `exists` does not vouch for.
    pub(crate) fn sweep(&mut self, now: Duration, exists: impl Fn(&str) -> bool) {
        let full = self.0.len() >= NAMES;
        self.0.retain(|key, codes| {
            codes.retain(|_, code| code.until > now);
            !codes.is_empty() && (!full || exists(key))
        });
    }

    /// Compares an answer and counts a wrong one. A right code stays until `take`.
    pub(crate) fn check(
        &mut self,
        secret: &[u8],
        key: &str,
        purpose: CodeUse,
        given: &str,
        now: Duration,
    ) -> Result<Contact, CodeError> {
        let code = self
            .0
            .get_mut(key)
            .and_then(|codes| codes.get_mut(&purpose))
            .filter(|code| code.until > now)
            .ok_or(CodeError::Expired)?;
        if code.wrong >= WRONG_ANSWERS {
            return Err(CodeError::Dead);
        }
        let mac = STANDARD_NO_PAD.decode(&code.mac).unwrap_or_default();
        let right = hmac::verify(&mac_key(secret), &said(key, purpose, given), &mac).is_ok();
        if !right {
            code.wrong += 1;
            return Err(CodeError::Wrong);
        }
        Ok(code.contact.clone())
    }

    /// The address the outstanding code of this use went to.
    pub(crate) fn contact(&self, key: &str, purpose: CodeUse, now: Duration) -> Option<&Contact> {
        let code = self.0.get(key)?.get(&purpose)?;
        (code.until > now).then_some(&code.contact)
    }

    /// Ends a code: it did its work.
    pub(crate) fn take(&mut self, key: &str, purpose: CodeUse) {
        if let Some(codes) = self.0.get_mut(key) {
            codes.remove(&purpose);
        }
    }

    /// Ends every code of a name: the user is gone, or new.
    pub(crate) fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }
}

impl From<CodeError> for ApiError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Wrong => {
                Self::code_mismatch("Invalid verification code provided, please try again.")
            }
            CodeError::Expired => {
                Self::expired_code("Invalid code provided, please request a code again.")
            }
            CodeError::Dead => Self::too_many_failed_attempts(
                "Too many failed attempts, please request a code again.",
            ),
        }
    }
}

fn mac_key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// What the MAC is made over: a code of one user and use is none of another.
fn said(key: &str, purpose: CodeUse, code: &str) -> Vec<u8> {
    format!("code {purpose:?}\0{code}\0{key}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn codes() -> Codes {
        let mut codes = Codes::default();
        let contact = Contact {
            medium: Medium::Email,
            address: "ada@example.com".to_owned(),
        };
        codes.put(&[1; 32], "ada", CodeUse::SignUp, "123456", contact, NOW);
        codes
    }

    fn check(codes: &mut Codes, key: &str, purpose: CodeUse, code: &str) -> Result<(), CodeError> {
        codes
            .check(&[1; 32], key, purpose, code, NOW)
            .map(|_contact| ())
    }

    #[test]
    fn a_code_is_good_for_its_user_its_use_and_its_life_and_once() {
        let mut codes = codes();
        let expired = Err(CodeError::Expired);
        assert_eq!(check(&mut codes, "bob", CodeUse::SignUp, "123456"), expired);
        assert_eq!(check(&mut codes, "ada", CodeUse::Email, "123456"), expired);
        let late = codes.check(
            &[1; 32],
            "ada",
            CodeUse::SignUp,
            "123456",
            NOW + Duration::from_secs(86_400),
        );
        assert_eq!(late, Err(CodeError::Expired));
        assert_eq!(check(&mut codes, "ada", CodeUse::SignUp, "123456"), Ok(()));
        codes.take("ada", CodeUse::SignUp);
        assert_eq!(check(&mut codes, "ada", CodeUse::SignUp, "123456"), expired);
    }

    #[test]
    fn after_five_wrong_answers_the_right_one_is_refused() {
        let mut codes = codes();
        for _guess in 0..5 {
            assert_eq!(
                check(&mut codes, "ada", CodeUse::SignUp, "000000"),
                Err(CodeError::Wrong)
            );
        }
        assert_eq!(
            check(&mut codes, "ada", CodeUse::SignUp, "123456"),
            Err(CodeError::Dead)
        );
    }

    #[test]
    fn the_code_itself_is_not_kept() {
        let kept = serde_json::to_string(&codes()).unwrap();
        assert!(!kept.contains("123456"), "{kept}");
        assert!(kept.contains("ada@example.com"), "{kept}");
    }

    #[test]
    fn made_up_names_give_way_when_there_are_too_many() {
        let mut codes = codes();
        for name in 0..NAMES {
            let contact = Contact {
                medium: Medium::Email,
                address: String::new(),
            };
            codes.put(
                &[1; 32],
                &name.to_string(),
                CodeUse::ResetPassword,
                "1",
                contact,
                NOW,
            );
        }
        codes.sweep(NOW, |key| key == "ada");
        assert_eq!(codes.0.len(), 1);
        codes.sweep(NOW + Duration::from_secs(86_400), |_| true);
        assert!(codes.0.is_empty());
    }
}
