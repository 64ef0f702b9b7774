//! Accounts at the pool: signing up, codes, passwords and attributes.
//!
//! The open calls tell nobody whether a user exists: asking for a code for somebody who cannot have one is no
//! error, and a code that does not fit is refused in one and the same way.

use std::collections::BTreeMap;

use cognito_flow::{CognitoSession, Secret};

use super::{CognitoError, Fault, UserPool, report};

/// What SignUp takes.
pub struct NewAccount {
    /// As typed.
    pub username: String,
    /// `None` where the pool lets people sign in without one.
    pub password: Option<Secret<String>>,
    /// By Cognito's names (`email`, `custom:team`).
    pub attributes: BTreeMap<String, String>,
}

/// A user name may be an e-mail address: none is shown.
impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount")
            .field("attributes", &self.attributes.keys())
            .finish_non_exhaustive()
    }
}

/// What SignUp gives.
#[derive(Debug)]
pub struct SignedUp {
    /// `UserConfirmed`: no code is needed.
    pub confirmed: bool,
    /// Where the code went.
    pub delivery: Option<Delivery>,
    /// To be handed to [`UserPool::confirm_sign_up`].
    pub session: Option<CognitoSession>,
}

/// Where a code went (`CodeDeliveryDetails`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How.
    pub medium: Medium,
    /// Masked by Cognito, for example `j***@e***`.
    pub destination: String,
}

/// How a code is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// By text message.
    Sms,
    /// By e-mail.
    Email,
}

impl UserPool {
    /// SignUp.
    ///
    /// # Errors
    /// [`CognitoError::NameTaken`], [`CognitoError::InvalidPassword`], [`CognitoError::InvalidAttribute`] and outages.
    pub async fn sign_up(&self, account: NewAccount) -> Result<SignedUp, CognitoError> {
        Box::pin(self.api.sign_up(account))
            .await
            .inspect_err(report)
    }

    /// ConfirmSignUp. The session signs the person in at once under USER_AUTH.
    ///
    /// # Errors
    /// [`CognitoError::CodeMismatch`] for any code that does not fit, also of nobody.
    pub async fn confirm_sign_up(
        &self,
        username: &str,
        code: &Secret<String>,
        session: Option<CognitoSession>,
    ) -> Result<Option<CognitoSession>, CognitoError> {
        let confirmed = Box::pin(self.api.confirm_sign_up(username, code, session)).await;
        confirmed.inspect_err(report)
    }

    /// ResendConfirmationCode. `None` also where there is nobody to send one to.
    ///
    /// # Errors
    /// [`CognitoError::TooManyAttempts`] and outages.
    pub async fn resend_code(&self, username: &str) -> Result<Option<Delivery>, CognitoError> {
        hidden(Box::pin(self.api.resend_code(username)).await)
    }

    /// ForgotPassword. `None` also where there is nobody to send a code to.
    ///
    /// # Errors
    /// [`CognitoError::TooManyAttempts`] and outages.
    pub async fn forgot_password(&self, username: &str) -> Result<Option<Delivery>, CognitoError> {
        hidden(Box::pin(self.api.forgot_password(username)).await)
    }

    /// ConfirmForgotPassword.
    ///
    /// # Errors
    /// [`CognitoError::CodeMismatch`] for any code that does not fit, also of nobody; [`CognitoError::InvalidPassword`].
    pub async fn reset_password(
        &self,
        username: &str,
        code: &Secret<String>,
        password: &Secret<String>,
    ) -> Result<(), CognitoError> {
        let reset = Box::pin(self.api.reset_password(username, code, password)).await;
        reset.inspect_err(report)
    }

    /// ChangePassword. `previous` may be left out by people without a password only.
    ///
    /// # Errors
    /// [`CognitoError::BadCredentials`] for a wrong previous one; [`CognitoError::InvalidPassword`].
    pub async fn change_password(
        &self,
        access_token: &Secret<String>,
        previous: Option<&Secret<String>>,
        proposed: &Secret<String>,
    ) -> Result<(), CognitoError> {
        let changed = Box::pin(self.api.change_password(access_token, previous, proposed));
        changed.await.inspect_err(report)
    }

    /// GetUserAttributeVerificationCode, for `email` or `phone_number`.
    ///
    /// # Errors
    /// [`CognitoError::TooManyAttempts`] and outages.
    pub async fn send_attribute_code(
        &self,
        access_token: &Secret<String>,
        attribute: &str,
    ) -> Result<Option<Delivery>, CognitoError> {
        let sent = Box::pin(self.api.send_attribute_code(access_token, attribute)).await;
        sent.inspect_err(report)
    }

    /// VerifyUserAttribute.
    ///
    /// # Errors
    /// [`CognitoError::CodeMismatch`], [`CognitoError::ExpiredCode`].
    pub async fn verify_attribute(
        &self,
        access_token: &Secret<String>,
        attribute: &str,
        code: &Secret<String>,
    ) -> Result<(), CognitoError> {
        let verified = Box::pin(self.api.verify_attribute(access_token, attribute, code));
        verified.await.inspect_err(report)
    }

    /// GetUser: the person's attributes by name, with `email_verified` and `phone_number_verified`.
    ///
    /// # Errors
    /// [`CognitoError::RefreshRefused`] when the access token is not valid any more.
    pub async fn user(
        &self,
        access_token: &Secret<String>,
    ) -> Result<BTreeMap<String, String>, CognitoError> {
        let attributes = Box::pin(self.api.user(access_token))
            .await
            .inspect_err(report)?;
        Ok(BTreeMap::from_iter(attributes))
    }
}

/// What only a real account can be refused for looks like a code that was sent. A message is made and sent for real
/// accounts only, so all that goes wrong on that way is told to the operator alone.
fn hidden(sent: Result<Option<Delivery>, CognitoError>) -> Result<Option<Delivery>, CognitoError> {
    sent.inspect_err(report).or_else(|error| match error {
        CognitoError::NotDelivered(_)
        | CognitoError::RefusedByTrigger { .. }
        | CognitoError::TriggerFailed(_)
        | CognitoError::Misconfigured {
            fault: Fault::Pool, ..
        } => Ok(None),
        error if error.tells_of_an_account() => Ok(None),
        error => Err(error),
    })
}
