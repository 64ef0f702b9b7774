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
