//! MFA_SETUP with an authenticator app: the secret is shown, and the app's first code proves that it was taken over.
//!
//! VerifySoftwareToken takes the code; MFA_SETUP is then answered with the session it gives. A wrong code leaves the
//! session and the secret as they are.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::one_time_code::code;
use super::{Answering, Asked, Met, NextStep, Question, Reaction, mfa_setup};
use crate::course::Awaits;
use crate::{Answer, AnswerError, Call, FlowError};

/// An authenticator app is to be set up.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticatorSetup {
    /// `SecretCode`: Base32 without padding, for SHA-1, 6 digits and 30 s (RFC 6238).
    pub secret_code: String,
}

impl Question for AuthenticatorSetup {
    fn names() -> &'static [&'static str] {
        &[]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        Err(FlowError::UnsupportedChallenge {
            name: asked.name.to_owned(),
        })
    }

    fn samples() -> Vec<Self> {
        vec![Self {
            secret_code: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".to_owned(),
        }]
    }

    fn name(&self) -> &'static str {
        mfa_setup::NAME
    }

    fn page(&self) -> &'static str {
        "authenticator"
    }

    fn field(&self) -> &'static str {
        "code"
    }

    fn next_step(&self) -> NextStep {
        NextStep::new(
            "CONTINUE_SIGN_IN_WITH_TOTP_SETUP",
            json!({ "totpSetupDetails": { "sharedSecret": self.secret_code } }),
        )
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        let user_code = code(&answer.response).ok_or_else(|| AnswerError::Empty {
            field: self.field(),
        })?;
        let call = Call::VerifySoftwareToken {
            session: answering.session.take(),
            user_code,
            device_name: answer.device_name,
        };
        Ok(Reaction::Call(call, Awaits::SoftwareTokenVerified))
    }
}

impl fmt::Debug for AuthenticatorSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorSetup").finish_non_exhaustive()
    }
}
