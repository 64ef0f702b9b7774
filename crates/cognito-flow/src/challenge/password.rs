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
        asked.course.password_proven = false;
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

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::testing::*;
    use crate::{FlowKind, Pending};

    fn asked(name: &str) -> (Bed, Pending) {
        let bed = Bed::of(FlowKind::UserAuth);
        let pending = bed.question(name, &[("USERNAME", "jane")]);
        assert_eq!(pending.challenge().name(), name);
        (bed, pending)
    }

    #[test]
    fn a_password_is_sent_or_proven_as_the_pool_asks() {
        for name in ["PASSWORD", "PASSWORD_SRP"] {
            let (_, pending) = asked(name);
            let next_step = pending.challenge().next_step();
            assert_eq!(next_step.sign_in_step, "CONFIRM_SIGN_IN_WITH_PASSWORD");
            assert_eq!(next_step.details, Map::new());
        }
        let (bed, pending) = asked("PASSWORD");
        let (plain, _) = call(bed.answer(pending, PASSWORD));
        assert_eq!(
            sent_besides_the_name(&plain),
            ("RespondToAuthChallenge", "PASSWORD", vec![("PASSWORD", PASSWORD)], Some(SESSION))
        );
        let (bed, pending) = asked("PASSWORD_SRP");
        let (by_srp, _) = call(bed.answer(pending, PASSWORD));
        let (operation, name, parameters, session) = sent_besides_the_name(&by_srp);
        assert_eq!((operation, name), ("RespondToAuthChallenge", "PASSWORD_SRP"));
        assert_eq!((parameters.len(), parameters[0].0), (1, "SRP_A"));
        assert_eq!(session, Some(SESSION));
    }

    #[test]
    fn after_srp_a_only_the_verifier_is_in_turn() {
        for (reply, got) in [
            (tokens(), "AuthenticationResult"),
            (challenge("EMAIL_OTP", &[], None), "EMAIL_OTP"),
        ] {
            let (bed, pending) = asked("PASSWORD_SRP");
            let (_, flow) = call(bed.answer(pending, PASSWORD));
            let error = flow.on_reply(reply, bed.context()).unwrap_err();
            let want = "PASSWORD_VERIFIER";
            let got = got.to_owned();
            assert_eq!(error, FlowError::OutOfTurn { want, got });
        }
    }

    #[test]
    fn a_password_of_spaces_is_a_password_and_an_empty_one_is_none() {
        let (bed, pending) = asked("PASSWORD");
        let (spaces, _) = call(bed.answer(pending, "   "));
        assert_eq!(sent_besides_the_name(&spaces).2, [("PASSWORD", "   ")]);
        let (bed, pending) = asked("PASSWORD");
        let error = bed.answer(pending, "").unwrap_err();
        assert_eq!(error, AnswerError::Empty { field: "password" });
    }
}
