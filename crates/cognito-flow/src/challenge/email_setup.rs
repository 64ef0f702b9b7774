//! MFA_SETUP by e-mail: the address that codes are sent to. An EMAIL_OTP challenge follows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Answering, Asked, Met, NextStep, Question, Reaction, mfa_setup};
use crate::{Answer, AnswerError, FlowError, Secret};

/// An e-mail address is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailSetup {}

impl Question for EmailSetup {
    fn names() -> &'static [&'static str] {
        &[]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        Err(FlowError::UnsupportedChallenge {
            name: asked.name.to_owned(),
        })
    }

    fn samples() -> Vec<Self> {
        vec![Self {}]
    }

    fn name(&self) -> &'static str {
        mfa_setup::NAME
    }

    fn page(&self) -> &'static str {
        "email_setup"
    }

    fn field(&self) -> &'static str {
        "email"
    }

    fn next_step(&self) -> NextStep {
        NextStep::new("CONTINUE_SIGN_IN_WITH_EMAIL_SETUP", Value::Null)
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        let email = answer.response.expose().trim().to_owned();
        if email.is_empty() {
            let field = self.field();
            return Err(AnswerError::Empty { field });
        }
        answering.responses.insert("EMAIL", Secret::new(email));
        Ok(answering.respond_to(mfa_setup::NAME))
    }
}
