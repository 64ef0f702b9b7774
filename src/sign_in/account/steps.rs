//! One step of a reset, a sign-up, a verification or a passkey: asked of the pool once, however often its form is sent.
//!
//! As `sign_in::steps` does for sign-ins: a step runs in a task of its own and is seen through when the browser hangs up.

use std::sync::Arc;

use aws_lc_rs::hmac;
use cognito_flow::{CognitoSession, Secret};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::cognito::{CognitoError, Delivery, NewAccount, UserPool};
use crate::keys::Keys;
use crate::sign_in::error::StepError;
use crate::sign_in::once::{Once, StepKey};

/// Most steps under way, for the reason that sign-ins have.
const MAX_STEPS: usize = 128;

/// What is asked of the pool.
pub(in crate::sign_in) enum Action {
    /// ForgotPassword.
    SendResetCode { username: String },
    /// ConfirmForgotPassword.
    ResetPassword {
        username: String,
        code: Secret<String>,
        password: Secret<String>,
    },
    /// SignUp.
    SignUp(NewAccount),
    /// ConfirmSignUp.
    ConfirmSignUp {
        username: String,
        code: Secret<String>,
        session: Option<CognitoSession>,
    },
    /// ResendConfirmationCode.
    ResendCode { username: String },
    /// GetUserAttributeVerificationCode.
    SendAttributeCode {
        access_token: Secret<String>,
        attribute: &'static str,
    },
    /// VerifyUserAttribute.
    VerifyAttribute {
        access_token: Secret<String>,
        attribute: &'static str,
        code: Secret<String>,
    },
    /// CompleteWebAuthnRegistration.
    SavePasskey {
        access_token: Secret<String>,
        credential: Map<String, Value>,
    },
    /// DeleteWebAuthnCredential.
    DeletePasskey {
        access_token: Secret<String>,
        id: String,
    },
}

/// What came of it.
#[derive(Debug)]
pub(in crate::sign_in) enum Settled {
    Done,
    /// A code is on its way, so far as a stranger may know; where to, when the pool says.
    Sent(Option<Delivery>),
    SignedUp {
        /// No code is needed.
        confirmed: bool,
        delivery: Option<Delivery>,
        /// Goes with ConfirmSignUp, so that signing in can follow of itself.
        session: Option<CognitoSession>,
    },
    /// With what signs the person in, under USER_AUTH.
    Confirmed(Option<CognitoSession>),
}

/// Takes these steps.
pub(in crate::sign_in) struct AccountSteps {
    pool: Arc<UserPool>,
    once: Once<Settled>,
    places: Arc<Semaphore>,
    key: hmac::Key,
}

impl AccountSteps {
    /// `tasks` owns the steps under way.
    pub(in crate::sign_in) fn new(keys: &Keys, pool: Arc<UserPool>, tasks: TaskTracker) -> Self {
        Self {
            pool,
            once: Once::new(tasks, weight),
            places: Arc::new(Semaphore::new(MAX_STEPS)),
            key: hmac::Key::new(hmac::HMAC_SHA256, keys.sealing("account-step").as_slice()),
        }
    }

    /// `nonce` is what makes this form another than the next one with the same content.
    pub(in crate::sign_in) async fn take(
        &self,
        nonce: &[u8],
        action: Action,
    ) -> Result<Arc<Settled>, Arc<StepError>> {
        let key = self.key_of(nonce, &action);
        let operation = action.operation();
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_full| Arc::new(StepError::Pool(CognitoError::Busy { operation })))?;
        let pool = Arc::clone(&self.pool);
        let step = async move {
            let _place = place;
            let settled = perform(&pool, action).await;
            let settled = settled.map_err(StepError::Pool);
            let outcome = settled.as_ref().map_or_else(StepError::code, |_| "done");
            tracing::info!(operation, outcome, "account step");
            settled
        };
        self.once.run(key, step).await
    }

    /// A MAC and not a hash, for the reason that `sign_in::steps` has. An access token is no part of what a person sends.
    fn key_of(&self, nonce: &[u8], action: &Action) -> StepKey {
        let credential;
        let parts: &[&[u8]] = match action {
            Action::SendResetCode { username } | Action::ResendCode { username } => {
                &[username.as_bytes()]
            }
            Action::ResetPassword {
                username,
                code,
                password,
            } => &[
                username.as_bytes(),
                code.expose().as_bytes(),
                password.expose().as_bytes(),
            ],
            Action::SignUp(account) => &[
                account.username.as_bytes(),
                account
                    .password
                    .as_ref()
                    .map_or(&[], |password| password.expose().as_bytes()),
            ],
            Action::ConfirmSignUp { username, code, .. } => {
                &[username.as_bytes(), code.expose().as_bytes()]
            }
            Action::SendAttributeCode { attribute, .. } => &[attribute.as_bytes()],
            Action::VerifyAttribute {
                attribute, code, ..
            } => &[attribute.as_bytes(), code.expose().as_bytes()],
            Action::SavePasskey {
                credential: object, ..
            } => {
                credential = Value::Object(object.clone()).to_string();
                &[credential.as_bytes()]
            }
            Action::DeletePasskey { id, .. } => &[id.as_bytes()],
        };
        let attributes = match action {
            Action::SignUp(account) => Some(&account.attributes),
            _ => None,
        };
        let attributes = attributes
            .into_iter()
            .flatten()
            .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let mut context = hmac::Context::with_key(&self.key);
        for part in [nonce, action.operation().as_bytes()]
            .into_iter()
            .chain(parts.iter().copied())
            .chain(attributes)
        {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut key = StepKey::default();
        key.iter_mut()
            .zip(context.sign().as_ref())
            .for_each(|(to, from)| *to = *from);
        key
    }
}

impl Action {
    /// Cognito's name of it.
    const fn operation(&self) -> &'static str {
        match self {
            Self::SendResetCode { .. } => "ForgotPassword",
            Self::ResetPassword { .. } => "ConfirmForgotPassword",
            Self::SignUp(_) => "SignUp",
            Self::ConfirmSignUp { .. } => "ConfirmSignUp",
            Self::ResendCode { .. } => "ResendConfirmationCode",
            Self::SendAttributeCode { .. } => "GetUserAttributeVerificationCode",
            Self::VerifyAttribute { .. } => "VerifyUserAttribute",
            Self::SavePasskey { .. } => "CompleteWebAuthnRegistration",
            Self::DeletePasskey { .. } => "DeleteWebAuthnCredential",
        }
    }
}

async fn perform(pool: &UserPool, action: Action) -> Result<Settled, CognitoError> {
    match action {
        Action::SendResetCode { username } => {
            pool.forgot_password(&username).await.map(Settled::Sent)
        }
        Action::ResetPassword {
            username,
            code,
            password,
        } => {
            let reset = pool.reset_password(&username, &code, &password).await;
            reset.map(|()| Settled::Done)
        }
        Action::SignUp(account) => {
            let signed_up = pool.sign_up(account).await;
            signed_up.map(|signed_up| Settled::SignedUp {
                confirmed: signed_up.confirmed,
                delivery: signed_up.delivery,
                session: signed_up.session,
            })
        }
        Action::ConfirmSignUp {
            username,
            code,
            session,
        } => {
            let confirmed = pool.confirm_sign_up(&username, &code, session).await;
            confirmed.map(Settled::Confirmed)
        }
        Action::ResendCode { username } => pool.resend_code(&username).await.map(Settled::Sent),
        Action::SendAttributeCode {
            access_token,
            attribute,
        } => {
            let sent = pool.send_attribute_code(&access_token, attribute).await;
            sent.map(Settled::Sent)
        }
        Action::VerifyAttribute {
            access_token,
            attribute,
            code,
        } => {
            let verified = pool.verify_attribute(&access_token, attribute, &code).await;
            verified.map(|()| Settled::Done)
        }
        Action::SavePasskey {
            access_token,
            credential,
        } => {
            let saved = pool.complete_passkey(&access_token, credential).await;
            saved.map(|()| Settled::Done)
        }
        Action::DeletePasskey { access_token, id } => {
            let deleted = pool.delete_passkey(&access_token, &id).await;
            deleted.map(|()| Settled::Done)
        }
    }
}

fn weight(settled: &Settled) -> u32 {
    let session = match settled {
        Settled::SignedUp { session, .. } | Settled::Confirmed(session) => session.as_ref(),
        Settled::Done | Settled::Sent(_) => None,
    };
    let bytes = session.map_or(0, |session| session.expose().len());
    // At least what an entry costs by itself.
    u32::try_from(bytes).unwrap_or(u32::MAX).max(512)
}
