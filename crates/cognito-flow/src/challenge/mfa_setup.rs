//! MFA_SETUP: the pool wants a second factor and the person has none.
//!
//! With one way to set one up, it begins at once; with two, the person chooses, without a call. SMS needs a telephone
//! number, which cannot be set in the middle of a sign-in.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answering, Asked, AuthenticatorSetup, EmailSetup, Met, NextStep, Question, Reaction};
use crate::course::Awaits;
use crate::{Answer, AnswerError, Call, CognitoSession, FlowError, MfaType};

pub(super) const NAME: &str = "MFA_SETUP";

/// What is to be set up is to be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MfaSetup {
    /// Those of `MFAS_CAN_SETUP` that can be set up here: two or more.
    pub choices: Vec<MfaType>,
}

impl Question for MfaSetup {
    fn names() -> &'static [&'static str] {
        &[NAME]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        let names: Vec<String> = asked.json("MFAS_CAN_SETUP")?;
        let mut choices = MfaType::known(&names);
        choices.retain(|choice| *choice != MfaType::Sms);
        match choices.as_slice() {
            [] => Err(FlowError::NothingToChoose { challenge: NAME }),
            [MfaType::Email] => Ok(EmailSetup {}.into()),
            [_] => {
                let (call, awaits) = associate(asked.session.take());
                Ok(Met::Call(call, awaits))
            }
            _ => Ok(Self { choices }.into()),
        }
    }

    fn samples() -> Vec<Self> {
        vec![Self {
            choices: vec![MfaType::SoftwareToken, MfaType::Email],
        }]
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn page(&self) -> &'static str {
        "choose"
    }

    fn field(&self) -> &'static str {
        "choice"
    }

    fn next_step(&self) -> NextStep {
        let types: Vec<_> = self.choices.iter().map(|choice| choice.amplify()).collect();
        NextStep::new(
            "CONTINUE_SIGN_IN_WITH_MFA_SETUP_SELECTION",
            json!({ "allowedMFATypes": types }),
        )
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        match MfaType::chosen(&self.choices, &answer, self.field())? {
            MfaType::Email => Ok(Reaction::Ask(EmailSetup {}.into())),
            MfaType::SoftwareToken | MfaType::Sms => {
                let (call, awaits) = associate(answering.session.take());
                Ok(Reaction::Call(call, awaits))
            }
        }
    }
}

/// AssociateSoftwareToken: its secret leads to [`AuthenticatorSetup`].
const fn associate(session: Option<CognitoSession>) -> (Call, Awaits) {
    (
        Call::AssociateSoftwareToken { session },
        Awaits::SoftwareTokenSecret,
    )
}

/// The question that AssociateSoftwareToken's secret leads to.
pub(crate) fn with_secret(secret_code: String) -> super::Challenge {
    AuthenticatorSetup { secret_code }.into()
}
