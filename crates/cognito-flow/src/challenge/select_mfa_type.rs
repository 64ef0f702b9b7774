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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::*;
    use crate::{FlowKind, Step};

    fn meet(choices: &str) -> Result<Step, FlowError> {
        let parameters = [("MFAS_CAN_CHOOSE", choices)];
        Bed::of(FlowKind::UserPasswordAuth).meet(NAME, &parameters)
    }

    fn choose(text: &str) -> Result<Step, AnswerError> {
        let pending = ask(meet(r#"["SMS_MFA","SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#));
        Bed::of(FlowKind::UserPasswordAuth).answer(pending, text)
    }

    #[test]
    fn what_can_be_chosen_has_amplifys_names() {
        let all = ask(meet(r#"["SMS_MFA","NEW_MFA","EMAIL_MFA","SOFTWARE_TOKEN_MFA","SMS_MFA"]"#));
        let next_step = all.challenge().next_step();
        assert_eq!(next_step.sign_in_step, "CONTINUE_SIGN_IN_WITH_MFA_SELECTION");
        let details = json!({"allowedMFATypes": ["SMS", "EMAIL", "TOTP"]});
        assert_eq!(Value::Object(next_step.details), details);
    }

    #[test]
    fn either_name_of_a_choice_is_answered_with_cognitos() {
        for (typed, cognitos) in [
            ("SMS", "SMS_MFA"),
            ("TOTP", "SOFTWARE_TOKEN_MFA"),
            ("EMAIL", "EMAIL_OTP"),
            ("EMAIL_OTP", "EMAIL_OTP"),
        ] {
            let (call, _) = call(choose(typed));
            let expected = vec![("ANSWER", cognitos)];
            assert_eq!(
                sent_besides_the_name(&call),
                ("RespondToAuthChallenge", NAME, expected, Some(SESSION))
            );
        }
    }

    #[test]
    fn what_was_not_offered_is_no_choice() {
        let field = "choice";
        for text in ["sms", "WEB_AUTHN"] {
            let error = choose(text).unwrap_err();
            assert_eq!(error, AnswerError::NotAChoice { field }, "{text}");
        }
        let one = ask(meet(r#"["SMS_MFA"]"#));
        let error = Bed::of(FlowKind::UserPasswordAuth).answer(one, "TOTP");
        assert_eq!(error.unwrap_err(), AnswerError::NotAChoice { field });
    }

    #[test]
    fn nothing_to_choose_and_no_list_are_errors() {
        let challenge = NAME;
        for choices in ["[]", r#"["NEW_MFA"]"#] {
            let error = meet(choices).unwrap_err();
            assert_eq!(error, FlowError::NothingToChoose { challenge });
        }
        let what = "MFAS_CAN_CHOOSE";
        for choices in ["", "SMS_MFA", "{}", "[1]"] {
            let error = meet(choices).unwrap_err();
            assert_eq!(error, FlowError::BadServerValue { what }, "{choices}");
        }
    }
}
