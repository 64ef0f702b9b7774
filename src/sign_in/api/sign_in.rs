//! Signing in by the API: `signIn` and `confirmSignIn` of AWS Amplify (`nextStep.signInStep`).

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use cognito_flow::{Answer, Challenge, Credentials, FirstFactor, FlowKind};
use http::Response;
use http::header::SET_COOKIE;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::Body;
use crate::cognito::CognitoError;
use crate::sign_in::SignIn;
use crate::sign_in::attempt::Restart;
use crate::sign_in::browser::Binding;
use crate::sign_in::challenge::{bounded_answer, setup_uri};
use crate::sign_in::error::{Fault, StepError, TurnedAway};
use crate::sign_in::form::{FormError, bounded};
use crate::sign_in::return_to::ReturnTo;
use crate::sign_in::steps::{Next, Outcome};
use crate::sign_in::visit::Visit;

use super::object::object;
use super::{ApiError, SecretText, answer};

/// POST api/sign-in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    username: String,
    /// For the flows that begin with one.
    password: Option<SecretText>,
    #[serde(default, deserialize_with = "object")]
    options: SignInOptions,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SignInOptions {
    /// USER_AUTH: instead of the configured one.
    preferred_challenge: Option<String>,
    /// As the box on the page: only where it is asked.
    #[serde(default)]
    remember_device: bool,
}

/// POST api/confirm-sign-in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConfirmRequest {
    attempt: String,
    challenge_response: SecretText,
    #[serde(default, deserialize_with = "object")]
    options: ConfirmOptions,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConfirmOptions {
    #[serde(default)]
    user_attributes: BTreeMap<String, String>,
    /// Of an authenticator app.
    friendly_device_name: Option<String>,
}

impl SignIn {
    /// POST api/sign-in.
    pub(in crate::sign_in) async fn api_sign_in(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let begun = self.api_begin(visit, body).await;
        begun.unwrap_or_else(|error| self.problem(visit, &error))
    }

    /// POST api/confirm-sign-in.
    pub(in crate::sign_in) async fn api_confirm_sign_in(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let confirmed = self.api_confirm(visit, body).await;
        confirmed.unwrap_or_else(|error| self.problem(visit, &error))
    }

    async fn api_begin(&self, visit: &Visit<'_>, body: Body) -> Result<Response<Body>, ApiError> {
        let request: SignInRequest = self.read_json(visit, body).await?;
        let restart = Restart {
            return_to: ReturnTo::root(),
            username: bounded("username", &request.username)?.to_owned(),
            trusted: self.trusts(request.options.remember_device),
        };
        let credentials = self.api_credentials(request)?;
        // Of its own for each request: a program that asks twice means it.
        let mut nonce = [0; 16];
        rand::fill(&mut nonce).map_err(|_| Fault::Random)?;
        let visitor = self.visitor(visit, &restart);
        let outcome = match self.steps.begin(&nonce, credentials, visitor).await {
            Ok(outcome) => outcome,
            Err(error) => return next_step_of(&error).ok_or_else(|| error.into()),
        };
        let (browser, cookie) = self.browser_of(visit)?;
        let mut response = self.api_outcome(visit, &outcome, browser, &restart)?;
        if let Some(cookie) = cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// A password where the first step needs one. One that came too early is not kept.
    fn api_credentials(&self, request: SignInRequest) -> Result<Credentials, ApiError> {
        let malformed = || ApiError::from(TurnedAway::from(FormError::Malformed));
        let flow = self.pool.flow();
        let preferred = match request.options.preferred_challenge {
            None => flow.preferred_challenge,
            Some(name) if flow.kind == FlowKind::UserAuth => {
                Some(name.parse().map_err(|_| malformed())?)
            }
            Some(_) => return Err(malformed()),
        };
        let needs_password = match flow.kind {
            FlowKind::UserAuth => preferred.is_some_and(FirstFactor::is_password),
            _ => flow.asks_password(),
        };
        let password = request.password.map(|password| password.0);
        let password = password.filter(|password| !password.expose().is_empty());
        if let Some(password) = &password {
            bounded("password", password.expose())?;
        }
        if request.username.is_empty() {
            return Err(malformed());
        }
        if needs_password && password.is_none() {
            let id = "password".to_owned();
            let message = "Enter your password.";
            return Err(StepError::Field { id, message }.into());
        }
        Ok(Credentials {
            username: request.username,
            password: password.filter(|_| needs_password),
            preferred,
            session: None,
        })
    }

    async fn api_confirm(&self, visit: &Visit<'_>, body: Body) -> Result<Response<Body>, ApiError> {
        let request: ConfirmRequest = self.read_json(visit, body).await?;
        let ConfirmOptions {
            user_attributes,
            friendly_device_name,
        } = request.options;
        for value in user_attributes.values() {
            bounded("userAttributes", value)?;
        }
        if let Some(name) = &friendly_device_name {
            bounded("friendlyDeviceName", name)?;
        }
        let attempt = self.open(visit, &request.attempt)?;
        let restart = attempt.restart();
        let Some(pending) = attempt.pending else {
            // The attempt of an empty sign-in form asks nothing.
            return Err(TurnedAway::NotYours(restart).into());
        };
        bounded_answer(pending.challenge(), request.challenge_response.0.expose())?;
        let answer = Answer {
            response: request.challenge_response.0,
            attributes: user_attributes,
            device_name: friendly_device_name,
        };
        let visitor = self.visitor(visit, &restart);
        let answered = self
            .steps
            .answer(&request.attempt, pending, answer, visitor);
        let outcome = match answered.await {
            Ok(outcome) => outcome,
            Err(error) => {
                let is_stale = matches!(*error, StepError::Pool(CognitoError::DeviceUnknown(_)));
                let response = next_step_of(&error);
                let mut response = response.unwrap_or_else(|| self.problem(visit, &error.into()));
                if is_stale {
                    self.drop_device(visit, &restart, &mut response);
                }
                return Ok(response);
            }
        };
        self.api_outcome(visit, &outcome, attempt.browser, &restart)
    }

    pub(super) fn api_outcome(
        &self,
        visit: &Visit<'_>,
        outcome: &Outcome,
        browser: Binding,
        restart: &Restart,
    ) -> Result<Response<Body>, ApiError> {
        let mut response = match &outcome.next {
            Next::SignedIn(_) => {
                let done = json!({ "isSignedIn": true, "nextStep": { "signInStep": "DONE" } });
                answer(&done, [])
            }
            Next::Ask(pending) => {
                let attempt = self.seal_attempt(browser, restart, Some(pending))?;
                let asked = json!({
                    "isSignedIn": false,
                    "nextStep": self.next_step(pending.challenge(), &restart.username),
                    "attempt": attempt,
                });
                answer(&asked, [])
            }
        };
        self.keep(visit, restart, outcome, &mut response);
        Ok(response)
    }

    /// Amplify's `nextStep`; what it makes of `totpSetupDetails` by `getSetupUri` is there already.
    fn next_step(&self, challenge: &Challenge, username: &str) -> Value {
        let mut step = json!(challenge.next_step());
        if let Challenge::AuthenticatorSetup(setup) = challenge {
            let issuer = self.challenges().app_name();
            let uri = setup_uri(issuer, username, &setup.secret_code);
            if let Some(details) = step
                .get_mut("totpSetupDetails")
                .and_then(Value::as_object_mut)
            {
                details.insert("setupUri".to_owned(), uri.into());
            }
        }
        step
    }
}

/// Amplify's `signIn` resolves where the person has another step to take first. The pool's error has the last word on
/// whether they may learn it: only then does it give these names.
fn next_step_of(error: &StepError) -> Option<Response<Body>> {
    let StepError::Pool(error) = error else {
        return None;
    };
    let step = match error.exception_name()? {
        "UserNotConfirmedException" => "CONFIRM_SIGN_UP",
        "PasswordResetRequiredException" => "RESET_PASSWORD",
        _ => return None,
    };
    let document = json!({ "isSignedIn": false, "nextStep": { "signInStep": step } });
    Some(answer(&document, []))
}
