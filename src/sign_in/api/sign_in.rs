//! Signing in by the API: `signIn` and `confirmSignIn` of AWS Amplify (`nextStep.signInStep`).

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use cognito_flow::{Answer, Credentials};
use http::Response;
use http::header::SET_COOKIE;
use serde::Deserialize;
use serde_json::json;

use crate::body::Body;
use crate::sign_in::SignIn;
use crate::sign_in::attempt::Restart;
use crate::sign_in::browser::Binding;
use crate::sign_in::error::{Fault, TurnedAway};
use crate::sign_in::form::{FormError, bounded};
use crate::sign_in::return_to::ReturnTo;
use crate::sign_in::steps::Outcome;
use crate::sign_in::visit::Visit;

use super::{ApiError, SecretText, answer};

/// POST api/sign-in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    username: String,
    password: SecretText,
}

/// POST api/confirm-sign-in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmRequest {
    attempt: String,
    #[serde(rename = "challengeResponse")]
    response: SecretText,
    #[serde(default)]
    options: ConfirmOptions,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmOptions {
    #[serde(default, rename = "userAttributes")]
    user_attributes: BTreeMap<String, String>,
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
        let username = bounded("username", &request.username)?;
        let password = bounded("password", request.password.0.expose())?;
        if username.is_empty() || password.is_empty() {
            return Err(TurnedAway::from(FormError::Malformed).into());
        }
        let restart = Restart {
            return_to: ReturnTo::root(),
            username: username.to_owned(),
        };
        let credentials = Credentials {
            username: request.username,
            password: Some(request.password.0),
            preferred: None,
        };
        // Of its own for each request: a program that asks twice means it.
        let mut nonce = [0; 16];
        rand::fill(&mut nonce).map_err(|_| Fault::Random)?;
        let begun = self.steps.begin(&nonce, credentials, None, visit.headers());
        let outcome = begun.await?;
        let (browser, cookie) = self.browser_of(visit)?;
        let mut response = self.api_outcome(&outcome, browser, &restart)?;
        if let Some(cookie) = cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn api_confirm(&self, visit: &Visit<'_>, body: Body) -> Result<Response<Body>, ApiError> {
        let request: ConfirmRequest = self.read_json(visit, body).await?;
        bounded("challengeResponse", request.response.0.expose())?;
        for value in request.options.user_attributes.values() {
            bounded("userAttributes", value)?;
        }
        let attempt = self.open(visit, &request.attempt)?;
        let restart = Restart {
            return_to: attempt.return_to,
            username: attempt.username,
        };
        let Some(pending) = attempt.pending else {
            // The attempt of an empty sign-in form asks nothing.
            return Err(TurnedAway::NotYours(restart).into());
        };
        let answer = Answer {
            response: request.response.0,
            attributes: request.options.user_attributes,
            device_name: None,
        };
        let answered = self
            .steps
            .answer(&request.attempt, pending, answer, None, visit.headers());
        let outcome = answered.await?;
        self.api_outcome(&outcome, attempt.browser, &restart)
    }

    fn api_outcome(
        &self,
        outcome: &Outcome,
        browser: Binding,
        restart: &Restart,
    ) -> Result<Response<Body>, ApiError> {
        match outcome {
            Outcome::SignedIn(cookies) => {
                let done = json!({ "isSignedIn": true, "nextStep": { "signInStep": "DONE" } });
                Ok(answer(&done, cookies))
            }
            Outcome::Ask(pending) => {
                let attempt = self.seal_attempt(browser, restart, Some(pending))?;
                let asked = json!({
                    "isSignedIn": false,
                    "nextStep": pending.challenge().next_step(),
                    "attempt": attempt,
                });
                Ok(answer(&asked, []))
            }
        }
    }
}
