//! VerifyAuthChallengeResponse: no answer but the right one is right.

use serde_json::{Value, json};

use super::{Challenge, Replay};
use crate::cli::check::finding::Finding;
use crate::cli::check::function::{CallError, Function, Kind};

impl Replay<'_> {
    /// Shows it answers that nobody should get through with.
    pub(super) async fn verify(&self, verify: &Function, challenge: &Challenge) -> Vec<Finding> {
        const CHECK: &str = Kind::Verify.check();
        let made_up = json!({"answer": uuid::Uuid::new_v4().to_string()});
        let parameters = challenge.private_parameters.as_ref().unwrap_or(&made_up);
        let wrong = format!("sidegate-check-{}", uuid::Uuid::new_v4());
        let answers = [
            ("a missing", None),
            ("a null", Some(Value::Null)),
            ("an empty", Some("".into())),
            ("a wrong", Some(Value::from(wrong))),
        ];
        let mut taken = Vec::new();
        for (name, answer) in answers {
            match self.is_right(verify, parameters, answer).await {
                Ok(true) => taken.push(name),
                // An answer that cannot come from Cognito may well be thrown out.
                Ok(false) | Err(CallError::Thrown(_)) => {}
                Err(error) => {
                    return vec![Finding::error(CHECK, error.to_string())
                        .why("nobody can sign in by a custom challenge")
                        .remedy("let it return the whole event with response.answerCorrect true or false")];
                }
            }
        }
        if !taken.is_empty() {
            return vec![
                Finding::error(CHECK, format!("it takes {} answer as right", taken.join(", ")))
                    .why("whoever meets the challenge passes it without knowing the answer")
                    .remedy("set answerCorrect only after comparing a non-empty text with the one in privateChallengeParameters"),
            ];
        }
        // undefined === undefined: right as soon as CreateAuthChallenge forgets to keep the answer.
        match self.is_right(verify, &json!({}), None).await {
            Ok(true) => vec![
                Finding::warning(
                    CHECK,
                    "it takes a missing answer as right when privateChallengeParameters is empty",
                )
                .why("a fault in CreateAuthChallenge then lets everybody in")
                .remedy("refuse when either text is missing or empty, before comparing them"),
            ],
            _ => Vec::new(),
        }
    }

    async fn is_right(
        &self,
        verify: &Function,
        parameters: &Value,
        answer: Option<Value>,
    ) -> Result<bool, CallError> {
        let parameters = ("privateChallengeParameters", parameters.clone());
        let response = &["answerCorrect"];
        let event = match answer {
            Some(answer) => {
                let answer = ("challengeAnswer", answer);
                self.event(Kind::Verify, [parameters, answer], response)
            }
            None => self.event(Kind::Verify, [parameters], response),
        };
        match verify.call(&event).await?.get("answerCorrect") {
            Some(Value::Bool(is_right)) => Ok(*is_right),
            None | Some(Value::Null) => Ok(false),
            Some(_) => Err(CallError::NoResponse),
        }
    }
}
