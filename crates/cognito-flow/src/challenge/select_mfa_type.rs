//! SELECT_MFA_TYPE: several second factors are set up and none is preferred.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answering, Asked, Met, NextStep, Question, Reaction};
use crate::{Answer, AnswerError, FlowError, MfaType, Secret};

const NAME: &str = "SELECT_MFA_TYPE";

/// A second factor is to be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectMfaType {
    /// `MFAS_CAN_CHOOSE`, those that are known, in the pool's order; never empty.
    pub choices: Vec<MfaType>,
}

impl Question for SelectMfaType {
    fn names() -> &'static [&'static str] {
        &[NAME]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        let names: Vec<String> = asked.json("MFAS_CAN_CHOOSE")?;
        let choices = MfaType::known(&names);
        if choices.is_empty() {
            return Err(FlowError::NothingToChoose { challenge: NAME });
        }
        Ok(Self { choices }.into())
    }

    fn samples() -> Vec<Self> {
        vec![Self {
            choices: MfaType::ALL.to_vec(),
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
            "CONTINUE_SIGN_IN_WITH_MFA_SELECTION",
            json!({ "allowedMFATypes": types }),
        )
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        let chosen = MfaType::chosen(&self.choices, &answer, self.field())?;
        let value = Secret::new(chosen.name().to_owned());
        answering.responses.insert("ANSWER", value);
        Ok(answering.respond_to(NAME))
    }
}
