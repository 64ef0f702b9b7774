//! What `sidegate check` asks the pool: are the keys there, does the app client exist, does it allow the flow?
//!
//! Found out as any visitor could, with a made-up user: no credentials of AWS are needed, and nobody's
//! failed attempts are counted. Under USER_PASSWORD_AUTH a user-migration trigger sees the made-up name.

use cognito_flow::{Credentials, Flow, Secret, Step};

use super::UserPool;
use super::error::CognitoError;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What: `keys`, `app client`.
    pub subject: &'static str,
    /// Whether it is as it must be.
    pub outcome: Outcome,
    /// What was found, in a line.
    pub detail: String,
    /// What to change, if it is not.
    pub hint: Option<String>,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it must be.
    Ok,
    /// Works, but should be changed.
    Warning,
    /// Sign-in cannot work.
    Failed,
}

impl UserPool {
    /// Asks the pool for its keys, and whether the app client allows the configured flow.
    pub async fn probe(&self) -> Vec<Finding> {
        vec![self.probe_keys().await, self.probe_client().await]
    }

    async fn probe_keys(&self) -> Finding {
        const SUBJECT: &str = "keys";
        match self.jwks.refresh().await {
            Ok(count) => Finding::ok(SUBJECT, format!("{count} keys to check tokens with")),
            Err(error) => Finding::failed(SUBJECT, &error.into()),
        }
    }

    async fn probe_client(&self) -> Finding {
        const SUBJECT: &str = "app client";
        let flow = self.flow.kind;
        let allowed = || {
            Finding::ok(
                SUBJECT,
                format!("{} allows {flow}", self.client.client_id()),
            )
        };
        let reply = match self.first_call().await {
            Ok(Step::Call(call, _)) => self.api.send(call).await.map(drop),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        match reply {
            Err(CognitoError::BadCredentials(refused))
                if refused.exception() == "UserNotFoundException" =>
            {
                Finding {
                    outcome: Outcome::Warning,
                    detail: format!(
                        "{} allows {flow}, and tells anybody whether a user exists",
                        self.client.client_id()
                    ),
                    hint: Some(
                        "set PreventUserExistenceErrors of the app client to ENABLED".to_owned(),
                    ),
                    ..allowed()
                }
            }
            Err(error) if error.is_outage() && !is_of_a_trigger(&error) => {
                Finding::failed(SUBJECT, &error)
            }
            // Whatever else is said of a made-up user is said by a client that runs the flow.
            Ok(()) | Err(_) => allowed(),
        }
    }

    /// A sign-in of nobody, as far as its first call.
    async fn first_call(&self) -> Result<Step, CognitoError> {
        let credentials = Credentials {
            username: format!("sidegate-check-{}", uuid::Uuid::new_v4()),
            password: Some(Secret::new(uuid::Uuid::new_v4().to_string())),
            preferred: self.flow.preferred_challenge,
        };
        self.compute(None, move |context| Ok(Flow::begin(credentials, context)?))
            .await
    }
}

impl Finding {
    fn ok(subject: &'static str, detail: String) -> Self {
        Self {
            subject,
            outcome: Outcome::Ok,
            detail,
            hint: None,
        }
    }

    fn failed(subject: &'static str, error: &CognitoError) -> Self {
        Self {
            subject,
            outcome: Outcome::Failed,
            detail: error.to_string(),
            hint: error.operator_hint(),
        }
    }
}

/// A trigger that does not like the made-up user runs only after the client and the flow were found good.
fn is_of_a_trigger(error: &CognitoError) -> bool {
    matches!(error, CognitoError::TriggerFailed(_))
}
