//! Factors: which ones a pool asks for, and which ones a user has.
//!
//! Second factors follow MfaConfiguration and the user's preference; first factors follow SignInPolicy. Codes under way
//! are not kept here: they travel in the sealed `Session`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Device, Passkey, Pool, PoolSettings, User, UserStatus};
use crate::totp;

/// `MfaConfiguration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MfaConfiguration {
    /// Nobody is asked for a second factor.
    #[default]
    Off,
    /// Users who switched a factor on are asked.
    Optional,
    /// Everybody is asked; who has no factor sets one up while signing in.
    On,
}

/// A second factor, by its name in `UserMFASettingList`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MfaMethod {
    /// A code to the phone.
    SmsMfa,
    /// An authenticator app (RFC 6238).
    SoftwareTokenMfa,
    /// A code to the e-mail address.
    EmailOtp,
}

/// What a choice-based sign-in (USER_AUTH) may begin with: an entry of `AllowedFirstAuthFactors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FirstFactor {
    /// The password, plain or by SRP.
    Password,
    /// A code to the verified e-mail address.
    EmailOtp,
    /// A code to the verified phone number.
    SmsOtp,
    /// A passkey.
    WebAuthn,
}

/// Second factors of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MfaSettings {
    /// Who is asked.
    pub configuration: MfaConfiguration,
    /// What users may choose from.
    pub methods: BTreeSet<MfaMethod>,
}

impl MfaConfiguration {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Off, Self::Optional, Self::On];

    /// The name on the wire and in the seed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Optional => "OPTIONAL",
            Self::On => "ON",
        }
    }

    /// The value of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.name() == name)
    }
}

impl MfaMethod {
    /// Every method, in the order they are listed to users.
    pub const ALL: [Self; 3] = [Self::SmsMfa, Self::SoftwareTokenMfa, Self::EmailOtp];

    /// The name on the wire and in the seed: also the challenge that asks for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SmsMfa => "SMS_MFA",
            Self::SoftwareTokenMfa => "SOFTWARE_TOKEN_MFA",
            Self::EmailOtp => "EMAIL_OTP",
        }
    }

    /// The method of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

impl FirstFactor {
    /// Every factor.
    pub const ALL: [Self; 4] = [Self::Password, Self::EmailOtp, Self::SmsOtp, Self::WebAuthn];

    /// The name on the wire and in the seed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "PASSWORD",
            Self::EmailOtp => "EMAIL_OTP",
            Self::SmsOtp => "SMS_OTP",
            Self::WebAuthn => "WEB_AUTHN",
        }
    }

    /// The factor of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|factor| factor.name() == name)
    }
}

/// What a user has besides the password.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Factors {
    /// Second factors that are switched on.
    pub(crate) enabled: BTreeSet<MfaMethod>,
    /// One of them; asked for without a choice.
    pub(crate) preferred: Option<MfaMethod>,
    /// The authenticator app whose code was verified.
    pub(crate) software_token: Option<SoftwareToken>,
    /// The secret handed out by AssociateSoftwareToken to a signed-in user, until a code proves that it arrived.
    pub(crate) associating: Option<String>,
    /// At most `Passkey::MOST`, oldest first.
    pub(crate) passkeys: Vec<Passkey>,
    /// The passkey registration under way: a new one replaces it.
    pub(crate) registering: Option<Registering>,
    /// By device key: what ConfirmDevice made.
    pub(crate) devices: BTreeMap<String, Device>,
}

/// The name by which the lock-out counts the wrong codes of a user: apart from the passwords, since the right password,
/// which comes first, clears the count of those.
pub(crate) fn code_attempts(user: &str) -> String {
    format!("{user}\0code")
}

/// An authenticator app.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SoftwareToken {
    /// Base32 without padding.
    pub(crate) secret: String,
    pub(crate) friendly_name: Option<String>,
    /// The time step of the last code that was right: that step and earlier ones are used up (RFC 6238 §5.2).
    pub(crate) last_step: u64,
}

/// A challenge of StartWebAuthnRegistration.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Registering {
    /// Base64url without padding.
    pub(crate) challenge: String,
    pub(crate) client: String,
    pub(crate) expires: Duration,
}

/// What a code says about an authenticator app.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CodeCheck {
    Right,
    Wrong,
    /// Right, but its time step was used before.
    Replayed,
}

impl SoftwareToken {
    /// Looks at a code of the current step or one to either side, and uses the step up when it is right.
    pub(crate) fn check(&mut self, code: &str, now: Duration) -> CodeCheck {
        match totp::step_of(&self.secret, code, now.as_secs()) {
            None => CodeCheck::Wrong,
            Some(step) if step <= self.last_step => CodeCheck::Replayed,
            Some(step) => {
                self.last_step = step;
                CodeCheck::Right
            }
        }
    }
}

impl PoolSettings {
    /// Whether users may do without a password: there is another way to begin.
    pub(crate) fn is_passwordless(&self) -> bool {
        self.first_factors
            .iter()
            .any(|factor| *factor != FirstFactor::Password)
    }
}

impl Pool {
    /// Whether a sign-in of this user is not done without a second factor.
    pub(crate) fn asks_second_factor_of(&self, user: &User) -> bool {
        match self.settings.mfa.configuration {
            MfaConfiguration::Off => false,
            MfaConfiguration::On => true,
            MfaConfiguration::Optional => user
                .factors
                .enabled
                .iter()
                .any(|method| self.settings.mfa.methods.contains(method)),
        }
    }

    /// What USER_AUTH lets this user begin with: what the pool allows and the user has. Where a second factor is due,
    /// codes and single-factor passkeys are no way in: they would be it.
    pub(crate) fn first_factors_of(&self, user: &User) -> Vec<FirstFactor> {
        let settings = &self.settings;
        let allowed = |factor: FirstFactor| match factor {
            FirstFactor::Password => {
                settings.first_factors.is_empty() || settings.first_factors.contains(&factor)
            }
            _ => settings.first_factors.contains(&factor),
        };
        let (temporary, second) = (
            user.status == UserStatus::ForceChangePassword,
            self.asks_second_factor_of(user),
        );
        let has = |factor: FirstFactor| match factor {
            FirstFactor::Password => user.password.is_some(),
            FirstFactor::EmailOtp => !temporary && !second && user.verified("email").is_some(),
            FirstFactor::SmsOtp => !temporary && !second && user.verified("phone_number").is_some(),
            FirstFactor::WebAuthn => {
                !temporary
                    && settings.web_authn.as_ref().is_some_and(|web_authn| {
                        (!second || web_authn.multi_factor)
                            && user.factors.passkeys.iter().any(|passkey| {
                                passkey.relying_party_id == web_authn.relying_party_id
                            })
                    })
            }
        };
        FirstFactor::ALL
            .into_iter()
            .filter(|factor| allowed(*factor) && has(*factor))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

    #[test]
    fn a_code_works_one_step_early_or_late_and_no_step_twice() {
        let now = Duration::from_secs(1_000_000_000);
        let at = |steps: i64| {
            let seconds = now.as_secs().checked_add_signed(steps * 30).unwrap();
            totp::code(SECRET, seconds).unwrap()
        };
        let token = SoftwareToken {
            secret: SECRET.to_owned(),
            friendly_name: None,
            last_step: 0,
        };
        for (steps, expected) in [
            (-2, CodeCheck::Wrong),
            (-1, CodeCheck::Right),
            (0, CodeCheck::Right),
            (1, CodeCheck::Right),
            (2, CodeCheck::Wrong),
        ] {
            assert_eq!(token.clone().check(&at(steps), now), expected, "{steps}");
        }
        let mut token = token;
        assert_eq!(token.check(&at(0), now), CodeCheck::Right);
        assert_eq!(token.check(&at(0), now), CodeCheck::Replayed);
        assert_eq!(token.check(&at(-1), now), CodeCheck::Replayed);
        assert_eq!(token.check(&at(1), now), CodeCheck::Right);
    }
}
