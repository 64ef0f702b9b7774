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
        // Also in reply to a password, for a person who cannot sign in by one: it was not looked at.
        asked.course.password_proven = false;
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::*;
    use crate::{Challenge, FlowKind, Pending, Step};

    fn meet(available: &[&str]) -> Result<Step, FlowError> {
        let bed = Bed::of(FlowKind::UserAuth);
        let (_, flow) = bed.begin();
        flow.on_reply(select_challenge(available), bed.context())
    }

    fn choose(factor: &str) -> Result<Step, AnswerError> {
        let all = FirstFactor::ALL.map(FirstFactor::name);
        Bed::of(FlowKind::UserAuth).answer(ask(meet(&all)), factor)
    }

    #[test]
    fn what_is_available_is_offered_once_and_in_the_pools_order() {
        let pending = ask(meet(&["EMAIL_OTP", "RETINA_SCAN", "PASSWORD_SRP", "EMAIL_OTP"]));
        let next_step = pending.challenge().next_step();
        assert_eq!(
            next_step.sign_in_step,
            "CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION"
        );
        let details = json!({"availableChallenges": ["EMAIL_OTP", "PASSWORD_SRP"]});
        assert_eq!(Value::Object(next_step.details), details);
    }

    #[test]
    fn nothing_that_can_be_chosen_is_an_error() {
        for available in [&[][..], &["RETINA_SCAN"]] {
            let challenge = NAME;
            let error = meet(available).unwrap_err();
            assert_eq!(error, FlowError::NothingToChoose { challenge });
        }
    }

    #[test]
    fn a_code_or_a_passkey_is_asked_of_the_pool() {
        for factor in ["EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"] {
            let (call, _) = call(choose(factor));
            assert_eq!(
                sent_besides_the_name(&call),
                ("RespondToAuthChallenge", NAME, vec![("ANSWER", factor)], Some(SESSION))
            );
        }
    }

    #[test]
    fn a_password_is_asked_of_the_person_and_sent_with_the_choice() {
        let bed = Bed::of(FlowKind::UserAuth);
        let pending: Pending = ask(choose("PASSWORD"));
        assert!(matches!(pending.challenge(), Challenge::PasswordChallenge(_)));
        let (plain, _) = call(bed.answer(pending, PASSWORD));
        let expected = vec![("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD)];
        assert_eq!(
            sent_besides_the_name(&plain),
            ("RespondToAuthChallenge", NAME, expected, Some(SESSION))
        );
        let (by_srp, _) = call(bed.answer(ask(choose("PASSWORD_SRP")), PASSWORD));
        let (_, name, parameters, session) = sent_besides_the_name(&by_srp);
        assert_eq!((name, session), (NAME, Some(SESSION)));
        assert_eq!(parameters[0], ("ANSWER", "PASSWORD_SRP"));
        assert_eq!((parameters.len(), parameters[1].0), (2, "SRP_A"));
    }

    #[test]
    fn what_was_not_offered_is_no_choice() {
        let field = "choice";
        for text in ["RETINA_SCAN", "password", "EMAIL"] {
            let error = choose(text).unwrap_err();
            assert_eq!(error, AnswerError::NotAChoice { field }, "{text}");
        }
        let offered = ask(meet(&["EMAIL_OTP"]));
        let error = Bed::of(FlowKind::UserAuth).answer(offered, "SMS_OTP");
        assert_eq!(error.unwrap_err(), AnswerError::NotAChoice { field });
    }
}
