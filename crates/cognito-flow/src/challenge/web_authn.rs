//! WEB_AUTHN: a passkey. The browser's authenticator signs the pool's challenge; nothing of it is judged here.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Answering, Asked, MAX_KEPT, Met, NextStep, Question, Reaction, json_length,
};
use crate::{Answer, AnswerError, FlowError};

const NAME: &str = "WEB_AUTHN";

/// A passkey is asked for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebAuthn {
    /// `CREDENTIAL_REQUEST_OPTIONS`: PublicKeyCredentialRequestOptionsJSON (Web Authentication level 3 §5.5.2).
    pub options: Map<String, Value>,
}

impl Question for WebAuthn {
    fn names() -> &'static [&'static str] {
        &[NAME]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        const PARAMETER: &str = "CREDENTIAL_REQUEST_OPTIONS";
        asked.required(NAME, PARAMETER)?;
        let mut options: Map<String, Value> = asked.json(PARAMETER)?;
        if !shorten(&mut options) {
            return Err(FlowError::BadServerValue { what: PARAMETER });
        }
        Ok(Self { options }.into())
    }

    fn samples() -> Vec<Self> {
        let mut options = Map::new();
        options.insert("challenge".to_owned(), "c2FtcGxl".into());
        vec![Self { options }]
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn page(&self) -> &'static str {
        "passkey"
    }

    fn field(&self) -> &'static str {
        "credential"
    }

    /// Amplify has no step for it: it runs the ceremony at once. The name is ours, in its manner.
    fn next_step(&self) -> NextStep {
        NextStep::new(
            "CONFIRM_SIGN_IN_WITH_WEB_AUTHN",
            json!({ "credentialRequestOptions": self.options }),
        )
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        if serde_json::from_str::<Map<String, Value>>(answer.response.expose()).is_err() {
            let field = self.field();
            return Err(AnswerError::NotACredential { field });
        }
        answering.responses.insert("CREDENTIAL", answer.response);
        Ok(answering.respond_to(NAME))
    }
}

/// Takes the first passkeys off the list, which are the oldest, until the options can be kept; whether they can.
fn shorten(options: &mut Map<String, Value>) -> bool {
    while json_length(options) > MAX_KEPT {
        match options.get_mut("allowCredentials") {
            Some(Value::Array(passkeys)) if !passkeys.is_empty() => drop(passkeys.remove(0)),
            _ => return false,
        }
    }
    true
}

impl fmt::Debug for WebAuthn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebAuthn").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::{FlowKind, Pending};

    const OPTIONS: &str = r#"{"allowCredentials":[{"id":"AQ","type":"public-key"}],"challenge":"Yw","rpId":"example.com","timeout":180000}"#;

    fn bed() -> Bed {
        Bed::of(FlowKind::UserAuth)
    }

    fn asked(options: &str) -> Result<Pending, FlowError> {
        let step = bed().meet(NAME, &[("CREDENTIAL_REQUEST_OPTIONS", options)])?;
        Ok(ask::<FlowError>(Ok(step)))
    }

    fn options(pending: &Pending) -> Value {
        pending.challenge().next_step().details["credentialRequestOptions"].clone()
    }

    #[test]
    fn the_pools_options_go_to_the_browser_and_its_credential_to_the_pool() {
        let pending = asked(OPTIONS).unwrap();
        let next_step = pending.challenge().next_step();
        assert_eq!(next_step.sign_in_step, "CONFIRM_SIGN_IN_WITH_WEB_AUTHN");
        assert_eq!(options(&pending).to_string(), OPTIONS);
        let credential = r#"{"id":"AQ","response":{"signature":"cw"}}"#;
        let (call, _) = call(bed().answer(pending, credential));
        let expected = vec![("CREDENTIAL", credential)];
        assert_eq!(
            sent_besides_the_name(&call),
            ("RespondToAuthChallenge", NAME, expected, Some(SESSION))
        );
    }

    #[test]
    fn an_answer_that_is_no_object_is_not_sent() {
        let field = "credential";
        for text in ["AQ", "[]", "{", "null"] {
            let error = bed().answer(asked(OPTIONS).unwrap(), text).unwrap_err();
            assert_eq!(error, AnswerError::NotACredential { field }, "{text}");
        }
    }

    #[test]
    fn options_that_are_missing_or_no_object_are_errors() {
        let parameter = "CREDENTIAL_REQUEST_OPTIONS";
        for text in ["[]", "{", "null"] {
            let error = asked(text).unwrap_err();
            assert_eq!(error, FlowError::BadServerValue { what: parameter }, "{text}");
        }
        let challenge = NAME;
        let missing = FlowError::MissingParameter {
            challenge,
            parameter,
        };
        assert_eq!(asked("").unwrap_err(), missing);
    }

    #[test]
    fn of_too_many_passkeys_the_newest_are_kept_and_the_challenge_always() {
        let passkeys: Vec<_> = (0..100)
            .map(|n| json!({"type": "public-key", "id": format!("{n:0>86}")}))
            .collect();
        let all = json!({"challenge": "Yw", "allowCredentials": passkeys, "rpId": "example.com"});
        let kept = options(&asked(&all.to_string()).unwrap());
        assert!(json_length(&kept) <= MAX_KEPT);
        assert_eq!((&kept["challenge"], &kept["rpId"]), (&all["challenge"], &all["rpId"]));
        let kept = kept["allowCredentials"].as_array().unwrap();
        assert!(kept.len() > 15, "{} of 100", kept.len());
        assert_eq!(kept.as_slice(), &passkeys[passkeys.len() - kept.len()..]);
    }

    #[test]
    fn options_that_are_too_long_without_any_passkey_are_refused() {
        let long = json!({"challenge": "c".repeat(MAX_KEPT)}).to_string();
        let what = "CREDENTIAL_REQUEST_OPTIONS";
        assert_eq!(asked(&long).unwrap_err(), FlowError::BadServerValue { what });
    }
}
