//! The kinds of second factor, by Cognito's names and by Amplify's.

use serde::{Deserialize, Serialize};

use crate::{Answer, AnswerError};

/// A kind of second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MfaType {
    SoftwareToken,
    Sms,
    Email,
}

impl MfaType {
    pub const ALL: [Self; 3] = [Self::SoftwareToken, Self::Sms, Self::Email];

    /// Cognito's name. Some of its pages write EMAIL_MFA; the service takes EMAIL_OTP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SoftwareToken => "SOFTWARE_TOKEN_MFA",
            Self::Sms => "SMS_MFA",
            Self::Email => "EMAIL_OTP",
        }
    }

    /// Amplify's name (`allowedMFATypes`).
    pub const fn amplify(self) -> &'static str {
        match self {
            Self::SoftwareToken => "TOTP",
            Self::Sms => "SMS",
            Self::Email => "EMAIL",
        }
    }

    /// Those of the pool's list that are known, each once.
    pub(crate) fn known(names: &[String]) -> Vec<Self> {
        let mut known = Vec::new();
        for name in names {
            let found = Self::ALL
                .into_iter()
                .find(|kind| kind.name() == name || (*kind == Self::Email && name == "EMAIL_MFA"));
            known.extend(found.filter(|kind| !known.contains(kind)));
        }
        known
    }

    /// The one of `choices` that an answer names, by either name.
    pub(crate) fn chosen(
        choices: &[Self],
        answer: &Answer,
        field: &'static str,
    ) -> Result<Self, AnswerError> {
        let text = answer.response.expose();
        choices
            .iter()
            .copied()
            .find(|kind| kind.amplify() == text || kind.name() == text)
            .ok_or(AnswerError::NotAChoice { field })
    }
}
