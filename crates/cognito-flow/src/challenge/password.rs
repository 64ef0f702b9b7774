//! PASSWORD and PASSWORD_SRP, and their choice at SELECT_CHALLENGE: the password as first factor of USER_AUTH.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::password_verifier::Prover;
use super::{Answering, Asked, Met, NextStep, Question, Reaction, select_challenge};
use crate::course::{Awaits, Otherwise};
use crate::{Answer, AnswerError, FirstFactor, FlowError, Secret};

/// The password is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChallenge {
    /// Whether it is proven by SRP; else it is sent to the pool.
    pub srp: bool,
    /// Chosen here at SELECT_CHALLENGE, which the response answers too.
    selected: bool,
}

impl PasswordChallenge {
    /// The person chose it; the pool is told with the proof.
    pub(super) const fn selected(srp: bool) -> Self {
        Self {
            srp,
            selected: true,
        }
    }

    const fn factor(self) -> FirstFactor {
        if self.srp {
            FirstFactor::PasswordSrp
        } else {
            FirstFactor::Password
        }
    }
}

impl Question for PasswordChallenge {
    fn names() -> &'static [&'static str] {
        &["PASSWORD", "PASSWORD_SRP"]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        let srp = asked.name == FirstFactor::PasswordSrp.name();
        Ok(Self {
            srp,
            selected: false,
        }
        .into())
    }

    fn samples() -> Vec<Self> {
        vec![Self::selected(true)]
    }

    fn name(&self) -> &'static str {
        self.factor().name()
    }

    fn page(&self) -> &'static str {
        "password"
    }

    fn field(&self) -> &'static str {
        "password"
    }

    fn next_step(&self) -> NextStep {
        NextStep::new("CONFIRM_SIGN_IN_WITH_PASSWORD", Value::Null)
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        let factor = self.factor().name();
        let challenge = if self.selected {
            let value = Secret::new(factor.to_owned());
            answering.responses.insert("ANSWER", value);
            select_challenge::NAME
        } else {
            factor
        };
        if !self.srp {
            answering.responses.insert("PASSWORD", answer.response);
            return Ok(answering.respond_to(challenge));
        }
        let prover = Prover::new(answering.context.entropy.expose(), answer.response);
        answering
            .responses
            .insert("SRP_A", Secret::new(prover.srp_a()));
        let awaits = Awaits::PasswordVerifier {
            prover,
            otherwise: Otherwise::Nothing,
        };
        Ok(answering.respond_awaiting(challenge, awaits))
    }
}
