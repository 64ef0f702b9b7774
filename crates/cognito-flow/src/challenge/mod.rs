//! The challenges a person answers, one file each; `password_verifier` is the one the flow answers by itself.
//!
//! A new challenge is a variant here, its file, and a variant of [`Answer`]. Its file reads the challenge's parameters and
//! adds to the responses what the answer needs; USERNAME, SECRET_HASH and `Session` are put in by [`Pending`](crate::Pending).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Answer, AnswerError, FlowError, Parameters};

mod new_password;
pub(crate) mod password_verifier;

pub use new_password::NewPasswordRequired;

/// What the person is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Challenge {
    /// First sign-in with the password an administrator set.
    NewPasswordRequired(NewPasswordRequired),
}

impl Challenge {
    /// Cognito's `ChallengeName`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NewPasswordRequired(_) => new_password::NAME,
        }
    }

    /// Whether a challenge of this `ChallengeName` can be put to a person.
    pub fn is_known(name: &str) -> bool {
        let read = Self::read(name, &BTreeMap::new());
        !matches!(read, Err(FlowError::UnsupportedChallenge { .. }))
    }

    pub(crate) fn read(
        name: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, FlowError> {
        match name {
            new_password::NAME => {
                NewPasswordRequired::read(parameters).map(Self::NewPasswordRequired)
            }
            _ => Err(FlowError::UnsupportedChallenge {
                name: name.to_owned(),
            }),
        }
    }

    pub(crate) fn respond(
        &self,
        answer: Answer,
        responses: &mut Parameters,
    ) -> Result<(), AnswerError> {
        match (self, answer) {
            (
                Self::NewPasswordRequired(challenge),
                Answer::NewPassword {
                    password,
                    attributes,
                },
            ) => challenge.respond(password, attributes, responses),
        }
    }
}
