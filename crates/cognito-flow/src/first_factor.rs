//! The first factors of USER_AUTH.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A first factor of USER_AUTH (`PREFERRED_CHALLENGE`, `AvailableChallenges`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirstFactor {
    WebAuthn,
    EmailOtp,
    SmsOtp,
    PasswordSrp,
    Password,
}

impl FirstFactor {
    pub const ALL: [Self; 5] = [
        Self::WebAuthn,
        Self::EmailOtp,
        Self::SmsOtp,
        Self::PasswordSrp,
        Self::Password,
    ];

    /// Cognito's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebAuthn => "WEB_AUTHN",
            Self::EmailOtp => "EMAIL_OTP",
            Self::SmsOtp => "SMS_OTP",
            Self::PasswordSrp => "PASSWORD_SRP",
            Self::Password => "PASSWORD",
        }
    }

    /// Whether the proof is a password, which the first call can carry.
    pub const fn is_password(self) -> bool {
        matches!(self, Self::Password | Self::PasswordSrp)
    }

    /// Those of the pool's list that are known, each once.
    pub(crate) fn known(names: &[String]) -> Vec<Self> {
        let mut known = Vec::new();
        for name in names {
            let found: Option<Self> = name.parse().ok();
            known.extend(found.filter(|factor| !known.contains(factor)));
        }
        known
    }
}

impl fmt::Display for FirstFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FirstFactor {
    type Err = UnknownFirstFactor;

    fn from_str(text: &str) -> Result<Self, UnknownFirstFactor> {
        Self::ALL
            .into_iter()
            .find(|factor| factor.name() == text)
            .ok_or(UnknownFirstFactor)
    }
}

/// Not a first factor, as a text for the person who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected WEB_AUTHN, EMAIL_OTP, SMS_OTP, PASSWORD_SRP or PASSWORD")]
pub struct UnknownFirstFactor;
