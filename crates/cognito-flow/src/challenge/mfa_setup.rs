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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::*;
    use crate::{CognitoSession, Flow, FlowKind, Pending, Reply, Step};

    const BOTH: &str = r#"["SMS_MFA","SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#;

    fn bed() -> Bed {
        Bed::of(FlowKind::UserPasswordAuth)
    }

    fn meet(can_set_up: &str) -> Result<Step, FlowError> {
        bed().meet(NAME, &[("MFAS_CAN_SETUP", can_set_up)])
    }

    fn choose(choice: &str) -> Result<Step, AnswerError> {
        bed().answer(ask(meet(BOTH)), choice)
    }

    /// AssociateSoftwareToken's answer.
    fn secret_code(flow: Flow) -> Pending {
        let reply = Reply::SoftwareTokenSecret {
            secret_code: secret("JBSWY3DPEHPK3PXP"),
            session: Some(CognitoSession::new("two".to_owned())),
        };
        ask(flow.on_reply(reply, bed().context()))
    }

    #[track_caller]
    fn associates(step: (Call, Flow)) -> Flow {
        let (Call::AssociateSoftwareToken { session }, flow) = step else {
            panic!("{step:?}");
        };
        assert_eq!(session.as_ref().map(CognitoSession::expose), Some(SESSION));
        flow
    }

    #[test]
    fn two_ways_are_a_choice_without_a_call() {
        let pending = ask(meet(BOTH));
        let next_step = pending.challenge().next_step();
        assert_eq!(next_step.sign_in_step, "CONTINUE_SIGN_IN_WITH_MFA_SETUP_SELECTION");
        let details = json!({"allowedMFATypes": ["TOTP", "EMAIL"]});
        assert_eq!(Value::Object(next_step.details), details);
        associates(call(choose("TOTP")));
        let step = ask(choose("EMAIL")).challenge().next_step();
        assert_eq!(step.sign_in_step, "CONTINUE_SIGN_IN_WITH_EMAIL_SETUP");
    }

    #[test]
    fn one_way_begins_at_once() {
        associates(call(meet(r#"["SOFTWARE_TOKEN_MFA"]"#)));
        let step = ask(meet(r#"["EMAIL_OTP","SMS_MFA"]"#)).challenge().next_step();
        assert_eq!(step.sign_in_step, "CONTINUE_SIGN_IN_WITH_EMAIL_SETUP");
    }

    #[test]
    fn a_telephone_cannot_be_set_up_in_a_sign_in() {
        let challenge = NAME;
        for can_set_up in [r#"["SMS_MFA"]"#, "[]"] {
            let error = meet(can_set_up).unwrap_err();
            assert_eq!(error, FlowError::NothingToChoose { challenge });
        }
        let error = choose("SMS").unwrap_err();
        assert_eq!(error, AnswerError::NotAChoice { field: "choice" });
    }

    #[test]
    fn an_authenticator_is_set_up_in_three_calls_each_with_the_newest_session() {
        let bed = bed();
        let pending = secret_code(associates(call(choose("TOTP"))));
        let next_step = pending.challenge().next_step();
        assert_eq!(next_step.sign_in_step, "CONTINUE_SIGN_IN_WITH_TOTP_SETUP");
        let details = json!({"totpSetupDetails": {"sharedSecret": "JBSWY3DPEHPK3PXP"}});
        assert_eq!(Value::Object(next_step.details), details);

        let answer = Answer {
            device_name: Some("Phone".to_owned()),
            ..Answer::new(secret("123 456"))
        };
        let (verify, flow) = call(pending.answer(answer, bed.context()));
        let Call::VerifySoftwareToken {
            session,
            user_code,
            device_name,
        } = verify
        else {
            panic!("{verify:?}");
        };
        assert_eq!(session.as_ref().map(CognitoSession::expose), Some("two"));
        assert_eq!((user_code.expose().as_str(), device_name.as_deref()), ("123456", Some("Phone")));

        let session = Some(CognitoSession::new("three".to_owned()));
        let verified = Reply::SoftwareTokenVerified { session };
        let (respond, flow) = call(flow.on_reply(verified, bed.context()));
        assert_eq!(
            sent_besides_the_name(&respond),
            ("RespondToAuthChallenge", NAME, vec![], Some("three"))
        );
        assert!(matches!(flow.on_reply(tokens(), bed.context()), Ok(Step::Done(_))));
    }

    #[test]
    fn a_set_up_is_not_over_before_the_code_was_taken() {
        let bed = bed();
        let flow = associates(call(choose("TOTP")));
        let error = flow.on_reply(tokens(), bed.context()).unwrap_err();
        assert!(matches!(error, FlowError::OutOfTurn { want: "SecretCode", .. }), "{error}");
        let pending = secret_code(associates(call(choose("TOTP"))));
        let (_, flow) = call(bed.answer(pending, "123456"));
        let error = flow.on_reply(tokens(), bed.context()).unwrap_err();
        assert!(matches!(error, FlowError::OutOfTurn { want: "SUCCESS", .. }), "{error}");
    }

    #[test]
    fn an_address_answers_the_set_up_by_e_mail() {
        let bed = bed();
        let pending = ask(choose("EMAIL"));
        let (respond, _) = call(bed.answer(pending, " jane@example.com "));
        let expected = vec![("EMAIL", "jane@example.com")];
        assert_eq!(
            sent_besides_the_name(&respond),
            ("RespondToAuthChallenge", NAME, expected, Some(SESSION))
        );
        let error = bed.answer(ask(choose("EMAIL")), "  ").unwrap_err();
        assert_eq!(error, AnswerError::Empty { field: "email" });
    }
}
