//! SELECT_CHALLENGE: the first factor is to be chosen (USER_AUTH).

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answering, Asked, Met, NextStep, PasswordChallenge, Question, Reaction};
use crate::{Answer, AnswerError, FirstFactor, FlowError, Secret};

pub(super) const NAME: &str = "SELECT_CHALLENGE";

/// A first factor is to be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectChallenge {
    /// `AvailableChallenges`, those that are known, in the pool's order; never empty.
    pub choices: Vec<FirstFactor>,
}

impl Question for SelectChallenge {
    fn names() -> &'static [&'static str] {
        &[NAME]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        let choices = FirstFactor::known(asked.available);
        if choices.is_empty() {
            return Err(FlowError::NothingToChoose { challenge: NAME });
        }
        Ok(Self { choices }.into())
    }

    fn samples() -> Vec<Self> {
        vec![Self {
            choices: FirstFactor::ALL.to_vec(),
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
        let names: Vec<_> = self.choices.iter().map(|choice| choice.name()).collect();
        NextStep::new(
            "CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION",
            json!({ "availableChallenges": names }),
        )
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        let text = answer.response.expose();
        let chosen = self
            .choices
            .iter()
            .copied()
            .find(|choice| choice.name() == text)
            .ok_or_else(|| AnswerError::NotAChoice {
                field: self.field(),
            })?;
        match chosen {
            FirstFactor::Password => Ok(Reaction::Ask(PasswordChallenge::selected(false).into())),
            FirstFactor::PasswordSrp => Ok(Reaction::Ask(PasswordChallenge::selected(true).into())),
            FirstFactor::EmailOtp | FirstFactor::SmsOtp | FirstFactor::WebAuthn => {
                let value = Secret::new(chosen.name().to_owned());
                answering.responses.insert("ANSWER", value);
                Ok(answering.respond_to(NAME))
            }
        }
    }
}
