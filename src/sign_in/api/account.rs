//! Accounts by the API: `resetPassword`, `signUp` and `confirmUserAttribute` of AWS Amplify, and their further steps.
//!
//! A stranger's answers say nothing of the account: `codeDeliveryDetails` is empty wherever the pool's would show
//! a part of somebody's address to whoever types their name.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::rand;
use http::Response;
use http::header::SET_COOKIE;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::Body;
use crate::cognito::{Delivery, Medium, NewAccount};
use crate::refusal::Refusal;
use crate::session::NoAccessToken;
use crate::sign_in::SignIn;
use crate::sign_in::account::steps::{Action, Settled};
use crate::sign_in::account::{contact, plain_code};
use crate::sign_in::attempt::Restart;
use crate::sign_in::error::{Fault, TurnedAway};
use crate::sign_in::form::{FormError, bounded};
use crate::sign_in::return_to::ReturnTo;
use crate::sign_in::visit::Visit;

use super::object::object;
use super::{ApiError, SecretText, answer};

/// POST api/reset-password and api/resend-sign-up-code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    username: String,
}

/// POST api/confirm-reset-password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmReset {
    username: String,
    #[serde(rename = "confirmationCode")]
    code: SecretText,
    #[serde(rename = "newPassword")]
    password: SecretText,
}

/// POST api/sign-up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUpRequest {
    username: String,
    password: SecretText,
    #[serde(default, deserialize_with = "object")]
    options: SignUpOptions,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUpOptions {
    #[serde(default, rename = "userAttributes")]
    user_attributes: BTreeMap<String, String>,
}

/// POST api/confirm-sign-up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmSignUp {
    username: String,
    #[serde(rename = "confirmationCode")]
    code: SecretText,
    /// As api/sign-up gave it; without it, no sign-in follows of itself.
    attempt: Option<String>,
}

/// POST api/auto-sign-in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AutoSignIn {
    attempt: String,
}

/// POST api/send-user-attribute-verification-code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    #[serde(rename = "userAttributeKey")]
    key: String,
}

/// POST api/confirm-user-attribute.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmAttribute {
    #[serde(rename = "userAttributeKey")]
    key: String,
    #[serde(rename = "confirmationCode")]
    code: SecretText,
}

impl SignIn {
    /// POST api/reset-password.
    pub(in crate::sign_in) async fn api_reset_password(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let sent = async {
            let Named { username } = self.read_json(visit, body).await?;
            let username = text("username", &username)?;
            self.api_step(Action::SendResetCode { username }).await?;
            Ok(json!({
                "isPasswordReset": false,
                "nextStep": {
                    "resetPasswordStep": "CONFIRM_RESET_PASSWORD_WITH_CODE",
                    "codeDeliveryDetails": {},
                },
            }))
        };
        self.api_answer(visit, sent.await)
    }

    /// POST api/confirm-reset-password.
    pub(in crate::sign_in) async fn api_confirm_reset_password(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let reset = async {
            let request: ConfirmReset = self.read_json(visit, body).await?;
            text("newPassword", request.password.0.expose())?;
            let action = Action::ResetPassword {
                username: text("username", &request.username)?,
                code: plain_code(&text("confirmationCode", request.code.0.expose())?),
                password: request.password.0,
            };
            self.api_step(action).await?;
            Ok(json!({
                "isPasswordReset": true,
                "nextStep": { "resetPasswordStep": "DONE" },
            }))
        };
        self.api_answer(visit, reset.await)
    }

    /// POST api/sign-up.
    pub(in crate::sign_in) async fn api_sign_up(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let signed_up = self.api_new_account(visit, body).await;
        signed_up.unwrap_or_else(|error| self.problem(visit, &error))
    }

    /// POST api/confirm-sign-up.
    pub(in crate::sign_in) async fn api_confirm_sign_up(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let confirmed = async {
            let request: ConfirmSignUp = self.read_json(visit, body).await?;
            let username = text("username", &request.username)?;
            let attempt = match &request.attempt {
                Some(sealed) => Some(self.open(visit, sealed)?),
                None => None,
            };
            let browser = attempt.as_ref().map(|attempt| attempt.browser);
            let action = Action::ConfirmSignUp {
                code: plain_code(&text("confirmationCode", request.code.0.expose())?),
                session: attempt.and_then(|attempt| attempt.sign_up),
                username: username.clone(),
            };
            let settled = self.api_step(action).await?;
            let mut document = json!({
                "isSignUpComplete": true,
                "nextStep": { "signUpStep": "DONE" },
            });
            if let (Settled::Confirmed(Some(session)), Some(browser)) = (&*settled, browser)
                && self.signs_in_by_session()
            {
                let restart = Restart {
                    username,
                    ..Restart::at(ReturnTo::root())
                };
                let attempt = self.seal_sign_up(browser, &restart, Some(session))?;
                document = json!({
                    "isSignUpComplete": true,
                    "nextStep": { "signUpStep": "COMPLETE_AUTO_SIGN_IN" },
                    "attempt": attempt,
                });
            }
            Ok(document)
        };
        self.api_answer(visit, confirmed.await)
    }

    /// POST api/auto-sign-in.
    pub(in crate::sign_in) async fn api_auto_sign_in(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let signed_in = async {
            let AutoSignIn { attempt: sealed } = self.read_json(visit, body).await?;
            let attempt = self.open(visit, &sealed)?;
            let restart = attempt.restart();
            let Some(session) = attempt.sign_up else {
                return Err(TurnedAway::NotYours(restart).into());
            };
            let outcome = self
                .auto_sign_in(visit, sealed.as_bytes(), &restart, &session)
                .await?;
            self.api_outcome(visit, &outcome, attempt.browser, &restart)
        };
        let signed_in: Result<_, ApiError> = signed_in.await;
        signed_in.unwrap_or_else(|error| self.problem(visit, &error))
    }

    /// POST api/resend-sign-up-code.
    pub(in crate::sign_in) async fn api_resend_sign_up_code(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let sent = async {
            let Named { username } = self.read_json(visit, body).await?;
            let username = text("username", &username)?;
            self.api_step(Action::ResendCode { username }).await?;
            Ok(json!({ "codeDeliveryDetails": {} }))
        };
        self.api_answer(visit, sent.await)
    }

    /// POST api/send-user-attribute-verification-code.
    pub(in crate::sign_in) async fn api_send_attribute_code(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let sent = async {
            let Attribute { key } = self.read_json(visit, body).await?;
            let attribute = contact(&key).ok_or(FormError::Malformed)?;
            let access_token = self.sessions.access_token(visit.headers()).await?;
            let action = Action::SendAttributeCode {
                access_token,
                attribute,
            };
            let settled = self.api_step(action).await?;
            let delivery = match &*settled {
                Settled::Sent(delivery) => delivery.as_ref(),
                _ => None,
            };
            Ok(json!({ "codeDeliveryDetails": details(delivery, Some(attribute)) }))
        };
        self.api_answer(visit, sent.await)
    }

    /// POST api/confirm-user-attribute.
    pub(in crate::sign_in) async fn api_confirm_attribute(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let confirmed = async {
            let request: ConfirmAttribute = self.read_json(visit, body).await?;
            let attribute = contact(&request.key).ok_or(FormError::Malformed)?;
            let code = plain_code(&text("confirmationCode", request.code.0.expose())?);
            let access_token = self.sessions.access_token(visit.headers()).await?;
            let action = Action::VerifyAttribute {
                access_token,
                attribute,
                code,
            };
            self.api_step(action).await?;
            Ok(json!({ "isConfirmed": true }))
        };
        self.api_answer(visit, confirmed.await)
    }

    async fn api_new_account(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Result<Response<Body>, ApiError> {
        let request: SignUpRequest = self.read_json(visit, body).await?;
        let username = text("username", &request.username)?;
        text("password", request.password.0.expose())?;
        for (name, value) in &request.options.user_attributes {
            // What people are not asked for they do not set: an attribute may be what an application trusts.
            if !self.account.sign_up_attributes.contains(name) {
                return Err(TurnedAway::from(FormError::Malformed).into());
            }
            text("userAttributes", value)?;
        }
        let account = NewAccount {
            username: username.clone(),
            password: Some(request.password.0),
            attributes: request.options.user_attributes,
        };
        let settled = self.api_step(Action::SignUp(account)).await?;
        let Settled::SignedUp {
            confirmed: false,
            delivery,
            session,
        } = &*settled
        else {
            let document = json!({
                "isSignUpComplete": true,
                "nextStep": { "signUpStep": "DONE" },
            });
            return Ok(answer(&document, []));
        };
        let restart = Restart {
            username,
            ..Restart::at(ReturnTo::root())
        };
        let (browser, cookie) = self.browser_of(visit)?;
        let document = json!({
            "isSignUpComplete": false,
            "nextStep": {
                "signUpStep": "CONFIRM_SIGN_UP",
                "codeDeliveryDetails": details(delivery.as_ref(), None),
            },
            "attempt": self.seal_sign_up(browser, &restart, session.as_ref())?,
        });
        let mut response = answer(&document, []);
        if let Some(cookie) = cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// A step of its own for each request: a program that asks twice means it.
    pub(super) async fn api_step(&self, action: Action) -> Result<Arc<Settled>, ApiError> {
        let mut nonce = [0; 16];
        rand::fill(&mut nonce).map_err(|_| Fault::Random)?;
        Ok(self.account_steps.take(&nonce, action).await?)
    }

    pub(super) fn api_answer(
        &self,
        visit: &Visit<'_>,
        document: Result<Value, ApiError>,
    ) -> Response<Body> {
        match document {
            Ok(document) => answer(&document, []),
            Err(error) => self.problem(visit, &error),
        }
    }

    /// Nobody is signed in, or it cannot be told.
    pub(super) fn api_not_signed_in(
        &self,
        visit: &Visit<'_>,
        why: NoAccessToken,
    ) -> Response<Body> {
        self.refuse_program(
            visit,
            match why {
                NoAccessToken::NoSession => Refusal::SignInNeeded,
                NoAccessToken::Unavailable => Refusal::PoolUnavailable,
            },
        )
    }
}

/// A member that must not be empty, and not too long.
pub(super) fn text(member: &str, value: &str) -> Result<String, ApiError> {
    let value = bounded(member, value)?;
    if value.is_empty() {
        return Err(TurnedAway::from(FormError::Malformed).into());
    }
    Ok(value.to_owned())
}

/// In Amplify's words.
fn details(delivery: Option<&Delivery>, attribute: Option<&str>) -> Value {
    let Some(delivery) = delivery else {
        return json!({});
    };
    let medium = match delivery.medium {
        Medium::Sms => "SMS",
        Medium::Email => "EMAIL",
    };
    let mut details = json!({
        "deliveryMedium": medium,
        "destination": delivery.destination,
    });
    if let (Some(attribute), Some(members)) = (attribute, details.as_object_mut()) {
        members.insert("attributeName".to_owned(), attribute.into());
    }
    details
}
